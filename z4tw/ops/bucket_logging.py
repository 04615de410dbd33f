"""GetBucketLogging and PutBucketLogging."""

from __future__ import annotations

from z4tw.errors import InvalidTargetBucketForLogging
from z4tw.interfaces.http import S3Response
from z4tw.ops.bucket_settings import change_configuration
from z4tw.ops.context import Context, Operation
from z4tw.ops.documents import read_document
from z4tw.ops.log_delivery import CONFIGURATION, may_deliver
from z4tw.s3.bucket_logging import logging_document, parse_logging
from z4tw.s3.xml_in import SETTING_BYTES

XML = ("Content-Type", "application/xml")


async def get_bucket_logging(context: Context) -> S3Response:
    """Where the bucket's access log goes; an empty document when it goes nowhere.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLogging.html
    """
    stored = context.require_bucket().configurations.get(CONFIGURATION)
    return S3Response(200, [XML], stored or logging_document(None))


async def put_bucket_logging(context: Context) -> S3Response:
    """Turn access logging on or off. The target must belong to the bucket's owner, or permit the
    logging service by its policy.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLogging.html
    """
    bucket = context.require_bucket()
    logging = parse_logging(await read_document(context, SETTING_BYTES))
    if logging is not None:
        target = await context.directory.bucket(logging.bucket)
        number = await context.directory.owner_number(bucket.owner)
        if target is None or not may_deliver(
            context.access, bucket, number, target, f"{logging.prefix}log"
        ):
            raise InvalidTargetBucketForLogging(TargetBucket=logging.bucket[:63])
    context.blobs.admit(0)
    document = None if logging is None else logging_document(logging)
    await change_configuration(context, CONFIGURATION, document)
    return S3Response(200)


OPERATIONS: dict[str, Operation] = {
    "GetBucketLogging": get_bucket_logging,
    "PutBucketLogging": put_bucket_logging,
}
