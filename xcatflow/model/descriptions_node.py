"""One line about every attribute of nodes, in our own words: its name, a blank, what it means."""

NODE = """
groups the groups the node is in; values are inherited from the first that has one
status deployment or run state, set by the software
statustime when status was set
appstatus states of applications, as app=up or app=down
appstatustime when appstatus was set
primarysn the service node that answers for the node at present
hidden 1 keeps the node out of listings unless -S is given
updatestatus result of the last update: synced, out-of-sync, syncing, failed
updatestatustime when updatestatus was set
zonename the zone whose ssh keys the node uses
usercomment any text
nodetype what the node is: osi, vm, mn, switch, pdu and the like
postscripts scripts run on the node after its installation, with arguments
postbootscripts scripts run on the node after its first boot, with arguments
xcatmaster the management or service node, as the node knows it
servicenode service nodes that serve the node
tftpserver the TFTP server of the node, as the node knows it
tftpdir the directory of the TFTP server
nfsserver the server of installation files, as the node knows it
nimserver the NIM server of the node
nfsdir the directory mounted from the installation server
monserver the monitoring server of the node
supportproxydhcp whether the node's adapter takes answers from a proxy DHCP
syslog ignore leaves the node's syslog set-up alone
kernel the kernel the node boots
initrd the initial RAM disk the node boots
kcmdline the kernel's arguments, made by the software
addkcmdline further kernel arguments; R:: before one means the installed system
primarynic the adapter that counts as the node's first one: a name, a MAC, or mac
installnic the adapter the node is installed by: a name, a MAC, or mac
netboot how the node boots from the network: xnba, pxe, grub2, petitboot
nameservers the node's DNS servers
routenames the route objects that are set up on the node
setupnameserver whether this service node runs a DNS server
setupdhcp whether this service node runs a DHCP server
setuptftp whether this service node runs a TFTP server
setupnfs whether this service node exports files by NFS
setupconserver whether this service node runs a console server
setupipforward whether this service node forwards packets
setupproxydhcp whether this service node runs a proxy DHCP server
setupldap whether this service node runs an LDAP server
setupntp whether this service node runs a time server
setupftp whether this service node runs an FTP server
setupnim whether this service node is a NIM master
dhcpinterfaces the adapters on which this service node answers DHCP
arch the architecture: x86_64, aarch64, ppc64le
supportedarchs the architectures the node can run
os the operating system: debian12, ubuntu22.04, rocky9.4
profile the profile of the node's image, such as compute
provmethod the osimage the node is installed from; of a container image[!command]
iscsiserver the iSCSI server the node boots from
iscsitarget the iSCSI target the node boots from
iscsiuserid the user name for the iSCSI server
iscsipassword the password for the iSCSI server
mgt how the node is managed: docker, ipmi, openbmc, kvm
power how the node's power is controlled, where that is not mgt
cons how the node's console is reached, where that is not mgt
termserver the terminal server of the node's console
termport the port on the terminal server
conserver the machine that runs the node's console server
getmac how the node's MAC is found, where that is not mgt
cmdmapping the file that maps commands to those of the hardware
serialport the number of the serial port of the console
serialspeed the speed of the serial port, in baud
serialflow the flow control of the serial port: hard, soft, none
consoleondemand whether the console is connected only when it is opened
consoleenabled whether the console is kept by the console server
serial the machine's serial number
mtm the machine's type and model
side the side of the BPA the node belongs to
interface the adapter whose address and MAC count
mac the MAC of the adapter the node is installed by; mac1!name1|mac2!name2 for several
chain what is done one after the other when the node is discovered
ondiscover what is done when the node is discovered
currstate what the node does on its next boot
currchain what of the chain is left to do
username the user name for the device's own interface
password the password for the device's own interface
hcp the hardware control point of the node
id the number of the partition or blade
pprofile the profile of the partition
parent the frame or machine the node is in
hwtype the hardware's type
supernode the supernode of the node in its interconnect
sfp the service focal point of the node
passwd.HMC the password of the user HMC of the service processor
passwd.hscroot the password of the user hscroot of the service processor
passwd.admin the password of the user admin of the service processor
passwd.general the password of the user general of the service processor
passwd.celogin the password of the user celogin of the service processor
userid the z/VM user the node is
bmc the host name or address of the node's BMC
bmcport the adapter port that the BMC uses
bmcusername the user name for the BMC
bmcpassword the password for the BMC
bmcvlantag the VLAN of the BMC
mpa the management module of the node's chassis
slotid the slot of the node in its chassis
displayname the name shown for the management module
slots the slots of the management module
urlpath the path of the management module's web page
consport the port of the console on the BMC
rack the rack the node stands in
unit the height in the rack at which it stands
chassis the chassis the node is in
slot the slot in the chassis
room the room the node stands in
height the height of the machine, in rack units
nicips addresses of each adapter, several of one separated by |
nichostnamesuffixes what follows the node's name in the host name of each adapter
nichostnameprefixes what precedes the node's name in the host name of each adapter
nictypes the type of each adapter: ethernet, infiniband, vlan, bond, bridge, bridge_ovs
niccustomscripts the script that sets up each adapter
nicnetworks the network objects of each adapter, one for each address
nicaliases further host names of each adapter
nicextraparams further parameters of each adapter
nicdevices the lower devices of each adapter: br0!bond0, bond0!eth2|eth3
nicsadapter facts about each adapter that were found
productkey the product key of the operating system
ou the organisational unit of the node in its domain
domainadminuser the user that joins the domain
domainadminpassword the password of the user that joins the domain
authdomain the domain that users of the node are in
domaintype the type of that domain
osvolume the volume the operating system is on
storagcontroller the storage controller of the node
storagetype the type of that storage
vmmanager the manager of the virtual machine's host
vmhost the hypervisor of the virtual machine
migrationdest where the virtual machine may move to
vmstorage where the virtual machine's disks are
vmphyslots physical slots given to the virtual machine
vmothersetting further settings of the virtual machine
vmstoragemodel the model of the virtual machine's disks
vmstoragecache how the virtual machine's disks are cached
vmstorageformat the format of the virtual machine's disks
vmcfgstore where the virtual machine's configuration is
vmmemory the virtual machine's memory
vmcpus the virtual machine's CPUs
vmnics the bridges or networks of the virtual machine
vmnicnicmodel the model of the virtual machine's adapters
vmbootorder the order of the virtual machine's boot devices
vmvirtflags how the virtual machine is virtualised
vmmaster the master image of a cloned virtual machine
vmvncport the port of the virtual machine's screen
vmtextconsole whether the virtual machine's console is text
vmbeacon whether the virtual machine shows its identity light
vmcluster the cluster of the virtual machine
dockerhost the Docker daemon that owns the container: host[:port], tcp://, https://, unix://
dockercpus CPUs of the container: a number such as 1.5, or the CPUs themselves such as 0-3
dockermemory memory of the container: megabytes, or a size such as 512m
dockerflag a JSON object merged into the request that makes the container
dockernics the Docker networks of the container, the first one first; none, host, bridge
hosttype the type of the hypervisor
hostinterface the adapter that the hypervisor gives to its guests
hostmanager the manager of the hypervisor
hostcluster the cluster of the hypervisor
webport the port of the web server
pdu the outlets the node is plugged into: pdu:outlet
switch the switch the node is plugged into
switchport the port of that switch
switchvlan the VLAN of that port
switchinterface the node's adapter that is plugged in there
ip the address of the node
hostnames further names of the node in /etc/hosts
otherinterfaces further entries in /etc/hosts: -ext:ip or host:ip
prescripts-begin scripts run on the management node before the node's state changes
prescripts-end scripts run on the management node after the node's state changed
cfgmgr the configuration manager of the node
cfgserver the server of the configuration manager
cfgmgtroles the node's roles in the configuration manager
michost the host of the coprocessor card
micid the number of the coprocessor card
micbridge the bridge of the coprocessor card
miconboot whether the coprocessor card starts with its host
micvlog whether the coprocessor card logs
micpowermgt the power management of the coprocessor card
cputype the type of the CPUs
cpucount the number of CPUs
memory the amount of memory
disksize the sizes of the disks
pdutype the type of the power distribution unit
outlet the number of outlets
snmpversion the version of SNMP
community the SNMP community
snmpuser the SNMP user
authtype how SNMP requests are signed
authkey the key that SNMP requests are signed with
privtype how SNMP requests are encrypted
privkey the key that SNMP requests are encrypted with
seclevel the SNMP security level
snmpusername the SNMP user of the switch
snmppassword the SNMP password of the switch
snmpprivacy how SNMP requests to the switch are encrypted
snmpauth how SNMP requests to the switch are signed
linkports which ports lead to other switches
protocol the protocol the switch is managed by
switchtype the type of the switch
"""
