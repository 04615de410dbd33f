"""The reaper removes what is garbage for long enough, and nothing else."""

from __future__ import annotations

import errno
import os
import tempfile
from random import Random

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.daemons.fakes import FakeHousekeeping, make_blobs, put
from z4tw.blobs.disk import OsDisk
from z4tw.blobs.files import FileBlobStore
from z4tw.daemons.reaper import Reaper
from z4tw.model.objects import BlobInfo
from z4tw.testing.disks import Fault, FaultyDisk
from z4tw.testing.offload import InlineOffload

NOW_MS = 1_700_000_000_000
HOUR_MS = 3_600_000


class ReaperCase(SynchronousTestCase):
    """A reaper over fakes; its clock turns by itself where it only gives way."""

    def setUp(self) -> None:
        self.now_ms = NOW_MS
        self.clock = Clock()
        self.metadata = FakeHousekeeping()
        self.blobs = make_blobs(NOW_MS)
        self.reaper = self.make()

    def make(self, **options: float) -> Reaper:
        return Reaper(
            self.metadata,
            self.blobs,
            InlineOffload(),
            self.clock,
            lambda: self.now_ms,
            batch=4,
            **options,  # type: ignore[arg-type]
        )

    def put(self, zero_since: int | None = None, row: bool = True) -> BlobInfo:
        blob = self.successResultOf(Deferred.fromCoroutine(put(self.blobs)))
        if row:
            self.metadata.rows[blob.id] = blob
        if zero_since is not None:
            self.metadata.zero_since[blob.id] = zero_since
        return blob

    def turn(self, coroutine: object) -> int:
        done: Deferred[int] = Deferred.fromCoroutine(coroutine)  # type: ignore[arg-type]
        for _ in range(1_000):
            if done.called:
                break
            self.clock.advance(0)
        return self.successResultOf(done)


class ReapTests(ReaperCase):
    """Blobs without references."""

    def test_only_what_has_been_garbage_for_the_grace_period_goes(self) -> None:
        live = self.put()
        young = self.put(NOW_MS - HOUR_MS + 1)
        old = self.put(NOW_MS - HOUR_MS - 1)
        assert self.turn(self.reaper.reap()) == 1
        assert old.path not in self.blobs.blobs
        assert old.id not in self.metadata.rows
        for blob in (live, young):
            assert blob.path in self.blobs.blobs
            assert blob.id in self.metadata.rows
        assert self.reaper.reaped == 1
        assert self.reaper.reaped_bytes == old.stored_size

    def test_the_grace_period_may_be_seconds(self) -> None:
        self.put(NOW_MS - 2_001)
        assert self.turn(self.make(grace_s=2).reap()) == 1

    def test_all_batches_are_taken_and_the_reactor_runs_in_between(self) -> None:
        for _ in range(11):
            self.put(0)
        turns: list[int] = []
        self.clock.callLater(0, lambda: turns.append(self.reaper.reaped))
        assert self.turn(self.reaper.reap()) == 11
        assert turns == [4]
        assert self.metadata.rows == {}

    def test_expired_records_go_too(self) -> None:
        self.metadata.records = 10
        self.turn(self.reaper.reap())
        assert self.metadata.records == 0
        assert self.reaper.expired == 10

    def test_rows_are_forgotten_after_their_files_only(self) -> None:
        blobs = [self.put(0) for _ in range(3)]
        remove = self.blobs.remove

        async def failing(blob: BlobInfo) -> None:
            if blob.id == blobs[1].id:
                raise OSError(errno.EIO, "injected")
            await remove(blob)

        self.blobs.remove = failing  # type: ignore[method-assign]
        assert self.turn(self.reaper.reap()) == 2
        assert list(self.metadata.rows) == [blobs[1].id]
        assert len(self.flushLoggedErrors(OSError)) == 1
        assert self.reaper.failures == 1
        self.blobs.remove = remove  # type: ignore[method-assign]
        assert self.turn(self.reaper.reap()) == 1

    def test_a_batch_that_cannot_be_removed_at_all_is_not_tried_for_ever(self) -> None:
        for _ in range(4):
            self.put(0)

        async def failing(blob: BlobInfo) -> None:
            raise OSError(errno.EIO, "injected")

        self.blobs.remove = failing  # type: ignore[method-assign]
        assert self.turn(self.reaper.reap()) == 0
        assert len(self.flushLoggedErrors(OSError)) == 4
        assert "forget" not in self.metadata.calls


class PauseTests(ReaperCase):
    """Holding removal back."""

    def test_nothing_is_removed_while_paused(self) -> None:
        self.put(0)
        self.put(row=False)
        reaper = self.make(orphan_grace_s=0)
        self.now_ms += 1
        self.successResultOf(reaper.pause())
        self.successResultOf(reaper.pause())
        reaper.resume()
        assert reaper.paused
        assert self.turn(reaper.reap()) == 0
        assert self.turn(reaper.sweep()) == 0
        assert len(self.blobs.blobs) == 2
        reaper.resume()
        assert self.turn(reaper.reap()) == 1
        assert self.turn(reaper.sweep()) == 1
        with self.assertRaises(ValueError):
            reaper.resume()

    def test_a_pause_fires_when_the_removal_under_way_has_ended(self) -> None:
        blobs = [self.put(0) for _ in range(3)]
        gates: list[Deferred[None]] = []
        remove = self.blobs.remove

        async def slow(blob: BlobInfo) -> None:
            gates.append(Deferred())
            await gates[-1]
            await remove(blob)

        self.blobs.remove = slow  # type: ignore[method-assign]
        reaping: Deferred[int] = Deferred.fromCoroutine(self.reaper.reap())
        paused = self.reaper.pause()
        self.assertNoResult(paused)
        gates[0].callback(None)
        self.successResultOf(paused)
        assert self.successResultOf(reaping) == 1
        assert len(gates) == 1, "no other removal was started"
        assert set(self.metadata.rows) == {blob.id for blob in blobs[1:]}


class SweepTests(ReaperCase):
    """Files that no row names."""

    def test_only_old_orphans_go(self) -> None:
        known = self.put()
        orphan = self.put(row=False)
        assert self.turn(self.reaper.sweep()) == 0
        self.now_ms += 24 * HOUR_MS
        assert self.turn(self.reaper.sweep()) == 0
        self.now_ms += 1
        assert self.turn(self.reaper.sweep()) == 1
        assert known.path in self.blobs.blobs
        assert orphan.path not in self.blobs.blobs
        assert self.reaper.swept == 1

    def test_many_files_are_looked_at_in_batches(self) -> None:
        rng = Random(1)
        kept = {self.put(row=True).path for _ in range(600)}
        for _ in range(600):
            self.put(row=rng.random() < 0)
        self.now_ms += 1
        assert self.turn(self.make(orphan_grace_s=0).sweep()) == 600
        assert set(self.blobs.blobs) == kept

    def test_on_files_temporaries_go_and_foreign_files_stay(self) -> None:
        root = tempfile.TemporaryDirectory()
        self.addCleanup(root.cleanup)
        disk = FaultyDisk(OsDisk(root.name, os.urandom, nameless=False))
        store = FileBlobStore(
            disk,
            InlineOffload(),
            None,
            min_free_bytes=0,
            now_ms=lambda: self.now_ms,
            random_bytes=os.urandom,
        )

        async def fill() -> BlobInfo:
            named = store.writer("bucket", b"named", 1)
            await named.write(b"x")
            kept = await named.commit(b"")
            orphan = store.writer("bucket", b"orphan", 1)
            await orphan.write(b"x")
            await orphan.commit(b"")
            unfinished = store.writer("bucket", b"unfinished", None)
            await unfinished.write(bytes(600_000))
            return kept

        kept = self.successResultOf(Deferred.fromCoroutine(fill()))
        self.metadata.rows[kept.id] = kept
        with open(os.path.join(root.name, "notes.txt"), "w") as file:
            file.write("mine")
        assert len(list(store.files())) == 3
        reaper = Reaper(
            self.metadata,
            store,
            InlineOffload(),
            self.clock,
            lambda: int(os.stat(kept_path).st_mtime * 1000) + 60_000,
            orphan_grace_s=30,
        )
        kept_path = os.path.join(root.name, kept.path)
        disk.faults.append(Fault("unlink", 1))
        assert self.turn(reaper.sweep()) == 1
        assert len(self.flushLoggedErrors(OSError)) == 1
        assert self.turn(reaper.sweep()) == 1
        assert [path for _, path, _, _ in store.files()] == [kept.path]
        assert os.path.exists(os.path.join(root.name, "notes.txt"))


class ServiceTests(ReaperCase):
    """Running by itself."""

    def test_it_is_a_service_that_reaps_and_sweeps_by_the_clock(self) -> None:
        verifyObject(IService, self.reaper)
        reaper = self.make(reap_interval_s=5, sweep_interval_s=7, grace_s=0, orphan_grace_s=0)
        self.put(0)
        self.put(row=False)
        self.now_ms += 1
        reaper.startService()
        self.clock.advance(5)
        assert (reaper.reaped, reaper.swept) == (1, 0)
        self.clock.advance(2)
        assert (reaper.reaped, reaper.swept) == (1, 1)
        self.put(0)
        self.clock.advance(3)
        assert reaper.reaped == 2
        self.successResultOf(reaper.stopService())
        assert self.clock.getDelayedCalls() == []

    def test_stopping_ends_after_the_batch_under_way(self) -> None:
        for _ in range(20):
            self.put(0)
        reaper = self.make(reap_interval_s=5, grace_s=0)
        remove = self.blobs.remove
        stopped: list[Deferred[None]] = []

        async def stop_at_the_sixth(blob: BlobInfo) -> None:
            await remove(blob)
            if reaper.reaped == 5:
                stopped.append(reaper.stopService())
                self.assertNoResult(stopped[0])

        self.blobs.remove = stop_at_the_sixth  # type: ignore[method-assign]
        reaper.startService()
        self.clock.advance(5)
        self.successResultOf(stopped[0])
        assert reaper.reaped == 8
        assert len(self.metadata.rows) == 12
        assert self.clock.getDelayedCalls() == []

    def test_an_error_of_the_metadata_does_not_end_it(self) -> None:
        reaper = self.make(reap_interval_s=5, grace_s=0)

        async def failing(before_ms: int, limit: int) -> list[BlobInfo]:
            raise RuntimeError("injected")

        good, self.metadata.garbage = self.metadata.garbage, failing  # type: ignore[method-assign]
        self.put(0)
        reaper.startService()
        self.clock.advance(5)
        assert len(self.flushLoggedErrors(RuntimeError)) == 1
        self.metadata.garbage = good  # type: ignore[method-assign]
        self.clock.advance(5)
        assert reaper.reaped == 1
        self.successResultOf(reaper.pause())
