"""``z4 restore``: a new data directory from a backup."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import apsw
import msgspec

from z4tw.errors import Z4Error
from z4tw.metadata.schema import StoreFacts, open_writer
from z4tw.objects import records
from z4tw.recovery import RecoveryError
from z4tw.recovery.backup import LISTED, BackupRecord, check_destination, read_backup
from z4tw.recovery.copying import Copier, copy_file, make_directory
from z4tw.recovery.formats import read_json, sync_directory, write_json
from z4tw.recovery.frozen import open_frozen
from z4tw.recovery.place import Place
from z4tw.recovery.report import ShowProgress, show_nothing

_BATCH = 256
_THREADS = 8
"""Files that are copied at once: each waits for the disk at its fsync."""


class Restored(msgspec.Struct, kw_only=True):
    """The result: the backup's record, the new store's uuid, and how its blobs came."""

    destination: str
    record: BackupRecord
    store_uuid: str
    linked: int = 0
    copied: int = 0
    missing: list[str] = []


def restore_store(
    source: str,
    destination: str,
    *,
    link: bool,
    now_ms: Callable[[], int],
    random_bytes: Callable[[int], bytes],
    show: ShowProgress = show_nothing,
) -> Restored:
    """Make a data directory from a backup. ``link``: share blocks or files with the backup where
    the file system can, instead of copying.

    ``format.json`` is written last, so that no node starts on half a store. Raises
    ``RecoveryError``.
    """
    record = read_backup(source)
    check_destination(source, destination)
    backup, target = Place(source), Place(destination)
    store_uuid = uuid.UUID(bytes=random_bytes(16), version=4)
    restored = Restored(destination=target.root, record=record, store_uuid=str(store_uuid))
    try:
        make_directory(target.meta)
        for name in sorted(record.digests):
            if name != "format.json":
                copy_file(os.path.join(backup.meta, name), os.path.join(target.meta, name))
        _make_new_store(target.database, record, store_uuid.bytes, now_ms())
        _bring_blobs(backup, target, restored, link, show)
        sync_directory(target.meta)
        format = read_json(backup.format_file)
        if format is None:
            raise RecoveryError(f"the backup's {backup.format_file} is missing or damaged")
        write_json(target.format_file, {**format, "store_uuid": str(store_uuid)})
    except OSError as error:
        raise RecoveryError(
            f"{error.filename or destination}: {error.strerror}; {destination} is incomplete, and"
            " can be removed"
        ) from error
    except (apsw.Error, Z4Error) as error:
        if isinstance(error, RecoveryError):
            raise
        raise RecoveryError(f"the backup's database cannot be used: {error}") from error
    return restored


def _make_new_store(path: str, record: BackupRecord, store_uuid: bytes, now_ms: int) -> None:
    """A store that goes on from a backup is another one: its peers, if it has any, must not take it
    for one that has forgotten what it promised."""

    def no_facts() -> StoreFacts:
        raise RecoveryError("the backup's database is empty")

    connection = open_writer(path, no_facts)
    try:
        with connection:
            connection.execute("UPDATE meta SET value = ? WHERE name = 'store_uuid'", (store_uuid,))
            note = {"ms": now_ms, "made_ms": record.made_ms, "from": record.store_uuid}
            connection.execute(
                "INSERT OR REPLACE INTO meta VALUES('restored', ?)", (json.dumps(note),)
            )
    finally:
        connection.close()


def _bring_blobs(
    backup: Place, target: Place, restored: Restored, link: bool, show: ShowProgress
) -> None:
    copier = Copier(backup.root, target.root, link=link, clone=link)

    def bring(row: tuple[str, int]) -> bool | None:
        """(in a thread) Whether bytes were copied; None: the file is not there."""
        try:
            return copier.bring(row[0])
        except FileNotFoundError:
            return None

    done = 0
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="z4-restore") as pool:
        for batch in _batches(backup.database):
            for (path, refs), copied in zip(batch, pool.map(bring, batch), strict=True):
                if copied is None:
                    if refs and len(restored.missing) < LISTED:
                        restored.missing.append(path)
                elif copied:
                    restored.copied += 1
                else:
                    restored.linked += 1
            done += len(batch)
            show("files", done, restored.record.blobs)
    copier.sync_directories()


def _batches(database: str) -> Iterator[list[tuple[str, int]]]:
    """(path, references) of all blobs."""
    connection = open_frozen(database)
    try:
        batch: list[tuple[str, int]] = []
        rows: Any = connection.execute("SELECT refs, info FROM blobs ORDER BY id")
        for refs, data in rows:
            batch.append((records.decode_blob(data).path, refs))
            if len(batch) == _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch
    finally:
        connection.close()
