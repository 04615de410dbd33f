"""The blob store on files. Format: doc/spec/blob.rst."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from zope.interface import implementer

from z4tw.blobs import inline
from z4tw.blobs.faults import DiskHealth
from z4tw.blobs.format import (
    META_DIRECTORY,
    QUARANTINE_DIRECTORY,
    TRAILER_BYTES,
    Footer,
    blob_path,
    decode_footer,
    decode_trailer,
    id_of_path,
    is_temporary,
)
from z4tw.blobs.packed import open_packed
from z4tw.blobs.reader import FileBlobReader, VerifiedFile
from z4tw.blobs.room import Room
from z4tw.blobs.writer import FileBlobWriter, WriterParts
from z4tw.errors import CorruptBlob
from z4tw.interfaces import (
    IBlobHousekeeping,
    IBlobReader,
    IBlobStore,
    IDisk,
    IDiskFile,
    IOffload,
    Steps,
    no_steps,
)
from z4tw.model.objects import BlobInfo, Body
from z4tw.sse.envelope import Envelope
from z4tw.sse.seal import BY_DEFAULT, Seal, blocks_cipher, new_ciphers, record_cipher

_VERIFY_BLOCKS = 15  # a stored piece stays below 1 MiB, tags included
_BUFFER_BYTES = 64 << 20
_SYNC_EVERY_BYTES = 16 << 20
_IDS_AT_ONCE = 40


def _ignore(error: OSError) -> None:
    """The ``on_disk_error`` of a store whose owner looks at ``read_only`` instead."""


@implementer(IBlobStore, IBlobHousekeeping)
class FileBlobStore:
    """Blobs as files of a disk, verified on every read.

    ``cipher`` seals new blobs when it has an active key, and opens what is sealed; None: no keys.
    ``min_free_bytes`` stay free for reads, deletes and metadata. ``random_bytes`` must be
    cryptographically secure. ``buffer_bytes`` bounds what all readers and writers hold together,
    down to 128 KiB each. ``on_disk_error`` is called once, in whatever thread meets the error that
    makes the store read-only.
    """

    def __init__(
        self,
        disk: IDisk,
        offload: IOffload,
        cipher: Envelope | None,
        *,
        min_free_bytes: int,
        now_ms: Callable[[], int],
        random_bytes: Callable[[int], bytes],
        steps: Steps = no_steps,
        on_disk_error: Callable[[OSError], None] = _ignore,
        buffer_bytes: int = _BUFFER_BYTES,
        sync_every_bytes: int = _SYNC_EVERY_BYTES,
    ) -> None:
        self._disk = disk
        self._offload = offload
        self.keys = cipher
        self._now_ms = now_ms
        self._random_bytes = random_bytes
        self._random = b""
        self._health = DiskHealth(on_disk_error)
        self._room = Room(disk, min_free_bytes, now_ms, buffer_bytes)
        self._writer_parts = WriterParts(
            disk, offload, self._health, self._room, steps, sync_every_bytes
        )

    @property
    def read_only(self) -> bool:
        """True after a disk error: writes answer ``ServiceUnavailable`` until a restart."""
        return self._health.read_only

    def refuse_writes(self) -> None:
        """Turn read-only: another process of the store met a disk error."""
        self._health.refuse()

    @property
    def disk_error(self) -> OSError | None:
        """The error that made the store read-only."""
        return self._health.error

    @property
    def streams(self) -> int:
        """Open readers and writers, for the metrics."""
        return self._room.streams

    # IBlobStore

    def writer(
        self, bucket: str, key: bytes, size_hint: int | None, seal: Seal = BY_DEFAULT
    ) -> FileBlobWriter:
        """A writer for a new blob."""
        self.admit(size_hint)
        blob_id = self.new_id()
        ciphers = new_ciphers(blob_id, seal, self.keys, self._random_bytes)
        path = blob_path(bucket, key, blob_id)
        return FileBlobWriter(self._writer_parts, blob_id, path, size_hint, ciphers)

    def admit(self, size: int | None) -> None:
        """Raise ``InsufficientStorage`` or ``ServiceUnavailable`` when ``size`` bytes (None:
        unknown) may not be written now."""
        self._health.check()
        try:
            self._room.check(size)
        except OSError as error:
            raise self._health.judge(error) from error

    async def open(
        self, blob: BlobInfo, offset: int, length: int, customer_key: bytes = b""
    ) -> IBlobReader:
        """A reader of a range; a range of up to 256 KiB is read in one piece of offloaded work.
        Raises ``WrongMasterKey``, ``CustomerKeyNeeded`` for an encrypted blob whose key is not
        here."""
        if offset < 0 or length < 0 or offset + length > blob.size:
            raise ValueError("the range lies outside the blob")
        if blob.packed_size:
            opening = partial(self._open_stored, customer_key=customer_key)
            return await open_packed(opening, self._offload, blob, offset, length)
        return await self._open_stored(blob, offset, length, customer_key)

    async def _open_stored(
        self, blob: BlobInfo, offset: int, length: int, customer_key: bytes
    ) -> FileBlobReader:
        """A reader of what the file holds, packed or not."""
        cipher = None
        if blob.sealed_key:
            cipher = blocks_cipher(blob.id, blob.sealed_key, self.keys, customer_key)
        reader = FileBlobReader(self._disk, self._offload, self._room, blob, cipher, offset, length)
        try:
            await reader.open()
        except BaseException:  # whoever waits may also go away meanwhile
            reader.close()
            raise
        return reader

    def seal_inline(self, id: bytes, data: bytes, seal: Seal = BY_DEFAULT) -> bytes:
        """The stored form of an inline body."""
        return inline.seal_inline(id, data, self.keys, seal, self._random_bytes)

    def open_inline(self, id: bytes, stored: bytes, body: Body, customer_key: bytes = b"") -> bytes:
        """The bytes of a stored inline body. Raises ``CorruptBlob``, ``WrongMasterKey``,
        ``CustomerKeyNeeded``."""
        return inline.open_inline(id, stored, body.size, self.keys, customer_key)

    def new_id(self) -> bytes:
        """A new blob id: 48 bits of Unix milliseconds, then 80 random bits."""
        random = self._random
        if not random:
            # Some at a time: the system call gives the interpreter away to a waiting thread.
            random = self._random = self._random_bytes(10 * _IDS_AT_ONCE)
        self._random = random[10:]
        return self._now_ms().to_bytes(6, "big") + random[:10]

    # IBlobHousekeeping

    async def remove(self, blob: BlobInfo) -> None:
        """Unlink a blob's file or a temporary one. Raises ``ValueError`` for the path of anything
        else."""
        if id_of_path(blob.path) is None and not is_temporary(blob.path):
            raise ValueError("this is no path of a blob")
        await self._offload.run(self._disk.unlink, blob.path)

    async def verify(
        self, blob: BlobInfo, pace: Callable[[int], Awaitable[None]] | None = None
    ) -> None:
        """Check a whole blob: footer, what metadata says, and every block. Needs no keys, since
        digests are of stored bytes."""
        file: IDiskFile = await self._offload.run(self._disk.open, blob.path)
        try:
            footer: Footer = await self._offload.run(_read_footer, file)
            if (
                footer.id,
                footer.layout.size,
                footer.file_size,
                footer.sealed_key,
                footer.unpacked,
            ) != (
                blob.id,
                blob.packed_size or blob.size,
                blob.stored_size,
                blob.sealed_key,
                blob.size if blob.packed_size else 0,
            ):
                raise CorruptBlob("the footer is not that of the blob in the metadata")
            verified = VerifiedFile(file, blob.id, footer.layout, None)
            first, count = 0, footer.layout.count
            while first < count:
                last = min(first + _VERIFY_BLOCKS, count)
                stored = await self._offload.run(verified.stored, first, last)
                if pace is not None:
                    await pace(len(stored))
                first = last
        finally:
            self._offload.run(file.close)

    def files(self) -> Iterator[tuple[bytes | None, str, int, float]]:
        """(blob id, path, size, mtime) of every blob file; the id is None for a temporary name.
        Files of any other name are left out: they are not ours."""
        for path, size, mtime in self._disk.walk(""):
            if path.startswith(META_DIRECTORY + "/"):
                if is_temporary(path):
                    yield None, path, size, mtime
                continue
            blob_id = id_of_path(path)
            if blob_id is not None:
                yield blob_id, path, size, mtime

    def record(self, path: str) -> bytes:
        """The record of a blob file. Raises ``CorruptBlob``, ``FileNotFoundError``, and
        ``WrongMasterKey`` when it is encrypted and its key is not here."""
        footer = self._footer(path)
        cipher = record_cipher(footer.id, footer.sealed_key, self.keys)
        return footer.record if cipher is None else cipher.open_record(footer.record)

    def describe(self, path: str) -> BlobInfo:
        """What metadata should say of a blob file. Raises as ``record``; needs no keys."""
        footer = self._footer(path)
        size = footer.layout.size
        return BlobInfo(
            footer.id,
            path,
            footer.unpacked or size,
            footer.file_size,
            footer.sealed_key,
            size if footer.unpacked else 0,
        )

    def quarantine(self, path: str) -> None:
        """Move a file under ``_z4meta/quarantine``."""
        self._disk.move(path, f"{QUARANTINE_DIRECTORY}/{path.replace('/', '%')}")

    def _footer(self, path: str) -> Footer:
        file = self._disk.open(path)
        try:
            return _read_footer(file)
        finally:
            file.close()


def _read_footer(file: IDiskFile) -> Footer:
    """(blocking) The checked footer of a file. Raises ``CorruptBlob``."""
    size = file.size()
    trailer: Any = file.read_at(max(size - TRAILER_BYTES, 0), TRAILER_BYTES)
    layout = decode_trailer(trailer, size).layout
    return decode_footer(file.read_at(layout.stored, size - layout.stored), size)
