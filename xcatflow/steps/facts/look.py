"""Looking at what a machine is: one script of few processes for any POSIX shell, most of it one `grep` over /proc and /sys.

Nothing that a bare machine may lack is needed: what is missing leaves its part of the answer empty. Interfaces of containers and what is
no disk are left out on the machine, since a Docker host has thousands of them.

Source: proc(5), sysfs(5), os-release(5), df(1), docker-info(1), docker-version(1), systemd-detect-virt(1).
"""

from xcatflow.model.question import Shell
from xcatflow.steps.networks.bridge_look import WHO_MANAGES

FILES = (
    "/etc/os-release",
    "/usr/lib/os-release",
    "/etc/debian_version",
    "/etc/redhat-release",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/random/boot_id",
    "/proc/meminfo",
    "/proc/swaps",
    "/proc/net/route",
    "/proc/1/comm",
    "/sys/devices/system/cpu/online",
    "/sys/class/dmi/id/sys_vendor",
    "/sys/class/dmi/id/product_name",
    "/proc/device-tree/model",
    "/sys/hypervisor/type",
    "/sys/fs/selinux/enforce",
    "/sys/fs/cgroup/cgroup.controllers",
)
"""What is read as it is."""

TOOLS = ("apt-get", "dnf", "yum", "zypper", "apk", "pacman", "ip", "perl", "python3", "docker", "dockerd")
"""Programs of which it matters whether they are there, package managers first, in the order in which one is chosen."""

_SCRIPT = f"""\
set --
for d in /sys/class/net/*; do
  case ${{d##*/}} in '*'|lo|veth*|v*pl[0-9]*) continue;; esac
  set -- "$@" "$d/address" "$d/operstate" "$d/speed" "$d/mtu" "$d/uevent" "$d/device/uevent"
done
for d in /sys/block/*; do
  case ${{d##*/}} in '*'|loop*|ram*|zram*|nbd*|sr*|fd*) continue;; esac
  set -- "$@" "$d/size" "$d/dev" "$d/queue/rotational" "$d/device/model" "$d/hidden" "$d/dm/name"
  for p in "$d/${{d##*/}}"*/dev; do set -- "$@" "$p"; done
done
echo '#files'; grep -aHs '' {" ".join(FILES)} "$@"
echo '#mounts'; grep -aE ' - [^ ]+ /dev/' /proc/self/mountinfo
echo '#below'; for d in /sys/block/*/slaves/* /sys/block/*/device; do [ -e "$d" ] && echo "$d"; done
echo '#cpu'; sed '/^[[:space:]]*$/q' /proc/cpuinfo
echo '#booted'; while read -r word value _; do [ "$word" = btime ] && echo "$value" && break; done </proc/stat
echo '#arch'; uname -m
echo '#virtualization'; systemd-detect-virt 2>/dev/null
echo '#openssl'; openssl version 2>/dev/null
echo '#space'; df -Pk / 2>/dev/null
echo '#addresses'; ip -o addr show scope global 2>/dev/null
echo '#tools'; for t in {" ".join(TOOLS)}; do command -v "$t" >/dev/null && echo "$t"; done
p=
while read -r link to _; do [ "$to" = 00000000 ] && p=$link && break; done </proc/net/route
b=$p
echo '#stack'; if [ -n "$p" ]; then {WHO_MANAGES}
fi
patient=; command -v timeout >/dev/null && patient='timeout 20'
v=
if [ -S /var/run/docker.sock ] && command -v docker >/dev/null; then
  v=$($patient docker version --format '{{{{json .Server}}}}' 2>/dev/null)
  case $v in
    '{{'*) echo '#version'; echo "$v"; echo '#info'; $patient docker info --format '{{{{json .}}}}' 2>/dev/null;;
    *) v=;;
  esac
fi
if [ -z "$v" ] && command -v dockerd >/dev/null; then echo '#dockerd'; dockerd --version 2>/dev/null; fi
:
"""

QUESTION = Shell(_SCRIPT)
"""What a machine is asked."""
