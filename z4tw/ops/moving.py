"""Transitions: a version gets another storage class, and what a plugin makes of its bytes.

The classes of S3 are labels here: all bytes lie on the same disks. A new form of a body is durable
before the version names it, and the version is changed only while it is what was read; the old
form goes when nothing names it any more. A crash at any step leaves the old form in place, or the
new one, and at most a blob that nothing names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from zope.interface import implementer

from z4tw.interfaces.plugins import ILifecycleAction, ITransition
from z4tw.model.control import Bucket
from z4tw.model.objects import (
    SSE_C,
    BlobInfo,
    Body,
    BodyKind,
    Manifest,
    ManifestPart,
    Version,
    without_own_key,
)
from z4tw.model.rebuild import PART, BlobRecord, decode_blob_record, encode_blob_record
from z4tw.model.registers import Done, Kind, Register
from z4tw.objects.commands import ReplaceBody
from z4tw.ops.bodies import BodyGone, open_body
from z4tw.ops.encryption import seal_beside
from z4tw.ops.events import background_notice
from z4tw.ops.objects import version_footer
from z4tw.ops.packing import pack_blob
from z4tw.s3.notification import Event

GROUP_PARTS = 64
GROUP_BYTES = 1 << 30
"""A version of many parts is changed group by group, so that no new blob is long without a name."""


class Mover:
    """Carries out transitions.

    ``blobs`` provides ``IBlobStore`` and ``IBlobHousekeeping``; ``stamp`` makes the stamps of
    commands; ``actions`` are those of plugins by their storage class.
    """

    def __init__(
        self,
        store: Any,
        blobs: Any,
        offload: Any,
        stamp: Callable[[], bytes],
        actions: Mapping[str, ILifecycleAction],
    ) -> None:
        self.store = store
        self.blobs = blobs
        self.offload = offload
        self._stamp = stamp
        self._actions = actions

    async def move(self, bucket: Bucket, key: str, version: Version, storage_class: str) -> bool:
        """Give a version the class; False when it was changed or removed meanwhile. Raises what
        the class's action raises."""
        action = self._actions.get(storage_class)
        moving = _Transition(self, bucket, key, version, storage_class)
        if action is not None:
            try:
                await action.act(moving)
            except BodyGone:
                return False
        return moving.changed or await moving.change(storage_class)

    async def replace(self, bucket: Bucket, key: str, version: Version, **fields: Any) -> bool:
        """Send a ``ReplaceBody`` for a version; False when it was refused."""
        register = Register(Kind.OBJECT, bucket.incarnation, key.encode("utf-8"))
        command = ReplaceBody(
            self._stamp(), version.version_id, version.stamp, version.body.id, **fields
        )
        return type(await self.store.change(register, command)) is Done


@implementer(ITransition)
class _Transition:
    """What an action gets. ``changed``: the version has its class already."""

    def __init__(
        self, mover: Mover, bucket: Bucket, key: str, version: Version, storage_class: str
    ) -> None:
        self.bucket = bucket
        self.key = key
        self.version = version
        self.changed = False
        self._mover = mover
        self._storage_class = storage_class

    async def open(self) -> Any:
        """The version's bytes."""
        version = self.version
        mover = self._mover
        sealed_key = b"" if version.encryption is None else version.encryption.sealed_key
        return await open_body(
            mover.store,
            mover.blobs,
            version.body,
            0,
            version.size,
            sealed_key=sealed_key,
        )

    async def pack(self, level: int) -> None:
        """Pack what lies in files; small bodies in the database stay there, and what only its
        customer's key opens stays as it is."""
        encryption = self.version.encryption
        if encryption is not None and encryption.method == SSE_C:
            return
        kind = self.version.body.kind
        if kind == BodyKind.FILE:
            await self._pack_file(level)
        elif kind == BodyKind.MANIFEST:
            await self._pack_parts(level)

    async def change(self, storage_class: str, **fields: Any) -> bool:
        """Give the version a class and, with ``body``, another form. The new class is announced."""
        notice = None
        if storage_class == self._storage_class:
            bucket = self.bucket
            notice = background_notice(bucket, Event.TRANSITION, self.key, bucket.region)
        done = await self._mover.replace(
            self.bucket,
            self.key,
            self.version,
            storage_class=storage_class,
            notice=notice,
            **fields,
        )
        if done:
            body = fields.get("body", self.version.body)
            self.version = msgspec.structs.replace(
                self.version, body=body, storage_class=storage_class
            )
        return done

    async def _pack_file(self, level: int) -> None:
        version = self.version

        def footer(id: bytes) -> bytes:
            body = Body(BodyKind.FILE, id, version.size)
            moved = msgspec.structs.replace(
                version,
                body=body,
                storage_class=self._storage_class,
                encryption=without_own_key(version.encryption),
            )
            return version_footer(self.bucket, self.key, moved)

        sealed_key = b"" if version.encryption is None else version.encryption.sealed_key
        packed = await self._packed(version.body, sealed_key, level, footer)
        if packed is not None:
            body = Body(BodyKind.FILE, packed.id, version.size)
            if not await self.change(self._storage_class, body=body, blobs=(packed,)):
                raise BodyGone
            self.changed = True

    async def _pack_parts(self, level: int) -> None:
        """Pack part by part; the version gets its class with the last group or after it."""
        manifest: Manifest | None = await self._mover.store.read_manifest(self.version.body.id)
        if manifest is None:
            raise BodyGone
        parts = list(manifest.parts)
        group: list[BlobInfo] = []
        size = 0
        for index, part in enumerate(parts):
            if part.body.kind != BodyKind.FILE:
                continue
            record = await self._record(part)
            packed = await self._packed(part.body, part.sealed_key, level, _part_footer(record))
            if packed is None:
                continue
            body = Body(BodyKind.FILE, packed.id, part.size)
            parts[index] = msgspec.structs.replace(part, body=body, sealed_key=b"")
            group.append(packed)
            size += part.size
            if len(group) == GROUP_PARTS or size >= GROUP_BYTES:
                await self._change_parts(self.version.storage_class, parts, group)
                group, size = [], 0
        if group:
            await self._change_parts(self._storage_class, parts, group)
            self.changed = True

    async def _change_parts(
        self, storage_class: str, parts: list[ManifestPart], group: list[BlobInfo]
    ) -> None:
        body = Body(BodyKind.MANIFEST, self._mover.blobs.new_id(), self.version.size)
        manifest = Manifest(tuple(parts))
        blobs = tuple(group)
        if not await self.change(storage_class, body=body, blobs=blobs, manifest=manifest):
            raise BodyGone

    async def _record(self, part: ManifestPart) -> BlobRecord:
        blob = await self._blob(part.body)
        record = await self._mover.offload.run(self._mover.blobs.record, blob.path)
        return decode_blob_record(record)

    async def _blob(self, body: Body) -> BlobInfo:
        blob: BlobInfo | None = await self._mover.store.read_blob(body.id)
        if blob is None:
            raise BodyGone
        return blob

    async def _packed(
        self, body: Body, sealed_key: bytes, level: int, footer: Callable[[bytes], bytes]
    ) -> BlobInfo | None:
        """A new blob with the packed form of a body, sealed with the version's key; None when there
        is one already, or when it is not worth it. ``sealed_key`` stands in place of its row's."""
        blob = await self._blob(body)
        if blob.packed_size:
            return None
        if sealed_key:
            blob = msgspec.structs.replace(blob, sealed_key=sealed_key)
        seal = seal_beside(self.version.encryption)
        mover = self._mover
        key = self.key.encode("utf-8")
        try:
            return await pack_blob(
                mover.blobs, mover.offload, blob, level, self.bucket.name, key, footer, seal
            )
        except FileNotFoundError:
            raise BodyGone from None


def _part_footer(record: BlobRecord) -> Callable[[bytes], bytes]:
    """The footer of a part in another blob, else as it was. A part that was copied from an object
    by reference has that object's record."""

    def footer(id: bytes) -> bytes:
        if record.kind == PART and record.part is not None:
            body = msgspec.structs.replace(record.part.body, id=id)
            part = msgspec.structs.replace(record.part, body=body)
            return encode_blob_record(msgspec.structs.replace(record, part=part))
        assert record.version is not None
        body = msgspec.structs.replace(record.version.body, id=id)
        version = msgspec.structs.replace(record.version, body=body)
        return encode_blob_record(msgspec.structs.replace(record, version=version))

    return footer
