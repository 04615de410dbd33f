"""A periodic service goes on whatever its work does."""

from __future__ import annotations

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from z4tw.daemons.periodic import Periodic


class PeriodicTests(SynchronousTestCase):
    """With a clock and work that the test ends."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.started = 0
        self.work: Deferred[None] | None = None

    async def run_once(self) -> None:
        self.started += 1
        if self.work is not None:
            await self.work

    def service(self, first_s: float | None = None) -> Periodic:
        return Periodic("test", self.run_once, 10.0, self.clock, first_s=first_s)

    def test_it_is_a_service(self) -> None:
        verifyObject(IService, self.service())

    def test_it_runs_every_interval(self) -> None:
        service = self.service()
        service.startService()
        self.clock.advance(9)
        assert self.started == 0
        self.clock.pump([1, 10, 10])
        assert self.started == 3
        assert service.runs == 3

    def test_the_first_run_may_come_sooner(self) -> None:
        service = self.service(first_s=0)
        service.startService()
        self.clock.advance(0)
        assert self.started == 1

    def test_an_exception_is_logged_and_it_goes_on(self) -> None:
        service = self.service()
        service.startService()
        self.work = Deferred()
        self.clock.advance(10)
        self.work.errback(ZeroDivisionError())
        self.work = None
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
        assert service.failures == 1
        self.clock.advance(10)
        assert self.started == 2

    def test_runs_do_not_overlap(self) -> None:
        service = self.service()
        service.startService()
        self.work = Deferred()
        self.clock.pump([10, 10, 10])
        assert self.started == 1
        self.work.callback(None)
        self.clock.advance(9)
        assert self.started == 1
        self.clock.advance(1)
        assert self.started == 2

    def test_stopping_waits_for_the_run_under_way(self) -> None:
        service = self.service()
        service.startService()
        self.work = Deferred()
        self.clock.advance(10)
        stopped = service.stopService()
        self.assertNoResult(stopped)
        self.work.callback(None)
        self.successResultOf(stopped)
        self.clock.advance(100)
        assert self.started == 1
        assert self.clock.getDelayedCalls() == []

    def test_stopping_between_runs_is_immediate(self) -> None:
        service = self.service()
        service.startService()
        self.successResultOf(service.stopService())
        assert self.clock.getDelayedCalls() == []
        service.startService()
        self.clock.advance(10)
        assert self.started == 1

    def test_run_now_runs_or_joins(self) -> None:
        service = self.service()
        service.startService()
        self.work = Deferred()
        first, second = service.run_now(), service.run_now()
        assert self.started == 1
        self.assertNoResult(first)
        self.work.callback(None)
        self.successResultOf(first)
        self.successResultOf(second)
        self.work = None
        assert len(self.clock.getDelayedCalls()) == 1
        self.clock.advance(10)
        assert self.started == 2

    def test_run_now_works_without_the_service_running(self) -> None:
        service = self.service()
        self.successResultOf(service.run_now())
        assert self.started == 1
        assert self.clock.getDelayedCalls() == []

    def test_a_service_stopped_and_started_within_a_run_plans_one_next_run(self) -> None:
        service = self.service()
        service.startService()
        self.work = Deferred()
        self.clock.advance(10)
        service.stopService()
        service.startService()
        self.work.callback(None)
        assert len(self.clock.getDelayedCalls()) == 1
