"""Text for people: aligned, and free of what would steer a terminal."""

from __future__ import annotations

import pytest

from z4tw.cli.output import amount, fields, moment, plain, table


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"),
        (False, "no"),
        (None, "-"),
        ("", "-"),
        ([], "-"),
        (["a", "b"], "a, b"),
        ({"k": "v"}, "k=v"),
        ({}, "-"),
        (3, "3"),
        ("gr\u00fcn", "gr\u00fcn"),
        ("a\x1b[2Jb\n", "a\\x1b[2Jb\\n"),
    ],
)
def test_a_value_as_text(value: object, text: str) -> None:
    assert plain(value) == text


def test_fields_are_aligned() -> None:
    assert fields([("a", 1), ("long name", None)]) == "a          1\nlong name  -"


def test_tables_are_aligned_and_do_not_end_in_spaces() -> None:
    assert table(("A", "LONG"), [("xyz", "1"), ("x", "2")]) == "A    LONG\nxyz  1\nx    2"
    assert table(("A", "B"), []) == "A  B"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (5 << 30, "5.0 GiB"),
        (1 << 51, "2048.0 TiB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert amount(size) == text


def test_times_are_in_utc() -> None:
    assert moment(1_800_000_000_999) == "2027-01-15 08:00:00Z"
