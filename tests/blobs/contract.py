"""What every blob store must do; each provider's test module runs all of it."""

from __future__ import annotations

from collections.abc import Awaitable
from random import Random
from typing import Any, TypeVar

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from z4tw.errors import (
    CorruptBlob,
    CustomerKeyNeeded,
    InsufficientStorage,
    ServiceUnavailable,
)
from z4tw.interfaces import IBlobHousekeeping, IBlobReader, IBlobStore, IBlobWriter
from z4tw.model.objects import BlobInfo, Body, BodyKind
from z4tw.packed.stream import FRAME_BYTES, Packer
from z4tw.sse.seal import Seal

T = TypeVar("T")
BLOCK = 65_536
SIZES = (0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 300_000, 1_500_000)
CUSTOMER_KEY = b"c" * 32
START_MS = 1_700_000_000_000


def pattern(size: int, seed: int = 1) -> bytes:
    """Bytes of which no two blocks are alike."""
    return Random(seed).randbytes(size)


class BlobStoreHelpers:
    """Short forms for tests of stores whose awaitables are ready at once."""

    now_ms = START_MS

    def get(self, awaitable: Awaitable[T]) -> T:
        """The value of an awaitable that is there, or its exception."""

        async def wait() -> T:
            return await awaitable

        deferred = Deferred.fromCoroutine(wait())
        values: list[Any] = []
        deferred.addBoth(values.append)
        assert values, "the awaitable has not fired"
        if hasattr(values[0], "raiseException"):
            values[0].raiseException()
        return values[0]

    def put(
        self, store: Any, data: bytes, piece: int = 100_000, key: bytes = b"k", record: bytes = b"r"
    ) -> BlobInfo:
        writer = store.writer("bucket", key, len(data))
        for at in range(0, len(data), piece):
            self.get(writer.write(data[at : at + piece]))
        return self.get(writer.commit(record))

    def read(self, store: Any, blob: BlobInfo, offset: int = 0, length: int = -1) -> bytes:
        reader = self.get(store.open(blob, offset, blob.size - offset if length < 0 else length))
        pieces = []
        while piece := self.get(reader.next()):
            pieces.append(bytes(piece))
        assert self.get(reader.next()) == b"", "the end stays the end"
        reader.close()
        data = b"".join(pieces)
        assert reader.size == len(data)
        return data


class BlobStoreContract(BlobStoreHelpers):
    """Mixed into a ``SynchronousTestCase``."""

    def make_store(self, **options: Any) -> Any:
        """A new, empty store with its clock at ``self.now_ms``; ``free_bytes`` limits it."""
        raise NotImplementedError

    def break_disk(self, store: Any) -> None:
        """Make the store meet a disk error."""
        raise NotImplementedError

    def damage(self, store: Any, blob: BlobInfo, offset: int) -> None:
        """Flip one bit of the blob's stored bytes."""
        raise NotImplementedError

    # Interfaces

    def test_provides_the_interfaces(self) -> None:
        store = self.make_store()
        verifyObject(IBlobStore, store)
        verifyObject(IBlobHousekeeping, store)
        verifyObject(IBlobWriter, store.writer("bucket", b"k", 1))
        verifyObject(IBlobReader, self.get(store.open(self.put(store, b"x"), 0, 1)))

    # Writing and reading

    def test_every_size_comes_back_as_written(self) -> None:
        store = self.make_store()
        for size in SIZES:
            for piece in (7_919, BLOCK, 1 << 20) if size > 1 else (1,):
                blob = self.put(store, pattern(size), piece)
                assert blob.size == size
                assert self.read(store, blob) == pattern(size), (size, piece)

    def test_one_byte_pieces_of_any_bytes_type_come_back(self) -> None:
        store = self.make_store()
        writer = store.writer("bucket", b"k", None)
        reused = bytearray(b"abc")
        self.get(writer.write(reused))
        reused[:] = b"xyz"
        self.get(writer.write(memoryview(b"def")))
        self.get(writer.write(b""))
        self.get(writer.write(b"", bytearray(b"g"), b"h"))
        assert self.read(store, self.get(writer.commit(b""))) == b"abcdefgh"

    def test_ranges_around_block_boundaries(self) -> None:
        store = self.make_store()
        data = pattern(4 * BLOCK + 5)
        blob = self.put(store, data)
        edges = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 4 * BLOCK, 4 * BLOCK + 4, len(data)]
        for start in edges:
            for end in edges:
                if start <= end:
                    assert self.read(store, blob, start, end - start) == data[start:end]

    @settings(
        max_examples=30,
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
    )
    @given(data=st.data())
    def test_any_size_and_range(self, data: st.DataObject) -> None:
        near = st.builds(
            lambda blocks, offset: max(blocks * BLOCK + offset, 0),
            st.integers(0, 6),
            st.integers(-2, 2),
        )
        size = data.draw(near | st.integers(0, 700_000))
        start = min(data.draw(near | st.integers(0, size)), size)
        end = min(max(data.draw(near | st.integers(start, size)), start), size)
        store = self.make_store()
        content = pattern(size)
        blob = self.put(store, content, data.draw(st.sampled_from([10_007, BLOCK, 200_000])))
        assert self.read(store, blob, start, end - start) == content[start:end]

    def test_a_range_outside_the_blob_is_a_defect_of_the_caller(self) -> None:
        store = self.make_store()
        blob = self.put(store, b"12345")
        for offset, length in ((-1, 1), (0, 6), (6, 0), (0, -1)):
            with self.assertRaises(ValueError):
                self.get(store.open(blob, offset, length))

    def test_a_reader_may_be_closed_at_any_time_and_twice(self) -> None:
        store = self.make_store()
        blob = self.put(store, pattern(2_000_000))
        for pieces in range(3):
            reader = self.get(store.open(blob, 0, blob.size))
            for _ in range(pieces):
                self.get(reader.next())
            reader.close()
            reader.close()
            with self.assertRaises(ValueError):
                self.get(reader.next())

    def test_an_open_blob_outlives_its_removal(self) -> None:
        store = self.make_store()
        data = pattern(2_000_000)
        blob = self.put(store, data)
        reader = self.get(store.open(blob, 0, blob.size))
        self.get(store.remove(blob))
        pieces = []
        while piece := self.get(reader.next()):
            pieces.append(piece)
        assert b"".join(pieces) == data

    def test_what_is_not_there_is_not_found(self) -> None:
        store = self.make_store()
        blob = self.put(store, b"gone")
        self.get(store.remove(blob))
        self.get(store.remove(blob))
        with self.assertRaises(FileNotFoundError):
            self.get(store.open(blob, 0, 4))
        with self.assertRaises(FileNotFoundError):
            self.get(store.verify(blob))
        with self.assertRaises(FileNotFoundError):
            store.record(blob.path)

    # Packed blobs

    def put_packed(self, store: Any, data: bytes) -> BlobInfo:
        packer = Packer(3)
        writer = store.writer("bucket", b"k", None)
        self.get(writer.write(*packer.feed(data), *packer.finish()))
        return self.get(writer.commit(b"r", len(data)))

    def test_a_packed_blob_gives_its_content(self) -> None:
        store = self.make_store()
        text = b"".join(b"%d bottles of beer\n" % number for number in range(60_000))
        noise = pattern(700_000)
        for data in (b"x", text[:1000], text[:FRAME_BYTES], text, noise, text + noise + text):
            blob = self.put_packed(store, data)
            assert blob.size == len(data)
            assert blob.packed_size > 0
            assert self.read(store, blob) == data
            middle, end = len(data) // 2, len(data)
            for start, stop in (
                (0, 1),
                (middle, middle + 1),
                (end - 1, end),
                (middle, end),
                (end, end),
            ):
                assert self.read(store, blob, start, stop - start) == data[start:stop]
            self.get(store.verify(blob))
            assert store.describe(blob.path) == blob
            assert store.record(blob.path) == b"r"

    def test_ranges_of_a_packed_blob_around_frames(self) -> None:
        store = self.make_store()
        for data in (pattern(3 * FRAME_BYTES + 5), pattern(FRAME_BYTES // 4) * 13):
            blob = self.put_packed(store, data)
            edges = [0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, len(data) - 1, len(data)]
            for start in edges:
                for end in edges:
                    if start <= end:
                        assert self.read(store, blob, start, end - start) == data[start:end]

    def test_a_damaged_packed_blob_is_found(self) -> None:
        store = self.make_store()
        data = pattern(40_000) * 20
        for place in (0, -1, 50):
            blob = self.put_packed(store, data)
            self.damage(store, blob, place % blob.packed_size)
            with self.assertRaises(CorruptBlob):
                self.read(store, blob)
            with self.assertRaises(CorruptBlob):
                self.get(store.verify(blob))

    def test_verify_wants_the_packed_form_that_metadata_means(self) -> None:
        store = self.make_store()
        blob = self.put_packed(store, bytes(100_000))
        for wrong in (
            msgspec.structs.replace(blob, packed_size=0),
            msgspec.structs.replace(blob, size=blob.size + 1),
        ):
            with self.assertRaises(CorruptBlob):
                self.get(store.verify(wrong))
        plain = self.put(store, b"abc")
        with self.assertRaises(CorruptBlob):
            self.get(store.verify(msgspec.structs.replace(plain, packed_size=3)))

    def test_a_reader_of_a_packed_blob_may_be_closed_at_any_time(self) -> None:
        store = self.make_store()
        blob = self.put_packed(store, pattern(3_000_000))
        for pieces in range(3):
            reader = self.get(store.open(blob, 5, blob.size - 5))
            verifyObject(IBlobReader, reader)
            for _ in range(pieces):
                self.get(reader.next())
            reader.close()
            reader.close()
            with self.assertRaises(ValueError):
                self.get(reader.next())

    # Unfinished blobs

    def test_an_aborted_blob_leaves_nothing(self) -> None:
        store = self.make_store()
        for size in (0, 10, 2_000_000):
            writer = store.writer("bucket", b"k", None)
            self.get(writer.write(pattern(size)))
            writer.abort()
            writer.abort()
            with self.assertRaises(ValueError):
                self.get(writer.write(b"x"))
            with self.assertRaises(ValueError):
                self.get(writer.commit(b""))
        assert list(store.files()) == []

    def test_an_abort_after_the_commit_changes_nothing(self) -> None:
        store = self.make_store()
        writer = store.writer("bucket", b"k", 3)
        self.get(writer.write(b"abc"))
        blob = self.get(writer.commit(b""))
        writer.abort()
        assert self.read(store, blob) == b"abc"
        with self.assertRaises(ValueError):
            self.get(writer.commit(b""))

    def test_a_record_has_a_bound(self) -> None:
        store = self.make_store()
        with self.assertRaises(ValueError):
            self.put(store, b"x", record=bytes(65_537))
        blob = self.put(store, b"x", record=bytes(65_536))
        assert store.record(blob.path) == bytes(65_536)

    # Integrity

    def test_a_flipped_bit_is_found_before_it_is_given_out(self) -> None:
        store = self.make_store()
        data = pattern(3 * BLOCK)
        for offset in (0, BLOCK, 3 * BLOCK - 1):
            blob = self.put(store, data)
            self.damage(store, blob, offset)
            with self.assertRaises(CorruptBlob):
                self.read(store, blob)
            with self.assertRaises(CorruptBlob):
                self.get(store.verify(blob))

    def test_verify_accepts_what_was_written_and_keeps_the_pace(self) -> None:
        store = self.make_store()
        read: list[int] = []

        async def pace(size: int) -> None:
            read.append(size)

        for size in SIZES:
            self.get(store.verify(self.put(store, pattern(size))))
        blob = self.put(store, pattern(3_000_000))
        self.get(store.verify(blob, pace))
        assert blob.size <= sum(read) <= blob.stored_size

    def test_verify_wants_the_blob_that_metadata_means(self) -> None:
        store = self.make_store()
        blob = self.put(store, b"abc")
        other = BlobInfo(store.new_id(), blob.path, blob.size, blob.stored_size, blob.sealed_key)
        with self.assertRaises(CorruptBlob):
            self.get(store.verify(other))

    # Housekeeping

    def test_files_records_and_descriptions(self) -> None:
        store = self.make_store()
        blobs = [self.put(store, pattern(n), key=b"k%d" % n, record=b"r%d" % n) for n in range(5)]
        found = list(store.files())
        assert sorted(found) == found or len(found) == 5
        assert {id for id, _, _, _ in found} == {blob.id for blob in blobs}
        assert {(path, size) for _, path, size, _ in found} == {
            (blob.path, blob.stored_size) for blob in blobs
        }
        for n, blob in enumerate(blobs):
            assert store.record(blob.path) == b"r%d" % n
            assert store.describe(blob.path) == blob

    def test_a_quarantined_blob_is_out_of_the_way(self) -> None:
        store = self.make_store()
        blob = self.put(store, b"bad")
        store.quarantine(blob.path)
        assert list(store.files()) == []
        with self.assertRaises(FileNotFoundError):
            self.get(store.open(blob, 0, 3))

    # Ids and inline bodies

    def test_ids_hold_the_time_and_do_not_repeat(self) -> None:
        store = self.make_store()
        ids = {store.new_id() for _ in range(1000)}
        assert len(ids) == 1000
        for id in ids:
            assert len(id) == 16
            assert int.from_bytes(id[:6], "big") == START_MS

    def test_inline_bodies_come_back_and_damage_is_found(self) -> None:
        store = self.make_store()
        for data in (b"", b"x", pattern(4096)):
            id = store.new_id()
            stored = store.seal_inline(id, data)
            assert len(stored) <= len(data) + 45
            body = Body(BodyKind.INLINE, id, len(data))
            assert store.open_inline(id, stored, body) == data
            for at in range(0, len(stored), 97):
                bad = bytearray(stored)
                bad[at] ^= 1
                with self.assertRaises(CorruptBlob):
                    store.open_inline(id, bytes(bad), body)
            for bad_stored in (b"", stored[:-1], stored + b"x"):
                with self.assertRaises(CorruptBlob):
                    store.open_inline(id, bad_stored, body)
            other = store.new_id()
            with self.assertRaises(CorruptBlob):
                store.open_inline(other, store.seal_inline(id, b"data"), body)

    # Customers' keys

    @settings(max_examples=40, suppress_health_check=[HealthCheck.differing_executors])
    @given(data=st.data())
    def test_any_range_of_a_customers_blob(self, data: st.DataObject) -> None:
        store = self.make_store()
        size = data.draw(st.sampled_from(SIZES))
        offset = data.draw(st.integers(0, size))
        length = data.draw(st.integers(0, size - offset))
        body = pattern(size)
        blob = self.put_customers(store, body)
        reader = self.get(store.open(blob, offset, length, CUSTOMER_KEY))
        pieces = []
        while piece := self.get(reader.next()):
            pieces.append(bytes(piece))
        reader.close()
        assert b"".join(pieces) == body[offset : offset + length]

    def test_nobody_else_opens_a_customers_blob(self) -> None:
        store = self.make_store()
        blob = self.put_customers(store, pattern(200_000))
        with self.assertRaises(CustomerKeyNeeded):
            self.get(store.open(blob, 0, 1))
        with self.assertRaises(CorruptBlob):
            reader = self.get(store.open(blob, 0, 1, b"d" * 32))
            self.get(reader.next())
        self.get(store.verify(blob))
        assert store.record(blob.path) == b"record"
        assert store.describe(blob.path) == blob
        self.damage(store, blob, 70_000)
        with self.assertRaises(CorruptBlob):
            self.get(store.verify(blob))

    def test_a_customers_inline_body(self) -> None:
        store = self.make_store()
        id = store.new_id()
        body = Body(BodyKind.INLINE, id, 4)
        stored = store.seal_inline(id, b"data", Seal(customer_key=CUSTOMER_KEY))
        assert store.open_inline(id, stored, body, CUSTOMER_KEY) == b"data"
        with self.assertRaises(CustomerKeyNeeded):
            store.open_inline(id, stored, body)

    def put_customers(self, store: Any, data: bytes) -> BlobInfo:
        writer = store.writer("bucket", b"k", len(data), Seal(customer_key=CUSTOMER_KEY))
        self.get(writer.write(data))
        return self.get(writer.commit(b"record"))

    # Admission

    def test_what_does_not_fit_is_refused_before_it_is_written(self) -> None:
        store = self.make_store(free_bytes=10_000)
        store.admit(9_000)
        self.now_ms += 1_000
        with self.assertRaises(InsufficientStorage):
            store.writer("bucket", b"k", 10_001)
        with self.assertRaises(InsufficientStorage):
            store.admit(10_001)

    def test_after_a_disk_error_reads_go_on_and_writes_do_not(self) -> None:
        store = self.make_store()
        blob = self.put(store, b"before")
        assert not store.read_only
        self.break_disk(store)
        assert store.read_only
        with self.assertRaises(ServiceUnavailable):
            store.writer("bucket", b"k", 1)
        with self.assertRaises(ServiceUnavailable):
            store.admit(0)
        assert self.read(store, blob) == b"before"
        self.get(store.remove(blob))
        assert list(store.files()) == []
