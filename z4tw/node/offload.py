"""Offloads of a process: its threads, and the absence of threads in a one-shot command."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from twisted.internet.interfaces import IReactorFromThreads
from zope.interface import implementer

from z4tw.interfaces import IOffload
from z4tw.threads import ThreadOffload

FILE_THREADS = 8
"""Threads for blob files and digests in one process. A long upload takes two for its digests, one
of which only waits for its turn."""


class Threads:
    """The threads of a process: one that waits for COMMIT, and some for files and digests.

    They are apart so that slow files never delay a commit.
    """

    def __init__(self, reactor: IReactorFromThreads) -> None:
        self.commit = ThreadOffload(reactor, 1)
        self.files = ThreadOffload(reactor, FILE_THREADS)
        self.commit.start()
        self.files.start()

    def stop(self) -> None:
        """(blocking) Finish the work in hand and end the threads; safe to call twice."""
        self.files.stop()
        self.commit.stop()


class Finished:
    """An awaitable of work that is done: awaiting it never suspends."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._error: Exception | None = None
        self._value: Any = None
        try:
            self._value = function(*args)
        except Exception as error:
            self._error = error

    def __await__(self) -> Generator[Any, Any, Any]:
        if self._error is not None:
            raise self._error
        return self._value
        yield


@implementer(IOffload)
class InlineOffload:
    """Does the work at once, in the calling thread: for commands without an event loop."""

    def run(self, function: Callable[..., Any], *args: Any) -> Finished:
        """The finished work."""
        return Finished(function, args)
