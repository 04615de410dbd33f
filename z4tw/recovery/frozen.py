"""Reading a database file that nobody writes: a snapshot, or a backup's."""

from __future__ import annotations

import os
from urllib.parse import quote

import apsw

from z4tw.errors import Z4Error
from z4tw.metadata.schema import (
    APPLICATION_ID,
    MIGRATIONS,
    StoreFacts,
    StoreFormatError,
    check_sqlite,
    read_facts,
)


def open_frozen(path: str) -> apsw.Connection:
    """A read-only connection that leaves no file beside the database. Raises
    ``StoreFormatError``, ``FileNotFoundError``, ``apsw.Error``."""
    check_sqlite()
    if not os.path.exists(path):
        raise FileNotFoundError(f"there is no {path}")
    connection = apsw.Connection(
        f"file:{quote(path)}?immutable=1",
        flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI,
    )
    version = int(connection.pragma("user_version"))
    if connection.pragma("application_id") != APPLICATION_ID or version == 0:
        raise StoreFormatError(f"{path} is no store's database")
    if version > len(MIGRATIONS):
        raise StoreFormatError(f"{path} has format {version}, written by a newer release")
    return connection


def judge(path: str) -> tuple[StoreFacts | None, str]:
    """The facts of a database file that is sound, else None and one line that says what is wrong
    with it."""
    try:
        connection = open_frozen(path)
        try:
            line = connection.execute("PRAGMA integrity_check(1)").get
            return (read_facts(connection), "") if line == "ok" else (None, str(line))
        finally:
            connection.close()
    except (apsw.Error, Z4Error, OSError, ValueError, KeyError) as error:
        return None, str(error) or type(error).__name__
