"""Finding multipart uploads: the one that a request names, its parts, and those of a bucket.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html
"""

from __future__ import annotations

from collections.abc import Iterable

from z4tw.errors import InvalidArgument, NoSuchUpload
from z4tw.interfaces.http import S3Response
from z4tw.model.registers import (
    Done,
    Kind,
    ListPage,
    ListQuery,
    Outcome,
    Refused,
    Register,
    upload_prefix,
    upload_register,
)
from z4tw.model.stamps import parse_version_id
from z4tw.model.uploads import Part, Upload, UploadState
from z4tw.ops.context import Context, done
from z4tw.ops.encryption import unlock_upload
from z4tw.ops.ingest import DEFAULT_ALGORITHM
from z4tw.ops.lookup import part_marker
from z4tw.ops.parameters import count_parameter, url_encoded
from z4tw.s3 import xml_out

MOST_PARTS = 1000
MOST_UPLOADS = 1000
_SCANNED = 1000
_AFTER_PARTS = b"\xff\xff\xff"
XML = ("Content-Type", "application/xml")


def requested_upload(context: Context) -> Register:
    """The register of the upload that the request's ``uploadId`` names. Raises ``NoSuchUpload``
    for text that is no upload's id."""
    upload_id = context.call.query["uploadId"]
    if parse_version_id(upload_id) is None:
        raise no_such_upload(context)
    key = context.call.key.encode("utf-8")
    return upload_register(context.require_bucket().incarnation, key, upload_id)


def no_such_upload(context: Context) -> NoSuchUpload:
    """The error for the request's upload."""
    return NoSuchUpload(UploadId=context.call.query["uploadId"][:1024])


def upload_done(context: Context, outcome: Outcome) -> Done:
    """The outcome of a command on the request's upload; raises what it was refused with."""
    if isinstance(outcome, Refused) and outcome.code == "NoSuchUpload":
        raise no_such_upload(context)
    return done(outcome)


async def open_upload(context: Context, register: Register) -> Upload:
    """The upload of a register, unless it is completed or aborted. Raises ``NoSuchUpload``."""
    upload: Upload | None = await context.store.read(register)
    if upload is None or upload.state == UploadState.DONE:
        raise no_such_upload(context)
    return upload


def algorithm_of(upload: Upload) -> str:
    """The algorithm of the checksum that is kept of each part."""
    return upload.checksum_algorithm or DEFAULT_ALGORITHM


def type_of(upload: Upload) -> str:
    """The type of the checksum that the completed object gets."""
    return upload.checksum_type or "FULL_OBJECT"


async def read_parts(context: Context, upload: Register) -> dict[int, Part]:
    """All parts of an upload by their numbers."""
    found: dict[int, Part] = {}
    start, end = upload.key, upload.key + _AFTER_PARTS
    while True:
        rows: list[tuple[bytes, Part]] = await context.store.scan(
            Kind.PART, upload.incarnation, start, end, _SCANNED
        )
        for _, part in rows:
            found[part.number] = part
        if len(rows) < _SCANNED:
            return found
        start = rows[-1][0] + b"\x00"


async def list_parts(context: Context) -> S3Response:
    """A page of an upload's parts."""
    query = context.call.query
    most = count_parameter(query, "max-parts", MOST_PARTS)
    marker = part_marker(query, "part-number-marker")
    register = requested_upload(context)
    upload = await open_upload(context, register)
    unlock_upload(context, upload.encryption)
    following = min(marker, context.settings.max_parts) + 1
    rows: list[tuple[bytes, Part]] = await context.store.scan(
        Kind.PART,
        register.incarnation,
        register.key + following.to_bytes(2, "big"),
        register.key + _AFTER_PARTS,
        most + 1,
    )
    document = xml_out.list_parts(
        context.call.bucket,
        upload,
        [part for _, part in rows[:most]],
        marker=marker,
        max_parts=most,
        truncated=len(rows) > most > 0,
        owners=await _names(context, (upload.owner, upload.initiator)),
    )
    return S3Response(200, [XML], document)


async def list_multipart_uploads(context: Context) -> S3Response:
    """A page of the bucket's uploads that are neither completed nor aborted."""
    query = context.call.query
    url = url_encoded(query)
    most = count_parameter(query, "max-uploads", MOST_UPLOADS)
    prefix = query.get("prefix", "")
    delimiter = query.get("delimiter", "")
    key_marker = query.get("key-marker", "")
    id_marker = query.get("upload-id-marker", "") if key_marker else ""
    page: ListPage = await context.store.list_live(
        Kind.UPLOAD,
        context.require_bucket().incarnation,
        ListQuery(
            prefix.encode("utf-8"),
            delimiter.encode("utf-8"),
            _start_after(key_marker, id_marker),
            most,
        ),
    )
    people = [id for row in page.rows for id in (row.owner, row.tag)]
    document = xml_out.list_uploads(
        context.call.bucket,
        page,
        prefix=prefix,
        delimiter=delimiter,
        key_marker=key_marker,
        upload_id_marker=id_marker,
        max_uploads=most,
        url=url,
        owners=await _names(context, people),
    )
    return S3Response(200, [XML], document)


def _start_after(key_marker: str, id_marker: str) -> bytes:
    """The register key after which a page starts. Raises ``InvalidArgument``."""
    if not key_marker:
        return b""
    prefix = upload_prefix(key_marker.encode("utf-8"))
    if not id_marker:
        return prefix + b"\xff"
    if parse_version_id(id_marker) is None:
        raise InvalidArgument(
            "Invalid uploadId marker",
            ArgumentName="upload-id-marker",
            ArgumentValue=id_marker[:1024],
        )
    return prefix + id_marker.encode("ascii")


async def _names(context: Context, ids: Iterable[str]) -> dict[str, str]:
    """DisplayNames by canonical account id."""
    return {id: await context.owner_name(id) for id in dict.fromkeys(ids)}
