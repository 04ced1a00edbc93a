"""Counters that many adapters write."""

import threading
from dataclasses import asdict

from xcatflow.transport.protocols import Traffic


def test_counts_overall_and_per_target() -> None:
    traffic = Traffic()
    threads = [
        threading.Thread(target=lambda name: [traffic.count(name, docker_requests=1) for _ in range(500)], args=(name,))
        for name in ("a", "b", "a")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    traffic.count("a", ssh_round_trips=2, ssh_connections=1)
    assert asdict(traffic) == {
        "ssh_connections": 1,
        "ssh_round_trips": 2,
        "docker_connections": 0,
        "docker_requests": 1500,
        "docker_container_lists": 0,
        "per_target": {
            "a": {"docker_requests": 1000, "ssh_round_trips": 2, "ssh_connections": 1},
            "b": {"docker_requests": 500},
        },
    }
