"""What the Docker kinds may be told, what is sent to the daemon for it, and the complaints about what they may not."""

import json
from pathlib import Path
from typing import Any

import pytest

from xcatflow.errors import Source
from xcatflow.model.complaints import problems_of
from xcatflow.model.docker_api import fields_of
from xcatflow.model.docker_bodies import create_request, place_mac
from xcatflow.steps.containers.body import create_body
from xcatflow.steps.containers.flags import HOST_CONFIG, TOP_LEVEL
from xcatflow.steps.containers.labels import identity_labels, record
from xcatflow.steps.containers.params import ContainerParams
from xcatflow.steps.docker_network import NetworkParams, network_body

DATA = Path(__file__).parent / "data"
COMPLAINTS = [
    pytest.param(model, case["params"], case["complaint"], id=f"{kind} {json.dumps(case['params'])}")
    for kind, model in (("docker.container", ContainerParams), ("docker.network", NetworkParams))
    for case in json.loads((DATA / kind / "complaints.json").read_text())
]


def want(**params: Any) -> ContainerParams:
    return ContainerParams.model_validate({"name": "c1", "image": "busybox", **params})


def body(**params: Any) -> dict[str, Any]:
    return create_body(want(**params), {})


def complaint(model: Any, params: dict[str, Any]) -> str:
    """The only complaint, as a user reads it."""
    with pytest.raises(ValueError, match=model.__name__) as caught:
        model.model_validate(params)
    problems = problems_of(caught.value, model, lambda path, key=False: Source("x"))  # type: ignore[arg-type]
    assert len(problems) == 1
    return problems[0].message


# --- the create request ---


def test_the_example_of_the_request() -> None:
    """A container with everything xCAT's attributes say, on an engine that keeps a MAC with its network."""
    given = want(
        name="c21", image="debian:12", command="/bin/sh -c 'sleep 600'", network="lan20", cpus="2", memory="512",
        address="10.20.0.21", mac="02:42:0a:14:00:15", dockerflag='{"Tty":true,"HostConfig":{"RestartPolicy":{"Name":"always"}}}',
    )  # fmt: skip
    assert place_mac(create_body(given, {"xcatflow.node": "c21"}), "1.44") == {
        "Image": "debian:12",
        "Cmd": ["/bin/sh", "-c", "sleep 600"],
        "Tty": True,
        "Labels": {"xcatflow.node": "c21"},
        "HostConfig": {
            "NetworkMode": "lan20",
            "NanoCpus": 2000000000,
            "Memory": 536870912,
            "RestartPolicy": {"Name": "always"},
        },
        "NetworkingConfig": {
            "EndpointsConfig": {
                "lan20": {"IPAMConfig": {"IPv4Address": "10.20.0.21"}, "MacAddress": "02:42:0a:14:00:15"}
            }
        },
    }


def test_what_is_not_given_is_not_sent() -> None:
    empty = dict.fromkeys(set(ContainerParams.model_fields) - {"name", "image"}, "")
    assert body(**empty) == {"Image": "busybox", "Labels": {}}
    assert record(want(**empty)) == {"image": "busybox:latest"}


@pytest.mark.parametrize(("command", "words"), [
    ("sleep 60", ["sleep", "60"]),
    ("sh -c \"echo 'a b' $HOME; x\\ y\"", ["sh", "-c", "echo 'a b' $HOME; x\\ y"]),
    ('["sh", "-c", "a  b"]', ["sh", "-c", "a  b"]),
    ("[ -f /x ]", ["[", "-f", "/x", "]"]),
    ("[1, 2]", ["[1,", "2]"]),
    ("echo a,b # c", ["echo", "a,b", "#", "c"]),
    (["sleep", 60], ["sleep", "60"]),
])  # fmt: skip
def test_a_command_is_split_as_a_shell_splits_it(command: Any, words: list[str]) -> None:
    assert body(command=command)["Cmd"] == words


@pytest.mark.parametrize(("params", "sent"), [
    ({"cpus": "1.5"}, {"NanoCpus": 1500000000}),
    ({"cpus": "0-3"}, {"CpusetCpus": "0-3"}),
    ({"cpus": "cpuset:1"}, {"CpusetCpus": "1"}),
    ({"memory": 64}, {"Memory": 64 << 20}),
    ({"memory": "2g"}, {"Memory": 2 << 30}),
    ({"memory": "1500k"}, {"Memory": 1500 << 10}),
    ({"restart": "on-failure:3"}, {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}),
    ({"restart": "unless-stopped"}, {"RestartPolicy": {"Name": "unless-stopped"}}),
    ({"restart": "no"}, {}),
    ({"volumes": ["/a:/b", "data:/c:ro"]}, {"Binds": ["/a:/b", "data:/c:ro"]}),
    ({"network": "lan,lan2"}, {"NetworkMode": "lan"}),
    ({"network": "default"}, {}),
    ({"memory": 64, "dockerflag": {"HostConfig": {"Memory": 7, "Init": True}}}, {"Memory": 7, "Init": True}),
    ({"memory": 64, "dockerflag": {"Memory": 9, "CpuShares": 5}}, {"Memory": 9, "CpuShares": 5}),
    ({"dockerflag": {"Memory": 9, "HostConfig": {"Memory": 7}}}, {"Memory": 7}),
    ({"ports": "8080:80,127.0.0.1:53:53/udp"},
     {"PortBindings": {"80/tcp": [{"HostPort": "8080"}], "53/udp": [{"HostPort": "53", "HostIp": "127.0.0.1"}]}}),
    ({"ports": ["80", "[::1]:81:80", "[::1]::82"]},
     {"PortBindings": {"80/tcp": [{"HostPort": ""}, {"HostPort": "81", "HostIp": "::1"}], "82/tcp": [{"HostPort": "", "HostIp": "::1"}]}}),
    ({"init": True}, {"Init": True}),
    ({"init": False}, {"Init": False}),
    ({"tmpfs": ["/run", "/tmp:size=4m,mode=1777"]}, {"Tmpfs": {"/run": "", "/tmp": "size=4m,mode=1777"}}),
    ({"privileged": True, "cap_add": "net_admin,SYS_TIME", "cap_drop": ["ALL"]},
     {"Privileged": True, "CapAdd": ["NET_ADMIN", "SYS_TIME"], "CapDrop": ["ALL"]}),
    ({"devices": "/dev/null,/dev/zero:/dev/one:r"},
     {"Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/null", "CgroupPermissions": "rwm"},
                  {"PathOnHost": "/dev/zero", "PathInContainer": "/dev/one", "CgroupPermissions": "r"}]}),
    ({"sysctls": {"net.core.somaxconn": 9}}, {"Sysctls": {"net.core.somaxconn": "9"}}),
    ({"log_driver": "json-file", "log_options": {"max-file": 2}}, {"LogConfig": {"Type": "json-file", "Config": {"max-file": "2"}}}),
    ({"extra_hosts": {"a": "10.0.0.1", "b": "host-gateway"}}, {"ExtraHosts": ["a:10.0.0.1", "b:host-gateway"]}),
    ({"dns": "10.0.0.1,::1"}, {"Dns": ["10.0.0.1", "::1"]}),
])  # fmt: skip
def test_limits_and_the_like(params: dict[str, Any], sent: dict[str, Any]) -> None:
    assert body(**params).get("HostConfig", {}) == sent


def test_the_flag_wins_except_for_image_and_command() -> None:
    flag = {"Image": "other", "Cmd": ["x"], "Hostname": "flag", "Labels": {"b": "2"}, "Env": ["C=3"]}
    sent = body(command="y", hostname="params", labels={"a": "1", "b": "1"}, env={"A": "1"}, dockerflag=flag)
    assert sent == {
        "Image": "busybox",
        "Cmd": ["y"],
        "Hostname": "flag",
        "Labels": {"a": "1", "b": "2"},
        "Env": ["C=3"],
    }
    assert body(dockerflag=flag)["Cmd"] == ["x"]
    assert flag["Labels"] == {"b": "2"}


def test_with_networking_off_nothing_of_a_network_is_sent() -> None:
    given = {
        "NetworkDisabled": True,
        "MacAddress": "02:42:0a:14:00:15",
        "NetworkingConfig": {"EndpointsConfig": {"x": {"Aliases": ["y"]}}},
        "HostConfig": {"NetworkMode": "x"},
    }
    made = want(network="none", dockerflag=given)
    assert create_body(made, {}) == {"Image": "busybox", "NetworkDisabled": True, "HostConfig": {}, "Labels": {}}
    assert made.further == ()
    assert given["HostConfig"] == {"NetworkMode": "x"}, "what was given is not touched"


def test_everything_that_some_version_of_the_api_knows_may_be_a_flag() -> None:
    flag = {"Platform": "linux/arm64", "Healthcheck": {"Test": ["NONE"], "StartInterval": 5}, "HostConfig": {"Umask": 18, "Init": None},
            "NetworkingConfig": {"EndpointsConfig": {"lan": {"GwPriority": 1, "IPAMConfig": None}, "lan2": None}}}  # fmt: skip
    sent, query = create_request(body(dockerflag=flag), "1.56")
    assert (sent["HostConfig"]["Umask"], sent["Healthcheck"]["StartInterval"], query) == (
        18,
        5,
        {"platform": "linux/arm64"},
    )


def test_fields_that_came_or_went_with_some_version_are_known_to_the_flags() -> None:
    assert {"Umask", "Init", "Annotations", "KernelMemory"} <= fields_of("create", "HostConfig")
    assert fields_of("create", "HostConfig") <= HOST_CONFIG
    assert {"Platform", "StopTimeout"} <= TOP_LEVEL
    assert fields_of("create", "Healthcheck") == {"StartPeriod", "StartInterval"}
    assert "*" not in fields_of("create", "NetworkingConfig.EndpointsConfig")
    assert "GwPriority" in fields_of("create", "NetworkingConfig.EndpointsConfig.*")


def test_a_network_of_the_flag_gets_the_address() -> None:
    sent = body(network="lan", address="10.1.0.9", dockerflag={"HostConfig": {"NetworkMode": "lan2"}})
    assert sent["HostConfig"]["NetworkMode"] == "lan2"
    assert list(sent["NetworkingConfig"]["EndpointsConfig"]) == ["lan2"]


def test_the_fingerprint_is_that_of_the_record() -> None:
    labels = identity_labels(want(env={"A": "1"}, restart="always"))
    assert json.loads(labels["xcatflow.params"]) == {
        "env": {"A": "6b86b273ff34fce1"},
        "image": "busybox:latest",
        "restart": "always",
    }
    assert labels["xcatflow.made-from"] != identity_labels(want(env={"A": "2"}, restart="always"))["xcatflow.made-from"]
    assert identity_labels(want(name="c2"))["xcatflow.made-from"] == identity_labels(want())["xcatflow.made-from"]


@pytest.mark.parametrize(("params", "sent"), [
    ({"entrypoint": "/bin/sh -c", "user": "1000:users", "workdir": "/srv", "stop_signal": "sigrtmin+3"},
     {"Entrypoint": ["/bin/sh", "-c"], "User": "1000:users", "WorkingDir": "/srv", "StopSignal": "SIGRTMIN+3"}),
    ({"ports": "80,81/udp"}, {"ExposedPorts": {"80/tcp": {}, "81/udp": {}}}),
    ({"healthcheck": {"test": "curl -f x || exit 1", "interval": "1.5 s", "timeout": 2, "retries": 3, "start_period": "1 min"}},
     {"Healthcheck": {"Test": ["CMD-SHELL", "curl -f x || exit 1"], "Interval": 1500000000, "Timeout": 2000000000,
                      "StartPeriod": 60000000000, "Retries": 3}}),
    ({"healthcheck": {"test": ["curl", "-f"]}}, {"Healthcheck": {"Test": ["CMD", "curl", "-f"]}}),
    ({"healthcheck": {"test": ["CMD-SHELL", "x"]}}, {"Healthcheck": {"Test": ["CMD-SHELL", "x"]}}),
    ({"healthcheck": {"test": "none"}}, {"Healthcheck": {"Test": ["NONE"]}}),
    ({"network": "lan", "ip": "10.0.0.9"}, {"NetworkingConfig": {"EndpointsConfig": {"lan": {"IPAMConfig": {"IPv4Address": "10.0.0.9"}}}}}),
    ({"network": "lan", "ip": "fd00::9", "address": "10.0.0.9"},
     {"NetworkingConfig": {"EndpointsConfig": {"lan": {"IPAMConfig": {"IPv4Address": "10.0.0.9", "IPv6Address": "fd00::9"}}}}}),
    ({"ip": "10.0.0.9"}, {}),
    ({"network": "none", "ip": "10.0.0.9"}, {}),
    ({"network": "lan", "ip": "10.0.0.9", "dockerflag": {"NetworkDisabled": True}}, {"NetworkDisabled": True}),
])  # fmt: skip
def test_what_stands_beside_the_host_config(params: dict[str, Any], sent: dict[str, Any]) -> None:
    made = body(**params)
    assert {key: value for key, value in made.items() if key not in ("Image", "Labels", "HostConfig")} == sent


def test_a_new_parameter_left_out_changes_nobodys_record() -> None:
    made = record(want(network="lan", ip="10.0.0.9", health={"port": 80}, inspect=True, init="", ports=""))
    assert made == record(want(network="lan", address="10.0.0.9"))
    assert record(want(ip="10.0.0.9", health={})) == record(want())
    assert record(want(healthcheck={"test": "x"}))["healthcheck"] == {"test": ["CMD-SHELL", "x"]}
    assert record(want(init=False)) != record(want())


# --- complaints ---


@pytest.mark.parametrize(("model", "params", "message"), COMPLAINTS)
def test_complaints(model: Any, params: dict[str, Any], message: str) -> None:
    assert (
        complaint(model, {"name": "c1", **({"image": "busybox"} if model is ContainerParams else {}), **params})
        == message
    )


def test_an_image_is_not_needed_to_remove_a_container() -> None:
    assert ContainerParams.model_validate({"name": "c1", "state": "absent", "image": ""}).image is None


def test_the_request_for_a_network() -> None:
    plain = network_body(NetworkParams.model_validate({"name": "lan"}))
    assert plain == {
        "Name": "lan",
        "Driver": "bridge",
        "Labels": {"xcatflow.made-from": plain["Labels"]["xcatflow.made-from"]},
    }
    whole = network_body(
        NetworkParams.model_validate(
            {
                "name": "lan",
                "subnet": "fd00::/64",
                "gateway": "fd00::1",
                "bridge": "lan0",
                "internal": "true",
                "labels": {"a": "b"},
            }
        )
    )
    assert whole.pop("Labels")["a"] == "b"
    assert whole == {
        "Name": "lan",
        "Driver": "bridge",
        "IPAM": {"Config": [{"Subnet": "fd00::/64", "Gateway": "fd00::1"}]},
        "EnableIPv6": True,
        "Internal": True,
        "Options": {"com.docker.network.bridge.name": "lan0"},
    }
