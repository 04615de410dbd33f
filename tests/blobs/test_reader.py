"""The reader: read-ahead, memory, disk errors, closing in between."""

from __future__ import annotations

import errno
import os
from typing import Any
from unittest.mock import patch

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.blobs.contract import BLOCK, BlobStoreHelpers, pattern
from z4tw.blobs.files import FileBlobStore
from z4tw.errors import CorruptBlob
from z4tw.testing.disks import Fault, FaultyDisk, LossyDisk, LossyFile
from z4tw.testing.offload import HeldOffload, InlineOffload


class ReaderTests(BlobStoreHelpers, SynchronousTestCase):
    """Over a faulty disk."""

    def setUp(self) -> None:
        self.disk = FaultyDisk(LossyDisk(lambda: 0.0))

    def make_store(self, offload: Any = None, **options: Any) -> FileBlobStore:
        return FileBlobStore(
            self.disk,
            offload or InlineOffload(),
            None,
            min_free_bytes=0,
            now_ms=lambda: self.now_ms,
            random_bytes=os.urandom,
            **options,
        )

    def test_one_piece_is_read_ahead_and_no_more(self) -> None:
        data = pattern(3_000_000)
        blob = self.put(self.make_store(), data)
        offload = HeldOffload()
        store = self.make_store(offload)
        opening = Deferred.fromCoroutine(store.open(blob, 0, blob.size))
        offload.step()
        reader = self.successResultOf(opening)
        assert offload.waiting == 0, "the first piece comes with the opening"
        got = [self.get(reader.next())]
        for _ in range(3):
            assert offload.waiting == 1, "the next piece is being read while this one is sent"
            offload.step()
            assert offload.waiting == 0
            got.append(self.get(reader.next()))
        assert data.startswith(b"".join(got))
        assert max(map(len, got)) <= 512 * 1024

    def test_next_waits_for_the_piece_under_way(self) -> None:
        data = pattern(800_000)
        blob = self.put(self.make_store(), data)
        offload = HeldOffload()
        opening = Deferred.fromCoroutine(self.make_store(offload).open(blob, 0, blob.size))
        offload.step()
        reader = self.successResultOf(opening)
        first = self.get(reader.next())
        waiting = Deferred.fromCoroutine(reader.next())
        self.assertNoResult(waiting)
        offload.step()
        second = self.successResultOf(waiting)
        offload.run_all()
        assert first + second + self.get(reader.next()) == data

    def test_the_file_is_closed_with_the_last_piece(self) -> None:
        store = self.make_store()
        blob = self.put(store, pattern(1_000_000))
        before = self.disk.counts["close"]
        reader = self.get(store.open(blob, 0, blob.size))
        total = 0
        while total < blob.size:
            total += len(self.get(reader.next()))
        assert self.disk.counts["close"] == before + 1
        assert store.streams == 0

    def test_closing_while_a_piece_is_read_waits_for_the_piece(self) -> None:
        blob = self.put(self.make_store(), pattern(3_000_000))
        for order in (0, 1):
            offload = HeldOffload()
            store = self.make_store(offload)
            opening = Deferred.fromCoroutine(store.open(blob, 0, blob.size))
            offload.step()
            reader = self.successResultOf(opening)
            self.get(reader.next())
            before = self.disk.counts["close"]
            reader.close()
            offload.step(order)
            offload.run_all()
            assert self.disk.counts["close"] == before + 1
            assert store.streams == 0
            with self.assertRaises(ValueError):
                self.get(reader.next())

    def test_an_opening_that_nobody_waits_for_any_more_leaves_nothing_open(self) -> None:
        blob = self.put(self.make_store(), pattern(3_000_000))
        offload = HeldOffload()
        store = self.make_store(offload)
        before = self.disk.counts["close"]
        opening = store.open(blob, 0, blob.size)
        opening.send(None)
        opening.close()
        offload.run_all()
        assert self.disk.counts["close"] == before + 1
        assert store.streams == 0

    def test_an_error_of_a_read_ahead_that_nobody_wants_is_not_lost_in_the_log(self) -> None:
        store = self.make_store()
        blob = self.put(store, pattern(3_000_000))
        reader = self.get(store.open(blob, 0, blob.size))
        self.disk.faults.append(
            Fault("read_at", self.disk.counts["read_at"] + 1, errno.EIO, times=0)
        )
        assert self.get(reader.next())
        reader.close()
        assert self.flushLoggedErrors() == []

    def test_disk_errors_reach_the_reader_and_leave_the_store_writable(self) -> None:
        store = self.make_store()
        blob = self.put(store, pattern(3_000_000))
        for operation in ("open", "size", "read_at"):
            self.disk.counts.clear()
            self.disk.faults[:] = [Fault(operation)]
            with self.assertRaises(OSError) as caught:
                self.get(store.open(blob, 0, blob.size))
            assert caught.exception.errno == errno.EIO
            assert store.streams == 0
        self.disk.counts.clear()
        self.disk.faults[:] = [Fault("read_at", 3)]
        reader = self.get(store.open(blob, 0, blob.size))
        self.get(reader.next())
        with self.assertRaises(OSError):
            self.get(reader.next())
        assert store.streams == 0
        assert not store.read_only

    def test_a_range_reads_little_more_than_its_blocks(self) -> None:
        store = self.make_store()
        data = pattern(40 * BLOCK)
        blob = self.put(store, data)
        read: list[int] = []
        inner = self.disk.open

        def opened(path: str) -> Any:
            file = inner(path)
            real = file.read_at

            def read_at(offset: int, length: int) -> bytes:
                read.append(length)
                return real(offset, length)

            file.read_at = read_at  # type: ignore[method-assign]
            return file

        self.disk.open = opened  # type: ignore[method-assign]
        assert self.read(store, blob, 30 * BLOCK + 5, 10) == data[30 * BLOCK + 5 :][:10]
        assert sum(read) <= BLOCK + 40 * 8

    def test_what_is_in_memory_is_read_without_offloaded_work(self) -> None:
        data = pattern(3_000_000)
        self.disk = LossyDisk(lambda: 0.0)  # type: ignore[assignment]
        blob = self.put(self.make_store(), data)
        offload = HeldOffload()
        opening = Deferred.fromCoroutine(self.make_store(offload).open(blob, 0, blob.size))
        offload.step()
        reader = self.successResultOf(opening)
        got = [bytes(self.get(reader.next()))]
        while sum(map(len, got)) < len(data):
            got.append(bytes(self.get(reader.next())))
        assert b"".join(got) == data
        assert offload.waiting == 1, "closing the file may take a while"
        offload.step()
        assert self.get(reader.next()) == b""

    def test_what_is_in_memory_is_checked_too(self) -> None:
        self.disk = LossyDisk(lambda: 0.0)  # type: ignore[assignment]
        store = self.make_store()
        blob = self.put(store, pattern(3_000_000))
        inode: Any = self.disk.open(blob.path)
        inode.inode.content[1_500_000] ^= 1
        reader = self.get(store.open(blob, 0, blob.size))
        with self.assertRaises(CorruptBlob):
            for _ in range(10):
                self.get(reader.next())
        assert store.streams == 0

    def test_reading_goes_on_at_once_where_the_disk_had_to_be_waited_for(self) -> None:
        data = pattern(3_000_000)
        self.disk = LossyDisk(lambda: 0.0)  # type: ignore[assignment]
        blob = self.put(self.make_store(), data)
        offload = HeldOffload()
        opening = Deferred.fromCoroutine(self.make_store(offload).open(blob, 0, blob.size))
        offload.step()
        reader = self.successResultOf(opening)
        with patch.object(LossyFile, "read_cached", lambda file, offset, length: None):
            got = [bytes(self.get(reader.next()))]
        second = Deferred.fromCoroutine(reader.next())
        self.assertNoResult(second)
        offload.step()
        got.append(bytes(self.successResultOf(second)))
        got.append(bytes(self.get(reader.next())))
        assert offload.waiting == 0
        assert data.startswith(b"".join(got))
