"""``z4 fsck --rebuild``: a new database from the latest good snapshot and the footers of blobs.

The new database is made beside the old one and takes its place in the end; what was there is moved
to ``_z4meta/quarantine``, never removed. An interrupted rebuild is simply begun again.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from typing import Any

import apsw
import msgspec

from z4tw.errors import Z4Error
from z4tw.interfaces import IBlobHousekeeping
from z4tw.metadata.schema import StoreFacts, open_reader, open_writer, read_facts
from z4tw.metadata.writes import RowWriter
from z4tw.recovery.footers import Footers
from z4tw.recovery.formats import read_store_uuid, sync_directory, write_json
from z4tw.recovery.frozen import judge
from z4tw.recovery.place import Place, stamp_name
from z4tw.recovery.replay import Origin, Replay, Replayed
from z4tw.recovery.report import ShowProgress, show_nothing

LISTED = 1000
"""Files that are listed one by one in a report; all are counted."""
_WORK = "rebuild.db"
_WAL_PAGES = 4_000
_COMPANIONS = ("", "-wal", "-shm")


class RebuildOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a database is made with when there is no snapshot: the layout's parameters, and the
    region and object ownership of buckets that are made again."""

    vnodes: int
    replicas: int
    region: str
    object_ownership: str


class Rebuilt(msgspec.Struct, kw_only=True):
    """What a rebuild did.

    ``snapshot`` is the path of the snapshot it began with (empty: none), ``snapshot_ms`` its Unix
    time; ``rejected`` are snapshots that could not be used, with the reason. ``versions``,
    ``annotations``, ``parts`` and ``uploads`` were put back from footers; ``buckets`` were made
    again, ``renamed`` have a new name (``old: new``), ``versioning`` has another state
    (``name: state``). ``accounts`` stand for owners of whom only the id is known. ``left_out``
    files are now in the quarantine, for the reasons in ``reasons``; ``files`` lists some.
    ``damaged`` is where the old database is now.
    """

    snapshot: str = ""
    snapshot_ms: int = 0
    rejected: list[str] = []
    examined: int = 0
    versions: int = 0
    annotations: int = 0
    parts: int = 0
    uploads: int = 0
    buckets: list[str] = []
    renamed: list[str] = []
    versioning: list[str] = []
    accounts: list[str] = []
    left_out: int = 0
    reasons: dict[str, int] = {}
    files: list[tuple[str, str]] = []
    damaged: str = ""


def is_sound(place: Place) -> bool:
    """Whether the present database is this store's, opens, and passes SQLite's check: then nothing
    needs to be rebuilt. (A node that finds none makes an empty one, of another store.)"""
    try:
        connection = open_reader(place.database)
        try:
            expected = read_store_uuid(place.format_file)
            if expected not in (None, read_facts(connection).store_uuid):
                return False
            return bool(connection.execute("PRAGMA quick_check(1)").get == "ok")
        finally:
            connection.close()
    except (apsw.Error, Z4Error, OSError, ValueError, KeyError):
        return False


def rebuild_store(
    place: Place,
    blobs: IBlobHousekeeping,
    options: RebuildOptions,
    now_ms: Callable[[], int],
    random_bytes: Callable[[int], bytes],
    show: ShowProgress = show_nothing,
) -> Rebuilt:
    """Rebuild the database of a data directory, whose lock the caller holds.

    ``blobs`` has the store's keys when it is encrypted. Raises ``RecoveryError``, ``OSError``,
    ``apsw.Error``, ``StoreFormatError``; the old database is then where it was.
    """
    rebuilt = Rebuilt()
    work = os.path.join(place.meta, _WORK)
    for suffix in _COMPANIONS:
        if os.path.exists(work + suffix):
            os.unlink(work + suffix)
    snapshot_ms = _choose_snapshot(place, rebuilt, show)
    if rebuilt.snapshot:
        shutil.copyfile(rebuilt.snapshot, work)
    footers = Footers()
    try:
        origin = Origin(snapshot_ms, options.region, options.object_ownership)
        _fill(work, place, blobs, footers, origin, options, rebuilt, now_ms, random_bytes, show)
        _count_left_out(footers, rebuilt)
        rebuilt.damaged = _exchange(place, work, now_ms())
        for path, _ in footers.left_out():
            blobs.quarantine(path)
    finally:
        footers.close()
    log = os.path.join(place.meta, "log")
    os.makedirs(log, mode=0o700, exist_ok=True)
    write_json(
        os.path.join(log, f"rebuild-{stamp_name(now_ms())}.json"), msgspec.to_builtins(rebuilt)
    )
    return rebuilt


def _choose_snapshot(place: Place, rebuilt: Rebuilt, show: ShowProgress) -> int | None:
    """The time of the newest good snapshot of this store; None when there is none."""
    store_uuid = read_store_uuid(place.format_file)
    for snapshot_ms, path in place.snapshots():
        show(f"snapshot {os.path.basename(path)}", 0, 0)
        facts, wrong = judge(path)
        if facts is not None and store_uuid not in (None, facts.store_uuid):
            wrong = "it is another store's"
        if not wrong:
            rebuilt.snapshot, rebuilt.snapshot_ms = path, snapshot_ms
            return snapshot_ms
        rebuilt.rejected.append(f"{os.path.basename(path)}: {wrong}")
    return None


def _fill(
    work: str,
    place: Place,
    blobs: IBlobHousekeeping,
    footers: Footers,
    origin: Origin,
    options: RebuildOptions,
    rebuilt: Rebuilt,
    now_ms: Callable[[], int],
    random_bytes: Callable[[int], bytes],
    show: ShowProgress,
) -> None:
    """Make the new database complete and durable."""

    def new_facts() -> StoreFacts:
        uuid = read_store_uuid(place.format_file) or random_bytes(16)
        seed = int.from_bytes(random_bytes(8), "big")
        return StoreFacts(uuid, seed, vnodes=options.vnodes, replicas=options.replicas)

    connection = open_writer(work, new_facts)
    try:
        # Nobody reads it before it is complete; the whole file is synced then.
        connection.pragma("synchronous", "OFF")
        connection.pragma("wal_autocheckpoint", _WAL_PAGES)
        rows = RowWriter(connection, read_facts(connection), now_ms, random_bytes)

        def known(id: bytes) -> bool:
            row = connection.cursor().execute("SELECT 1 FROM blobs WHERE id = ?", (id,)).get
            return row is not None

        rebuilt.examined = footers.collect(blobs, known, show)
        result = Replay(connection, rows, footers, origin, now_ms, random_bytes).run(show)
        _take_result(rebuilt, result)
        record = {"ms": now_ms(), "snapshot_ms": rebuilt.snapshot_ms, "versions": rebuilt.versions}
        connection.execute(
            "INSERT OR REPLACE INTO meta VALUES('rebuilt', ?)", (json.dumps(record),)
        )
    finally:
        connection.close()
    fd = os.open(work, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _take_result(rebuilt: Rebuilt, result: Replayed) -> None:
    rebuilt.versions = result.counts["versions"]
    rebuilt.annotations = result.counts["annotations"]
    rebuilt.parts = result.counts["parts"]
    rebuilt.uploads = result.counts["uploads"]
    rebuilt.buckets = result.buckets
    rebuilt.renamed = result.renamed
    rebuilt.versioning = result.versioning
    rebuilt.accounts = result.accounts


def _count_left_out(footers: Footers, rebuilt: Rebuilt) -> None:
    reasons: dict[str, int] = {}
    for path, reason in footers.left_out():
        rebuilt.left_out += 1
        kind = reason.partition(":")[0]
        reasons[kind] = reasons.get(kind, 0) + 1
        if len(rebuilt.files) < LISTED:
            rebuilt.files.append((path, reason))
    rebuilt.reasons = reasons


def _exchange(place: Place, work: str, now_ms: int) -> str:
    """Put the new database in the place of the old one; where that is now (empty: there was
    none)."""
    aside = os.path.join(place.quarantine, f"database-{stamp_name(now_ms)}")
    moved = ""
    for suffix in _COMPANIONS:
        # Its log goes with it: beside another database it would be taken for that one's.
        if os.path.exists(place.database + suffix):
            os.makedirs(aside, mode=0o700, exist_ok=True)
            os.rename(place.database + suffix, os.path.join(aside, f"meta.db{suffix}"))
            moved = aside
    if moved:
        sync_directory(aside)
        sync_directory(place.quarantine)
    os.rename(work, place.database)
    sync_directory(place.meta)
    return moved


def as_dict(rebuilt: Rebuilt) -> dict[str, Any]:
    """The result as JSON can hold it."""
    shown: dict[str, Any] = msgspec.to_builtins(rebuilt)
    return shown
