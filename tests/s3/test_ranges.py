"""Byte ranges of reads and of copies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.errors import InvalidArgument, InvalidRange
from z4tw.s3.ranges import parse_copy_range, parse_range

NUMBERS = st.integers(0, 30)


@given(NUMBERS, st.one_of(st.none(), NUMBERS), NUMBERS)
def test_first_and_last_give_the_bytes_that_a_slice_gives(
    first: int, last: int | None, size: int
) -> None:
    data = bytes(range(size))
    value = f"bytes={first}-{'' if last is None else last}"
    if last is not None and last < first:
        assert parse_range(value, size) is None
    elif first >= size:
        with pytest.raises(InvalidRange):
            parse_range(value, size)
    else:
        found = parse_range(value, size)
        assert found is not None
        offset, length = found
        assert data[offset : offset + length] == data[first : None if last is None else last + 1]
        assert length > 0


@given(NUMBERS, NUMBERS)
def test_a_suffix_gives_the_last_bytes(suffix: int, size: int) -> None:
    if suffix == 0 or size == 0:
        with pytest.raises(InvalidRange):
            parse_range(f"bytes=-{suffix}", size)
    else:
        assert parse_range(f"bytes=-{suffix}", size) == (max(size - suffix, 0), min(suffix, size))


@given(st.text(max_size=20), st.integers(0, 100))
def test_any_text_is_a_range_within_the_object_or_ignored_or_refused(value: str, size: int) -> None:
    for text in (value, "bytes=" + value):
        try:
            found = parse_range(text, size)
        except InvalidRange:
            continue
        if found is not None:
            offset, length = found
            assert offset >= 0
            assert length > 0
            assert offset + length <= size


@pytest.mark.parametrize(
    "value",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=1",
        "bytes=5-2",
        "bytes=0-1,3-4",
        "bytes=0-1,",
        "items=0-1",
        "bytes=--1",
        "bytes=1--2",
        "bytes=+1-2",
        "bytes=²-3",
        "bytes=0x1-2",
    ],
)
def test_what_is_no_single_byte_range_is_ignored(value: str) -> None:
    assert parse_range(value, 10) is None


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("bytes=0-0", (0, 1)),
        ("Bytes = 2-3", (2, 2)),
        ("bytes= 2 - 3 ", (2, 2)),
        ("bytes=0-" + "9" * 5000, (0, 10)),
        ("bytes=" + "0" * 5000 + "1-2", (1, 2)),
        ("bytes=-" + "9" * 5000, (0, 10)),
    ],
)
def test_spaces_and_huge_numbers_are_read(value: str, found: tuple[int, int]) -> None:
    assert parse_range(value, 10) == found


def test_an_unsatisfiable_range_tells_the_size() -> None:
    with pytest.raises(InvalidRange) as caught:
        parse_range("bytes=" + "9" * 5000 + "-", 10)
    assert caught.value.headers == [("Content-Range", "bytes */10")]
    assert caught.value.details["ActualObjectSize"] == "10"


def test_a_copy_range_lies_wholly_within_its_source() -> None:
    assert parse_copy_range("bytes=2-9", 10) == (2, 8)
    assert parse_copy_range("bytes=0-0", 1) == (0, 1)


@pytest.mark.parametrize(
    "value",
    ["", "2-9", "bytes=2-", "bytes=-2", "bytes=a-b", "bytes=5-2", "bytes=2-10", "bytes=0-1,3-4",
     "bytes=10-11", "bytes= 1-2"],
)  # fmt: skip
def test_other_copy_ranges_are_refused(value: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_copy_range(value, 10)
    assert caught.value.details["ArgumentName"] == "x-amz-copy-source-range"
