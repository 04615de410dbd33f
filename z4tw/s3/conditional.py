"""Conditions of requests: on what is read, on a copy's source, and on what is written.

https://www.rfc-editor.org/rfc/rfc9110#section-13
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

import msgspec

from z4tw.errors import InvalidArgument, NotModified, PreconditionFailed
from z4tw.objects.commands import Condition
from z4tw.s3.dates import http_date, parse_iso_date
from z4tw.s3.refusals import lacking

MODIFIED = "x-amz-if-match-last-modified-time"
SIZE = "x-amz-if-match-size"


class Preconditions(msgspec.Struct, frozen=True):
    """The conditions of a read, as sent; None: absent. ``prefix`` is that of a copy's source."""

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None
    if_unmodified_since: str | None = None
    prefix: str = ""

    @classmethod
    def from_headers(cls, headers: Mapping[str, str], prefix: str = "") -> Preconditions:
        """Those of a request, or with ``x-amz-copy-source-`` those on a copy's source."""
        if not prefix:
            if_match = headers.get("if-match")
            if_none_match = headers.get("if-none-match")
            if_modified_since = headers.get("if-modified-since")
            if_unmodified_since = headers.get("if-unmodified-since")
        else:
            if_match = headers.get(prefix + "if-match")
            if_none_match = headers.get(prefix + "if-none-match")
            if_modified_since = headers.get(prefix + "if-modified-since")
            if_unmodified_since = headers.get(prefix + "if-unmodified-since")
        if (
            if_match is None
            and if_none_match is None
            and if_modified_since is None
            and if_unmodified_since is None
        ):
            return UNCONDITIONAL
        return cls(if_match, if_none_match, if_modified_since, if_unmodified_since, prefix)


UNCONDITIONAL = Preconditions()


def check_read(preconditions: Preconditions, etag: str, modified_ms: int) -> None:
    """Check conditions in the order of RFC 9110 section 13.2.2 against a version's ETag (without
    quotes) and Last-Modified (Unix milliseconds; conditions see whole seconds).

    Raises ``PreconditionFailed``, or ``NotModified`` with the headers that it must carry; a copy's
    source (``prefix``) fails with ``PreconditionFailed`` only. Bad dates are ignored.
    """
    if preconditions is UNCONDITIONAL:
        return
    modified_s = modified_ms // 1000
    if preconditions.if_match is not None:
        if not matches(preconditions.if_match, etag):
            raise _failed(preconditions, "If-Match")
    elif preconditions.if_unmodified_since is not None:
        since = parse_http_date(preconditions.if_unmodified_since)
        if since is not None and modified_s > since:
            raise _failed(preconditions, "If-Unmodified-Since")
    if preconditions.if_none_match is not None:
        if matches(preconditions.if_none_match, etag, weak=True):
            raise _not_modified(preconditions, "If-None-Match", etag, modified_ms)
    elif preconditions.if_modified_since is not None:
        since = parse_http_date(preconditions.if_modified_since)
        if since is not None and modified_s <= since:
            raise _not_modified(preconditions, "If-Modified-Since", etag, modified_ms)


def range_applies(headers: Mapping[str, str], etag: str, modified_ms: int) -> bool:
    """Whether a Range header counts: without If-Range, or when its validator still holds
    (RFC 9110 section 13.1.5); otherwise the whole object is the answer."""
    value = headers.get("if-range")
    if value is None:
        return True
    since = parse_http_date(value)
    if since is not None:
        return since == modified_ms // 1000
    return value.strip() != "*" and matches(value, etag)


def write_condition(headers: Mapping[str, str]) -> Condition | None:
    """The condition of PutObject, CopyObject and CompleteMultipartUpload; None when there is none.

    If-Match takes an ETag, If-None-Match only ``*``. Raises ``NotImplemented`` as AWS does for
    If-None-Match with an ETag and for conditions on dates.
    """
    if_match = headers.get("if-match")
    if_none_match = headers.get("if-none-match")
    _refuse_dates(headers)
    if if_match is None and if_none_match is None:
        return None
    if if_none_match is not None and if_none_match.strip() != "*":
        raise lacking("If-None-Match")
    return Condition(_one_tag(if_match), if_none_match is not None)


def delete_condition(headers: Mapping[str, str]) -> Condition | None:
    """The condition of DeleteObject, None when there is none: If-Match with an ETag or ``*``, and
    the time and size that the object must have if it is there. Raises ``NotImplemented`` for other
    conditions, ``InvalidArgument`` for what is no time or size.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html
    """
    if "if-none-match" in headers:
        raise lacking("If-None-Match")
    _refuse_dates(headers)
    if_match = _one_tag(headers.get("if-match"))
    modified_s = _argument(headers, MODIFIED, parse_time)
    size = _argument(headers, SIZE, parse_size)
    if if_match is None and modified_s is None and size is None:
        return None
    return Condition(if_match, modified_s=modified_s, size=size)


def parse_time(text: str) -> int | None:
    """An HTTP date or an ISO 8601 time as Unix seconds; None for what is neither."""
    iso_ms = parse_iso_date(text)
    return parse_http_date(text) if iso_ms is None else iso_ms // 1000


def parse_size(text: str) -> int | None:
    """A number of bytes; None for what is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None


def _argument(
    headers: Mapping[str, str], name: str, parse: Callable[[str], int | None]
) -> int | None:
    text = headers.get(name)
    if text is None:
        return None
    value = parse(text)
    if value is None:
        raise InvalidArgument(ArgumentName=name, ArgumentValue=text[:256])
    return value


def matches(value: str, etag: str, weak: bool = False) -> bool:
    """Whether a list of entity tags (or ``*``) has an ETag; tags without quotes count too.

    A weak tag matches only in the weak comparison (RFC 9110 section 8.8.3.2).
    """
    if value.strip() == "*":
        return True
    for tag in value.split(","):
        text = tag.strip()
        if text.startswith("W/"):
            if not weak:
                continue
            text = text[2:]
        if text.strip('"') == etag:
            return True
    return False


def parse_http_date(text: str) -> int | None:
    """An HTTP date as Unix seconds; None for what is none (RFC 9110 section 5.6.7)."""
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _one_tag(value: str | None) -> str | None:
    return None if value is None else value.strip().strip('"')


def _refuse_dates(headers: Mapping[str, str]) -> None:
    if "if-modified-since" in headers:
        raise lacking("If-Modified-Since")
    if "if-unmodified-since" in headers:
        raise lacking("If-Unmodified-Since")


def _failed(preconditions: Preconditions, condition: str) -> PreconditionFailed:
    return PreconditionFailed(Condition=preconditions.prefix + condition)


def _not_modified(
    preconditions: Preconditions, condition: str, etag: str, modified_ms: int
) -> NotModified | PreconditionFailed:
    if preconditions.prefix:
        return _failed(preconditions, condition)
    error = NotModified()
    error.headers += [("Last-Modified", http_date(modified_ms)), ("ETag", f'"{etag}"')]
    return error
