"""Supervision: workers are started, restarted, drained and killed when they must be."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.node.support import make_config
from z4tw.node import workers as wire
from z4tw.node.failures import StoreError
from z4tw.node.workers import Briefing, Workers


class FakeProcess:
    """A process that a test ends."""

    def __init__(self, pid: int, protocol: Any, arguments: list[str], fds: dict[int, int]) -> None:
        self.pid = pid
        self.protocol = protocol
        self.arguments = arguments
        self.fds = fds
        self.signals: list[str] = []
        with os.fdopen(os.dup(fds[wire.BRIEFING_FD]), "rb") as file:
            self.briefing = file.read()

    def signalProcess(self, name: str) -> None:
        self.signals.append(name)

    def end(self, status: int = 1) -> None:
        error = ProcessTerminated(exitCode=status) if status else ProcessDone(0)
        self.protocol.processEnded(Failure(error))


class FakeReactor(Clock):
    """A clock that starts processes which do nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[FakeProcess] = []
        self.links: list[Any] = []

    def spawnProcess(
        self, protocol: Any, program: str, arguments: list[str], env: Any, childFDs: dict[int, int]
    ) -> FakeProcess:
        process = FakeProcess(1000 + len(self.processes), protocol, arguments, childFDs)
        self.processes.append(process)
        return process

    def adoptStreamConnection(self, descriptor: int, family: int, factory: Any) -> None:
        self.links.append(factory.buildProtocol(None))


class WorkersTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = FakeReactor()
        self.events: list[Any] = []
        listening = socket.socket()
        self.addCleanup(listening.close)
        memory = os.open(os.devnull, os.O_RDONLY)
        self.addCleanup(os.close, memory)
        config = make_config(Path("/srv/d"))

        async def others(name: str, payload: bytes) -> bytes:
            self.events.append((name, payload))
            return b"answer"

        self.workers = Workers(
            self.reactor,
            2,
            command=("python", "-m", "worker"),
            environ={"A": "B"},
            store=object,
            briefing=lambda: Briefing(config, "uuid", 2, 1),
            sockets=lambda: [listening],
            generations_fd=lambda: memory,
            on_request=others,
            drain_seconds=lambda: 30.0,
            begin_stop=lambda: self.events.append("closed"),
            gone=lambda pid: self.events.append(("gone", pid)),
        )

    def ready(self, index: int) -> None:
        """The worker started as number ``index`` says that it serves."""
        answering = Deferred.fromCoroutine(self.reactor.links[index]._serve(wire.READY, b""))
        self.assertEqual(self.successResultOf(answering), b"")

    def start(self) -> None:
        starting = self.workers.startService()
        self.assertNoResult(starting)
        self.ready(0)
        self.assertNoResult(starting)
        self.ready(1)
        self.successResultOf(starting)

    def test_each_worker_gets_its_number_its_descriptors_and_its_briefing(self) -> None:
        self.start()
        first, second = self.reactor.processes
        self.assertEqual(first.arguments, ["python", "-m", "worker", "0"])
        self.assertEqual(second.arguments, ["python", "-m", "worker", "1"])
        self.assertEqual(
            sorted(first.fds),
            [0, 1, 2, wire.LINK_FD, wire.GENERATIONS_FD, wire.BRIEFING_FD, wire.FIRST_SOCKET_FD],
        )
        self.assertIn(b'"node_uuid":"uuid"', first.briefing)
        self.assertEqual(self.workers.pids, [1000, 1001])

    def test_a_worker_that_served_is_replaced_after_a_short_pause(self) -> None:
        self.start()
        self.reactor.advance(wire.SERVED_S)
        self.reactor.processes[0].end()
        self.assertEqual(self.events, [("gone", 1000)])
        self.assertEqual(self.workers.pids, [1001])
        self.reactor.advance(0)
        self.assertEqual(self.workers.pids, [1002, 1001])
        self.assertEqual(self.workers.restarts, 1)

    def test_one_that_dies_at_once_is_replaced_ever_more_slowly(self) -> None:
        self.start()
        pauses: list[float] = []
        for _ in range(8):
            self.reactor.processes[-1 if pauses else 0].end()
            before = self.reactor.seconds()
            started = len(self.reactor.processes)
            while len(self.reactor.processes) == started:
                self.reactor.advance(0.05)
            pauses.append(self.reactor.seconds() - before)
        self.assertLess(pauses[0], 0.2)
        self.assertEqual(sorted(pauses), pauses)
        self.assertLess(pauses[-1], wire.MOST_PAUSE_S + 0.1)
        self.assertGreater(pauses[-1], wire.MOST_PAUSE_S - 0.1)

    def test_workers_that_never_start_fail_the_start(self) -> None:
        starting = self.workers.startService()
        for _ in range(wire.TRIES_AT_START):
            self.reactor.processes[-1].end()
            self.reactor.advance(wire.MOST_PAUSE_S)
        self.failureResultOf(starting, StoreError)

    def test_the_stop_drains_and_waits_for_every_worker(self) -> None:
        self.start()
        stopping: Deferred[Any] = self.workers.stopService()
        self.assertEqual(self.events, ["closed"])
        first, second = self.reactor.processes
        self.assertEqual((first.signals, second.signals), (["TERM"], ["TERM"]))
        first.end(0)
        self.assertNoResult(stopping)
        second.end(0)
        self.successResultOf(stopping)
        self.reactor.advance(100)
        self.assertEqual(len(self.reactor.processes), 2)

    def test_one_that_does_not_end_is_killed(self) -> None:
        self.start()
        self.workers.stopService()
        self.reactor.advance(30 + wire.KILL_AFTER_S)
        self.assertEqual(self.reactor.processes[0].signals, ["TERM", "KILL"])

    def told(self) -> list[str]:
        """What the first worker is asked and told from now on."""
        names: list[str] = []

        def request(name: str, payload: bytes) -> Deferred[bytes]:
            names.append(name)
            return succeed(b"")

        link = self.workers._slots[0].link
        assert link is not None
        link.request = request  # type: ignore[method-assign]
        return names

    def test_they_are_hurried_over_their_links(self) -> None:
        self.start()
        told = self.told()
        self.workers.stopService()
        self.assertEqual(told, [])
        self.workers.hurry()
        self.assertEqual(told, [wire.HURRY])
        self.assertEqual(self.reactor.processes[0].signals, ["TERM"])

    def test_a_hurry_before_they_are_told_to_stop_is_kept_until_then(self) -> None:
        self.start()
        told = self.told()
        self.workers.hurry()
        self.assertEqual(told, [])
        self.workers.stopService()
        self.assertEqual(told, [wire.HURRY])

    def test_a_stop_during_a_pause_starts_nothing(self) -> None:
        self.start()
        self.reactor.processes[0].end()
        stopping = self.workers.stopService()
        self.reactor.processes[1].end(0)
        self.successResultOf(stopping)
        self.reactor.advance(100)
        self.assertEqual(len(self.reactor.processes), 2)

    def test_workers_may_ask_for_other_things(self) -> None:
        self.start()
        answering = Deferred.fromCoroutine(self.reactor.links[0]._serve("node.metrics", b"x"))
        self.assertEqual(self.successResultOf(answering), b"answer")
        self.assertEqual(self.events, [("node.metrics", b"x")])

    def test_only_those_that_answer_in_time_are_heard(self) -> None:
        self.start()
        asked: list[Deferred[bytes]] = []

        def request(name: str, payload: bytes) -> Deferred[bytes]:
            asked.append(Deferred())
            return asked[-1]

        for link in self.reactor.links:
            link.request = request
        answers = Deferred.fromCoroutine(self.workers.ask_all("worker.metrics", b""))
        asked[1].callback(b"one")
        self.reactor.advance(wire.ANSWER_S)
        self.assertEqual(self.successResultOf(answers), [(1001, b"one")])
