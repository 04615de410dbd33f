"""A bucket's lifecycle configuration, and what answers say of a version's end by it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html
"""

from __future__ import annotations

import base64
from urllib.parse import quote

import msgspec

from z4tw.errors import NoSuchLifecycleConfiguration
from z4tw.interfaces.http import S3Response
from z4tw.lifecycle.due import abortion_of, expiry_of
from z4tw.lifecycle.rules import Configuration
from z4tw.lifecycle.xml_in import LIFECYCLE_BYTES, parse_lifecycle, stored_lifecycle
from z4tw.lifecycle.xml_out import lifecycle_document, to_be_stored
from z4tw.model.control import Bucket
from z4tw.model.objects import Version
from z4tw.model.stamps import stamp_ms
from z4tw.model.uploads import Upload
from z4tw.ops.bucket_settings import change_configuration
from z4tw.ops.context import Context, Operation
from z4tw.ops.documents import read_document
from z4tw.s3.dates import http_date

LIFECYCLE = "lifecycle"
"""The name of the document in a bucket's configurations."""
MINIMUM_HEADER = "x-amz-transition-default-minimum-object-size"


async def put_bucket_lifecycle_configuration(context: Context) -> S3Response:
    """Replace the bucket's rules.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html
    """
    body = await read_document(context, LIFECYCLE_BYTES)
    configuration = parse_lifecycle(
        body,
        context.call.headers.get(MINIMUM_HEADER, ""),
        context.settings.plugin_storage_classes,
        lambda: base64.urlsafe_b64encode(context.random_bytes(36)).decode("ascii"),
    )
    context.blobs.admit(0)
    await change_configuration(context, LIFECYCLE, to_be_stored(configuration))
    return S3Response(200, [(MINIMUM_HEADER, configuration.minimum)])


async def get_bucket_lifecycle_configuration(context: Context) -> S3Response:
    """The bucket's rules. Raises ``NoSuchLifecycleConfiguration`` when it has none.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLifecycleConfiguration.html
    """
    bucket = context.require_bucket()
    configuration = lifecycle_of(bucket)
    if configuration is None:
        raise NoSuchLifecycleConfiguration(BucketName=bucket.name)
    headers = [("Content-Type", "application/xml"), (MINIMUM_HEADER, configuration.minimum)]
    return S3Response(200, headers, lifecycle_document(configuration))


async def delete_bucket_lifecycle(context: Context) -> S3Response:
    """Remove the bucket's rules; repeating it is no error.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketLifecycle.html
    """
    await change_configuration(context, LIFECYCLE, None)
    return S3Response(204)


def lifecycle_of(bucket: Bucket) -> Configuration | None:
    """A bucket's rules, None when it has none."""
    stored = bucket.configurations.get(LIFECYCLE)
    return None if stored is None else stored_lifecycle(stored)


def expiration_headers(
    context: Context, bucket: Bucket, version: Version, stamp: bytes = b""
) -> list[tuple[str, str]]:
    """``x-amz-expiration`` of the current version of the request's key, nothing when no rule lets
    it expire. ``stamp`` is what a version that was just stored has got.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-expire-general-considerations.html
    """
    configuration = lifecycle_of(bucket)
    if configuration is None:
        return []
    if stamp:
        version = msgspec.structs.replace(version, stamp=stamp)
    key = context.call.key
    expiry = expiry_of(configuration, key, version, context.settings.lifecycle_day_ms)
    if expiry is None:
        return []
    moment, rule_id = expiry
    value = f'expiry-date="{http_date(moment)}", rule-id="{quote(rule_id, safe="")}"'
    return [("x-amz-expiration", value)]


def abort_headers(context: Context, bucket: Bucket, upload: Upload) -> list[tuple[str, str]]:
    """``x-amz-abort-date`` and ``x-amz-abort-rule-id`` of an upload, nothing when no rule aborts
    it.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpu-abort-incomplete-mpu-lifecycle-config.html
    """
    configuration = lifecycle_of(bucket)
    if configuration is None:
        return []
    day_ms = context.settings.lifecycle_day_ms
    found = abortion_of(configuration, upload.key, stamp_ms(upload.stamp), day_ms)
    if found is None:
        return []
    moment, rule_id = found
    return [
        ("x-amz-abort-date", http_date(moment)),
        ("x-amz-abort-rule-id", quote(rule_id, safe="")),
    ]


OPERATIONS: dict[str, Operation] = {
    "DeleteBucketLifecycle": delete_bucket_lifecycle,
    "GetBucketLifecycleConfiguration": get_bucket_lifecycle_configuration,
    "PutBucketLifecycleConfiguration": put_bucket_lifecycle_configuration,
}
