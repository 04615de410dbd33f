"""Temporary tables of a check: references counted, and blobs awaited on disk.

They lie in SQLite's temporary database of the connection, which spills to a file, so that a
check's memory does not grow with the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apsw

from z4tw.model.objects import Body

PAGE = -1
"""The kind under which pages of older versions are counted in ``named``, beside ``BodyKind``."""
_FLUSH = 2000
_TABLES = """
CREATE TEMP TABLE named(
    kind INTEGER NOT NULL, id BLOB NOT NULL, n INTEGER NOT NULL, size INTEGER NOT NULL,
    agree INTEGER NOT NULL, PRIMARY KEY(kind, id)) WITHOUT ROWID;
CREATE TEMP TABLE expected(
    id BLOB NOT NULL PRIMARY KEY, path TEXT NOT NULL, size INTEGER NOT NULL,
    stored_size INTEGER NOT NULL, sealed_key BLOB NOT NULL, n INTEGER NOT NULL,
    packed_size INTEGER NOT NULL, found INTEGER) WITHOUT ROWID;
CREATE TEMP TABLE rowless(id BLOB NOT NULL PRIMARY KEY, path TEXT) WITHOUT ROWID;
CREATE TEMP TABLE wrong_columns(
    kind INTEGER NOT NULL, inc INTEGER NOT NULL, key BLOB NOT NULL,
    PRIMARY KEY(kind, inc, key)) WITHOUT ROWID;
CREATE TEMP TABLE annotated(
    inc INTEGER NOT NULL, prefix BLOB NOT NULL, lacking INTEGER NOT NULL,
    PRIMARY KEY(inc, prefix)) WITHOUT ROWID;
CREATE TEMP TABLE orphan_files(path TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
"""
_NAME = """INSERT INTO temp.named VALUES(?, ?, 1, ?, 1) ON CONFLICT DO UPDATE
    SET n = n + 1, agree = min(agree, size = excluded.size)"""


class Scratch:
    """The temporary tables of one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        connection.pragma("temp_store", "FILE")
        connection.execute(_TABLES)
        self._connection = connection
        self._named: list[tuple[int, bytes, int]] = []

    def name(self, body: Body) -> None:
        """Count a reference to a body."""
        self._add(body.kind, body.id, body.size)

    def name_page(self, id: bytes, count: int) -> None:
        """Count a reference to a page."""
        self._add(PAGE, id, count)

    def _add(self, kind: int, id: bytes, size: int) -> None:
        self._named.append((kind, id, size))
        if len(self._named) >= _FLUSH:
            self.flush()

    def flush(self) -> None:
        """Bring the tables up to date."""
        self._connection.cursor().executemany(_NAME, self._named)
        self._named.clear()

    def rows(self, sql: str, bindings: tuple[Any, ...] = ()) -> Iterator[Any]:
        """The rows of a query, one at a time."""
        return iter(self._connection.cursor().execute(sql, bindings))

    def value(self, sql: str, bindings: tuple[Any, ...] = ()) -> Any:
        """The first column of the first row, or None."""
        return self._connection.cursor().execute(sql, bindings).get

    def run(self, sql: str, bindings: tuple[Any, ...] = ()) -> int:
        """Change rows; how many."""
        self._connection.cursor().execute(sql, bindings)
        return int(self._connection.changes())

    def add_expected(self, rows: list[tuple[Any, ...]]) -> None:
        """Blobs that should lie on disk: id, path, size, stored size, sealed key, references."""
        self._connection.cursor().executemany(
            "INSERT INTO temp.expected VALUES(?, ?, ?, ?, ?, ?, ?, NULL)", rows
        )
