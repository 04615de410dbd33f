"""The thread offload, with a reactor that the test turns."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorFromThreads
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from z4tw.interfaces import IOffload
from z4tw.testing.offload import InlineOffload
from z4tw.threads import InOrder, ThreadOffload


@implementer(IReactorFromThreads)
class FakeReactor:
    """Keeps calls from threads until the test runs them."""

    def __init__(self) -> None:
        self.calls: queue.Queue[tuple[Callable[..., Any], Any]] = queue.Queue()
        self.wakes = 0

    def callInThread(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError

    def callFromThread(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self.wakes += 1
        self.calls.put((function, args))

    def turn(self) -> None:
        """Run one call, waiting for it."""
        function, args = self.calls.get(timeout=30)
        function(*args)


class ThreadOffloadTests(SynchronousTestCase):
    """Real threads."""

    def setUp(self) -> None:
        self.reactor = FakeReactor()
        self.offload = ThreadOffload(self.reactor, 3)
        self.offload.start()
        self.addCleanup(self.offload.stop)

    def test_it_provides_the_interface(self) -> None:
        verifyObject(IOffload, self.offload)
        with self.assertRaises(ValueError):
            ThreadOffload(self.reactor, 0)

    def test_work_runs_elsewhere_and_its_result_comes_back_through_the_reactor(self) -> None:
        here = threading.get_ident()
        result = self.offload.run(threading.get_ident)
        self.assertNoResult(result)
        self.reactor.turn()
        assert self.successResultOf(result) != here

    def test_exceptions_come_back(self) -> None:
        def leave() -> None:
            raise SystemExit(3)

        for function, kind in ((lambda: 1 // 0, ZeroDivisionError), (leave, SystemExit)):
            result = self.offload.run(function)
            self.reactor.turn()
            self.failureResultOf(result, kind)

    def test_work_runs_at_the_same_time(self) -> None:
        barrier = threading.Barrier(3)
        results = [self.offload.run(barrier.wait, 30) for _ in range(3)]
        while not all(result.called for result in results):
            self.reactor.turn()
        assert sorted(self.successResultOf(result) for result in results) == [0, 1, 2]

    def test_results_that_are_ready_together_wake_the_reactor_once(self) -> None:
        gate = threading.Event()
        self.addCleanup(gate.set)
        blocked = [self.offload.run(gate.wait, 30) for _ in range(3)]
        results = [self.offload.run(int, "5") for _ in range(100)]
        assert 100 <= self.offload.waiting <= 103
        gate.set()
        self.offload.stop()
        assert self.reactor.wakes == 1
        self.reactor.turn()
        assert [self.successResultOf(result) for result in results] == [5] * 100
        assert all(self.successResultOf(result) for result in blocked)

    def test_no_result_is_lost_while_the_reactor_looks(self) -> None:
        results = []
        for _ in range(300):
            results.extend(self.offload.run(int, "1") for _ in range(5))
            if not self.reactor.calls.empty():
                self.reactor.turn()
        while not all(result.called for result in results):
            self.reactor.turn()

    def test_stop_finishes_what_was_given_and_refuses_more(self) -> None:
        done: list[int] = []
        for number in range(50):
            self.offload.run(done.append, number)
        self.offload.stop()
        assert sorted(done) == list(range(50))
        self.failureResultOf(self.offload.run(int), RuntimeError)
        self.offload.stop()

    def test_work_given_before_the_start_waits_for_it(self) -> None:
        offload = ThreadOffload(self.reactor, 1)
        result = offload.run(int, "7")
        assert offload.waiting == 1
        offload.start()
        self.reactor.turn()
        assert self.successResultOf(result) == 7
        offload.stop()


class InOrderTests(SynchronousTestCase):
    """Work in threads is done in the order it was given, whichever thread is first."""

    def test_work_waits_for_the_work_before_it(self) -> None:
        done: list[bytes] = []

        def work(pieces: list[bytes]) -> list[bytes]:
            done.append(pieces[0])
            return pieces

        threads: list[threading.Thread] = []

        class Threads:
            def run(self, *work: Any) -> None:
                threads.append(threading.Thread(target=work[0], args=work[1:]))

        in_order = InOrder(Threads(), work)
        for number in range(3):
            in_order.run([b"%d" % number])
        for thread in reversed(threads):
            thread.start()
        for thread in threads:
            thread.join(10)
        self.assertEqual(done, [b"0", b"1", b"2"])

    def test_failed_work_lets_the_next_begin(self) -> None:
        def work(pieces: list[bytes]) -> list[bytes]:
            raise ValueError

        in_order = InOrder(InlineOffload(), work)
        for _ in range(2):
            self.failureResultOf(in_order.run([b""]), ValueError)
