"""The SQLite store: the contract, group commit, failures and reopening."""

from __future__ import annotations

import os
from typing import Any

import apsw
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.metadata.contract import StoreContract
from tests.metadata.stores import Opened
from tests.metadata.values import BUCKET, put, put_file, put_inline, register, stamp
from z4tw.errors import ServiceUnavailable
from z4tw.metadata import sqlite
from z4tw.metadata.schema import open_reader
from z4tw.model.registers import Done, Kind, ListQuery, Refused
from z4tw.objects.commands import Condition, PutVersion
from z4tw.testing.offload import HeldOffload, InlineOffload


class SqliteStoreTests(StoreContract, SynchronousTestCase):
    def setUp(self) -> None:
        self.opened = Opened()
        self.addCleanup(self.opened.remove)
        self.store = self.housekeeping = self.opened.store
        self.times = self.opened.times
        self.addCleanup(lambda: self.result(self.store.close()))

    def settle(self) -> None:
        self.opened.settle()

    def test_what_was_written_is_there_when_the_store_is_opened_again(self) -> None:
        self.change(register(b"k"), put_inline(1, b"data"))
        self.result(self.store.close_incarnation(78))
        facts, sizes = self.store.facts, self.result(self.store.sizes())
        self.result(self.store.close())
        assert os.listdir(self.opened.directory) == ["meta.db"]
        self.store = self.opened.open()
        assert self.store.facts == facts
        assert self.result(self.store.read_inline(put_inline(1, b"").version.body.id)) == b"data"
        assert self.result(self.store.sizes()) == sizes
        assert self.change(register(b"k", bucket=78), put(2)) == Refused("NoSuchBucket")

    def test_the_sequence_counts_batches_that_wrote_something(self) -> None:
        first = self.result(self.store.sequence())
        both = [self.store.change(register(b"%d" % n), put(n)) for n in (1, 2)]
        for one in both:
            self.result(one)
        assert self.result(self.store.sequence()) == first + 1
        refused = PutVersion(put(3).version, condition=Condition(if_none_match=True))
        assert isinstance(self.change(register(b"1"), refused), Refused)
        assert self.result(self.store.sequence()) == first + 1


class ExclusiveStoreTests(StoreContract, SynchronousTestCase):
    """The same with a single connection, as on a simulated disk."""

    def setUp(self) -> None:
        self.opened = Opened(exclusive=True)
        self.addCleanup(self.opened.remove)
        self.store = self.housekeeping = self.opened.store
        self.times = self.opened.times
        self.addCleanup(lambda: self.result(self.store.close()))

    def settle(self) -> None:
        self.opened.settle()

    def test_reads_wait_for_the_commit_in_flight_and_never_see_what_is_uncommitted(self) -> None:
        self.result(self.store.close())
        offload = HeldOffload()
        self.store = self.opened.open(exclusive=True, offload=offload)
        try:
            change = self.store.change(register(b"k"), put(1))
            self.settle()
            read = Deferred.fromCoroutine(self.store.read(register(b"k")))
            listing = Deferred.fromCoroutine(self.store.list_live(Kind.OBJECT, BUCKET, ListQuery()))
            self.assertNoResult(read)
            self.assertNoResult(listing)
            offload.step()
            assert self.successResultOf(read) is not None
            assert len(self.successResultOf(listing).rows) == 1
            assert self.successResultOf(change) == Done(stamp(1))
        finally:
            closing = Deferred.fromCoroutine(self.store.close())
            self.settle()
            offload.run_all()
            self.successResultOf(closing)


class CommandLineStoreTests(StoreContract, SynchronousTestCase):
    """Without an event loop every change is done when the call returns."""

    def setUp(self) -> None:
        self.opened = Opened(clock=None)
        self.addCleanup(self.opened.remove)
        self.store = self.housekeeping = self.opened.store
        self.times = self.opened.times
        self.addCleanup(lambda: self.result(self.store.close()))

    def settle(self) -> None:
        raise AssertionError("something waits for an event loop that is not there")


class Recorded:
    """Durability steps in order."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def __call__(self, step: str) -> None:
        self.steps.append(step)


class GroupCommitTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.offload = HeldOffload()
        self.steps = Recorded()
        self.opened = Opened(offload=self.offload, steps=self.steps)
        self.addCleanup(self.opened.remove)
        self.store = self.opened.store
        self.addCleanup(self.close)

    def close(self) -> None:
        closing = Deferred.fromCoroutine(self.store.close())
        for _ in range(10):
            self.opened.settle()
            self.offload.run_all()
        self.successResultOf(closing)

    def test_what_comes_in_one_turn_is_committed_together(self) -> None:
        changes = [self.store.change(register(b"%d" % n), put(n)) for n in range(1, 6)]
        assert self.offload.waiting == 0
        self.opened.settle()
        assert self.offload.waiting == 1
        self.offload.step()
        assert [self.successResultOf(change).stamp for change in changes] == [
            stamp(n) for n in range(1, 6)
        ]
        assert self.steps.steps == ["store.before-commit", "store.after-commit"]

    def test_nothing_is_answered_before_the_commit_returned(self) -> None:
        change = self.store.change(register(b"k"), put(1))
        self.opened.settle()
        self.assertNoResult(change)
        read = Deferred.fromCoroutine(self.store.read(register(b"k")))
        assert self.successResultOf(read) is None
        self.offload.step()
        assert self.successResultOf(change) == Done(stamp(1))
        read = Deferred.fromCoroutine(self.store.read(register(b"k")))
        assert self.successResultOf(read) is not None

    def test_what_comes_during_a_commit_is_the_next_batch(self) -> None:
        first = self.store.change(register(b"a"), put(1))
        self.opened.settle()
        later = [self.store.change(register(b"%d" % n), put(n)) for n in range(2, 5)]
        self.opened.settle()
        assert self.offload.waiting == 1
        self.offload.step()
        self.successResultOf(first)
        for change in later:
            self.assertNoResult(change)
        self.opened.settle()
        assert self.offload.waiting == 1
        self.offload.step()
        for change in later:
            self.successResultOf(change)

    def test_a_batch_is_bounded(self) -> None:
        self.patch(sqlite, "BATCH", 2)
        changes = [self.store.change(register(b"%d" % n), put(n)) for n in range(1, 6)]
        for done in (2, 4, 5):
            self.opened.settle()
            self.offload.step()
            assert sum(change.called for change in changes) == done

    def test_a_batch_that_writes_nothing_waits_for_no_disk(self) -> None:
        command = PutVersion(put(1).version, condition=Condition(if_match="*"))
        change = self.store.change(register(b"k"), command)
        self.opened.settle()
        assert self.successResultOf(change) == Refused("NoSuchKey")
        assert self.offload.waiting == 0

    def test_a_command_that_fails_among_its_rows_is_undone_alone(self) -> None:
        changes: list[Deferred[Any]] = [
            self.store.change(register(b"a"), put_file(1)),
            # The same new blob again: its row is there already, found when the head is written.
            self.store.change(register(b"b"), put_file(1)),
            self.store.change(register(b"c"), put_inline(3, b"x")),
        ]
        self.opened.settle()
        self.offload.step()
        assert self.successResultOf(changes[0]) == Done(stamp(1))
        self.failureResultOf(changes[1], apsw.ConstraintError)
        assert self.successResultOf(changes[2]) == Done(stamp(3))
        for key, there in ((b"a", True), (b"b", False), (b"c", True)):
            read = Deferred.fromCoroutine(self.store.read(register(key)))
            assert (self.successResultOf(read) is not None) == there
        sizes = self.successResultOf(Deferred.fromCoroutine(self.store.sizes()))
        assert (sizes.objects, sizes.blobs) == (2, 1)

    def test_closing_goes_through_all_batches(self) -> None:
        self.patch(sqlite, "BATCH", 1)
        changes = [self.store.change(register(b"%d" % n), put(n)) for n in (1, 2, 3)]
        closing = Deferred.fromCoroutine(self.store.close())
        for _ in range(4):
            self.opened.settle()
            self.offload.run_all()
        assert [self.successResultOf(change).stamp for change in changes] == [
            stamp(n) for n in (1, 2, 3)
        ]
        self.successResultOf(closing)

    def test_closing_finishes_what_is_queued_and_refuses_what_comes_later(self) -> None:
        change = self.store.change(register(b"k"), put(1))
        closing = Deferred.fromCoroutine(self.store.close())
        self.failureResultOf(self.store.change(register(b"l"), put(2)), ServiceUnavailable)
        self.assertNoResult(change)
        self.opened.settle()
        self.offload.run_all()
        self.successResultOf(change)
        self.successResultOf(closing)
        read = Deferred.fromCoroutine(self.store.read(register(b"k")))
        self.failureResultOf(read, ServiceUnavailable)
        assert self.opened.clock.getDelayedCalls() == []


class FailureTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.opened = Opened(steps=self.step)
        self.addCleanup(self.opened.remove)
        self.store = self.opened.store
        self.failing: Exception | None = None

    def step(self, name: str) -> None:
        if name == "store.before-commit" and self.failing is not None:
            raise self.failing

    def test_a_failed_commit_fails_every_waiter_and_is_not_tried_again(self) -> None:
        self.failing = apsw.IOError("the disk is gone")
        changes = [self.store.change(register(b"%d" % n), put(n)) for n in (1, 2)]
        self.opened.settle()
        for change in changes:
            self.failureResultOf(change, ServiceUnavailable)
        assert self.opened.fatal == [self.failing]
        self.failing = None
        self.failureResultOf(self.store.change(register(b"3"), put(3)), ServiceUnavailable)
        read = Deferred.fromCoroutine(self.store.scan(Kind.OBJECT, BUCKET, b"", b"", 10))
        self.failureResultOf(read, ServiceUnavailable)
        assert len(self.flushLoggedErrors(apsw.IOError)) == 1
        self.successResultOf(Deferred.fromCoroutine(self.store.close()))
        again = self.opened.open()
        read = Deferred.fromCoroutine(again.scan(Kind.OBJECT, BUCKET, b"", b"", 10))
        assert self.successResultOf(read) == []
        closing = Deferred.fromCoroutine(again.close())
        self.opened.settle()
        self.successResultOf(closing)

    def test_commands_that_wait_behind_a_failed_batch_fail_with_it(self) -> None:
        self.patch(sqlite, "BATCH", 1)
        self.failing = apsw.FullError("no room")
        changes = [self.store.change(register(b"%d" % n), put(n)) for n in (1, 2, 3)]
        self.opened.settle()
        for change in changes:
            self.failureResultOf(change, ServiceUnavailable)
        assert len(self.opened.fatal) == 1
        assert len(self.flushLoggedErrors(apsw.FullError)) == 1


class CheckpointTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.patch(sqlite, "CHECKPOINT_PAGES", 40)
        self.offload = InlineOffload()
        self.opened = Opened(offload=self.offload)
        self.addCleanup(self.opened.remove)
        self.store = self.opened.store
        self.wal = self.opened.path + "-wal"

    def close(self) -> None:
        closing = Deferred.fromCoroutine(self.store.close())
        self.opened.settle()
        self.successResultOf(closing)

    def write(self, count: int, first: int = 1) -> None:
        for number in range(first, first + count):
            change = self.store.change(register(b"%d" % number), put_inline(number, bytes(3000)))
            self.opened.settle()
            self.successResultOf(change)

    def test_the_log_is_copied_regularly_and_starts_again(self) -> None:
        self.write(300)
        assert os.stat(self.wal).st_size < 100 * 4096
        self.close()

    def test_a_log_that_a_reader_keeps_is_cut_when_the_reader_is_gone(self) -> None:
        self.patch(sqlite, "TRUNCATE_PAGES", 200)
        self.patch(sqlite, "CUT_WAIT_MS", 0)
        reader = open_reader(self.opened.path)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM heads").fetchall()
        self.write(100)
        assert os.stat(self.wal).st_size > 200 * 4096
        reader.execute("ROLLBACK")
        reader.close()
        self.write(50, first=200)
        assert os.stat(self.wal).st_size < 200 * 4096
        assert self.opened.fatal == []
        self.close()

    def test_a_log_left_alone_is_emptied_after_some_seconds(self) -> None:
        self.write(3)
        assert os.stat(self.wal).st_size > 0
        self.opened.clock.advance(sqlite.IDLE_CHECKPOINT_S)
        assert os.stat(self.wal).st_size == 0
        assert self.opened.clock.getDelayedCalls() == []
        self.close()
