"""Paths agree with those of a running node; snapshots are found by their names."""

from __future__ import annotations

from pathlib import Path

from tests.recovery.stores import START_MS
from z4tw.blobs.format import META_DIRECTORY
from z4tw.daemons import snapshots
from z4tw.keyring.store_keys import KEY_FILE
from z4tw.node import directory
from z4tw.recovery.place import DATABASE, META, Place, stamp_name


def test_the_names_are_those_of_the_node() -> None:
    assert DATABASE == directory.DATABASE
    assert META == META_DIRECTORY
    assert Place("/data").keyring_file == f"/data/{KEY_FILE}"


def test_a_snapshot_is_found_with_its_time(tmp_path: Path) -> None:
    place = Place(str(tmp_path))
    assert place.snapshots() == []
    folder = tmp_path / "_z4meta" / "snapshots"
    folder.mkdir(parents=True)
    times = [START_MS + 5, START_MS + 3_600_007]
    for ms in times:
        (folder / snapshots._name(ms)).touch()
    (folder / "meta-20990101T000000000Z.db.partial").touch()
    (folder / "other.db").touch()
    (folder / "meta-99999999T999999999Z.db").touch()
    found = place.snapshots()
    assert [ms for ms, _ in found] == [times[1], times[0], 0]
    assert all(Path(path).parent == folder for _, path in found)


def test_names_of_times_sort_as_times() -> None:
    names = [stamp_name(ms) for ms in (START_MS, START_MS + 1, START_MS + 1000, START_MS + 10**9)]
    assert names == sorted(names)
    assert snapshots._name(START_MS) == f"meta-{stamp_name(START_MS)}.db"
