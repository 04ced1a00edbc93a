"""What has containers end with their machine: a drop-in for the engine's unit, as steps.

With live restore dockerd leaves its containers running when it ends. systemd ends them at the very last of a shutdown, and waits 90 s
(DefaultTimeoutStopSec) for those that ignore SIGTERM, without a network and unseen.

Source: systemd.service(5) on ExecStopPost; systemctl(1) on `is-system-running`; runc's state.json below /run/docker.
"""

from collections.abc import Iterator

from xcatflow.contract import Part

_DIRECTORY = "/etc/systemd/system/docker.service.d"
_FILE = f"{_DIRECTORY}/20-shutdown.conf"
_READ = '[ "$(systemctl show -p NeedDaemonReload --value docker.service)" != yes ]'
_TEXT = """\
# With live restore dockerd leaves its containers running when it ends. When the machine shuts down, systemd ends them at the very last, and
# waits 90 s for those that ignore SIGTERM. So they are asked as soon as the engine has ended, and get 10 s; restart policies hold at the
# next boot as ever. A restart of the engine leaves them alone.
[Service]
ExecStopPost=-/bin/sh -c '[ "$$(systemctl is-system-running)" = stopping ] || exit 0; \\
  for f in /run/docker/runtime-*/moby/*/state.json; do \\
    p=$$(sed -n "s/.*.init_process_pid.:\\\\([0-9]*\\\\).*/\\\\1/p" "$$f" 2>/dev/null); [ -z "$$p" ] || l="$$l $$p"; \\
  done; \\
  for p in $$l; do kill -TERM $$p 2>/dev/null; done; n=0; \\
  while [ $$n -lt 20 ]; do \\
    left=; for p in $$l; do ! kill -0 $$p 2>/dev/null || left="$$left $$p"; done; [ -n "$$left" ] || exit 0; n=$$((n+1)); sleep 0.5; \\
  done; \\
  kill -KILL $$left 2>/dev/null'
"""


def shutdown_parts() -> Iterator[Part]:
    """The drop-in in place, and known to systemd; nothing is restarted."""
    yield Part("drop-ins", "directory.present", {"path": _DIRECTORY})
    yield Part("shutdown", "file.present", {"path": _FILE, "content": _TEXT})
    yield Part("reloaded", "ssh.command", {"run": "systemctl daemon-reload", "unless": _READ})
