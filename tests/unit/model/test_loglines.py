"""Lines out of pieces."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from xcatflow.model.loglines import LONGEST_BYTES, Lines


def texts(*pieces: bytes, stream: int = 1) -> list[str]:
    lines = Lines("n1")
    return [line.text for piece in pieces for line in lines.feed(stream, piece)] + [line.text for line in lines.end()]


def test_pieces_are_joined_to_lines() -> None:
    assert texts(b"one\ntw", b"o\n", b"", b"\nthree") == ["one", "two", "", "three"]
    assert texts() == texts(b"") == []
    assert texts(b"\n") == [""]


def test_a_terminals_ends_of_lines() -> None:
    assert texts(b"one\r\ntwo\r", b"\nover\rwritten\n") == ["one", "two", "over\rwritten"]


def test_letters_are_not_cut_and_other_bytes_replaced() -> None:
    assert texts("grün\n".encode()[:3], "grün\n".encode()[3:]) == ["grün"]
    assert texts(b"\xff\xc3\n", b"\xa4") == ["��", "�"]


def test_streams_are_joined_apart() -> None:
    lines = Lines("n1")
    assert lines.feed(1, b"out") == lines.feed(2, b"err") == []
    found = [*lines.feed(1, b"\n"), *lines.end(), *lines.end()]
    assert [(line.node, line.stream, line.text) for line in found] == [("n1", 1, "out"), ("n1", 2, "err")]


def test_a_line_without_an_end_is_given_out_in_parts() -> None:
    parts = texts(*[b"x" * 65536] * 40)
    assert len(parts) > 1
    assert "".join(parts) == "x" * 65536 * 40
    assert max(map(len, parts)) <= LONGEST_BYTES + 65536


@given(data=st.binary(max_size=40) | st.text("a\r\nä", max_size=20).map(str.encode), cuts=st.lists(st.integers(0, 40)))
def test_it_does_not_matter_where_pieces_end(data: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in pairwise(places)]
    whole = data.replace(b"\r\n", b"\n").decode(errors="replace").split("\n")
    assert texts(*pieces) == (whole if whole[-1] else whole[:-1])
