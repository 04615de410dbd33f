"""A worker's store: the contract over a connection to a SQLite store, and losing it."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.test.iosim import FakeTransport, connect
from twisted.trial.unittest import SynchronousTestCase

from tests.metadata.contract import StoreContract
from tests.metadata.stores import Opened
from tests.metadata.values import BUCKET, put, register, stamp
from z4tw.errors import ServiceUnavailable
from z4tw.metadata.generations import Generations
from z4tw.metadata.link import Link
from z4tw.metadata.remote import RemoteStore
from z4tw.metadata.serve import StoreProtocol
from z4tw.model.registers import Done
from z4tw.testing.offload import HeldOffload


class Worker:
    """A worker's store, connected to a store through memory."""

    def __init__(self, opened: Opened, generations: Generations) -> None:
        self.lost: list[str] = []
        self.served = StoreProtocol(opened.store)
        self.link = Link(on_lost=lambda: self.lost.append("worker"))
        worker_side = FakeTransport(self.link, isServer=False)
        store_side = FakeTransport(self.served, isServer=True)
        self.pump = connect(self.served, store_side, self.link, worker_side)
        self.pump.flush()
        assert generations.fd is not None
        self.store = RemoteStore(
            opened.path, Generations(generations.fd), self.link, opened.fatal.append
        )


class RemoteStoreTests(StoreContract, SynchronousTestCase):
    def setUp(self) -> None:
        generations = Generations.shared()
        self.opened = Opened(generations=generations)
        self.addCleanup(self.opened.remove)
        self.worker = Worker(self.opened, generations)
        self.store = self.worker.store
        self.housekeeping = self.opened.store
        self.times = self.opened.times
        self.addCleanup(self.close)

    def close(self) -> None:
        self.result(self.store.close())
        self.result(self.housekeeping.close())

    def settle(self) -> None:
        self.worker.pump.flush()
        self.opened.settle()
        self.worker.pump.flush()

    def test_a_change_of_another_process_is_seen_by_the_next_read(self) -> None:
        for number in range(1, 5):
            self.result(self.housekeeping.change(register(b"k"), put(number)))
            for _ in range(2):
                head = self.result(self.store.read(register(b"k")))
                assert head.current.stamp == stamp(number)


class LossTests(SynchronousTestCase):
    def setUp(self) -> None:
        generations = Generations.shared()
        self.offload = HeldOffload()
        self.opened = Opened(generations=generations, offload=self.offload)
        self.addCleanup(self.opened.remove)
        self.worker = Worker(self.opened, generations)

    def start(self, awaitable: Any) -> Deferred[Any]:
        return Deferred.fromCoroutine(awaitable)

    def tearDown(self) -> None:
        self.successResultOf(self.start(self.worker.store.close()))
        closing = self.start(self.opened.store.close())
        for _ in range(3):
            self.opened.settle()
            self.offload.run_all()
        self.successResultOf(closing)

    def test_a_change_on_the_way_fails_when_the_connection_is_lost(self) -> None:
        store = self.worker.store
        change = self.start(store.change(register(b"k"), put(1)))
        closing = self.start(store.close_incarnation(BUCKET))
        self.worker.pump.flush()
        self.assertNoResult(change)
        self.worker.served.close()
        self.worker.pump.flush()
        self.failureResultOf(change, ServiceUnavailable)
        self.failureResultOf(closing, ServiceUnavailable)
        assert self.worker.lost == ["worker"]
        later = self.start(store.change(register(b"k"), put(2)))
        self.failureResultOf(later, ServiceUnavailable)

    def test_a_worker_that_dies_leaves_the_store_with_its_commands_done(self) -> None:
        change = self.start(self.worker.store.change(register(b"k"), put(1)))
        self.worker.pump.flush()
        self.opened.settle()
        self.worker.link.close()
        self.worker.pump.flush()
        self.offload.run_all()
        self.failureResultOf(change, ServiceUnavailable)
        head = self.successResultOf(self.start(self.opened.store.read(register(b"k"))))
        assert head.current.stamp == stamp(1)

    def test_changes_of_a_worker_in_one_turn_are_one_batch(self) -> None:
        store = self.worker.store
        changes = [self.start(store.change(register(b"%d" % n), put(n))) for n in range(1, 9)]
        self.worker.pump.flush()
        self.opened.settle()
        assert self.offload.waiting == 1
        self.offload.step()
        self.worker.pump.flush()
        assert [self.successResultOf(change) for change in changes] == [
            Done(stamp(n)) for n in range(1, 9)
        ]

    def test_a_store_that_failed_answers_service_unavailable(self) -> None:
        self.opened.store._fail(OSError("planned"))
        change = self.start(self.worker.store.change(register(b"k"), put(1)))
        self.worker.pump.flush()
        self.worker.pump.flush()
        self.failureResultOf(change, ServiceUnavailable)
