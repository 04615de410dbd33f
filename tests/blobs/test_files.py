"""The file store keeps the contract of blob stores, in all its forms, and finds all damage."""

from __future__ import annotations

import os
import tempfile
import tracemalloc
from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.blobs.contract import BLOCK, BlobStoreContract, BlobStoreHelpers, pattern
from tests.test_threads import FakeReactor
from z4tw.blobs.disk import OsDisk
from z4tw.blobs.files import FileBlobStore
from z4tw.blobs.format import digest_blocks, seed_of
from z4tw.errors import (
    CorruptBlob,
    InsufficientStorage,
    InternalError,
    ServiceUnavailable,
    WrongMasterKey,
)
from z4tw.interfaces import IDisk
from z4tw.model.objects import BlobInfo, Body, BodyKind
from z4tw.sse.envelope import Envelope, key_id
from z4tw.testing.disks import Fault, FaultyDisk, LossyDisk
from z4tw.testing.offload import InlineOffload
from z4tw.threads import ThreadOffload

KEK = bytes(range(32))
ROOM = 1 << 40


class FileBlobStoreHelpers(BlobStoreHelpers):
    """File stores on a disk that can be made to fail."""

    nameless = True
    envelope: Envelope | None = None

    def make_disk(self) -> IDisk:
        root = tempfile.TemporaryDirectory()
        self.addCleanup(root.cleanup)  # type: ignore[attr-defined]
        return OsDisk(root.name, os.urandom, nameless=self.nameless)

    def make_store(self, free_bytes: int = ROOM, **options: Any) -> FileBlobStore:
        self.disk = FaultyDisk(self.make_disk())
        self.disk.free = (free_bytes, ROOM)
        self.disk_errors: list[OSError] = []
        return self.store_on(self.disk, **options)

    def store_on(self, disk: IDisk, **options: Any) -> FileBlobStore:
        return FileBlobStore(
            disk,
            InlineOffload(),
            options.pop("cipher", self.envelope),
            min_free_bytes=0,
            now_ms=lambda: self.now_ms,
            random_bytes=os.urandom,
            on_disk_error=self.disk_errors.append,
            **options,
        )

    def break_disk(self, store: Any) -> None:
        self.disk.faults.append(Fault("fsync", nth=self.disk.counts.get("fsync", 0) + 1))
        with self.assertRaises(InternalError):
            self.put(store, b"x")
        assert [error.errno for error in self.disk_errors] == [5]

    def contents(self, blob: BlobInfo) -> bytearray:
        file = self.disk.open(blob.path)
        try:
            return bytearray(file.read_at(0, file.size()))
        finally:
            file.close()

    def replace(self, blob: BlobInfo, content: bytes) -> None:
        """Give a blob's file other contents."""
        self.disk.unlink(blob.path)
        file = self.disk.create("")
        file.write(content)
        self.disk.link(file, blob.path)
        file.close()

    def damage(self, store: Any, blob: BlobInfo, offset: int) -> None:
        content = self.contents(blob)
        content[offset] ^= 1
        self.replace(blob, bytes(content))

    @property
    def step(self) -> int:
        return BLOCK + 16 if self.envelope else BLOCK


class FileBlobStoreTests(FileBlobStoreHelpers, BlobStoreContract, SynchronousTestCase):
    """On a real disk, with nameless files where the file system has them."""

    def test_a_damaged_block_does_not_spoil_the_others(self) -> None:
        store = self.make_store()
        data = pattern(5 * BLOCK)
        blob = self.put(store, data)
        self.damage(store, blob, 2 * self.step + 7)
        assert self.read(store, blob, 0, 2 * BLOCK) == data[: 2 * BLOCK]
        assert self.read(store, blob, 3 * BLOCK) == data[3 * BLOCK :]
        for start in (2 * BLOCK, 3 * BLOCK - 1):
            with self.assertRaises(CorruptBlob):
                self.get(store.open(blob, start, 1))

    def test_damage_behind_the_first_piece_cuts_the_reading_off(self) -> None:
        store = self.make_store()
        data = pattern(2_000_000)
        blob = self.put(store, data)
        self.damage(store, blob, len(data) - 1)
        reader = self.get(store.open(blob, 0, blob.size))
        good = b""
        with self.assertRaises(CorruptBlob):
            while True:
                good += self.get(reader.next())
        assert data.startswith(good)
        assert 0 < len(good) < len(data)
        with self.assertRaises(CorruptBlob):
            self.get(reader.next())
        reader.close()

    def test_swapped_blocks_are_found(self) -> None:
        store = self.make_store()
        blob = self.put(store, pattern(4 * BLOCK))
        step, content = self.step, bytes(self.contents(blob))
        swapped = content[step : 2 * step] + content[:step] + content[2 * step :]
        self.replace(blob, swapped)
        with self.assertRaises(CorruptBlob):
            self.get(store.open(blob, 0, 1))
        with self.assertRaises(CorruptBlob):
            self.get(store.verify(blob))

    def test_another_blobs_intact_file_is_found(self) -> None:
        store = self.make_store()
        one, two = (self.put(store, pattern(2 * BLOCK, seed)) for seed in (1, 2))
        self.replace(one, bytes(self.contents(two)))
        with self.assertRaises(CorruptBlob):
            self.get(store.open(one, 0, 1))
        with self.assertRaises(CorruptBlob):
            self.get(store.verify(one))

    def test_a_file_cut_or_grown_anywhere_is_found(self) -> None:
        store = self.make_store()
        blob = self.put(store, pattern(2 * BLOCK + 100))
        content = bytes(self.contents(blob))
        for length in (0, 1, 63, 64, BLOCK, 2 * self.step, len(content) - 64, len(content) - 1):
            self.replace(blob, content[:length])
            with self.assertRaises(CorruptBlob):
                self.get(store.open(blob, 0, 1))
            for check in (store.record, store.describe):
                with self.assertRaises(CorruptBlob):
                    check(blob.path)
            with self.assertRaises(CorruptBlob):
                self.get(store.verify(blob))
        self.replace(blob, content + b"x")
        with self.assertRaises(CorruptBlob):
            self.get(store.open(blob, 0, 1))

    def test_any_flipped_bit_of_the_footer_is_found_by_verify(self) -> None:
        store = self.make_store()
        blob = self.put(store, b"small", record=b"record")
        content = self.contents(blob)
        for at in range(len(content)):
            content[at] ^= 0x10
            self.replace(blob, bytes(content))
            with self.assertRaises(CorruptBlob):
                self.get(store.verify(blob))
            content[at] ^= 0x10
        self.replace(blob, bytes(content))
        self.get(store.verify(blob))

    def test_bytes_on_disk_are_plain_only_without_keys(self) -> None:
        store = self.make_store()
        blob = self.put(store, b"the secret text" * 10, record=b"the record")
        content = bytes(self.contents(blob))
        assert (b"the secret text" in content) == (self.envelope is None)
        assert (b"the record" in content) == (self.envelope is None)
        assert bool(blob.sealed_key) == (self.envelope is not None)

    def test_foreign_files_are_never_listed_nor_removed(self) -> None:
        store = self.make_store()
        for path in ("README", "bucket/notes.txt", "_z4meta/z4.db", "bucket/00/00/no-id"):
            file = self.disk.create("")
            file.write(b"x")
            self.disk.link(file, path)
            file.close()
            with self.assertRaises(ValueError):
                self.get(store.remove(BlobInfo(b"", path, 0, 0)))
        assert list(store.files()) == []
        assert len(list(self.disk.walk(""))) == 4

    def test_a_bucket_that_could_not_be_a_directory_is_refused(self) -> None:
        store = self.make_store()
        for bucket in ("", ".", "..", "_z4meta", "a/b", "a\0"):
            with self.assertRaises(ValueError):
                store.writer(bucket, b"k", 1)

    def test_a_small_read_is_one_piece_of_offloaded_work(self) -> None:
        store = self.make_store()
        blob = self.put(store, pattern(BLOCK))
        offload = store._offload
        before = offload.count  # type: ignore[attr-defined]
        assert self.read(store, blob) == pattern(BLOCK)
        assert offload.count == before + 1  # type: ignore[attr-defined]

    def test_nothing_is_held_open(self) -> None:
        store = self.make_store()
        for size in (10, 2_000_000):
            self.read(store, self.put(store, pattern(size)))
            store.writer("bucket", b"k", 5).abort()
            self.get(store.open(self.put(store, pattern(size)), 0, 1)).close()
        assert store.streams == 0
        opened = self.disk.counts["create"] + self.disk.counts["open"]
        assert self.disk.counts["close"] == opened

    def test_an_error_of_asking_for_free_space_is_a_disk_error(self) -> None:
        store = self.make_store()
        self.disk.faults.append(Fault("free_bytes"))
        with self.assertRaises(InternalError):
            store.admit(1)
        assert store.read_only
        assert store.disk_error is self.disk_errors[0]


class FallbackFileBlobStoreTests(FileBlobStoreTests):
    """Where there are no nameless files, as on macOS."""

    nameless = False

    def test_an_unfinished_file_is_listed_as_temporary(self) -> None:
        store = self.make_store()
        writer = store.writer("bucket", b"k", None)
        self.get(writer.write(pattern(600_000)))
        [(id, path, size, _)] = store.files()
        assert id is None
        assert path.startswith("_z4meta/tmp/")
        assert size > 0
        self.get(store.remove(BlobInfo(b"", path, 0, size)))
        assert list(store.files()) == []
        writer.abort()
        assert not store.read_only, "a temporary name that is gone is no disk error"


class EncryptedFileBlobStoreTests(FileBlobStoreTests):
    """Encrypted at rest."""

    envelope = Envelope((KEK,), key_id(KEK), os.urandom)

    def test_keys_that_are_not_here_are_named(self) -> None:
        store = self.make_store()
        blob = self.put(store, b"secret", record=b"r")
        id = store.new_id()
        stored = store.seal_inline(id, b"small")
        other = bytes(32)
        for cipher in (None, Envelope((other,), key_id(other), os.urandom)):
            without = self.store_on(self.disk, cipher=cipher)
            with self.assertRaises(WrongMasterKey):
                self.get(without.open(blob, 0, 1))
            with self.assertRaises(WrongMasterKey):
                without.record(blob.path)
            with self.assertRaises(WrongMasterKey):
                without.open_inline(id, stored, Body(BodyKind.INLINE, id, 5))
            self.get(without.verify(blob))
            assert without.describe(blob.path) == blob

    def test_turned_off_it_still_reads_and_writes_plain(self) -> None:
        store = self.make_store()
        sealed = self.put(store, b"secret")
        off = self.store_on(self.disk, cipher=Envelope((KEK,), None, os.urandom))
        plain = self.put(off, b"plain")
        assert not plain.sealed_key
        assert self.read(off, sealed) == b"secret"
        assert self.read(off, plain) == b"plain"
        assert self.read(store, plain) == b"plain"

    def test_a_segment_under_correct_digests_is_still_authenticated(self) -> None:
        """Whoever can write the disk can forge digests, but not segments."""
        store = self.make_store()
        data = pattern(3 * BLOCK)
        blob = self.put(store, data)
        content = bytes(self.contents(blob))
        step = self.step
        stored, footer = content[: 3 * step], content[3 * step :]
        forgeries = (
            stored[step : 2 * step] + stored[:step] + stored[2 * step :],
            stored[:step] * 2 + stored[2 * step :],
            bytes([stored[0] ^ 1]) + stored[1:],
        )
        for forged in forgeries:
            digests = digest_blocks(forged, seed_of(blob.id), 0, step)
            self.replace(blob, forged + digests + footer[24:])
            with self.assertRaises(CorruptBlob):
                self.read(store, blob)
        # Cut off after the second segment, with metadata that agrees.
        short = stored[: 2 * step]
        digests = digest_blocks(short, seed_of(blob.id), 0, step)
        self.replace(blob, short + digests + footer[24:])
        size = 2 * step + 16 + len(footer) - 24
        cut = BlobInfo(blob.id, blob.path, 2 * BLOCK, size, blob.sealed_key)
        with self.assertRaises(CorruptBlob):
            self.read(store, cut)


class LossyFileBlobStoreTests(FileBlobStoreTests):
    """On the simulated disk."""

    def make_disk(self) -> IDisk:
        return LossyDisk(lambda: self.now_ms / 1000)


class AdmissionTests(FileBlobStoreHelpers, SynchronousTestCase):
    """The reserve."""

    def test_announced_bytes_are_kept_for_who_announced_them(self) -> None:
        store = self.make_store(free_bytes=1_000_000)
        first = store.writer("bucket", b"k", 600_000)
        with self.assertRaises(InsufficientStorage):
            store.writer("bucket", b"k", 600_000)
        self.now_ms += 10_000
        with self.assertRaises(InsufficientStorage):
            store.writer("bucket", b"k", 600_000)
        first.abort()
        self.now_ms += 10_000
        store.writer("bucket", b"k", 600_000).abort()

    def test_an_unannounced_body_is_stopped_when_it_reaches_the_reserve(self) -> None:
        store = self.make_store(free_bytes=5_000_000)
        writer = store.writer("bucket", b"k", None)
        self.disk.free = (2_000_000, ROOM)
        self.now_ms += 2_000
        with self.assertRaises(InsufficientStorage):
            for _ in range(40):
                self.get(writer.write(pattern(100_000)))
        writer.abort()
        assert list(store.files()) == []
        assert not store.read_only

    def test_a_store_that_is_full_or_broken_says_which(self) -> None:
        store = self.make_store(free_bytes=0)
        with self.assertRaises(InsufficientStorage):
            store.admit(1)
        self.disk.free = (ROOM, ROOM)
        self.now_ms += 2_000
        self.put(store, b"x")
        self.break_disk(store)
        with self.assertRaises(ServiceUnavailable):
            store.admit(1)


class LongBlobTests(FileBlobStoreHelpers, SynchronousTestCase):
    """Blobs that do not fit into memory, in small."""

    def test_memory_does_not_grow_with_the_blob(self) -> None:
        store = self.make_store()
        piece = pattern(200_000)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        peaks = []
        for count in (20, 200):
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            writer = store.writer("bucket", b"k", None)
            for _ in range(count):
                self.get(writer.write(piece))
            blob = self.get(writer.commit(b""))
            reader = self.get(store.open(blob, 0, blob.size))
            read = 0
            while data := self.get(reader.next()):
                read += len(data)
            del data
            self.get(store.verify(blob))
            assert read == blob.size == count * len(piece)
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
        assert peaks[1] < peaks[0] + 500_000, peaks
        assert peaks[1] < 6_000_000, peaks


class ThreadTests(FileBlobStoreHelpers, SynchronousTestCase):
    """With real threads, many at once."""

    def test_writers_and_readers_at_the_same_time(self) -> None:
        reactor = FakeReactor()
        offload = ThreadOffload(reactor, 6)
        offload.start()
        self.addCleanup(offload.stop)
        root = tempfile.TemporaryDirectory()
        self.addCleanup(root.cleanup)
        store = FileBlobStore(
            OsDisk(root.name, os.urandom),
            offload,
            Envelope((KEK,), key_id(KEK), os.urandom),
            min_free_bytes=0,
            now_ms=lambda: self.now_ms,
            random_bytes=os.urandom,
            sync_every_bytes=500_000,
        )

        async def one(number: int) -> int:
            rng = Random(number)
            data = rng.randbytes(rng.choice((0, 10, BLOCK, 900_000, 3_000_000)))
            writer = store.writer("bucket", b"k%d" % number, rng.choice((None, len(data))))
            if number % 5 == 0:
                await writer.write(data)
                writer.abort()
                return 0
            at = 0
            while at < len(data):
                length = rng.randrange(1, 300_000)
                await writer.write(data[at : at + length])
                at += length
            blob = await writer.commit(b"r")
            start = rng.randrange(len(data) + 1)
            reader = await store.open(blob, start, len(data) - start)
            found = b""
            while piece := await reader.next():
                found += piece
                if number % 7 == 0:
                    break
            reader.close()
            assert data[start:].startswith(found)
            assert number % 7 == 0 or len(found) == len(data) - start
            await store.verify(blob)
            return 1

        running = [Deferred.fromCoroutine(one(number)) for number in range(40)]
        while not all(deferred.called for deferred in running):
            reactor.turn()
        count = sum(self.successResultOf(deferred) for deferred in running)
        offload.stop()
        assert count == len(list(store.files())) == 32
        assert store.streams == 0
        assert not store.read_only
        held = os.listdir("/proc/self/fd")
        paths = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in held]
        assert not [path for path in paths if path.startswith(root.name)]
