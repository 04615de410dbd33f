"""Reading stored bodies: inline rows, blob files, and manifests of parts, whole or a range."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import Any, NamedTuple

import msgspec
from zope.interface import implementer

from z4tw.interfaces.http import IBodySource
from z4tw.model.objects import Body, BodyKind, Manifest

AHEAD_BYTES = 512 * 1024
"""The next part is opened when less than this is left of the present one."""


class BodyGone(FileNotFoundError):
    """A body's row or file is not there: its version was replaced since its head was read."""


def inline_bytes(
    blobs: Any, body: Body, stored: bytes, offset: int, length: int, customer_key: bytes = b""
) -> bytes:
    """``length`` bytes at ``offset`` of an INLINE body of which the stored form is known. Raises
    ``CorruptBlob``."""
    data: bytes = blobs.open_inline(body.id, stored, body, customer_key)
    return data if length == body.size else data[offset : offset + length]


class Span(NamedTuple):
    """Bytes of a FILE body; ``sealed_key`` stands in place of its row's unless empty."""

    body: Body
    offset: int
    length: int
    sealed_key: bytes = b""


async def open_body(
    store: Any,
    blobs: Any,
    body: Body,
    offset: int,
    length: int,
    customer_key: bytes = b"",
    sealed_key: bytes = b"",
) -> Any:
    """``length`` bytes of a body at ``offset``: bytes when they are small or lie in the database,
    else an ``IBodySource``.

    ``store`` is an ``IMetadataStore``, ``blobs`` an ``IBlobStore``; ``customer_key`` opens what was
    encrypted with it; ``sealed_key`` is the version's own. Raises ``BodyGone``, ``CorruptBlob``.
    """
    kind = body.kind
    if kind == BodyKind.INLINE:
        stored = await store.read_inline(body.id)
        if stored is None:
            raise BodyGone
        return inline_bytes(blobs, body, stored, offset, length, customer_key)
    if length == 0 or kind == BodyKind.EMPTY:
        return b""
    if kind == BodyKind.FILE:
        span = Span(body, offset, length, sealed_key)
        return await _open_file(store, blobs, span, customer_key)
    manifest = await store.read_manifest(body.id)
    if manifest is None:
        raise BodyGone
    spans = part_spans(manifest, offset, length)
    first = await _open_file(store, blobs, spans[0], customer_key)
    if len(spans) == 1:
        return first
    return PartsSource(store, blobs, spans, first, length, customer_key)


def part_spans(manifest: Manifest, offset: int, length: int) -> list[Span]:
    """The parts that hold a range of a multipart object, in order."""
    ends = list(accumulate(part.size for part in manifest.parts))
    spans: list[Span] = []
    index = bisect_right(ends, offset)
    while length > 0:
        part = manifest.parts[index]
        within = offset - (ends[index] - part.size)
        taken = min(part.size - within, length)
        if taken:
            spans.append(Span(part.body, within, taken, part.sealed_key))
        offset += taken
        length -= taken
        index += 1
    return spans


async def _open_file(store: Any, blobs: Any, span: Span, customer_key: bytes) -> Any:
    blob = await store.read_blob(span.body.id)
    if blob is None:
        raise BodyGone
    if span.sealed_key:
        blob = msgspec.structs.replace(blob, sealed_key=span.sealed_key)
    try:
        return await blobs.open(blob, span.offset, span.length, customer_key)
    except FileNotFoundError:
        raise BodyGone from None


@implementer(IBodySource)
class PartsSource:
    """Several blobs one after the other, the next one opened before the present one ends.

    ``spans`` are at least one; ``first`` is the reader of the first one.
    A part that was reaped meanwhile (its object was replaced, and the grace period passed) cuts
    the body off with ``BodyGone``.
    """

    def __init__(
        self,
        store: Any,
        blobs: Any,
        spans: list[Span],
        first: Any,
        size: int,
        customer_key: bytes = b"",
    ) -> None:
        self.size = size
        self._customer_key = customer_key
        self._store = store
        self._blobs = blobs
        self._spans = spans
        self._index = 0
        self._left = spans[0].length
        self._reader: Any = first
        self._following: Any = None

    async def next(self) -> bytes:
        """The next verified bytes, ``b""`` at the end."""
        while self._reader is not None:
            piece: bytes = await self._reader.next()
            if self._reader is None:  # closed meanwhile
                return b""
            if piece:
                self._left -= len(piece)
                if self._left < AHEAD_BYTES:
                    await self._open_following()
                return piece
            self._reader.close()
            await self._open_following()
            self._reader, self._following = self._following, None
            self._index += 1
            if self._reader is not None:
                self._left = self._spans[self._index].length
        return b""

    async def _open_following(self) -> None:
        if self._following is not None or self._index + 1 >= len(self._spans):
            return
        span = self._spans[self._index + 1]
        reader = await _open_file(self._store, self._blobs, span, self._customer_key)
        if self._reader is None:  # closed meanwhile
            reader.close()
        else:
            self._following = reader

    def close(self) -> None:
        """Release both readers; safe to call twice."""
        for reader in (self._reader, self._following):
            if reader is not None:
                reader.close()
        self._reader = self._following = None
