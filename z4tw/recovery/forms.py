"""Putting packed forms of bodies back: blobs that took the place of others after a snapshot.

The footer of such a blob has the stamp of the version whose bytes it holds, which an older database
knows with the former blob, and that one may be gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apsw
import msgspec

from z4tw.metadata.writes import RowWriter
from z4tw.model.objects import Body, BodyKind, Head, Manifest, Version
from z4tw.model.registers import Done, Kind, Register
from z4tw.objects import records
from z4tw.objects.commands import ReplaceBody
from z4tw.objects.versions import find_version
from z4tw.recovery.footers import Footer

_HEAD = "SELECT value FROM heads WHERE kind = ? AND inc = ? AND key = ?"
_BLOB = "SELECT info FROM blobs WHERE id = ?"
_MANIFEST = "SELECT data FROM manifests WHERE id = ?"


class Forms:
    """Replaces bodies of versions that are in the database by their packed forms."""

    def __init__(
        self,
        connection: apsw.Connection,
        rows: RowWriter,
        stamp: Callable[[], bytes],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._cursor = connection.cursor()
        self._rows = rows
        self._stamp = stamp
        self._random_bytes = random_bytes

    def put(self, footer: Footer) -> bool:
        """Put a packed blob in place of the one that holds the same bytes; False when nothing in
        the database has them, or has them packed. Raises ``apsw.Error``."""
        record = footer.record
        key = record.key.encode("utf-8")
        register = Register(Kind.OBJECT, record.incarnation, key)
        data = self._value(_HEAD, register)
        if data is None or not footer.info.packed_size:
            return False
        head: Head = records.decode(Kind.OBJECT, data)
        body = Body(BodyKind.FILE, footer.info.id, footer.info.size)
        if record.version is not None:
            version = find_version(head, record.version.version_id, self._rows)
            if version is None or version.stamp != record.version.stamp:
                return False
            if not self._replaces(version.body, body):
                return False
            return self._change(register, version, footer, record.version.storage_class, body)
        if record.part is None or record.upload is None:
            return False
        for version in self._all(head):
            if version.origin == record.upload.upload_id:
                return self._put_part(register, version, footer, record.part.number, body)
        return False

    def _put_part(
        self, register: Register, version: Version, footer: Footer, number: int, body: Body
    ) -> bool:
        data = self._value(_MANIFEST, (version.body.id,))
        if data is None:
            return False
        parts = list(records.decode_manifest(data).parts)
        for index, part in enumerate(parts):
            if part.number == number and self._replaces(part.body, body):
                parts[index] = msgspec.structs.replace(part, body=body)
                id = footer.info.id[:6] + self._random_bytes(10)
                listed = Body(BodyKind.MANIFEST, id, version.size)
                manifest = Manifest(tuple(parts))
                stays = version.storage_class
                return self._change(register, version, footer, stays, listed, manifest)
        return False

    def _change(
        self,
        register: Register,
        version: Version,
        footer: Footer,
        storage_class: str,
        body: Body,
        manifest: Manifest | None = None,
    ) -> bool:
        command = ReplaceBody(
            self._stamp(),
            version.version_id,
            version.stamp,
            version.body.id,
            storage_class,
            body,
            (footer.info,),
            manifest,
        )
        return isinstance(self._rows.change(register, command), Done)

    def _replaces(self, present: Body, packed: Body) -> bool:
        """Whether a body is a file with as many bytes that is not packed."""
        if (present.kind, present.size) != (packed.kind, packed.size) or present.id == packed.id:
            return False
        info = self._value(_BLOB, (present.id,))
        return info is None or not records.decode_blob(info).packed_size

    def _all(self, head: Head) -> list[Version]:
        older = [version for page in head.pages for version in self._rows.load_page(page.id)]
        return [*head.versions, *older]

    def _value(self, sql: str, bindings: tuple[Any, ...]) -> Any:
        return self._cursor.execute(sql, bindings).get
