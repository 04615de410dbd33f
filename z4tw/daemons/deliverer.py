"""Brings the events of the outbox to their sinks: in order, at least once, for as long as it takes.

Each sink has a lane of its own, so that one that does not answer keeps no other waiting::

    IDLE --events--> DELIVERING --nothing left--> IDLE
                      |      ^
                 failure     after a pause
                      v      |
                      WAITING
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from z4tw.daemons.periodic import Periodic
from z4tw.interfaces import IEventSink, IMetadataHousekeeping
from z4tw.model.notices import Backlog, Outgoing
from z4tw.s3.event_messages import message

AT_ONCE = 64
"""Events that are read, and removed, together: a crash delivers at most so many again."""
FIRST_PAUSE_S = 1.0
MOST_PAUSE_S = 300.0
TRIM_INTERVAL_S = 30.0


class Deliverer(MultiService):
    """Delivers what a store's outbox holds.

    ``sinks`` are the configured ones by name. ``random()`` gives numbers from 0 to 1, for the
    jitter of pauses. Above ``keep`` events that wait for one sink the oldest are dropped, logged
    and counted. ``delivered``, ``failed`` (deliveries) and ``dropped`` count for the metrics.
    """

    def __init__(
        self,
        metadata: IMetadataHousekeeping,
        sinks: Mapping[str, IEventSink],
        clock: IReactorTime,
        random: Callable[[], float],
        *,
        keep: int,
        log: Logger | None = None,
    ) -> None:
        super().__init__()
        self.setName("deliverer")
        self.delivered = 0
        self.failed = 0
        self.dropped = 0
        self._metadata = metadata
        self._keep = keep
        self._log = log if log is not None else Logger()
        self._lanes = {
            name: _Lane(self, name, sink, metadata, clock, random, self._log)
            for name, sink in sinks.items()
        }
        self._strange: set[str] = set()
        self.trim_task = Periodic("trim", self.trim, TRIM_INTERVAL_S, clock, log=self._log)
        self.trim_task.setServiceParent(self)

    def startService(self) -> None:
        """Deliver what waits, and everything that comes."""
        super().startService()
        self._metadata.watch_outbox(self._wake)
        self._wake()

    def stopService(self) -> Deferred[Any]:
        """Break deliveries off; fires when none is under way. What was not delivered stays."""
        self._metadata.watch_outbox(None)
        stopped: Deferred[Any] = gatherResults(
            [super().stopService(), *[lane.stop() for lane in self._lanes.values()]]
        )
        return stopped

    def _wake(self) -> None:
        for lane in self._lanes.values():
            lane.wake()

    async def trim(self) -> None:
        """Drop what is too much, and say what waits for sinks that are not there."""
        backlog: dict[str, Backlog] = await self._metadata.backlog()
        for sink, waiting in backlog.items():
            if waiting.events > self._keep:
                dropped: int = await self._metadata.outbox_trim(sink, self._keep)
                self.dropped += dropped
                self._log.error(
                    "{count} events for the sink {sink} were dropped: more than {keep} waited",
                    count=dropped, sink=sink, keep=self._keep,
                )  # fmt: skip
            if sink not in self._lanes and sink not in self._strange:
                self._strange.add(sink)
                self._log.warn(
                    "{count} events wait for the sink {sink}, which is not configured",
                    count=waiting.events, sink=sink,
                )  # fmt: skip


class _Lane:
    """One sink, and what is on its way to it."""

    def __init__(
        self,
        deliverer: Deliverer,
        name: str,
        sink: IEventSink,
        metadata: IMetadataHousekeeping,
        clock: IReactorTime,
        random: Callable[[], float],
        log: Logger,
    ) -> None:
        self._deliverer = deliverer
        self._name = name
        self._sink = sink
        self._metadata = metadata
        self._clock = clock
        self._random = random
        self._log = log
        self._failures = 0
        self._more = False
        self._waiting: IDelayedCall | None = None
        self._running: Deferred[None] | None = None

    def wake(self) -> None:
        """There may be something to deliver."""
        self._more = True
        if self._running is None and self._waiting is None:
            self._begin()

    def stop(self) -> Deferred[None]:
        """Break off; fires when nothing is under way."""
        self._more = False
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        running = self._running
        if running is None:
            return succeed(None)
        ended: Deferred[None] = Deferred()
        running.addCallback(lambda _: ended.callback(None))
        running.cancel()
        return ended

    def _begin(self) -> None:
        self._waiting = None
        running = self._running = Deferred.fromCoroutine(self._deliver_all())
        running.addErrback(self._failed)
        running.addCallback(self._ended)

    async def _deliver_all(self) -> None:
        """Raises what the sink or the store raises."""
        while self._more:
            self._more = False
            while rows := await self._metadata.outbox(self._name, AT_ONCE):
                await self._deliver(rows)
                self._failures = 0

    async def _deliver(self, rows: list[tuple[int, Outgoing]]) -> None:
        done: list[int] = []
        size = self._sink.batch
        try:
            for start in range(0, len(rows), size):
                part = rows[start : start + size]
                await self._sink.deliver([message(event) for _, event in part])
                done += [number for number, _ in part]
        finally:
            if done:
                self._deliverer.delivered += len(done)
                await self._metadata.outbox_remove(done)

    def _failed(self, failure: Any) -> None:
        if not self._deliverer.running:
            return
        self._failures += 1
        self._deliverer.failed += 1
        pause_s = min(MOST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(self._failures - 1, 16))
        pause_s *= 0.5 + self._random() / 2
        self._log.warn(
            "events could not be delivered to {sink} ({error}); again in {pause:.1f} s",
            sink=self._name, error=failure.getErrorMessage(), pause=pause_s,
        )  # fmt: skip
        self._more = True
        self._waiting = self._clock.callLater(pause_s, self._begin)

    def _ended(self, _: None) -> None:
        self._running = None
        if self._more and self._waiting is None and self._deliverer.running:
            self._begin()
