"""An image that many daemons want is pulled once: who gets it from whom, what happens when that fails, and who waits for whom."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from xcatflow.errors import ActFailed, Interrupted, Unreachable, XcatflowError
from xcatflow.model.question import ImageFacts
from xcatflow.transport.protocols import ImageWanted
from xcatflow.transport.spread import MOST_SERVED, TRIED_ALONE, Spread

APP = "registry.lan/app:1"
REPOSITORY = "registry.lan/app"
WANTED = ImageWanted(APP)


@dataclass
class Registry:
    """Tags to (digest, id); `pulls` are the references that were asked for, with who asked; `errors` are for the next ones."""

    tags: dict[str, tuple[str, str]] = field(default_factory=lambda: {APP: ("sha256:d1", "sha256:1")})
    pulls: list[tuple[str, str]] = field(default_factory=list)
    errors: list[XcatflowError] = field(default_factory=list)
    before: Callable[[], None] = lambda: None


@dataclass
class Daemon:
    """As much of a daemon as spreading needs, and of a pool's member."""

    name: str
    registry: Registry
    names: dict[str, str] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    listed: tuple[ImageFacts, ...] = ()
    served: Counter[str] = field(default_factory=Counter)
    serving: int = 0
    most_served: int = 0
    save_error: XcatflowError | None = None
    load_error: XcatflowError | None = None
    breaks_after: int | None = None
    corrupts: bool = False
    delay_s: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)
    slots: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(MOST_SERVED + 1))
    """Requests that it takes at a time; a transfer is one at each end."""

    @property
    def docker(self) -> Any:
        return self

    def has(self, id: str, *names: str) -> "Daemon":
        """With an image, as its listing tells."""
        self.ids.add(id)
        self.names |= dict.fromkeys(names, id)
        tags, digests = (tuple(n for n in names if ("@" in n) is with_digest) for with_digest in (False, True))
        self.listed = (*self.listed, ImageFacts(id, tags, digests))
        return self

    def inspect_image(self, reference: str) -> ImageFacts | None:
        id = reference if reference in self.ids else self.names.get(reference, "")
        if not id:
            return None
        own = [name for name, its in self.names.items() if its == id]
        return ImageFacts(id, tuple(n for n in own if "@" not in n), tuple(n for n in own if "@" in n))

    def pull_image(self, reference: str, *, auth: Any, progress: Callable[[str], None]) -> None:
        self.registry.pulls.append((self.name, reference))
        self.registry.before()
        progress("pulling")
        if self.registry.errors:
            raise self.registry.errors.pop(0)
        for tag, (digest, id) in self.registry.tags.items():
            if reference in (tag, f"{REPOSITORY}@{digest}"):
                self.ids.add(id)
                self.names |= {f"{REPOSITORY}@{digest}": id}
                if reference == tag:
                    self.names |= {tag: id}
                return
        raise ActFailed(f"manifest for {reference} not found")

    @contextmanager
    def save_image(self, reference: str) -> Iterator[Iterator[bytes]]:
        self.slots.acquire()
        with self.lock:
            self.serving += 1
            self.served[reference] += 1
            self.most_served = max(self.most_served, self.serving)
        try:
            if self.save_error:
                raise self.save_error
            if reference not in self.ids:
                raise ActFailed(f"No such image: {reference}")
            yield self._chunks(reference)
        finally:
            self.slots.release()
            with self.lock:
                self.serving -= 1

    def _chunks(self, id: str) -> Iterator[bytes]:
        text = "sha256:other" if self.corrupts else id
        for number, letter in enumerate(text):
            if number == self.breaks_after:
                raise Unreachable(f"{self.name} is gone")
            time.sleep(self.delay_s)
            yield letter.encode()

    def load_image(self, archive: Iterator[bytes]) -> tuple[str, ...]:
        if self.load_error:
            next(archive)
            raise self.load_error
        with self.slots:
            id = b"".join(archive).decode()
        self.ids.add(id)
        return (id,)

    def tag_image(self, reference: str, new: str) -> None:
        assert reference in self.ids
        self.names[new] = reference

    def remove_image(self, reference: str) -> None:
        """As daemons do: with the last tag of a repository its digests go, and with the last name the image."""
        id = self.names.pop(reference, reference)
        if not any("@" not in name for name, its in self.names.items() if its == id):
            self.names = {name: its for name, its in self.names.items() if its != id}
        if id not in self.names.values():
            self.ids.discard(id)


@dataclass
class Closed:
    """A member whose daemon lets nobody in, with the images that it was last seen with."""

    listed: tuple[ImageFacts, ...]

    @property
    def docker(self) -> Any:
        raise Unreachable("d0 is off")


@dataclass
class Rig:
    """Daemons d0, d1 … with one registry."""

    number: int
    registry: Registry = field(default_factory=Registry)
    stopping: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.daemons = {name: Daemon(name, self.registry) for name in (f"d{n}" for n in range(self.number))}
        self.spread = Spread(lambda: dict(self.daemons), self.stopping, self.cancelled)

    def __getitem__(self, name: str) -> Daemon:
        return self.daemons[name]

    def get(self, name: str, wanted: ImageWanted = WANTED) -> str:
        return self.spread.obtain(name, wanted, self.told.append)

    def all(self, wanted: ImageWanted = WANTED, *, fanout: int = 32) -> dict[str, object]:
        """Everybody at once: where each got it from, or why not."""

        def one(name: str) -> object:
            try:
                return self.get(name, wanted)
            except XcatflowError as error:
                return error

        with ThreadPoolExecutor(fanout) as pool:
            return dict(zip(self.daemons, pool.map(one, self.daemons), strict=True))

    def named(self, reference: str = APP) -> list[str | None]:
        """What the name means on each daemon."""
        return [daemon.names.get(reference) for daemon in self.daemons.values()]


@pytest.mark.parametrize("fanout", [1, 2, 32])
def test_one_pull_serves_all(fanout: int) -> None:
    rig = Rig(40)
    sources = rig.all(fanout=fanout)
    assert [name for name, source in sources.items() if source == ""] == [who for who, _ in rig.registry.pulls]
    assert len(rig.registry.pulls) == 1
    assert rig.named() == ["sha256:1"] * 40
    assert sum(sum(daemon.served.values()) for daemon in rig.daemons.values()) == 39


def test_who_got_it_serves_others_and_nobody_more_than_a_few_at_a_time() -> None:
    rig = Rig(16)
    for daemon in rig.daemons.values():
        daemon.delay_s = 0.002
    sources = Counter(rig.all().values())
    assert max(daemon.most_served for daemon in rig.daemons.values()) <= MOST_SERVED
    assert len(sources) > 4, "a tree, not a star"


def test_daemons_that_have_it_already_count() -> None:
    rig = Rig(3)
    rig["d2"].has("sha256:1", APP)
    assert rig.get("d0") == "d2"
    assert rig.get("d1") in ("d0", "d2")
    assert rig.registry.pulls == []


def test_where_daemons_have_different_images_the_registry_decides() -> None:
    rig = Rig(4)
    rig["d1"].has("sha256:old", APP)
    rig["d2"].has("sha256:older", APP)
    assert rig.get("d0") == ""
    assert rig.get("d3") == "d0"
    assert rig.named() == ["sha256:1", "sha256:old", "sha256:older", "sha256:1"]


def test_when_the_first_fails_the_next_one_tries() -> None:
    rig = Rig(8)
    rig.registry.errors = [ActFailed("disk full")]
    results = rig.all()
    assert [str(it) for it in results.values() if isinstance(it, Exception)] == ["disk full"]
    assert sum(it == "sha256:1" for it in rig.named()) == 7
    assert len(rig.registry.pulls) == 2


@pytest.mark.parametrize("full", [TRIED_ALONE, 7])
def test_nobody_gives_up_because_the_disks_of_others_are_full(full: int) -> None:
    rig = Rig(20)
    rig.registry.errors = [ActFailed("no space left on device")] * full
    rig.registry.before = lambda: time.sleep(0.02)
    results = rig.all()
    assert sum(isinstance(it, ActFailed) for it in results.values()) == full
    assert sum(it == "sha256:1" for it in rig.named()) == 20 - full
    assert len(rig.registry.pulls) <= 2 * full, "and still hardly anybody asks the registry"


def test_a_registry_that_lets_all_wait_does_not_let_them_wait_in_turn() -> None:
    rig = Rig(32)
    rig.registry.tags = {}
    rig.registry.before = lambda: time.sleep(0.2)
    begun = time.monotonic()
    results = rig.all()
    assert time.monotonic() - begun < 2.5, "6.4 s one after the other"
    assert {str(it) for it in results.values()} == {f"manifest for {APP} not found"}, "each has its own answer"
    assert len(rig.registry.pulls) == 32
    rig.registry.tags = {APP: ("sha256:d1", "sha256:1")}
    assert rig.get("d0") == "", "who comes later tries anew"


def test_a_source_that_was_opened_after_we_began_serves() -> None:
    rig = Rig(2)
    assert rig.get("d1") == ""
    early = [{"d0": rig["d0"]}]
    spread = Spread(lambda: dict(early.pop()) if early else dict(rig.daemons), rig.stopping, rig.cancelled)
    spread._images, spread._turn, spread._serving = rig.spread._images, rig.spread._turn, rig.spread._serving
    assert spread.obtain("d0", WANTED, rig.told.append) == "d1"


def test_a_source_that_cannot_be_opened_keeps_no_slot() -> None:
    rig = Rig(6)
    rig["d0"].has("sha256:1", APP)
    members: dict[str, Any] = {**rig.daemons, "d0": Closed(rig["d0"].listed)}
    spread = Spread(lambda: members, rig.stopping, rig.cancelled)
    assert spread.obtain("d1", WANTED, rig.told.append) == ""
    assert any("copying from d0 failed: d0 is off" in text for text in rig.told)
    assert not any(spread._serving.values())
    assert spread.obtain("d2", WANTED, rig.told.append) == "d1"


def test_a_source_that_breaks_is_left_out_and_another_one_tried() -> None:
    rig = Rig(4)
    for name in ("d0", "d1", "d2"):
        rig[name].has("sha256:1", APP)
    rig["d0"].breaks_after, rig["d1"].save_error = 3, Unreachable("d1 is off")
    assert rig.get("d3") in ("d2", "")
    assert rig.named()[3] == "sha256:1"
    assert any("copying from d0 failed" in text for text in rig.told)


def test_after_two_sources_the_registry_is_asked() -> None:
    rig = Rig(5)
    for name in ("d0", "d1", "d2", "d3"):
        rig[name].has("sha256:1", APP).save_error = ActFailed("no space")
    assert rig.get("d4") == ""
    assert rig.registry.pulls == [("d4", APP)]
    assert sum(sum(rig[name].served.values()) for name in rig.daemons) == 2


def test_another_image_than_the_sources_is_never_taken() -> None:
    rig = Rig(2)
    rig["d0"].has("sha256:1", APP).corrupts = True
    rig.registry.tags = {}
    rig["d1"].has("sha256:before", APP)
    rig["d1"].listed = ()
    with pytest.raises(ActFailed, match=r"manifest for registry\.lan/app:1 not found"):
        rig.get("d1")
    assert any("is another image: expected 1, found sha256:other" in text for text in rig.told)
    assert (rig["d1"].ids, rig["d1"].names) == ({"sha256:before"}, {APP: "sha256:before"}), "as it was"


def test_a_registry_whose_tag_moved_meanwhile_is_refused_and_what_was_there_comes_back() -> None:
    rig = Rig(3)
    rig["d0"].has("sha256:0", APP).save_error = ActFailed("no space")
    with pytest.raises(
        ActFailed, match=r'another image now \(1\) than the one that is spread \(0\): run .* "pull: always"'
    ):
        rig.get("d1")
    assert APP not in rig["d1"].names
    assert rig["d1"].ids == set()


def test_our_own_daemon_that_is_gone_is_not_the_sources_fault() -> None:
    rig = Rig(3)
    rig["d0"].has("sha256:1", APP)
    rig["d1"].load_error = Unreachable("d1 is off")
    with pytest.raises(Unreachable, match="d1 is off"):
        rig.get("d1")
    assert rig.get("d2") == "d0"


def test_an_image_that_is_there_under_another_name_is_only_named() -> None:
    rig = Rig(2)
    rig["d0"].has("sha256:1", APP)
    rig["d1"].has("sha256:1", "other:1")
    rig["d1"].listed = ()
    assert rig.get("d1") == "d0"
    assert rig["d1"].names == {"other:1": "sha256:1", APP: "sha256:1"}
    assert rig["d0"].served == {}


def test_only_who_has_the_registrys_digest_serves_and_each_has_it_confirmed() -> None:
    rig = Rig(4)
    rig["d0"].has("sha256:old", APP, f"{REPOSITORY}@sha256:d0")
    rig["d1"].has("sha256:1", APP, f"{REPOSITORY}@sha256:d1")
    wanted = ImageWanted(APP, digest="sha256:d1", fresh=True)
    assert rig.get("d0", wanted) == "d1"
    assert rig.registry.pulls == [("d0", f"{REPOSITORY}@sha256:d1")], "no layers: the image is there"
    assert rig["d0"].names[APP] == rig["d0"].names[f"{REPOSITORY}@sha256:d1"] == "sha256:1"


def test_where_the_digest_is_not_known_only_what_this_run_pulled_counts() -> None:
    rig = Rig(3)
    rig["d2"].has("sha256:old", APP)
    wanted = ImageWanted(APP, fresh=True)
    assert rig.get("d0", wanted) == ""
    assert rig.get("d1", wanted) == "d0"
    assert f"{REPOSITORY}@sha256:d1" in rig["d1"].names


def test_a_digest_that_the_registry_does_not_confirm_leaves_nothing() -> None:
    rig = Rig(2)
    pinned = f"{REPOSITORY}@sha256:d1"
    rig["d0"].has("sha256:1", pinned)
    rig.registry.errors = [ActFailed("connection refused")] * 2
    with pytest.raises(ActFailed, match="connection refused"):
        rig.get("d1", ImageWanted(pinned))
    assert (rig["d1"].ids, rig["d1"].names) == (set(), {})
    assert rig.get("d1", ImageWanted(pinned)) == "d0"
    assert rig["d1"].names == {pinned: "sha256:1"}


def test_an_image_without_a_name_that_was_there_stays_when_its_copy_fails() -> None:
    rig = Rig(2)
    wanted = ImageWanted(APP, digest="sha256:d1", fresh=True)
    rig["d0"].has("sha256:1", APP, f"{REPOSITORY}@sha256:d1")
    rig["d1"].has("sha256:1").has("sha256:before", APP)
    rig.registry.errors = [ActFailed("connection refused")] * 2
    with pytest.raises(ActFailed, match="connection refused"):
        rig.get("d1", wanted)
    assert (rig["d1"].ids, rig["d1"].names) == ({"sha256:1", "sha256:before"}, {APP: "sha256:before"})


def test_where_no_registry_may_be_asked_somebody_has_to_have_it() -> None:
    rig = Rig(3)
    with pytest.raises(ActFailed, match="no daemon of this run has it, and no registry may be asked"):
        rig.get("d0", ImageWanted(APP, pull=False))
    other = Rig(3)
    other["d2"].has("sha256:1", APP)
    assert other.get("d0", ImageWanted(APP, pull=False)) == "d2"
    assert other.get("d1", ImageWanted(APP, pull=False)) in ("d0", "d2")
    assert other.registry.pulls == []


def test_waiting_ends_with_the_run() -> None:
    rig = Rig(6)
    gate = threading.Event()
    rig.registry.before = lambda: (gate.wait(10), None)[1]
    results: dict[str, object] = {}
    thread = threading.Thread(target=lambda: results.update(rig.all()))
    thread.start()
    while len(rig.told) < 5:
        time.sleep(0.005)
    rig.stopping.set()
    time.sleep(0.5)
    gate.set()
    thread.join(10)
    assert sorted(type(it).__name__ for it in results.values()) == ["Interrupted"] * 5 + ["str"]


def test_a_second_interrupt_ends_copying_too() -> None:
    rig = Rig(2)
    rig["d0"].has("sha256:1", APP).delay_s = 0.02
    rig.cancelled.set()
    with pytest.raises(Interrupted):
        rig.get("d1")
    assert rig["d1"].ids == set()


def test_how_far_it_is_gets_told() -> None:
    rig = Rig(2)
    rig["d0"].has("sha256:1", APP).delay_s = 0.15
    rig.get("d1")
    assert rig.told[0] == "copying from d0"
    assert any(text.endswith("MB") for text in rig.told)


def test_daemons_that_copy_from_each_other_do_not_wait_for_each_other() -> None:
    """Two daemons with many images, each wanting all that the other has."""
    rig = Rig(2)
    for daemon in rig.daemons.values():
        daemon.delay_s = 0.001
    images = [f"registry.lan/i{number}:1" for number in range(16)]
    for number, name in enumerate(images):
        rig[f"d{number % 2}"].has(f"sha256:{number}", name)
    with ThreadPoolExecutor(32) as pool:
        done = [
            pool.submit(rig.get, f"d{1 - number % 2}", ImageWanted(name, pull=False))
            for number, name in enumerate(images)
        ]
        assert {it.result(20) for it in done} == {"d0", "d1"}
