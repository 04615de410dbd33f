"""The packed form of a body: independent Zstandard frames of 256 KiB, and a table of them.

It is the seekable format of the Zstandard project, so ``zstd -d`` reads it too: each frame carries
its content's size and checksum, and the table stands at the end, in a frame that decoders skip.
https://github.com/facebook/zstd/blob/dev/contrib/seekable_format/zstd_seekable_compression_format.md
Specification: doc/spec/blob.rst, "Packed bodies". The library is loaded where it is used: most
stores have no such bodies.
"""

from __future__ import annotations

import struct
from itertools import accumulate
from typing import Any, NamedTuple

from z4tw.errors import CorruptBlob

FRAME_BYTES = 256 * 1024
_ENTRY = struct.Struct("<II")
_SKIPPED = struct.Struct("<II")
_END = struct.Struct("<IBI")
_SKIPPABLE_MAGIC = 0x184D2A5E
_SEEKABLE_MAGIC = 0x8F92EAB1
_FIXED_BYTES = _SKIPPED.size + _END.size


def frame_count(size: int) -> int:
    """The number of frames of a body of ``size`` bytes."""
    return -(-size // FRAME_BYTES)


def table_bytes(size: int) -> int:
    """The length of the table of a body of ``size`` bytes."""
    return _FIXED_BYTES + frame_count(size) * _ENTRY.size


class Packer:
    """Packs a body that comes in pieces; used by one thread at a time. ``packed`` counts the bytes
    that were given out, ``unpacked`` those that were taken in."""

    def __init__(self, level: int) -> None:
        self.packed = 0
        self.unpacked = 0
        import zstandard

        self._compressor = zstandard.ZstdCompressor(
            level=level, write_checksum=True, write_content_size=True
        )
        self._decompressor = zstandard.ZstdDecompressor()
        self._kept = bytearray()
        self._entries: list[bytes] = []

    def feed(self, piece: Any) -> list[bytes]:
        """Take bytes; the frames that are full by now. Raises ``CorruptBlob`` when a frame does
        not give its bytes back."""
        self._kept += piece
        self.unpacked += len(piece)
        frames = []
        whole = len(self._kept) // FRAME_BYTES * FRAME_BYTES
        for at in range(0, whole, FRAME_BYTES):
            frames.append(self._frame(bytes(self._kept[at : at + FRAME_BYTES])))
        del self._kept[:whole]
        return frames

    def finish(self) -> list[bytes]:
        """The last frame, and the table."""
        last = [self._frame(bytes(self._kept))] if self._kept else []
        self._kept.clear()
        entries = b"".join(self._entries)
        table = b"".join(
            (
                _SKIPPED.pack(_SKIPPABLE_MAGIC, len(entries) + _END.size),
                entries,
                _END.pack(len(self._entries), 0, _SEEKABLE_MAGIC),
            )
        )
        self.packed += len(table)
        return [*last, table]

    def _frame(self, content: bytes) -> bytes:
        frame = self._compressor.compress(content)
        if self._decompressor.decompress(frame) != content:
            raise CorruptBlob("a compressed frame does not give its bytes back")
        self._entries.append(_ENTRY.pack(len(frame), len(content)))
        self.packed += len(frame)
        return frame


class Span(NamedTuple):
    """The frames that hold a range: where they lie in the packed form, the (packed, unpacked)
    length of each, and how many bytes of the first one come before the range."""

    offset: int
    frames: list[tuple[int, int]]
    skip: int

    @property
    def length(self) -> int:
        """The packed length of all of them."""
        return sum(packed for packed, _ in self.frames)


class Table:
    """The table of a packed body of ``size`` bytes that is ``packed_size`` long. Raises
    ``CorruptBlob`` unless it describes just that."""

    def __init__(self, data: bytes, size: int, packed_size: int) -> None:
        count = frame_count(size)
        if len(data) != table_bytes(size):
            raise CorruptBlob("the table of a packed body has another length")
        magic, length = _SKIPPED.unpack_from(data)
        end = _END.unpack_from(data, len(data) - _END.size)
        if (magic, length, *end) != (
            _SKIPPABLE_MAGIC,
            len(data) - _SKIPPED.size,
            count,
            0,
            _SEEKABLE_MAGIC,
        ):
            raise CorruptBlob("a packed body does not end with a table")
        entries = list(_ENTRY.iter_unpack(data[_SKIPPED.size : -_END.size]))
        self._entries = entries
        self._starts = [0, *accumulate(packed for packed, _ in entries)]
        sizes = [unpacked for _, unpacked in entries]
        if self._starts[-1] + len(data) != packed_size or sizes != _frame_sizes(size):
            raise CorruptBlob("the table of a packed body does not describe it")

    def span(self, offset: int, length: int) -> Span:
        """Where a range of at least one byte lies."""
        first = offset // FRAME_BYTES
        last = -(-(offset + length) // FRAME_BYTES)
        return Span(self._starts[first], self._entries[first:last], offset - first * FRAME_BYTES)


def unpack(frames: list[tuple[Any, int]]) -> bytes:
    """The content of consecutive frames, each with the length of its content. Raises
    ``CorruptBlob``."""
    import zstandard

    decompressor = zstandard.ZstdDecompressor()
    pieces = []
    for frame, size in frames:
        try:
            if zstandard.frame_content_size(frame) != size:
                raise CorruptBlob("a frame of a packed body has another size than its table says")
            pieces.append(decompressor.decompress(frame))
        except zstandard.ZstdError as error:
            raise CorruptBlob(f"a frame of a packed body cannot be read: {error}") from error
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _frame_sizes(size: int) -> list[int]:
    whole, rest = divmod(size, FRAME_BYTES)
    return [FRAME_BYTES] * whole + ([rest] if rest else [])
