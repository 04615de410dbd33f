"""Lines of buckets' logs are collected within bounds and delivered by time and by size."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.s3.test_log_lines import PLAIN
from z4tw.s3.log_lines import LogEntry
from z4tw.web import bucket_logs
from z4tw.web.bucket_logs import BucketLogs


class BucketLogsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.got: list[tuple[str, list[tuple[int, bytes]]]] = []
        self.waiting: Deferred[None] | None = None
        self.error: Exception | None = None
        self.logs = BucketLogs(self.deliver, self.clock, 60.0, 10_000)

    async def deliver(self, name: str, lines: list[tuple[int, bytes]]) -> None:
        self.got.append((name, lines))
        if self.waiting is not None:
            await self.waiting
        if self.error is not None:
            raise self.error

    def record(self, bucket: str = "bucket", **fields: Any) -> None:
        self.logs.record(LogEntry(**{**PLAIN, "bucket": bucket, **fields}))

    def counts(self) -> list[tuple[str, int]]:
        return [(name, len(lines)) for name, lines in self.got]

    def test_lines_are_delivered_some_time_after_the_first(self) -> None:
        self.record()
        self.clock.advance(59)
        self.record()
        self.record("other")
        assert self.got == []
        self.clock.advance(1)
        assert self.counts() == [("bucket", 2)]
        assert self.got[0][1][0][0] == 1_549_411_238_700
        self.clock.advance(59)
        assert self.counts() == [("bucket", 2), ("other", 1)]
        assert self.clock.getDelayedCalls() == []

    def test_many_lines_are_delivered_at_once(self) -> None:
        for _ in range(30):
            self.record()
        assert len(self.got) >= 1
        size = sum(len(line) for _, line in self.got[0][1])
        assert size <= 10_000
        self.clock.advance(60)
        assert sum(count for _, count in self.counts()) == 30

    def test_memory_is_bounded_and_what_is_lost_is_counted(self) -> None:
        self.patch(bucket_logs, "MOST_BYTES", 20_000)
        self.waiting = Deferred()
        for number in range(100):
            self.record(f"bucket{number % 7}")
        kept = 100 - self.logs.lost_lines
        assert 20 < kept < 60
        self.clock.advance(60)
        self.record()
        assert self.logs.lost_lines == 101 - kept
        self.waiting.callback(None)
        self.record()  # there is room again
        assert self.logs.lost_lines == 101 - kept
        assert len(self.flushLoggedErrors()) == 0

    def test_a_failure_is_reported_once_and_loses_its_lines_only(self) -> None:
        self.error = OSError("no")
        for _ in range(2):
            self.record()
            self.clock.advance(60)
        assert self.logs.lost_lines == 2
        assert len(self.flushLoggedErrors(OSError)) == 1
        self.error = None
        self.record()
        self.clock.advance(60)
        assert self.logs.lost_lines == 2

    def test_closing_delivers_everything_and_waits(self) -> None:
        self.waiting = Deferred()
        self.record()
        self.record("other")
        closed = self.logs.close()
        self.assertNoResult(closed)
        self.waiting.callback(None)
        self.successResultOf(closed)
        assert self.counts() == [("bucket", 1), ("other", 1)]
        assert self.clock.getDelayedCalls() == []
