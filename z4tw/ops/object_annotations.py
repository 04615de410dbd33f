"""PutObjectAnnotation, GetObjectAnnotation, ListObjectAnnotations and DeleteObjectAnnotation.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAnnotation.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAnnotation.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectAnnotations.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjectAnnotation.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from z4tw.errors import (
    CorruptBlob,
    InvalidArgument,
    InvalidRequest,
    NoSuchAnnotation,
    SlowDown,
    UnsupportedMediaType,
)
from z4tw.interfaces.http import S3Response
from z4tw.model.annotations import (
    Annotation,
    NewAnnotation,
    annotation_register,
    annotations_prefix,
)
from z4tw.model.control import Bucket
from z4tw.model.objects import (
    EMPTY_BODY,
    SSE_C,
    BlobInfo,
    Body,
    BodyKind,
    Version,
    without_own_key,
)
from z4tw.model.rebuild import ANNOTATION, BlobRecord, encode_blob_record
from z4tw.model.registers import Kind
from z4tw.model.stamps import stamp_ms
from z4tw.objects.commands import DeleteAnnotation, PutAnnotation
from z4tw.objects.object_annotations import MAX_ANNOTATIONS
from z4tw.ops.bodies import BodyGone, open_body
from z4tw.ops.context import Context, Operation, done
from z4tw.ops.encryption import check_key, encryption_headers, same_bytes, upload_seal
from z4tw.ops.events import notice_of
from z4tw.ops.ingest import Intake
from z4tw.ops.locking import may_bypass
from z4tw.ops.lookup import (
    ATTEMPTS,
    checksum_headers,
    is_versioned,
    readable_version,
    requested_version,
)
from z4tw.ops.parameters import count_parameter
from z4tw.ops.sources import Source, authorize_source
from z4tw.ops.tokens import pack_token, unpack_token
from z4tw.s3.headers import http_date
from z4tw.s3.notification import Event
from z4tw.s3.object_annotations import (
    MAX_BYTES,
    check_annotation_name,
    check_annotation_prefix,
    list_annotations,
    put_annotation_result,
)
from z4tw.sse.seal import Seal

XML = ("Content-Type", "application/xml")
_LISTING = "annotations"


async def put_object_annotation(context: Context) -> S3Response:
    """Attach a text of 1 byte to 1 MiB to a version, in place of one of the same name."""
    name = _requested_name(context)
    check_annotation_name(name)
    if_match = _if_match(context)
    version_id = requested_version(context.call.query)
    intake = Intake(context, MAX_BYTES)
    if not intake.size:
        raise InvalidRequest("An annotation has 1 byte at least.")
    register = context.object_register()
    version = await readable_version(context, register, version_id)
    seal = _seal(context, version)
    data = await intake.read_whole()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise UnsupportedMediaType() from None
    digests = intake.digests
    plain = Annotation(context.stamp(), name, digests.etag, EMPTY_BODY, digests.checksum)
    annotation, inline, blob = msgspec.structs.astuple(
        await _stored(context, version, plain, data, seal)
    )
    command = PutAnnotation(
        # In a versioned bucket another version may be the current one by now: the text belongs to
        # the one that was there before it was sent.
        version.version_id,
        annotation,
        if_match,
        inline,
        blob,
        notice_of(context, Event.ANNOTATION_PUT),
        context.require_bucket().quota,
        may_bypass(context, context.call.key, version),
    )
    done(await context.store.change(register, command))
    answer = [
        XML,
        ("ETag", f'"{annotation.etag}"'),
        *checksum_headers(annotation.checksum),
        *_version_header(context, version),
        *encryption_headers(context, annotation.encryption),
    ]
    return S3Response(200, answer, put_annotation_result(context.call.key, name))


async def get_object_annotation(context: Context) -> S3Response:
    """The text of an annotation. Raises ``NoSuchAnnotation``."""
    name = _requested_name(context)
    version_id = requested_version(context.call.query)
    register = context.object_register()
    gone = b""
    for _ in range(ATTEMPTS):
        version = await readable_version(context, register, version_id)
        annotation: Annotation | None = None
        if version.annotations and name.isprintable():
            at = annotation_register(register.incarnation, register.key, version.stamp, name)
            annotation = await context.store.read(at)
        if annotation is None:
            raise NoSuchAnnotation(AnnotationName=name[:512])
        _check_key(context, annotation)
        body = annotation.body
        try:
            content: Any = await open_body(context.store, context.blobs, body, 0, body.size)
        except BodyGone:
            if body.id == gone:
                raise CorruptBlob("the body of an annotation is not there") from None
            gone = body.id
            continue
        answer = [
            ("Last-Modified", http_date(stamp_ms(annotation.stamp))),
            ("ETag", f'"{annotation.etag}"'),
            ("Content-Type", "text/plain; charset=utf-8"),
            *_version_header(context, version),
            *encryption_headers(context, annotation.encryption),
        ]
        if context.call.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
            answer += checksum_headers(annotation.checksum)
        return S3Response(200, answer, content)
    raise SlowDown()


async def list_object_annotations(context: Context) -> S3Response:
    """The annotations of a version by name, those after a continuation token."""
    query = context.call.query
    prefix = query.get("annotation-prefix", "")
    check_annotation_prefix(prefix)
    limit = count_parameter(query, "max-annotation-results", MAX_ANNOTATIONS, 1, MAX_ANNOTATIONS)
    register = context.object_register()
    version = await readable_version(context, register, requested_version(query))
    scope = register.incarnation.to_bytes(8, "big") + version.stamp
    token = query.get("continuation-token", "")
    start = prefix.encode("utf-8")
    if token:
        start = max(start, unpack_token(_LISTING, scope, token) + b"\x00")
    rows: list[Annotation] = []
    if version.annotations:
        first = annotations_prefix(register.key, version.stamp)
        end = first + prefix.encode("utf-8") + b"\xff"
        found = await context.store.scan(
            Kind.ANNOTATION, register.incarnation, first + start, end, limit + 1
        )
        rows = [annotation for _, annotation in found]
    page = rows[:limit]
    more = len(rows) > limit
    document = list_annotations(
        context.call.bucket,
        context.call.key,
        page,
        prefix=prefix,
        limit=limit,
        token=token,
        next_token=pack_token(_LISTING, scope, page[-1].name.encode("utf-8")) if more else "",
    )
    return S3Response(200, [XML, *_version_header(context, version)], document)


async def delete_object_annotation(context: Context) -> S3Response:
    """Remove an annotation for good; one that is not there is no error."""
    name = _requested_name(context)
    if_match = _if_match(context)
    version_id = requested_version(context.call.query)
    register = context.object_register()
    version = await readable_version(context, register, version_id)
    command = DeleteAnnotation(
        context.stamp(),
        version.version_id,
        name,
        if_match,
        notice_of(context, Event.ANNOTATION_DELETE),
        may_bypass(context, context.call.key, version),
    )
    done(await context.store.change(register, command))
    return S3Response(204, _version_header(context, version))


# Copies


def authorize_copy(context: Context, source: Source, original: Version) -> None:
    """Copying annotations takes the right to read them and the right to put them. Raises
    ``AccessDenied``."""
    authorize_source(context, source, "s3:GetObjectAnnotation", original)
    context.authorize("s3:PutObjectAnnotation", key=context.call.key)


async def copied_annotations(
    context: Context, source: Source, original: Version, version: Version
) -> tuple[NewAnnotation, ...] | None:
    """The annotations of ``original`` for the new ``version``: files are shared where they are
    encrypted as that one is, everything else is written anew. None when they were changed
    meanwhile. Raises ``InvalidRequest`` when the new version cannot have any."""
    seal = _seal(context, version)
    first = annotations_prefix(source.register.key, original.stamp)
    found = await context.store.scan(
        Kind.ANNOTATION, source.register.incarnation, first, first + b"\xff", MAX_ANNOTATIONS
    )
    copied = []
    for _, annotation in found:
        body = annotation.body
        if body.kind == BodyKind.FILE and same_bytes(
            annotation.encryption, version.encryption, b""
        ):
            copied.append(NewAnnotation(annotation))
            continue
        _check_key(context, annotation)
        try:
            data = await _read_all(context, annotation)
        except BodyGone:
            return None
        copied.append(await _stored(context, version, annotation, data, seal))
    return tuple(copied)


async def _read_all(context: Context, annotation: Annotation) -> bytes:
    body = annotation.body
    content: Any = await open_body(context.store, context.blobs, body, 0, body.size)
    if isinstance(content, bytes):
        return content
    pieces = []
    try:
        while piece := await content.next():
            pieces.append(bytes(piece))
    finally:
        content.close()
    return b"".join(pieces)


async def _stored(
    context: Context, version: Version, annotation: Annotation, data: bytes, seal: Seal
) -> NewAnnotation:
    """An annotation with a body of its own, encrypted as its version is."""
    blobs = context.blobs
    key = context.call.key
    bucket = context.require_bucket()
    encryption = without_own_key(version.encryption)
    if len(data) <= context.settings.inline_limit_bytes:
        blobs.admit(len(data))
        body = Body(BodyKind.INLINE, blobs.new_id(), len(data))
        own = msgspec.structs.replace(annotation, body=body, encryption=encryption)
        return NewAnnotation(own, inline=blobs.seal_inline(body.id, data, seal))
    writer = blobs.writer(bucket.name, key.encode("utf-8"), len(data), seal)
    body = Body(BodyKind.FILE, writer.id, len(data))
    own = msgspec.structs.replace(annotation, body=body, encryption=encryption)
    blob = await _written(writer, data, _footer(bucket, key, version, own))
    return NewAnnotation(own, blob=blob)


def _seal(context: Context, version: Version) -> Seal:
    """How an annotation of a version is sealed. Raises ``InvalidRequest`` for a version that is
    encrypted with a customer's key, and as ``upload_seal``."""
    if version.encryption is not None and version.encryption.method == SSE_C:
        raise InvalidRequest("Objects that are encrypted with SSE-C cannot have annotations.")
    return upload_seal(context, version.encryption)


def _check_key(context: Context, annotation: Annotation) -> None:
    if annotation.encryption is not None:
        check_key(context.blobs.keys, annotation.encryption.key, context.settings.region)


def _requested_name(context: Context) -> str:
    name = context.call.query.get("annotationName")
    if name is None:
        raise InvalidArgument(
            "The annotationName parameter is missing", ArgumentName="annotationName"
        )
    return name


def _if_match(context: Context) -> str | None:
    value = context.call.headers.get("x-amz-object-if-match")
    return None if value is None else value.strip().strip('"')


def _version_header(context: Context, version: Version) -> list[tuple[str, str]]:
    if not is_versioned(context.require_bucket()):
        return []
    context.exchange.version_id = version.version_id
    return [("x-amz-object-version-id", version.version_id)]


def _footer(bucket: Bucket, key: str, version: Version, annotation: Annotation) -> bytes:
    """The footer record of the blob of an annotation."""
    return encode_blob_record(
        BlobRecord(
            ANNOTATION,
            bucket.name,
            bucket.incarnation,
            bucket.owner,
            bucket.versioning,
            key,
            annotation=annotation,
            annotated=version.stamp,
        )
    )


async def _written(writer: Any, data: bytes, footer: bytes) -> BlobInfo:
    """A durable blob."""
    try:
        await writer.write(data)
        blob: BlobInfo = await writer.commit(footer)
    except BaseException:
        writer.abort()
        raise
    return blob


OPERATIONS: dict[str, Operation] = {
    "DeleteObjectAnnotation": delete_object_annotation,
    "GetObjectAnnotation": get_object_annotation,
    "ListObjectAnnotations": list_object_annotations,
    "PutObjectAnnotation": put_object_annotation,
}
