"""``z4 backup``: a snapshot of the database, and links to the blobs that it names.

Layout and order of writing: ``doc/operations.rst``, "Backups". The same code runs inside a store's
process, where every blocking step is offloaded, and without one.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

import apsw
import msgspec

from z4tw import __version__
from z4tw.interfaces import IOffload
from z4tw.metadata.schema import read_facts
from z4tw.model.control import BucketState
from z4tw.model.registers import Kind
from z4tw.objects import records
from z4tw.recovery import RecoveryError
from z4tw.recovery.copying import (
    Copier,
    copy_file,
    digest_file,
    is_empty,
    make_directory,
)
from z4tw.recovery.formats import sync_directory, write_json
from z4tw.recovery.frozen import open_frozen
from z4tw.recovery.place import META, Place
from z4tw.recovery.report import ShowProgress, show_nothing

FORMAT = 1
"""The number in ``backup.json``. A reader refuses a greater one."""
SMALL_FILES = ("control.key", "keyring.json", "node.json", "format.json")
"""What else of ``_z4meta`` is in a backup, where it is there; ``format.json`` is written last."""
LISTED = 1000
"""Missing files that are listed; all are counted."""
_BATCH = 256
_BLOBS = "SELECT id, refs, info FROM blobs WHERE id > ? ORDER BY id LIMIT ?"


class BackupRecord(msgspec.Struct, frozen=True, kw_only=True):
    """``backup.json``: what a backup holds.

    ``made_ms`` is Unix milliseconds; ``z4tw`` the release that made it; sizes are bytes.
    ``digests`` are the SHA-256 (hex) of the database and of the small files by name.
    ``missing`` counts blobs that should have been there and were not.
    """

    format: int
    made_ms: int
    z4tw: str
    store_uuid: str
    encrypted: bool
    buckets: int
    objects: int
    object_bytes: int
    uploads: int
    blobs: int
    blob_bytes: int
    database_bytes: int
    digests: dict[str, str]
    missing: int = 0


class BackupMade(msgspec.Struct, kw_only=True):
    """The result: the record, how many files were linked and copied, and what was missing."""

    destination: str
    record: BackupRecord
    linked: int
    copied: int
    missing: list[str]


def check_destination(source: str, destination: str) -> None:
    """Refuse a destination that is not empty, or lies inside the source or around it. Raises
    ``RecoveryError``."""
    inner, outer = os.path.realpath(source), os.path.realpath(destination)
    common = os.path.commonpath((inner, outer))
    if common in (inner, outer):
        raise RecoveryError(f"{destination} and {source} must not lie inside each other")
    try:
        empty = is_empty(destination)
    except OSError as error:
        raise RecoveryError(f"cannot use {destination}: {error.strerror}") from error
    if not empty:
        raise RecoveryError(f"{destination} is not empty: name a new directory")


async def make_backup(
    place: Place,
    destination: str,
    *,
    snapshot: Callable[[str], Awaitable[None]],
    offload: IOffload,
    now_ms: Callable[[], int],
    stopping: Callable[[], bool] = lambda: False,
    show: ShowProgress = show_nothing,
) -> BackupMade:
    """Back up a store while nothing removes its blobs (the reaper is paused, or none runs).

    ``snapshot(path)`` writes a consistent, synced copy of the database. What an error or
    ``stopping`` interrupts has no ``backup.json`` and is no backup. Raises ``RecoveryError``.
    """
    check_destination(place.root, destination)
    target = Place(destination)
    work = _Backup(place, target)
    made_ms = now_ms()
    try:
        await offload.run(make_directory, target.meta)
        show("database", 0, 0)
        await snapshot(target.database)
        await offload.run(work.open)
        try:
            while await offload.run(work.bring_batch):
                show("files", work.brought, work.total)
                if stopping():
                    raise RecoveryError(
                        f"the node stops: {destination} is incomplete, and can be removed"
                    )
            record: BackupRecord = await offload.run(work.finish, made_ms)
        finally:
            work.close()
    except OSError as error:
        name = error.filename or destination
        raise RecoveryError(
            f"{name}: {error.strerror}; {destination} is incomplete, and can be removed"
        ) from error
    return BackupMade(
        destination=target.root,
        record=record,
        linked=work.brought - work.copied,
        copied=work.copied,
        missing=work.missing,
    )


class _Backup:
    """The blocking steps of one backup; they never run at the same time."""

    def __init__(self, source: Place, target: Place) -> None:
        self.brought = 0
        self.copied = 0
        self.total = 0
        self.missing: list[str] = []
        self._source = source
        self._target = target
        self._copier = Copier(source.root, target.root, link=True)
        self._connection: apsw.Connection | None = None
        self._last = b""
        self._missing_count = 0

    def open(self) -> None:
        """Open the database's copy, which says what belongs to the backup."""
        self._connection = open_frozen(self._target.database)
        self.total = self._value("SELECT count(*) FROM blobs")

    def close(self) -> None:
        """Close it; safe to call twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _value(self, sql: str, bindings: tuple[Any, ...] = ()) -> Any:
        assert self._connection is not None
        return self._connection.execute(sql, bindings).get

    def _count_buckets(self) -> int:
        assert self._connection is not None
        sql = "SELECT value FROM heads WHERE kind = ?"
        rows: Any = self._connection.execute(sql, (int(Kind.BUCKET),))
        found = [records.decode(Kind.BUCKET, data) for (data,) in rows]
        return sum(bucket.state != BucketState.ALIAS for bucket in found)

    def bring_batch(self) -> bool:
        """Link or copy the next blobs; whether there are more."""
        assert self._connection is not None
        rows: Any = self._connection.execute(_BLOBS, (self._last, _BATCH)).fetchall()
        for id, refs, data in rows:
            self._last = id
            path = records.decode_blob(data).path
            try:
                self.copied += self._copier.bring(path)
                self.brought += 1
            except FileNotFoundError:
                if refs:
                    self._miss(path)
        return len(rows) == _BATCH

    def _miss(self, path: str) -> None:
        self._missing_count += 1
        if len(self.missing) < LISTED:
            self.missing.append(path)

    def finish(self, made_ms: int) -> BackupRecord:
        """The small files, and the record that makes it a backup."""
        self._copier.sync_directories()
        digests = {os.path.basename(self._target.database): digest_file(self._target.database)}
        for name in SMALL_FILES:
            source = os.path.join(self._source.meta, name)
            if os.path.exists(source):
                target = os.path.join(self._target.meta, name)
                copy_file(source, target)
                digests[name] = digest_file(target)
        sync_directory(self._target.meta)
        sync_directory(self._target.root)
        record = self._record(made_ms, digests)
        write_json(self._target.backup_file, msgspec.to_builtins(record))
        return record

    def _record(self, made_ms: int, digests: dict[str, str]) -> BackupRecord:
        assert self._connection is not None
        rows: Any = self._connection.execute(
            "SELECT objects, object_bytes, blobs, blob_bytes, uploads FROM counters"
        ).fetchall()
        objects, object_bytes, blobs, blob_bytes, uploads = rows[0]
        return BackupRecord(
            format=FORMAT,
            made_ms=made_ms,
            z4tw=__version__,
            store_uuid=read_facts(self._connection).store_uuid.hex(),
            encrypted="keyring.json" in digests,
            buckets=self._count_buckets(),
            objects=objects,
            object_bytes=object_bytes,
            uploads=uploads,
            blobs=blobs,
            blob_bytes=blob_bytes,
            database_bytes=os.path.getsize(self._target.database),
            digests=digests,
            missing=self._missing_count,
        )


def read_backup(source: str) -> BackupRecord:
    """The record of a complete backup, after its database and small files were compared with their
    digests. Raises ``RecoveryError`` with one line."""
    place = Place(source)
    try:
        with open(place.backup_file, "rb") as file:
            record = msgspec.json.decode(file.read(), type=BackupRecord)
    except (FileNotFoundError, NotADirectoryError):
        raise RecoveryError(
            f"{source} is no complete backup: it has no {os.path.basename(place.backup_file)}"
            " (was the backup interrupted?)"
        ) from None
    except (OSError, ValueError) as error:
        raise RecoveryError(f"{place.backup_file} cannot be read: {error}") from error
    if record.format > FORMAT:
        raise RecoveryError(f"{source} was made by a newer release ({record.z4tw})")
    for name, digest in sorted(record.digests.items()):
        path = os.path.join(source, META, os.path.basename(name))
        try:
            found = digest_file(path)
        except OSError as error:
            raise RecoveryError(f"the backup's {path} cannot be read: {error.strerror}") from error
        if found != digest:
            raise RecoveryError(f"the backup's {path} is damaged: its digest is a wrong one")
    return record
