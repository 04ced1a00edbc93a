"""OpenPGP public keys: is it one, and which. Nothing is verified here, that is the package managers' work.

Source: RFC 9580 (OpenPGP): packets 4.2, public keys 5.5.2, fingerprints 5.5.4, ASCII armour 6.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from collections.abc import Iterator
from hashlib import sha1, sha256

ARMOUR = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"
_BLOCK = re.compile(
    rb"-----BEGIN PGP PUBLIC KEY BLOCK-----[ \t]*\r?\n(?:[A-Za-z]+: [^\n]*\n)*[ \t]*\r?\n?"
    rb"([A-Za-z0-9+/=\s]+?)\s*(?:\n=[A-Za-z0-9+/]{4}\s*)?-----END PGP PUBLIC KEY BLOCK-----"
)
_PUBLIC_KEY = 6
_INDEFINITE = 3
_LINE = 64
_CRC_START, _CRC_POLYNOMIAL = 0xB704CE, 0x1864CFB


def fingerprints(data: bytes) -> tuple[str, ...]:
    """The fingerprints (capital hexadecimal) of the primary keys in a file, armoured or not. Raises ValueError where it is no such file."""
    found: list[str] = []
    for number, (tag, body) in enumerate(_packets(_binary(data))):
        if number == 0 and tag != _PUBLIC_KEY:
            raise ValueError("expected an OpenPGP public key, found something else")
        if tag == _PUBLIC_KEY:
            found.append(_fingerprint(body))
    if not found:
        raise ValueError("expected an OpenPGP public key, found nothing")
    return tuple(found)


def armoured(data: bytes) -> bytes:
    """The same keys as text."""
    if ARMOUR in data:
        return data
    text = b64encode(data).decode()
    lines = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
    check = b64encode(_crc24(data).to_bytes(3, "big")).decode()
    return "\n".join([ARMOUR.decode(), "", *lines, f"={check}", "-----END PGP PUBLIC KEY BLOCK-----", ""]).encode()


def grouped(fingerprint: str) -> str:
    """A fingerprint as people compare it: in groups of four."""
    return " ".join(fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4))


def _binary(data: bytes) -> bytes:
    if ARMOUR not in data:
        return data
    blocks = _BLOCK.findall(data)
    if not blocks:
        raise ValueError("expected an OpenPGP public key, found the beginning of one: it is not complete")
    try:
        return b"".join(b64decode(b"".join(block.split()), validate=True) for block in blocks)
    except BadBase64:
        raise ValueError("expected an OpenPGP public key, found a damaged one") from None


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, body) of every packet. Raises ValueError where the lengths do not fit."""
    at = 0
    while at < len(data):
        head = data[at]
        if not head & 0x80:
            raise ValueError("expected an OpenPGP public key, found something else")
        tag, begin, size = _new(data, at) if head & 0x40 else _old(data, at)
        if begin + size > len(data):
            raise ValueError("expected an OpenPGP public key, found part of one: it is not complete")
        yield tag, data[begin : begin + size]
        at = begin + size


def _new(data: bytes, at: int) -> tuple[int, int, int]:
    """(tag, where the body begins, its size in bytes) of a packet with a header in the present form."""
    tag, first = data[at] & 0x3F, data[at + 1] if at + 1 < len(data) else 0
    if first < 192:
        return tag, at + 2, first
    if first < 224:
        return tag, at + 3, ((first - 192) << 8) + int.from_bytes(data[at + 2 : at + 3], "big") + 192
    if first == 0xFF:
        return tag, at + 6, int.from_bytes(data[at + 2 : at + 6], "big")
    raise ValueError("expected an OpenPGP public key, found data in parts")


def _old(data: bytes, at: int) -> tuple[int, int, int]:
    """The same for a header in the former form."""
    tag, sort = data[at] >> 2 & 0x0F, data[at] & 3
    if sort == _INDEFINITE:
        raise ValueError("expected an OpenPGP public key, found data without a length")
    width = 1 << sort
    return tag, at + 1 + width, int.from_bytes(data[at + 1 : at + 1 + width], "big")


def _fingerprint(body: bytes) -> str:
    match body[:1]:
        case b"\x04":
            return sha1(b"\x99" + len(body).to_bytes(2, "big") + body, usedforsecurity=False).hexdigest().upper()
        case b"\x06":
            return sha256(b"\x9b" + len(body).to_bytes(4, "big") + body).hexdigest().upper()
        case version:
            raise ValueError(
                f"expected an OpenPGP key of version 4 or 6, found version {version[0] if version else 'none'}"
            )


def _crc24(data: bytes) -> int:
    crc = _CRC_START
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= _CRC_POLYNOMIAL
    return crc & 0xFFFFFF
