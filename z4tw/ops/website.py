"""A bucket's website configuration.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/EnableWebsiteHosting.html
"""

from __future__ import annotations

from z4tw.errors import NoSuchWebsiteConfiguration
from z4tw.interfaces.http import S3Response
from z4tw.ops.bucket_settings import change_configuration
from z4tw.ops.context import Context, Operation
from z4tw.ops.documents import read_document
from z4tw.s3.website import parse_website, website_document
from z4tw.s3.xml_in import SETTING_BYTES

XML = ("Content-Type", "application/xml")
NAME = "website"


async def get_bucket_website(context: Context) -> S3Response:
    """The bucket's website configuration. Raises ``NoSuchWebsiteConfiguration``.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketWebsite.html
    """
    bucket = context.require_bucket()
    stored = bucket.configurations.get(NAME)
    if stored is None:
        raise NoSuchWebsiteConfiguration(BucketName=bucket.name)
    return S3Response(200, [XML], stored)


async def put_bucket_website(context: Context) -> S3Response:
    """Replace the bucket's website configuration.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketWebsite.html
    """
    website = parse_website(await read_document(context, SETTING_BYTES))
    context.blobs.admit(0)
    await change_configuration(context, NAME, website_document(website))
    return S3Response(200)


async def delete_bucket_website(context: Context) -> S3Response:
    """Remove the bucket's website configuration; repeating it is no error.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketWebsite.html
    """
    await change_configuration(context, NAME, None)
    return S3Response(204)


OPERATIONS: dict[str, Operation] = {
    "DeleteBucketWebsite": delete_bucket_website,
    "GetBucketWebsite": get_bucket_website,
    "PutBucketWebsite": put_bucket_website,
}
