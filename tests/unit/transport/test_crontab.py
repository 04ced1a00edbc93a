"""Crontabs: a site's lines are put in and taken out, and every other byte stays; the program is run as it has to be."""

import fcntl
import re
import shlex
import subprocess
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.crontab import FakeCrontab
from xcatflow.errors import ActFailed, CannotTell, InvalidInput, NotConverged
from xcatflow.transport.crontab import CronEntry, Crontab, chains_in, entries_of, merge, without

SITE = Path("/srv/site")
ODD = Path('/srv/it\'s 100% #1, $HOME "a" `b` ; # xcatflow site /srv/site')


def entry(chain: str = "site", schedule: str = "17 * * * *", site: Path = SITE) -> CronEntry:
    command = shlex.join(["/opt/py thon/bin/python", "-m", "xcatflow", "--site", str(site), "chain", chain])
    return CronEntry(schedule, chain, command, site)


def line(chain: str = "site", schedule: str = "17 * * * *") -> str:
    return f"{schedule} '/opt/py thon/bin/python' -m xcatflow --site /srv/site chain {chain} # xcatflow {chain} /srv/site\n"


OTHERS = "# mine\nMAILTO=root\n\n  5 4 * * *\tbackup % x\r\n@reboot\tx # xcatflow site /srv/other\n"
TABLE = [
    ("an empty crontab", "", [entry()], line()),
    ("new lines go to the end", OTHERS, [entry(), entry("night", "@daily")], OTHERS + line() + line("night", "@daily")),
    ("nothing to do", OTHERS + line(), [entry()], OTHERS + line()),
    ("changed in its place", f"{line()}1 2 3 4 5 x\n", [entry(schedule="0 3 * * *")], f"{line(schedule='0 3 * * *')}1 2 3 4 5 x\n"),
    ("moved by hand", f"{line('b')}\n{line('a')}", [entry("a"), entry("b")], f"{line('b')}\n{line('a')}"),
    ("a chain that lost its schedule", f"a\n{line('old')}b\n", [], "a\nb\n"),
    ("copied by hand", line() + "x\n" + line(), [entry()], line() + "x\n"),
    ("commented out by hand", "#" + line(), [entry()], line()),
    ("changed by hand", line().replace(" -m", " -v -m"), [entry()], line()),
    ("saved by an editor with CRLF", line().replace("\n", "\r\n"), [entry()], line()),
    ("no line break at the end", "1 2 3 4 5 x", [entry()], line() + "1 2 3 4 5 x"),
    ("ours without a line break", "x\n" + line().rstrip("\n"), [entry()], "x\n" + line()),
    ("another site's, longer path", line().replace("/srv/site", "/srv/site2"), [], line().replace("/srv/site", "/srv/site2")),
    ("another site's, same end", line().replace("/srv/site", "/x/srv/site"), [], line().replace("/srv/site", "/x/srv/site")),
    ("only like ours", "1 2 3 4 5 x # xcatflow Site /srv/site\n", [], "1 2 3 4 5 x # xcatflow Site /srv/site\n"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "entries", "after"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_merge(before: str, entries: list[CronEntry], after: str) -> None:
    assert merge(before, SITE, entries) == after
    assert merge(after, SITE, entries) == after


def test_merging_one_chain_leaves_the_others() -> None:
    before = line("a") + line("old")
    assert merge(before, SITE, [entry("a", "@daily")], prune=False) == line("a", "@daily") + line("old")


def test_without_takes_one_chain_or_all() -> None:
    text = OTHERS + line("a") + "x\n" + line("b")
    assert without(text, SITE, "a") == OTHERS + "x\n" + line("b")
    assert without(text, SITE) == OTHERS + "x\n"
    assert without(text, Path("/srv")) == text


def test_entries_are_read_back_as_they_were_written() -> None:
    entries = (entry(), entry("night", "@daily"))
    text = merge(OTHERS, SITE, entries)
    assert entries_of(text, SITE) == entries
    assert entries_of(text.replace("17 *", "#17 *"), SITE) == entries[1:]
    assert chains_in(text.replace("17 *", "#17 *"), SITE) == ("site", "night")
    assert entries_of(text.replace("17 * * * * ", " 17\t*  * * *\t "), SITE)[0].command == entries[0].command


def test_sites_with_any_path_live_side_by_side() -> None:
    sites = [
        SITE,
        ODD,
        Path("/srv/a b"),
        Path("/srv/a"),
        Path("/srv/%"),
        Path("/srv/ä"),
        Path("/srv/a/# xcatflow x /srv/a"),
    ]
    text = ""
    for site in sites:
        text = merge(text, site, [entry(site=site), entry("other", site=site)])
    for site in sites:
        assert entries_of(text, site) == (entry(site=site), entry("other", site=site))
        rest = without(text, site)
        assert len(rest.splitlines()) == 2 * (len(sites) - 1)
        assert entries_of(rest, site) == ()


@pytest.mark.parametrize("site", ["/a\nb", "/a\rb", "/a\\b", "/a\x00b", "/a\x1bb"])
def test_what_a_crontab_cannot_hold_is_refused(site: str) -> None:
    with pytest.raises(InvalidInput, match="a crontab cannot hold the character"):
        merge("", Path(site), [entry(site=Path(site))])


def as_cron_does(command: str) -> str:
    """What cron hands to the shell: up to the first `%` that no backslash precedes; the others without their backslash."""
    return re.split(r"(?<!\\)%", command)[0].replace(r"\%", "%")


@pytest.mark.parametrize("site", [SITE, ODD, Path("/srv/100%/%d")], ids=str)
def test_the_shell_gets_the_words_that_were_meant(site: Path) -> None:
    words = ["printf", "[%s]", str(site), "a b", "%"]
    text = merge("", site, [CronEntry("@daily", "site", shlex.join(words), site)])
    command = as_cron_does(text.partition(" ")[2].rstrip("\n"))
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout == f"[{site}][a b][%]"


# --- any crontab ---

FOREIGN = st.one_of(
    st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(
        ["", "#", "MAILTO=x", "5 4 * * * x\r", "\x85", "\u2028 x", "5 4 3 2 1 y % z", "# xcatflow", line()[:-1] + "y"]
    ),
)
OURS = st.sampled_from([line("a"), line("b", "@daily"), "#" + line("a"), line("c").replace("\n", "\r\n")])
NAMES = st.lists(st.sampled_from("abcd"), unique=True, max_size=4)


@st.composite
def foreign(draw: st.DrawFn) -> str:
    text = "".join(f"{part}\n" for part in draw(st.lists(FOREIGN, max_size=6)))
    return text.removesuffix("\n") if draw(st.booleans()) else text


@settings(deadline=None)
@given(foreign(), NAMES)
def test_what_is_put_in_comes_out_and_leaves_every_byte(text: str, names: list[str]) -> None:
    entries = [entry(name) for name in names]
    merged = merge(text, SITE, entries)
    assert entries_of(merged, SITE) == tuple(entries)
    assert merge(merged, SITE, entries) == merged
    assert without(merged, SITE) == text
    assert without(merged, ODD) == merged


@settings(deadline=None)
@given(st.lists(st.one_of(FOREIGN.map(lambda part: part + "\n"), OURS), max_size=8), NAMES, st.booleans())
def test_among_our_own_lines_too(lines: list[str], names: list[str], prune: bool) -> None:
    text, entries = "".join(lines), [entry(name) for name in names]
    merged = merge(text, SITE, entries, prune=prune)
    assert merge(merged, SITE, entries, prune=prune) == merged
    assert without(merged, SITE) == without(text, SITE)
    assert set(chains_in(merged, SITE)) == set(names) | (set() if prune else set(chains_in(text, SITE)))
    for name in names:
        assert [found for found in entries_of(merged, SITE) if found.chain == name] == [entry(name)]


# --- the program ---


@pytest.fixture
def fake(tmp_path: Path) -> FakeCrontab:
    return FakeCrontab.make(tmp_path / "bin")


@pytest.fixture
def crontab(fake: FakeCrontab, tmp_path: Path) -> Crontab:
    return Crontab(tmp_path / "home" / "crontab.lock", fake.environ)


def test_none_is_empty_and_is_made(fake: FakeCrontab, crontab: Crontab) -> None:
    assert crontab.read() == ""
    assert crontab.write("", line()) is True
    assert fake.table == line().encode()
    assert crontab.read() == line()


@pytest.mark.parametrize(
    "content", [b"", b"a\xffb\n", b"# \xc3\xa4\r\n\r\n", b"printf 'a\\r\\n'\n", b"\\r\r\n", b"a\x0c\x0b\x85b\n"]
)
def test_bytes_stay_what_they_are(fake: FakeCrontab, crontab: Crontab, content: bytes) -> None:
    fake.table = content
    before = crontab.read()
    crontab.write(before, merge(before, SITE, [entry()]))
    assert fake.table == content + line().encode()
    after = crontab.read()
    crontab.write(after, without(after, SITE))
    assert fake.table == content


def test_nothing_is_written_where_nothing_changes(fake: FakeCrontab, crontab: Crontab) -> None:
    fake.table = line().encode()
    assert crontab.write(line(), line()) is False
    assert fake.calls == []


def test_a_crontab_that_was_changed_meanwhile_is_left_alone(fake: FakeCrontab, crontab: Crontab) -> None:
    before = crontab.read()
    fake.table = b"1 2 3 4 5 somebody else's\n"
    with pytest.raises(ActFailed, match="was changed by somebody else meanwhile, nothing was written"):
        crontab.write(before, line())
    assert fake.table == b"1 2 3 4 5 somebody else's\n"
    assert "-" not in fake.calls


def test_writers_wait_for_each_other(fake: FakeCrontab, crontab: Crontab, tmp_path: Path) -> None:
    lock = tmp_path / "home" / "crontab.lock"
    lock.parent.mkdir()
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        writer = threading.Thread(target=crontab.write, args=("", line()))
        writer.start()
        writer.join(0.3)
        assert writer.is_alive()
        assert fake.calls == []
    writer.join(10)
    assert fake.table == line().encode()


def test_what_the_program_says_is_told(fake: FakeCrontab, crontab: Crontab) -> None:
    fake.set("fails", '"-":0: bad minute\nerrors in crontab file, can\'t install.\n')
    with pytest.raises(
        ActFailed, match=r'the crontab was not changed: "-":0: bad minute; errors in crontab file, can\'t install\.$'
    ):
        crontab.write("", line())
    assert fake.table is None
    fake.set("fails-to-read", "You (tester) are not allowed to use this program (crontab)\n")
    with pytest.raises(
        CannotTell, match=r"^the crontab cannot be read: You \(tester\) are not allowed to use this program"
    ):
        crontab.read()
    fake.set("fails-to-read", "")
    with pytest.raises(CannotTell, match="exit status 1, it said nothing"):
        crontab.read()


def test_bytes_that_cannot_be_had_exactly_are_not_guessed(fake: FakeCrontab, crontab: Crontab) -> None:
    fake.table = b"1 2 3 4 5 x\r\n"
    fake.set("fails-to-edit", "no room for a copy\n")
    with pytest.raises(CannotTell, match="the crontab cannot be read: no room for a copy"):
        crontab.read()


def test_a_program_that_does_not_end_or_does_not_begin(
    fake: FakeCrontab, crontab: Crontab, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = fake.directory / "crontab"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr("xcatflow.transport.crontab._TIMEOUT_S", 0.1)
    with pytest.raises(CannotTell, match=r'"crontab -l" did not end within 0\.1 s'):
        crontab.read()
    program.write_text("no program\n")
    with pytest.raises(CannotTell, match=f'"{program}" cannot be run: Exec format error'):
        crontab.read()


def test_a_line_that_was_never_finished_is_refused_by_the_program(fake: FakeCrontab, crontab: Crontab) -> None:
    fake.table = b"1 2 3 4 5 x"
    before = crontab.read()
    with pytest.raises(ActFailed, match="missing newline before EOF"):
        crontab.write(before, merge(before, SITE, [entry()]))
    assert fake.table == b"1 2 3 4 5 x"


def test_a_program_that_keeps_nothing_is_found_out(fake: FakeCrontab, crontab: Crontab) -> None:
    fake.set("forgets")
    with pytest.raises(NotConverged, match="does not show what was written"):
        crontab.write("", line())


def test_without_the_program_a_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ActFailed, match=r'"crontab" is not on PATH: install the package "cron" \(Debian, Ubuntu\) or "cronie"'
    ):
        Crontab(tmp_path / "lock", {"PATH": str(tmp_path)}).read()


def test_a_lock_that_cannot_be_taken_is_told(fake: FakeCrontab, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ActFailed, match="cannot lock the crontab with"):
        Crontab(tmp_path / "file" / "lock", fake.environ).write("", line())
    assert fake.table is None
