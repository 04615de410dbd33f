"""Deliveries: in order, at least once, each sink for itself, with pauses after failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.metadata.values import OWNER, put, register
from tests.ops.harness import run
from z4tw.daemons.deliverer import AT_ONCE, MOST_PAUSE_S, TRIM_INTERVAL_S, Deliverer
from z4tw.interfaces import IEventSink
from z4tw.metadata.memory import MemoryStore
from z4tw.model.notices import Notice, Occurrence, Target
from z4tw.objects.commands import PutVersion


@implementer(IEventSink)
class FakeSink:
    """Notes what it is given; fails while ``failing``, never ends while ``hanging``."""

    def __init__(self, batch: int = 1) -> None:
        self.batch = batch
        self.calls: list[list[str]] = []
        self.tries = 0
        self.failing = False
        self.hanging = False
        self.cancelled = 0

    @property
    def keys(self) -> list[str]:
        return [key for call in self.calls for key in call]

    def deliver(self, messages: Sequence[Mapping[str, Any]]) -> Deferred[None]:
        self.tries += 1
        done: Deferred[None] = Deferred(self._cancel)
        if self.hanging:
            return done
        if self.failing:
            done.errback(OSError("nobody is there"))
            return done
        self.calls.append([one["Records"][0]["s3"]["object"]["key"] for one in messages])
        done.callback(None)
        return done

    def _cancel(self, _: Any) -> None:
        self.cancelled += 1


class DelivererTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.store = MemoryStore(lambda: 1, Random(1).randbytes)
        self.one, self.two = FakeSink(), FakeSink(batch=3)
        self.number = 0

    def make(self, keep: int = 1000) -> Deliverer:
        sinks = {"one": self.one, "two": self.two}
        return Deliverer(self.store, sinks, self.clock, lambda: 1.0, keep=keep)

    def announce(self, *sinks: str, count: int = 1) -> None:
        for _ in range(count):
            self.number += 1
            key = f"k{self.number}"
            about = Occurrence("s3:ObjectCreated:Put", "b", OWNER, "r", key)
            notice = Notice(about, tuple(Target(sink, "c") for sink in sinks))
            command: PutVersion = put(self.number)
            changed = PutVersion(command.version, notice=notice)
            run(self.store.change(register(key.encode()), changed))

    def waiting(self) -> dict[str, int]:
        return {sink: one.events for sink, one in run(self.store.backlog()).items()}

    def test_what_waits_and_what_comes_is_delivered_in_order(self) -> None:
        self.announce("one", "two", count=7)
        deliverer = self.make()
        deliverer.startService()
        self.announce("one")
        assert self.one.calls == [[f"k{n}"] for n in range(1, 9)]
        assert self.two.calls == [["k1", "k2", "k3"], ["k4", "k5", "k6"], ["k7"]]
        assert self.waiting() == {}
        assert deliverer.delivered == 15

    def test_more_than_are_read_at_once_are_delivered(self) -> None:
        self.announce("two", count=3 * AT_ONCE + 1)
        self.make().startService()
        assert self.two.keys == [f"k{n}" for n in range(1, 3 * AT_ONCE + 2)]

    def test_a_failure_is_tried_again_after_a_growing_pause(self) -> None:
        self.one.failing = True
        deliverer = self.make()
        deliverer.startService()
        self.announce("one", "two")
        assert self.two.keys == ["k1"]
        tries = [1]
        for pause_s in (1, 2, 4, 8):
            self.clock.advance(pause_s - 0.01)
            assert self.one.tries == tries[-1]
            self.clock.advance(0.01)
            tries.append(self.one.tries)
        assert tries == [1, 2, 3, 4, 5]
        assert deliverer.failed == 5
        self.announce("one", "two")  # wakes no lane that pauses
        assert self.one.tries == 5
        self.one.failing = False
        self.clock.advance(16)
        assert self.one.keys == ["k1", "k2"]
        assert self.two.keys == ["k1", "k2"]
        self.one.failing = True
        self.announce("one")
        assert self.one.tries == 8
        self.clock.advance(1)  # the pause is short again
        assert self.one.tries == 9

    def test_pauses_are_bounded_and_jittered(self) -> None:
        self.one.failing = True
        half = Deliverer(self.store, {"one": self.one}, self.clock, lambda: 0.0, keep=9)
        half.startService()
        self.announce("one")
        self.clock.advance(0.5)
        assert self.one.tries == 2
        for _ in range(40):
            self.clock.advance(MOST_PAUSE_S / 2)
        assert self.one.tries >= 40

    def test_those_delivered_before_a_failure_are_not_delivered_again(self) -> None:
        self.announce("one", count=3)
        deliver = self.one.deliver

        def failing_third(messages: Sequence[Mapping[str, Any]]) -> Deferred[None]:
            self.one.failing = self.one.tries == 2
            return deliver(messages)

        self.one.deliver = failing_third  # type: ignore[method-assign]
        self.make().startService()
        assert self.waiting() == {"one": 1}
        self.clock.advance(1)
        assert self.one.keys == ["k1", "k2", "k3"]

    def test_a_stop_breaks_deliveries_off_and_loses_nothing(self) -> None:
        self.one.hanging = True
        deliverer = self.make()
        deliverer.startService()
        self.announce("one", count=2)
        self.successResultOf(deliverer.stopService())
        assert self.one.cancelled == 1
        assert self.waiting() == {"one": 2}
        self.one.hanging = False
        self.announce("one")
        assert self.one.calls == []
        assert self.clock.getDelayedCalls() == []
        self.make().startService()
        assert self.one.keys == ["k1", "k2", "k3"]

    def test_a_stop_ends_a_pause(self) -> None:
        self.one.failing = True
        deliverer = self.make()
        deliverer.startService()
        self.announce("one")
        self.successResultOf(deliverer.stopService())
        assert self.clock.getDelayedCalls() == []

    def test_too_many_lose_the_oldest_and_it_is_counted(self) -> None:
        self.one.failing = True
        deliverer = self.make(keep=5)
        deliverer.startService()
        self.announce("one", count=8)
        self.clock.advance(TRIM_INTERVAL_S)
        assert self.waiting() == {"one": 5}
        assert deliverer.dropped == 3
        self.one.failing = False
        self.clock.advance(MOST_PAUSE_S)
        assert self.one.keys == ["k4", "k5", "k6", "k7", "k8"]

    def test_events_of_a_sink_that_is_not_configured_wait(self) -> None:
        self.announce("gone", "one")
        deliverer = self.make()
        deliverer.startService()
        self.clock.advance(TRIM_INTERVAL_S)
        assert self.waiting() == {"gone": 1}
        assert self.one.keys == ["k1"]
