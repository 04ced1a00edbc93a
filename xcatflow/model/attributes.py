"""The attributes that object definitions know, by object type, and the `table.column` names that old scripts use for them.

Source: the schema of xCAT 2, facts only. A line is `table condition: attribute attribute=column ...`; the column is named only where
it differs from the attribute, the condition (`mgt=docker`; several are alternatives) only where the attribute is for some objects.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

_NODELIST = """
nodelist: node groups status statustime appstatus appstatustime primarysn hidden updatestatus updatestatustime
  zonename usercomment=comments
"""

_SHARED = """
nodetype: nodetype arch supportedarchs os profile provmethod
pdu nodetype=pdu: nodetype username password pdutype outlet snmpversion community snmpuser authtype authkey privtype
  privkey seclevel
postscripts: postscripts postbootscripts
noderes: xcatmaster servicenode tftpserver tftpdir nfsserver nimserver nfsdir monserver supportproxydhcp=proxydhcp
  syslog primarynic installnic netboot nameservers routenames
bootparams: kernel initrd kcmdline addkcmdline
servicenode: setupnameserver=nameserver setupdhcp=dhcpserver setuptftp=tftpserver setupnfs=nfsserver
  setupconserver=conserver setupipforward=ipforward setupproxydhcp=proxydhcp setupldap=ldapserver setupntp=ntpserver
  setupftp=ftpserver setupnim=nimserver dhcpinterfaces
iscsi: iscsiserver=server iscsitarget=target iscsiuserid=userid iscsipassword=passwd
nodehm: mgt power cons termserver termport conserver getmac cmdmapping serialport serialspeed serialflow
  consoleondemand consoleenabled
vpd: serial mtm side
mac: interface mac
chain: chain ondiscover currstate currchain
ppchcp nodetype=ivm|nodetype=hmc|nodetype=ppc: username password
mpa nodetype=mm: username password displayname slots urlpath
websrv nodetype=websrv: username password webport=port
switches nodetype=switch: username=sshusername password=sshpassword snmpversion snmpusername=username
  snmppassword=password snmpprivacy=privacy snmpauth=auth linkports protocol switchtype
ppc: hcp id supernode sfp
zvm mgt=zvm: hcp hwtype=nodetype userid
mp mgt=blade: id hwtype=nodetype
ppc mgt=hmc|mgt=ivm|mgt=fsp: pprofile parent hwtype=nodetype
ppc mgt=bpa: parent hwtype=nodetype
mp mgt=ipmi: hwtype=nodetype slotid=id
mp mgt=openbmc: hwtype=nodetype
mic mgt=mic: hwtype=nodetype michost=host micid=id micbridge=bridge miconboot=onboot micvlog=vlog micpowermgt=powermgt
ppcdirect mgt=fsp|mgt=bpa: passwd.HMC=password passwd.hscroot=password passwd.admin=password passwd.general=password
  passwd.celogin=password
ipmi mgt=ipmi: bmc bmcport bmcusername=username bmcpassword=password bmcvlantag=taggedvlan
openbmc mgt=openbmc: bmc bmcusername=username bmcpassword=password bmcvlantag=taggedvlan consport
mp: mpa
mp mgt=fsp: slotid=id
nodepos: rack unit=u chassis slot room height
nics: nicips nichostnamesuffixes nichostnameprefixes nictypes niccustomscripts nicnetworks nicaliases nicextraparams
  nicdevices nicsadapter
prodkey: productkey=key
domain: ou domainadminuser=adminuser domainadminpassword=adminpassword authdomain domaintype=type
storage: osvolume storagcontroller=controller storagetype=type
vm: vmmanager=mgr vmhost=host migrationdest vmstorage=storage vmphyslots=physlots vmothersetting=othersettings
  vmstoragemodel=storagemodel vmstoragecache=storagecache vmstorageformat=storageformat vmcfgstore=cfgstore
  vmmemory=memory vmcpus=cpus vmnics=nics vmnicnicmodel=nicmodel vmbootorder=bootorder vmvirtflags=virtflags
  vmmaster=master vmvncport=vncport vmtextconsole=textconsole vmbeacon=beacon vmcluster=cluster
vm mgt=docker: dockerhost=host dockercpus=cpus dockermemory=memory dockerflag=othersettings dockernics=nics
hypervisor: hosttype=type hostinterface=interface hostmanager=mgr hostcluster=cluster
pduoutlet: pdu
switch: switch switchport=port switchvlan=vlan switchinterface=interface
hosts: ip hostnames otherinterfaces
prescripts: prescripts-begin=begin prescripts-end=end
cfgmgt: cfgmgr cfgserver cfgmgtroles=roles
hwinv: cputype cpucount memory disksize
"""

_NODEGROUP = """
nodegroup: groupname grouptype members membergroups wherevals usercomment=comments
"""

_OSIMAGE = """
osimage: imagename groups imagetype description provmethod osdistroname osupdatename cfmdir profile osname osvers
  osarch synclists postscripts postbootscripts serverrole isdeletable kitcomponents environvar
osimage imagetype=linux: rootfstype
linuximage imagetype=linux: template boottarget addkcmdline pkglist pkgdir otherpkglist otherpkgdir exlist postinstall
  rootimgdir kerneldir nodebootif otherifce netdrivers kernelver krpmver permission dump crashkernelsize partitionfile
  driverupdatesrc usercomment=comments
winimage imagetype=windows: template partitionfile installto winpepath
nimimage imagetype=NIM: dump usercomment=comments nimtype nimmethod lpp_source spot root configdump paging resolv_conf
  image_data tmp home shared_home shared_root script fb_script bosinst_data installp_bundle otherpkgs mksysb
"""

_NETWORK = """
networks: netname net mask mgtifname gateway dhcpserver tftpserver nameservers ntpservers logservers dynamicrange
  nodehostname ddnsdomain vlanid domain staticrange staticrangeincrement mtu usercomment=comments
"""

_ROUTE = """
routes: routename net mask gateway ifname usercomment=comments
"""

_LISTS = """
appstatus dhcpinterfaces dirpaths dockernics environvar exlist groups hostnames logservers membergroups members nameservers nodetype
ntpservers osdistroname otherinterfaces otherpkgdir otherpkglist pkgdir pkglist postbootscripts postscripts routenames servicenode
supportedarchs synclists
"""

_OSDISTRO = """
osdistro: osdistroname basename majorversion minorversion arch type dirpaths usercomment=comments
"""


@dataclass(frozen=True, slots=True)
class Column:
    """Where an attribute is stored in the tables of old, and for which objects: `conditions` are (attribute, value) pairs, any of
    which lets it apply; none: all objects."""

    table: str
    column: str
    conditions: tuple[tuple[str, str], ...] = ()


def _read(*texts: str) -> Mapping[str, tuple[Column, ...]]:
    found: dict[str, list[Column]] = {}
    for line in "".join(texts).replace("\n  ", " ").splitlines():
        head, _, words = line.partition(": ")
        table, _, given = head.partition(" ")
        conditions = tuple((key, value) for key, _, value in (part.partition("=") for part in given.split("|") if part))
        for word in words.split():
            attribute, _, column = word.partition("=")
            found.setdefault(attribute, []).append(Column(table, column or attribute, conditions))
    return MappingProxyType({attribute: tuple(columns) for attribute, columns in found.items()})


KEYS: Mapping[str, str] = MappingProxyType(
    {
        "node": "node",
        "group": "groupname",
        "osimage": "imagename",
        "network": "netname",
        "route": "routename",
        "osdistro": "osdistroname",
    }
)
"""The attribute that holds the object's name, by type: known in selections, never listed or set."""

ATTRIBUTES: Mapping[str, Mapping[str, tuple[Column, ...]]] = MappingProxyType(
    {
        "node": _read(_NODELIST, _SHARED),
        "group": _read(_NODEGROUP, _SHARED),
        "osimage": _read(_OSIMAGE),
        "network": _read(_NETWORK),
        "route": _read(_ROUTE),
        "osdistro": _read(_OSDISTRO),
    }
)
"""Known attributes by type. Types that are not here take any attribute."""

FREE_TYPES: tuple[str, ...] = ("site", "policy", "auditlog", "eventlog")
TYPES: tuple[str, ...] = (*ATTRIBUTES, *FREE_TYPES)

NICS: frozenset[str] = frozenset(
    column for column in ATTRIBUTES["node"] if ATTRIBUTES["node"][column][0].table == "nics"
)
"""Attributes with a value per network adapter, stored as `nic1!value1,nic2!value2`, written as `nicips.eth1`."""

OWN_ONLY: frozenset[str] = frozenset(_read(_NODELIST))
"""Attributes that a node has only by itself, never from a group."""

DOCKER_ONLY: frozenset[str] = frozenset(
    name
    for name, columns in ATTRIBUTES["node"].items()
    if columns[0].conditions == (("mgt", "docker"),) and name.startswith("docker")
)

LISTS: frozenset[str] = frozenset(_LISTS.split())
"""Attributes whose value is a comma separated list."""

SCRIPTS: tuple[str, ...] = ("postscripts", "postbootscripts")
"""The lists that begin with those of `xcatdefaults` wherever they are shown."""

_SHORT: Mapping[str, str] = MappingProxyType({"tags": "groups", "nodelist.tags": "groups"})


def _aliases(objtype: str) -> Mapping[str, tuple[tuple[str, Column], ...]]:
    found: dict[str, list[tuple[str, Column]]] = {}
    for attribute, columns in ATTRIBUTES[objtype].items():
        for column in columns:
            found.setdefault(f"{column.table}.{column.column}", []).append((attribute, column))
    return MappingProxyType({alias: tuple(meant) for alias, meant in found.items()})


ALIASES: Mapping[str, Mapping[str, tuple[tuple[str, Column], ...]]] = MappingProxyType(
    {objtype: _aliases(objtype) for objtype in ATTRIBUTES}
)
"""What a `table.column` name may mean, by type: attributes with the column that is meant."""


def chosen(alias: str, holds: Callable[[str, str], bool]) -> tuple[str, tuple[str, ...]]:
    """The node attribute that a `table.column` name means for a node, and the condition (attribute, value) that decided, empty where none
    did; `holds` tells whether a condition holds for the node."""
    meant = ALIASES["node"][alias]
    for attribute, column in meant:
        for condition in column.conditions:
            if holds(*condition):
                return attribute, condition
    return next((attribute for attribute, column in meant if not column.conditions), alias), ()


def canonical(objtype: str, name: str) -> str | None:
    """The attribute that `name` (an attribute, `nicips.eth1`, `table.column`, a short name) means for objects of a type.

    None where it means nothing. A name that stands for different attributes on different objects (`vm.host`) comes back unchanged.
    """
    known = ATTRIBUTES.get(objtype)
    if known is None or name in known:
        return name
    if objtype == "node" and name in _SHORT:
        return _SHORT[name]
    if meant := ALIASES[objtype].get(name):
        attributes = {attribute for attribute, _ in meant}
        return attributes.pop() if len(attributes) == 1 else name
    head, dot, nic = name.removeprefix("nics.").partition(".")
    return f"{head}.{nic}" if dot and nic and head in NICS and head in known else None
