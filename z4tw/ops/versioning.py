"""GetBucketVersioning and PutBucketVersioning."""

from __future__ import annotations

from typing import Any

from z4tw import errors
from z4tw.errors import IllegalVersioningConfigurationException, InvalidBucketState
from z4tw.interfaces.http import S3Response
from z4tw.model.control import Bucket
from z4tw.objects.versions import ENABLED
from z4tw.ops.bucket_settings import alter_bucket
from z4tw.ops.context import Context, Operation
from z4tw.ops.documents import read_document
from z4tw.ops.locking import has_lock
from z4tw.s3.xml_in import SETTING_BYTES, parse_versioning
from z4tw.s3.xml_out import versioning as versioning_document


async def get_bucket_versioning(context: Context) -> S3Response:
    """The bucket's versioning state; an empty document when it never had one.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html
    """
    document = versioning_document(context.require_bucket().versioning)
    return S3Response(200, [("Content-Type", "application/xml")], document)


async def put_bucket_versioning(context: Context) -> S3Response:
    """Enable or suspend versioning.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html
    """
    asked = parse_versioning(await read_document(context, SETTING_BYTES))
    if asked.mfa_delete == "Enabled":
        raise errors.NotImplemented(
            "The operation PutBucketVersioning with MFA delete is not implemented."
        )
    if not asked.status:
        raise IllegalVersioningConfigurationException()

    def change(present: Bucket) -> dict[str, Any]:
        if asked.status != ENABLED and has_lock(present):
            raise InvalidBucketState(
                "An Object Lock configuration is present on this bucket, so the versioning state "
                "cannot be changed."
            )
        return {"versioning": asked.status}

    await alter_bucket(context, change)
    return S3Response(200)


OPERATIONS: dict[str, Operation] = {
    "GetBucketVersioning": get_bucket_versioning,
    "PutBucketVersioning": put_bucket_versioning,
}
