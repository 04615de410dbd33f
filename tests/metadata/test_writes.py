"""Rows: what a change writes beside its value, and undoing one command of several."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import apsw
import pytest

from tests.metadata.values import (
    BUCKET,
    AnUpload,
    account_register,
    create_account,
    delete,
    put,
    put_file,
    put_inline,
    register,
    stamp,
)
from z4tw.metadata.schema import StoreFacts, open_writer, partition_of, read_facts
from z4tw.metadata.writes import RowWriter
from z4tw.model.registers import Done, Kind
from z4tw.objects.commands import BeginCompletion, FinishCompletion


class Rows:
    """A writer with a transaction open."""

    def __init__(self, path: str) -> None:
        self.connection = open_writer(path, lambda: StoreFacts(bytes(16), 99))
        self.facts = read_facts(self.connection)
        self.writer = RowWriter(self.connection, self.facts, lambda: 5, Random(1).randbytes)
        self.writer.begin()

    def all(self, sql: str) -> list[Any]:
        return self.connection.execute(sql).fetchall()


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Rows]:
    made = Rows(str(tmp_path / "meta.db"))
    yield made
    made.connection.close()


def test_a_row_has_its_partition_ballot_and_listing_columns(rows: Rows) -> None:
    rows.writer.change(register(b"k"), put(3))
    found = rows.all("SELECT partition, ballot, live, size, tag, modified_ms, class FROM heads")
    partition = partition_of(rows.facts, BUCKET, b"k")
    assert found == [(partition, stamp(3), 1, 0, f"{3:032x}", 3, "STANDARD")]
    rows.writer.change(register(b"k"), delete(4, "Enabled"))
    found = rows.all("SELECT partition, ballot, live, size, tag FROM heads")
    assert found == [(partition, stamp(4), 0, None, None)]


def test_a_small_body_takes_the_place_of_the_one_that_it_replaces(rows: Rows) -> None:
    rows.writer.change(register(b"k"), put_inline(3, b"old"))
    former = rows.all("SELECT rowid, id FROM inline")[0]
    rows.writer.change(register(b"k"), put_inline(4, b"new"))
    found = rows.all("SELECT rowid, data FROM inline")
    assert found == [(former[0], b"new")]
    assert rows.all("SELECT count(*) FROM inline WHERE id = (SELECT inline_id FROM heads)") == [
        (1,)
    ]


def test_a_small_body_is_kept_though_the_one_that_it_replaces_is_gone(rows: Rows) -> None:
    rows.writer.change(register(b"k"), put_inline(3, b"old"))
    rows.connection.execute("DELETE FROM inline")
    rows.writer.change(register(b"k"), put_inline(4, b"new"))
    assert rows.all("SELECT data FROM inline") == [(b"new",)]


def test_control_records_are_in_no_listing(rows: Rows) -> None:
    rows.writer.change(account_register("root"), create_account("root", 1))
    assert rows.all("SELECT kind, inc, live, ballot FROM heads") == [(Kind.ACCOUNT, 0, 0, stamp(1))]


def test_a_finished_upload_has_its_expiry_in_the_row(rows: Rows) -> None:
    upload = AnUpload(b"k", 1)
    rows.writer.change(upload.register, upload.create)
    rows.writer.change(upload.register, BeginCompletion(stamp(2), b"d"))
    rows.writer.change(upload.register, FinishCompletion(stamp(3), b"d", "e", "", "", 777))
    assert rows.all("SELECT live, expires_ms FROM heads") == [(0, 777)]


def test_touched_registers_include_the_parts_that_go_with_an_upload(rows: Rows) -> None:
    upload = AnUpload(b"k", 1)
    rows.writer.change(upload.register, upload.create)
    for number in (1, 2):
        rows.writer.change(upload.part(number), upload.put_part(number, 2, number))
    rows.writer.touched.clear()
    rows.writer.purge(BUCKET, 100)
    assert set(rows.writer.touched) == {upload.register, upload.part(1), upload.part(2)}


def test_purging_goes_on_in_bounded_steps(rows: Rows) -> None:
    uploads = [AnUpload(b"k", number) for number in range(1, 6)]
    for upload in uploads:
        rows.writer.change(upload.register, upload.create)
        rows.writer.change(upload.part(1), upload.put_part(1, 9, upload.create.upload.stamp[5]))
    more = [rows.writer.purge(BUCKET, 4) for _ in range(3)]
    assert more == [True, True, False]
    assert rows.all("SELECT count(*) FROM heads") == [(0,)]


def test_a_transaction_without_changes_needs_no_commit(rows: Rows) -> None:
    assert rows.writer.save() is False
    rows.writer.change(register(b"k"), put(1))
    assert rows.writer.save() is True
    assert rows.all("SELECT store_seq, objects FROM counters") == [(1, 1)]


def test_guarded_undoes_one_command_with_its_counts(rows: Rows) -> None:
    writer = rows.writer
    assert isinstance(writer.guarded(writer.change, (register(b"a"), put_file(1))), Done)
    before = (rows.all("SELECT key FROM heads"), writer.totals.blobs, writer.totals.objects)
    with pytest.raises(apsw.ConstraintError):
        writer.guarded(writer.change, (register(b"b"), put_file(1)))
    after = (rows.all("SELECT key FROM heads"), writer.totals.blobs, writer.totals.objects)
    assert after == before
    with pytest.raises(ZeroDivisionError):
        writer.guarded(_close_and_fail, (writer,))
    assert writer.closed == set()
    assert not writer.midway


def _close_and_fail(writer: RowWriter) -> None:
    writer.set_closed(BUCKET, True)
    raise ZeroDivisionError


def test_a_rollback_takes_back_what_is_in_memory_too(rows: Rows) -> None:
    rows.writer.change(register(b"a"), put_file(1))
    rows.writer.set_closed(BUCKET, True)
    rows.writer.rollback()
    assert rows.writer.closed == set()
    assert (rows.writer.totals.objects, rows.writer.totals.blobs) == (0, 0)
    rows.writer.begin()
    assert isinstance(rows.writer.change(register(b"a"), put_file(1)), Done)
