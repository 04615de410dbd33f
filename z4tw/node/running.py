"""Running a node's service in a process of its own: log, signals, reactor, exit status."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger

from z4tw.node.service import NodeService

log = Logger()


def run_service(node: NodeService, reactor: Any) -> int:
    """Run a node until a signal or a failure ends it; the exit status of the process."""
    reactor.callWhenRunning(node.startService)
    reactor.addSystemEventTrigger("before", "shutdown", node.stopService)
    reactor.run()
    return node.exit_status


def stop_running(reactor: Any) -> None:
    """Stop a reactor, unless it is being stopped already."""
    try:
        reactor.stop()
    except ReactorNotRunning:
        log.debug("the reactor is being stopped already")


class Signals(Service):
    """What signals mean to a node: TERM and INT stop it, a second one calls ``hurry`` (None: it
    means nothing); HUP calls ``hang_up``, and is left alone when that is None. Handlers only wake
    the reactor."""

    name = "signals"

    def __init__(
        self,
        reactor: Any,
        *,
        hurry: Callable[[], None] | None,
        hang_up: Callable[[], object] | None,
    ) -> None:
        self._reactor = reactor
        self._hurry = hurry
        self._hang_up = hang_up
        self._stopping = False

    def startService(self) -> None:
        """Take the signals over when the reactor runs, since it installs its own handlers then."""
        super().startService()
        self._reactor.callWhenRunning(self.install)

    def install(self) -> None:
        """Put the handlers in place; a signal that is ignored stays so."""
        for number in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._on_stop)
        if self._hang_up is not None:
            signal.signal(signal.SIGHUP, self._on_hang_up)

    def _on_stop(self, number: int, frame: object) -> None:
        self._reactor.callFromThread(self.stop)

    def _on_hang_up(self, number: int, frame: object) -> None:
        self._reactor.callFromThread(self._hang_up)

    def stop(self) -> None:
        """Begin the stop of the process, or hurry it."""
        if not self._stopping:
            self._stopping = True
            log.info("stopping: no new connections, open requests may finish")
            stop_running(self._reactor)
        elif self._hurry is not None:
            log.warn("told to stop again: open requests are cut off")
            self._hurry()
