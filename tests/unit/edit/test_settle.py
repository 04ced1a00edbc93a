"""What is written for an object after an edit, whatever was written before and whatever defaults stand behind it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from xcatflow.edit.settle import Entry, settled
from xcatflow.load.normal import own_values
from xcatflow.load.stanza_text import spread

ADAPTERS = ("eth0", "eth1", "ib0")
VALUES = ("a", "b|c", "|10.0.0.($1+0)|")

joined = st.lists(st.sampled_from(ADAPTERS), unique=True).flatmap(
    lambda nics: st.tuples(*(st.sampled_from(VALUES).map(f"{nic}!".__add__) for nic in nics)).map(",".join)
)
lines = st.one_of(
    st.tuples(st.just("nicips"), joined | st.sampled_from(("old", ""))),
    st.tuples(st.sampled_from([f"nicips.{nic}" for nic in ADAPTERS]), st.sampled_from((*VALUES, ""))),
    st.tuples(st.sampled_from([f"nics.nicips.{nic}" for nic in ADAPTERS]), st.sampled_from((*VALUES, ""))),
    st.tuples(st.sampled_from(("ip", "hosts.ip")), st.sampled_from(("1", "2", ""))),
    st.tuples(st.just("mgt"), st.sampled_from(("docker", "kvm", ""))),
    st.tuples(st.just("vm.host"), st.sampled_from(("h", "g", ""))),
)
wishes = st.fixed_dictionaries(
    {
        "nicips": joined,
        "ip": st.sampled_from(("1", "3", "")),
        "mgt": st.sampled_from(("docker", "kvm", "")),
        "dockerhost": st.sampled_from(("h", "q", "")),
        "vmhost": st.sampled_from(("h", "q", "")),
    }
).map(lambda values: {attribute: value for attribute, value in values.items() if value})


def read(entries: list[Entry], defaults: dict[str, str]) -> dict[str, str]:
    """What a stanza of these lines says: the last of two equal names counts, a default where there is none."""
    written: dict[str, str] = {}
    for entry in entries:
        written.pop(entry.written, None)
        written[entry.written] = entry.value
    return own_values("node", {name: value for name, value in defaults.items() if name not in written} | written)


@settings(max_examples=300, deadline=None)
@given(st.lists(lines, max_size=5), st.lists(lines, max_size=2).map(dict), wishes, st.booleans())
def test_every_wish_can_be_written(
    before: list[tuple[str, str]], defaults: dict[str, str], wanted: dict[str, str], joined: bool
) -> None:
    entries = [Entry(*line, at) for at, line in enumerate(before)]
    found = settled("node", entries, wanted, defaults, joined=joined)
    assert found is not None
    assert read(found, defaults) == wanted
    kept = [entry.at for entry in found if entry.at is not None]
    assert kept == sorted(set(kept))
    assert settled("node", found, wanted, defaults, joined=joined) == found


@given(st.lists(lines, max_size=5), st.lists(lines, max_size=2).map(dict))
def test_what_is_so_already_stays_as_it_is(before: list[tuple[str, str]], defaults: dict[str, str]) -> None:
    entries = [Entry(*line, at) for at, line in enumerate(before)]
    assert settled("node", entries, read(entries, defaults), defaults) == entries


def test_adapters_are_spread_where_that_says_the_same() -> None:
    values = {"usercomment": "x", "nicips": "eth1!a,eth0!b|c", "nictypes": "eth0!a,,b", "nicaliases": "a b!c"}
    assert spread("node", values) == [
        ("nicaliases", "a b!c"),
        ("nicips.eth1", "a"),
        ("nicips.eth0", "b|c"),
        ("nictypes", "eth0!a,,b"),
        ("usercomment", "x"),
    ]
    assert spread("site", {"nicips": "eth0!a"}) == [("nicips", "eth0!a")]
