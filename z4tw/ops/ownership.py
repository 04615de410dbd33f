"""The ownership controls of a bucket: who owns what others write into it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
"""

from __future__ import annotations

from z4tw.errors import InvalidBucketAclWithObjectOwnership, OwnershipControlsNotFoundError
from z4tw.interfaces.http import S3Response
from z4tw.ops.bucket_settings import change_bucket
from z4tw.ops.context import Context, Operation
from z4tw.ops.documents import read_document
from z4tw.policy.acl import ENFORCED, grants_others
from z4tw.s3.access_settings import ownership_controls, parse_ownership_controls
from z4tw.s3.xml_in import SETTING_BYTES

XML = ("Content-Type", "application/xml")

NO_CONTROLS = ""
"""The ownership of a bucket whose controls were deleted: as ObjectWriter, but not stated."""


async def get_bucket_ownership_controls(context: Context) -> S3Response:
    """The ownership rule. Raises ``OwnershipControlsNotFoundError``.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketOwnershipControls.html
    """
    bucket = context.require_bucket()
    if bucket.object_ownership == NO_CONTROLS:
        raise OwnershipControlsNotFoundError(BucketName=bucket.name)
    return S3Response(200, [XML], ownership_controls(bucket.object_ownership))


async def put_bucket_ownership_controls(context: Context) -> S3Response:
    """Replace the ownership rule; it acts on what is written from now on. Raises
    ``InvalidBucketAclWithObjectOwnership`` where ACLs would be turned off that grant the bucket to
    others.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketOwnershipControls.html
    """
    ownership = parse_ownership_controls(await read_document(context, SETTING_BYTES))
    bucket = context.require_bucket()
    if ownership == ENFORCED and grants_others(bucket.acl, bucket.owner):
        raise InvalidBucketAclWithObjectOwnership()
    context.blobs.admit(0)
    await change_bucket(context, object_ownership=ownership)
    return S3Response(200)


async def delete_bucket_ownership_controls(context: Context) -> S3Response:
    """Remove the rule: objects belong to who writes them; repeating it is no error.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketOwnershipControls.html
    """
    await change_bucket(context, object_ownership=NO_CONTROLS)
    return S3Response(204)


OPERATIONS: dict[str, Operation] = {
    "DeleteBucketOwnershipControls": delete_bucket_ownership_controls,
    "GetBucketOwnershipControls": get_bucket_ownership_controls,
    "PutBucketOwnershipControls": put_bucket_ownership_controls,
}
