"""The node as one service whose parts start in order and stop in reverse order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger

log = Logger()


class NodeService(MultiService):
    """Starts its children one after another, each when the one before is up, and stops them in
    reverse order, each when the one after it is down. (``MultiService`` alone does both at once.)

    ``failed(error)`` is called when a child does not start; those that did are stopped by
    ``stopService`` as ever. ``started()`` is called when all are up.
    """

    name = "z4"

    def __init__(
        self, failed: Callable[[BaseException], None], started: Callable[[], None]
    ) -> None:
        super().__init__()
        self._failed = failed
        self._started = started
        self._up: list[Any] = []
        self._starting: Deferred[None] = succeed(None)

    def startService(self) -> None:
        """Begin to start; what needs no waiting is done when this returns."""
        Service.startService(self)
        self._starting = Deferred.fromCoroutine(self._start())

    async def _start(self) -> None:
        try:
            for child in list(self):
                if not self.running:
                    return
                # Counted as up before it is: a child that fails half-way is stopped too.
                self._up.append(child)
                await _settled(child.startService())
        except CancelledError:
            log.info("The start was given up, since the node is to stop")
        except Exception as error:
            self._failed(error)
        else:
            self._started()

    def stopService(self) -> Deferred[None]:
        """Stop in order; the Deferred fires when all are down. Errors are logged, and do not keep
        the rest from stopping."""
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._starting.cancel()
        await self._starting
        while self._up:
            child = self._up.pop()
            try:
                await _settled(child.stopService())
            except Exception:
                log.failure("The service {name} did not stop well", name=IService(child).name)


async def _settled(result: Any) -> None:
    if isinstance(result, Deferred):
        await result
