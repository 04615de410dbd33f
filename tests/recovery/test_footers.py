"""Footers of unknown files are read, checked against their files, and sorted by time."""

from __future__ import annotations

import msgspec
import pytest

from tests.recovery.stores import TestStore
from z4tw.errors import CorruptBlob
from z4tw.model.objects import Body, BodyKind
from z4tw.model.rebuild import OBJECT, BlobRecord, encode_blob_record
from z4tw.recovery.files import finished
from z4tw.recovery.footers import Footers, read_footer
from z4tw.recovery.report import show_nothing


def collect(store: TestStore, known: frozenset[bytes] = frozenset()) -> Footers:
    footers = Footers()
    footers.collect(store.blobs, known.__contains__, show_nothing)
    return footers


def test_all_files_in_the_order_of_their_writing(store: TestStore) -> None:
    found = list(collect(store).in_order())
    assert len(found) == 9
    assert [footer.stamp for footer in found] == sorted(footer.stamp for footer in found)
    assert {footer.record.key for footer in found} == {
        "file", "replaced", "twice", "hidden", "multipart", "unfinished",
    }  # fmt: skip


def test_known_files_are_not_read(store: TestStore) -> None:
    ids = frozenset(id for id, *_ in store.blobs.files() if id is not None)
    assert list(collect(store, ids).in_order()) == []


def test_claims_of_buckets(store: TestStore) -> None:
    footers = collect(store)
    claims = {claim.bucket: claim for claim in footers.claims()}
    assert set(claims) == {"plain", "versioned"}
    for name, claim in claims.items():
        assert claim.incarnation == store.buckets()[name].incarnation
        assert claim.first < claim.last
        record = footers.record_at(name, claim.incarnation, claim.last)
        assert record.bucket == name


def _written(store: TestStore, record: bytes) -> tuple[bytes, str]:
    writer = store.blobs.writer("plain", b"odd", 5)
    finished(writer.write(b"12345"))
    blob = finished(writer.commit(record))
    return blob.id, blob.path


def test_a_record_that_is_none(store: TestStore) -> None:
    id, path = _written(store, b"no record")
    with pytest.raises(msgspec.DecodeError):
        read_footer(store.blobs, id, path)


def test_a_record_of_nothing(store: TestStore) -> None:
    record = BlobRecord(OBJECT, "plain", 1, "owner", "", "odd")
    id, path = _written(store, encode_blob_record(record))
    with pytest.raises(ValueError, match="neither of an object nor of a part"):
        read_footer(store.blobs, id, path)


def test_a_record_of_another_blob(store: TestStore) -> None:
    version = store._version(b"12345", Body(BodyKind.FILE, b"i" * 16, 5))
    record = BlobRecord(OBJECT, "plain", 1, "owner", "", "odd", version=version)
    id, path = _written(store, encode_blob_record(record))
    with pytest.raises(CorruptBlob, match="another blob's"):
        read_footer(store.blobs, id, path)
    footers = collect(store)
    assert [path for path, _ in footers.left_out()] == [path]
