"""GetObject and HeadObject.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

from z4tw.errors import CorruptBlob, InvalidPartNumber, InvalidRequest, SlowDown
from z4tw.interfaces.http import S3Response
from z4tw.model.objects import BodyKind, Checksum, Manifest, Version
from z4tw.ops.bodies import BodyGone, inline_bytes, open_body
from z4tw.ops.context import Context, Operation
from z4tw.ops.encryption import encryption_headers, opens
from z4tw.ops.lifecycle import expiration_headers
from z4tw.ops.locking import lock_headers
from z4tw.ops.lookup import (
    ATTEMPTS,
    checksum_headers,
    part_number,
    readable,
    readable_version,
    requested_version,
)
from z4tw.s3.conditional import Preconditions, check_read, range_applies
from z4tw.s3.headers import object_headers, response_overrides
from z4tw.s3.ranges import parse_range


class Span(NamedTuple):
    """The bytes of an object that are asked for.

    ``partial`` makes the answer 206; ``checksum`` is that of exactly these bytes, None when none
    is known; ``parts`` is the object's number of parts where the answer states it, else 0.
    """

    offset: int
    length: int
    partial: bool
    checksum: Checksum | None
    parts: int = 0


async def get_object(context: Context) -> S3Response:
    """The bytes of a version, or of a range or part of it."""
    return await _answer(context, with_body=True)


async def head_object(context: Context) -> S3Response:
    """What GetObject would answer, without the bytes."""
    return await _answer(context, with_body=False)


async def _answer(context: Context, with_body: bool) -> S3Response:
    query = context.call.query
    headers = context.call.headers
    version_id = ""
    overrides: dict[str, str] | None = None
    if query:
        version_id = requested_version(query)
        overrides = response_overrides(query)
        if overrides and context.principal.anonymous:
            raise InvalidRequest(
                "Request specific response headers cannot be used for anonymous GET requests."
            )
    register = context.object_register()
    preconditions = Preconditions.from_headers(headers)
    gone = b""
    for _ in range(ATTEMPTS):
        stored: bytes | None = None
        if with_body and not version_id:
            found, stored = await context.store.read_object(register)
            version = readable(context, None if found is None else found.versions[0], "")
        else:
            version = await readable_version(context, register, version_id)
        context.exchange.object_size = version.size
        customer_key = opens(context, version)
        check_read(preconditions, version.etag, version.modified_ms)
        body: Any = b""
        try:
            if "range" in headers or "partNumber" in query:
                span = await _span(context, version)
            else:
                span = Span(0, version.size, False, version.checksum)
            if stored is not None:
                body = inline_bytes(
                    context.blobs,
                    version.body,
                    stored,
                    span.offset,
                    span.length,
                    customer_key,
                )
            elif with_body:
                body = await open_body(
                    context.store,
                    context.blobs,
                    version.body,
                    span.offset,
                    span.length,
                    customer_key,
                    b"" if version.encryption is None else version.encryption.sealed_key,
                )
        except BodyGone:
            # Replaced or deleted since its head was read, unless the head still says the same.
            if version.body.id == gone:
                raise CorruptBlob("the body of a version is not there") from None
            gone = version.body.id
            continue
        return S3Response(
            206 if span.partial else 200,
            _headers(context, version, span, overrides),
            body,
            None if with_body else span.length,
        )
    raise SlowDown()


async def _span(context: Context, version: Version) -> Span:
    """The range or part that the request asks for. Raises ``InvalidRange``,
    ``InvalidPartNumber``, ``InvalidArgument``, ``InvalidRequest``, ``BodyGone``."""
    headers = context.call.headers
    query = context.call.query
    wanted = headers.get("range")
    if "partNumber" in query:
        if wanted is not None:
            raise InvalidRequest("Cannot specify both Range header and partNumber query parameter")
        return await _part(context, version, part_number(query, context.settings.max_parts))
    found = None
    if wanted is not None and range_applies(headers, version.etag, version.modified_ms):
        found = parse_range(wanted, version.size)
    if found is None:
        return Span(0, version.size, False, version.checksum)
    return Span(*found, True, None)


async def _part(context: Context, version: Version, number: int) -> Span:
    if version.body.kind != BodyKind.MANIFEST:
        if number != 1:
            raise _no_part(number, max(version.parts, 1))
        return Span(0, version.size, version.size > 0, version.checksum, version.parts)
    manifest: Manifest | None = await context.store.read_manifest(version.body.id)
    if manifest is None:
        raise BodyGone
    if number > len(manifest.parts):
        raise _no_part(number, len(manifest.parts))
    offset = sum(part.size for part in manifest.parts[: number - 1])
    part = manifest.parts[number - 1]
    checksum = version.checksum
    if checksum is not None and (checksum.type == "COMPOSITE" or len(manifest.parts) > 1):
        # Parts of an object with a full-object checksum show none of their own, as on AWS.
        known = part.checksum and checksum.type == "COMPOSITE"
        checksum = Checksum(checksum.algorithm, checksum.type, part.checksum) if known else None
    return Span(offset, part.size, True, checksum, len(manifest.parts))


def _no_part(number: int, parts: int) -> InvalidPartNumber:
    return InvalidPartNumber(PartNumberRequested=str(number), ActualPartCount=str(parts))


def _headers(
    context: Context, version: Version, span: Span, overrides: dict[str, str] | None
) -> list[tuple[str, str]]:
    bucket = context.require_bucket()
    answer = object_headers(version, overrides, version.version_id if bucket.versioning else "")
    if version.lock is not None:
        answer += lock_headers(context, version)
    mode = context.call.headers.get("x-amz-checksum-mode")
    if mode is not None and mode.upper() == "ENABLED":
        answer += checksum_headers(span.checksum)
    if bucket.configurations and "versionId" not in context.call.query:
        answer += expiration_headers(context, bucket, version)
    if version.encryption is not None:
        answer += encryption_headers(context, version.encryption)
    if span.partial:
        last = span.offset + span.length - 1
        answer.append(("Content-Range", f"bytes {span.offset}-{last}/{version.size}"))
    if span.parts:
        answer.append(("x-amz-mp-parts-count", str(span.parts)))
    return answer


OPERATIONS: dict[str, Operation] = {"GetObject": get_object, "HeadObject": head_object}
