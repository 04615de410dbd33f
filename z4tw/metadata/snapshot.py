"""Consistent copies of a database in use, made through SQLite itself."""

from __future__ import annotations

import os

import apsw


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


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
