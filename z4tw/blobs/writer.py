"""Writes one blob: blocks as they come, footer, fsync, link, directories."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from zope.interface import implementer

from z4tw.blobs.faults import DiskHealth
from z4tw.blobs.format import (
    MAX_RECORD_BYTES,
    Layout,
    cut_blocks,
    digests_of,
    encode_footer,
    seed_of,
)
from z4tw.blobs.held import HeldFile
from z4tw.blobs.ready import READY
from z4tw.blobs.room import Room
from z4tw.interfaces import IBlobWriter, IDisk, IOffload, Steps
from z4tw.model.objects import BlobInfo
from z4tw.sse.seal import BlobCiphers
from z4tw.sse.segments import SegmentCipher

_FIRST_PIECE_BYTES = 256 * 1024


class WriterParts(msgspec.Struct, frozen=True):
    """What all writers of a store share. ``sync_every_bytes``: how much a long blob may be ahead
    of its sync, so that the last fsync is short."""

    disk: IDisk
    offload: IOffload
    health: DiskHealth
    room: Room
    steps: Steps
    sync_every_bytes: int


@implementer(IBlobWriter)
class FileBlobWriter:
    """A blob on its way to a file.

    Small writes are collected; a full buffer is digested, encrypted and written by one piece of
    offloaded work while the caller goes on, and only one such piece is under way. The bytes given
    to ``write`` are not copied, so they must be ``bytes``; anything else is copied first.
    Offloaded work keeps its error for the next call instead of raising it into a lost awaitable.
    """

    def __init__(
        self,
        parts: WriterParts,
        blob_id: bytes,
        path: str,
        size_hint: int | None,
        ciphers: BlobCiphers,
    ) -> None:
        self.id = blob_id
        self._parts = parts
        self._path = path
        self._cipher = ciphers.blocks
        self._record_cipher = ciphers.record
        self._sealed_key = ciphers.sealed_key
        self._seed = seed_of(blob_id)
        self._pieces: list[bytes] = []
        self._pending = 0
        self._size = 0
        self._unknown_size = size_hint is None
        self._announced = size_hint or 0
        self._job: Awaitable[None] | None = None
        self._working = False
        self._sync_job: Awaitable[None] | None = None
        self._syncing = False
        self._error: Exception | None = None
        self._committing = False
        self._info: BlobInfo | None = None
        # Only the work under way touches these.
        self._digests = bytearray()
        self._carry = b""
        self._blocks = 0
        self._stored = 0
        self._unsynced = 0
        self._directory = path.partition("/")[0]
        parts.room.reserve(self._announced)
        parts.room.enter()
        self._threshold = min(_FIRST_PIECE_BYTES, parts.room.piece_bytes())
        self._held = HeldFile(self._closed)

    # On the event loop.

    def write(self, *pieces: Any) -> Awaitable[None]:
        """Start appending bytes; *async* when the writer can take more."""
        if self._error is not None:
            raise self._error
        if self._committing or self._held.closing:
            raise ValueError("this blob is finished")
        for data in pieces:
            if type(data) is not bytes:
                data = bytes(data)
            if data:
                self._pieces.append(data)
                self._pending += len(data)
                self._size += len(data)
        if self._pending < self._threshold:
            return READY
        if self._working:
            return self._write_later()
        self._start()
        return READY

    async def _write_later(self) -> None:
        await self._wait()
        self._start()

    def _start(self) -> None:
        """Hand the collected pieces to offloaded work."""
        if self._unknown_size:
            try:
                self._parts.room.check(self._pending)
            except OSError as error:
                raise self._parts.health.judge(error) from error
        pieces, self._pieces, self._pending = self._pieces, [], 0
        self._threshold = self._parts.room.piece_bytes()
        self._working = True
        self._job = self._parts.offload.run(self._work, self._append, pieces)
        if self._unsynced >= self._parts.sync_every_bytes and not self._syncing:
            self._unsynced = 0
            self._syncing = True
            self._sync_job = self._parts.offload.run(self._sync_behind)

    async def _wait(self) -> None:
        """Until no work is under way; raises its error."""
        job, self._job = self._job, None
        if job is not None:
            await job
        if self._error is not None:
            raise self._error

    async def commit(self, record: bytes, unpacked: int = 0) -> BlobInfo:
        """Make the blob durable under its name."""
        if len(record) > MAX_RECORD_BYTES:
            raise ValueError(f"a record has at most {MAX_RECORD_BYTES} bytes")
        if self._committing or self._held.closing:
            raise self._error or ValueError("this blob is finished")
        self._committing = True
        await self._wait()
        sync, self._sync_job = self._sync_job, None
        if sync is not None:
            await sync
        if self._error is not None:
            raise self._error
        pieces, self._pieces = self._pieces, []
        await self._parts.offload.run(self._work, self._finish, pieces, record, unpacked)
        if self._error is not None:
            raise self._error
        if self._info is None:
            raise ValueError("this blob was aborted")
        return self._info

    def abort(self) -> None:
        """Discard the blob, unless ``commit`` has succeeded; safe at any time."""
        self._pieces = []
        if not self._held.closing:
            # Closing gives a long file's space back, which may take a while.
            self._parts.offload.run(self._discard)

    # In offloaded work.

    def _work(self, step: Callable[..., None], *args: Any) -> None:
        """Run one step unless an earlier one failed, and keep its error."""
        try:
            if self._held.begin():
                try:
                    if self._error is None:
                        step(*args)
                finally:
                    self._held.end()
        except Exception as error:
            self._fail(error)
        finally:
            self._working = False

    def _fail(self, error: Exception) -> None:
        """Keep the first error and give the file up."""
        if isinstance(error, OSError):
            error = self._parts.health.judge(error)
        if self._error is None:
            self._error = error
        self._held.close()

    def _append(self, pieces: list[bytes]) -> None:
        """Write whole blocks; what may be the last block is carried over."""
        blocks = cut_blocks((self._carry, *pieces))
        self._carry = bytes(blocks.pop())
        if blocks:
            self._write_blocks(blocks, final=False)

    def _write_blocks(self, blocks: list[Any], final: bool) -> None:
        """Write consecutive blocks, of which only the last one may be short."""
        size = sum(map(len, blocks))
        if self._cipher is not None:
            blocks = self._seal(self._cipher, blocks, final)
        file = self._held.file
        if file is None:
            file = self._held.file = self._parts.disk.create(self._directory)
        self._digests += digests_of(blocks, self._seed, self._blocks)
        file.write(*blocks)
        stored = sum(map(len, blocks))
        self._blocks += len(blocks)
        self._stored += stored
        self._unsynced += stored
        settled = min(size, self._announced)
        self._announced -= settled
        self._parts.room.wrote(settled)

    def _seal(self, cipher: SegmentCipher, blocks: list[Any], final: bool) -> list[Any]:
        last = self._blocks + len(blocks) - 1
        return [
            cipher.seal(index, final and index == last, block)
            for index, block in enumerate(blocks, self._blocks)
        ]

    def _sync_behind(self) -> None:
        """Sync what was written so far, beside further writing."""
        try:
            if self._held.begin():
                try:
                    if self._held.file is not None and self._error is None:
                        self._held.file.fsync()
                finally:
                    self._held.end()
        except Exception as error:
            self._fail(error)
        finally:
            self._syncing = False

    def _discard(self) -> None:
        try:
            self._held.close()
        except OSError as error:
            self._parts.health.judge(error)

    def _finish(self, pieces: list[bytes], record: bytes, unpacked: int) -> None:
        parts = self._parts
        blocks = cut_blocks((self._carry, *pieces))
        if not blocks and self._cipher is not None:
            blocks = [b""]  # a sealed blob of no bytes has a segment all the same
        if blocks or not self._held.file:
            self._write_blocks(blocks, final=True)
        file = self._held.file
        assert file is not None
        layout = Layout.of(self._size, self._cipher is not None)
        assert (layout.count, layout.stored) == (self._blocks, self._stored)
        if self._record_cipher is not None:
            record = self._record_cipher.seal_record(record)
        footer = encode_footer(
            self.id, layout, bytes(self._digests), record, self._sealed_key, unpacked
        )
        file.write(footer)
        parts.steps("blob.write")
        file.fsync()
        parts.steps("blob.fsync")
        parts.disk.link(file, self._path)
        try:
            parts.steps("blob.link")
            parts.disk.sync_parents(self._path)
            parts.steps("blob.dirsync")
            if self._held.closing:
                raise ValueError("this blob was aborted")
        except Exception as error:
            self._unname(error)
            raise
        self._info = BlobInfo(
            self.id,
            self._path,
            unpacked or self._size,
            self._stored + len(footer),
            self._sealed_key,
            self._size if unpacked else 0,
        )
        self._held.close()

    def _unname(self, error: Exception) -> None:
        """Take the name away again; if that fails too the orphan sweep will."""
        try:
            self._parts.disk.unlink(self._path)
        except OSError as second:
            error.add_note(f"and the blob's name could not be removed: {second}")

    def _closed(self) -> None:
        self._parts.room.release(self._announced)
        self._announced = 0
        self._parts.room.leave()
