"""Blobs in packed form beside the old ones."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.ops.harness import InlineOffload, run
from z4tw.blobs.memory import MemoryBlobStore
from z4tw.errors import CorruptBlob
from z4tw.model.objects import BlobInfo
from z4tw.ops.packing import SAMPLE_BYTES, pack_blob

LINES = b"".join(b"one line of %d\n" % number for number in range(100_000))


class Store(MemoryBlobStore):
    """Notes how many bytes are written."""

    def __init__(self) -> None:
        super().__init__(lambda: 1, Random(1).randbytes)
        self.written = 0

    def writer(self, *arguments: Any) -> Any:
        writer = super().writer(*arguments)
        write = writer.write

        def counting(*pieces: Any) -> Any:
            self.written += sum(map(len, pieces))
            return write(*pieces)

        writer.write = counting  # type: ignore[method-assign]
        return writer


def put(store: Store, content: bytes) -> BlobInfo:
    writer = store.writer("bucket", b"key", len(content))
    run(writer.write(content))
    blob: BlobInfo = run(writer.commit(b"old"))
    store.written = 0
    return blob


def pack(store: Store, blob: BlobInfo) -> BlobInfo | None:
    packed: BlobInfo | None = run(
        pack_blob(store, InlineOffload(), blob, 3, "bucket", b"key", lambda new: b"new" + new)
    )
    return packed


def test_a_packed_blob_has_the_same_bytes_and_is_smaller() -> None:
    store = Store()
    blob = put(store, LINES)
    packed = pack(store, blob)
    assert packed is not None
    assert packed.size == len(LINES)
    assert 0 < packed.packed_size < len(LINES) / 3
    assert store.record(packed.path) == b"new" + packed.id
    reader = run(store.open(packed, 70_000, 500_000))
    data = b""
    while piece := run(reader.next()):
        data += piece
    assert data == LINES[70_000:570_000]
    assert len(store.blobs) == 2, "the old one stays until nothing names it"


def test_noise_is_given_up_after_a_sample() -> None:
    store = Store()
    assert pack(store, put(store, Random(2).randbytes(4 * SAMPLE_BYTES))) is None
    assert store.written <= SAMPLE_BYTES * 1.1
    assert len(store.blobs) == 1


def test_what_becomes_noise_later_is_given_up_at_the_end() -> None:
    store = Store()
    content = bytes(SAMPLE_BYTES) + Random(2).randbytes(40 * SAMPLE_BYTES)
    assert pack(store, put(store, content)) is None
    assert len(store.blobs) == 1


def test_a_damaged_blob_is_not_packed() -> None:
    store = Store()
    blob = put(store, LINES)
    store.blobs[blob.path].content[5] ^= 1
    with pytest.raises(CorruptBlob):
        pack(store, blob)
    assert len(store.blobs) == 1
