"""The rows behind bodies: inline bodies, part lists, blobs, their counts, and the totals."""

from __future__ import annotations

from typing import Any

from z4tw.blobs.inline import open_inline
from z4tw.errors import CorruptBlob, CustomerKeyNeeded, WrongMasterKey
from z4tw.model.objects import BlobInfo, BodyKind
from z4tw.objects import records
from z4tw.recovery.registers import Registers
from z4tw.recovery.report import Report, ShowProgress
from z4tw.recovery.scratch import PAGE, Scratch
from z4tw.sse.seal import kek_sealed

_PAGES = """SELECT p.id, n.n FROM main.pages p
    LEFT JOIN temp.named n ON n.kind = ? AND n.id = p.id WHERE n.n IS NULL OR n.n > 1"""
_INLINE = """SELECT i.id, i.data, n.n, n.size FROM main.inline i
    LEFT JOIN temp.named n ON n.kind = 1 AND n.id = i.id"""
_MANIFESTS = """SELECT m.id, m.refs, m.zero_since, m.data, n.n, n.size, n.agree
    FROM main.manifests m LEFT JOIN temp.named n ON n.kind = 3 AND n.id = m.id"""
_BLOBS = """SELECT b.id, b.refs, b.zero_since, b.state, b.info, n.n, n.size, n.agree
    FROM main.blobs b LEFT JOIN temp.named n ON n.kind = 2 AND n.id = b.id"""
_MISSING = {
    BodyKind.INLINE: ("inline-missing", "inline"),
    BodyKind.FILE: ("blob-row-missing", "blobs"),
    BodyKind.MANIFEST: ("manifest-missing", "manifests"),
}
_COUNTERS = "SELECT objects, object_bytes, blobs, blob_bytes, uploads FROM main.counters"
_HAS_USAGE = "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = 'usage'"
_USAGE = "SELECT inc, bytes, objects FROM main.usage"
_COUNTER_NAMES = ("objects", "object_bytes", "blobs", "blob_bytes", "uploads")
_SHOW_EVERY = 5000
_BATCH = 1000


class Bodies:
    """Compares the rows of bodies with the references that ``Registers`` counted.

    ``kek_ids`` are the ids of the key-encryption keys in the store's key file.
    """

    def __init__(
        self, scratch: Scratch, report: Report, show: ShowProgress, kek_ids: frozenset[bytes]
    ) -> None:
        self._scratch = scratch
        self._report = report
        self._show = show
        self._kek_ids = kek_ids
        self._missing_keks: set[bytes] = set()

    def compare(self, registers: Registers) -> None:
        """All of it, after the registers were read. Raises ``apsw.Error``."""
        self._pages()
        self._inline()
        self._manifests()
        self._scratch.flush()
        totals = self._blobs()
        for kind in _MISSING:
            self._missing(kind)
        right = (registers.objects, registers.object_bytes, *totals, registers.uploads)
        stored = next(self._scratch.rows(_COUNTERS))
        for name, is_there, should_be in zip(_COUNTER_NAMES, stored, right, strict=True):
            if is_there != should_be:
                self._report.problem("counter", name, f"{is_there}, should be {should_be}")
        self._usage(registers)

    def _usage(self, registers: Registers) -> None:
        if self._scratch.value(_HAS_USAGE, ()) is None:
            return  # a backup of an older release, which did not count it
        stored = {inc: (size, objects) for inc, size, objects in self._scratch.rows(_USAGE)}
        for incarnation in sorted(stored.keys() | registers.usage.keys()):
            is_there = stored.get(incarnation, (0, 0))
            should_be = registers.usage.get(incarnation, (0, 0))
            if is_there != should_be:
                self._report.problem(
                    "counter",
                    f"usage of incarnation {incarnation}",
                    f"{is_there}, should be {should_be}",
                )

    def _pages(self) -> None:
        for id, count in self._scratch.rows(_PAGES, (PAGE,)):
            if count is None:
                self._report.problem("page-orphan", f"page {id.hex()}")
            else:
                self._report.problem("object-head", f"page {id.hex()}", "several heads name it")

    def _inline(self) -> None:
        for id, stored, count, size in self._scratch.rows(_INLINE):
            self._tick("inline_bodies")
            where = f"inline body {id.hex()}"
            if count is None:
                self._report.problem("inline-orphan", where, id=id)
                continue
            if count > 1:
                self._report.problem("inline-shared", where, id=id)
            try:
                open_inline(id, stored, size, None)
            except WrongMasterKey:
                # Its digest was checked before its key was asked for.
                self._look_for_key(stored[9:17])
            except CustomerKeyNeeded:
                self._report.notes["bodies that only their customer's key can open"] += 1
            except CorruptBlob as error:
                self._report.problem("inline-damaged", where, str(error), id)

    def _manifests(self) -> None:
        for id, refs, zero_since, data, count, size, agree in self._scratch.rows(_MANIFESTS):
            self._tick("manifests")
            where = f"part list {id.hex()}"
            self._compare_count(where, id, refs, zero_since, count)
            try:
                manifest = records.decode_manifest(data)
            except ValueError as error:
                self._report.problem("undecodable", where, str(error), id)
                continue
            total = 0
            for part in manifest.parts:
                total += part.size
                if part.body.kind != BodyKind.EMPTY:
                    self._scratch.name(part.body)
            if count and (total != size or not agree):
                self._report.problem("blob-size", where, f"{total} bytes, not {size}", id)

    def _blobs(self) -> tuple[int, int]:
        """(count, stored bytes) of all blob rows."""
        number = stored_bytes = 0
        batch: list[tuple[Any, ...]] = []
        for id, refs, zero_since, state, data, count, size, agree in self._scratch.rows(_BLOBS):
            self._tick("blobs")
            where = f"blob {id.hex()}"
            number += 1
            self._compare_count(where, id, refs, zero_since, count)
            if count and state:
                self._report.problem("reference-count", where, "is named, and to be removed", id)
            elif not count:
                self._report.notes["blobs without references, to be removed"] += 1
            try:
                info = records.decode_blob(data)
            except ValueError as error:
                self._report.problem("undecodable", where, str(error), id)
                continue
            stored_bytes += info.stored_size
            if info.id != id:
                self._report.problem("undecodable", where, "the row is another blob's", id)
            if count and (info.size != size or not agree):
                self._report.problem("blob-size", where, f"{info.size} bytes, not {size}", id)
            if sealed := kek_sealed(info.sealed_key):
                self._look_for_key(sealed[1:9])
            batch.append(_expected(info, count or 0))
            if len(batch) == _BATCH:
                self._scratch.add_expected(batch)
                batch = []
        self._scratch.add_expected(batch)
        return number, stored_bytes

    def _compare_count(
        self, where: str, id: bytes, refs: int, zero_since: int, count: int | None
    ) -> None:
        right = count or 0
        if refs != right:
            self._report.problem("reference-count", where, f"{refs}, should be {right}", id)
        elif bool(refs) == bool(zero_since):
            self._report.problem("reference-count", where, "its time without references", id)

    def _missing(self, kind: BodyKind) -> None:
        name, table = _MISSING[kind]
        # The table's name is one of three constants.
        sql = f"""SELECT n.id FROM temp.named n WHERE n.kind = ? AND NOT EXISTS
            (SELECT 1 FROM main.{table} t WHERE t.id = n.id)"""  # noqa: S608
        rows = self._scratch.rows(sql, (kind,))
        for (id,) in rows:
            self._report.problem(name, f"{table.rstrip('s')} {id.hex()}", id=id)
            if kind == BodyKind.FILE:
                self._scratch.run("INSERT INTO temp.rowless VALUES(?, NULL)", (id,))

    def _look_for_key(self, kek_id: bytes) -> None:
        if kek_id not in self._kek_ids and kek_id not in self._missing_keks:
            self._missing_keks.add(kek_id)
            self._report.problem("key-missing", f"key {kek_id.hex()}")

    def _tick(self, what: str) -> None:
        self._report.examined[what] += 1
        count = self._report.examined[what]
        if not count % _SHOW_EVERY:
            self._show(what.replace("_", " "), count, 0)


def _expected(info: BlobInfo, count: int) -> tuple[Any, ...]:
    return info.id, info.path, info.size, info.stored_size, info.sealed_key, count, info.packed_size
