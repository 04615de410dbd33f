"""Filters, and which classes take small objects."""

from __future__ import annotations

import pytest

from z4tw.lifecycle.rules import ALL_128K, VARIES, Filter, takes_small


def test_a_filter_takes_what_has_all_that_it_names() -> None:
    filter = Filter("a/", (("k", "v"), ("l", "")), 10, 20, joined=True)
    assert filter.takes_key("a/b")
    assert not filter.takes_key("b/a/")
    assert [size for size in range(9, 22) if filter.takes_size(size)] == list(range(11, 20))
    assert filter.takes_tags({"k": "v", "l": "", "m": "x"})
    assert not filter.takes_tags({"k": "v"})
    assert not filter.takes_tags({"k": "V", "l": ""})


def test_an_empty_filter_takes_everything() -> None:
    filter = Filter()
    assert filter.takes_key("")
    assert filter.takes_size(0)
    assert filter.takes_tags({})
    assert not filter.sized
    assert Filter(greater=0).sized


@pytest.mark.parametrize(
    ("minimum", "storage_class", "small"),
    [
        (ALL_128K, "GLACIER", False),
        (ALL_128K, "ZSTD", False),
        (VARIES, "GLACIER", True),
        (VARIES, "DEEP_ARCHIVE", True),
        (VARIES, "STANDARD_IA", False),
        (VARIES, "GLACIER_IR", False),
        (VARIES, "ZSTD", True),
    ],
)
def test_small_objects_move_only_where_the_minimum_allows_it(
    minimum: str, storage_class: str, small: bool
) -> None:
    assert takes_small(minimum, storage_class) == small
