"""Stamps: ordered as bytes, never repeated, never going back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.model.stamps import (
    STAMP_BYTES,
    HybridClock,
    after,
    pack_stamp,
    parse_version_id,
    stamp_ms,
    version_id_of,
)

NODE = b"12345678"


@given(st.lists(st.integers(0, 2**47), min_size=1, max_size=30))
def test_a_clock_that_jumps_makes_rising_stamps(times: list[int]) -> None:
    remaining = iter(times)
    clock = HybridClock(lambda: next(remaining), NODE)
    stamps = [clock.stamp() for _ in times]
    assert stamps == sorted(set(stamps))
    assert stamp_ms(stamps[0]) == times[0]


@given(st.binary(min_size=20, max_size=20), st.binary(min_size=20, max_size=20))
def test_after_is_later_than_its_floor(stamp: bytes, floor: bytes) -> None:
    if floor[:8] != b"\xff" * 8:
        assert after(stamp, floor) > floor


def test_the_end_of_time_is_refused() -> None:
    with pytest.raises(OverflowError):
        after(bytes(20), b"\xff" * 20)


@given(st.binary(min_size=STAMP_BYTES, max_size=STAMP_BYTES))
def test_version_ids_sort_and_parse_as_their_stamps(stamp: bytes) -> None:
    text = version_id_of(stamp)
    assert len(text) == 32
    assert text == text.lower()
    assert parse_version_id(text) == stamp


def test_text_that_is_no_version_id() -> None:
    for text in ("", "null", "w" * 32, "A" * 32, "0" * 31):
        assert parse_version_id(text) is None


def test_a_node_id_has_eight_bytes() -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        HybridClock(lambda: 0, b"short")
    assert len(pack_stamp(1, NODE, 2**40)) == STAMP_BYTES
