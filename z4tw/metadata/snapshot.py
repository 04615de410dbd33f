"""Consistent copies and checks of a database in use, made through SQLite itself."""

from __future__ import annotations

import os

import apsw

from z4tw.metadata.schema import open_reader

MAX_COMPLAINTS = 100


def copy_database(source: apsw.Connection, path: str) -> None:
    """(blocking) Copy what ``source`` sees now to a new file, durable when this returns.

    It is written beside its name and gets it when complete, so a copy that was cut short is never
    taken for one. Raises ``FileExistsError``, ``OSError``, ``apsw.Error``.
    """
    if os.path.lexists(path):
        raise FileExistsError(path)
    partial = path + ".partial"
    if os.path.lexists(partial):
        os.unlink(partial)
    target = apsw.Connection(partial)
    try:
        # The file is fsynced as a whole below; a journal for it would be waste.
        target.pragma("journal_mode", "OFF")
        target.pragma("synchronous", "OFF")
        with target.backup("main", source, "main") as backup:
            backup.step(-1)
    finally:
        target.close()
    _sync(partial)
    os.link(partial, path)
    os.unlink(partial)
    _sync(os.path.dirname(os.path.abspath(path)))


def check_database(path: str) -> list[str]:
    """(blocking) What is wrong with a database's structure, as lines; empty when nothing is.

    It reads everything through a connection of its own, in one snapshot. Raises
    ``StoreFormatError``, ``apsw.Error``.
    """
    connection = open_reader(path)
    try:
        rows = connection.execute(f"PRAGMA integrity_check({MAX_COMPLAINTS})").fetchall()
    except apsw.CorruptError as error:
        return [str(error)]
    finally:
        connection.close()
    return [str(line) for (line,) in rows if line != "ok"]


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
