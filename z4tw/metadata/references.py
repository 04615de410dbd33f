"""Reference counts of shared bodies, kept in the transaction of the change that moves them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import apsw
import msgspec

from z4tw.model.objects import BlobInfo, Body, BodyKind, Manifest
from z4tw.model.registers import Change
from z4tw.objects import records

LIVE = 0
DYING = 1
_TABLES = {BodyKind.FILE: "blobs", BodyKind.MANIFEST: "manifests"}
_ALIVE = {
    BodyKind.FILE: "SELECT 1 FROM blobs WHERE id = ? AND state = 0",
    BodyKind.MANIFEST: "SELECT 1 FROM manifests WHERE id = ?",
}
# A body that is named nowhere (a row lost to a rebuilt index) must not make deletion impossible,
# so a release that finds no row or no reference changes nothing.
_ADJUST = {
    kind: f"""UPDATE {table} SET refs = refs + ?1,
        zero_since = CASE WHEN refs + ?1 > 0 THEN 0 ELSE ?2 END
        WHERE id = ?3 AND refs + ?1 >= 0"""  # noqa: S608
    for kind, table in _TABLES.items()
}
_NEW_BLOB = "INSERT INTO blobs(id, refs, state, zero_since, info) VALUES(?, ?, 0, ?, ?)"
_NEW_MANIFEST = "INSERT INTO manifests(id, refs, zero_since, data) VALUES(?, ?, ?, ?)"
_IDLE_MANIFESTS = """SELECT id, data FROM manifests WHERE refs = 0 AND zero_since < ?
    ORDER BY zero_since, id LIMIT ?"""
_IDLE_BLOBS = """SELECT id, info FROM blobs WHERE refs = 0 AND zero_since < ?
    ORDER BY zero_since, id LIMIT ?"""
_MARK_DYING = "UPDATE blobs SET state = ? WHERE id = ? AND state = ?"
_PARTS_AT_ONCE = 10_000


class Totals(msgspec.Struct):
    """The counters of table ``counters``; deltas are added while a transaction is open."""

    objects: int
    object_bytes: int
    blobs: int
    blob_bytes: int
    uploads: int


class References:
    """The rows of ``blobs`` and ``manifests``, changed inside an open transaction."""

    def __init__(self, connection: apsw.Connection, now_ms: Callable[[], int]) -> None:
        self._cursor = connection.cursor()
        self._now_ms = now_ms

    def missing(self, change: Change) -> bytes | None:
        """The id of a body that the change shares and that is gone or dying, or None."""
        new = {blob.id for blob in change.new_blobs}
        bodies = {(body.kind, body.id) for body in change.acquire}
        if change.manifest is not None:
            new.add(change.manifest[0])
            bodies.update(_files(change.manifest[1]))
        for kind, id in sorted(bodies):
            if id not in new and self._cursor.execute(_ALIVE[BodyKind(kind)], (id,)).get is None:
                return id
        return None

    def carry_out(self, change: Change, totals: Totals) -> None:
        """Insert what is new and move the counts, net per body."""
        net = Counter((body.kind, body.id) for body in change.acquire)
        net.subtract((body.kind, body.id) for body in change.release)
        now_ms = self._now_ms()
        for blob in change.new_blobs:
            refs = net.pop((BodyKind.FILE, blob.id), 0)
            zero_since = 0 if refs else now_ms
            self._cursor.execute(_NEW_BLOB, (blob.id, refs, zero_since, records.encode(blob)))
            totals.blobs += 1
            totals.blob_bytes += blob.stored_size
        if change.manifest is not None:
            id, manifest = change.manifest
            refs = net.pop((BodyKind.MANIFEST, id), 0)
            zero_since = 0 if refs else now_ms
            self._cursor.execute(_NEW_MANIFEST, (id, refs, zero_since, records.encode(manifest)))
            net.update(_files(manifest))
        self._adjust(net, now_ms)

    def release(self, bodies: Iterable[Body]) -> None:
        """Take one reference from each of the bodies; EMPTY and INLINE ones have none."""
        net: Counter[tuple[int, bytes]] = Counter()
        net.subtract((body.kind, body.id) for body in bodies if body.kind in _TABLES)
        self._adjust(net, self._now_ms())

    def _adjust(self, net: Counter[tuple[int, bytes]], now_ms: int) -> None:
        for (kind, id), delta in net.items():
            if delta:
                self._cursor.execute(_ADJUST[BodyKind(kind)], (delta, now_ms, id))

    def garbage(self, before_ms: int, limit: int) -> list[BlobInfo]:
        """Remove manifests without references since before a time, mark such blobs dying.

        Blobs that are dying already are given again: their reaper may have been killed. At most
        one manifest beyond 10,000 parts is taken per call, to bound its transaction.
        """
        parts = 0
        for id, data in self._rows(_IDLE_MANIFESTS, (before_ms, limit)):
            manifest = records.decode_manifest(data)
            self.release(part.body for part in manifest.parts)
            self._cursor.execute("DELETE FROM manifests WHERE id = ?", (id,))
            parts += len(manifest.parts)
            if parts > _PARTS_AT_ONCE:
                break
        dying: list[BlobInfo] = []
        for id, info in self._rows(_IDLE_BLOBS, (before_ms, limit)):
            self._cursor.execute(
                "UPDATE blobs SET state = ? WHERE id = ? AND state = ?", (DYING, id, LIVE)
            )
            dying.append(records.decode_blob(info))
        return dying

    def forget(self, ids: list[bytes], totals: Totals) -> None:
        """Remove dying blobs' rows; others are left alone."""
        for id in ids:
            info = self._cursor.execute(
                "DELETE FROM blobs WHERE id = ? AND state = ? RETURNING info", (id, DYING)
            ).get
            if info is not None:
                totals.blobs -= 1
                totals.blob_bytes -= records.decode_blob(info).stored_size

    def _rows(self, sql: str, bindings: tuple[Any, ...]) -> list[Any]:
        return self._cursor.execute(sql, bindings).fetchall()


def _files(manifest: Manifest) -> list[tuple[int, bytes]]:
    """The counted bodies of a manifest's parts, one entry per naming part."""
    return [(part.body.kind, part.body.id) for part in manifest.parts if part.body.kind in _TABLES]
