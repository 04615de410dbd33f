"""The memory store keeps the contract of blob stores."""

from __future__ import annotations

import os
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.blobs.contract import BlobStoreContract
from z4tw.blobs.memory import MemoryBlobStore
from z4tw.model.objects import BlobInfo
from z4tw.sse.envelope import Envelope, key_id

KEK = bytes(range(32))


class MemoryBlobStoreTests(BlobStoreContract, SynchronousTestCase):
    """In memory."""

    def make_store(self, free_bytes: int = 1 << 40, **options: Any) -> MemoryBlobStore:
        return MemoryBlobStore(lambda: self.now_ms, os.urandom, capacity_bytes=free_bytes)

    def break_disk(self, store: Any) -> None:
        store.read_only = True

    def damage(self, store: Any, blob: BlobInfo, offset: int) -> None:
        store.blobs[blob.path].content[offset] ^= 1

    def test_the_steps_of_a_commit_are_passed_in_order(self) -> None:
        steps: list[str] = []
        store = MemoryBlobStore(lambda: 1, os.urandom, steps=steps.append)
        self.put(store, b"x")
        assert steps == ["blob.write", "blob.fsync", "blob.link", "blob.dirsync"]


class EncryptedMemoryBlobStoreTests(MemoryBlobStoreTests):
    """With keys."""

    def make_store(self, free_bytes: int = 1 << 40, **options: Any) -> MemoryBlobStore:
        keys = Envelope((KEK,), key_id(KEK), os.urandom)
        return MemoryBlobStore(
            lambda: self.now_ms, os.urandom, capacity_bytes=free_bytes, keys=keys
        )
