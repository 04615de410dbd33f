"""A damaged body is told with the objects that it belongs to."""

from __future__ import annotations

from tests.recovery.looking import blob_of, flip, only
from tests.recovery.stores import TestStore
from z4tw.recovery.files import finished


def test_a_flipped_bit_names_the_file_and_its_objects(store: TestStore) -> None:
    blob = blob_of(store, "plain", "file")
    store.close()
    flip(store.place.inside(blob.path), 70_000)
    problem = only(store.check())
    assert problem.name == "file-damaged"
    assert problem.where == blob.path
    assert "block 1" in problem.detail
    assert sorted(problem.objects) == ["plain/copy of file (null)", "plain/file (null)"]


def test_a_flipped_bit_in_a_part_names_the_multipart_objects(store: TestStore) -> None:
    at = store.at(store.buckets()["plain"], "multipart")
    version = finished(store.store.find_version(at, ""))
    part = finished(store.store.read_manifest(version.body.id)).parts[1]
    blob = finished(store.store.read_blob(part.body.id))
    store.close()
    flip(store.place.inside(blob.path), 5)
    problem = only(store.check())
    assert sorted(problem.objects) == [
        "plain/copy of multipart (null)", "plain/multipart (null)",
    ]  # fmt: skip
