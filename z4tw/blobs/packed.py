"""Reads a range of a blob that is stored packed."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from zope.interface import implementer

from z4tw.errors import CorruptBlob
from z4tw.interfaces import IBlobReader, IOffload
from z4tw.model.objects import BlobInfo
from z4tw.packed.stream import Span, Table, table_bytes, unpack

FRAMES_AT_ONCE = 4
"""Frames that are unpacked together: 1 MiB of content, whatever they take packed."""
READ_WHOLE_BYTES = 256 * 1024
"""A packed form up to this size is read at once, table and frames."""

Open = Callable[[BlobInfo, int, int], Awaitable[Any]]
"""Opens a range of what the file of a blob holds."""


async def open_packed(
    open_stored: Open, offload: IOffload, blob: BlobInfo, offset: int, length: int
) -> PackedReader:
    """A reader of a range of a packed blob. Raises as a store's ``open``."""
    stored = msgspec.structs.replace(blob, size=blob.packed_size, packed_size=0)
    whole = blob.packed_size <= READ_WHOLE_BYTES
    tail = table_bytes(blob.size)
    at = 0 if whole else max(blob.packed_size - tail, 0)
    read = await _read_all(await open_stored(stored, at, blob.packed_size - at))
    table = Table(read[-tail:], blob.size, blob.packed_size)
    if not length:
        return PackedReader(offload, None, b"", Span(0, [], 0), 0)
    span = table.span(offset, length)
    end = span.offset + span.length
    if whole:
        return PackedReader(offload, None, read[span.offset : end], span, length)
    reader = await open_stored(stored, span.offset, end - span.offset)
    return PackedReader(offload, reader, b"", span, length)


async def _read_all(reader: Any) -> bytes:
    pieces = []
    try:
        while piece := await reader.next():
            pieces.append(bytes(piece))
    finally:
        reader.close()
    return b"".join(pieces)


@implementer(IBlobReader)
class PackedReader:
    """The content of some frames, cut to a range. ``packed`` are bytes of them that are there
    already, ``reader`` gives the others (None: there are none)."""

    def __init__(
        self, offload: IOffload, reader: Any, packed: bytes, span: Span, length: int
    ) -> None:
        self.size = length
        self._offload = offload
        self._reader = reader
        self._kept = bytearray(packed)
        self._lengths = deque(span.frames)
        self._skip = span.skip
        self._left = length
        self._closed = False

    async def next(self) -> bytes:
        """The next verified bytes, ``b""`` at the end."""
        if self._closed:
            raise ValueError("this reader is closed")
        if not self._left:
            return b""
        frames = await self._frames()
        content: bytes = await self._offload.run(unpack, frames)
        if self._skip or len(content) > self._left + self._skip:
            content = content[self._skip : self._skip + self._left]
            self._skip = 0
        self._left -= len(content)
        if not self._left:
            self._release()
        return content

    async def _frames(self) -> list[tuple[bytes, int]]:
        """The next frames: at least one, and what else is there up to ``FRAMES_AT_ONCE``."""
        kept, lengths = self._kept, self._lengths
        while len(kept) < lengths[0][0]:
            piece = await self._reader.next()
            if not piece:
                raise CorruptBlob("a packed blob ends before its last frame")
            kept += piece
        frames: list[tuple[bytes, int]] = []
        at = 0
        while lengths and len(frames) < FRAMES_AT_ONCE and at + lengths[0][0] <= len(kept):
            packed, size = lengths.popleft()
            frames.append((bytes(kept[at : at + packed]), size))
            at += packed
        del kept[:at]
        return frames

    def close(self) -> None:
        """Release the file; safe to call twice."""
        self._closed = True
        self._kept.clear()
        self._release()

    def _release(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
