"""One line about every attribute, in our own words: for help and for shell completion."""

from collections.abc import Mapping
from types import MappingProxyType

from xcatflow.model.attributes import ATTRIBUTES
from xcatflow.model.descriptions_node import NODE

_GROUP = """
grouptype static or dynamic
members the nodes of the group; they name it in their own groups
membergroups groups whose nodes are meant
wherevals the conditions that make nodes members of a dynamic group, joined with ::
usercomment any text
"""

_OSIMAGE = """
groups the groups of the image
imagetype linux; other values are kept for old definitions
description any text about the image
provmethod how it is put on nodes: install, netboot, statelite
osdistroname the distribution the image is made from
osupdatename the updates that belong to the image
cfmdir the directory of files that are kept on nodes
rootfstype the type of the root file system: nfs, ramdisk
profile the profile of the image, such as compute
osname the operating system's family, Linux
osvers the distribution and its version: debian12
osarch the architecture: x86_64
synclists files that list what is copied to nodes
postscripts scripts run on nodes after their installation
postbootscripts scripts run on nodes after their first boot
serverrole the role of nodes with this image
isdeletable whether the image may be removed
kitcomponents the kit components of the image
template the file the installer is told by
boottarget the boot target with its kernel and initial RAM disk
addkcmdline further kernel arguments; R:: before one means the installed system
pkglist files that list packages of the distribution
pkgdir the directory of the distribution's packages, then further directories or mirrors
otherpkglist files that list further packages
otherpkgdir where those are: one directory at most, and URLs with suite and components
exlist files that list what is left out of a diskless image
postinstall the script run when a diskless image is made
rootimgdir the directory of the diskless image
kerneldir the directory of further kernels
nodebootif the adapter that a diskless image boots by
otherifce further adapters that a diskless image sets up
netdrivers the network drivers in the initial RAM disk
kernelver the version of the kernel
krpmver the version of the kernel's package
permission the mode of the image's files
dump where a crashed kernel leaves its memory
crashkernelsize the memory kept for the kernel that saves it, with its unit
partitionfile the file that says how disks are divided
driverupdatesrc the source of further drivers
usercomment any text
installto the disk and partition that Windows is installed to
winpepath the path of the Windows boot files
nimtype the type of the NIM image
nimmethod the method of the NIM installation
lpp_source the NIM resource of that name
spot the NIM resource of that name
root the NIM resource of that name
configdump the type of system dump of the NIM image
paging the NIM resource of that name
resolv_conf the NIM resource of that name
image_data the NIM resource of that name
tmp the NIM resource of that name
home the NIM resource of that name
shared_home the NIM resource of that name
shared_root the NIM resource of that name
script the NIM resource of that name
fb_script the NIM resource of that name
bosinst_data the NIM resource of that name
installp_bundle the NIM resource of that name
otherpkgs further packages of the NIM image
mksysb the NIM resource of that name
environvar variables for scripts: NAME=value
"""

_NETWORK = """
net the address of the network; IPv6 ones also with their length
mask the mask, as 255.255.0.0 or /16
mgtifname the management node's adapter in the network; !remote!NAME where it has none
gateway the gateway, or <xcatmaster> for the management node's own address
dhcpserver the DHCP server of the network
tftpserver the TFTP server of the network
nameservers the DNS servers of the network
ntpservers the time servers of the network
logservers the log servers of the network
dynamicrange the addresses given to nodes that nobody knows yet
nodehostname how host names follow from node names in the network
ddnsdomain the domain whose DNS is updated by DHCP
vlanid the VLAN of the network
domain the DNS domain of the network
staticrange the addresses given to nodes one after the other
staticrangeincrement the step from one such address to the next
mtu the largest packet, in bytes
usercomment any text
"""

_ROUTE = """
net the address of the network the route leads to
mask its mask
gateway the gateway the route goes by
ifname the adapter the route goes by
usercomment any text
"""

_OSDISTRO = """
basename the distribution: debian, ubuntu, rocky
majorversion the first part of its version
minorversion the second part of its version
arch the architecture of the media
type the type of the system, Linux
dirpaths the directories the media were copied to
usercomment any text
"""

_SITE = """
cleanupdiskfullxcatpost whether a node takes its copied scripts away after use
dhcpinterfaces the management node's adapters that answer DHCP
domain the DNS domain of the cluster
excludenodes a noderange that is taken out of every noderange
FQDNfirst 1 puts the full name first in /etc/hosts
forwarders the DNS servers that the management node asks
hierarchicalattrs attributes that are gathered from a node and all its groups, as attr or attr:delimiter
httpport the port of the installation web server (80)
installdir the directory of installation files (/install)
master the management node, as nodes know it
monitorapps applications that nodestat -m also looks for, as name=port: registry=5000
nameservers the DNS servers of the cluster
nmapoptions options for nmap
nodestatus n keeps the status of nodes from being written
nodesyncfiledir where a node keeps synchronised files
ntpservers the time servers of the cluster
precreatemypostscripts 1 makes the nodes' script environments beforehand
runbootscripts yes runs the boot scripts at every boot
sharedhostkey the file with the host key that all nodes share, for makeknownhosts
sshbetweennodes the groups whose nodes may reach each other by ssh (all)
tftpdir the directory of the TFTP server (/tftpboot)
timezone the time zone of the cluster
xcatdebugmode 1 or 2 traces scripts
"""

_POLICY = """
name the user the rule is about
host the machine the request comes from
commands the commands the rule is about
noderange the nodes the rule is about
parameters the parameters the rule is about
time when the rule holds
rule allow or deny
usercomment any text
"""


_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "node": NODE,
        "group": NODE + _GROUP,
        "osimage": _OSIMAGE,
        "network": _NETWORK,
        "route": _ROUTE,
        "osdistro": _OSDISTRO,
        "site": _SITE,
        "policy": _POLICY,
    }
)


def descriptions(objtype: str) -> Mapping[str, str]:
    """What each attribute of a type means, by name, in order; for types with free attributes those that are known."""
    found = dict(line.split(" ", 1) for line in _TEXTS.get(objtype, "").splitlines() if line)
    if objtype == "group":
        found = {name: text for name, text in found.items() if name in ATTRIBUTES["group"]}
    return MappingProxyType(dict(sorted(found.items())))
