"""Dates of headers and documents."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

from hypothesis import given
from hypothesis import strategies as st

from z4tw.s3.dates import http_date, iso_date, iso_second


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
