"""Which kinds there are, and where each one's step lives. A step's module is imported when a workflow uses it.

Other packages add kinds by entry points of the group `xcatflow.steps`: the name is the kind, the value `package.module:Class`.
"""

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from xcatflow.contract import Composite, Kind, Step
from xcatflow.errors import InvalidInput, did_you_mean

GROUP = "xcatflow.steps"

BUILTINS: Mapping[str, str] = MappingProxyType(
    {
        "address.free": "xcatflow.steps.address_free:AddressFree",
        "authorized_key": "xcatflow.steps.authorized_key:AuthorizedKey",
        "container.address": "xcatflow.steps.container_address:ContainerAddress",
        "directory.present": "xcatflow.steps.directory_present:DirectoryPresent",
        "docker.container": "xcatflow.steps.docker_container:DockerContainer",
        "docker.containers": "xcatflow.steps.docker_containers:DockerContainers",
        "docker.create": "xcatflow.steps.docker_create:DockerCreate",
        "docker.daemon": "xcatflow.steps.docker_daemon:DockerDaemon",
        "docker.drained": "xcatflow.steps.docker_drained:DockerDrained",
        "docker.engine": "xcatflow.steps.docker_engine:DockerEngine",
        "docker.exec": "xcatflow.steps.docker_exec:DockerExec",
        "docker.image": "xcatflow.steps.docker_image:DockerImage",
        "docker.network": "xcatflow.steps.docker_network:DockerNetwork",
        "docker.tls": "xcatflow.steps.docker_tls:DockerTls",
        "docker.volume": "xcatflow.steps.docker_volume:DockerVolume",
        "docker.power": "xcatflow.steps.docker_power:DockerPower",
        "docker.pull": "xcatflow.steps.docker_pull:DockerPull",
        "docker.ready": "xcatflow.steps.docker_ready:DockerReady",
        "docker.running": "xcatflow.steps.docker_running:DockerRunning",
        "docker.undisturbed": "xcatflow.steps.docker_undisturbed:DockerUndisturbed",
        "docker.remove": "xcatflow.steps.docker_remove:DockerRemove",
        "docker.prune": "xcatflow.steps.docker_prune:DockerPrune",
        "docker.registry_login": "xcatflow.steps.docker_registry_login:DockerRegistryLogin",
        "file.present": "xcatflow.steps.file_present:FilePresent",
        "file.sync": "xcatflow.steps.file_sync:FileSync",
        "host.script": "xcatflow.steps.host_script:HostScript",
        "host.scripts": "xcatflow.steps.host_scripts:HostScripts",
        "host.facts": "xcatflow.steps.host_facts:HostFacts",
        "firewall": "xcatflow.steps.firewall:Firewall",
        "kernel.module": "xcatflow.steps.kernel_module:KernelModule",
        "mount": "xcatflow.steps.mount:Mount",
        "network.bridge": "xcatflow.steps.network_bridge:NetworkBridge",
        "network.interface": "xcatflow.steps.network_interface:NetworkInterface",
        "network.interfaces": "xcatflow.steps.network_interfaces:NetworkInterfaces",
        "ntp": "xcatflow.steps.ntp:Ntp",
        "package.directory": "xcatflow.steps.package_directory:PackageDirectory",
        "package.present": "xcatflow.steps.package_present:PackagePresent",
        "package.repository": "xcatflow.steps.package_repository:PackageRepository",
        "ping": "xcatflow.steps.ping:Ping",
        "reboot": "xcatflow.steps.reboot:Reboot",
        "service.state": "xcatflow.steps.service_state:ServiceState",
        "ssh.command": "xcatflow.steps.ssh_command:SshCommand",
        "sysctl": "xcatflow.steps.sysctl:Sysctl",
        "timezone": "xcatflow.steps.timezone:Timezone",
        "tls.host_certificate": "xcatflow.steps.tls_host_certificate:TlsHostCertificate",
        "user.present": "xcatflow.steps.user_present:UserPresent",
        "wait.port": "xcatflow.steps.wait_port:WaitPort",
    }
)


def kinds() -> tuple[str, ...]:
    """Every kind, sorted: the built-in ones and those of installed packages."""
    return tuple(sorted({*BUILTINS, *(point.name for point in entry_points(group=GROUP))}))


def find(kind: str) -> Kind:
    """The step of a kind. A built-in kind cannot be replaced by a package. Raises InvalidInput for an unknown or unusable one."""
    if place := BUILTINS.get(kind):
        module, _, name = place.partition(":")
        return _made(kind, getattr(import_module(module), name), place)
    points = tuple(entry_points(group=GROUP, name=kind))
    match points:
        case ():
            raise InvalidInput(f'unknown kind of step "{kind}"{did_you_mean(kind, kinds())}')
        case (point,):
            return _made(kind, _loaded(point), point.value)
    places = ", ".join(sorted(point.value for point in points))
    raise InvalidInput(f'the kind "{kind}" is offered more than once ({places}): uninstall all but one')


def _loaded(point: EntryPoint) -> object:
    try:
        return point.load()
    except Exception as error:  # somebody else's module may raise anything while it is imported
        raise InvalidInput(f'the step "{point.name}" ({point.value}) cannot be loaded: {error!r}') from error


def _made(kind: str, found: object, place: str) -> Kind:
    if not (isinstance(found, type) and issubclass(found, Step | Composite)):
        raise InvalidInput(f'"{place}" is no step: expected a class derived from xcatflow.contract.Step or Composite')
    if found.kind != kind:
        raise InvalidInput(f'"{place}" is a step of kind "{found.kind}", expected "{kind}"')
    return found()
