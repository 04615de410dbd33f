"""ACLs of buckets and objects: what requests ask for, Get and Put.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/acls.html
"""

from __future__ import annotations

from z4tw.errors import (
    AccessControlListNotSupported,
    AccessDenied,
    InvalidArgument,
    InvalidBucketAclWithObjectOwnership,
    MissingSecurityHeader,
    SlowDown,
    UnexpectedContent,
    UnresolvableGrantByEmailAddress,
)
from z4tw.interfaces.http import S3Response
from z4tw.model.access import Acl, AclGrant
from z4tw.model.control import Bucket
from z4tw.model.objects import EMPTY_BODY, Version
from z4tw.model.registers import Refused
from z4tw.model.stamps import ZERO_STAMP
from z4tw.objects.commands import SetAcl
from z4tw.ops.bucket_settings import change_bucket
from z4tw.ops.context import Context, Operation, done
from z4tw.ops.documents import read_document
from z4tw.ops.events import notice_of
from z4tw.ops.lookup import ATTEMPTS, is_versioned, readable_version, requested_version
from z4tw.policy.acl import (
    BUCKET_CANNED,
    ENFORCED,
    GROUPS,
    OBJECT_CANNED,
    OWNER_FULL_CONTROL,
    blocks_public_acls,
    canned_bucket_acl,
    canned_object_acl,
    is_public,
    private,
    stored,
)
from z4tw.s3.acl import (
    CANNED_HEADER,
    GRANT_HEADERS,
    AskedAcl,
    AskedGrant,
    access_control_policy,
    acl_from_headers,
    parse_acl,
)
from z4tw.s3.notification import Event
from z4tw.s3.xml_in import SETTING_BYTES

XML = ("Content-Type", "application/xml")
_HEADERS = frozenset({CANNED_HEADER, *GRANT_HEADERS})
_HARMLESS = frozenset({"private", OWNER_FULL_CONTROL})
"""Canned ACLs that say what is so anyway where the bucket's owner owns everything."""


def states_acl(context: Context) -> bool:
    """Whether a request's headers state an ACL."""
    return not _HEADERS.isdisjoint(context.call.headers)


async def new_object_acl(context: Context, bucket: Bucket, owner: str) -> Acl | None:
    """The ACL that a request's headers state for the object that it writes, which ``owner`` will
    own; demands the permission to set it (who owns an object has it).

    Raises ``AccessDenied``, ``AccessControlListNotSupported``, ``InvalidArgument``,
    ``InvalidRequest``, ``UnresolvableGrantByEmailAddress``.
    """
    asked = acl_from_headers(context.call.headers, OBJECT_CANNED)
    if asked is None or asked.canned == "private":
        return None
    acl = await _object_acl(context, bucket, asked, owner)
    if bucket.object_ownership == ENFORCED:
        _check_enforced(asked, acl, owner)
        return None
    # The writer speaks of its own object, whoever owns the one that is there now.
    writer = context.principal.account_id or owner
    written = Version(ZERO_STAMP, False, 0, "", EMPTY_BODY, writer)
    context.authorize("s3:PutObjectAcl", key=context.call.key, version=written)
    _check_public(bucket, acl)
    return stored(acl, owner)


async def new_bucket_acl(context: Context, owner: str, ownership: str) -> Acl | None:
    """The ACL that the headers of CreateBucket state. Raises as ``new_object_acl``, and
    ``InvalidBucketAclWithObjectOwnership`` for one in a bucket without ACLs."""
    asked = acl_from_headers(context.call.headers, BUCKET_CANNED)
    if asked is None:
        return None
    acl = await _bucket_acl(context, asked, owner)
    if ownership == ENFORCED and acl != private(owner):
        raise InvalidBucketAclWithObjectOwnership()
    return stored(acl, owner)


async def get_bucket_acl(context: Context) -> S3Response:
    """The bucket's ACL.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketAcl.html
    """
    bucket = context.require_bucket()
    acl = None if bucket.object_ownership == ENFORCED else bucket.acl
    return S3Response(200, [XML], await _document(context, bucket.owner, acl))


async def put_bucket_acl(context: Context) -> S3Response:
    """Replace the bucket's ACL.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketAcl.html
    """
    bucket = context.require_bucket()
    asked = await _asked(context, BUCKET_CANNED)
    _check_owner(asked, bucket.owner)
    acl = await _bucket_acl(context, asked, bucket.owner)
    if bucket.object_ownership == ENFORCED:
        _check_enforced(asked, acl, bucket.owner)
        return S3Response(200)
    _check_public(bucket, acl)
    context.blobs.admit(0)
    await change_bucket(context, acl=stored(acl, bucket.owner))
    return S3Response(200)


async def get_object_acl(context: Context) -> S3Response:
    """The ACL of a version.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAcl.html
    """
    bucket = context.require_bucket()
    version_id = requested_version(context.call.query)
    version = await readable_version(context, context.object_register(), version_id)
    owner, acl = version.owner, version.acl
    if bucket.object_ownership == ENFORCED:
        owner, acl = bucket.owner, None
    document = await _document(context, owner, acl)
    return S3Response(200, [XML, *_version_header(bucket, version)], document)


async def put_object_acl(context: Context) -> S3Response:
    """Replace the ACL of a version.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAcl.html
    """
    bucket = context.require_bucket()
    version_id = requested_version(context.call.query)
    register = context.object_register()
    asked = await _asked(context, OBJECT_CANNED)
    context.blobs.admit(0)
    for _ in range(ATTEMPTS):
        version = await readable_version(context, register, version_id)
        owner = bucket.owner if bucket.object_ownership == ENFORCED else version.owner
        _check_owner(asked, owner)
        acl = await _object_acl(context, bucket, asked, owner)
        answer = S3Response(200, _version_header(bucket, version))
        if bucket.object_ownership == ENFORCED:
            _check_enforced(asked, acl, owner)
            return answer
        _check_public(bucket, acl)
        command = SetAcl(
            context.stamp(),
            version.version_id,
            stored(acl, owner),
            version.stamp,
            notice_of(context, Event.ACL_PUT),
        )
        outcome = await context.store.change(register, command)
        if isinstance(outcome, Refused) and outcome.code == "OperationAborted":
            continue  # another version is there now: the permission was for the one before
        done(outcome)
        return answer
    raise SlowDown()


async def _asked(context: Context, canned: frozenset[str]) -> AskedAcl:
    """What a Put request states, in its headers or in its document."""
    body = await read_document(context, SETTING_BYTES)
    asked = acl_from_headers(context.call.headers, canned)
    if asked is None:
        if not body:
            raise MissingSecurityHeader(MissingHeaderName=CANNED_HEADER)
        return parse_acl(body)
    if body:
        raise UnexpectedContent()
    return asked


async def _bucket_acl(context: Context, asked: AskedAcl, owner: str) -> Acl:
    if asked.canned:
        return canned_bucket_acl(asked.canned, owner)
    return await _granted(context, asked)


async def _object_acl(context: Context, bucket: Bucket, asked: AskedAcl, owner: str) -> Acl:
    if asked.canned:
        return canned_object_acl(asked.canned, owner, bucket.owner)
    return await _granted(context, asked)


async def _granted(context: Context, asked: AskedAcl) -> Acl:
    return Acl(tuple([await _resolved(context, grant) for grant in asked.grants]))


async def _resolved(context: Context, grant: AskedGrant) -> AclGrant:
    """A grant to somebody who exists."""
    if grant.kind == "email":
        # Accounts have no addresses here, so none of them has this one.
        raise UnresolvableGrantByEmailAddress()
    if grant.kind == "uri":
        if grant.grantee not in GROUPS:
            raise _invalid("Invalid group uri", grant)
    elif not await context.directory.owner_number(grant.grantee):
        raise _invalid("Invalid id", grant)
    return AclGrant(grant.grantee, grant.permission)


def _invalid(message: str, grant: AskedGrant) -> InvalidArgument:
    return InvalidArgument(message, ArgumentName=grant.argument, ArgumentValue=grant.grantee[:256])


def _check_owner(asked: AskedAcl, owner: str) -> None:
    """An ACL cannot give what it is of to another owner."""
    if asked.owner and asked.owner != owner:
        raise AccessDenied()


def _check_enforced(asked: AskedAcl, acl: Acl, owner: str) -> None:
    if asked.canned not in _HARMLESS and acl != private(owner):
        raise AccessControlListNotSupported()


def _check_public(bucket: Bucket, acl: Acl) -> None:
    if is_public(acl) and blocks_public_acls(bucket):
        raise AccessDenied()


async def _document(context: Context, owner: str, acl: Acl | None) -> bytes:
    shown = private(owner) if acl is None else acl
    ids = {owner, *(grant.grantee for grant in shown.grants)} - GROUPS
    names = {id: await context.owner_name(id) for id in sorted(ids)}
    return access_control_policy(owner, shown, names)


def _version_header(bucket: Bucket, version: Version) -> list[tuple[str, str]]:
    return [("x-amz-version-id", version.version_id)] if is_versioned(bucket) else []


OPERATIONS: dict[str, Operation] = {
    "GetBucketAcl": get_bucket_acl,
    "GetObjectAcl": get_object_acl,
    "PutBucketAcl": put_bucket_acl,
    "PutObjectAcl": put_object_acl,
}
