"""A metadata store as the daemons see it."""

from __future__ import annotations

import itertools

from zope.interface import implementer

from z4tw.blobs.memory import MemoryBlobStore
from z4tw.interfaces import IMetadataHousekeeping
from z4tw.model.objects import BlobInfo


@implementer(IMetadataHousekeeping)
class FakeHousekeeping:
    """Rows of blobs by id, and since when those in ``zero_since`` have no references."""

    def __init__(self) -> None:
        self.rows: dict[bytes, BlobInfo] = {}
        self.zero_since: dict[bytes, int] = {}
        self.records = 0
        self.calls: list[str] = []

    async def garbage(self, before_ms: int, limit: int) -> list[BlobInfo]:
        self.calls.append("garbage")
        old = [id for id, since in sorted(self.zero_since.items()) if since < before_ms]
        return [self.rows[id] for id in old[:limit]]

    async def forget(self, ids: list[bytes]) -> None:
        self.calls.append("forget")
        for id in ids:
            del self.rows[id]
            del self.zero_since[id]

    async def known(self, ids: list[bytes]) -> set[bytes]:
        return {id for id in ids if id in self.rows}

    async def blobs_after(self, id: bytes, limit: int) -> list[BlobInfo]:
        self.calls.append("blobs_after")
        return [self.rows[found] for found in sorted(self.rows) if found > id][:limit]

    async def expire(self, now_ms: int, limit: int) -> int:
        self.calls.append("expire")
        gone = min(self.records, limit)
        self.records -= gone
        return gone

    async def snapshot(self, path: str) -> None:
        raise AssertionError("no daemon takes snapshots here")


def make_blobs(now_ms: int) -> MemoryBlobStore:
    """A memory store whose ids count."""
    numbers = itertools.count(1)
    return MemoryBlobStore(lambda: now_ms, lambda n: next(numbers).to_bytes(n, "big"))


async def put(blobs: MemoryBlobStore, data: bytes = b"data") -> BlobInfo:
    """A blob that no row names yet."""
    writer = blobs.writer("bucket", b"k", len(data))
    await writer.write(data)
    return await writer.commit(b"")
