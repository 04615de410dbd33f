"""Starting awaitables before they are awaited, with Twisted as the driver."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from z4tw.ops.started import Started, outcomes


class Boom(Exception):
    pass


async def waiting(log: list[str], *deferreds: Deferred[Any]) -> list[Any]:
    log.append("begun")
    results = []
    for deferred in deferreds:
        results.append(await deferred)
        log.append("resumed")
    return results


class StartedTests(SynchronousTestCase):
    def test_a_coroutine_runs_to_its_first_wait_at_once(self) -> None:
        log: list[str] = []
        first: Deferred[int] = Deferred()
        second: Deferred[int] = Deferred()
        begun = Started(waiting(log, first, second))
        self.assertEqual(log, ["begun"])

        async def collect() -> list[int]:
            return await begun

        ended = ensureDeferred(collect())
        first.callback(1)
        self.assertNoResult(ended)
        second.callback(2)
        self.assertEqual(self.successResultOf(ended), [1, 2])

    def test_what_fired_before_it_is_awaited_is_not_lost(self) -> None:
        deferred: Deferred[int] = Deferred()
        begun = Started(waiting([], deferred))
        deferred.callback(7)

        async def collect() -> list[int]:
            return await begun

        self.assertEqual(self.successResultOf(ensureDeferred(collect())), [7])

    def test_a_bare_deferred_may_be_started(self) -> None:
        deferred: Deferred[int] = Deferred()
        pending = Started(deferred)

        async def collect(begun: Started[int]) -> int:
            return await begun

        ended = ensureDeferred(collect(pending))
        deferred.callback(3)
        self.assertEqual(self.successResultOf(ended), 3)
        ready = Started(succeed(4))
        self.assertEqual(self.successResultOf(ensureDeferred(collect(ready))), 4)

    def test_an_exception_comes_out_where_it_is_awaited(self) -> None:
        deferred: Deferred[int] = Deferred()
        late = [Started(waiting([], deferred)), Started(fail(Boom())), Started(raising())]
        deferred.errback(Boom())

        async def collect(begun: Started[Any]) -> Any:
            return await begun

        for begun in late:
            self.failureResultOf(ensureDeferred(collect(begun)), Boom)

    def test_a_failed_bare_deferred_comes_out_too(self) -> None:
        deferred: Deferred[int] = Deferred()
        begun = Started(deferred)

        async def collect() -> int:
            return await begun

        ended = ensureDeferred(collect())
        deferred.errback(Boom())
        self.failureResultOf(ended, Boom)

    def test_an_exception_can_be_handled_inside(self) -> None:
        deferred: Deferred[int] = Deferred()

        async def handling() -> str:
            try:
                await deferred
            except Boom:
                return "handled"
            return "missed"

        begun = Started(handling())

        async def collect() -> str:
            return await begun

        ended = ensureDeferred(collect())
        deferred.errback(Boom())
        self.assertEqual(self.successResultOf(ended), "handled")

    def test_closing_the_waiter_closes_what_it_waits_for(self) -> None:
        log: list[str] = []

        async def guarded() -> None:
            try:
                await Deferred()
            finally:
                log.append("closed")

        begun = Started(guarded())

        async def collect() -> None:
            await begun

        coroutine = collect()
        coroutine.send(None)
        coroutine.close()
        self.assertEqual(log, ["closed"])

    def test_settle_waits_and_drops_a_failure(self) -> None:
        deferred: Deferred[int] = Deferred()
        begun = Started(waiting([], deferred))
        ended = ensureDeferred(begun.settle())
        self.assertNoResult(ended)
        deferred.errback(Boom())
        self.assertIsNone(self.successResultOf(ended))

    def test_all_are_started_before_the_first_is_awaited(self) -> None:
        log: list[str] = []
        deferreds: list[Deferred[int]] = [Deferred() for _ in range(3)]
        ended = ensureDeferred(outcomes([waiting(log, one) for one in deferreds]))
        self.assertEqual(log, ["begun"] * 3)
        deferreds[2].callback(2)
        deferreds[1].errback(Boom())
        deferreds[0].callback(0)
        ends = self.successResultOf(ended)
        self.assertEqual((ends[0], ends[2]), ([0], [2]))
        self.assertIsInstance(ends[1], Boom)


async def raising() -> None:
    raise Boom
