"""ListBuckets, CreateBucket, HeadBucket, DeleteBucket, GetBucketLocation."""

from __future__ import annotations

import msgspec

from z4tw.errors import (
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    IllegalLocationConstraintException,
    InvalidLocationConstraint,
)
from z4tw.interfaces.http import S3Response
from z4tw.model.control import Bucket, BucketState
from z4tw.model.registers import Kind
from z4tw.objects.versions import ENABLED
from z4tw.ops.acls import new_bucket_acl
from z4tw.ops.bucket_life import create_bucket, new_bucket, remove_bucket
from z4tw.ops.context import Context, Operation
from z4tw.ops.documents import read_document
from z4tw.ops.locking import has_lock
from z4tw.ops.parameters import count_parameter
from z4tw.ops.tokens import pack_token, unpack_token
from z4tw.s3.listing import prefix_successor
from z4tw.s3.locking import CONFIGURATION, creates_locked, lock_configuration
from z4tw.s3.xml_in import SETTING_BYTES, parse_create_bucket
from z4tw.s3.xml_out import list_buckets as list_buckets_document
from z4tw.s3.xml_out import location as location_document

MOST_BUCKETS = 10_000
"""Buckets of one page, unless the client asks for fewer."""
SCANNED = 1000
"""Records that one scan fetches."""
XML = ("Content-Type", "application/xml")


async def list_buckets(context: Context) -> S3Response:
    """The buckets that the requester owns, and those in which it was granted something (an admin:
    all). https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html"""
    query = context.call.query
    most = count_parameter(query, "max-buckets", MOST_BUCKETS, 1, MOST_BUCKETS)
    prefix = query.get("prefix", "")
    start = prefix.encode("utf-8")
    token = query.get("continuation-token")
    scope = context.principal.account_id.encode("ascii")
    if token:
        start = max(start, unpack_token("buckets", scope, token) + b"\x00")
    region = query.get("bucket-region")
    found: list[Bucket] = []
    if not region or region == context.settings.region:
        found = await _visible(context, start, prefix_successor(prefix.encode("utf-8")), most + 1)
    following = None
    if len(found) > most:
        del found[most:]
        following = pack_token("buckets", scope, found[-1].name.encode("utf-8"))
    principal = context.principal
    document = list_buckets_document(
        principal.account_id, principal.display_name, found, prefix, following
    )
    return S3Response(200, [XML], document)


async def _visible(context: Context, start: bytes, end: bytes, limit: int) -> list[Bucket]:
    principal = context.principal
    found: list[Bucket] = []
    while len(found) < limit:
        rows = await context.store.scan(Kind.BUCKET, 0, start, end, SCANNED)
        found += [
            bucket
            for _, bucket in rows
            if bucket.state == BucketState.ACTIVE
            and (
                principal.admin
                or bucket.owner == principal.account_id
                or bucket.grants.get(principal.user_id)
            )
        ]
        if len(rows) < SCANNED:
            break
        start = rows[-1][0] + b"\x00"
    return found[:limit]


async def create_bucket_operation(context: Context) -> S3Response:
    """Create a bucket for the requester's account. Creating one's own bucket again answers 200 and
    changes nothing, unless object lock is asked for and it has none: then it answers
    ``BucketAlreadyOwnedByYou``. Somebody else's answers ``BucketAlreadyExists``.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
    """
    ownership = context.call.headers.get("x-amz-object-ownership", "")
    asked = parse_create_bucket(await read_document(context, SETTING_BYTES))
    if asked.location_constraint:
        context.further_keys = {"s3:LocationConstraint": asked.location_constraint}
    await context.access.demand_with_document(context)
    check_location(asked.location_constraint, context.settings.region)
    locked = creates_locked(context.call)
    name = context.call.bucket
    owner = context.principal.account_id
    acl = await new_bucket_acl(context, owner, ownership or context.settings.object_ownership)
    context.blobs.admit(0)
    record = new_bucket(
        name,
        owner,
        context.settings,
        context.stamp(),
        context.random_bytes,
        ownership,
        asked.tags,
        acl,
    )
    if locked:
        lock = {CONFIGURATION: lock_configuration(None)}
        record = msgspec.structs.replace(record, versioning=ENABLED, configurations=lock)
    placed = await create_bucket(context.store, record, context.stamp)
    if placed is not record and (placed.owner != owner or placed.state == BucketState.ALIAS):
        raise BucketAlreadyExists(BucketName=name)
    if locked and not has_lock(placed):
        raise BucketAlreadyOwnedByYou(BucketName=name)
    return S3Response(200, [("Location", f"/{name}")])


def check_location(constraint: str, region: str) -> None:
    """Compare a LocationConstraint with the one region that the store has; none is as good.

    ``EU`` is the old name of eu-west-1. Raises ``IllegalLocationConstraintException`` for another
    region, ``InvalidLocationConstraint`` for text that cannot be one.
    """
    wanted = "eu-west-1" if constraint == "EU" else constraint
    if not wanted or wanted == region:
        return
    plausible = all(part.isascii() and part.isalnum() for part in wanted.split("-"))
    if not plausible or len(wanted) > 64 or wanted != wanted.lower():
        raise InvalidLocationConstraint(LocationConstraint=constraint)
    raise IllegalLocationConstraintException(
        f"The {constraint} location constraint is incompatible for the region specific endpoint "
        "this request was sent to.",
        LocationConstraint=constraint,
    )


async def head_bucket(context: Context) -> S3Response:
    """Say that the bucket exists and may be listed, and its region.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
    """
    return S3Response(200, [XML, ("x-amz-bucket-region", context.require_bucket().region)])


async def delete_bucket(context: Context) -> S3Response:
    """Delete an empty bucket; open multipart uploads go with it.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html
    """
    bucket = context.require_bucket()
    if not await remove_bucket(context.store, bucket, context.stamp):
        raise BucketNotEmpty(BucketName=bucket.name)
    return S3Response(204)


async def get_bucket_location(context: Context) -> S3Response:
    """The bucket's region as a LocationConstraint, which is empty for us-east-1.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html
    """
    region = context.require_bucket().region
    return S3Response(200, [XML], location_document("" if region == "us-east-1" else region))


OPERATIONS: dict[str, Operation] = {
    "CreateBucket": create_bucket_operation,
    "DeleteBucket": delete_bucket,
    "GetBucketLocation": get_bucket_location,
    "HeadBucket": head_bucket,
    "ListBuckets": list_buckets,
}
