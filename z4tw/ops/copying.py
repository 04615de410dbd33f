"""CopyObject and UploadPartCopy.

A copy shares the source's file or manifest by reference, and with it keeps its ETag and its parts:
a multipart object stays one, where AWS would write a new single object. A copy that is to be
encrypted with another key is written anew.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
"""

from __future__ import annotations

import hashlib
from functools import partial

import msgspec

from z4tw.errors import CorruptBlob, InvalidRequest, SlowDown
from z4tw.interfaces.http import S3Response
from z4tw.model.access import Acl
from z4tw.model.annotations import NewAnnotation
from z4tw.model.objects import Body, BodyKind, Checksum, Encryption, Lock, Version
from z4tw.model.registers import NeedData, Outcome
from z4tw.model.stamps import stamp_ms
from z4tw.model.uploads import Part, Upload
from z4tw.objects.commands import PutPart, PutVersion
from z4tw.ops.acls import new_object_acl, states_acl
from z4tw.ops.bodies import BodyGone, open_body
from z4tw.ops.context import Context, Operation, done
from z4tw.ops.encryption import (
    Chosen,
    choose,
    encryption_headers,
    new_etag,
    opens,
    same_bytes,
    upload_seal,
)
from z4tw.ops.events import notice_of
from z4tw.ops.ingest import DEFAULT_ALGORITHM, Taken
from z4tw.ops.lifecycle import expiration_headers
from z4tw.ops.locking import asked_lock, lock_at
from z4tw.ops.lookup import ATTEMPTS, owner_of, part_number
from z4tw.ops.multipart import part_footer, part_of, put_part
from z4tw.ops.object_annotations import authorize_copy, copied_annotations
from z4tw.ops.objects import version_footer
from z4tw.ops.quotas import check_part_quota
from z4tw.ops.rewriting import Copy, Original, rewrite
from z4tw.ops.sources import (
    MAX_COPY_BYTES,
    SourceBody,
    authorize_tags,
    find_source,
    read_source,
    source_headers,
    too_large_source,
)
from z4tw.ops.uploads import XML, algorithm_of, open_upload, requested_upload
from z4tw.payload import Digests, checksum_of
from z4tw.s3.conditional import write_condition
from z4tw.s3.copying import replaces
from z4tw.s3.encryption import COPY_CUSTOMER
from z4tw.s3.headers import parse_storage_class, stored_headers, user_metadata
from z4tw.s3.notification import Event
from z4tw.s3.object_annotations import copies_annotations
from z4tw.s3.ranges import parse_copy_range
from z4tw.s3.tagging import parse_tagging_header
from z4tw.s3.xml_out import copy_part_result, copy_result

REDIRECT = "x-amz-website-redirect-location"


class Recipe:
    """What a CopyObject request changes of its source. Raises for a malformed request."""

    def __init__(self, context: Context) -> None:
        headers = context.call.headers
        self.condition = write_condition(headers)
        self.storage_class = parse_storage_class(headers)
        self.replaces_metadata = replaces(headers, "x-amz-metadata-directive")
        self.replaces_tags = replaces(headers, "x-amz-tagging-directive")
        self.headers = stored_headers(headers)
        self.metadata = user_metadata(headers)
        self.tags = parse_tagging_header(headers.get("x-amz-tagging", ""))
        self.copies_annotations = copies_annotations(headers)
        self.algorithm = headers.get("x-amz-checksum-algorithm", "").upper()
        self.chosen = choose(context)

    def version(
        self, source: Version, stamp: bytes, owner: str, acl: Acl | None, lock: Lock | None
    ) -> Version:
        """The new version, still with the source's body and checksum. The source's ACL and lock
        are never copied."""
        headers = self.headers
        metadata = self.metadata
        if not self.replaces_metadata:
            headers = {name: text for name, text in source.headers.items() if name != REDIRECT}
            if REDIRECT in self.headers:
                headers[REDIRECT] = self.headers[REDIRECT]
            metadata = source.user_metadata
        return Version(
            stamp=stamp,
            is_null=False,
            size=source.size,
            etag=source.etag,
            body=source.body,
            owner=owner,
            storage_class=self.storage_class,
            headers=headers,
            user_metadata=metadata,
            tags=self.tags if self.replaces_tags else source.tags,
            checksum=source.checksum,
            parts=source.parts,
            acl=acl,
            encryption=self._encryption(source),
            lock=lock,
        )

    def _encryption(self, source: Version) -> Encryption | None:
        chosen = self.chosen.encryption
        own_key = b"" if source.encryption is None else source.encryption.sealed_key
        if chosen is None or not own_key or not self.shares(source):
            return chosen
        return msgspec.structs.replace(chosen, sealed_key=own_key)

    def shares(self, source: Version) -> bool:
        """Whether the copy may have the very bytes of its source."""
        chosen = self.chosen
        return same_bytes(source.encryption, chosen.encryption, chosen.seal.customer_key)

    def changes(self, source: Version) -> bool:
        """Whether the copy differs from its source in what AWS accepts for a copy onto itself."""
        return (
            self.replaces_metadata
            or self.storage_class != source.storage_class
            or self.headers.get(REDIRECT) != source.headers.get(REDIRECT)
            or self.new_algorithm(source) != ""
            or self.chosen.explicit
            or not self.shares(source)
        )

    def new_algorithm(self, source: Version) -> str:
        """The checksum algorithm to compute anew, empty when the source's checksum stays."""
        if source.checksum is not None and source.checksum.algorithm == self.algorithm:
            return ""
        return self.algorithm


async def copy_object(context: Context) -> S3Response:
    """A new version with the bytes of another one."""
    bucket = context.require_bucket()
    recipe = Recipe(context)
    owner = owner_of(context, bucket)
    acl = await new_object_acl(context, bucket, owner) if states_acl(context) else None
    asked = asked_lock(context, bucket)
    source = await find_source(context)
    register = context.object_register()
    context.blobs.admit(0)
    gone = b""
    for _ in range(ATTEMPTS):
        original = await read_source(context, source)
        customer_key = opens(context, original, COPY_CUSTOMER)
        if original.size > MAX_COPY_BYTES:
            raise too_large_source()
        if source.register == register and not source.version_id and not recipe.changes(original):
            raise InvalidRequest(
                "This copy request is illegal because it is trying to copy an object to itself "
                "without changing the object's metadata, storage class, website redirect location "
                "or encryption attributes."
            )
        if original.tags and not recipe.replaces_tags:
            authorize_tags(context, source, original)
        annotated = recipe.copies_annotations and original.annotations > 0
        if annotated:
            authorize_copy(context, source, original)
        stamp = context.stamp()
        lock = lock_at(bucket, asked, stamp)
        version = recipe.version(original, stamp, owner, acl, lock)
        annotations: tuple[NewAnnotation, ...] = ()
        if annotated:
            copied = await copied_annotations(context, source, original, version)
            if copied is None:
                continue  # changed meanwhile
            annotations = copied
            version = msgspec.structs.replace(version, annotations=len(annotations))
        try:
            taken = await _with_body(context, recipe, original, version, customer_key)
        except BodyGone:
            outcome: Outcome = NeedData(original.body.id)
        else:
            version = taken.value
            command = PutVersion(
                version,
                bucket.versioning,
                recipe.condition,
                taken.inline,
                taken.blob,
                notice=notice_of(context, Event.CREATED_COPY),
                quota=bucket.quota,
                annotations=annotations,
            )
            outcome = await context.store.change(register, command)
        if isinstance(outcome, NeedData):
            if outcome.id == original.body.id:  # else an annotation's, which was changed meanwhile
                gone = _still_there(original, gone)
            continue
        put = done(outcome)
        context.exchange.object_size = version.size
        answer = [XML, *source_headers(source, original)]
        if put.version_id:
            context.exchange.version_id = put.version_id
            answer.append(("x-amz-version-id", put.version_id))
        if bucket.configurations:
            answer += expiration_headers(context, bucket, version, put.stamp)
        answer += encryption_headers(context, version.encryption, written=True)
        document = copy_result(version.etag, stamp_ms(put.stamp), version.checksum)
        return S3Response(200, answer, document)
    raise SlowDown()


def _still_there(original: Version, gone: bytes) -> bytes:
    """The body that was not found, to be told from the next one. Raises ``CorruptBlob`` when the
    source still names the body that was not found before."""
    if original.body.id == gone:
        raise CorruptBlob("the body of a copy's source is not there")
    return original.body.id


async def _with_body(
    context: Context, recipe: Recipe, original: Version, version: Version, customer_key: bytes
) -> Taken[Version]:
    """The version with a body of its own where it cannot share one; with another checksum where
    one is asked for. Raises ``BodyGone``, ``CorruptBlob``."""
    algorithm = recipe.new_algorithm(original)
    if original.body.kind == BodyKind.INLINE:
        return await _inline_copy(context, recipe, original, version, customer_key)
    if recipe.shares(original) or original.body.kind == BodyKind.EMPTY:
        if algorithm:
            digests = await _digest(context, original, algorithm, customer_key)
            version = msgspec.structs.replace(version, checksum=digests.checksum)
        return Taken(version)
    return await _rewritten(context, recipe.chosen, original, version, customer_key, algorithm)


async def _inline_copy(
    context: Context, recipe: Recipe, original: Version, version: Version, customer_key: bytes
) -> Taken[Version]:
    blobs = context.blobs
    data = await open_body(context.store, blobs, original.body, 0, original.size, customer_key)
    version = msgspec.structs.replace(
        version, body=Body(BodyKind.INLINE, blobs.new_id(), original.size)
    )
    if not recipe.shares(original):
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        etag = new_etag(context, recipe.chosen.encryption, md5)
        version = msgspec.structs.replace(version, etag=etag, parts=0)
    algorithm = recipe.new_algorithm(original)
    if algorithm:
        checksum = Checksum(algorithm, "FULL_OBJECT", checksum_of(algorithm, data))
        version = msgspec.structs.replace(version, checksum=checksum)
    blobs.admit(original.size)
    return Taken(version, inline=blobs.seal_inline(version.body.id, data, recipe.chosen.seal))


async def _rewritten(
    context: Context,
    chosen: Chosen,
    original: Version,
    version: Version,
    customer_key: bytes,
    algorithm: str,
) -> Taken[Version]:
    """A copy that is encrypted in another way than its source: a new single object."""
    if not algorithm:
        known = original.checksum
        algorithm = DEFAULT_ALGORITHM if known is None else known.algorithm

    def make(body: Body, etag: str, checksum: Checksum | None) -> Version:
        return msgspec.structs.replace(
            version,
            body=body,
            etag=new_etag(context, chosen.encryption, etag),
            checksum=checksum,
            parts=0,
        )

    bucket = context.require_bucket()
    key = context.call.key
    return await rewrite(
        context,
        Original(original, 0, original.size, customer_key),
        Copy(bucket.name, key, chosen.seal, algorithm),
        make,
        partial(version_footer, bucket, key),
    )


async def _digest(
    context: Context, original: Version, algorithm: str, customer_key: bytes
) -> Digests:
    """A version's digests, by reading all of it."""
    digests = Digests(algorithm, None, False, None, None)
    source = await SourceBody.open(context, original, 0, original.size, customer_key)
    try:
        while piece := await source.read():
            await context.offload.run(digests.update, piece)
    finally:
        source.close()
    return digests.finish({})


async def upload_part_copy(context: Context) -> S3Response:
    """A part with the bytes of a version or a range of it.

    A whole file whose digests are known is shared; anything else is read and written.
    """
    bucket = context.require_bucket()
    number = part_number(context.call.query, context.settings.max_parts)
    upload = await open_upload(context, requested_upload(context))
    seal = upload_seal(context, upload.encryption)
    source = await find_source(context)
    wanted = context.call.headers.get("x-amz-copy-source-range")
    gone = b""
    for _ in range(ATTEMPTS):
        original = await read_source(context, source)
        customer_key = opens(context, original, COPY_CUSTOMER)
        offset, length = 0, original.size
        if wanted is not None:
            offset, length = parse_copy_range(wanted, original.size)
        if length > min(MAX_COPY_BYTES, context.settings.max_part_bytes):
            raise too_large_source()
        try:
            if length == original.size and _shareable(upload, original):
                command = PutPart(_shared_part(context, number, original), quota=bucket.quota)
            else:
                await check_part_quota(context, bucket, part_of(context, upload, number), length)
                wanted_bytes = Original(original, offset, length, customer_key)
                copy = Copy(bucket.name, upload.key, seal, algorithm_of(upload))
                taken = await _copied_part(context, upload, number, wanted_bytes, copy)
                command = PutPart(taken.value, taken.blob, bucket.quota)
        except BodyGone:
            gone = _still_there(original, gone)
            continue
        if isinstance(await put_part(context, upload, command), NeedData):
            gone = _still_there(original, gone)
            continue
        part = command.part
        document = copy_part_result(
            part.etag, stamp_ms(part.stamp), upload.checksum_algorithm, part.checksum
        )
        answer = [XML, *source_headers(source, original)]
        answer += encryption_headers(context, upload.encryption)
        return S3Response(200, answer, document)
    raise SlowDown()


def _shareable(upload: Upload, original: Version) -> bool:
    """Whether a version's file can be a part as it is: its ETag is the MD5 of its bytes, and its
    checksum is the one that the upload keeps of parts."""
    checksum = original.checksum
    return (
        original.body.kind == BodyKind.FILE
        and original.parts == 0
        and checksum is not None
        and checksum.type == "FULL_OBJECT"
        and checksum.algorithm == algorithm_of(upload)
        and same_bytes(original.encryption, upload.encryption, b"")
        and not (original.encryption is not None and original.encryption.sealed_key)
    )


def _shared_part(context: Context, number: int, original: Version) -> Part:
    value = "" if original.checksum is None else original.checksum.value
    return Part(context.stamp(), number, original.size, original.etag, original.body, value)


async def _copied_part(
    context: Context, upload: Upload, number: int, original: Original, copy: Copy
) -> Taken[Part]:
    """A part with bytes of its own. Raises ``BodyGone``, ``CorruptBlob``,
    ``InsufficientStorage``."""

    def make(body: Body, etag: str, checksum: Checksum | None) -> Part:
        value = "" if checksum is None else checksum.value
        etag = new_etag(context, upload.encryption, etag)
        return Part(context.stamp(), number, original.length, etag, body, value)

    footer = partial(part_footer, context.require_bucket(), upload)
    return await rewrite(context, original, copy, make, footer)


OPERATIONS: dict[str, Operation] = {
    "CopyObject": copy_object,
    "UploadPartCopy": upload_part_copy,
}
