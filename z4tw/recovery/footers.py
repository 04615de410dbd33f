"""The footers of blob files that a database does not know, sorted by the time of their writing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import apsw

from z4tw.errors import CorruptBlob, WrongMasterKey
from z4tw.interfaces import IBlobHousekeeping
from z4tw.model.objects import BlobInfo, BodyKind
from z4tw.model.rebuild import (
    ANNOTATION,
    OBJECT,
    PART,
    BlobRecord,
    decode_blob_record,
    encode_blob_record,
)
from z4tw.objects import records
from z4tw.recovery import RecoveryError
from z4tw.recovery.report import ShowProgress

_TABLE = """
CREATE TABLE footers(
    stamp BLOB NOT NULL, path TEXT NOT NULL, bucket TEXT NOT NULL, inc INTEGER NOT NULL,
    info BLOB NOT NULL, record BLOB NOT NULL, PRIMARY KEY(stamp, path)) WITHOUT ROWID;
CREATE TABLE left_out(path TEXT NOT NULL PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID;
"""
_SHOW_EVERY = 1000


class Footer(NamedTuple):
    """One readable footer: ``stamp`` is the proposal of its version, part or annotation."""

    stamp: bytes
    path: str
    info: BlobInfo
    record: BlobRecord


class Claim(NamedTuple):
    """What the footers of one incarnation of a bucket say: when its blobs were written."""

    bucket: str
    incarnation: int
    first: bytes
    last: bytes


class Footers:
    """Reads footers into a private temporary database, so that memory does not grow with them."""

    def __init__(self) -> None:
        self._connection = apsw.Connection("")
        self._connection.execute(_TABLE)
        self._connection.execute("BEGIN")

    def close(self) -> None:
        """Forget them."""
        self._connection.close()

    def collect(
        self, blobs: IBlobHousekeeping, known: Callable[[bytes], bool], show: ShowProgress
    ) -> int:
        """Read the footer of every file whose id is not known; how many files there are. Raises
        ``OSError``, and ``RecoveryError`` for a file that is encrypted with a key that is not here:
        leaving it out would lose it."""
        count = 0
        for id, path, _, _ in blobs.files():
            if id is None:
                continue
            count += 1
            if not count % _SHOW_EVERY:
                show("footers", count, 0)
            if known(id):
                continue
            try:
                self._add(read_footer(blobs, id, path))
            except WrongMasterKey as error:
                raise RecoveryError(
                    f"{path} cannot be read, and nothing was changed: {error}"
                ) from error
            except (CorruptBlob, ValueError) as error:
                self.leave_out(path, f"unreadable: {error}")
        return count

    def _add(self, footer: Footer) -> None:
        row = (
            footer.stamp,
            footer.path,
            footer.record.bucket,
            footer.record.incarnation,
            records.encode(footer.info),
            encode_blob_record(footer.record),
        )
        self._connection.execute("INSERT INTO footers VALUES(?, ?, ?, ?, ?, ?)", row)

    def leave_out(self, path: str, reason: str) -> None:
        """Note a file that is not put back."""
        self._connection.execute("INSERT OR REPLACE INTO left_out VALUES(?, ?)", (path, reason))

    def left_out(self) -> Iterator[tuple[str, str]]:
        """(path, reason) of every file that is not put back."""
        return iter(self._connection.cursor().execute("SELECT path, reason FROM left_out"))

    def claims(self) -> list[Claim]:
        """The incarnations of buckets that the footers name, by bucket."""
        rows: Any = self._connection.cursor().execute(
            "SELECT bucket, inc, min(stamp), max(stamp) FROM footers GROUP BY bucket, inc"
        )
        return [Claim(*row) for row in rows]

    def record_at(self, bucket: str, incarnation: int, stamp: bytes) -> BlobRecord:
        """The record of an incarnation with a stamp that ``claims`` told."""
        sql = "SELECT record FROM footers WHERE stamp = ? AND bucket = ? AND inc = ? LIMIT 1"
        data: Any = self._connection.execute(sql, (stamp, bucket, incarnation)).get
        return decode_blob_record(data)

    def in_order(self) -> Iterator[Footer]:
        """All of them, the earliest first."""
        rows: Any = self._connection.cursor().execute(
            "SELECT stamp, path, info, record FROM footers ORDER BY stamp, path"
        )
        for stamp, path, info, record in rows:
            yield Footer(stamp, path, records.decode_blob(info), decode_blob_record(record))


def read_footer(blobs: IBlobHousekeeping, id: bytes, path: str) -> Footer:
    """The footer of a file. Raises ``CorruptBlob`` and ``ValueError`` for one that does not fit
    its file or this release, ``WrongMasterKey``."""
    info = blobs.describe(path)
    record = decode_blob_record(blobs.record(path))
    if record.kind == OBJECT and record.version is not None:
        stamp, body = record.version.stamp, record.version.body
    elif record.kind == PART and record.part is not None and record.upload is not None:
        stamp, body = record.part.stamp, record.part.body
    elif record.kind == ANNOTATION and record.annotation is not None:
        stamp, body = record.annotation.stamp, record.annotation.body
    else:
        raise ValueError("the record is neither of an object nor of a part or an annotation")
    if info.id != id or (body.kind, body.id, body.size) != (BodyKind.FILE, id, info.size):
        raise CorruptBlob("the record is another blob's")
    return Footer(stamp, path, info, record)
