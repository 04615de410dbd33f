"""The source of a copy: found, authorized, judged, and read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from z4tw.errors import InvalidRequest
from z4tw.model.control import Bucket
from z4tw.model.objects import Version
from z4tw.model.registers import Kind, Register
from z4tw.ops.authorize import check_expected_owner
from z4tw.ops.bodies import open_body
from z4tw.ops.condition_keys import tag_keys
from z4tw.ops.context import Context
from z4tw.s3.conditional import Preconditions, check_read
from z4tw.s3.copying import parse_copy_source

MAX_COPY_BYTES = 5 * 1024**3
"""The largest source of a CopyObject, and the largest range of an UploadPartCopy."""


class Source(NamedTuple):
    """What a copy's source header names. ``version_id`` is empty for the current version."""

    bucket: Bucket
    key: str
    version_id: str
    register: Register
    judged: Version | None


async def find_source(context: Context) -> Source:
    """The source that ``x-amz-copy-source`` names, which the principal may read.

    Raises ``InvalidArgument``, ``NoSuchBucket``, ``AccessDenied``, and for who may list but not
    read an absent one ``NoSuchKey`` or ``NoSuchVersion``.
    """
    headers = context.call.headers
    named = parse_copy_source(headers["x-amz-copy-source"])
    bucket = await context.find_bucket(named.bucket)
    register = Register(Kind.OBJECT, bucket.incarnation, named.key.encode("utf-8"))
    version: Version | None = await context.store.find_version(register, named.version_id)
    source = Source(bucket, named.key, named.version_id, register, version)
    _authorize(context, source, version)
    expected = headers.get("x-amz-source-expected-bucket-owner")
    if expected is not None:
        await check_expected_owner(context.directory, bucket, expected)
    return source


def _authorize(context: Context, source: Source, version: Version | None) -> None:
    action = "s3:GetObjectVersion" if source.version_id else "s3:GetObject"
    if version is None and context.access.silent(context, action, source.bucket, source.key):
        raise context.no_such_key(source.key, source.bucket, source.version_id)
    authorize_source(context, source, action, version)


def authorize_source(
    context: Context, source: Source, action: str, version: Version | None
) -> None:
    """Demand that the principal may do something with a source, whose version id is then the
    request's. Raises ``AccessDenied``."""
    kept = context.further_keys
    if source.version_id:
        context.further_keys = {**kept, "s3:VersionId": source.version_id}
    context.authorize(action, source.bucket, source.key, version)
    context.further_keys = kept


def authorize_tags(context: Context, source: Source, original: Version) -> None:
    """Demand what copying the tags of a version takes: the right to read them and the right to
    set them. Raises ``AccessDenied``."""
    action = "s3:GetObjectVersionTagging" if source.version_id else "s3:GetObjectTagging"
    authorize_source(context, source, action, original)
    context.further_keys = {**context.further_keys, **tag_keys(original.tags)}
    context.authorize("s3:PutObjectTagging", key=context.call.key)


async def read_source(context: Context, source: Source) -> Version:
    """The version to copy, after the ``x-amz-copy-source-if-*`` conditions were checked on it.

    Raises ``NoSuchKey``, ``NoSuchVersion``, ``PreconditionFailed``, and ``InvalidRequest`` for a
    delete marker that is named by its id.
    """
    version: Version | None = await context.store.find_version(source.register, source.version_id)
    if version is None:
        raise context.no_such_key(source.key, source.bucket, source.version_id)
    if version is not source.judged:
        _authorize(context, source, version)
    if version.delete_marker:
        if source.version_id:
            raise InvalidRequest(
                "The source of a copy request may not specifically refer to a delete marker by "
                "version id."
            )
        raise context.no_such_key(source.key, source.bucket)
    conditions = Preconditions.from_headers(context.call.headers, "x-amz-copy-source-")
    check_read(conditions, version.etag, version.modified_ms)
    return version


def too_large_source() -> InvalidRequest:
    """The refusal of a source above ``MAX_COPY_BYTES``."""
    return InvalidRequest(
        "The specified copy source is larger than the maximum allowable size for a copy source: "
        f"{MAX_COPY_BYTES}"
    )


def source_headers(source: Source, version: Version) -> list[tuple[str, str]]:
    """What an answer says of the source: its version, where its bucket has versioning."""
    if not source.bucket.versioning:
        return []
    return [("x-amz-copy-source-version-id", version.version_id)]


class SourceBody:
    """The bytes of a version or a range of it, to be read with ``read`` until ``b""``.

    ``close`` releases what it holds. Opening raises ``BodyGone``, ``CorruptBlob``.
    """

    def __init__(self, body: Any) -> None:
        self._body = body
        self.read: Callable[[], Awaitable[bytes]] = self._rest
        if not isinstance(body, bytes):
            self.read = body.next

    @classmethod
    async def open(
        cls,
        context: Context,
        version: Version,
        offset: int,
        length: int,
        customer_key: bytes = b"",
    ) -> SourceBody:
        """Open ``length`` bytes of a version at ``offset``."""
        sealed_key = b"" if version.encryption is None else version.encryption.sealed_key
        body = await open_body(
            context.store,
            context.blobs,
            version.body,
            offset,
            length,
            customer_key,
            sealed_key,
        )
        return cls(body)

    async def _rest(self) -> bytes:
        data: bytes = self._body
        self._body = b""
        return data

    def close(self) -> None:
        """Release the source; safe to call twice."""
        if not isinstance(self._body, bytes):
            self._body.close()
