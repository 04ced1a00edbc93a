"""What is mounted at and below a directory."""

from pathlib import Path

from xcatflow.lab.mounts import below

LINE = "31 23 0:27 / {} rw,relatime shared:5 - overlay overlay rw\n"


def test_below(tmp_path: Path) -> None:
    directory = tmp_path / "an engine"
    directory.mkdir()
    points = ["/", "/proc", str(directory), f"{directory}/a", f"{directory}/a/b", f"{directory}s", str(tmp_path)]
    table = tmp_path / "mountinfo"
    table.write_text("".join(LINE.format(point.replace(" ", "\\040")) for point in points))
    assert below(directory, table) == (f"{directory}/a/b", f"{directory}/a", str(directory))
    assert below(tmp_path / "nothing here", table) == ()
