"""``z4 fsck``: a store's rows, counts and files against each other."""

from __future__ import annotations

import os
from typing import NoReturn

import apsw
import msgspec

from z4tw.errors import WrongMasterKey, Z4Error
from z4tw.interfaces import IBlobHousekeeping
from z4tw.keyring.store_keys import read_stored
from z4tw.metadata.schema import open_reader, open_writer, read_facts
from z4tw.recovery.bodies import Bodies
from z4tw.recovery.files import Files, Pace
from z4tw.recovery.formats import read_json, read_store_uuid
from z4tw.recovery.frozen import open_frozen
from z4tw.recovery.owners import find_owners
from z4tw.recovery.place import Place
from z4tw.recovery.registers import Registers
from z4tw.recovery.repair import repair_store
from z4tw.recovery.report import Report, ShowProgress, show_nothing
from z4tw.recovery.scratch import Scratch

_LINES = 100
"""Lines of SQLite's own check that are reported."""


class CheckOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a store is checked.

    ``deep``: read every block of every file, and all of the database's indexes. ``repair`` needs
    the data directory's lock. ``frozen``: nobody writes the database, and no file may be left
    beside it (a backup). ``now_ms`` is Unix time. ``control_key`` opens access keys'
    secrets (None: they are not looked at). ``threads`` files are read at once.
    """

    now_ms: int
    deep: bool = True
    repair: bool = False
    frozen: bool = False
    orphan_grace_s: float = 86_400
    control_key: bytes | None = None
    threads: int = 4


def check_store(
    place: Place,
    blobs: IBlobHousekeeping,
    options: CheckOptions,
    show: ShowProgress = show_nothing,
    pace: Pace | None = None,
) -> Report:
    """Check the store of a data directory; what is wrong is in the report, and not raised.

    Without ``repair`` nothing is written, and a node may run: the rows are then those of one
    moment, and what was changed since is not held against them. ``pace`` is awaited after each
    piece of a file, to hold the reading to a rate.
    """
    report = Report()
    try:
        connection = _open(place.database, options)
    except (Z4Error, apsw.Error, OSError) as error:
        report.problem("database", place.database, str(error))
        return report
    try:
        _check(connection, place, blobs, options, report, show, pace)
    except apsw.Error as error:
        report.problem("database", place.database, str(error))
    finally:
        connection.close()
    return report


def _open(path: str, options: CheckOptions) -> apsw.Connection:
    if options.frozen:
        return open_frozen(path)
    # A reader refuses a file that is absent or empty, where a writer would make a new store.
    reader = open_reader(path)
    if not options.repair:
        return reader
    reader.close()
    return open_writer(path, _no_new_store)


def _no_new_store() -> NoReturn:
    raise FileNotFoundError("there is no store")


def _check(
    connection: apsw.Connection,
    place: Place,
    blobs: IBlobHousekeeping,
    options: CheckOptions,
    report: Report,
    show: ShowProgress,
    pace: Pace | None,
) -> None:
    show("database", 0, 0)
    if not _is_sound(connection, place.database, options.deep, report):
        return
    facts = read_facts(connection)
    _compare_uuid(place, facts.store_uuid, report)
    scratch = Scratch(connection)
    registers = Registers(scratch, facts, report, show, options.control_key)
    # One moment of the store; the temporary tables are committed with it.
    connection.execute("BEGIN")
    try:
        registers.read_all()
        Bodies(scratch, report, show, _kek_ids(place, report)).compare(registers)
    finally:
        connection.execute("COMMIT")
    files = Files(
        scratch,
        blobs,
        report,
        show,
        now_s=options.now_ms / 1000,
        orphan_grace_s=options.orphan_grace_s,
        threads=options.threads,
        pace=pace,
    )
    files.compare()
    if options.deep:
        files.verify()
    owners = find_owners(scratch, registers, [problem.id for problem in report.problems])
    for problem in report.problems:
        problem.objects = owners.get(problem.id, [])
    if options.repair:
        repair_store(connection, scratch, place, blobs, report, options.now_ms)


def _is_sound(connection: apsw.Connection, path: str, deep: bool, report: Report) -> bool:
    pragma = "integrity_check" if deep else "quick_check"
    lines = [line for (line,) in connection.execute(f"PRAGMA {pragma}({_LINES})")]
    if lines == ["ok"]:
        return True
    for line in lines:
        report.problem("database", path, str(line))
    return False


def _compare_uuid(place: Place, store_uuid: bytes, report: Report) -> None:
    stored = read_store_uuid(place.format_file)
    if stored is None and (read_json(place.format_file) or {}).get("store_uuid") == "":
        report.notes["format files that the next start completes"] += 1
    elif stored != store_uuid:
        detail = "is missing or damaged" if stored is None else "names another store"
        report.problem("store-uuid", place.format_file, detail)


def _kek_ids(place: Place, report: Report) -> frozenset[bytes]:
    try:
        stored = read_stored(place.keyring_file)
        return frozenset(bytes.fromhex(key.id) for key in stored.keys) if stored else frozenset()
    except (WrongMasterKey, ValueError, OSError) as error:
        report.problem("key-missing", os.path.basename(place.keyring_file), str(error))
        return frozenset()
