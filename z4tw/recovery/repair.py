"""What ``z4 fsck --repair`` mends: counts, totals, listing columns, rows and files of nobody.

It never touches what an object names. A file that nothing names is moved to
``_z4meta/quarantine``; a row that nothing names is written to a file there before it is removed.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from typing import Any

import apsw

from z4tw.errors import CorruptBlob
from z4tw.interfaces import IBlobHousekeeping
from z4tw.metadata.schema import partition_of, read_facts
from z4tw.metadata.usage import rewrite_usage
from z4tw.model.control import BucketState
from z4tw.model.registers import Kind
from z4tw.objects import records
from z4tw.objects.rows import current_inline, expires_ms, live_row
from z4tw.recovery.formats import write_lines
from z4tw.recovery.place import Place, stamp_name
from z4tw.recovery.report import Report
from z4tw.recovery.scratch import Scratch

_COUNTS = """UPDATE main.{table} SET
    refs = coalesce((SELECT n FROM temp.named n WHERE n.kind = {kind} AND n.id = {table}.id), 0),
    zero_since = CASE WHEN EXISTS (SELECT 1 FROM temp.named n
        WHERE n.kind = {kind} AND n.id = {table}.id) THEN 0 ELSE max(zero_since, ?) END
    WHERE refs != coalesce(
        (SELECT n FROM temp.named n WHERE n.kind = {kind} AND n.id = {table}.id), 0)
    OR (refs = 0) != (zero_since != 0)"""
_REVIVE = "UPDATE main.blobs SET state = 0 WHERE state != 0 AND refs > 0"
_ORPHAN = {
    "inline-orphan": ("inline", 1),
    "page-orphan": ("pages", -1),
}
_COLUMNS = """UPDATE main.heads SET partition = ?, live = ?, size = ?, tag = ?, modified_ms = ?,
    class = ?, owner = ?, checksum = ?, expires_ms = ?, inline_id = ?
    WHERE kind = ? AND inc = ? AND key = ?"""
_TOTALS = """UPDATE main.counters SET store_seq = store_seq + 1,
    objects = (SELECT count(*) FROM main.heads WHERE live = 1 AND kind = 5),
    object_bytes = (SELECT coalesce(sum(size), 0) FROM main.heads WHERE live = 1 AND kind = 5),
    uploads = (SELECT count(*) FROM main.heads WHERE live = 1 AND kind = 6),
    blobs = ?, blob_bytes = ?"""
_HIDDEN = (0, None, None, None, None, None, None)


def repair_store(
    connection: apsw.Connection,
    scratch: Scratch,
    place: Place,
    blobs: IBlobHousekeeping,
    report: Report,
    now_ms: int,
) -> None:
    """Mend what a check has just found, through the same (writing) connection, and note it in the
    report. Nothing is changed when references may be unknown. Raises ``apsw.Error``, ``OSError``.
    """
    if not report.found or not report.references_known:
        return
    repair = _Repair(connection, scratch, place, blobs, report, now_ms)
    repair.rows()
    repair.files()


class _Repair:
    def __init__(
        self,
        connection: apsw.Connection,
        scratch: Scratch,
        place: Place,
        blobs: IBlobHousekeeping,
        report: Report,
        now_ms: int,
    ) -> None:
        self._connection = connection
        self._scratch = scratch
        self._place = place
        self._blobs = blobs
        self._report = report
        self._now_ms = now_ms

    def rows(self) -> None:
        """All that is changed in the database, in one transaction."""
        mended = []
        with self._connection:
            for name, step in _STEPS.items():
                if self._report.found[name]:
                    mended.append((name, step(self)))
            # Last: the totals are those of the rows as they are now.
            self._totals()
        for name, count in mended:
            self._report.repair(name, count)
        self._report.repair("counter", self._report.found["counter"])

    def _orphans(self, name: str) -> int:
        table, kind = _ORPHAN[name]
        unnamed = f"""FROM main.{table} WHERE NOT EXISTS
            (SELECT 1 FROM temp.named n WHERE n.kind = {kind} AND n.id = {table}.id)"""  # noqa: S608
        name = f"{table}-{stamp_name(self._now_ms)}.jsonl"
        write_lines(
            os.path.join(self._place.quarantine, name),
            (
                {"table": table, "id": id.hex(), "data": base64.b64encode(data).decode("ascii")}
                for id, data in self._scratch.rows(f"SELECT id, data {unnamed}")
            ),
        )
        return self._scratch.run(f"DELETE {unnamed}")

    def inline_orphans(self) -> int:
        """Inline bodies of nobody."""
        return self._orphans("inline-orphan")

    def page_orphans(self) -> int:
        """Pages of nobody."""
        return self._orphans("page-orphan")

    def missing_blob_rows(self) -> int:
        """Rows made again from the footers of the files that are there."""
        made = 0
        for id, path, count in list(self._scratch.rows(
            """SELECT r.id, r.path, n.n FROM temp.rowless r
            JOIN temp.named n ON n.kind = 2 AND n.id = r.id WHERE r.path IS NOT NULL"""
        )):  # fmt: skip
            try:
                info = self._blobs.describe(path)
            except (CorruptBlob, OSError):
                continue  # It stays a problem of the report.
            if info.id == id:
                row = (id, count, records.encode(info))
                self._scratch.run("INSERT INTO main.blobs VALUES(?, ?, 0, 0, ?)", row)
                made += 1
        return made

    def counts(self) -> int:
        """Reference counts, and since when there are none."""
        for table, kind in (("manifests", 3), ("blobs", 2)):
            sql = _COUNTS.format(table=table, kind=kind)
            self._scratch.run(sql, (self._now_ms,))
        self._scratch.run(_REVIVE)
        return self._report.found["reference-count"]

    def columns(self) -> int:
        """The columns of listings, from the values beside them."""
        facts = read_facts(self._connection)
        count = 0
        for register in list(self._scratch.rows("SELECT kind, inc, key FROM temp.wrong_columns")):
            kind, incarnation, key = register
            data = self._scratch.value(
                "SELECT value FROM main.heads WHERE kind = ? AND inc = ? AND key = ?", register
            )
            value: Any = records.decode(kind, data)
            live = live_row(kind, key, value)
            columns = _HIDDEN if live is None else (1, *live[1:])
            partition = partition_of(facts, incarnation, key)
            inline_id = current_inline(kind, value)
            row = (partition, *columns, expires_ms(kind, value), inline_id, *register)
            count += self._scratch.run(_COLUMNS, row)
        return count

    def incarnations(self) -> int:
        """Active buckets open to changes again."""
        count = 0
        for (data,) in list(self._scratch.rows(
            "SELECT value FROM main.heads WHERE kind = ?", (int(Kind.BUCKET),)
        )):  # fmt: skip
            bucket = records.decode(Kind.BUCKET, data)
            if bucket.state == BucketState.ACTIVE:
                count += self._scratch.run(
                    "UPDATE main.incarnations SET closed = 0 WHERE inc = ? AND closed = 1",
                    (bucket.incarnation,),
                )
        return count

    def _totals(self) -> None:
        blobs = stored_bytes = 0
        for (data,) in self._scratch.rows("SELECT info FROM main.blobs"):
            blobs += 1
            stored_bytes += records.decode_blob(data).stored_size
        self._scratch.run(_TOTALS, (blobs, stored_bytes))
        rewrite_usage(self._connection)

    def files(self) -> None:
        """Files of nobody, moved out of the way."""
        for (path,) in list(self._scratch.rows("SELECT path FROM temp.orphan_files")):
            try:
                self._blobs.quarantine(path)
            except FileNotFoundError:
                continue
            temporary = path.startswith("_z4meta/")
            self._report.repair("temporary-orphan" if temporary else "file-orphan", 1)


_STEPS: dict[str, Callable[[_Repair], int]] = {
    "blob-row-missing": _Repair.missing_blob_rows,
    "inline-orphan": _Repair.inline_orphans,
    "page-orphan": _Repair.page_orphans,
    "listing-row": _Repair.columns,
    "incarnation": _Repair.incarnations,
    "reference-count": _Repair.counts,
}
"""What is mended, in order: counts come after the rows that they count."""
