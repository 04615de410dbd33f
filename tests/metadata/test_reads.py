"""The reading half: the cache, snapshots, bad rows, and a database that fails."""

from __future__ import annotations

from typing import Any

import apsw
import msgspec
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.metadata.stores import Opened
from tests.metadata.values import BUCKET, put, register, stamp
from z4tw.errors import ServiceUnavailable
from z4tw.metadata.cache import RegisterCache
from z4tw.metadata.reads import PageReader, SqliteReads
from z4tw.metadata.schema import open_reader
from z4tw.model.registers import Kind, ListQuery, VersionQuery


class ReadsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.opened = Opened(clock=None)
        self.addCleanup(self.opened.remove)
        self.store = self.opened.store
        self.cache = RegisterCache()
        self.reads = SqliteReads(
            open_reader(self.opened.path),
            self.store.generations,
            self.opened.fatal.append,
            self.cache,
        )
        self.addCleanup(self.close)

    def close(self) -> None:
        self.reads._reader.close(True)
        self.result(self.store.close())

    def result(self, awaitable: Any) -> Any:
        return self.successResultOf(self.start(awaitable))

    def start(self, awaitable: Any) -> Deferred[Any]:
        if isinstance(awaitable, Deferred):
            return awaitable
        return Deferred.fromCoroutine(awaitable)

    def test_a_register_read_twice_is_kept_decoded(self) -> None:
        self.result(self.store.change(register(b"k"), put(1)))
        once, first = (self.result(self.reads.read(register(b"k"))) for _ in range(2))
        assert once == first
        assert self.result(self.reads.read(register(b"k"))) is first
        self.result(self.store.change(register(b"k"), put(2)))
        assert self.result(self.reads.read(register(b"k"))) is not first

    def test_registers_read_once_do_not_push_out_others(self) -> None:
        for number in range(1, 200):
            self.result(self.store.change(register(b"%d" % number), put(number)))
        for _ in range(3):
            self.result(self.reads.read(register(b"1")))
        for number in range(1, 200):
            self.result(self.reads.read(register(b"%d" % number)))
        assert len(self.cache) < 10
        assert self.cache.get(register(b"1")) is not None

    def test_absent_registers_fill_no_cache(self) -> None:
        for number in range(10):
            assert self.result(self.reads.read(register(b"%d" % number))) is None
        assert len(self.cache) == 0

    def test_listings_leave_no_snapshot_open(self) -> None:
        for number in range(1, 20):
            self.result(self.store.change(register(b"d/%d" % number), put(number)))
        for limit in (1, 5, 1000):
            self.result(self.reads.list_live(Kind.OBJECT, BUCKET, ListQuery(limit=limit)))
            assert not self.reads._reader.in_transaction
            query = VersionQuery(delimiter=b"/", limit=limit)
            self.result(self.reads.list_versions(BUCKET, query))
            assert not self.reads._reader.in_transaction
        self.store._checkpoint_now(True)
        assert (self.store._wal_pages, self.store._uncopied()) == (0, 0)

    def test_a_common_prefix_costs_a_seek_and_not_its_keys(self) -> None:
        self.result(self.store.close())
        self.store = self.opened.open(clock=None)
        writer = self.store._writer
        with writer:
            for number in range(5000):
                writer.execute(
                    "INSERT INTO heads VALUES"
                    "(5, ?, ?, 0, x'', 1, 0, '', 0, '', '', '', 0, NULL, x'')",
                    (BUCKET, b"%d/%04d" % (number % 2, number)),
                )
        steps = [0]

        def count() -> int:
            steps[0] += 1
            return 0

        self.reads._reader.set_progress_handler(count, 1)
        page = self.result(self.reads.list_live(Kind.OBJECT, BUCKET, ListQuery(delimiter=b"/")))
        assert page.prefixes == [b"0/", b"1/"]
        assert steps[0] < 1000

    def test_an_unreadable_record_is_an_error_and_not_an_absence(self) -> None:
        self.result(self.store.change(register(b"k"), put(1)))
        self.store._writer.execute("UPDATE heads SET value = x'c1'")
        failed = self.start(self.reads.read(register(b"k")))
        self.failureResultOf(failed, msgspec.DecodeError)
        assert self.opened.fatal == []

    def test_a_head_whose_page_is_gone_is_an_error(self) -> None:
        for number in range(1, 80):
            self.result(self.store.change(register(b"k"), put(number, "Enabled")))
        head = self.result(self.reads.read(register(b"k")))
        oldest = self.store._rows.load_page(head.pages[0].id)[-1]
        self.store._writer.execute("DELETE FROM pages")
        failed = self.start(self.reads.find_version(register(b"k"), oldest.version_id))
        self.failureResultOf(failed, LookupError)

    def test_a_corrupt_database_is_fatal_once(self) -> None:
        class Broken:
            def execute(self, *arguments: Any) -> Any:
                raise apsw.CorruptError("a bad page")

        self.reads._cursor = Broken()  # type: ignore[assignment]
        for _ in range(2):
            failed = self.start(self.reads.read(register(b"k")))
            self.failureResultOf(failed, ServiceUnavailable)
        assert len(self.opened.fatal) == 1
        failed = self.start(self.reads.list_live(Kind.OBJECT, BUCKET, ListQuery()))
        self.failureResultOf(failed, ServiceUnavailable)

    def test_a_busy_database_is_no_reason_to_end(self) -> None:
        class Busy:
            def execute(self, *arguments: Any) -> Any:
                raise apsw.BusyError("recovery goes on")

        good, self.reads._cursor = self.reads._cursor, Busy()  # type: ignore[assignment]
        self.failureResultOf(self.start(self.reads.read(register(b"k"))), ServiceUnavailable)
        self.reads._cursor = good
        assert self.result(self.reads.read(register(b"k"))) is None
        assert self.opened.fatal == []

    def test_a_read_makes_no_pages(self) -> None:
        self.assertRaises(TypeError, PageReader(lambda _: ()).new_id)

    def test_versions_are_found_although_their_head_was_cached_before_a_page_changed(self) -> None:
        for number in range(1, 200):
            self.result(self.store.change(register(b"k"), put(number, "Enabled")))
            head = self.result(self.reads.read(register(b"k")))
            oldest = (
                self.store._rows.load_page(head.pages[-1].id) if head.pages else head.versions
            )[-1]
            assert oldest.stamp == stamp(1)
            found = self.result(self.reads.find_version(register(b"k"), oldest.version_id))
            assert found == oldest
