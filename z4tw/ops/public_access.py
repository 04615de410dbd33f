"""The public access block of a bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

from z4tw.errors import NoSuchPublicAccessBlockConfiguration
from z4tw.interfaces.http import S3Response
from z4tw.ops.bucket_settings import change_configuration
from z4tw.ops.context import Context, Operation
from z4tw.ops.documents import read_document
from z4tw.policy.public_access import CONFIGURATION, PublicAccessBlock, block_of, pack_block
from z4tw.s3.access_settings import parse_public_access_block, public_access_block
from z4tw.s3.xml_in import SETTING_BYTES

XML = ("Content-Type", "application/xml")


async def get_public_access_block(context: Context) -> S3Response:
    """The four flags. Raises ``NoSuchPublicAccessBlockConfiguration``.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetPublicAccessBlock.html
    """
    bucket = context.require_bucket()
    if CONFIGURATION not in bucket.configurations:
        raise NoSuchPublicAccessBlockConfiguration(BucketName=bucket.name)
    block = block_of(bucket)
    flags = {
        "BlockPublicAcls": block.block_public_acls,
        "IgnorePublicAcls": block.ignore_public_acls,
        "BlockPublicPolicy": block.block_public_policy,
        "RestrictPublicBuckets": block.restrict_public_buckets,
    }
    return S3Response(200, [XML], public_access_block(flags))


async def put_public_access_block(context: Context) -> S3Response:
    """Replace the four flags.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutPublicAccessBlock.html
    """
    flags = parse_public_access_block(await read_document(context, SETTING_BYTES))
    context.blobs.admit(0)
    block = PublicAccessBlock(
        block_public_acls=flags["BlockPublicAcls"],
        ignore_public_acls=flags["IgnorePublicAcls"],
        block_public_policy=flags["BlockPublicPolicy"],
        restrict_public_buckets=flags["RestrictPublicBuckets"],
    )
    await change_configuration(context, CONFIGURATION, pack_block(block))
    return S3Response(200)


async def delete_public_access_block(context: Context) -> S3Response:
    """Remove the block; repeating it is no error.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeletePublicAccessBlock.html
    """
    await change_configuration(context, CONFIGURATION, None)
    return S3Response(204)


OPERATIONS: dict[str, Operation] = {
    "DeletePublicAccessBlock": delete_public_access_block,
    "GetPublicAccessBlock": get_public_access_block,
    "PutPublicAccessBlock": put_public_access_block,
}
