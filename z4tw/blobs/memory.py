"""A blob store in memory, for tests and simulations; the contract suite runs on it too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from xxhash import xxh3_64_digest
from zope.interface import implementer

from z4tw.blobs import inline
from z4tw.blobs.format import MAX_RECORD_BYTES, blob_path
from z4tw.blobs.ready import READY
from z4tw.errors import CorruptBlob, InsufficientStorage, ServiceUnavailable
from z4tw.interfaces import (
    IBlobHousekeeping,
    IBlobReader,
    IBlobStore,
    IBlobWriter,
    Steps,
    no_steps,
)
from z4tw.model.objects import BlobInfo, Body
from z4tw.packed.stream import Table, table_bytes, unpack
from z4tw.sse.envelope import Envelope
from z4tw.sse.seal import BY_DEFAULT, BlobCiphers, Seal, blocks_cipher, new_ciphers, record_cipher

_PIECE_BYTES = 256 * 1024
_QUARANTINE = "_z4meta/quarantine/"


class _Stored:
    """One blob in memory; ``content`` may be changed by a test that wants corruption."""

    def __init__(self, info: BlobInfo, content: bytearray, record: bytes, mtime: float) -> None:
        self.info = info
        self.content = content
        self.record = record
        self.mtime = mtime
        self._digest = xxh3_64_digest(content)

    def check(self) -> None:
        """Raise ``CorruptBlob`` when the content was changed."""
        if xxh3_64_digest(self.content) != self._digest:
            raise CorruptBlob("the blob does not match its digest")


@implementer(IBlobStore, IBlobHousekeeping)
class MemoryBlobStore:
    """Blobs in a dictionary by path. ``capacity_bytes`` bounds their sum; ``read_only`` may be
    set to refuse writes as a store does after a disk error. A sealed blob is one segment."""

    streams = 0
    """Nothing here has buffers to be sized."""

    def __init__(
        self,
        now_ms: Callable[[], int],
        random_bytes: Callable[[int], bytes],
        *,
        capacity_bytes: int = 1 << 40,
        steps: Steps = no_steps,
        keys: Envelope | None = None,
    ) -> None:
        self.keys = keys
        self._now_ms = now_ms
        self._random_bytes = random_bytes
        self._steps = steps
        self.capacity_bytes = capacity_bytes
        self.read_only = False
        self.blobs: dict[str, _Stored] = {}

    def writer(
        self, bucket: str, key: bytes, size_hint: int | None, seal: Seal = BY_DEFAULT
    ) -> MemoryBlobWriter:
        """A writer for a new blob."""
        self.admit(size_hint or 0)
        blob_id = self.new_id()
        ciphers = new_ciphers(blob_id, seal, self.keys, self._random_bytes)
        return MemoryBlobWriter(self, blob_id, blob_path(bucket, key, blob_id), ciphers)

    def refuse_writes(self) -> None:
        """Turn read-only."""
        self.read_only = True

    def admit(self, size: int) -> None:
        """Raise as ``writer`` would."""
        if self.read_only:
            raise ServiceUnavailable("The store is read-only after a disk error.")
        if self.used_bytes() + size > self.capacity_bytes:
            raise InsufficientStorage

    def used_bytes(self) -> int:
        """The sum of all blobs' sizes."""
        return sum(stored.info.size for stored in self.blobs.values())

    def put(self, info: BlobInfo, content: bytearray, record: bytes) -> None:
        """Store a finished blob."""
        self.admit(len(content))
        for step in ("blob.write", "blob.fsync", "blob.link"):
            self._steps(step)
        self.blobs[info.path] = _Stored(info, content, record, self._now_ms() / 1000)
        self._steps("blob.dirsync")

    async def open(
        self, blob: BlobInfo, offset: int, length: int, customer_key: bytes = b""
    ) -> MemoryBlobReader:
        """A reader of a range."""
        if offset < 0 or length < 0 or offset + length > blob.size:
            raise ValueError("the range lies outside the blob")
        stored = self._find(blob.path)
        stored.check()
        content = bytes(stored.content)
        cipher = blocks_cipher(blob.id, blob.sealed_key, self.keys, customer_key)
        if cipher is not None:
            content = cipher.open(0, True, content)
        if not blob.packed_size or not length:
            return MemoryBlobReader(content[offset : offset + length])
        table = Table(content[-table_bytes(blob.size) :], blob.size, blob.packed_size)
        span = table.span(offset, length)
        frames = []
        at = span.offset
        for packed_bytes, size in span.frames:
            frames.append((content[at : at + packed_bytes], size))
            at += packed_bytes
        return MemoryBlobReader(unpack(frames)[span.skip : span.skip + length])

    def seal_inline(self, id: bytes, data: bytes, seal: Seal = BY_DEFAULT) -> bytes:
        """The stored form of an inline body, with its digest."""
        return inline.seal_inline(id, data, self.keys, seal, self._random_bytes)

    def open_inline(self, id: bytes, stored: bytes, body: Body, customer_key: bytes = b"") -> bytes:
        """The bytes of a stored inline body. Raises ``CorruptBlob``, ``CustomerKeyNeeded``."""
        return inline.open_inline(id, stored, body.size, self.keys, customer_key)

    def new_id(self) -> bytes:
        """A new blob id."""
        return self._now_ms().to_bytes(6, "big") + self._random_bytes(10)

    async def remove(self, blob: BlobInfo) -> None:
        """Forget a blob."""
        self.blobs.pop(blob.path, None)

    async def verify(
        self, blob: BlobInfo, pace: Callable[[int], Awaitable[None]] | None = None
    ) -> None:
        """Check a blob's digest and what metadata says of it."""
        stored = self._find(blob.path)
        if stored.info != blob:
            raise CorruptBlob("the footer is not that of the blob in the metadata")
        stored.check()
        if pace is not None:
            await pace(blob.stored_size)

    def files(self) -> Iterator[tuple[bytes | None, str, int, float]]:
        """(blob id, path, size, mtime) of every blob."""
        for path, stored in sorted(self.blobs.items()):
            if not path.startswith(_QUARANTINE):
                yield stored.info.id, path, stored.info.stored_size, stored.mtime

    def record(self, path: str) -> bytes:
        """The record of a blob. Raises ``CorruptBlob``."""
        stored = self._find(path)
        cipher = record_cipher(stored.info.id, stored.info.sealed_key, self.keys)
        return stored.record if cipher is None else cipher.open_record(stored.record)

    def describe(self, path: str) -> BlobInfo:
        """What metadata should say of a blob."""
        return self._find(path).info

    def quarantine(self, path: str) -> None:
        """Put a blob out of the way."""
        self.blobs[_QUARANTINE + path.replace("/", "%")] = self._find(path)
        del self.blobs[path]

    def _find(self, path: str) -> _Stored:
        stored = self.blobs.get(path)
        if stored is None:
            raise FileNotFoundError(path)
        return stored


@implementer(IBlobWriter)
class MemoryBlobWriter:
    """A blob being collected in memory."""

    def __init__(
        self, store: MemoryBlobStore, blob_id: bytes, path: str, ciphers: BlobCiphers
    ) -> None:
        self.id = blob_id
        self._ciphers = ciphers
        self._store = store
        self._path = path
        self._content = bytearray()
        self._finished = False

    def write(self, *pieces: Any) -> Awaitable[None]:
        """Append bytes."""
        if self._finished:
            raise ValueError("this blob is finished")
        for data in pieces:
            self._content += data
        return READY

    async def commit(self, record: bytes, unpacked: int = 0) -> BlobInfo:
        """Store the blob under its path."""
        if len(record) > MAX_RECORD_BYTES:
            raise ValueError(f"a record has at most {MAX_RECORD_BYTES} bytes")
        if self._finished:
            raise ValueError("this blob is finished")
        self._finished = True
        size = len(self._content)
        packed_size = size if unpacked else 0
        content = self._content
        blocks, record_sealer, sealed_key = self._ciphers
        if blocks is not None:
            content = bytearray(blocks.seal(0, True, content))
        if record_sealer is not None:
            record = record_sealer.seal_record(record)
        stored_size = len(content) + len(record)
        info = BlobInfo(self.id, self._path, unpacked or size, stored_size, sealed_key, packed_size)
        self._store.put(info, content, record)
        return info

    def abort(self) -> None:
        """Discard the blob, unless it was committed."""
        self._finished = True


@implementer(IBlobReader)
class MemoryBlobReader:
    """A range of a blob, as pieces."""

    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        self._data = data
        self._at = 0
        self._closed = False

    async def next(self) -> bytes:
        """The next bytes, ``b""`` at the end."""
        if self._closed:
            raise ValueError("this reader is closed")
        piece = self._data[self._at : self._at + _PIECE_BYTES]
        self._at += len(piece)
        return piece

    def close(self) -> None:
        """Drop what is left; safe to call twice."""
        self._closed = True
        self._data = b""
