"""Finding the version that a request means, and judging conditions on it before work starts."""

from __future__ import annotations

from z4tw.errors import InvalidArgument, MethodNotAllowed, NoSuchKey
from z4tw.model.control import Bucket
from z4tw.model.objects import Checksum, Head, Version
from z4tw.model.registers import Register
from z4tw.objects.commands import Condition
from z4tw.objects.versions import check_condition
from z4tw.ops.context import Context, refusal
from z4tw.ops.parameters import LARGEST, count_parameter
from z4tw.policy.acl import ENFORCED, OWNER_FULL_CONTROL, PREFERRED
from z4tw.s3.checksums import CHECKSUM_HEADERS
from z4tw.s3.headers import http_date
from z4tw.s3.names import check_version_id

ATTEMPTS = 10
"""How often a read is tried again when what it reads was replaced underneath it."""


def requested_version(query: dict[str, str]) -> str:
    """The ``versionId`` parameter, empty when there is none. Raises ``InvalidArgument``."""
    if not query or "versionId" not in query:
        return ""
    version_id = query["versionId"]
    check_version_id(version_id)
    return version_id


def part_number(query: dict[str, str], greatest: int) -> int:
    """The ``partNumber`` parameter, from 1 to ``greatest``. Raises ``InvalidArgument``."""
    text = query["partNumber"]
    if text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= greatest:
        return int(text)
    raise InvalidArgument(
        f"Part number must be an integer between 1 and {greatest}, inclusive",
        ArgumentName="partNumber",
        ArgumentValue=text[:1024],
    )


def part_marker(values: dict[str, str], name: str) -> int:
    """The part number after which a page of parts starts, 0 when none is given. Raises
    ``InvalidArgument``."""
    return count_parameter(values, name, LARGEST) if values.get(name) else 0


async def readable_version(context: Context, register: Register, version_id: str) -> Version:
    """The version that a read of the request's key means; ``version_id`` empty: the current one.

    Raises ``NoSuchKey``, ``NoSuchVersion`` (``AccessDenied`` for who may not list); for a current
    delete marker ``NoSuchKey`` and for one asked for by its id ``MethodNotAllowed``, both with
    ``x-amz-delete-marker``.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html
    """
    version: Version | None
    if version_id:
        version = await context.store.find_version(register, version_id)
    else:
        head: Head | None = await context.store.read(register)
        version = None if head is None else head.versions[0]
    return readable(context, version, version_id)


def readable(context: Context, version: Version | None, version_id: str) -> Version:
    """The version that was found, unless a read may not see it; raises as ``readable_version``."""
    if context.judged and version is not context.judged_version:
        context.access.judge(context, version)  # it was changed since the permission was asked for
    if version is None:
        raise context.no_such_key(version_id=version_id)
    if version.delete_marker:
        raise _is_delete_marker(context, version, version_id)
    return version


def _is_delete_marker(context: Context, version: Version, version_id: str) -> Exception:
    marker = [("x-amz-delete-marker", "true"), ("x-amz-version-id", version.version_id)]
    if version_id:
        refused = MethodNotAllowed(Method=context.head.method, ResourceType="DeleteMarker")
        refused.headers += [
            *marker,
            ("Allow", "DELETE"),
            ("Last-Modified", http_date(version.modified_ms)),
        ]
        return refused
    error = context.no_such_key()
    if isinstance(error, NoSuchKey):
        error.headers += marker
    return error


async def check_before_body(
    context: Context, register: Register, condition: Condition | None, origin: str = ""
) -> None:
    """Refuse a conditional write that cannot succeed now, before its body is sent.

    The command that stores the version decides for good. A version whose ``origin`` is the given
    one was made by an earlier attempt of the same request: nothing is refused then.
    Raises ``PreconditionFailed``, ``NoSuchKey``.
    """
    if condition is None:
        return
    head: Head | None = await context.store.read(register)
    if head is not None and origin and any(one.origin == origin for one in head.versions):
        return
    current = head.versions[0] if head is not None and head.versions else None
    refused = check_condition(condition, current)
    if refused is not None:
        raise refusal(refused)


def owner_of(context: Context, bucket: Bucket) -> str:
    """The canonical account id that owns what the request writes into a bucket.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
    """
    ownership = bucket.object_ownership
    if ownership == ENFORCED or context.principal.anonymous:
        return bucket.owner
    if ownership == PREFERRED and context.call.headers.get("x-amz-acl") == OWNER_FULL_CONTROL:
        return bucket.owner
    return context.principal.account_id


def checksum_headers(checksum: Checksum | None) -> list[tuple[str, str]]:
    """The headers that state an object's checksum, none when there is none."""
    if checksum is None:
        return []
    return [
        (CHECKSUM_HEADERS[checksum.algorithm], checksum.value),
        ("x-amz-checksum-type", checksum.type),
    ]


def is_versioned(bucket: Bucket) -> bool:
    """Whether the bucket has or had versioning, so that answers name versions."""
    return bucket.versioning != ""
