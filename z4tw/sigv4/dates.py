"""Dates of signed requests: ``YYYYMMDDTHHMMSSZ`` and the HTTP Date header, as Unix seconds."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_UTC_ZONES = frozenset({"GMT", "UTC", "UT", "Z", "+0000", "-0000"})


def _seconds(day: str, clock: str) -> int | None:
    """The Unix time of eight digits of a day and six of a time, or None."""
    digits = day + clock
    if not (digits.isascii() and digits.isdecimal()):
        return None
    hour, minute, second = int(clock[:2]), int(clock[2:4]), int(clock[4:6])
    if hour > 23 or minute > 59 or second > 60:
        return None
    try:
        ordinal = date(int(day[:4]), int(day[4:6]), int(day[6:8])).toordinal()
    except ValueError:
        return None
    return (ordinal - _EPOCH_DAY) * 86400 + hour * 3600 + minute * 60 + second


@lru_cache(maxsize=2048)
def parse_amz_date(text: str) -> int | None:
    """The Unix time of an ISO 8601 basic date (``20130524T000000Z``), None when it is not one.

    Cached because the requests of one second all carry the same text; clocks that are trusted
    differ by up to half an hour.
    """
    if len(text) != 16 or text[8] != "T" or text[15] != "Z":
        return None
    return _seconds(text[:8], text[9:15])


def parse_http_date(text: str) -> int | None:
    """The Unix time of a Date header (RFC 9110 section 5.6.7: IMF-fixdate, in UTC only; RFC 1123
    with a numeric zone of zero; or ISO 8601 basic), None when it is neither."""
    fields = text.partition(",")[2].split() if "," in text else text.split()
    if len(fields) != 5 or fields[4] not in _UTC_ZONES:
        return parse_amz_date(text)
    month = _MONTHS.get(fields[1].lower())
    clock = fields[3].split(":")
    if month is None or len(clock) != 3 or len(fields[0]) > 2 or len(fields[2]) != 4:
        return None
    if not all(len(part) == 2 for part in clock):
        return None
    return _seconds(f"{fields[2]}{month:02d}{fields[0]:0>2}", "".join(clock))


def amz_date(timestamp: float) -> str:
    """A Unix time as ``20130524T000000Z``."""
    return datetime.fromtimestamp(int(timestamp), UTC).strftime("%Y%m%dT%H%M%SZ")


def iso_date(timestamp: float) -> str:
    """A Unix time as ``2013-05-24T00:00:00Z``, the form of dates in error details."""
    return datetime.fromtimestamp(int(timestamp), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
