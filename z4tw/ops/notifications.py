"""GetBucketNotificationConfiguration and PutBucketNotificationConfiguration."""

from __future__ import annotations

import uuid

from z4tw.errors import InvalidArgument
from z4tw.interfaces.http import S3Response
from z4tw.model.notices import Notice, Target
from z4tw.ops.bucket_settings import change_configuration
from z4tw.ops.context import Context, Operation
from z4tw.ops.documents import read_document
from z4tw.ops.events import CONFIGURATION, occurrence_of
from z4tw.s3.event_messages import TEST_EVENT
from z4tw.s3.notification import (
    Configuration,
    notification_document,
    parse_notification,
    refuse_unknown_sinks,
)
from z4tw.s3.xml_in import SETTING_BYTES

XML = ("Content-Type", "application/xml")
SKIP = "x-amz-skip-destination-validation"


async def get_bucket_notification(context: Context) -> S3Response:
    """The configuration, an empty one when there is none.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketNotificationConfiguration.html
    """
    stored = context.require_bucket().configurations.get(CONFIGURATION)
    return S3Response(200, [XML], stored or notification_document(Configuration()))


async def put_bucket_notification(context: Context) -> S3Response:
    """Replace the configuration; an empty one turns notifications off. Every sink that it names
    gets a test event, in the same transaction, unless the request says to skip that.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html
    """
    skips = _skips(context.call.headers.get(SKIP, "false"))
    body = await read_document(context, SETTING_BYTES)
    configuration = parse_notification(body, lambda: _new_id(context))
    refuse_unknown_sinks(configuration, context.settings.event_sinks)
    context.blobs.admit(0)
    wanted = configuration.rules or configuration.event_bridge
    document = notification_document(configuration) if wanted else None
    notice = None if skips else _test_of(context, configuration)
    await change_configuration(context, CONFIGURATION, document, notice)
    return S3Response(200)


def _test_of(context: Context, configuration: Configuration) -> Notice | None:
    sinks = dict.fromkeys(rule.sink for rule in configuration.rules)
    if not sinks:
        return None
    occurrence = occurrence_of(context, TEST_EVENT, context.require_bucket(), "")
    return Notice(occurrence, tuple([Target(sink, "") for sink in sinks]))


def _new_id(context: Context) -> str:
    return str(uuid.UUID(bytes=context.random_bytes(16), version=4))


def _skips(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise InvalidArgument(ArgumentName=SKIP, ArgumentValue=text[:256])
    return text.lower() == "true"


OPERATIONS: dict[str, Operation] = {
    "GetBucketNotificationConfiguration": get_bucket_notification,
    "PutBucketNotificationConfiguration": put_bucket_notification,
}
