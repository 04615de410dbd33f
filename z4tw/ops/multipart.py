"""CreateMultipartUpload, UploadPart and AbortMultipartUpload; the table of all of multipart.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from z4tw.errors import InvalidRequest
from z4tw.interfaces.http import S3Response
from z4tw.model.control import Bucket
from z4tw.model.objects import Body, Checksum
from z4tw.model.rebuild import PART, BlobRecord, encode_blob_record
from z4tw.model.registers import Done, NeedData, Outcome, Register, part_register, upload_register
from z4tw.model.stamps import version_id_of
from z4tw.model.uploads import Part, Upload
from z4tw.objects.commands import AbortUpload, CreateUpload, PutPart
from z4tw.ops.acls import new_object_acl, states_acl
from z4tw.ops.completion import complete_multipart_upload
from z4tw.ops.context import Context, Operation, done
from z4tw.ops.encryption import choose, encryption_headers, new_etag, upload_seal
from z4tw.ops.ingest import Intake
from z4tw.ops.lifecycle import abort_headers
from z4tw.ops.locking import asked_lock, demand_digest
from z4tw.ops.lookup import owner_of, part_number
from z4tw.ops.quotas import check_part_quota
from z4tw.ops.uploads import (
    XML,
    algorithm_of,
    list_multipart_uploads,
    list_parts,
    open_upload,
    requested_upload,
    upload_done,
)
from z4tw.s3.checksums import (
    CHECKSUM_HEADERS,
    COMPOSITE_ALGORITHMS,
    FULL_OBJECT_ALGORITHMS,
    default_type,
)
from z4tw.s3.headers import parse_storage_class, stored_headers, user_metadata
from z4tw.s3.tagging import parse_tagging_header
from z4tw.s3.xml_out import initiate_upload

_TYPES = {"COMPOSITE": COMPOSITE_ALGORITHMS, "FULL_OBJECT": FULL_OBJECT_ALGORITHMS}


async def create_multipart_upload(context: Context) -> S3Response:
    """Open an upload; its id is all that is needed to add parts.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html
    """
    bucket = context.require_bucket()
    call = context.call
    headers = call.headers
    algorithm, type = checksum_plan(headers)
    encryption = choose(context).encryption
    owner = owner_of(context, bucket)
    acl = await new_object_acl(context, bucket, owner) if states_acl(context) else None
    stamp = context.stamp()
    upload = Upload(
        stamp=stamp,
        key=call.key,
        upload_id=version_id_of(stamp),
        owner=owner,
        initiator=context.principal.account_id or owner,
        storage_class=parse_storage_class(headers),
        headers=stored_headers(headers),
        user_metadata=user_metadata(headers),
        tags=parse_tagging_header(headers.get("x-amz-tagging", "")),
        checksum_algorithm=algorithm,
        checksum_type=type,
        acl=acl,
        encryption=encryption,
        lock=asked_lock(context, bucket),
    )
    context.blobs.admit(0)
    register = upload_register(bucket.incarnation, call.key.encode("utf-8"), upload.upload_id)
    done(await context.store.change(register, CreateUpload(upload)))
    answer = [XML, *encryption_headers(context, encryption, written=True)]
    if algorithm:
        answer += [("x-amz-checksum-algorithm", algorithm), ("x-amz-checksum-type", type)]
    if bucket.configurations:
        answer += abort_headers(context, bucket, upload)
    return S3Response(200, answer, initiate_upload(call.bucket, call.key, upload.upload_id))


def checksum_plan(headers: Mapping[str, str]) -> tuple[str, str]:
    """The checksum algorithm and type that an upload asks for, both empty when it asks for none.

    Raises ``InvalidRequest`` for a combination that S3 does not have.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
    """
    algorithm = headers.get("x-amz-checksum-algorithm", "").upper()
    type = headers.get("x-amz-checksum-type", "").upper()
    if type and type not in _TYPES:
        raise InvalidRequest("Value for x-amz-checksum-type header is invalid.")
    if not algorithm:
        if type:
            raise InvalidRequest(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm "
                "header."
            )
        return "", ""
    type = type or default_type(algorithm)
    if algorithm not in _TYPES[type]:
        raise InvalidRequest(
            f"The {type} checksum type cannot be used with the {algorithm.lower()} checksum "
            "algorithm."
        )
    return algorithm, type


async def upload_part(context: Context) -> S3Response:
    """Store the request's body as a part, in place of an older one of its number.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html
    """
    bucket = context.require_bucket()
    call = context.call
    number = part_number(call.query, context.settings.max_parts)
    upload = await open_upload(context, requested_upload(context))
    seal = upload_seal(context, upload.encryption)
    algorithm = algorithm_of(upload)
    default = not upload.checksum_algorithm
    intake = Intake(context, context.settings.max_part_bytes, algorithm, always=default)
    demand_digest(context, bucket, upload.lock, intake, "Put Part")
    declared = intake.declared()
    if not default:
        _check_declared(upload, declared)
    if bucket.quota is not None:
        await check_part_quota(context, bucket, part_of(context, upload, number), intake.size)

    def make(body: Body, etag: str, _checksum: Checksum | None) -> Part:
        etag = new_etag(context, upload.encryption, etag)
        return Part(context.stamp(), number, body.size, etag, body, intake.checksum_value())

    taken = await intake.take(make, partial(part_footer, bucket, upload), seal=seal)
    part = taken.value
    await put_part(context, upload, PutPart(part, taken.blob, bucket.quota))
    answer = [("ETag", f'"{part.etag}"')]
    checksum = intake.digests.checksum
    if checksum is not None and (declared or not default):
        answer.append((CHECKSUM_HEADERS[checksum.algorithm], checksum.value))
    answer += encryption_headers(context, upload.encryption)
    return S3Response(200, answer)


def _check_declared(upload: Upload, declared: str) -> None:
    """A part's checksum must be of the upload's algorithm, and must be there when it goes into a
    composite one."""
    expected = upload.checksum_algorithm
    if declared == expected or (not declared and upload.checksum_type == "FULL_OBJECT"):
        return
    raise InvalidRequest(
        f"Checksum Type mismatch occurred, expected checksum Type: {expected.lower()}, actual "
        f"checksum Type: {declared.lower() or 'null'}"
    )


def part_of(context: Context, upload: Upload, number: int) -> Register:
    """The register of a part of an upload in the request's bucket."""
    incarnation = context.require_bucket().incarnation
    return part_register(incarnation, upload.key.encode("utf-8"), upload.upload_id, number)


async def put_part(context: Context, upload: Upload, command: PutPart) -> Done | NeedData:
    """Store a part's record; ``NeedData`` when a body that it shares is gone. Raises
    ``NoSuchUpload``."""
    register = part_of(context, upload, command.part.number)
    outcome: Outcome = await context.store.change(register, command)
    return outcome if isinstance(outcome, NeedData) else upload_done(context, outcome)


def part_footer(bucket: Bucket, upload: Upload, part: Part) -> bytes:
    """The footer record of the blob of a part."""
    return encode_blob_record(
        BlobRecord(
            PART,
            bucket.name,
            bucket.incarnation,
            bucket.owner,
            bucket.versioning,
            upload.key,
            upload=upload,
            part=part,
        )
    )


async def abort_multipart_upload(context: Context) -> S3Response:
    """Forget an upload and its parts.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html
    """
    register = requested_upload(context)
    upload_done(context, await context.store.change(register, AbortUpload(context.stamp())))
    return S3Response(204)


OPERATIONS: dict[str, Operation] = {
    "AbortMultipartUpload": abort_multipart_upload,
    "CompleteMultipartUpload": complete_multipart_upload,
    "CreateMultipartUpload": create_multipart_upload,
    "ListMultipartUploads": list_multipart_uploads,
    "ListParts": list_parts,
    "UploadPart": upload_part,
}
