"""Snapshots: consistent, complete or absent, and openable as a store."""

from __future__ import annotations

import os

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.metadata.recount import recount
from tests.metadata.stores import Opened
from tests.metadata.values import put_file, put_inline, register
from z4tw.metadata.snapshot import check_database
from z4tw.metadata.sqlite import SqliteStore
from z4tw.testing.offload import HeldOffload, InlineOffload


class SnapshotTests(SynchronousTestCase):
    exclusive = False

    def setUp(self) -> None:
        self.opened = Opened(clock=None, exclusive=self.exclusive)
        self.addCleanup(self.opened.remove)
        self.store = self.opened.store
        self.addCleanup(lambda: self.now(self.store.close()))
        self.copy = f"{self.opened.directory}/copy.db"

    def now(self, awaitable: object) -> object:
        if not isinstance(awaitable, Deferred):
            awaitable = Deferred.fromCoroutine(awaitable)  # type: ignore[arg-type]
        return self.successResultOf(awaitable)

    def test_a_snapshot_is_a_store_of_its_moment(self) -> None:
        self.now(self.store.change(register(b"a"), put_inline(1, b"one")))
        self.now(self.store.change(register(b"b"), put_file(2)))
        self.now(self.store.snapshot(self.copy))
        self.now(self.store.change(register(b"a"), put_inline(3, b"two")))
        assert sorted(os.listdir(self.opened.directory))[:1] == ["copy.db"]
        copied = SqliteStore(
            self.copy,
            clock=None,
            offload=InlineOffload(),
            now_ms=self.opened.times,
            random_bytes=self.opened.times.random_bytes,
            on_fatal=self.opened.fatal.append,
        )
        head = self.now(copied.read(register(b"a")))
        assert head.current.size == 3  # type: ignore[attr-defined]
        assert copied.facts == self.store.facts
        assert self.now(copied.read_inline(head.current.body.id)) == b"one"  # type: ignore[attr-defined]
        recount(copied)
        self.now(copied.close())

    def test_a_snapshot_replaces_nothing_and_leaves_no_parts(self) -> None:
        self.now(self.store.snapshot(self.copy))
        failing = Deferred.fromCoroutine(self.store.snapshot(self.copy))
        self.failureResultOf(failing, FileExistsError)
        assert "copy.db.partial" not in os.listdir(self.opened.directory)

    def test_the_rest_of_a_snapshot_cut_short_is_in_no_one_s_way(self) -> None:
        with open(self.copy + ".partial", "wb") as file:
            file.write(b"half a database")
        self.now(self.store.snapshot(self.copy))
        assert os.path.exists(self.copy)
        assert not os.path.exists(self.copy + ".partial")


class CheckTests(SynchronousTestCase):
    def test_a_sound_database_has_no_complaints_and_a_damaged_one_has(self) -> None:
        opened = Opened(clock=None)
        self.addCleanup(opened.remove)
        for number in range(1, 200):
            self.successResultOf(
                opened.store.change(register(b"%d" % number), put_inline(number, bytes(500)))
            )
        assert check_database(opened.path) == []
        self.successResultOf(Deferred.fromCoroutine(opened.store.close()))
        assert check_database(opened.path) == []
        with open(opened.path, "r+b") as file:
            for page in range(10, 20):
                file.seek(page * 4096)
                file.write(b"\xa5" * 4096)
        assert check_database(opened.path)


class ExclusiveSnapshotTests(SnapshotTests):
    """With one connection the copy is made by it, between batches."""

    exclusive = True

    def test_a_snapshot_waits_for_the_commit_in_flight(self) -> None:
        self.now(self.store.close())
        offload = HeldOffload()
        self.store = self.opened.open(clock=None, exclusive=True, offload=offload)
        change = self.store.change(register(b"a"), put_file(1))
        snapshot = Deferred.fromCoroutine(self.store.snapshot(self.copy))
        self.assertNoResult(snapshot)
        offload.run_all()
        self.successResultOf(change)
        self.successResultOf(snapshot)
        closing = Deferred.fromCoroutine(self.store.close())
        offload.run_all()
        self.successResultOf(closing)
