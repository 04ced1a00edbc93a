"""Public keys of gpg's own making: which they are, and what is none."""

from pathlib import Path

import pytest

from xcatflow.steps.packages.openpgp import armoured, fingerprints, grouped

KEYS = Path(__file__).parent / "data" / "keys"
LAB = "5A850AE4DFF952D5AA33514971044DE1921236D9"
RSA = "155E535B0E97ABBC3A699D6EE17CAC13E013C442"
TEXT, BINARY = (KEYS / "lab.asc").read_bytes(), (KEYS / "rsa.gpg").read_bytes()


def test_fingerprints_are_those_that_gpg_tells() -> None:
    assert fingerprints(TEXT) == (LAB,)
    assert fingerprints(BINARY) == (RSA,)
    assert fingerprints(TEXT + b"\n" + armoured(BINARY)) == (LAB, RSA)
    assert fingerprints(TEXT.replace(b"\n", b"\r\n")) == (LAB,)
    assert fingerprints(TEXT.replace(b"BLOCK-----\n", b"BLOCK-----\nVersion: GnuPG v1\nComment: x\n", 1)) == (LAB,)


def test_armour_is_what_gpg_writes() -> None:
    assert armoured(TEXT) == TEXT
    plain = TEXT.split(b"\n\n")[1].partition(b"\n=")[0]
    from base64 import b64decode

    assert armoured(b64decode(plain.replace(b"\n", b""))) == TEXT


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "found nothing"),
        (b"<html>not found</html>", "found something else"),
        (TEXT[:200], "it is not complete"),
        (BINARY[:-1], "it is not complete"),
        (TEXT.replace(b"mDME", b"mDM"), "found a damaged one"),
        (b"\x8b\x00", "found data without a length"),
        (b"\xc6\xe1\x00", "found data in parts"),
        (b"\xc2\x01\x00", "found something else"),
        (b"\x98\x01\x03", "of version 4 or 6, found version 3"),
    ],
)
def test_what_is_no_key(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fingerprints(data)


def test_grouped() -> None:
    assert grouped(LAB) == "5A85 0AE4 DFF9 52D5 AA33 5149 7104 4DE1 9212 36D9"
