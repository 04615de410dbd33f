"""What SDKs and tools ask of a bucket that this server never has: each answered as by a bucket
where nobody configured it. Setting any of it answers ``NotImplemented``.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

from z4tw.errors import NoSuchConfiguration, ReplicationConfigurationNotFoundError
from z4tw.interfaces.http import S3Response
from z4tw.ops.context import Context, Operation
from z4tw.s3.xml_text import document, element

XML = ("Content-Type", "application/xml")
_LISTS = {
    "ListBucketAnalyticsConfigurations": "ListBucketAnalyticsConfigurationResult",
    "ListBucketIntelligentTieringConfigurations": (
        "ListBucketIntelligentTieringConfigurationsOutput"
    ),
    "ListBucketInventoryConfigurations": "ListInventoryConfigurationsResult",
    "ListBucketMetricsConfigurations": "ListMetricsConfigurationsResult",
}
"""The root element of each list's answer."""


async def get_bucket_accelerate_configuration(context: Context) -> S3Response:
    """An empty document: acceleration never was on.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketAccelerateConfiguration.html
    """
    return S3Response(200, [XML], document("AccelerateConfiguration"))


async def get_bucket_request_payment(context: Context) -> S3Response:
    """The bucket's owner pays.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketRequestPayment.html
    """
    payer = element("Payer", "BucketOwner")
    return S3Response(200, [XML], document("RequestPaymentConfiguration", payer))


async def get_bucket_replication(context: Context) -> S3Response:
    """Raises ``ReplicationConfigurationNotFoundError``.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketReplication.html
    """
    raise ReplicationConfigurationNotFoundError(BucketName=context.require_bucket().name)


async def list_configurations(context: Context) -> S3Response:
    """No configurations of the kind that the operation lists.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBucketMetricsConfigurations.html
    """
    root = _LISTS[context.call.operation]
    return S3Response(200, [XML], document(root, element("IsTruncated", "false")))


async def get_configuration(context: Context) -> S3Response:
    """Raises ``NoSuchConfiguration``, whatever id is asked for.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketMetricsConfiguration.html
    """
    raise NoSuchConfiguration(BucketName=context.require_bucket().name)


OPERATIONS: dict[str, Operation] = {
    "GetBucketAccelerateConfiguration": get_bucket_accelerate_configuration,
    "GetBucketAnalyticsConfiguration": get_configuration,
    "GetBucketIntelligentTieringConfiguration": get_configuration,
    "GetBucketInventoryConfiguration": get_configuration,
    "GetBucketMetricsConfiguration": get_configuration,
    "GetBucketReplication": get_bucket_replication,
    "GetBucketRequestPayment": get_bucket_request_payment,
    **dict.fromkeys(_LISTS, list_configurations),
}
