"""Signals: the first one drains, the second one hurries, HUP reloads."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from twisted.internet.error import ReactorNotRunning
from twisted.trial.unittest import SynchronousTestCase

from z4tw.node.running import Signals, run_service, stop_running
from z4tw.node.service import NodeService


class FakeReactor:
    """Notes stops, and calls at once what should run later."""

    def __init__(self) -> None:
        self.stops = 0
        self.triggers: list[Callable[[], Any]] = []
        self.running = True

    def callWhenRunning(self, function: Callable[..., Any], *args: Any) -> None:
        function(*args)

    def callFromThread(self, function: Callable[..., Any], *args: Any) -> None:
        function(*args)

    def addSystemEventTrigger(self, phase: str, event: str, function: Any) -> None:
        assert (phase, event) == ("before", "shutdown")
        self.triggers.append(function)

    def run(self) -> None:
        for trigger in self.triggers:
            trigger()

    def stop(self) -> None:
        if not self.running:
            raise ReactorNotRunning
        self.running = False
        self.stops += 1


class SignalsTests(SynchronousTestCase):
    def setUp(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.reactor = FakeReactor()
        self.events: list[str] = []

    def start(self, hang_up: bool = True) -> Signals:
        signals = Signals(
            self.reactor,
            hurry=lambda: self.events.append("hurry"),
            hang_up=(lambda: self.events.append("hung up")) if hang_up else None,
        )
        signals.startService()
        return signals

    def test_term_and_int_stop_the_reactor_once_and_then_hurry(self) -> None:
        self.start()
        signal.raise_signal(signal.SIGTERM)
        self.assertEqual((self.reactor.stops, self.events), (1, []))
        signal.raise_signal(signal.SIGINT)
        self.assertEqual((self.reactor.stops, self.events), (1, ["hurry"]))

    def test_a_second_signal_means_nothing_to_who_cannot_be_hurried(self) -> None:
        Signals(self.reactor, hurry=None, hang_up=None).startService()
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        self.assertEqual(self.reactor.stops, 1)

    def test_hang_up_does_what_the_node_wants(self) -> None:
        self.start()
        signal.raise_signal(signal.SIGHUP)
        self.assertEqual(self.events, ["hung up"])
        self.assertEqual(self.reactor.stops, 0)

    def test_ignored_signals_stay_ignored(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.start(hang_up=False)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGHUP)
        self.assertEqual((self.reactor.stops, self.events), (0, []))


class RunTests(SynchronousTestCase):
    def test_a_node_runs_between_start_and_stop_and_gives_its_status(self) -> None:
        events: list[str] = []
        node = NodeService(
            end=lambda: None,
            report=events.append,
            started=lambda: events.append("started"),
            reload=lambda: None,
            hurry=lambda: None,
        )
        node.exit_status = 3
        self.assertEqual(run_service(node, FakeReactor()), 3)
        self.assertEqual(events, ["started"])
        self.assertFalse(node.running)

    def test_stopping_a_stopped_reactor_is_no_error(self) -> None:
        reactor = FakeReactor()
        stop_running(reactor)
        stop_running(reactor)
        self.assertEqual(reactor.stops, 1)
