"""The node as one service whose parts start in order and stop in reverse order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger

from z4tw.config import ConfigError
from z4tw.errors import Z4Error
from z4tw.node.failures import StoreError

log = Logger()
FAILED = 1
WRONG_CONFIGURATION = 2
"""Exit statuses of a node."""


class NodeService(MultiService):
    """Starts its children one after another, each when the one before is up, and stops them in
    reverse order, each when the one after it is down. (``MultiService`` alone does both at once.)

    ``end()`` asks the process to stop (``exit_status`` says how it ended); ``report(line)`` tells
    a person why it could not go on; ``started()`` is called when all are up; ``reload()`` is what
    SIGHUP does and ``hurry()`` what a second SIGTERM does.
    """

    name = "z4"

    def __init__(
        self,
        *,
        end: Callable[[], None],
        report: Callable[[str], None],
        started: Callable[[], None],
        reload: Callable[[], object],
        hurry: Callable[[], None],
    ) -> None:
        super().__init__()
        self._end = end
        self._report = report
        self._started = started
        self._up: list[Any] = []
        self._starting: Deferred[None] = succeed(None)
        self.reload = reload
        self.hurry = hurry
        self.exit_status = 0

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
        except ConfigError as error:
            self.fail(str(error), WRONG_CONFIGURATION)
        except (StoreError, Z4Error) as error:
            self.fail(str(error))
        except Exception as error:
            log.failure("The node could not start")
            self.fail(f"the node could not start: {type(error).__name__}: {error}")
        else:
            self._started()

    def fail(self, line: str, status: int = FAILED) -> None:
        """Stop with an exit status, for a reason that is told to a person."""
        self.exit_status = status
        self._report(line)
        self._end()

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


class Step(Service):
    """A piece of work in the order of the start, as a child of a ``NodeService``.

    ``work`` is an async function; ``undo`` is called when the node stops.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Any],
        undo: Callable[[], None] = lambda: None,
    ) -> None:
        self.setName(name)
        self._work = work
        self._undo = undo

    def startService(self) -> Deferred[None]:
        """Do the work."""
        super().startService()
        return Deferred.fromCoroutine(self._work())

    def stopService(self) -> None:
        """Undo it."""
        super().stopService()
        self._undo()


class Background(MultiService):
    """Services that are made when they start, because they need what started before them, and
    that may all start and stop at once."""

    def __init__(self, name: str, make: Callable[[], list[Service]]) -> None:
        super().__init__()
        self.setName(name)
        self._make = make

    def startService(self) -> None:
        """Make and start them."""
        for child in self._make():
            child.setServiceParent(self)
        super().startService()

    def stopService(self) -> Any:
        """Stop them; they are made anew by another start."""
        stopped = super().stopService()

        def forget(result: Any) -> Any:
            for child in list(self):
                child.disownServiceParent()
            return result

        return stopped.addCallback(forget)


async def _settled(result: Any) -> None:
    if isinstance(result, Deferred):
        await result
