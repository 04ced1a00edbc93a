"""Which of the kernel's capabilities this machine may hand out; where one is missing, no container can be privileged.

Source: capabilities(7) and linux/capability.h (numbers); proc_pid_status(5), `CapBnd`.
"""

from pathlib import Path

NAMES = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT",
    "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE",
    "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
    "PERFMON", "BPF", "CHECKPOINT_RESTORE",
)  # fmt: skip
NEEDED = frozenset({"SYS_ADMIN", "NET_ADMIN", "MKNOD", "SYS_CHROOT", "SYS_PTRACE", "SETFCAP", "NET_RAW"})
"""Without these no systemd, or no engine inside a host."""


def missing(
    status: Path = Path("/proc/self/status"), last: Path = Path("/proc/sys/kernel/cap_last_cap")
) -> tuple[str, ...]:
    """Capabilities that the kernel knows and this process's bounding set lacks, without `CAP_`; those without a name here are left out."""
    bounds = next(int(line.split()[1], 16) for line in status.read_text().splitlines() if line.startswith("CapBnd:"))
    known = NAMES[: int(last.read_text()) + 1]
    return tuple(name for number, name in enumerate(known) if not bounds >> number & 1)
