"""Times as S3 writes them, in headers and in documents, in whole seconds; and as it reads them.

What is written is cached by second: a page of a listing and the objects of one upload share few of
them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO_DATE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(ms: int) -> str:
    """Unix milliseconds as ``Wed, 21 Oct 2015 07:28:00 GMT`` (RFC 9110 section 5.6.7)."""
    return _http_date_s(ms // 1000)


def iso_date(ms: int) -> str:
    """Unix milliseconds as ``2015-10-21T07:28:00.000Z``: S3's documents have whole seconds, so
    that a listing and a Last-Modified header agree."""
    return iso_second(ms // 1000)


@lru_cache(maxsize=8192)
def _http_date_s(seconds: int) -> str:
    day, second = divmod(seconds, 86400)
    return f"{_http_day(day)}{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d} GMT"


@lru_cache(maxsize=8192)
def iso_second(seconds: int) -> str:
    """``iso_date`` of Unix seconds, for long listings."""
    day, second = divmod(seconds, 86400)
    return f"{_iso_day(day)}{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.000Z"


@lru_cache(maxsize=512)
def _http_day(day: int) -> str:
    date = _EPOCH + timedelta(days=day)
    return f"{_DAYS[date.weekday()]}, {date.day:02d} {_MONTHS[date.month - 1]} {date.year:04d} "


@lru_cache(maxsize=512)
def _iso_day(day: int) -> str:
    date = _EPOCH + timedelta(days=day)
    return f"{date.year:04d}-{date.month:02d}-{date.day:02d}T"


def parse_iso_date(text: str) -> int | None:
    """Unix milliseconds of an ISO 8601 time such as ``2030-01-01T00:00:00Z``; without a zone it is
    UTC. None for what is none, and for years that do not have four digits."""
    if not _ISO_DATE.fullmatch(text):
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return (parsed - _EPOCH) // timedelta(milliseconds=1)
