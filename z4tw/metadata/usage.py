"""What each bucket's incarnation holds, kept in the transaction of every change."""

from __future__ import annotations

from typing import Any

import apsw

from z4tw.model.registers import BucketUsage, Kind
from z4tw.objects import records

_READ = "SELECT bytes, objects FROM usage WHERE inc = ?"
_WRITE = """INSERT INTO usage(inc, bytes, objects) VALUES(?1, ?2, ?3)
    ON CONFLICT DO UPDATE SET bytes = ?2, objects = ?3"""
_REMOVE = "DELETE FROM usage WHERE inc = ?"
_HEADS = "SELECT kind, inc, value FROM main.heads WHERE kind IN (?, ?, ?)"
_PAGE = "SELECT data FROM main.pages WHERE id = ?"
_KEPT = 10_000
"""Incarnations whose counts stay in memory between transactions."""


class UsageRows:
    """The rows of table ``usage`` as the open transaction has them; ``save`` writes those that it
    changed. Nothing is read for an incarnation whose counts are known."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._cursor = connection.cursor()
        self._known: dict[int, tuple[int, int]] = {}
        self._changed: set[int] = set()

    def of(self, incarnation: int) -> BucketUsage:
        """What an incarnation holds now."""
        return BucketUsage(*self._read(incarnation))

    def add(self, incarnation: int, bytes: int, objects: int) -> None:
        """Count what a change added (below zero: what it took away)."""
        had = self._read(incarnation)
        self._known[incarnation] = (had[0] + bytes, had[1] + objects)
        self._changed.add(incarnation)

    def _read(self, incarnation: int) -> tuple[int, int]:
        known = self._known.get(incarnation)
        if known is None:
            known = self._cursor.execute(_READ, (incarnation,)).get or (0, 0)
            self._known[incarnation] = known
        return known

    def save(self) -> None:
        """Write what was changed."""
        for incarnation in self._changed:
            counts = self._known[incarnation]
            if counts == (0, 0):
                self._cursor.execute(_REMOVE, (incarnation,))
            else:
                self._cursor.execute(_WRITE, (incarnation, *counts))
        self._changed.clear()
        if len(self._known) > _KEPT:
            self._known.clear()

    def forget(self) -> None:
        """The transaction was undone: the rows are right again."""
        self._known.clear()
        self._changed.clear()

    def mark(self) -> Any:
        """What ``back_to`` takes."""
        return dict(self._known), set(self._changed)

    def back_to(self, mark: Any) -> None:
        """Undo what was added since ``mark``."""
        self._known, self._changed = mark


def count_usage(connection: apsw.Connection) -> dict[int, tuple[int, int]]:
    """What the incarnations of a store hold, counted anew: (bytes, objects)."""
    found: dict[int, tuple[int, int]] = {}
    rows = connection.execute(_HEADS, (int(Kind.OBJECT), int(Kind.PART), int(Kind.ANNOTATION)))
    for kind, incarnation, data in rows:
        value = records.decode(kind, data)
        had = found.get(incarnation, (0, 0))
        if kind in (Kind.PART, Kind.ANNOTATION):
            found[incarnation] = (had[0] + value.body.size, had[1])
            continue
        versions = list(value.versions)
        for page in value.pages:
            paged = connection.execute(_PAGE, (page.id,)).get
            versions += () if paged is None else records.decode_page(paged)
        size = sum(version.size for version in versions)
        objects = sum(not version.delete_marker for version in versions)
        found[incarnation] = (had[0] + size, had[1] + objects)
    return {incarnation: counts for incarnation, counts in found.items() if counts != (0, 0)}


def rewrite_usage(connection: apsw.Connection) -> None:
    """Count everything anew and write it, inside the caller's transaction."""
    counted = count_usage(connection)
    connection.execute("DELETE FROM main.usage")
    for incarnation, counts in counted.items():
        connection.execute(_WRITE, (incarnation, *counts))
