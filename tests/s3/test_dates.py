"""Dates of headers and documents."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.s3.dates import http_date, iso_date, iso_second, parse_iso_date


@given(st.integers(0, 253402300799))
def test_dates_are_those_of_the_standard_library(seconds: int) -> None:
    date = datetime.fromtimestamp(seconds, UTC)
    assert http_date(seconds * 1000 + 999) == format_datetime(date, usegmt=True)
    assert iso_date(seconds * 1000 + 999) == date.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + (
        ".000Z"
    )
    assert iso_second(seconds) == iso_date(seconds * 1000)


def test_examples() -> None:
    assert http_date(1445412480000) == "Wed, 21 Oct 2015 07:28:00 GMT"
    assert iso_date(1445412480000) == "2015-10-21T07:28:00.000Z"


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2030-01-01T00:00:00Z", 1_893_456_000_000),
        ("2030-01-01T00:00:00.250Z", 1_893_456_000_250),
        ("2030-01-01T00:00:00.123456789Z", 1_893_456_000_123),
        ("2030-01-01T02:00:00+02:00", 1_893_456_000_000),
        ("2030-01-01T00:00:00", 1_893_456_000_000),
        ("2030-01-01T00:00Z", 1_893_456_000_000),
    ],
)
def test_iso_dates_are_read(text: str, ms: int) -> None:
    assert parse_iso_date(text) == ms


@pytest.mark.parametrize(
    "text",
    ["", "2030", "2030-01-01", "2030-02-30T00:00:00Z", "20300101T000000Z", "2030-01-01T25:00:00Z",
     "2030-01-01T00:00:00Z ", "2030-01-01 00:00:00Z", "12030-01-01T00:00:00Z",
     "٢٠٣٠-01-01T00:00:00Z"],
)  # fmt: skip
def test_what_is_no_iso_date(text: str) -> None:
    assert parse_iso_date(text) is None
