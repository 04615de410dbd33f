"""The default encryption of buckets.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html
"""

from __future__ import annotations

from z4tw.errors import ServerSideEncryptionConfigurationNotFoundError
from z4tw.interfaces.http import S3Response
from z4tw.model.objects import SSE_S3
from z4tw.ops.bucket_settings import change_configuration
from z4tw.ops.context import Context, Operation
from z4tw.ops.documents import read_document
from z4tw.ops.encryption import CONFIGURATION, bucket_rule, require_keys
from z4tw.s3.encryption import Wish
from z4tw.s3.encryption_xml import EncryptionRule, encryption_document, parse_encryption
from z4tw.s3.xml_in import SETTING_BYTES

XML = ("Content-Type", "application/xml")


async def get_bucket_encryption(context: Context) -> S3Response:
    """What new objects are encrypted with: what was configured, else what the store does by itself.
    Raises ``ServerSideEncryptionConfigurationNotFoundError`` when they are not encrypted.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketEncryption.html
    """
    bucket = context.require_bucket()
    rule = bucket_rule(bucket)
    wish = None if rule is None else rule.wish
    keys = context.blobs.keys
    if wish is None and keys is not None and keys.seals_all:
        wish = Wish(SSE_S3)
    blocked = () if rule is None else rule.blocked
    if wish is None and not blocked:
        raise ServerSideEncryptionConfigurationNotFoundError(BucketName=bucket.name)
    return S3Response(200, [XML], encryption_document(EncryptionRule(wish, blocked)))


async def put_bucket_encryption(context: Context) -> S3Response:
    """Set the encryption of new objects, and which kind may not be asked for. That a KMS key is
    there is checked when it is used, as on AWS.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketEncryption.html
    """
    document = await read_document(context, SETTING_BYTES)
    rule = parse_encryption(document)
    if rule.wish is not None:
        require_keys(context.blobs.keys)
    context.blobs.admit(0)
    await change_configuration(context, CONFIGURATION, encryption_document(rule))
    return S3Response(200)


async def delete_bucket_encryption(context: Context) -> S3Response:
    """Let new objects be encrypted as the store does by itself; repeating it is no error.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketEncryption.html
    """
    await change_configuration(context, CONFIGURATION, None)
    return S3Response(204)


OPERATIONS: dict[str, Operation] = {
    "DeleteBucketEncryption": delete_bucket_encryption,
    "GetBucketEncryption": get_bucket_encryption,
    "PutBucketEncryption": put_bucket_encryption,
}
