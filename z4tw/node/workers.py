"""The worker processes of a node: started, watched, started again, told and asked things.

A worker's states, as its slot sees them::

    STARTING --worker.ready--> UP --exit--> WAITING --after a pause--> STARTING
        +--------exit-----------------------^

The pause is none for a worker that had served for a while, and grows up to ``MOST_PAUSE_S`` for
one that dies at once. While the node stops, nothing is started again.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import Factory, ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from z4tw.config import Config
from z4tw.metadata.link import Link
from z4tw.metadata.serve import StoreProtocol
from z4tw.node.failures import StoreError

READY = "worker.ready"
METRICS_TEXT = "node.metrics"
DISK_FAILED = "node.disk-failed"
IS_READ_ONLY = "node.is-read-only"
METRICS = "worker.metrics"
RELOAD = "worker.reload"
READ_ONLY = "worker.read-only"
HURRY = "worker.hurry"

LINK_FD = 3
GENERATIONS_FD = 4
BRIEFING_FD = 5
FIRST_SOCKET_FD = 6

SERVED_S = 10.0
FIRST_PAUSE_S = 0.1
MOST_PAUSE_S = 5.0
TRIES_AT_START = 3
ANSWER_S = 2.0
KILL_AFTER_S = 5.0

log = Logger()


class Briefing(msgspec.Struct, frozen=True):
    """What a worker finds, as JSON, in the file that it inherits."""

    config: Config
    node_uuid: str
    workers: int
    sockets: int


class _Process(ProcessProtocol):
    """Watches one process."""

    def __init__(self, exited: Callable[[Failure], None]) -> None:
        self._exited = exited

    def processEnded(self, reason: Failure) -> None:
        """The process is gone and its descriptors are closed."""
        self._exited(reason)


class _Slot:
    """One of the workers: whichever process has its number now."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: Any = None
        self.pid = 0
        self.link: Link | None = None
        self.ready = False
        self.started_at = 0.0
        self.pause_s = 0.0
        self.early_deaths = 0
        self.restart: Any = None
        self.gone: Deferred[None] = succeed(None)


class Workers(Service):
    """Starts ``count`` workers and keeps that many running until it stops.

    ``command`` is the worker's program and arguments (its number is added). ``briefing()`` is
    what a worker that starts now is told. ``sockets()`` are the listening sockets that workers
    inherit, ``generations_fd`` the shared counters. ``store`` is the store that workers change;
    ``on_request(name, payload)`` answers their other requests. ``begin_stop`` closes the
    listening sockets here; ``gone(pid)`` is told of every worker that ends.
    """

    name = "workers"

    def __init__(
        self,
        reactor: Any,
        count: int,
        *,
        command: Sequence[str],
        environ: Mapping[str, str],
        store: Callable[[], Any],
        briefing: Callable[[], Briefing],
        sockets: Callable[[], Sequence[socket.socket]],
        generations_fd: Callable[[], int],
        on_request: Callable[[str, bytes], Awaitable[bytes]],
        drain_seconds: Callable[[], float],
        begin_stop: Callable[[], None],
        gone: Callable[[int], None] = lambda pid: None,
    ) -> None:
        self._reactor = reactor
        self._command = tuple(command)
        self._environ = dict(environ)
        self._store = store
        self._briefing = briefing
        self._sockets = sockets
        self._generations_fd = generations_fd
        self._others = on_request
        self._drain_seconds = drain_seconds
        self._begin_stop = begin_stop
        self._gone = gone
        self._slots = [_Slot(number) for number in range(count)]
        self._all_ready: Deferred[None] | None = None
        self._hurried = False
        self.restarts = 0

    @property
    def pids(self) -> list[int]:
        """The processes that run now."""
        return [slot.process.pid for slot in self._slots if slot.process is not None]

    def startService(self) -> Deferred[None]:
        """Start all; fires when every one of them serves. Fails with ``StoreError`` when a worker
        cannot be brought up."""
        super().startService()
        self._all_ready = Deferred()
        for slot in self._slots:
            self._spawn(slot)
        return self._all_ready

    def stopService(self) -> Deferred[None]:
        """Let every worker drain and wait for its end; those that do not end are killed."""
        super().stopService()
        self._begin_stop()
        for slot in self._slots:
            if slot.restart is not None:
                slot.restart.cancel()
                slot.restart = None
        self._signal("TERM")
        if self._hurried:
            self._tell_hurry()
        late = self._reactor.callLater(self._drain_seconds() + KILL_AFTER_S, self._signal, "KILL")
        ended: Deferred[Any] = DeferredList([slot.gone for slot in self._slots])

        def done(_: Any) -> None:
            if late.active():
                late.cancel()

        return ended.addCallback(done)

    def hurry(self) -> None:
        """Have the workers cut off what their drains wait for, now or once they are told to stop.
        They hear of it over their links: a second signal would be lost on a worker that has not
        looked at the first one yet."""
        self._hurried = True
        if not self.running:
            self._tell_hurry()

    def _tell_hurry(self) -> None:
        telling = Deferred.fromCoroutine(self.ask_all(HURRY, b""))
        telling.addErrback(lambda failure: log.failure("The workers could not be told", failure))

    async def ask_all(self, name: str, payload: bytes) -> list[tuple[int, bytes]]:
        """The answers of the workers that serve and answer in time, with their process ids."""
        pids, asked = [], []
        for slot in self._slots:
            if slot.ready and slot.link is not None:
                pids.append(slot.process.pid)
                asked.append(slot.link.request(name, payload).addTimeout(ANSWER_S, self._reactor))
        results = await DeferredList(asked, consumeErrors=True)
        return [
            (pid, answer) for pid, (success, answer) in zip(pids, results, strict=True) if success
        ]

    # One worker

    def _spawn(self, slot: _Slot) -> None:
        slot.restart = None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        nothing = os.open(os.devnull, os.O_RDONLY)
        briefing = tempfile.TemporaryFile()  # noqa: SIM115 (closed below, with the sockets)
        try:
            briefing.write(msgspec.json.encode(self._briefing()))
            briefing.seek(0)
            ours.setblocking(False)
            slot.link = self._connect(slot, ours)
            descriptors = {0: nothing, 1: 1, 2: 2, LINK_FD: theirs.fileno()}
            descriptors[GENERATIONS_FD] = self._generations_fd()
            descriptors[BRIEFING_FD] = briefing.fileno()
            for index, listening in enumerate(self._sockets()):
                descriptors[FIRST_SOCKET_FD + index] = listening.fileno()
            slot.started_at = self._reactor.seconds()
            slot.ready = False
            slot.gone = Deferred()
            slot.process = self._reactor.spawnProcess(
                _Process(lambda reason: self._exited(slot, reason)),
                self._command[0],
                [*self._command, str(slot.number)],
                env=self._environ,
                childFDs=descriptors,
            )
            slot.pid = slot.process.pid
        finally:
            briefing.close()
            os.close(nothing)
            ours.close()
            theirs.close()

    def _connect(self, slot: _Slot, ours: socket.socket) -> Link:
        async def answer(name: str, payload: bytes) -> bytes:
            if name == READY:
                self._now_ready(slot)
                return b""
            return await self._others(name, payload)

        link = StoreProtocol(self._store(), answer)
        factory = Factory.forProtocol(lambda: link)
        self._reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, factory)
        return link

    def _now_ready(self, slot: _Slot) -> None:
        slot.ready = True
        log.info("worker {number} serves (process {pid})", number=slot.number, pid=slot.process.pid)
        waiting = self._all_ready
        if waiting is not None and all(slot.ready for slot in self._slots):
            self._all_ready = None
            waiting.callback(None)

    def _exited(self, slot: _Slot, reason: Failure) -> None:
        served_s = self._reactor.seconds() - slot.started_at
        was_ready, slot.ready = slot.ready, False
        self._gone(slot.pid)
        slot.process = None
        if slot.link is not None:
            slot.link.close()
            slot.link = None
        if self.running:
            how = "ended" if reason.check(ProcessDone) else reason.getErrorMessage()
            log.error("worker {number} is gone: {how}", number=slot.number, how=how)
            self._plan_restart(slot, was_ready and served_s >= SERVED_S)
        gone, slot.gone = slot.gone, succeed(None)
        gone.callback(None)

    def _plan_restart(self, slot: _Slot, had_served: bool) -> None:
        if had_served:
            slot.pause_s, slot.early_deaths = 0.0, 0
        else:
            slot.pause_s = min(max(FIRST_PAUSE_S, 2 * slot.pause_s), MOST_PAUSE_S)
            slot.early_deaths += 1
        if self._all_ready is not None and slot.early_deaths >= TRIES_AT_START:
            waiting, self._all_ready = self._all_ready, None
            waiting.errback(StoreError("the worker processes do not start; the log says why"))
            return
        self.restarts += 1
        slot.restart = self._reactor.callLater(slot.pause_s, self._spawn, slot)

    def _signal(self, name: str) -> None:
        for slot in self._slots:
            if slot.process is not None:
                slot.process.signalProcess(name)
