"""Where the user's client files are looked for."""

from pathlib import Path

import pytest

from xcatflow.errors import InvalidInput
from xcatflow.transport.tls import TlsFiles, find_tls_files


def put(directory: Path, *names: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        (directory / name).write_text("pem")
    return directory


DOCKER = ("ca.pem", "cert.pem", "key.pem")
HISTORIC = ("ca.pem", "client-cred.pem")


def test_order_of_places(tmp_path: Path) -> None:
    home, named, variable = tmp_path / "home", put(tmp_path / "named", *DOCKER), put(tmp_path / "variable", *DOCKER)
    put(home / ".docker", *DOCKER)
    assert find_tls_files(None, environ={}, home=home).ca == home / ".docker" / "ca.pem"
    put(home / ".xcat", *HISTORIC)
    assert find_tls_files(None, environ={}, home=home).ca == home / ".xcat" / "ca.pem"
    put(home / ".xcatflow", *DOCKER)
    assert find_tls_files(None, environ={}, home=home).ca == home / ".xcatflow" / "ca.pem"
    environ = {"DOCKER_CERT_PATH": str(variable)}
    assert find_tls_files(None, environ=environ, home=home).ca == variable / "ca.pem"
    assert find_tls_files(named, environ=environ, home=home).ca == named / "ca.pem"


def test_historic_directory_has_both_in_one_file(tmp_path: Path) -> None:
    place = put(tmp_path / ".xcat", *HISTORIC)
    both = place / "client-cred.pem"
    assert find_tls_files(None, environ={}, home=tmp_path) == TlsFiles(place / "ca.pem", both, both)
    put(place, "cert.pem", "key.pem")
    assert find_tls_files(None, environ={}, home=tmp_path).key == place / "key.pem"


def test_place_without_an_authority_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path / ".xcatflow", "history")
    put(tmp_path / ".docker", *DOCKER)
    assert find_tls_files(None, environ={}, home=tmp_path).ca == tmp_path / ".docker" / "ca.pem"


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        find_tls_files(None, environ={"DOCKER_CERT_PATH": ""}, home=tmp_path)
    assert str(caught.value) == (
        f'Cannot read TLS file {tmp_path}/.xcatflow/ca.pem; "{tmp_path}/.xcat", "{tmp_path}/.docker" have none either, '
        "and the site has no certificates of its own (provision-dockerhost makes them)"
    )
    put(tmp_path / ".docker", *DOCKER)
    with pytest.raises(InvalidInput) as caught:
        find_tls_files(None, environ={"DOCKER_CERT_PATH": str(tmp_path / "gone")}, home=tmp_path)
    assert str(caught.value) == f"Cannot read TLS file {tmp_path}/gone/ca.pem"
    (tmp_path / ".docker" / "key.pem").unlink()
    with pytest.raises(InvalidInput) as caught:
        find_tls_files(None, environ={}, home=tmp_path)
    assert str(caught.value) == f"Cannot read TLS file {tmp_path}/.docker/key.pem"
