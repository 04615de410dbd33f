"""A service that repeats a piece of work, whatever becomes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger


class Periodic(Service):
    """Runs ``work`` every ``interval_s`` seconds, counted from the end of one run to the start of
    the next, the first time after ``first_s``.

    An exception is logged and counted in ``failures``, and the work goes on at the next turn
    (``TimerService`` would stop for good). Two runs never overlap. ``stopService`` waits for the
    run under way; the work should look at ``running`` between its steps.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[object]],
        interval_s: float,
        clock: IReactorTime,
        *,
        first_s: float | None = None,
        log: Logger | None = None,
    ) -> None:
        self.setName(name)
        self.runs = 0
        self.failures = 0
        self._work = work
        self._interval_s = interval_s
        self._first_s = interval_s if first_s is None else first_s
        self._clock = clock
        self._log = log if log is not None else Logger()
        self._next: IDelayedCall | None = None
        self._current: Deferred[None] | None = None

    def startService(self) -> None:
        """Plan the first run."""
        super().startService()
        if self._current is None:
            self._plan(self._first_s)

    def stopService(self) -> Deferred[None]:
        """Plan no more runs; fires when the one under way has ended."""
        super().stopService()
        if self._next is not None:
            self._next.cancel()
            self._next = None
        return self._ended()

    def run_now(self) -> Deferred[None]:
        """Run at once (or join the run under way); fires when it has ended, failed or not."""
        if self._current is None:
            if self._next is not None:
                self._next.cancel()
            self._run()
        return self._ended()

    def _ended(self) -> Deferred[None]:
        if self._current is None:
            return succeed(None)
        ended: Deferred[None] = Deferred()
        self._current.addCallback(_pass_on, ended)
        return ended

    def _plan(self, delay_s: float) -> None:
        self._next = self._clock.callLater(delay_s, self._run)

    def _run(self) -> None:
        self._next = None
        self._current = Deferred.fromCoroutine(self._once())
        self._current.addCallback(self._again)

    async def _once(self) -> None:
        self.runs += 1
        try:
            await self._work()
        except Exception:
            self.failures += 1
            self._log.failure("{service} failed; it goes on", service=self.name)

    def _again(self, _: None) -> None:
        self._current = None
        if self.running:
            self._plan(self._interval_s)


def _pass_on(_: None, ended: Deferred[None]) -> None:
    ended.callback(None)
