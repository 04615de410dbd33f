"""Folds of ordered rows into one page of a listing: prefixes, delimiters, markers, limits.

A store offers a *seek*: a function that takes a key and returns an iterable of its rows with keys
at or after that one, in byte order. A fold calls it once at the start and again to jump past a
common prefix, and never touches an earlier iterable after a later call, so a seek may re-execute
one SQL cursor. Rows are taken one by one: an iterable should be lazy. A page costs its results.

Common prefixes and markers: everything whose common prefix is at or before the marker is left
out, so that a page's last item, key or common prefix, is the next page's marker.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-prefixes.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from z4tw.model.objects import NULL_VERSION_ID, Head, Version
from z4tw.model.registers import (
    ListPage,
    ListQuery,
    LiveRow,
    VersionPage,
    VersionQuery,
    split_upload_key,
    upload_prefix,
)
from z4tw.model.stamps import parse_version_id

SeekRows = Callable[[bytes], Iterable[LiveRow]]
SeekHeads = Callable[[bytes], Iterable[tuple[bytes, Head]]]
ReadPage = Callable[[bytes], Sequence[Version]]
_Row = TypeVar("_Row", bound="tuple[Any, ...]")

_STEPS_BEFORE_SEEK = 4
"""Rows of a common prefix that are stepped over before a seek: small groups cost no query."""


def prefix_successor(prefix: bytes) -> bytes:
    """The least byte string after all that start with ``prefix``; empty when there is none."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes((stem[-1] + 1,)) if stem else b""


def fold_live(seek: SeekRows, query: ListQuery) -> ListPage:
    """One page of current objects, from rows in key order (see the module's text for ``seek``).

    ``truncated`` is exact: it is set only when another key or common prefix follows.
    """
    if query.limit <= 0:
        return ListPage([], [], False, b"")
    start = _start(query.prefix, query.delimiter, query.start_after, query.start_after + b"\x00")
    if start is None:
        return ListPage([], [], False, b"")
    if not query.delimiter:
        return _plain_page(seek(start), query)
    rows: list[LiveRow] = []
    prefixes: list[bytes] = []
    last = b""
    for row, _key, group in _walk(seek, start, query.prefix, query.delimiter):
        if len(rows) + len(prefixes) == query.limit:
            return ListPage(rows, prefixes, True, last)
        if group:
            prefixes.append(group)
            last = group
        else:
            rows.append(row)
            last = row[0]
    return ListPage(rows, prefixes, False, last)


def fold_uploads(seek: SeekRows, query: ListQuery) -> ListPage:
    """One page of multipart uploads, from rows whose keys are register keys.

    Prefix, delimiter and the page's ``prefixes`` are object keys; ``query.start_after`` is a
    register key, or ``upload_prefix(key) + b"\\xff"`` to pass all uploads of a key. ``last`` is of
    the same form (for a common prefix, that of a key), so it can be the next ``start_after``.
    """
    if query.limit <= 0:
        return ListPage([], [], False, b"")
    marker = split_upload_key(query.start_after)[0] if query.start_after else b""
    start = _start(query.prefix, query.delimiter, marker, query.start_after + b"\x00", _escaped)
    if start is None:
        return ListPage([], [], False, b"")
    rows: list[LiveRow] = []
    prefixes: list[bytes] = []
    last = b""
    items = _walk(seek, start, query.prefix, query.delimiter, _upload_key, _escaped)
    for row, _key, group in items:
        if len(rows) + len(prefixes) == query.limit:
            return ListPage(rows, prefixes, True, last)
        if group:
            prefixes.append(group)
            last = upload_prefix(group) + b"\xff"
        else:
            rows.append(row)
            last = row[0]
    return ListPage(rows, prefixes, False, last)


def fold_versions(seek: SeekHeads, read_page: ReadPage, query: VersionQuery) -> VersionPage:
    """One page of versions and delete markers, newest first within a key.

    ``seek`` gives (key, head); ``read_page`` the versions of a page of older ones by its id,
    and is called only for pages that the result needs. A ``version_marker`` whose version is gone
    continues where it was; ``null`` that is gone continues with what the key still has.
    """
    if query.limit <= 0:
        return VersionPage([], [], False)
    after = query.key_marker if query.version_marker else query.key_marker + b"\x00"
    start = _start(query.prefix, query.delimiter, query.key_marker, after)
    if start is None:
        return VersionPage([], [], False)
    versions: list[tuple[bytes, Version, bool]] = []
    prefixes: list[bytes] = []
    next_key = b""
    last: Version | None = None  # the last item, None for a common prefix
    items = _walk(seek, start, query.prefix, query.delimiter, exists=_has_versions)
    for row, key, group in items:
        room = query.limit - len(versions) - len(prefixes)
        if group:
            if not room:
                return VersionPage(versions, prefixes, True, next_key, _id_of(last))
            prefixes.append(group)
            next_key, last = group, None
            continue
        marker = query.version_marker if key == query.key_marker else ""
        for version, latest in _versions(row[1], marker, read_page):
            if not room:
                return VersionPage(versions, prefixes, True, next_key, _id_of(last))
            versions.append((key, version, latest))
            next_key, last = key, version
            room -= 1
    return VersionPage(versions, prefixes, False)


def _id_of(version: Version | None) -> str:
    return "" if version is None else version.version_id


def _same(value: bytes) -> bytes:
    return value


def _upload_key(register_key: bytes) -> bytes:
    return split_upload_key(register_key)[0]


def _escaped(key: bytes) -> bytes:
    """An object key's start of register keys: ``upload_prefix`` without the end of the key."""
    return upload_prefix(key)[:-2]


def _has_versions(row: tuple[bytes, Head]) -> bool:
    """False for a head that remembers only its last stamp: it must not make a common prefix."""
    return bool(row[1].versions or row[1].pages)


def _start(
    prefix: bytes,
    delimiter: bytes,
    marker: bytes,
    after: bytes,
    stored: Callable[[bytes], bytes] = _same,
) -> bytes | None:
    """The key to seek first, or None when nothing can follow the marker.

    ``marker`` is an object key, ``after`` the least stored key beyond it (ignored without a
    marker), ``stored`` turns an object key into the start of stored ones.
    """
    if not marker or marker < prefix:
        return stored(prefix)
    if not marker.startswith(prefix):
        return None
    if delimiter:
        at = marker.find(delimiter, len(prefix))
        if at >= 0:
            return prefix_successor(stored(marker[: at + len(delimiter)])) or None
    return after


def _plain_page(rows: Iterable[LiveRow], query: ListQuery) -> ListPage:
    """A page without a delimiter: rows as they come, until the prefix or the limit ends it."""
    prefix, limit = query.prefix, query.limit
    page = list(islice(rows, limit + 1))
    if page and not page[-1][0].startswith(prefix):
        page = [row for row in page if row[0].startswith(prefix)]
    truncated = len(page) > limit
    if truncated:
        page.pop()
    return ListPage(page, [], truncated, page[-1][0] if page else b"")


def _walk(
    seek: Callable[[bytes], Iterable[_Row]],
    start: bytes,
    prefix: bytes,
    delimiter: bytes,
    object_key: Callable[[bytes], bytes] = _same,
    stored: Callable[[bytes], bytes] = _same,
    exists: Callable[[_Row], bool] | None = None,
) -> Iterator[tuple[_Row, bytes, bytes]]:
    """Give (row, its object key, common prefix or empty) for every item, in order.

    A common prefix comes once, with the first row that it holds; ``exists`` says of a row whether
    it counts at all.
    """
    group = b""
    while True:
        steps = 0
        for row in seek(start):
            key = object_key(row[0])
            if not key.startswith(prefix):
                return
            if group and key.startswith(group):
                steps += 1
                if steps > _STEPS_BEFORE_SEEK:
                    break
                continue
            if exists is not None and not exists(row):
                continue
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            group = key[: at + len(delimiter)] if at >= 0 else b""
            steps = 0
            yield row, key, group
        else:
            return
        start = prefix_successor(stored(group))
        if not start:
            return


def _versions(head: Head, marker: str, read_page: ReadPage) -> Iterator[tuple[Version, bool]]:
    """A key's versions after ``marker`` (empty: all), newest first, each with is-latest."""
    found, floor = _floor(head, marker, read_page) if marker else (False, b"")
    latest = True
    for version in head.versions:
        if not found or version.stamp < floor:
            yield version, latest
        latest = False
    for page in head.pages:
        if found and page.oldest >= floor:
            latest = False
            continue
        for version in read_page(page.id):
            if not found or version.stamp < floor:
                yield version, latest
            latest = False


def _floor(head: Head, marker: str, read_page: ReadPage) -> tuple[bool, bytes]:
    """Whether a version marker's place is known, and its stamp: later versions were listed."""
    if marker != NULL_VERSION_ID:
        stamp = parse_version_id(marker)
        return stamp is not None, stamp or b""
    for version in head.versions:
        if version.is_null:
            return True, version.stamp
    for page in head.pages:
        if page.has_null:
            for version in read_page(page.id):
                if version.is_null:
                    return True, version.stamp
    return False, b""
