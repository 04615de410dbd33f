"""Beginning an awaitable now and awaiting it later, without an event loop of one's own.

Operations are coroutines that know no reactor; a coroutine does nothing until it is awaited. For
work that should overlap (a disk write beside a digest, a hundred deletions in one group commit)
``Started`` runs an awaitable up to its first wait at once. Whatever it waits for is handed to the
driver of the operation when the ``Started`` itself is awaited, so a driver sees nothing unusual.
"""

from __future__ import annotations

from collections.abc import Awaitable, Generator, Iterable
from contextlib import suppress
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Started(Generic[T]):
    """An awaitable under way. Await it exactly once: its result and its exception come out there.

    What follows its first wait runs only while it is awaited.
    """

    __slots__ = ("_error", "_iterator", "_result")

    def __init__(self, awaitable: Awaitable[T]) -> None:
        iterator: Any = awaitable.__await__()
        self._iterator: Any = None
        self._result: Any = None
        self._error: Exception | None = None
        try:
            next(iterator)
        except StopIteration as stop:
            self._result = stop.value
        except Exception as error:  # raised where the result is awaited
            self._error = error
        else:
            self._iterator = iterator

    def __await__(self) -> Generator[Any, Any, T]:
        iterator, self._iterator = self._iterator, None
        if iterator is None:
            if self._error is not None:
                raise self._error
            result: T = self._result
            return result
        try:
            # A driver must not be handed a Deferred that has fired already: it would take the
            # result away. Asked again, a Deferred gives its result, or itself if it has none yet.
            waiting = iterator.send(None)
            while True:
                try:
                    value = yield waiting
                except GeneratorExit:
                    close = getattr(iterator, "close", None)
                    if close is not None:
                        close()
                    raise
                except BaseException as error:
                    throw = getattr(iterator, "throw", None)
                    if throw is None:  # a bare Deferred: its failure is the outcome
                        raise
                    waiting = throw(error)
                else:
                    waiting = iterator.send(value)
        except StopIteration as stop:
            result = stop.value
            return result

    async def settle(self) -> None:
        """Wait for the end, whatever it is: for work whose failure no longer matters because an
        earlier one is being reported."""
        with suppress(Exception):
            await self


async def outcomes(awaitables: Iterable[Awaitable[T]]) -> list[T | Exception]:
    """Start all, then wait for all: each one's result or the exception that it raised, in order."""
    under_way = [Started(one) for one in awaitables]
    ends: list[T | Exception] = []
    for one in under_way:
        try:
            ends.append(await one)
        except Exception as error:  # handed to the caller, who knows what it means
            ends.append(error)
    return ends
