"""What a store keeps beside a register's value: its listing row, its expiry, its references."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from z4tw.model.objects import Body, BodyKind, Head, Version
from z4tw.model.registers import Kind, LiveRow
from z4tw.model.stamps import stamp_ms
from z4tw.model.uploads import Part, Upload, UploadState


def live_row(kind: int, key: bytes, value: Any) -> LiveRow | None:
    """The row that a listing shows for a register's value, or None when it shows nothing."""
    if kind == Kind.OBJECT:
        head: Head = value
        version = head.versions[0]
        if version.delete_marker:
            return None
        checksum = version.checksum
        return LiveRow(
            key,
            version.size,
            version.etag,
            stamp_ms(version.stamp),
            version.storage_class,
            version.owner,
            f"{checksum.algorithm}/{checksum.type}" if checksum else "",
        )
    if kind == Kind.UPLOAD:
        upload: Upload = value
        if upload.state == UploadState.DONE:
            return None
        checksum_name = (
            f"{upload.checksum_algorithm}/{upload.checksum_type}"
            if upload.checksum_algorithm
            else ""
        )
        return LiveRow(
            key,
            0,
            upload.initiator,
            stamp_ms(upload.stamp),
            upload.storage_class,
            upload.owner,
            checksum_name,
        )
    return None


def current_inline(kind: int, value: Any) -> bytes | None:
    """The id of the INLINE body of an object's current version, None when it has none."""
    if kind != Kind.OBJECT:
        return None
    body = value.versions[0].body
    return body.id if body.kind == BodyKind.INLINE else None


def expires_ms(kind: int, value: Any) -> int:
    """When a value may be removed by itself (Unix milliseconds), 0 for never."""
    return int(value.expires_ms) if kind == Kind.UPLOAD else 0


def references(
    kind: int, value: Any, load_page: Callable[[bytes], tuple[Version, ...]]
) -> Iterator[Body]:
    """Every body that a register's value names: what reference counts are checked against."""
    if kind == Kind.ANNOTATION:
        yield value.body
    elif kind == Kind.PART:
        part: Part = value
        if part.body.kind != BodyKind.EMPTY:
            yield part.body
    elif kind == Kind.OBJECT:
        head: Head = value
        for version in head.versions:
            if version.body.kind != BodyKind.EMPTY:
                yield version.body
        for page in head.pages:
            for version in load_page(page.id):
                if version.body.kind != BodyKind.EMPTY:
                    yield version.body
