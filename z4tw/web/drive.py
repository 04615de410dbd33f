"""Runs a coroutine of the layers below, without a Deferred when it never has to wait."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from types import CoroutineType
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


class _Suspended:
    """A coroutine that waits for a Deferred."""

    __slots__ = ("_coroutine", "_failure", "_success")

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, Any],
        success: Callable[[Any], object],
        failure: Callable[[Exception], object],
    ) -> None:
        self._coroutine = coroutine
        self._success = success
        self._failure = failure

    def wait_for(self, waiting: object) -> None:
        if isinstance(waiting, Deferred):
            waiting.addBoth(self._resume)
            return
        self._coroutine.close()
        self._failure(TypeError(f"awaited neither a coroutine nor a Deferred: {waiting!r}"))

    def _resume(self, result: object) -> None:
        try:
            if isinstance(result, Failure):
                waiting = result.throwExceptionIntoGenerator(self._coroutine)
            else:
                # The coroutine takes the result from the Deferred itself.
                waiting = self._coroutine.send(None)
        except StopIteration as stop:
            value = stop.value
        except Exception as error:
            self._failure(error)
            return
        else:
            self.wait_for(waiting)
            return
        self._success(value)


def drive(
    awaitable: Awaitable[Any],
    success: Callable[[Any], object],
    failure: Callable[[Exception], object],
) -> None:
    """Run to the end, now or as its Deferreds fire, then call ``success(value)`` or
    ``failure(exception)``, exactly one of them and once. Both must not raise.

    A coroutine that finishes at once costs one ``send``. Exceptions that are no ``Exception``
    (``SystemExit``, ``KeyboardInterrupt``) pass through.
    """
    coroutine = awaitable if isinstance(awaitable, CoroutineType) else _await(awaitable)
    try:
        waiting = coroutine.send(None)
    except StopIteration as stop:
        value = stop.value
    except Exception as error:
        failure(error)
        return
    else:
        _Suspended(coroutine, success, failure).wait_for(waiting)
        return
    success(value)
