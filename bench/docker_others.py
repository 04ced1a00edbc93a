"""Other ways to the same: the Docker SDK, the docker program and Ansible's community.docker.

Source: docker-py 7, docker 28, community.docker 4: `docker_container` and `docker_container_info`. Ansible lives in `.bench-venv`, made
when it is not there.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.docker_contender import Contender, expect
from bench.docker_place import IMAGE, Place
from bench.timing import environment, timed

AT_ONCE = 8
OTHERS = Path(__file__).parents[1] / ".bench-venv"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def ansible_installed() -> None:
    """Make the environment of Ansible. Raises CalledProcessError where its packages cannot be had."""
    if not any(OTHERS.glob("lib/python*/site-packages/ansible_collections/community/docker")):
        subprocess.run([sys.executable, "-m", "venv", OTHERS], check=True)
        subprocess.run([OTHERS / "bin" / "pip", "install", "--quiet", "-r", REQUIREMENTS], check=True)


# --- the Docker SDK, in a process that runs already ---


def sdk(place: Place, names: Sequence[str], *, at_once: int) -> Contender:
    """`DockerClient` as its documentation shows it, the objects of containers kept from act to act."""
    import docker

    client = docker.from_env(environment=place.environ())
    known: list[Any] = []

    def does(act: str) -> None:
        match act:
            case "create":
                known[:] = each(lambda name: client.containers.create(IMAGE, name=name), names)
            case "state":
                each(lambda container: container.reload(), known)
                expect((container.status for container in known), len(names), "running")
            case _:
                each(lambda container: getattr(container, act)(), known)

    def each(work: Callable[[Any], Any], things: Iterable[Any]) -> list[Any]:
        if at_once == 1:
            return [work(thing) for thing in things]
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(work, things))

    key, title = ("sdk", "Docker SDK, serial") if at_once == 1 else ("sdk-threads", f"Docker SDK, {at_once} threads")
    return Contender(key, title, does, client.close)


# --- the docker program ---

_CLI = {
    "create": f"docker create --name N {IMAGE}",
    "start": "docker start N",
    "state": "docker inspect -f {{.State.Status}} N",
    "stop": "docker stop N",
    "remove": "docker rm N",
}


def cli(place: Place, names: Sequence[str], work: Path) -> tuple[Contender, ...]:
    """A process for each container, one after the other and eight at once; and one process for all, where it takes several names."""
    if shutil.which("docker") is None:
        raise SystemExit("no docker program on this machine")
    environ = environment(HOME=str(work), **place.environ())
    listed = f"printf '%s\\n' {' '.join(names)}"
    parallel = {act: f"{listed} | xargs -P {AT_ONCE} -I N {command}" for act, command in _CLI.items()}
    serial = {act: f"{listed} | xargs -I N {command}" for act, command in _CLI.items()}
    several = {act: _CLI[act].replace("N", " ".join(names)) for act in ("start", "stop", "remove")}
    several |= {"create": parallel["create"], "state": "docker ps -a --format '{{.State}}'"}

    def contender(key: str, title: str, scripts: dict[str, str]) -> Contender:
        def does(act: str) -> None:
            done = subprocess.run(("sh", "-c", scripts[act]), env=environ, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"{_CLI[act]}: {done.stderr.strip()[-500:]}")
            if act == "state":
                expect(done.stdout.split(), len(names), "running")

        return Contender(key, title, does)

    return (
        contender("cli", "docker, a process each, serial", serial),
        contender("cli-xargs", f"docker, xargs -P {AT_ONCE}", parallel),
        contender("cli-names", "docker, all names in one process", several),
    )


# --- Ansible ---

_STATES = {"create": "present", "start": "started", "stop": "stopped", "remove": "absent"}


def ansible(place: Place, names: Sequence[str], work: Path) -> tuple[Contender, ...]:
    """One task with a loop on localhost, and a host for each container with eight forks; with pipelining, without facts."""
    program = OTHERS / "bin" / "ansible-playbook"
    settings = {
        "ANSIBLE_FORKS": str(AT_ONCE),
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_PYTHON_INTERPRETER": str(OTHERS / "bin" / "python"),
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_RETRY_FILES_ENABLED": "0",
        "LC_ALL": "C.UTF-8",
        "HOME": str(work),
    }
    environ = environment(**settings, **place.environ())
    environ.pop("PYTHONPATH", None)
    (work / "hosts").write_text("".join(f"{name} ansible_connection=local\n" for name in names))
    (work / "localhost").write_text("localhost ansible_connection=local\n")

    def contender(key: str, title: str, inventory: str, item: str, loop: Sequence[str]) -> Contender:
        for act in (*_STATES, "state"):
            _playbook(work / f"{key}-{act}.json", act, item, loop)
        timed((str(program), "-i", str(work / inventory), "--syntax-check", str(work / f"{key}-create.json")), environ)

        def does(act: str) -> None:
            timed((str(program), "-i", str(work / inventory), str(work / f"{key}-{act}.json")), environ)

        return Contender(key, title, does, slow=True)

    return (
        contender("ansible-loop", "Ansible, a loop", "localhost", "{{ item }}", names),
        contender("ansible-hosts", f"Ansible, a host each, forks {AT_ONCE}", "hosts", "{{ inventory_hostname }}", ()),
    )


def _playbook(path: Path, act: str, name: str, loop: Sequence[str]) -> None:
    """A playbook as JSON, which is YAML; of the state it sees to it that the container runs."""
    if act == "state":
        task: dict[str, Any] = {"community.docker.docker_container_info": {"name": name}, "register": "found"}
        task["failed_when"] = "not found.exists or found.container.State.Status != 'running'"
    else:
        task = {"community.docker.docker_container": {"name": name, "image": IMAGE, "state": _STATES[act]}}
    if loop:
        task["loop"] = list(loop)
    path.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}], indent=1))
