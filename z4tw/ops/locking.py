"""Object lock: the bucket's configuration, retention and legal holds, and the lock of new versions.

What a lock forbids is decided in the commands (``z4tw.objects.locks``).
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from __future__ import annotations

from typing import Any

from z4tw.errors import (
    InvalidArgument,
    InvalidBucketState,
    InvalidRequest,
    NoSuchObjectLockConfiguration,
    ObjectLockConfigurationNotFoundError,
)
from z4tw.interfaces.http import S3Response
from z4tw.model.control import Bucket
from z4tw.model.objects import Lock, Version
from z4tw.model.stamps import stamp_ms
from z4tw.objects.commands import SetLegalHold, SetRetention
from z4tw.objects.versions import ENABLED
from z4tw.ops.bucket_settings import alter_bucket
from z4tw.ops.condition_keys import retention_keys
from z4tw.ops.context import Context, Operation, done
from z4tw.ops.documents import read_document
from z4tw.ops.events import notice_of
from z4tw.ops.ingest import Intake
from z4tw.ops.lookup import readable_version, requested_version
from z4tw.s3 import locking as s3
from z4tw.s3.dates import iso_date
from z4tw.s3.notification import Event
from z4tw.s3.xml_in import SETTING_BYTES

XML = ("Content-Type", "application/xml")
_BYPASS_ACTION = "s3:BypassGovernanceRetention"


def has_lock(bucket: Bucket) -> bool:
    """Whether object lock is on in the bucket; it cannot be turned off."""
    return s3.CONFIGURATION in bucket.configurations


def default_retention(bucket: Bucket) -> s3.DefaultRetention | None:
    """The retention of the bucket's new versions that ask for none."""
    stored = bucket.configurations.get(s3.CONFIGURATION)
    return None if stored is None else s3.stored_default(stored)


def asked_lock(context: Context, bucket: Bucket) -> Lock | None:
    """The lock that a write's headers ask for. Raises ``InvalidArgument``, and ``InvalidRequest``
    in a bucket without object lock."""
    asked = s3.asked_lock(context.call.headers, int(context.head.now * 1000))
    if asked is None:
        return None
    if not has_lock(bucket):
        raise InvalidRequest("Bucket is missing ObjectLockConfiguration")
    if context.principal.anonymous:
        raise InvalidArgument(
            "Put Object requests with Object Lock parameters require AWS Signature Version 4",
            ArgumentName="Authorization",
        )
    return asked


def demand_digest(
    context: Context, bucket: Bucket, asked: Lock | None, intake: Intake, what: str
) -> None:
    """Refuse a body that is to be locked and comes without a digest to verify it by. ``what`` is
    ``Put Object`` or ``Put Part``. Raises ``InvalidRequest``.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html
    """
    if asked is None and default_retention(bucket) is None:
        return
    if "content-md5" not in context.call.headers and not intake.declared():
        raise InvalidRequest(
            f"Content-MD5 OR x-amz-checksum- HTTP header is required for {what} requests with "
            "Object Lock parameters"
        )


def lock_at(bucket: Bucket, asked: Lock | None, stamp: bytes) -> Lock | None:
    """The lock of a version that is made at a stamp: what was asked for, or the bucket's default
    retention where no retention was."""
    if not bucket.configurations or (asked is not None and asked.mode):
        return asked
    default = default_retention(bucket)
    if default is None:
        return asked
    status = "" if asked is None else asked.legal_hold
    return Lock(default.mode, default.until_ms(stamp_ms(stamp)), status)


def may_bypass(context: Context, key: str, version: Version | None = None) -> bool:
    """Whether the request asks to pass governance retention, and its principal may."""
    asked = context.call.headers.get(s3.BYPASS, "").lower() == "true"
    return asked and context.allowed(_BYPASS_ACTION, key=key, version=version)


def lock_headers(context: Context, version: Version) -> list[tuple[str, str]]:
    """What an answer tells of a version's lock: to each only what it may ask for."""
    lock = version.lock
    if lock is None:
        return []
    key = context.call.key
    answer = []
    if context.allowed("s3:GetObjectRetention", key=key, version=version):
        answer += s3.retention_headers(lock)
    if context.allowed("s3:GetObjectLegalHold", key=key, version=version):
        answer += s3.hold_headers(lock)
    return answer


async def get_object_lock_configuration(context: Context) -> S3Response:
    """The bucket's object lock. Raises ``ObjectLockConfigurationNotFoundError`` without.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectLockConfiguration.html
    """
    bucket = context.require_bucket()
    stored = bucket.configurations.get(s3.CONFIGURATION)
    if stored is None:
        raise ObjectLockConfigurationNotFoundError(BucketName=bucket.name)
    return S3Response(200, [XML], stored)


async def put_object_lock_configuration(context: Context) -> S3Response:
    """Turn object lock on in a bucket with versioning, or change its default retention.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectLockConfiguration.html
    """
    default = s3.parse_lock_configuration(await read_document(context, SETTING_BYTES))
    context.blobs.admit(0)
    document = s3.lock_configuration(default)

    def change(present: Bucket) -> dict[str, Any]:
        if present.versioning != ENABLED:
            raise InvalidBucketState(
                "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
            )
        return {"configurations": {**present.configurations, s3.CONFIGURATION: document}}

    await alter_bucket(context, change)
    return S3Response(200)


async def get_object_retention(context: Context) -> S3Response:
    """A version's retention. Raises ``NoSuchObjectLockConfiguration`` without.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectRetention.html
    """
    lock = await _lock(context)
    if not lock.mode:
        raise NoSuchObjectLockConfiguration()
    return S3Response(200, [XML], s3.retention(lock))


async def put_object_retention(context: Context) -> S3Response:
    """Put a version under retention, or change the retention it has.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectRetention.html
    """
    mode, until_ms = s3.parse_retention(await read_document(context, SETTING_BYTES))
    if mode:
        until_keys = retention_keys(iso_date(until_ms), context.head.now)
        context.further_keys = {"s3:object-lock-mode": mode, **until_keys}
    await context.access.demand_with_document(context)
    version, version_id = await _version(context)
    context.blobs.admit(0)
    bypass = may_bypass(context, context.call.key, version)
    notice = notice_of(context, Event.RETENTION_PUT)
    command = SetRetention(context.stamp(), version_id, mode, until_ms, bypass, notice)
    done(await context.store.change(context.object_register(), command))
    return S3Response(200)


async def get_object_legal_hold(context: Context) -> S3Response:
    """A version's legal hold. Raises ``NoSuchObjectLockConfiguration`` when it never had one.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectLegalHold.html
    """
    lock = await _lock(context)
    if not lock.legal_hold:
        raise NoSuchObjectLockConfiguration()
    return S3Response(200, [XML], s3.legal_hold(lock))


async def put_object_legal_hold(context: Context) -> S3Response:
    """Place or end a version's legal hold.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectLegalHold.html
    """
    status = s3.parse_legal_hold(await read_document(context, SETTING_BYTES))
    _, version_id = await _version(context)
    context.blobs.admit(0)
    command = SetLegalHold(context.stamp(), version_id, status)
    done(await context.store.change(context.object_register(), command))
    return S3Response(200)


async def _version(context: Context) -> tuple[Version, str]:
    """The version that the request means, and its id as the request gives it."""
    if not has_lock(context.require_bucket()):
        raise InvalidRequest("Bucket is missing Object Lock Configuration")
    version_id = requested_version(context.call.query)
    return await readable_version(context, context.object_register(), version_id), version_id


async def _lock(context: Context) -> Lock:
    version, _ = await _version(context)
    return version.lock or Lock()


OPERATIONS: dict[str, Operation] = {
    "GetObjectLegalHold": get_object_legal_hold,
    "GetObjectLockConfiguration": get_object_lock_configuration,
    "GetObjectRetention": get_object_retention,
    "PutObjectLegalHold": put_object_legal_hold,
    "PutObjectLockConfiguration": put_object_lock_configuration,
    "PutObjectRetention": put_object_retention,
}
