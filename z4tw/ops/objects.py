"""PutObject.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
"""

from __future__ import annotations

from functools import partial

from z4tw.interfaces.http import S3Response
from z4tw.model.control import Bucket
from z4tw.model.objects import Body, Checksum, Version
from z4tw.model.rebuild import OBJECT, BlobRecord, encode_blob_record
from z4tw.objects.commands import PutVersion
from z4tw.objects.versions import ENABLED
from z4tw.ops.acls import new_object_acl, states_acl
from z4tw.ops.appending import Appending, find_target, requested_offset
from z4tw.ops.context import Context, Operation, done
from z4tw.ops.encryption import choose, encryption_headers, new_etag
from z4tw.ops.events import notice_of
from z4tw.ops.ingest import Intake
from z4tw.ops.lifecycle import expiration_headers
from z4tw.ops.locking import asked_lock, demand_digest, lock_at
from z4tw.ops.lookup import check_before_body, checksum_headers, owner_of
from z4tw.ops.quotas import check_version_quota
from z4tw.s3.conditional import write_condition
from z4tw.s3.headers import parse_storage_class, stored_headers, user_metadata
from z4tw.s3.notification import Event
from z4tw.s3.tagging import parse_tagging_header


async def put_object(context: Context) -> S3Response:
    """Store the request's body as a new version of the key, or append it to the current one."""
    return await store_object(context)


async def store_object(context: Context, at_most: int | None = None) -> S3Response:
    """The same for the file of a form, whose size is not stated but has this bound."""
    bucket = context.require_bucket()
    headers = context.call.headers
    condition = write_condition(headers)
    storage_class = parse_storage_class(headers)
    stored = stored_headers(headers)
    metadata = user_metadata(headers)
    tagging = headers.get("x-amz-tagging")
    tags = parse_tagging_header(tagging) if tagging else {}
    encryption, seal, _ = choose(context)
    register = context.object_register()
    owner = owner_of(context, bucket)
    offset = requested_offset(headers)
    if offset is not None:
        target = await find_target(context, register, offset, condition)
        if target.version is not None:
            appending = Appending(context, target.version)
            return await appending.append(register, target, target.version, condition)
        condition = target.condition
    asked = asked_lock(context, bucket)
    intake = Intake(context, context.settings.max_put_bytes, at_most=at_most)
    demand_digest(context, bucket, asked, intake, "Put Object")
    if condition is not None:
        await check_before_body(context, register, condition)
    if bucket.quota is not None:
        # Of the file of a form only a bound is known: what it really takes is looked at later.
        known = intake.size if at_most is None else 0
        await check_version_quota(context, bucket, register, known)
    acl = await new_object_acl(context, bucket, owner) if states_acl(context) else None

    def make(body: Body, etag: str, checksum: Checksum | None) -> Version:
        stamp = context.stamp()
        return Version(
            stamp=stamp,
            is_null=bucket.versioning != ENABLED,
            size=body.size,
            etag=new_etag(context, encryption, etag),
            body=body,
            owner=owner,
            storage_class=storage_class,
            headers=stored,
            user_metadata=metadata,
            tags=tags,
            checksum=checksum,
            acl=acl,
            encryption=encryption,
            lock=lock_at(bucket, asked, stamp),
        )

    footer = partial(version_footer, bucket, context.call.key)
    taken = await intake.take(make, footer, context.settings.inline_limit_bytes, seal)
    version = taken.value
    context.exchange.object_size = version.size
    if taken.blob is not None:
        # The body took its time: the bucket's versioning may have been changed meanwhile.
        bucket = await context.find_bucket(bucket.name)
    event = Event.CREATED_PUT if at_most is None else Event.CREATED_POST
    command = PutVersion(
        version,
        bucket.versioning,
        condition,
        taken.inline,
        taken.blob,
        notice=notice_of(context, event, bucket=bucket),
        quota=bucket.quota,
    )
    put = done(await context.store.change(register, command))
    answer = [("ETag", f'"{version.etag}"'), *checksum_headers(version.checksum)]
    if bucket.configurations:
        answer += expiration_headers(context, bucket, version, put.stamp)
    answer += encryption_headers(context, encryption, written=True)
    if put.version_id:
        context.exchange.version_id = put.version_id
        answer.append(("x-amz-version-id", put.version_id))
    return S3Response(200, answer)


def version_footer(bucket: Bucket, key: str, version: Version) -> bytes:
    """The footer record of the blob of a version."""
    return encode_blob_record(
        BlobRecord(
            OBJECT,
            bucket.name,
            bucket.incarnation,
            bucket.owner,
            bucket.versioning,
            key,
            version=version,
        )
    )


OPERATIONS: dict[str, Operation] = {"PutObject": put_object}
