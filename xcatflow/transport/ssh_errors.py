"""Why SSH did not work, in words that say what to do.

Source: exceptions as Paramiko 3.4 to 5.1 raises them.
"""

import socket

import paramiko
from paramiko.ssh_exception import (
    BadAuthenticationType,
    ChannelException,
    IncompatiblePeer,
    NoValidConnectionsError,
    PasswordRequiredException,
    ProxyCommandFailure,
)

SSH_ERRORS = (paramiko.SSHException, OSError, EOFError, ValueError)
"""What opening and using a connection may raise; ValueError comes from keys that do not parse."""


def explain_ssh(error: BaseException, user: str) -> str:
    """The reason of a failed connection as `user`."""
    match error:
        case BadAuthenticationType():
            return f'it lets "{user}" in by {", ".join(error.allowed_types)} only, and keys are what is used here: allow publickey'
        case PasswordRequiredException():
            return "a private key is protected by a passphrase: add it to ssh-agent, or name another IdentityFile"
        case paramiko.AuthenticationException():
            return _login(error, user)
        case ChannelException():
            return f"the jump host does not connect to it: {error.text}"
        case ProxyCommandFailure():
            return f'the ProxyCommand "{error.command}" failed: {error.error}'
        case IncompatiblePeer():
            return f"no common algorithm: {error}"
        case NoValidConnectionsError():
            return next((_system(each) for each in error.errors.values() if isinstance(each, OSError)), str(error))
        case socket.gaierror():
            return "its name has no address: set its ip, or a HostName in the SSH configuration"
        case TimeoutError():
            return "no answer in time"
        case OSError():
            return _system(error)
        case EOFError():
            return "it closed the connection"
    text = " ".join(str(error).split()) or type(error).__name__
    if "No authentication methods" in text:
        return "there is no key to log in with: name an IdentityFile in the SSH configuration, or start ssh-agent"
    if "banner" in text:
        return "what listens there does not greet as an SSH server in time"
    return text


def _login(error: paramiko.AuthenticationException, user: str) -> str:
    text = str(error)
    if "timeout" in text.lower():
        return "it did not answer our login in time"
    return f'it does not let "{user}" in with our keys: put the public key into its authorized_keys, or set User and IdentityFile'


def _system(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).lower()
