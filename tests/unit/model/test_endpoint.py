"""What people write as `dockerhost`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcatflow.errors import InvalidInput
from xcatflow.model.endpoint import Endpoint, parse_endpoint

GOOD = [
    ("host01", Endpoint("tcp", "host01", 2376), "host01:2376", "host01"),
    (" host01 ", Endpoint("tcp", "host01", 2376), "host01:2376", "host01"),
    ("host01:2375", Endpoint("tcp", "host01", 2375), "host01:2375", "host01"),
    (
        "my_host.site.test.",
        Endpoint("tcp", "my_host.site.test.", 2376),
        "my_host.site.test.:2376",
        "my_host.site.test.",
    ),
    ("10.0.0.1:1", Endpoint("tcp", "10.0.0.1", 1), "10.0.0.1:1", "10.0.0.1"),
    ("[fd00::1]", Endpoint("tcp", "fd00::1", 2376), "[fd00::1]:2376", "fd00::1"),
    ("[fd00::1]:65535", Endpoint("tcp", "fd00::1", 65535), "[fd00::1]:65535", "fd00::1"),
    ("tcp://host01", Endpoint("tcp", "host01", 2376), "host01:2376", "host01"),
    ("TCP://host01:99/", Endpoint("tcp", "host01", 99), "host01:99", "host01"),
    ("https://host01:443", Endpoint("tcp", "host01", 443), "host01:443", "host01"),
    ("tcp+plain://host01", Endpoint("tcp+plain", "host01", 2375, tls=False), "tcp+plain://host01:2375", "host01"),
    ("tcp+plain://[::1]:5", Endpoint("tcp+plain", "::1", 5, tls=False), "tcp+plain://[::1]:5", "::1"),
    ("unix:///run/docker.sock", Endpoint("unix", path="/run/docker.sock", tls=False), "unix:///run/docker.sock", None),
]

BAD = [
    ("", "expected host, host:port"),
    ("host01:", 'expected a port from 1 to 65535, found ""'),
    ("host01:0", 'found "0"'),
    ("host01:70000", 'found "70000"'),
    ("host01:23x", 'found "23x"'),
    ("host01:²³", 'found "²³"'),
    ("host 01", '"host 01" is no host name or address'),
    ("-host", '"-host" is no host name or address'),
    ("10.0.0", '"10.0.0" is no host name or address'),
    ("10.0.0.300", '"10.0.0.300" is no host name or address'),
    ("fd00::1", "an IPv6 address stands in brackets, as in [fd00::1]"),
    ("a:b:c", "an IPv6 address stands in brackets, as in [fd00::1]"),
    ("[fd00::1", "expected an IPv6 address in brackets"),
    ("[10.0.0.1]:5", "expected an IPv6 address in brackets"),
    ("[fd00::1]5", "expected an IPv6 address in brackets"),
    ("tcp://me@host01", "a user name has no use here"),
    ("tcp://host01:5/path", "expected nothing behind the port"),
    ("host01?x", "expected nothing behind the port"),
    ("unix://docker.sock", "expected the absolute path of a socket"),
    ("unix:///run/", "expected the absolute path of a socket"),
    ("ssh://root@host01", "daemons are not reached through ssh; open a TLS port and write host:port"),
    ("http://host01:2375", "write tcp+plain://host01:2375"),
    ("tpc://host01", 'unknown scheme "tpc", did you mean "tcp"?'),
    ("ftp://host01", 'unknown scheme "ftp"'),
]


@pytest.mark.parametrize(("text", "endpoint", "shown", "machine"), GOOD)
def test_endpoints(text: str, endpoint: Endpoint, shown: str, machine: str | None) -> None:
    found = parse_endpoint(text)
    assert found == endpoint
    assert (str(found), found.machine) == (shown, machine)
    assert parse_endpoint(str(found)) == found


@pytest.mark.parametrize(("text", "words"), BAD)
def test_bad_endpoints(text: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_endpoint(text)
    assert str(caught.value).startswith(f'docker host "{text}": ')
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_default_port_is_the_callers() -> None:
    assert parse_endpoint("host01", default_port=2375) == Endpoint("tcp", "host01", 2375)
    assert parse_endpoint("host01:7", default_port=2375).port == 7
    assert parse_endpoint("tcp+plain://host01", default_port=1).port == 2375


@given(st.text(alphabet="ab:/[]@.+-1 unixtcp", max_size=30))
def test_any_text_is_an_endpoint_that_reads_back_or_a_clear_refusal(text: str) -> None:
    try:
        found = parse_endpoint(text)
    except InvalidInput:
        return
    assert parse_endpoint(str(found)) == found
    assert 1 <= found.port <= 65535 or found.path
