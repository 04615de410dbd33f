"""Appends: PutObject with ``x-amz-write-offset-bytes``, in every bucket.

What is appended becomes one more part of the object, beside the bytes that are there, which are
shared and not written again (but for those that lie in the database). The object keeps its
metadata. With versioning each append makes a version.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/directory-buckets-objects-append.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import msgspec

from z4tw import errors
from z4tw.errors import (
    ConditionalRequestConflict,
    EncryptionTypeMismatch,
    EntityTooLarge,
    InvalidArgument,
    InvalidRequest,
    InvalidWriteOffset,
    SlowDown,
    TooManyParts,
)
from z4tw.interfaces.http import S3Response
from z4tw.model.annotations import NewAnnotation
from z4tw.model.objects import (
    SSE_S3,
    BlobInfo,
    Body,
    BodyKind,
    Checksum,
    Head,
    Manifest,
    ManifestPart,
    Version,
)
from z4tw.model.registers import NeedData, Outcome, Refused, Register
from z4tw.model.stamps import version_id_of
from z4tw.model.uploads import Part, Upload
from z4tw.objects.commands import Condition, PutVersion
from z4tw.objects.versions import check_condition
from z4tw.ops.bodies import BodyGone, open_body
from z4tw.ops.context import Context, done, refusal
from z4tw.ops.encryption import choose, seal_of
from z4tw.ops.events import notice_of
from z4tw.ops.ingest import DEFAULT_ALGORITHM, Intake
from z4tw.ops.locking import asked_lock, demand_digest, lock_at
from z4tw.ops.lookup import ATTEMPTS, checksum_headers
from z4tw.ops.multipart import part_footer
from z4tw.ops.object_annotations import copied_annotations
from z4tw.ops.quotas import check_version_quota
from z4tw.ops.sources import Source
from z4tw.s3.checksums import (
    FULL_OBJECT_ALGORITHMS,
    combine_full_object,
    composite,
    default_type,
    multipart_etag,
)
from z4tw.s3.conditional import parse_size
from z4tw.s3.headers import stored_headers, user_metadata
from z4tw.s3.notification import Event
from z4tw.s3.tagging import parse_tagging_header

OFFSET = "x-amz-write-offset-bytes"
_APPENDED = "append "
"""Before the upload id in the origin of an object that was appended to: the records of its parts
name that upload, and a lost database gives them back as its parts."""


class Target(NamedTuple):
    """What is appended to (None: the object is to be made), and the condition that it is still the
    same."""

    version: Version | None
    condition: Condition


def requested_offset(headers: Mapping[str, str]) -> int | None:
    """Where a PutObject is to start writing, None when it replaces. Raises ``InvalidArgument``."""
    text = headers.get(OFFSET)
    if text is None:
        return None
    offset = parse_size(text)
    if offset is None:
        raise InvalidArgument(ArgumentName=OFFSET, ArgumentValue=text[:256])
    return offset


async def find_target(
    context: Context, register: Register, offset: int, condition: Condition | None
) -> Target:
    """The object as it is now. Raises ``InvalidWriteOffset`` unless it ends at the offset, and what
    the condition refuses."""
    head: Head | None = await context.store.read(register)
    current = None if head is None else head.current
    refused = check_condition(condition, current)
    if refused is not None:
        raise refusal(refused)
    if current is not None and current.delete_marker:
        current = None
    if offset != (0 if current is None else current.size):
        raise InvalidWriteOffset()
    last = b"" if head is None else head.last
    return Target(current, msgspec.structs.replace(condition or Condition(), last=last))


class Appending:
    """One request that appends to an object that is there."""

    def __init__(self, context: Context, base: Version) -> None:
        self._context = context
        self._bucket = context.require_bucket()
        self._asked = asked_lock(context, self._bucket)
        self._check(base)
        self._algorithm = _algorithm(base)
        settings = context.settings
        self._intake = Intake(context, settings.max_put_bytes, self._algorithm, always=True)
        demand_digest(context, self._bucket, self._asked, self._intake, "Put Object")
        size = base.size + self._intake.size
        if size > settings.max_object_bytes:
            raise EntityTooLarge(
                ProposedSize=str(size), MaxSizeAllowed=str(settings.max_object_bytes)
            )

    def _check(self, base: Version) -> None:
        """Raises ``TooManyParts``, what ``_check_encryption`` raises, and ``InvalidRequest`` for
        metadata that the object does not have: an append changes none."""
        if _count(base) >= self._context.settings.max_parts:
            raise TooManyParts()
        _check_encryption(self._context, base)
        headers = self._context.call.headers
        asked = stored_headers(headers)
        asked.pop("content-type", None)  # HTTP clients send one whether it is meant or not
        metadata = user_metadata(headers)
        tags = parse_tagging_header(headers.get("x-amz-tagging", ""))
        storage_class = headers.get("x-amz-storage-class") or base.storage_class
        if (
            any(base.headers.get(name) != value for name, value in asked.items())
            or metadata not in ({}, base.user_metadata)
            or tags not in ({}, base.tags)
            or storage_class != base.storage_class
        ):
            raise InvalidRequest(
                "The metadata, tags and storage class of an object cannot be changed by an append."
            )

    async def append(
        self, register: Register, target: Target, base: Version, condition: Condition | None
    ) -> S3Response:
        """Take the request's body, and store the object with it."""
        context = self._context
        upload = self._upload(base)
        number = _count(base) + 1

        def make(body: Body, etag: str, _checksum: Checksum | None) -> Part:
            value = self._intake.checksum_value()
            return Part(context.stamp(), number, body.size, etag, body, value)

        if self._bucket.quota is not None:
            size = base.size + self._intake.size
            await check_version_quota(context, self._bucket, register, size)
        footer = partial(part_footer, self._bucket, upload)
        taken = await self._intake.take(make, footer, seal=seal_of(base))
        if not taken.value.size:
            return _answer(base, base.version_id if self._bucket.versioning else "")
        if taken.blob is not None:
            # The body took its time: the bucket's versioning may have been changed meanwhile.
            self._bucket = await context.find_bucket(self._bucket.name)
        offset = base.size
        for _ in range(ATTEMPTS):
            try:
                parts, blobs = await self._parts(base, upload)
                annotations = await self._annotations(register, base)
            except BodyGone:
                outcome: Outcome = NeedData(base.body.id)
            else:
                new = blobs if taken.blob is None else (*blobs, taken.blob)
                command = self._command(base, upload, parts, taken.value, annotations)
                command = msgspec.structs.replace(
                    command, condition=target.condition, blobs=new, annotations=annotations
                )
                outcome = await context.store.change(register, command)
                if not isinstance(outcome, NeedData) and not _raced(outcome):
                    put = done(outcome)
                    if put.version_id:
                        context.exchange.version_id = put.version_id
                    return _answer(command.version, put.version_id)
            target = await find_target(context, register, offset, condition)
            if target.version is None or _algorithm(target.version) != self._algorithm:
                raise ConditionalRequestConflict()
            base = target.version
            self._check(base)
        raise SlowDown()

    def _upload(self, base: Version) -> Upload:
        """What the records of the parts name as their upload."""
        context = self._context
        stamp = context.stamp()
        known = base.origin.startswith(_APPENDED)
        return Upload(
            stamp=stamp,
            key=context.call.key,
            upload_id=base.origin[len(_APPENDED) :] if known else version_id_of(stamp),
            owner=base.owner,
            initiator=context.principal.account_id or base.owner,
            storage_class=base.storage_class,
            headers=base.headers,
            user_metadata=base.user_metadata,
            tags=base.tags,
            checksum_algorithm=self._algorithm,
            checksum_type=default_type(self._algorithm),
        )

    async def _parts(
        self, base: Version, upload: Upload
    ) -> tuple[tuple[ManifestPart, ...], tuple[BlobInfo, ...]]:
        """The parts that the object has so far, and the new blobs among them. Raises
        ``BodyGone``."""
        body = base.body
        if body.kind == BodyKind.EMPTY:
            return (), ()
        if body.kind == BodyKind.MANIFEST:
            manifest: Manifest | None = await self._context.store.read_manifest(body.id)
            if manifest is None:
                raise BodyGone
            numbered = [
                msgspec.structs.replace(part, number=number)
                for number, part in enumerate(manifest.parts, 1)
            ]
            return tuple(numbered), ()
        value = "" if base.checksum is None else base.checksum.value
        if body.kind == BodyKind.FILE:
            return (ManifestPart(1, base.size, base.etag, body, value),), ()
        part, blob = await self._as_file(base, upload, value)
        return (ManifestPart(1, base.size, base.etag, part.body, value),), (blob,)

    async def _as_file(self, base: Version, upload: Upload, value: str) -> tuple[Part, BlobInfo]:
        """Bytes that lie in the database, written to a file: only files can be parts."""
        context = self._context
        data = await open_body(context.store, context.blobs, base.body, 0, base.size)
        context.blobs.admit(base.size)
        key = context.call.key.encode("utf-8")
        writer = context.blobs.writer(self._bucket.name, key, base.size, seal_of(base))
        try:
            await writer.write(data)
            body = Body(BodyKind.FILE, writer.id, base.size)
            part = Part(context.stamp(), 1, base.size, base.etag, body, value)
            return part, await writer.commit(part_footer(self._bucket, upload, part))
        except BaseException:
            writer.abort()
            raise

    def _command(
        self,
        base: Version,
        upload: Upload,
        before: tuple[ManifestPart, ...],
        part: Part,
        annotations: tuple[NewAnnotation, ...],
    ) -> PutVersion:
        added = ManifestPart(len(before) + 1, part.size, part.etag, part.body, part.checksum)
        parts = (*before, added)
        stamp = self._context.stamp()
        size = base.size + part.size
        version = msgspec.structs.replace(
            base,
            annotations=len(annotations),
            stamp=stamp,
            size=size,
            etag=multipart_etag([one.etag for one in parts]),
            body=Body(BodyKind.MANIFEST, self._context.blobs.new_id(), size),
            checksum=appended_checksum(base, parts),
            parts=len(parts),
            origin=_APPENDED + upload.upload_id,
            lock=lock_at(self._bucket, self._asked, stamp),
        )
        bucket = self._bucket
        return PutVersion(
            version,
            bucket.versioning,
            manifest=Manifest(parts),
            notice=notice_of(self._context, Event.CREATED_PUT, bucket=bucket),
            quota=bucket.quota,
        )

    async def _annotations(self, register: Register, base: Version) -> tuple[NewAnnotation, ...]:
        """What was attached to the object, which stays attached. Raises ``BodyGone``."""
        if not base.annotations:
            return ()
        source = Source(self._bucket, self._context.call.key, "", register, base)
        copied = await copied_annotations(self._context, source, base, base)
        if copied is None:
            raise BodyGone
        return copied


def appended_checksum(base: Version, parts: tuple[ManifestPart, ...]) -> Checksum | None:
    """The checksum of an object with another part at its end: of the whole, where the algorithm
    can tell it from what was known, else that of the parts' checksums; None when not even that is
    known."""
    known = base.checksum
    if known is None:
        return None
    algorithm = known.algorithm
    added = parts[-1]
    if known.type == "FULL_OBJECT":
        if algorithm in FULL_OBJECT_ALGORITHMS:
            pieces = [(known.value, base.size), (added.checksum, added.size)]
            return Checksum(algorithm, known.type, combine_full_object(algorithm, pieces))
        if base.body.kind == BodyKind.MANIFEST:
            # A copy computed it anew: the parts keep checksums of another algorithm.
            return None
    value = composite(algorithm, [part.checksum for part in parts])
    return Checksum(algorithm, "COMPOSITE", value)


def _check_encryption(context: Context, base: Version) -> None:
    """Parts of objects that the store's own key encrypts, or none, can be added. Raises
    ``EncryptionTypeMismatch`` when the request asks for another encryption than the object's,
    ``NotImplemented`` for objects with other keys."""
    chosen = choose(context)
    encryption = base.encryption
    method = "" if encryption is None else encryption.method
    if chosen.explicit and (chosen.encryption is None or chosen.encryption.method != method):
        raise EncryptionTypeMismatch()
    if encryption is not None and (method != SSE_S3 or encryption.key or encryption.sealed_key):
        raise errors.NotImplemented(
            "Appending to an object that is encrypted with a key of its own is not implemented."
        )


def _algorithm(base: Version) -> str:
    return DEFAULT_ALGORITHM if base.checksum is None else base.checksum.algorithm


def _count(base: Version) -> int:
    """The number of parts of an object, of which one that was put whole is one."""
    return max(base.parts, 1) if base.size else 0


def _raced(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and outcome.code == "ConditionalRequestConflict"


def _answer(version: Version, version_id: str) -> S3Response:
    answer = [("ETag", f'"{version.etag}"'), *checksum_headers(version.checksum)]
    answer.append(("x-amz-object-size", str(version.size)))
    if version_id:
        answer.append(("x-amz-version-id", version_id))
    return S3Response(200, answer)
