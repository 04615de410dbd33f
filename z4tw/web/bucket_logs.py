"""The access logs of buckets: lines are collected in memory and delivered as objects.

As on AWS, delivery is best effort: lines that a process has collected are lost when it is killed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from z4tw.s3.log_lines import LogEntry, log_line

MOST_BYTES = 16 * 1024 * 1024
"""What all lines of a process may take; above it lines are dropped and counted."""
_LINE_COST = 100
"""What a line takes in memory beside its bytes."""

Lines = list[tuple[int, bytes]]

_log = Logger()


class BucketLogs:
    """Collects lines by bucket, and hands a bucket's lines to ``deliver(name, lines)`` when they
    have ``flush_bytes`` or ``flush_s`` seconds have passed since the first of them.

    ``lost_lines`` counts what could not be kept or delivered.
    """

    def __init__(
        self,
        deliver: Callable[[str, Lines], Awaitable[object]],
        reactor: IReactorTime,
        flush_s: float,
        flush_bytes: int,
    ) -> None:
        self._deliver = deliver
        self._reactor = reactor
        self._flush_s = flush_s
        self._flush_bytes = flush_bytes
        self._lines: dict[str, Lines] = {}
        self._sizes: dict[str, int] = {}
        self._timers: dict[str, IDelayedCall] = {}
        self._held = 0
        self._under_way: set[Deferred[None]] = set()
        self._failing: set[str] = set()
        self.lost_lines = 0

    def record(self, entry: LogEntry) -> None:
        """Take one line."""
        line = log_line(entry)
        cost = len(line) + _LINE_COST
        if self._held + cost > MOST_BYTES:
            if not self.lost_lines:
                _log.error("lines of buckets' access logs are dropped: delivery is too slow")
            self.lost_lines += 1
            return
        self._held += cost
        name = entry.bucket
        self._lines.setdefault(name, []).append((int(entry.time_s * 1000), line))
        size = self._sizes[name] = self._sizes.get(name, 0) + cost
        if size >= self._flush_bytes:
            self.flush(name)
        elif name not in self._timers:
            self._timers[name] = self._reactor.callLater(self._flush_s, self.flush, name)

    def flush(self, name: str) -> None:
        """Deliver what a bucket has."""
        timer = self._timers.pop(name, None)
        if timer is not None and timer.active():
            timer.cancel()
        lines = self._lines.pop(name, [])
        size = self._sizes.pop(name, 0)
        if lines:
            delivery = Deferred.fromCoroutine(self._delivered(name, lines, size))
            self._under_way.add(delivery)
            delivery.addBoth(lambda _: self._under_way.discard(delivery))

    async def _delivered(self, name: str, lines: Lines, size: int) -> None:
        try:
            await self._deliver(name, lines)
        except Exception as error:
            self.lost_lines += len(lines)
            if name not in self._failing:
                self._failing.add(name)
                _log.failure("the access log of {name} is not delivered", Failure(error), name=name)
        else:
            self._failing.discard(name)
        finally:
            self._held -= size

    def close(self) -> Deferred[list[None]]:
        """Deliver everything; fires when that has ended."""
        for name in list(self._lines):
            self.flush(name)
        waiting = []
        for delivery in list(self._under_way):
            ended: Deferred[None] = Deferred()
            delivery.addBoth(_pass_on, ended)
            waiting.append(ended)
        return gatherResults(waiting)


def _pass_on(_: object, ended: Deferred[None]) -> None:
    ended.callback(None)
