"""The auditor finds every bad blob, blames no good one, keeps its pace and survives errors."""

from __future__ import annotations

import errno
from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.daemons.fakes import FakeHousekeeping, make_blobs, put
from z4tw.daemons.auditor import Auditor, BadBlob
from z4tw.model.objects import BlobInfo
from z4tw.testing.offload import InlineOffload


class AuditorTests(SynchronousTestCase):
    """Over a memory store."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.metadata = FakeHousekeeping()
        self.blobs = make_blobs(1)
        self.found: list[BadBlob] = []

    def make(self, **options: Any) -> Auditor:
        options.setdefault("bytes_per_s", 1_000_000)
        return Auditor(
            self.metadata,
            self.blobs,
            InlineOffload(),
            self.clock,
            on_bad=self.found.append,
            batch=3,
            **options,
        )

    def put(self, data: bytes = b"data") -> BlobInfo:
        blob = self.successResultOf(Deferred.fromCoroutine(put(self.blobs, data)))
        self.metadata.rows[blob.id] = blob
        return blob

    def damage(self, blob: BlobInfo) -> None:
        self.blobs.blobs[blob.path].content[0] ^= 1

    def round(self, auditor: Auditor, step_s: float = 1.0) -> float:
        start = self.clock.seconds()
        done = Deferred.fromCoroutine(auditor.round())
        for _ in range(10_000):
            if done.called:
                break
            self.clock.advance(step_s)
        self.successResultOf(done)
        return self.clock.seconds() - start

    def test_it_is_a_service(self) -> None:
        verifyObject(IService, self.make())

    def test_every_blob_is_looked_at_once_in_a_round(self) -> None:
        for number in range(10):
            self.put(bytes(number))
        auditor = self.make()
        self.round(auditor)
        assert auditor.audited == 10
        assert auditor.audited_bytes == sum(range(10))
        assert (auditor.bad, auditor.errors, auditor.rounds) == (0, 0, 1)
        self.round(auditor)
        assert auditor.audited == 20

    def test_bad_blobs_are_reported_once_and_stay(self) -> None:
        blobs = [self.put() for _ in range(7)]
        for number in (0, 3, 6):
            self.damage(blobs[number])
        auditor = self.make()
        self.round(auditor)
        assert [bad.blob for bad in self.found] == [blobs[0], blobs[3], blobs[6]]
        assert all("digest" in bad.reason and not bad.missing for bad in self.found)
        assert not any(bad.quarantined for bad in self.found)
        assert auditor.bad == 3
        assert auditor.audited == 4
        assert len(self.blobs.blobs) == 7

    def test_bad_blobs_are_moved_away_where_that_is_wanted(self) -> None:
        blob = self.put()
        self.damage(blob)
        self.round(self.make(quarantine=True))
        assert self.found[0].quarantined
        assert list(self.blobs.files()) == []

    def test_a_missing_file_is_reported_as_missing(self) -> None:
        blob = self.put()
        del self.blobs.blobs[blob.path]
        self.round(self.make(quarantine=True))
        [bad] = self.found
        assert bad.missing
        assert not bad.quarantined

    def test_a_blob_that_is_reaped_meanwhile_is_not_blamed(self) -> None:
        blob = self.put()
        del self.blobs.blobs[blob.path]
        auditor = self.make(recheck_s=60)
        done = Deferred.fromCoroutine(auditor.round())
        self.clock.advance(30)
        self.assertNoResult(done)
        del self.metadata.rows[blob.id]
        self.clock.advance(30)
        self.successResultOf(done)
        assert self.found == []

    def test_a_misreading_that_does_not_repeat_is_not_blamed(self) -> None:
        blob = self.put()
        self.damage(blob)
        auditor = self.make(recheck_s=60)
        done = Deferred.fromCoroutine(auditor.round())
        self.damage(blob)
        self.clock.advance(60)
        self.clock.advance(1)
        self.successResultOf(done)
        assert self.found == []

    def test_reading_is_held_to_the_rate(self) -> None:
        for _ in range(5):
            self.put(bytes(100_000))
        assert 4.5 <= self.round(self.make(bytes_per_s=100_000), 0.25) <= 6.5

    def test_other_errors_are_logged_counted_and_the_walk_goes_on(self) -> None:
        blobs = [self.put() for _ in range(4)]
        verify = self.blobs.verify

        async def failing(blob: BlobInfo, pace: Any = None) -> None:
            if blob == blobs[1]:
                raise OSError(errno.EIO, "injected")
            await verify(blob, pace)

        self.blobs.verify = failing  # type: ignore[method-assign]
        auditor = self.make()
        self.round(auditor)
        assert auditor.errors == 1
        assert auditor.audited == 3
        assert self.found == []
        assert len(self.flushLoggedErrors(OSError)) == 1

    def test_a_failing_quarantine_is_still_reported(self) -> None:
        def failing(path: str) -> None:
            raise OSError(errno.EACCES, "injected")

        self.blobs.quarantine = failing  # type: ignore[method-assign]
        self.damage(self.put())
        auditor = self.make(quarantine=True)
        self.round(auditor)
        assert len(self.flushLoggedErrors(OSError)) == 1
        assert not self.found[0].quarantined
        assert auditor.bad == 1

    def test_the_walk_goes_on_at_a_given_position(self) -> None:
        blobs = [self.put() for _ in range(5)]
        auditor = self.make(position=blobs[2].id)
        self.round(auditor)
        assert auditor.audited == 2
        assert auditor.position == b""

    def test_it_runs_by_the_clock_and_stops_in_the_middle_of_a_blob(self) -> None:
        first, second = self.put(bytes(1_000)), self.put(bytes(1_000))
        auditor = self.make(bytes_per_s=100, interval_s=5)
        auditor.startService()
        self.clock.advance(5)
        self.clock.advance(10)
        assert auditor.position == first.id
        self.clock.advance(1)
        stopped = auditor.stopService()
        self.successResultOf(stopped)
        assert self.clock.getDelayedCalls() == []
        assert auditor.position == first.id, "the second was not read to its end"
        assert self.found == []
        auditor.startService()
        self.clock.advance(5)
        self.clock.advance(10)
        assert auditor.audited == 2
        assert second.id in self.metadata.rows
        self.successResultOf(auditor.stopService())

    def test_it_stops_while_it_waits_to_look_again(self) -> None:
        self.damage(self.put())
        auditor = self.make(interval_s=5, recheck_s=60)
        auditor.startService()
        self.clock.advance(5)
        self.successResultOf(auditor.stopService())
        assert self.found == []
