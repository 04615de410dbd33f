"""A worker: what it answers its parent, and its end when the parent is gone."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
from twisted.application.service import IService
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.node.support import make_config, make_outside
from z4tw.blobs.memory import MemoryBlobStore
from z4tw.node import workers as wire
from z4tw.node.failures import StoreError
from z4tw.node.workers import Briefing
from z4tw.node.working import LAST_WORDS_S, Worker


class FakeReactor(Clock):
    """A clock that can be asked to stop."""

    stopped = False

    def callWhenRunning(self, function: Any, *args: Any) -> None:
        function(*args)

    def callFromThread(self, function: Any, *args: Any) -> None:
        function(*args)

    def stop(self) -> None:
        self.stopped = True


class WorkerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = FakeReactor()
        self.lines: list[str] = []
        self.debugged: list[bool] = []
        self.config = make_config(Path("/srv/d"))
        self.worker = Worker(
            1,
            Briefing(self.config, "uuid", 2, 1),
            make_outside(self.reactor),
            report=self.lines.append,
            set_debug=self.debugged.append,
        )

    def answer(self, name: str, payload: bytes = b"") -> Deferred[bytes]:
        return Deferred.fromCoroutine(self.worker._answer(name, payload))

    def test_its_services_start_with_the_link_and_end_with_being_ready(self) -> None:
        names = [IService(child).name for child in self.worker.node]
        self.assertEqual(names, ["signals", "link", "storage", "web", "ready"])

    def test_it_tells_its_counts(self) -> None:
        self.worker._web.metrics.observe("GetObject", 200, 0.1)
        counts = msgspec.json.decode(self.successResultOf(self.answer(wire.METRICS)))
        self.assertEqual(counts["requests"], [["GetObject", 200, 1]])

    def test_it_reloads_what_it_is_told(self) -> None:
        config = msgspec.structs.replace(self.config, debug=True)
        self.successResultOf(self.answer(wire.RELOAD, msgspec.json.encode(config)))
        self.assertEqual(self.debugged, [True])

    def test_it_refuses_writes_when_another_process_met_a_disk_error(self) -> None:
        blobs = MemoryBlobStore(lambda: 0, os.urandom)
        self.worker._storage = SimpleNamespace(  # type: ignore[assignment]
            storage=SimpleNamespace(blobs=blobs)
        )
        self.successResultOf(self.answer(wire.READ_ONLY))
        self.assertTrue(blobs.read_only)

    def test_it_asks_for_earlier_disk_errors_once_it_is_told_of_later_ones(self) -> None:
        blobs = MemoryBlobStore(lambda: 0, os.urandom)
        self.worker._storage = SimpleNamespace(  # type: ignore[assignment]
            storage=SimpleNamespace(blobs=blobs)
        )
        asked: list[str] = []

        def request(name: str, payload: bytes) -> Deferred[bytes]:
            asked.append(name)
            return succeed(b"yes" if name == wire.IS_READ_ONLY else b"")

        self.worker._link.request = request  # type: ignore[method-assign]
        self.successResultOf(Deferred.fromCoroutine(self.worker._say_ready()))
        self.assertEqual(asked, [wire.READY, wire.IS_READ_ONLY])
        self.assertTrue(blobs.read_only)

    def test_it_refuses_what_it_does_not_know(self) -> None:
        self.failureResultOf(self.answer("dance"), StoreError)

    def test_it_stops_at_once_when_it_is_hurried(self) -> None:
        hurried: list[bool] = []
        self.worker._web.hurry = lambda: hurried.append(True)  # type: ignore[method-assign]
        self.answer(wire.HURRY)
        self.assertEqual((self.reactor.stopped, hurried), (True, [True]))

    def test_it_ends_when_the_store_process_is_gone(self) -> None:
        hurried: list[bool] = []
        self.worker._web.hurry = lambda: hurried.append(True)  # type: ignore[method-assign]
        self.worker.node.running = True
        self.worker._link_lost()
        self.assertEqual(self.lines, ["the store process is gone"])
        self.assertEqual(self.worker.node.exit_status, 1)
        self.assertTrue(self.reactor.stopped)
        self.assertEqual(hurried, [])
        self.reactor.advance(LAST_WORDS_S)
        self.assertEqual(hurried, [True])

    def test_the_link_may_end_when_it_stops_itself(self) -> None:
        self.worker.node.running = False
        self.worker._link_lost()
        self.assertEqual(self.lines, [])

    def test_a_failing_disk_is_told_to_the_store_process(self) -> None:
        asked: list[str] = []

        def request(name: str, payload: bytes) -> Deferred[bytes]:
            asked.append(name)
            return Deferred()

        self.worker._link.request = request  # type: ignore[method-assign]
        self.worker._outside.on_disk_error(OSError(5, "Input/output error"))
        self.assertEqual(asked, [wire.DISK_FAILED])
