"""Offloads without threads, for deterministic tests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, execute
from zope.interface import implementer

from z4tw.interfaces import IOffload


@implementer(IOffload)
class InlineOffload:
    """Runs work at once; the Deferred has fired when ``run`` returns."""

    def __init__(self) -> None:
        self.count = 0

    def run(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """The result of ``function(*args)``, already there."""
        self.count += 1
        return execute(function, *args)


@implementer(IOffload)
class HeldOffload:
    """Keeps work until the test lets it go on, in the order that it came or another."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Deferred[Any], Callable[..., Any], tuple[Any, ...]]] = deque()

    @property
    def waiting(self) -> int:
        """How many pieces of work wait."""
        return len(self._waiting)

    def run(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """A Deferred that fires when ``step`` has run the work."""
        result: Deferred[Any] = Deferred()
        self._waiting.append((result, function, args))
        return result

    def step(self, index: int = 0) -> None:
        """Run the piece of work at this place of the queue."""
        result, function, args = self._waiting[index]
        del self._waiting[index]
        execute(function, *args).chainDeferred(result)

    def run_all(self) -> None:
        """Run what waits, and what that starts, until nothing waits."""
        while self._waiting:
            self.step()
