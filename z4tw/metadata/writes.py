"""Changing a store's rows: one command or one piece of housekeeping, inside a transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apsw
import msgspec

from z4tw.metadata.references import References, Totals
from z4tw.metadata.schema import FATAL, StoreFacts, partition_of
from z4tw.metadata.usage import UsageRows
from z4tw.model.annotations import Annotation, annotation_register, annotations_prefix
from z4tw.model.objects import BlobInfo, BodyKind, Version
from z4tw.model.registers import (
    BucketUsage,
    Change,
    Done,
    Kind,
    LiveRow,
    NeedData,
    Outcome,
    Refused,
    Register,
)
from z4tw.model.stamps import ZERO_STAMP, stamp_ms
from z4tw.model.uploads import Part, Upload
from z4tw.objects import Command, apply, records
from z4tw.objects.rows import current_inline, expires_ms, live_row

_READ = "SELECT value, live, size FROM heads WHERE kind = ? AND inc = ? AND key = ?"
_INSERT = """INSERT INTO heads(kind, inc, key, partition, ballot, live, size, tag, modified_ms,
    class, owner, checksum, expires_ms, inline_id, value)
    VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_UPDATE = """UPDATE heads SET ballot = ?4, live = ?5, size = ?6, tag = ?7, modified_ms = ?8,
    class = ?9, owner = ?10, checksum = ?11, expires_ms = ?12, inline_id = ?13, value = ?14
    WHERE kind = ?1 AND inc = ?2 AND key = ?3"""
_DELETE = "DELETE FROM heads WHERE kind = ? AND inc = ? AND key = ?"
_RANGE = """SELECT key, live, size, value FROM heads
    WHERE kind = ? AND inc = ? AND key >= ? AND key <= ? LIMIT ?"""
_EXPIRED = """SELECT kind, inc, key, live, size FROM heads
    WHERE expires_ms > 0 AND expires_ms <= ? ORDER BY expires_ms LIMIT ?"""
_ANNOUNCE = "INSERT INTO outbox(sink, at_ms, data) VALUES(?, ?, ?)"
_TRIM = """DELETE FROM outbox WHERE sink = ?1 AND seq <=
    (SELECT seq FROM outbox WHERE sink = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)"""
_TOTALS = "SELECT objects, object_bytes, blobs, blob_bytes, uploads FROM counters"
_SAVE_TOTALS = """UPDATE counters SET store_seq = store_seq + 1, objects = ?, object_bytes = ?,
    blobs = ?, blob_bytes = ?, uploads = ?"""
_REPLACE_INLINE = "UPDATE inline SET id = ?, data = ? WHERE id = ?"
_NO_COLUMNS = (0, None, None, None, None, None, None)
_LAST_KEY = b"\xff" * 2048
"""After every register key: they are at most some 1,100 bytes of UTF-8 or ASCII."""
_NOWHERE = Register(0, 0, b"")
_CLOSED = Refused("NoSuchBucket")


class RowWriter:
    """The rows of the one writing connection.

    ``touched`` holds the registers whose rows the open transaction changed; ``announced`` says
    that it put events into the outbox. ``midway`` is True while one command's rows are half
    written, so that an exception then means that the transaction has to be rolled back.
    """

    guard: Upload | None = None

    def __init__(
        self,
        connection: apsw.Connection,
        facts: StoreFacts,
        now_ms: Callable[[], int],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._facts = facts
        self._now_ms = now_ms
        self._random_bytes = random_bytes
        self._references = References(connection, now_ms)
        self._usage = UsageRows(connection)
        self.touched: list[Register] = []
        self.announced = False
        self.midway = False
        self._register = _NOWHERE
        self._changes_before = 0
        self._reload()

    def _reload(self) -> None:
        """Take up what the transaction in memory rests on, from the rows."""
        self.totals = Totals(*_rows(self._cursor.execute(_TOTALS))[0])
        closed = self._cursor.execute("SELECT inc FROM incarnations WHERE closed = 1")
        self.closed: set[int] = {incarnation for (incarnation,) in _rows(closed)}

    def begin(self) -> None:
        """Open a transaction."""
        self.touched = []
        self.announced = False
        self._changes_before = self._connection.total_changes()
        self._cursor.execute("BEGIN IMMEDIATE")

    def save(self) -> bool:
        """Write the counters, the last thing before COMMIT; False when no row was changed."""
        if self._connection.total_changes() == self._changes_before:
            return False
        self._usage.save()
        self._cursor.execute(_SAVE_TOTALS, msgspec.structs.astuple(self.totals))
        return True

    def rollback(self) -> None:
        """Give up the transaction."""
        self._cursor.execute("ROLLBACK")
        self.midway = False
        self._usage.forget()
        self._reload()

    def guarded(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Call a method of this class so that an exception undoes its rows and no others."""
        totals = msgspec.structs.replace(self.totals)
        closed = set(self.closed)
        usage = self._usage.mark()
        self._cursor.execute("SAVEPOINT one")
        try:
            result = function(*arguments)
        except FATAL:
            raise
        except Exception:
            self._cursor.execute("ROLLBACK TO one")
            self._cursor.execute("RELEASE one")
            self.totals = totals
            self.closed = closed
            self._usage.back_to(usage)
            self.midway = False
            raise
        self._cursor.execute("RELEASE one")
        return result

    # What a command sees (z4tw.objects.apply.View)

    def load_page(self, id: bytes) -> tuple[Version, ...]:
        """A page of older versions."""
        data = self._cursor.execute("SELECT data FROM pages WHERE id = ?", (id,)).get
        if data is None:
            raise LookupError("a head names a page that is not there")
        return records.decode_page(data)

    def load_annotation(self, version: bytes, name: str) -> Annotation | None:
        """An annotation of the object that a command is being applied to."""
        _, incarnation, key = self._register
        register = annotation_register(incarnation, key, version, name)
        row = self._cursor.execute(_READ, register).get
        annotation: Annotation | None = None
        if row is not None:
            annotation = records.decode(Kind.ANNOTATION, row[0])
        return annotation

    def new_id(self) -> bytes:
        """A page's id: 48 bits of Unix milliseconds, 80 random bits."""
        return self._now_ms().to_bytes(6, "big") + self._random_bytes(10)

    def held(self) -> BucketUsage:
        """What the bucket of the register that is being changed holds."""
        return self._usage.of(self._register.incarnation)

    # Commands

    def change(self, register: Register, command: Command) -> Outcome:
        """Apply one command. All that can refuse it is looked at before the first row is
        written."""
        kind, incarnation, key = self._register = register
        if incarnation in self.closed:
            return _CLOSED
        row = self._cursor.execute(_READ, register).get
        value = None if row is None else records.decode(kind, row[0])
        self.guard = self._upload_of(register) if kind == Kind.PART else None
        change = apply(kind, value, command, self)
        if not change.write:
            return change.outcome
        shares = change.acquire or change.manifest is not None
        if shares and (gone := self._references.missing(change)) is not None:
            return NeedData(gone)
        data = None if change.value is None else records.encode(change.value)
        self.midway = True
        self._write_row(register, change, data, row)
        if shares or change.release or change.new_blobs:
            self._references.carry_out(change, self.totals)
        self._write_inline(change)
        for id, versions in change.pages:
            page = (id, records.encode(versions))
            self._cursor.execute("INSERT INTO pages(id, data) VALUES(?, ?)", page)
        for id in change.drop_pages:
            self._cursor.execute("DELETE FROM pages WHERE id = ?", (id,))
        if change.added_bytes or change.added_objects:
            self._usage.add(incarnation, change.added_bytes, change.added_objects)
        if change.clear_parts:
            self._drop_range(Kind.PART, incarnation, key, key + b"\xff\xff", -1)
        if change.annotations or change.clear_annotations:
            self._write_annotations(incarnation, key, change)
        for event in change.outbox:
            row_data = (event.sink, stamp_ms(event.stamp), records.encode(event))
            self._cursor.execute(_ANNOUNCE, row_data)
            self.announced = True
        self.midway = False
        return change.outcome

    def _write_inline(self, change: Change) -> None:
        dropped = change.drop_inline
        if change.inline is not None:
            if dropped:
                # In the place of an old one: one statement and a page less than two rows take.
                self._cursor.execute(_REPLACE_INLINE, (*change.inline, dropped[0]))
                dropped = dropped[1:] if self._connection.changes() else dropped
            if dropped == change.drop_inline:
                self._cursor.execute("INSERT INTO inline(id, data) VALUES(?, ?)", change.inline)
        for id in dropped:
            self._cursor.execute("DELETE FROM inline WHERE id = ?", (id,))

    def _upload_of(self, register: Register) -> Upload | None:
        """The upload that a part belongs to: its key without the part's number."""
        upload_key = (Kind.UPLOAD, register.incarnation, register.key[:-2])
        row = self._cursor.execute(_READ, upload_key).get
        return None if row is None else records.decode(Kind.UPLOAD, row[0])

    def _write_row(self, register: Register, change: Change, data: bytes | None, row: Any) -> None:
        kind, incarnation, key = register
        self.touched.append(register)
        if row is not None:
            self._count(kind, row[1], row[2], -1)
        if data is None:
            self._cursor.execute(_DELETE, register)
            return
        live = live_row(kind, key, change.value)
        columns = _columns(live)
        self._count(kind, columns[0], columns[1], 1)
        stamp = change.outcome.stamp if isinstance(change.outcome, Done) else ZERO_STAMP
        inline_id = current_inline(kind, change.value)
        values = (stamp, *columns, expires_ms(kind, change.value), inline_id, data)
        if row is None:
            partition = partition_of(self._facts, incarnation, key)
            self._cursor.execute(_INSERT, (kind, incarnation, key, partition, *values))
        else:
            self._cursor.execute(_UPDATE, (kind, incarnation, key, *values))

    def _write_annotations(self, incarnation: int, key: bytes, change: Change) -> None:
        """The rows of annotations beside a head."""
        for version in change.clear_annotations:
            first = annotations_prefix(key, version)
            self._drop_range(Kind.ANNOTATION, incarnation, first, first + b"\xff", -1)
        for id, data in change.more_inline:
            self._cursor.execute("INSERT INTO inline(id, data) VALUES(?, ?)", (id, data))
        for version, name, annotation in change.annotations:
            register = annotation_register(incarnation, key, version, name)
            self.touched.append(register)
            self._cursor.execute(_DELETE, register)
            if annotation is not None:
                partition = partition_of(self._facts, incarnation, register.key)
                values = (annotation.stamp, *_NO_COLUMNS, 0, None, records.encode(annotation))
                self._cursor.execute(_INSERT, (*register, partition, *values))

    def _count(self, kind: int, live: int, size: int | None, sign: int) -> None:
        if not live:
            return
        if kind == Kind.OBJECT:
            self.totals.objects += sign
            self.totals.object_bytes += sign * (size or 0)
        elif kind == Kind.UPLOAD:
            self.totals.uploads += sign

    def _drop_range(self, kind: int, incarnation: int, start: bytes, end: bytes, limit: int) -> int:
        """Remove rows between two keys, both included, and release the bodies of parts and
        annotations; how many."""
        rows = _rows(self._cursor.execute(_RANGE, (kind, incarnation, start, end, limit)))
        released = []
        freed = 0
        for key, live, size, data in rows:
            register = Register(kind, incarnation, key)
            self.touched.append(register)
            self._count(kind, live, size, -1)
            self._cursor.execute(_DELETE, register)
            if kind in (Kind.PART, Kind.ANNOTATION):
                value: Part | Annotation = records.decode(kind, data)
                released.append(value.body)
                freed += value.body.size
                if value.body.kind == BodyKind.INLINE:
                    self._cursor.execute("DELETE FROM inline WHERE id = ?", (value.body.id,))
        if freed:
            self._usage.add(incarnation, -freed, 0)
        self._references.release(body for body in released if body.kind != BodyKind.EMPTY)
        return len(rows)

    # Housekeeping

    def set_closed(self, incarnation: int, closed: bool) -> None:
        """Refuse or accept changes in an incarnation."""
        self.midway = True
        self._cursor.execute(
            "INSERT INTO incarnations VALUES(?1, ?2) ON CONFLICT DO UPDATE SET closed = ?2",
            (incarnation, int(closed)),
        )
        if closed:
            self.closed.add(incarnation)
        else:
            self.closed.discard(incarnation)
        self.midway = False

    def purge(self, incarnation: int, limit: int) -> bool:
        """Remove up to ``limit`` uploads and parts of an incarnation, which is closed first;
        whether some may be left."""
        self.set_closed(incarnation, True)
        self.midway = True
        count = 0
        for kind in (Kind.PART, Kind.UPLOAD):
            count += self._drop_range(kind, incarnation, b"", _LAST_KEY, limit - count)
        self.midway = False
        return count == limit

    def expire(self, now_ms: int, limit: int) -> int:
        """Remove records whose time has come; they hold no bodies."""
        rows = _rows(self._cursor.execute(_EXPIRED, (now_ms, limit)))
        self.midway = True
        for kind, incarnation, key, live, size in rows:
            register = Register(kind, incarnation, key)
            self.touched.append(register)
            self._count(kind, live, size, -1)
            self._cursor.execute(_DELETE, register)
        self.midway = False
        return len(rows)

    def outbox_remove(self, numbers: list[int]) -> None:
        """Remove events that were delivered."""
        self.midway = True
        for number in numbers:
            self._cursor.execute("DELETE FROM outbox WHERE seq = ?", (number,))
        self.midway = False

    def outbox_trim(self, sink: str, keep: int) -> int:
        """Remove all but the newest ``keep`` events of a sink; how many went."""
        self.midway = True
        before = self._connection.total_changes()
        self._cursor.execute(_TRIM, (sink, keep))
        self.midway = False
        return int(self._connection.total_changes()) - before

    def garbage(self, before_ms: int, limit: int) -> list[BlobInfo]:
        """See ``References.garbage``."""
        self.midway = True
        dying = self._references.garbage(before_ms, limit)
        self.midway = False
        return dying

    def forget(self, ids: list[bytes]) -> None:
        """See ``References.forget``."""
        self.midway = True
        self._references.forget(ids, self.totals)
        self.midway = False


def _columns(live: LiveRow | None) -> tuple[Any, ...]:
    """The listing's columns, ``live`` first."""
    return _NO_COLUMNS if live is None else (1, *live[1:])


def _rows(cursor: apsw.Cursor) -> list[Any]:
    return cursor.fetchall()
