"""Files that are gone, cut, damaged, or nobody's are found; what is in the making is not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tests.recovery.looking import blob_of, flip, only
from tests.recovery.stores import DAY_MS, LATER_MS, TestStore, check
from z4tw.objects import records
from z4tw.recovery.check import CheckOptions, check_store
from z4tw.recovery.files import finished


def test_a_flipped_bit_in_the_footer(store: TestStore) -> None:
    blob = blob_of(store, "plain", "file")
    store.close()
    flip(store.place.inside(blob.path), -20)
    assert only(store.check()).name == "file-damaged"


def test_a_truncated_file(store: TestStore) -> None:
    blob = blob_of(store, "plain", "file")
    store.close()
    os.truncate(store.place.inside(blob.path), 1000)
    problem = only(store.check())
    assert (problem.name, problem.where) == ("file-size", blob.path)
    assert "1000 bytes" in problem.detail


def test_a_missing_file(store: TestStore) -> None:
    blob = blob_of(store, "versioned", "twice")
    store.close()
    os.unlink(store.place.inside(blob.path))
    problem = only(store.check())
    assert (problem.name, problem.where) == ("file-missing", blob.path)
    assert problem.objects[0].startswith("versioned/twice (")


def test_the_missing_file_of_an_unreferenced_blob_is_no_problem(store: TestStore) -> None:
    with store.damaged() as database:
        info = records.decode_blob(database.execute("SELECT info FROM blobs WHERE refs = 0").get)
    os.unlink(store.place.inside(info.path))
    assert store.check().left == 0


def test_an_orphaned_file_is_a_problem_when_it_is_old(store: TestStore) -> None:
    _, blob = store.write(store.buckets()["plain"], "never committed", b"x" * 100)
    store.close()
    problem = only(store.check())
    assert (problem.name, problem.where) == ("file-orphan", blob.path)
    young = store.check(now_ms=int(os.path.getmtime(store.place.inside(blob.path)) * 1000))
    assert young.left == 0
    assert sum(young.notes.values()) == 2  # And the blob that waits to be removed.


def test_a_second_file_of_a_blob(store: TestStore) -> None:
    blob = blob_of(store, "plain", "file")
    store.close()
    other = "plain/00/00/" + blob.path.rpartition("/")[2]
    os.makedirs(store.place.inside("plain/00/00"))
    os.link(store.place.inside(blob.path), store.place.inside(other))
    problem = only(store.check())
    assert (problem.name, problem.where) == ("file-orphan", other)
    assert blob.path in problem.detail


def test_an_unfinished_file(store: TestStore) -> None:
    store.close()
    name = f"_z4meta/tmp/{'0' * 32}.part"
    Path(store.place.inside(name)).write_bytes(b"half")
    problem = only(store.check())
    assert (problem.name, problem.where) == ("temporary-orphan", name)


def test_what_goes_on_during_a_check_is_not_held_against_the_store(store: TestStore) -> None:
    """A running node removes a blob after the rows were read, and writes another one."""
    blob = blob_of(store, "plain", "file")

    class Removing:
        def __init__(self, blobs: Any) -> None:
            self._blobs = blobs
            self.verify = blobs.verify

        def files(self) -> Any:
            plain = store.buckets()["plain"]
            for key in ("file", "copy of file"):
                store.delete(plain, key)
            finished(store.store.garbage(store.times.ms + DAY_MS, 100))
            os.unlink(store.place.inside(blob.path))
            finished(store.store.forget([blob.id]))
            store.file(plain, "new", b"n" * 9000)
            return self._blobs.files()

    report = check(store.place, Removing(store.blobs), now_ms=LATER_MS)
    store.close()
    assert report.as_dict()["problems"] == []


def test_reading_can_be_held_to_a_rate(store: TestStore) -> None:
    store.close()
    sizes: list[int] = []

    async def pace(size: int) -> None:
        sizes.append(size)

    report = check_store(store.place, store.blobs, CheckOptions(now_ms=store.times.ms), pace=pace)
    assert report.left == 0
    assert sum(sizes) >= 200_000
