"""Volumes, commands in containers, and a compose project, on a Docker host of the lab. Each test goes on where the one before left off.

They work in a copy of the shared site, and leave the host as it was.
"""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import ssh
from tests.e2e.test_site import Cli, changed

pytestmark = pytest.mark.lab

DAEMON = "host01:2375"
SMALL = """\
schema: 1
name: small
summary: A container works on a volume that stays
nodes: host01
steps:
  - {id: image, use: docker.image, at: "host01:2375", with: {name: busybox}}
  - {id: data, use: docker.volume, at: "host01:2375", with: {name: small-data, labels: {site: lab}}}
  - id: worker
    use: docker.container
    at: host01:2375
    with: {name: small1, image: busybox, command: sleep 1000000, network: none, volumes: "small-data:/data", stop_timeout: 0}
  - id: ready
    use: docker.exec
    at: host01:2375
    with: {container: small1, command: ["sh", "-c", 'echo "$WORD" > /data/flag'], creates: /data/flag, env: {WORD: "${secret.word}"}}
  - id: proof
    use: docker.exec
    at: host01:2375
    with:
      container: small1
      command: '["sh", "-c", "> proof"]'
      unless: ["grep", "-q", "two words", "/data/flag"]
      workdir: /data
"""
SAY = """\
schema: 1
name: say
summary: What the container says is on its host
nodes: host01
steps:
  - {id: said, use: docker.exec, at: "host01:2375", with: {container: small1, command: id -u, always: true, user: "1000"}}
  - {id: file, use: file.present, with: {path: /run/small-kinds, content: "${step.said.stdout} ${step.said.code}\\n"}}
"""
GONE = """\
schema: 1
name: gone
summary: No volume is left
nodes: host01
steps:
  - {id: data, use: docker.volume, at: "host01:2375", with: {name: small-data, state: absent}}
"""
COMPOSE = """\
x-common: &common
  image: busybox
  restart: unless-stopped
  stop_grace_period: 0s
services:
  web:
    <<: *common
    command: ["sh", "-c", "echo $$GREETING > /www/index.html; exec httpd -f -p 80 -h /www"]
    environment: {GREETING: "hello from ${WHO:-compose}"}
    ports: ["127.0.0.1:18080:80"]
    volumes: ["www:/www"]
    networks: {lan: {ipv4_address: 172.31.9.10, aliases: [site]}}
    healthcheck: {test: test -s /www/index.html, interval: 1s}
    mem_limit: 32m
    cpus: 0.5
  client:
    <<: *common
    command: sleep 1000000
    networks: [lan]
    read_only: true
    tmpfs: /run
    cap_drop: [MKNOD]
    scale: 2
    build: .
networks:
  lan: {ipam: {config: [{subnet: 172.31.9.0/24}]}}
volumes: {www: {labels: {project: shop}}}
"""


@pytest.fixture(scope="module")
def site(docker_lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    copy = tmp_path_factory.mktemp("small") / "site"
    shutil.copytree(docker_lab, copy, ignore=shutil.ignore_patterns("*.sock", "*.sqlite*", "lab", "locks"))
    for name, text in (("small", SMALL), ("say", SAY), ("gone", GONE)):
        (copy / "workflows" / f"{name}.yaml").write_text(text)
    (copy / "secrets").mkdir(exist_ok=True)
    (copy / "secrets" / "word").write_text("two words of a secret\n")
    (copy / "secrets" / "word").chmod(0o600)
    yield copy
    ssh(
        docker_lab,
        "host01",
        "docker rm -f small1 shop-web shop-client-1 shop-client-2; docker network rm shop_lan; "
        "docker volume rm small-data shop_www; rm -f /run/small-kinds; true",
    )


@pytest.fixture(scope="module")
def cli(site: Path) -> Cli:
    return Cli(site)


def docker(cli: Cli, words: str) -> str:
    return cli.ssh("host01", f"docker {words}").strip()


def test_a_volume_is_made_and_a_command_prepares_it_once(cli: Cli) -> None:
    planned = cli.events("plan", "small")
    assert {("host01", "data"), ("host01", "worker")} <= set(changed(planned, "would-change"))
    assert set(changed(planned, "deferred")) == {("host01", "ready"), ("host01", "proof")}
    assert {step for _, step in changed(cli.events("apply", "small"))} >= {"data", "worker", "ready"}
    assert docker(cli, "exec small1 cat /data/flag") == "two words of a secret"
    assert docker(cli, "exec small1 ls /data") == "flag", "the proof's guard held"
    assert changed(cli.events("apply", "small")) == []
    cli("plan", "small", "--check")


def test_no_secret_of_a_command_is_on_record(cli: Cli) -> None:
    docker(cli, "exec small1 rm /data/flag")
    done = cli("apply", "small", "-v")
    assert "ready" in done.stdout
    assert "two words of" not in done.stdout + done.stderr + cli("show", "last", "-v").stdout


def test_what_a_command_prints_is_for_later_steps(cli: Cli) -> None:
    cli("apply", "say")
    assert cli.ssh("host01", "cat /run/small-kinds") == "1000 0\n"


def test_a_volume_in_use_stays_and_its_user_is_named(cli: Cli) -> None:
    done = cli("apply", "gone", code=1)
    assert 'cannot remove volume "small-data" on host01' in done.stdout
    assert "volume is in use" in done.stdout
    assert "used by small1: remove them first" in done.stdout
    assert docker(cli, "exec small1 ls /data") == "flag"


def test_a_command_needs_a_container_that_runs(cli: Cli) -> None:
    docker(cli, "stop -t 0 small1")
    assert 'container "small1" is exited: a command needs one that runs' in cli("plan", "say", code=1).stdout
    docker(cli, "rm small1")
    assert 'there is no container "small1"' in cli("apply", "say", code=1).stdout
    assert changed(cli.events("apply", "gone")) == [("host01", "data")]
    assert "small-data" not in docker(cli, "volume ls -q")


def test_a_compose_project_becomes_nodes_that_run(cli: Cli) -> None:
    project = cli.site / "shop"
    project.mkdir()
    (project / "compose.yaml").write_text(COMPOSE)
    (project / ".env").write_text("WHO=the lab\n")
    done = cli("import", str(project / "compose.yaml"), "--docker", DAEMON, "--file", "inventory/shop.stanza")
    assert done.stdout.splitlines() == [
        "wrote workflows/prepare-shop.yaml: it makes what the new nodes need, before create-instance",
        "wrote 1 network, 3 nodes (inventory/shop.stanza)",
    ]
    assert '"build" of service client' in done.stderr
    cli("apply", "prepare-shop")
    assert changed(cli.events("apply", "prepare-shop")) == []
    made = changed(cli.events("apply", "create-instance", "--nodes", "shop"))
    assert [node for node, step in made if step == "instance"] == ["shop-client-1", "shop-client-2", "shop-web"]
    assert changed(cli.events("apply", "create-instance", "--nodes", "shop")) == []


def test_the_project_works_as_its_file_says(cli: Cli) -> None:
    facts = json.loads(docker(cli, "inspect shop-web"))[0]
    assert facts["HostConfig"]["Memory"] == 32 << 20
    assert facts["HostConfig"]["NanoCpus"] == 500_000_000
    assert facts["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert facts["HostConfig"]["PortBindings"] == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18080"}]}
    assert facts["Config"]["Healthcheck"]["Interval"] == 10**9
    address = facts["NetworkSettings"]["Networks"]["shop_lan"]["IPAddress"]
    assert address == "172.31.9.10"
    for client, name in (("shop-client-1", "web"), ("shop-client-2", "site")):
        # The image's busybox is static: few of its programs can ask for names.
        assert f"Address: {address}" in docker(cli, f"exec {client} nslookup {name} 127.0.0.11")
        docker(cli, f"exec {client} ping -c 1 -W 2 {address}")
    host = json.loads(docker(cli, "inspect shop-client-1"))[0]["HostConfig"]
    assert (host["ReadonlyRootfs"], host["Tmpfs"], host["CapDrop"]) == (True, {"/run": ""}, ["MKNOD"])
    assert json.loads(docker(cli, "volume inspect shop_www"))[0]["Labels"] == {"project": "shop"}


def test_the_project_answers_at_its_port_and_is_healthy(cli: Cli) -> None:
    ask = "exec 3<>/dev/tcp/127.0.0.1/18080; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; timeout 5 cat <&3"
    assert cli.ssh("host01", f'bash -c "{ask}"').endswith("hello from the lab\n")
    for _ in range(50):
        if docker(cli, "inspect -f '{{.State.Health.Status}}' shop-web") == "healthy":
            break
        time.sleep(0.2)
    else:
        pytest.fail("never healthy")


def test_the_containers_of_the_project_are_what_its_nodes_say(cli: Cli) -> None:
    """Taken from the daemon they are the nodes that they were made of."""
    done = cli("import", "--docker", DAEMON, "--dry-run", code=None)
    assert "shop" not in done.stdout
    assert "xcatflow made it by the site's definition, which stays as it is" in done.stderr
