"""TCP ports as seen from where xcatflow runs."""

import socket

_TIMEOUT_S = 2.0


def port_open(host: str, port: int) -> bool:
    """Does a TCP connection from here open within two seconds?"""
    try:
        with socket.create_connection((host, port), timeout=_TIMEOUT_S):
            return True
    except (OSError, UnicodeError):  # UnicodeError: no host can have such a name
        return False
