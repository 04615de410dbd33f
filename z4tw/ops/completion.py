"""CompleteMultipartUpload: three commands, any prefix of which may be repeated after a crash.

``BeginCompletion`` fixes the version's stamp, ``PutVersion`` stores the version with the upload's
id as its origin, ``FinishCompletion`` keeps the answer for a day and releases the parts. A repeat
finds what is done already at each step. Diagram: ``doc/spec/multipart.rst``.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec

from z4tw.errors import (
    BadDigest,
    CorruptBlob,
    EntityTooLarge,
    EntityTooSmall,
    InvalidPart,
    InvalidRequest,
    SlowDown,
)
from z4tw.interfaces.http import S3Response
from z4tw.model.objects import (
    EMPTY_BODY,
    Body,
    BodyKind,
    Checksum,
    Manifest,
    ManifestPart,
    Version,
)
from z4tw.model.registers import NeedData, Refused, Register
from z4tw.model.stamps import stamp_ms
from z4tw.model.uploads import Part, Upload, UploadState
from z4tw.objects.commands import BeginCompletion, FinishCompletion, PutVersion
from z4tw.objects.versions import ENABLED
from z4tw.ops.context import Context, Settings, done
from z4tw.ops.documents import read_document
from z4tw.ops.encryption import encryption_headers, unlock_upload
from z4tw.ops.events import notice_of
from z4tw.ops.lifecycle import expiration_headers
from z4tw.ops.locking import lock_at
from z4tw.ops.lookup import ATTEMPTS, check_before_body
from z4tw.ops.uploads import (
    XML,
    algorithm_of,
    no_such_upload,
    read_parts,
    requested_upload,
    type_of,
    upload_done,
)
from z4tw.s3.checksums import CHECKSUM_HEADERS, combine_full_object, composite, multipart_etag
from z4tw.s3.conditional import write_condition
from z4tw.s3.notification import Event
from z4tw.s3.xml_in import COMPLETE_BYTES, CompletedPart, parse_complete_multipart
from z4tw.s3.xml_out import complete_upload

ANSWER_KEPT_MS = 24 * 3600 * 1000
"""How long a repeated completion gets the answer of the first one."""


async def complete_multipart_upload(context: Context) -> S3Response:
    """Make one version of an upload's parts, which are shared and not copied."""
    bucket = context.require_bucket()
    upload_id = context.call.query["uploadId"]
    headers = context.call.headers
    condition = write_condition(headers)
    register = requested_upload(context)
    if await context.store.read(register) is None:
        raise no_such_upload(context)
    asked = parse_complete_multipart(await _read_document(context))
    digest = list_digest(asked)
    missing = b""
    for _ in range(ATTEMPTS):
        upload: Upload | None = await context.store.read(register)
        if upload is None or (upload.state == UploadState.DONE and upload.digest != digest):
            raise no_such_upload(context)
        unlock_upload(context, upload.encryption)
        if upload.state == UploadState.DONE:
            return _answer(context, upload)
        stored = await read_parts(context, register)
        try:
            parts = chosen_parts(upload, asked, stored, context.settings)
        except InvalidPart:
            if await _ended(context, register):
                continue  # completed or aborted since the record was read: its parts are gone
            raise
        checksum = object_checksum(upload, parts)
        _check_declared(headers, upload, parts, checksum)
        target = context.object_register()
        await check_before_body(context, target, condition, origin=upload_id)
        begun = upload_done(
            context,
            await context.store.change(register, BeginCompletion(context.stamp(), digest)),
        )
        if not begun.changed:
            continue  # completed meanwhile: the record has the answer
        version, manifest = _version(context, upload, parts, checksum, begun.stamp)
        command = PutVersion(
            version,
            bucket.versioning,
            condition,
            manifest=manifest,
            notice=notice_of(context, Event.CREATED_MULTIPART),
            quota=bucket.quota,
        )
        outcome = await context.store.change(target, command)
        if isinstance(outcome, NeedData):
            # A part was replaced, or another request completed or aborted the upload.
            if outcome.id == missing:
                raise CorruptBlob("the body of a part is not there")
            missing = outcome.id
            continue
        put = done(outcome)
        context.exchange.object_size = version.size
        finished = msgspec.structs.replace(
            upload,
            result_etag=version.etag,
            result_version_id=put.version_id,
            result_checksum=checksum.value,
        )
        await _finish(context, register, digest, finished)
        answer = _answer(context, finished)
        if bucket.configurations:
            answer.headers += expiration_headers(context, bucket, version, put.stamp)
        return answer
    raise SlowDown()


async def _ended(context: Context, register: Register) -> bool:
    upload: Upload | None = await context.store.read(register)
    return upload is None or upload.state == UploadState.DONE


async def _read_document(context: Context) -> bytes:
    """The part list. The request's checksum headers are those of the object, not of this body."""
    headers = {
        name: value
        for name, value in context.head.headers.items()
        if not name.startswith(("x-amz-checksum-", "x-amz-sdk-checksum-"))
    }
    head = msgspec.structs.replace(context.head, headers=headers)
    return await read_document(msgspec.structs.replace(context, head=head), COMPLETE_BYTES)


def list_digest(asked: Sequence[CompletedPart]) -> bytes:
    """What identifies the part list of a completion: BLAKE2b-128 of its numbers and ETags."""
    lines = "".join([f"{part.number}:{part.etag}\n" for part in asked])
    return hashlib.blake2b(lines.encode("utf-8"), digest_size=16).digest()


def chosen_parts(
    upload: Upload, asked: Sequence[CompletedPart], stored: Mapping[int, Part], settings: Settings
) -> list[Part]:
    """The stored parts that a completion lists.

    Raises ``InvalidPart``, ``EntityTooSmall``, ``EntityTooLarge``, and ``InvalidRequest`` where a
    composite checksum lacks that of a part.
    """
    algorithm = algorithm_of(upload)
    demanded = upload.checksum_type == "COMPOSITE"
    chosen: list[Part] = []
    for wanted in asked:
        part = stored.get(wanted.number)
        value = wanted.checksums.get(algorithm)
        if demanded and value is None:
            raise InvalidRequest(
                f"The upload was created using a {algorithm.lower()} checksum. The complete "
                "request must include the checksum for each part. It was missing for part "
                f"{wanted.number} in the request."
            )
        if (
            part is None
            or part.etag != wanted.etag.lower()
            or (value is not None and value != part.checksum)
        ):
            raise InvalidPart(
                UploadId=upload.upload_id, PartNumber=str(wanted.number), ETag=wanted.etag[:1024]
            )
        chosen.append(part)
    for part in chosen[:-1]:
        if part.size < settings.min_part_bytes:
            raise EntityTooSmall(
                ProposedSize=str(part.size),
                MinSizeAllowed=str(settings.min_part_bytes),
                PartNumber=str(part.number),
                ETag=part.etag,
            )
    size = sum(part.size for part in chosen)
    if size > settings.max_object_bytes:
        raise EntityTooLarge(ProposedSize=str(size), MaxSizeAllowed=str(settings.max_object_bytes))
    return chosen


def object_checksum(upload: Upload, parts: Sequence[Part]) -> Checksum:
    """The checksum of the whole object, from those of its parts."""
    algorithm = algorithm_of(upload)
    type = type_of(upload)
    if type == "COMPOSITE":
        return Checksum(algorithm, type, composite(algorithm, [part.checksum for part in parts]))
    value = combine_full_object(algorithm, [(part.checksum, part.size) for part in parts])
    return Checksum(algorithm, type, value)


def _check_declared(
    headers: Mapping[str, str], upload: Upload, parts: Sequence[Part], checksum: Checksum
) -> None:
    """Compare what the request says of the whole object with what it will be. Raises
    ``InvalidRequest``, ``BadDigest``."""
    size = headers.get("x-amz-mp-object-size")
    if size is not None:
        total = sum(part.size for part in parts)
        if not (size.isascii() and size.isdigit()):
            raise InvalidRequest("Value for x-amz-mp-object-size header is invalid.")
        if size.lstrip("0") != str(total).lstrip("0"):
            raise InvalidRequest(
                f"The provided 'x-amz-mp-object-size' header value {size[:32]} does not match "
                f"what was computed: {total}"
            )
    type = headers.get("x-amz-checksum-type")
    if type is not None and type.upper() != checksum.type:
        raise InvalidRequest(
            f"The upload was created using the {checksum.type} checksum mode. The complete "
            "request must use the same checksum mode."
        )
    for algorithm, header in CHECKSUM_HEADERS.items():
        declared = headers.get(header)
        if declared is None:
            continue
        if algorithm != checksum.algorithm:
            raise InvalidRequest(
                "Checksum Type mismatch occurred, expected checksum Type: "
                f"{checksum.algorithm.lower()}, actual checksum Type: {algorithm.lower()}"
            )
        if declared not in (checksum.value, checksum.value.partition("-")[0]):
            raise BadDigest(
                f"The {algorithm.lower()} you specified did not match the calculated checksum."
            )


def _version(
    context: Context, upload: Upload, parts: Sequence[Part], checksum: Checksum, stamp: bytes
) -> tuple[Version, Manifest | None]:
    bucket = context.require_bucket()
    size = sum(part.size for part in parts)
    body = EMPTY_BODY
    manifest = None
    if size:
        body = Body(BodyKind.MANIFEST, context.blobs.new_id(), size)
        manifest = Manifest(
            tuple(
                [
                    ManifestPart(part.number, part.size, part.etag, part.body, part.checksum)
                    for part in parts
                ]
            )
        )
    version = Version(
        stamp=stamp,
        is_null=bucket.versioning != ENABLED,
        size=size,
        etag=multipart_etag([part.etag for part in parts]),
        body=body,
        owner=upload.owner,
        storage_class=upload.storage_class,
        headers=upload.headers,
        user_metadata=upload.user_metadata,
        tags=upload.tags,
        checksum=checksum,
        parts=len(parts),
        origin=upload.upload_id,
        acl=upload.acl,
        encryption=upload.encryption,
        lock=lock_at(bucket, upload.lock, stamp),
    )
    return version, manifest


async def _finish(context: Context, register: Register, digest: bytes, upload: Upload) -> None:
    stamp = context.stamp()
    command = FinishCompletion(
        stamp,
        digest,
        upload.result_etag,
        upload.result_version_id,
        upload.result_checksum,
        stamp_ms(stamp) + ANSWER_KEPT_MS,
    )
    outcome = await context.store.change(register, command)
    if isinstance(outcome, Refused) and outcome.code == "NoSuchUpload":
        return  # aborted after its version was stored: the version stands
    done(outcome)


def _answer(context: Context, upload: Upload) -> S3Response:
    call = context.call
    headers = [XML]
    if upload.result_version_id:
        context.exchange.version_id = upload.result_version_id
        headers.append(("x-amz-version-id", upload.result_version_id))
    headers += encryption_headers(context, upload.encryption)
    checksum = Checksum(algorithm_of(upload), type_of(upload), upload.result_checksum)
    document = complete_upload(
        _location(context), call.bucket, call.key, upload.result_etag, checksum
    )
    return S3Response(200, headers, document)


def _location(context: Context) -> str:
    head, call = context.head, context.call
    scheme = "https" if head.secure else "http"
    path = call.key if call.virtual_host else f"{call.bucket}/{call.key}"
    return f"{scheme}://{head.headers.get('host', '')}/{quote(path, safe='/-_.~')}"
