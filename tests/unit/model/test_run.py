import re

from xcatflow.model.run import RunRecord, new_run_id


def test_ids_say_when_in_utc() -> None:
    assert re.fullmatch(r"20260101-101112-[0-9a-hjkmnp-tv-z]{4}", new_run_id(1767262272.9))


def test_ids_sort_as_they_were_made() -> None:
    made = [new_run_id(1767262272.0 + 3599.0 * number) for number in range(50)]
    assert made == sorted(made)


def test_ids_of_one_second_differ() -> None:
    assert len({new_run_id(0) for _ in range(50)}) > 45


def test_records_can_be_kept_in_sets() -> None:
    assert len({RunRecord("a", 1.0, "apply", "w", "n"), RunRecord("a", 1.0, "apply", "w", "n")}) == 1
