"""RenameObject, in every bucket: a version moves to another key, its bytes stay where they are.

A key is one register, so moving takes two commands: the version is put under the new key, and then
removed from the old one if it is still the same there. A crash in between leaves it under both
keys; repeating the request goes on where it stopped. With versioning the old key gets a delete
marker.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_RenameObject.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from z4tw.errors import (
    CorruptBlob,
    IdempotencyParameterMismatch,
    InvalidArgument,
    InvalidRequest,
    PreconditionFailed,
    SlowDown,
)
from z4tw.interfaces.http import S3Response
from z4tw.model.annotations import NewAnnotation
from z4tw.model.control import Bucket
from z4tw.model.objects import Body, BodyKind, Head, Version
from z4tw.model.registers import NeedData, Outcome, Refused
from z4tw.model.stamps import parse_version_id, version_id_of
from z4tw.objects.commands import Condition, DeleteObject, PutVersion
from z4tw.objects.versions import ENABLED
from z4tw.ops.bodies import BodyGone, open_body
from z4tw.ops.context import Context, Operation, done
from z4tw.ops.encryption import opens, seal_of
from z4tw.ops.events import notice_of
from z4tw.ops.locking import lock_at
from z4tw.ops.lookup import ATTEMPTS, is_versioned, owner_of
from z4tw.ops.object_annotations import copied_annotations
from z4tw.ops.sources import Source
from z4tw.s3.conditional import (
    Preconditions,
    check_read,
    parse_http_date,
    write_condition,
)
from z4tw.s3.copying import parse_rename_source
from z4tw.s3.notification import Event

SOURCE = "x-amz-rename-source"
TOKEN = "x-amz-client-token"  # noqa: S105 - a name
MAX_TOKEN_LENGTH = 64
_DATES = ("if-modified-since", "if-unmodified-since")


async def rename_object(context: Context) -> S3Response:
    """Give the object that ``x-amz-rename-source`` names the request's key."""
    bucket = context.require_bucket()
    headers = context.call.headers
    if SOURCE not in headers:
        raise InvalidRequest(f"Missing required header for this request: {SOURCE}")
    source = parse_rename_source(headers[SOURCE], bucket.name)
    if source == context.call.key:
        raise InvalidRequest("The source and the destination of a rename are the same key.")
    condition = write_condition({n: value for n, value in headers.items() if n not in _DATES})
    token = request_token(headers, source)
    context.blobs.admit(0)
    register = context.object_register()
    gone = b""
    for _ in range(ATTEMPTS):
        head: Head | None = await context.store.read(register)
        found: Version | None = await context.store.find_version(
            context.object_register(source), ""
        )
        _authorize(context, source, found)
        moved = _moved_before(head, token)
        if moved is not None:
            await _remove(context, bucket, source, moved)
            return S3Response(200)
        original = _movable(context, source, found)
        pinned = _pinned(headers, head, condition)
        answer: list[tuple[str, str]] = []
        if not _is_there(head, original):
            place = Source(bucket, source, "", context.object_register(source), original)
            outcome = await _put(context, place, original, token, pinned)
            if isinstance(outcome, NeedData):
                if outcome.id == original.body.id:
                    if gone == original.body.id:
                        raise CorruptBlob("the body of a rename's source is not there")
                    gone = original.body.id
                continue
            put = done(outcome)
            if put.version_id:
                context.exchange.version_id = put.version_id
                answer.append(("x-amz-version-id", put.version_id))
        await _remove(context, bucket, source, original.stamp)
        return S3Response(200, answer)
    raise SlowDown()


def request_token(headers: Mapping[str, str], source: str) -> str:
    """What the moved version remembers of the request, so that a repeat of it is known: the client
    token and a digest of what was asked for, empty without a token. Raises ``InvalidArgument``."""
    token = headers.get(TOKEN)
    if token is None:
        return ""
    if not 1 <= len(token) <= MAX_TOKEN_LENGTH or not all("!" <= char <= "~" for char in token):
        raise InvalidArgument(ArgumentName=TOKEN, ArgumentValue=token[:256])
    asked = {
        name: value
        for name, value in sorted(headers.items())
        if name.startswith((f"{SOURCE}-if-", "if-"))
    }
    digest = hashlib.blake2b(repr((source, asked)).encode("utf-8"), digest_size=16).hexdigest()
    return f"rename {token} {digest} "


def _moved_before(head: Head | None, token: str) -> bytes | None:
    """The stamp that the version had under its old key, when an earlier attempt of the same request
    has put it here. Raises ``IdempotencyParameterMismatch``."""
    if not token or head is None:
        return None
    same_token = token[: token.rindex(" ", 0, -1) + 1]
    for version in head.versions:
        if version.origin.startswith(token):
            return parse_version_id(version.origin[len(token) :])
        if version.origin.startswith(same_token):
            raise IdempotencyParameterMismatch()
    return None


def _authorize(context: Context, source: str, version: Version | None) -> None:
    """Moving takes the rights to read the object and to remove it from its old key, and of tags
    those to read and to set them. Raises ``AccessDenied``."""
    for action in ("s3:GetObject", "s3:DeleteObject"):
        context.authorize(action, key=source, version=version)
    if version is not None and version.tags:
        context.authorize("s3:GetObjectTagging", key=source, version=version)
        context.authorize("s3:PutObjectTagging", key=context.call.key)
    if version is not None and version.annotations:
        context.authorize("s3:GetObjectAnnotation", key=source, version=version)
        context.authorize("s3:PutObjectAnnotation", key=context.call.key)


def _movable(context: Context, source: str, version: Version | None) -> Version:
    """The version to move, after the conditions on it were checked. Raises ``NoSuchKey``,
    ``PreconditionFailed``."""
    if version is None or version.delete_marker:
        raise context.no_such_key(source)
    preconditions = Preconditions.from_headers(context.call.headers, f"{SOURCE}-")
    check_read(preconditions, version.etag, version.modified_ms)
    return version


def _pinned(
    headers: Mapping[str, str], head: Head | None, condition: Condition | None
) -> Condition | None:
    """The condition of the command. Dates are judged here, on the object that is under the new key
    now, and the command then demands that it is still the same. Raises ``PreconditionFailed``."""
    present = None if head is None or head.current.delete_marker else head.current
    dates = [parse_http_date(headers[name]) if name in headers else None for name in _DATES]
    since, until = dates
    if since is None and until is None:
        return condition
    modified_s = None if present is None else present.modified_ms // 1000
    if since is not None and (modified_s is None or modified_s <= since):
        raise PreconditionFailed(Condition="If-Modified-Since")
    if until is not None and modified_s is not None and modified_s > until:
        raise PreconditionFailed(Condition="If-Unmodified-Since")
    last = b"" if head is None else head.last
    return msgspec.structs.replace(condition or Condition(), last=last)


def _is_there(head: Head | None, original: Version) -> bool:
    """Whether an earlier attempt put this very version under the new key, and got no further."""
    if head is None or original.body.kind in (BodyKind.EMPTY, BodyKind.INLINE):
        return False
    current = head.current
    return (current.stamp, current.body) == (original.stamp, original.body)


async def _put(
    context: Context, source: Source, original: Version, token: str, condition: Condition | None
) -> Outcome:
    """Put the version under the new key. It keeps its time, unless the key has seen a later one or
    the bucket has versioning: its time is in its version id, and no two versions have one id."""
    bucket = source.bucket
    body, inline = original.body, None
    annotations: tuple[NewAnnotation, ...] = ()
    if original.annotations:
        copied = await copied_annotations(context, source, original, original)
        if copied is None:
            return NeedData(b"")  # changed meanwhile
        annotations = copied
    if body.kind == BodyKind.INLINE:
        try:
            key = opens(context, original)
            data = await open_body(context.store, context.blobs, body, 0, original.size, key)
        except BodyGone:
            return NeedData(body.id)
        body = Body(BodyKind.INLINE, context.blobs.new_id(), original.size)
        context.blobs.admit(original.size)
        inline = context.blobs.seal_inline(body.id, data, seal_of(original))
    stamp = context.stamp()
    version = msgspec.structs.replace(
        original,
        stamp=stamp if bucket.versioning == ENABLED else original.stamp,
        body=body,
        annotations=len(annotations),
        origin=token + version_id_of(original.stamp) if token else "",
        lock=lock_at(bucket, None, stamp),
    )
    command = PutVersion(
        version,
        bucket.versioning,
        condition,
        inline,
        notice=notice_of(context, Event.CREATED_COPY),
        annotations=annotations,
    )
    outcome: Outcome = await context.store.change(context.object_register(), command)
    return outcome


async def _remove(context: Context, bucket: Bucket, source: str, stamp: bytes) -> None:
    """Remove the version from its old key, unless it was replaced or removed there meanwhile."""
    event = Event.REMOVED_MARKER if is_versioned(bucket) else Event.REMOVED_DELETE
    command = DeleteObject(
        context.stamp(),
        owner_of(context, bucket),
        bucket.versioning,
        Condition(stamp=stamp),
        notice_of(context, event, source),
    )
    outcome: Outcome = await context.store.change(context.object_register(source), command)
    if isinstance(outcome, Refused) and outcome.code == "PreconditionFailed":
        return
    done(outcome)


OPERATIONS: dict[str, Operation] = {"RenameObject": rename_object}
