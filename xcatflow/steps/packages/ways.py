"""The three package managers as shell functions, for looks and for acts: which one a machine has, and how each is called.

Nothing asks questions, changed configuration files are kept, nothing without a valid signature is installed, and a package manager that
is already at work is waited for. An interrupted dpkg, and an installation that was left half-done, are helped up once.

Source: apt-get(8), apt.conf(5), dpkg(1), dnf(8), zypper(8) with its exit codes, and the messages they print.
"""

from typing import Literal

Way = Literal["apt", "dnf", "zypper"]

WAY = """\
way=
if command -v apt-get >/dev/null && [ -s "${DPKG_ADMINDIR:-/var/lib/dpkg}/status" ]; then way=apt
elif command -v zypper >/dev/null && ls /etc/zypp/repos.d/*.repo >/dev/null 2>&1; then way=zypper
elif dnf=$(command -v dnf) || dnf=$(command -v yum); then way=dnf
elif command -v zypper >/dev/null; then way=zypper
else echo "there is neither apt nor dnf nor zypper" >&2; exit 1; fi
"""
"""Says in $way which package manager the machine has, and in $dnf where dnf or yum is; ends the script where there is none."""

INDEX_AGE = """\
index_age() {
  case $way in
  apt) ls /var/lib/apt/lists/*_* >/dev/null 2>&1 && set -- "$(stat -c %Y /var/lib/apt/lists)" || set --;;
  dnf) set -- $(stat -c %Y /var/cache/dnf/*/repodata/repomd.xml 2>/dev/null | sort -n);;
  zypper) set -- $(stat -c %Y /var/cache/zypp/raw/*/repodata/repomd.xml 2>/dev/null | sort -n);;
  esac
  [ $# = 0 ] || echo $(($(date +%s) - $1))
}
"""
"""Prints the age of the package index in seconds, that of its oldest part; nothing where there is none."""

ACTS = """\
out= code=0
run_apt() { apt-get -y -q -o DPkg::Lock::Timeout="$lock" -o APT::Get::AllowUnauthenticated=false \\
  -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -o APT::Install-Recommends="$weak" \\
  -o APT::Update::Error-Mode=any -o Acquire::Retries=2 "$@" </dev/null 2>&1; }
configure() { dpkg --force-confdef --force-confold --configure -a </dev/null >/dev/null 2>&1; }
apt() {
  end=$(($(date +%s) + lock)) mended= fixed=
  while out=$(run_apt "$@"); code=$?; [ $code != 0 ]; do
    case $out in
      *"dpkg was interrupted"*)
        [ -z "$mended" ] || return $code
        mended=1; configure;;
      *"--fix-broken install"*|*"needs to be reinstalled, but"*)
        [ -z "$fixed" ] || return $code
        fixed=1; configure; fix=$(run_apt --fix-broken install) || { out="$fix" code=$?; return $code; };;
      *"Could not get lock"*|*"Unable to lock directory"*)
        [ "$(date +%s)" -lt $end ] || return $code
        sleep 2;;
      *) return $code;;
    esac
  done
  return 0
}
zyp() {
  out=$(ZYPP_LOCK_TIMEOUT="$lock" zypper -n --no-refresh "$@" </dev/null 2>&1); code=$?
  # These say that something else is to be done some time: a restart, other updates.
  case $code in 100|101|102|103) code=0;; esac
  return $code
}
fetch() {
  fetched=1
  case $way in
    dnf) out=$($dnf -q clean expire-cache 2>&1); code=$?; return $code;;
    zypper) zyp refresh;;
    apt) apt update && { touch -c /var/lib/apt/lists || :; };;
  esac
}
old() { age=$(index_age); [ $way = apt ] && { [ -z "$age" ] || [ "$age" -gt $index_s ]; }; }
do_it() {
  case $way in
    apt) apt "$@";;
    zypper) zyp "$@";;
    dnf)
      # What came from the site over SSH needs no signature.
      for own in /etc/yum.repos.d/xcatflow-directory-*.repo; do
        [ ! -e "$own" ] || { own=${own##*/}; set -- "--setopt=${own%.repo}.gpgcheck=0" "$@"; }
      done
      out=$($dnf -y -q --setopt=gpgcheck=1 --setopt='*.gpgcheck=1' --setopt=best=1 \\
        --setopt=install_weak_deps="$weak" "$@" </dev/null 2>&1)
      code=$?; return $code;;
  esac
}
present() { dpkg-query -W -f '${db:Status-Status} ${Package}\\n' | sed -n "s/^\\($1\\) //p"; }
clear_up() { # the archives that were fetched give their room back, what is unpacked is made usable, and what cannot be goes again
  { apt-get -q clean; configure; } >/dev/null 2>&1
  for half in $(present 'unpacked\\|half-[a-z]*'); do
    # Never what was there before.
    case "
$before
" in *"
$half
"*) ;; *) dpkg --force-depends --force-remove-reinstreq --remove "$half" >/dev/null 2>&1;; esac
  done
}
finish() {
  case $code,$out in
    0,*) ;;
    *"No space left on device"*|*"not enough free space"*|*"At least"*"more space needed"*|*"disk space"*)
      [ $way != apt ] || clear_up
      echo "=disk full" >&2;;
  esac
  [ $code = 0 ] || printf '%s\\n' "$out" >&2; exit $code
}
fetched= before=
[ $way != apt ] || before=$(present installed)
"""
"""Functions for acts. They want $lock (seconds), $weak (true, false), $index_s (seconds); `do_it WORDS...` runs the package manager with
its output in $out and its status in $code, `finish` ends the script with it."""
