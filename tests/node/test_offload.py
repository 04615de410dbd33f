"""Threads of a process, and work without any."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.trial.unittest import TestCase

from z4tw.node.offline import drive
from z4tw.node.offload import InlineOffload, Threads


class ThreadsTests(TestCase):
    def test_commits_and_files_run_in_threads_of_their_own(self) -> Any:
        threads = Threads(reactor)  # type: ignore[arg-type]
        self.addCleanup(threads.stop)
        names = gatherResults(
            [
                threads.commit.run(threading.get_ident),
                threads.files.run(threading.get_ident),
            ]
        )

        def check(idents: list[int]) -> None:
            self.assertEqual(len({*idents, threading.get_ident()}), 3)

        return names.addCallback(check)

    def test_stopping_twice_is_safe(self) -> None:
        threads = Threads(reactor)  # type: ignore[arg-type]
        threads.stop()
        threads.stop()


def test_inline_work_is_done_when_it_is_given() -> None:
    done: list[int] = []
    work = InlineOffload().run(done.append, 3)
    assert done == [3]

    async def take() -> Any:
        return await InlineOffload().run(divmod, 7, 2), await work

    assert drive(take()) == ((3, 1), None)


def test_inline_errors_come_where_the_work_is_awaited() -> None:
    work = InlineOffload().run(divmod, 1, 0)

    async def take() -> Any:
        return await work

    with pytest.raises(ZeroDivisionError):
        drive(take())
