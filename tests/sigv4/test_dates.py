"""Dates of signed requests."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.sigv4.dates import amz_date, iso_date, parse_amz_date, parse_http_date

TIMES = st.integers(0, 253_402_300_799)


@given(TIMES)
def test_an_iso_date_is_read_as_it_was_written(timestamp: int) -> None:
    assert parse_amz_date(amz_date(timestamp)) == timestamp


@given(TIMES)
def test_a_date_header_is_read_as_it_was_written(timestamp: int) -> None:
    assert parse_http_date(formatdate(timestamp, usegmt=True)) == timestamp
    assert parse_http_date(formatdate(timestamp)) == timestamp  # zone as -0000
    assert parse_http_date(amz_date(timestamp)) == timestamp


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20130524",
        "20130524T000000",
        "20130524 000000Z",
        "20130524t000000Z",
        "20130524T000000z",
        "20130230T000000Z",
        "20131324T000000Z",
        "20130524T240000Z",
        "20130524T006000Z",
        "20130524T000061Z",
        "00000524T000000Z",
        "2013 524T000000Z",
        "+2130524T000000Z",
        "20130524T0_0000Z",
        "٢٠١٣٠٥٢٤T000000Z",
        "2013-05-24T00:00:00Z",
    ],
)
def test_what_is_no_iso_date_is_none(text: str) -> None:
    assert parse_amz_date(text) is None
    assert parse_http_date(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Fri, 24 May 2013 00:00:00 CET",
        "Fri, 24 May 2013 00:00:00 +0200",
        "Fri, 24 Mai 2013 00:00:00 GMT",
        "Fri, 24 May 13 00:00:00 GMT",
        "Fri, 124 May 2013 00:00:00 GMT",
        "Fri, 24 May 2013 0:00:00 GMT",
        "Fri, 24 May 2013 00:00 GMT",
        "Fri, 31 Feb 2013 00:00:00 GMT",
        "Friday, 24-May-13 00:00:00 GMT",
        "yesterday",
    ],
)
def test_what_is_no_http_date_is_none(text: str) -> None:
    assert parse_http_date(text) is None


def test_a_date_without_a_day_of_the_week_is_accepted() -> None:
    assert parse_http_date("24 May 2013 00:00:00 GMT") == 1369353600
    assert parse_http_date("Fri,  4 May 2013 00:00:00 GMT") == 1367625600


def test_error_details_show_iso_8601() -> None:
    assert iso_date(1369353600.9) == "2013-05-24T00:00:00Z"
