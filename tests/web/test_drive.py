"""Coroutines are run to their end, with and without waiting."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from z4tw.web.drive import drive


class DriveTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.values: list[Any] = []
        self.errors: list[Exception] = []

    def start(self, awaitable: Any) -> None:
        drive(awaitable, self.values.append, self.errors.append)

    def test_a_coroutine_that_never_waits_ends_at_once(self) -> None:
        async def work() -> int:
            return 7

        self.start(work())
        self.assertEqual((self.values, self.errors), ([7], []))

    def test_a_fired_deferred_is_no_wait(self) -> None:
        async def work() -> int:
            return await succeed(3) + await succeed(4)

        self.start(work())
        self.assertEqual(self.values, [7])

    def test_it_goes_on_when_each_deferred_fires(self) -> None:
        first: Deferred[int] = Deferred()
        second: Deferred[int] = Deferred()

        async def work() -> int:
            return await first + await second

        self.start(work())
        self.assertEqual(self.values, [])
        first.callback(1)
        self.assertEqual(self.values, [])
        second.callback(2)
        self.assertEqual(self.values, [3])

    def test_an_exception_is_given_to_failure_once(self) -> None:
        async def work() -> None:
            raise KeyError("x")

        self.start(work())
        self.assertEqual(self.values, [])
        self.assertIsInstance(self.errors[0], KeyError)
        self.assertEqual(len(self.errors), 1)

    def test_a_failed_deferred_raises_inside_and_may_be_caught(self) -> None:
        waiting: Deferred[int] = Deferred()

        async def work() -> str:
            try:
                await waiting
            except ValueError as error:
                return str(error)
            return "nothing raised"

        self.start(work())
        waiting.errback(ValueError("inside"))
        self.assertEqual(self.values, ["inside"])

    def test_a_failed_deferred_that_is_not_caught_is_the_failure(self) -> None:
        waiting: Deferred[int] = Deferred()

        async def work() -> None:
            await waiting

        self.start(work())
        waiting.errback(ValueError("out"))
        self.assertEqual(str(self.errors[0]), "out")

    def test_a_deferred_itself_can_be_driven(self) -> None:
        waiting: Deferred[int] = Deferred()
        self.start(waiting)
        waiting.callback(9)
        self.assertEqual(self.values, [9])
        self.start(fail(ValueError("now")))
        self.assertEqual(str(self.errors[0]), "now")

    def test_waiting_for_something_else_is_a_type_error(self) -> None:
        closed = []

        class Odd:
            def __await__(self) -> Any:
                yield "not a deferred"

        async def work() -> None:
            try:
                await Odd()
            finally:
                closed.append(True)

        self.start(work())
        self.assertIsInstance(self.errors[0], TypeError)
        self.assertEqual(closed, [True])

    def test_what_is_no_exception_passes_through(self) -> None:
        async def work() -> None:
            raise SystemExit(3)

        self.assertRaises(SystemExit, self.start, work())
        self.assertEqual((self.values, self.errors), ([], []))

    def test_a_thousand_waits_do_not_grow_the_stack(self) -> None:
        waits: list[Deferred[None]] = [Deferred() for _ in range(3000)]

        async def work() -> str:
            for wait in waits:
                await wait
            return "done"

        self.start(work())
        for wait in waits:
            wait.callback(None)
        self.assertEqual(self.values, ["done"])
