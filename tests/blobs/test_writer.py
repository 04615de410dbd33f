"""The writer: errors at every point, crashes at every step, order, overlap, aborts in between."""

from __future__ import annotations

import errno
import os
from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.blobs.contract import BLOCK, BlobStoreHelpers, pattern
from z4tw.blobs.files import FileBlobStore
from z4tw.blobs.writer import FileBlobWriter
from z4tw.errors import InsufficientStorage, InternalError, S3Error, ServiceUnavailable
from z4tw.interfaces import IDisk
from z4tw.model.objects import BlobInfo
from z4tw.sse.envelope import Envelope, key_id
from z4tw.testing.disks import Fault, FaultyDisk, LossyDisk
from z4tw.testing.offload import HeldOffload, InlineOffload

KEK = bytes(range(32))
STEPS = ["blob.write", "blob.fsync", "blob.link", "blob.dirsync"]


class WriterCase(BlobStoreHelpers, SynchronousTestCase):
    """A store over a faulty disk over a lossy one."""

    def setUp(self) -> None:
        self.lossy = LossyDisk(lambda: self.now_ms / 1000)
        self.disk = FaultyDisk(self.lossy)
        self.errors: list[OSError] = []
        self.steps: list[str] = []

    def make_store(self, disk: IDisk | None = None, **options: Any) -> FileBlobStore:
        options.setdefault("steps", self.steps.append)
        return FileBlobStore(
            disk or self.disk,
            options.pop("offload", None) or InlineOffload(),
            options.pop("cipher", None),
            min_free_bytes=0,
            now_ms=lambda: self.now_ms,
            random_bytes=os.urandom,
            on_disk_error=self.errors.append,
            **options,
        )


class FaultTests(WriterCase):
    """I/O errors."""

    def points(self) -> list[tuple[str, int]]:
        """Every call that writing a blob of some pieces makes of the disk."""
        store = self.make_store(sync_every_bytes=300_000)
        self.put(store, pattern(1_500_000))
        counts = dict(self.disk.counts)
        self.disk.counts.clear()
        return [
            (operation, nth)
            for operation in ("create", "write", "fsync", "link", "sync_parents", "close")
            for nth in range(1, counts[operation] + 1)
        ]

    def fail_at(self, operation: str, nth: int, number: int) -> tuple[FileBlobStore, Exception]:
        self.setUp()
        self.disk.faults.append(Fault(operation, nth, number, keep=1000))
        store = self.make_store(sync_every_bytes=300_000)
        writer = store.writer("bucket", b"k", 1_500_000)
        data = pattern(1_500_000)
        with self.assertRaises(Exception) as caught:
            for at in range(0, len(data), 100_000):
                self.get(writer.write(data[at : at + 100_000]))
            self.get(writer.commit(b"r"))
        writer.abort()
        return store, caught.exception

    def test_an_io_error_anywhere_fails_the_blob_and_stops_writes(self) -> None:
        points = self.points()
        assert len(points) == 10, points
        for operation, nth in points:
            store, error = self.fail_at(operation, nth, errno.EIO)
            assert isinstance(error, InternalError), (operation, nth)
            assert isinstance(error.__cause__, OSError)
            assert [e.errno for e in self.errors] == [errno.EIO]
            assert store.read_only
            with self.assertRaises(ServiceUnavailable):
                store.writer("bucket", b"k", 1)
            # The file was closed, and none has a name, but where the close itself failed.
            assert self.disk.counts.get("close", 0) == (operation != "create")
            assert len(list(store.files())) == (operation == "close")
            assert store.streams == 0

    def test_a_full_disk_fails_only_the_request(self) -> None:
        for operation, nth in self.points():
            if operation == "close":
                continue
            store, error = self.fail_at(operation, nth, errno.ENOSPC)
            assert isinstance(error, InsufficientStorage), (operation, nth)
            assert list(store.files()) == []
            assert not store.read_only
            assert self.errors == []
            self.disk.faults.clear()
            assert self.read(store, self.put(store, b"next")) == b"next"

    def test_space_that_ends_within_a_write_leaves_nothing(self) -> None:
        store = self.make_store()
        for capacity in (0, 1, 100_000, 799_999):
            self.disk.written_bytes = 0
            self.disk.capacity_bytes = capacity
            with self.assertRaises(InsufficientStorage):
                self.put(store, pattern(800_000))
            assert list(store.files()) == []
        self.disk.capacity_bytes = None
        self.put(store, pattern(800_000))

    def test_a_failed_fsync_is_never_repeated(self) -> None:
        _, error = self.fail_at("fsync", 1, errno.EIO)
        assert isinstance(error, InternalError)
        assert self.disk.counts["fsync"] == 1
        assert "link" not in self.disk.counts

    def test_a_taken_name_is_not_replaced_and_no_disk_error(self) -> None:
        store, error = self.fail_at("link", 1, errno.EEXIST)
        assert isinstance(error, InternalError)
        assert not store.read_only

    def test_a_shortage_of_the_process_is_no_disk_error(self) -> None:
        for number in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
            store, error = self.fail_at("create", 1, number)
            assert type(error) is ServiceUnavailable
            assert not store.read_only

    def test_the_error_meets_later_calls_too(self) -> None:
        store = self.make_store()
        self.disk.faults.append(Fault("write", 1, errno.ENOSPC))
        writer = store.writer("bucket", b"k", None)
        self.get(writer.write(pattern(300_000)))
        for _ in range(2):
            with self.assertRaises(InsufficientStorage):
                writer.write(b"more")
            with self.assertRaises(InsufficientStorage):
                self.get(writer.commit(b""))

    def test_a_name_that_cannot_be_taken_back_is_told(self) -> None:
        self.disk.faults += [Fault("sync_parents"), Fault("unlink")]
        store = self.make_store()
        with self.assertRaises(InternalError) as caught:
            self.put(store, b"x")
        [note] = caught.exception.__cause__.__notes__  # type: ignore[union-attr]
        assert "could not be removed" in note
        assert len(list(store.files())) == 1

    def test_a_defect_in_offloaded_work_fails_the_blob_only(self) -> None:
        def broken(step: str) -> None:
            raise ZeroDivisionError(step)

        store = self.make_store(steps=broken)
        with self.assertRaises(ZeroDivisionError):
            self.put(store, b"x")
        assert not store.read_only
        assert list(store.files()) == []


class Crashed(BaseException):
    """The process ends here."""


class CrashTests(WriterCase):
    """Power is lost at each step, again and again with other luck."""

    def crash_at(self, step: str, seed: int, cipher: Envelope | None) -> None:
        rng = Random(seed)
        disk = LossyDisk(lambda: self.now_ms / 1000)
        store = self.make_store(disk, cipher=cipher, sync_every_bytes=200_000)
        sizes = (0, 10, BLOCK, 400_000)
        committed = [self.put(store, pattern(n), key=b"k%d" % n) for n in sizes]

        def crash(passed: str) -> None:
            if passed == step:
                raise Crashed

        store = self.make_store(disk, cipher=cipher, steps=crash)
        size = rng.choice((10, 300_000))
        writer = store.writer("bucket" if seed % 2 else "new-bucket", b"new", size)
        with self.assertRaises(Crashed):
            self.get(writer.write(pattern(size)))
            self.get(writer.commit(b"new record"))
        disk.crash(rng)
        store = self.make_store(disk, cipher=cipher)
        for blob in committed:
            assert self.read(store, blob) == pattern(blob.size)
            self.get(store.verify(blob))
        others = [f for f in store.files() if f[0] not in {blob.id for blob in committed}]
        for id, path, _, _ in others:
            assert id == writer.id
            found = store.describe(path)
            self.get(store.verify(found))
            assert self.read(store, found) == pattern(size)
            assert store.record(path) == b"new record"
        if step in ("blob.write", "blob.fsync"):
            assert others == []
        if step == "blob.dirsync":
            assert len(others) == 1

    def test_committed_blobs_survive_and_others_are_whole_or_nameless(self) -> None:
        envelope = Envelope((KEK,), key_id(KEK), os.urandom)
        for step in STEPS:
            for seed in range(12):
                self.crash_at(step, seed, envelope if seed % 3 == 0 else None)

    def test_the_simulated_disk_does_lose_what_is_not_synced(self) -> None:
        """Else the test above would prove nothing: without fsync and directory sync, it fails."""
        lost = 0
        for seed in range(10):
            disk = LossyDisk(lambda: 0.0)
            file = disk.create("")
            file.write(pattern(2_000))
            disk.link(file, "bucket/00/00/x~" + "0" * 32)
            disk.crash(Random(seed))
            found = list(disk.walk(""))
            lost += not found or disk.open(found[0][0]).read_at(0, 2_000) != pattern(2_000)
        assert lost == 10


class OrderTests(WriterCase):
    """What happens when."""

    def test_steps_and_disk_calls_come_in_the_order_of_durability(self) -> None:
        store = self.make_store()
        self.put(store, pattern(10))
        assert self.steps == STEPS
        calls = [call for call in self.disk.calls if call != "free_bytes"]
        assert calls == ["create", "write", "write", "fsync", "link", "sync_parents", "close"]

    def test_a_small_blob_is_one_piece_of_offloaded_work(self) -> None:
        offload = InlineOffload()
        store = self.make_store(offload=offload)
        self.put(store, pattern(200_000))
        assert offload.count == 1

    def test_long_blobs_are_synced_behind(self) -> None:
        store = self.make_store(sync_every_bytes=1_000_000)
        self.put(store, pattern(6_000_000))
        assert 3 <= self.disk.counts["fsync"] <= 7
        assert self.disk.counts["link"] == 1

    def test_the_caller_goes_on_while_a_piece_is_written_but_not_two(self) -> None:
        offload = HeldOffload()
        store = self.make_store(offload=offload)
        writer = store.writer("bucket", b"k", None)
        waits: list[Deferred[None]] = []
        while not waits or waits[-1].called:
            waits.append(Deferred.fromCoroutine(_wait(writer.write(pattern(100_000)))))
            assert offload.waiting <= 1
            assert len(waits) < 40
        # One piece of 256 KiB under way, and the next one of up to 1 MiB collected.
        assert 4 <= len(waits) <= 15
        offload.step()
        assert waits[-1].called
        assert offload.waiting == 1
        done = Deferred.fromCoroutine(writer.commit(b""))
        offload.run_all()
        blob = self.successResultOf(done)
        assert blob.size == 100_000 * len(waits)
        reading = Deferred.fromCoroutine(self.read_with(store, blob, offload))
        offload.run_all()
        assert self.successResultOf(reading) == pattern(100_000) * len(waits)

    async def read_with(self, store: FileBlobStore, blob: BlobInfo, offload: HeldOffload) -> bytes:
        reader = await store.open(blob, 0, blob.size)
        data = b""
        while piece := await reader.next():
            data += piece
        return data

    def test_many_streams_share_the_memory_for_buffers(self) -> None:
        store = self.make_store(buffer_bytes=1 << 20)
        writers = [store.writer("bucket", b"k", None) for _ in range(20)]
        offload = HeldOffload()
        late = self.make_store(offload=offload, buffer_bytes=0).writer("bucket", b"k", None)
        self.get(late.write(pattern(BLOCK - 1)))
        assert offload.waiting == 0
        self.get(late.write(b"x"))
        assert offload.waiting == 1
        for writer in writers:
            writer.abort()
        assert store.streams == 0

    def test_an_abort_while_work_is_under_way_closes_the_file_after_it(self) -> None:
        for order in (0, 1):
            self.setUp()
            offload = HeldOffload()
            store = self.make_store(offload=offload)
            writer = store.writer("bucket", b"k", 600_000)
            self.get(writer.write(pattern(300_000)))
            writer.abort()
            offload.step(order)
            offload.run_all()
            assert self.disk.counts.get("close", 0) == self.disk.counts.get("create", 0)
            assert store.streams == 0
            assert list(store.files()) == []

    def test_an_abort_within_the_commit_takes_the_name_away(self) -> None:
        for step in STEPS:
            self.setUp()

            writers: list[FileBlobWriter] = []

            def abort(
                passed: str, step: str = step, writers: list[FileBlobWriter] = writers
            ) -> None:
                if passed == step:
                    writers[0].abort()

            store = self.make_store(steps=abort)
            writer = store.writer("bucket", b"k", 3)
            writers.append(writer)
            self.get(writer.write(b"abc"))
            with self.assertRaises(ValueError):
                self.get(writer.commit(b""))
            assert list(store.files()) == []
            assert self.disk.counts["close"] == 1

    def test_a_commit_that_nobody_waits_for_any_more_ends_cleanly(self) -> None:
        offload = HeldOffload()
        store = self.make_store(offload=offload)
        writer = store.writer("bucket", b"k", 300_000)
        self.get(writer.write(pattern(300_000)))
        commit = writer.commit(b"")
        commit.send(None)
        commit.close()
        writer.abort()
        offload.run_all()
        assert list(store.files()) == []
        assert store.streams == 0

    def test_errors_are_s3_errors_with_the_right_status(self) -> None:
        answers: list[S3Error] = [InsufficientStorage(), ServiceUnavailable(), InternalError()]
        assert [error.status for error in answers] == [507, 503, 500]


async def _wait(awaitable: Any) -> None:
    await awaitable
