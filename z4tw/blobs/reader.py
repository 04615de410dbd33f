"""Reads a range of one blob as verified pieces, one piece ahead of its consumer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from zope.interface import implementer

from z4tw.blobs.format import BLOCK_BYTES, Layout, check_blocks, seed_of
from z4tw.blobs.held import HeldFile
from z4tw.blobs.room import Room
from z4tw.errors import CorruptBlob
from z4tw.interfaces import IBlobReader, IDisk, IDiskFile, IOffload
from z4tw.model.objects import BlobInfo
from z4tw.sse.segments import SegmentCipher

_FIRST_PIECE_BYTES = 256 * 1024
_PIECE_BYTES = 512 * 1024  # longer ones cost memory and gain nothing
_DIGEST_WINDOW = 1024
"""Digests read at once: 8 KiB, for 64 MiB of blocks."""


class VerifiedFile:
    """An open blob file whose blocks are checked before their bytes are given out.

    All methods block and are used by one thread at a time. Without ``cipher`` only the stored
    bytes of an encrypted file can be had.
    """

    __slots__ = ("_cipher", "_digests", "_file", "_first_digest", "_seed", "layout")

    def __init__(
        self, file: IDiskFile, blob_id: bytes, layout: Layout, cipher: SegmentCipher | None
    ) -> None:
        self.layout = layout
        self._file = file
        self._cipher = cipher
        self._seed = seed_of(blob_id)
        self._digests = b""
        self._first_digest = 0

    def blocks(self, first: int, last: int, waiting: bool = True) -> Any:
        """The bytes (bytes-like) of the blocks from ``first`` up to, not including, ``last``. Not
        ``waiting``: None when the disk would have to be waited for. Raises ``CorruptBlob``."""
        stored = self.stored(first, last, waiting)
        cipher = self._cipher
        if cipher is None or stored is None:
            return stored
        view = memoryview(stored)
        step = self.layout.stored_block
        final = self.layout.count - 1
        return b"".join(
            [
                cipher.open(index, index == final, view[at : at + step])
                for index, at in enumerate(range(0, len(stored), step), first)
            ]
        )

    def stored(self, first: int, last: int, waiting: bool = True) -> Any:
        """The same blocks as stored, checked against their digests. Raises ``CorruptBlob``."""
        read = self._file.read_at if waiting else self._file.read_cached
        offset, length = self.layout.span(first, last)
        stored = read(offset, length)
        if stored is None:
            return None
        if len(stored) != length:
            raise CorruptBlob("the file is shorter than its blob")
        digests = self._digests_of(first, last, read)
        if digests is None:
            return None
        check_blocks(stored, digests, self._seed, first, self.layout.stored_block)
        return stored

    def _digests_of(self, first: int, last: int, read: Callable[[int, int], Any]) -> Any:
        have = self._first_digest + len(self._digests) // 8
        if first < self._first_digest or last > have:
            window = min(max(last, first + _DIGEST_WINDOW), self.layout.count)
            digests = read(*self.layout.digests(first, window))
            if digests is None:
                return None
            self._digests = digests
            self._first_digest = first
        at = (first - self._first_digest) * 8
        return self._digests[at : at + (last - first) * 8]


@implementer(IBlobReader)
class FileBlobReader:
    """The bytes from ``offset`` to ``offset + length`` of one blob.

    Reads one piece ahead, so that it holds at most two, whatever the blob's size: at once when the
    piece is in the page cache, since a thread would cost more, else in offloaded work. An error is
    handed back as a value, so that none is lost with a read-ahead that nobody waits for.
    """

    def __init__(
        self,
        disk: IDisk,
        offload: IOffload,
        room: Room,
        blob: BlobInfo,
        cipher: SegmentCipher | None,
        offset: int,
        length: int,
    ) -> None:
        self.size = length
        self._disk = disk
        self._offload = offload
        self._room = room
        self._blob = blob
        self._cipher = cipher
        self._start = offset
        self._end = offset + length
        self._verified: VerifiedFile | None = None
        self._held = HeldFile(room.leave)
        self._ready: Any = None
        self._job: Awaitable[Any] | None = None
        self._failed: Exception | None = None
        self._closed = False
        room.enter()

    async def open(self) -> None:
        """Open the file and read the first piece. Raises ``OSError`` (``FileNotFoundError``),
        ``CorruptBlob``."""
        first: Any = await self._offload.run(self._open)
        if isinstance(first, Exception):
            raise first
        self._ready = first

    async def next(self) -> bytes:
        """The next verified bytes, ``b""`` at the end."""
        if self._failed is not None:
            raise self._failed
        if self._closed:
            # Not an empty piece, which would look like the end.
            raise ValueError("this reader is closed")
        piece, self._ready = self._ready, None
        if piece is None:
            job, self._job = self._job, None
            if job is None:
                return b""
            piece = await job
        if isinstance(piece, Exception):
            self._failed = piece
            raise piece
        if self._start < self._end:
            piece_bytes = min(_PIECE_BYTES, self._room.piece_bytes())
            self._ready = self._read(piece_bytes, False)
            if self._ready is None:
                self._job = self._offload.run(self._read, piece_bytes, True)
            elif self._start >= self._end:
                self._offload.run(self._held.close)
        data: bytes = piece
        return data

    def close(self) -> None:
        """Release the file; safe to call twice."""
        self._closed = True
        self._ready = None
        if not self._held.closing:
            self._offload.run(self._held.close)

    # One of these at a time: in offloaded work, or on the event loop when not ``waiting``.

    def _open(self) -> Any:
        if not self._held.begin():
            return ValueError("this reader is closed")
        try:
            file = self._held.file = self._disk.open(self._blob.path)
            if file.size() != self._blob.stored_size:
                raise CorruptBlob("the file's size is not what metadata says")
            layout = Layout.of(self._blob.size, self._cipher is not None)
            self._verified = VerifiedFile(file, self._blob.id, layout, self._cipher)
            return self._piece(min(_FIRST_PIECE_BYTES, self._room.piece_bytes()), True)
        except Exception as error:
            self._held.close()
            return error
        finally:
            self._held.end()

    def _read(self, piece_bytes: int, waiting: bool) -> Any:
        if not self._held.begin():
            return ValueError("this reader is closed")
        try:
            return self._piece(piece_bytes, waiting)
        except Exception as error:
            self._held.close()
            return error
        finally:
            self._held.end()

    def _piece(self, piece_bytes: int, waiting: bool) -> Any:
        """Read on, up to the end of a block; when ``waiting``, closes the file after the last
        piece. That may have to free the blocks of a blob that was deleted meanwhile."""
        start, end = self._start, self._end
        data: Any = b""
        if start < end:
            verified = self._verified
            assert verified is not None
            first = start // BLOCK_BYTES
            last = min(first + piece_bytes // BLOCK_BYTES, -(-end // BLOCK_BYTES))
            data = verified.blocks(first, last, waiting)
            if data is None:
                return None
            base = first * BLOCK_BYTES
            stop = min(end, base + len(data))
            if start != base or stop != base + len(data):
                data = memoryview(data)[start - base : stop - base]
            self._start = stop
        if waiting and self._start >= end:
            self._held.close()
        return data
