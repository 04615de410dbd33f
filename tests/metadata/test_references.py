"""Reference counts by themselves: net movement, rows that are missing, bounds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from tests.metadata.values import blob, file_body, identity, manifest_of
from z4tw.metadata import references
from z4tw.metadata.references import References, Totals
from z4tw.metadata.schema import StoreFacts, open_writer
from z4tw.model.objects import Body, BodyKind, Manifest
from z4tw.model.registers import Change, Done


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[apsw.Connection]:
    opened = open_writer(str(tmp_path / "meta.db"), lambda: StoreFacts(bytes(16), 1))
    yield opened
    opened.close()


@pytest.fixture
def counted(connection: apsw.Connection) -> References:
    return References(connection, lambda: 1000)


def totals() -> Totals:
    return Totals(0, 0, 0, 0, 0)


def refs(connection: apsw.Connection, number: int) -> object:
    return connection.execute(
        "SELECT refs, zero_since FROM blobs WHERE id = ?", (identity(number),)
    ).get


def make(counted: References, *numbers: int) -> None:
    for number in numbers:
        change = Change(None, Done(), acquire=(file_body(number),), new_blobs=(blob(number),))
        counted.carry_out(change, totals())


def test_a_new_blob_has_the_references_that_its_change_acquires(
    connection: apsw.Connection, counted: References
) -> None:
    sums = totals()
    twice = (file_body(1), file_body(1))
    counted.carry_out(Change(None, Done(), acquire=twice, new_blobs=(blob(1), blob(2))), sums)
    assert refs(connection, 1) == (2, 0)
    assert refs(connection, 2) == (0, 1000)
    assert (sums.blobs, sums.blob_bytes) == (2, 90)


def test_acquiring_and_releasing_one_body_moves_nothing(
    connection: apsw.Connection, counted: References
) -> None:
    make(counted, 1)
    counted.carry_out(
        Change(None, Done(), acquire=(file_body(1),), release=(file_body(1),)), totals()
    )
    assert refs(connection, 1) == (1, 0)


def test_releasing_what_has_no_row_or_no_reference_changes_nothing(
    connection: apsw.Connection, counted: References
) -> None:
    counted.release([file_body(9)])
    make(counted, 1)
    counted.release([file_body(1)])
    counted.release([file_body(1)])
    assert refs(connection, 1) == (0, 1000)


def test_bodies_that_are_not_counted_are_passed_over(counted: References) -> None:
    counted.release([Body(BodyKind.EMPTY, b"", 0), Body(BodyKind.INLINE, identity(1), 3)])
    manifest = Manifest(())
    change = Change(None, Done(), manifest=(identity(5), manifest))
    assert counted.missing(change) is None


def test_what_is_missing_is_told_by_its_id(
    connection: apsw.Connection, counted: References
) -> None:
    make(counted, 1, 2)
    counted.release([file_body(2)])
    assert [one.id for one in counted.garbage(2000, 10)] == [identity(2)]
    for number, missing in ((1, None), (2, identity(2)), (3, identity(3))):
        assert counted.missing(Change(None, Done(), acquire=(file_body(number),))) == missing
    change = Change(None, Done(), manifest=(identity(5), manifest_of(1, 3)))
    assert counted.missing(change) == identity(3)
    shared = Body(BodyKind.MANIFEST, identity(6), 5)
    assert counted.missing(Change(None, Done(), acquire=(shared,))) == identity(6)


def test_a_call_takes_few_manifests_when_they_are_long(
    connection: apsw.Connection, counted: References, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(references, "_PARTS_AT_ONCE", 2)
    make(counted, 1)
    for number in (11, 12, 13, 14):
        change = Change(None, Done(), manifest=(identity(number), manifest_of(1, 1)))
        counted.carry_out(change, totals())

    def left() -> object:
        return connection.execute("SELECT count(*) FROM manifests").get

    counted.garbage(2000, 10)
    assert left() == 2
    counted.garbage(2000, 10)
    assert left() == 0
    assert refs(connection, 1) == (1, 0)
