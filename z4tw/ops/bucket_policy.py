"""The policy of a bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
"""

from __future__ import annotations

import msgspec

from z4tw.errors import AccessDenied, NoSuchBucketPolicy
from z4tw.interfaces.http import S3Response
from z4tw.ops.bucket_settings import change_configuration
from z4tw.ops.context import Context, Operation
from z4tw.ops.documents import read_document
from z4tw.policy.bucket_policy import CONFIGURATION
from z4tw.policy.document import MAX_RAW_BYTES, parse_policy
from z4tw.policy.public_access import block_of, is_public
from z4tw.s3.access_settings import policy_status

XML = ("Content-Type", "application/xml")
JSON = ("Content-Type", "application/json")


async def get_bucket_policy(context: Context) -> S3Response:
    """The policy as it was put. Raises ``NoSuchBucketPolicy``.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html
    """
    return S3Response(200, [JSON], _stored(context))


async def get_bucket_policy_status(context: Context) -> S3Response:
    """Whether the policy is public. Raises ``NoSuchBucketPolicy``.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicyStatus.html
    """
    policy = parse_policy(_stored(context), bucket=context.require_bucket().name)
    return S3Response(200, [XML], policy_status(is_public(policy)))


async def put_bucket_policy(context: Context) -> S3Response:
    """Replace the policy.

    Raises ``MalformedPolicy``; ``AccessDenied`` for a public one where the public access block
    refuses it, and for one by which the requester could not change the policy any more, unless
    ``x-amz-confirm-remove-self-bucket-access`` says that this is meant.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
    """
    bucket = context.require_bucket()
    document = await read_document(context, MAX_RAW_BYTES)
    policy = parse_policy(document, bucket=bucket.name)
    if is_public(policy) and block_of(bucket).block_public_policy:
        raise AccessDenied(
            "Access Denied: public policies are blocked by the BlockPublicPolicy block public "
            "access setting of the bucket."
        )
    confirmed = context.call.headers.get("x-amz-confirm-remove-self-bucket-access", "")
    if confirmed.lower() != "true" and not _may_change(context, document):
        raise AccessDenied(
            "Access Denied: you could not change this policy afterwards. Send "
            "x-amz-confirm-remove-self-bucket-access: true if that is what you want."
        )
    context.blobs.admit(0)
    await change_configuration(context, CONFIGURATION, document)
    return S3Response(204)


async def delete_bucket_policy(context: Context) -> S3Response:
    """Remove the policy; repeating it is no error.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketPolicy.html
    """
    await change_configuration(context, CONFIGURATION, None)
    return S3Response(204)


def _stored(context: Context) -> bytes:
    bucket = context.require_bucket()
    document = bucket.configurations.get(CONFIGURATION)
    if document is None:
        raise NoSuchBucketPolicy(BucketName=bucket.name)
    return document


def _may_change(context: Context, document: bytes) -> bool:
    """Whether the requester could make this same request under a new policy."""
    bucket = context.require_bucket()
    configurations = {**bucket.configurations, CONFIGURATION: document}
    after = msgspec.structs.replace(bucket, configurations=configurations)
    return context.allowed("s3:PutBucketPolicy", after)


OPERATIONS: dict[str, Operation] = {
    "DeleteBucketPolicy": delete_bucket_policy,
    "GetBucketPolicy": get_bucket_policy,
    "GetBucketPolicyStatus": get_bucket_policy_status,
    "PutBucketPolicy": put_bucket_policy,
}
