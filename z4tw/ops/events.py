"""What an operation announces of its change, when the bucket's notification configuration asks.

An operation passes ``notice=notice_of(context, Event.ACL_PUT)`` to its command: that is all.
"""

from __future__ import annotations

from z4tw.model.control import Bucket
from z4tw.model.notices import Notice, Occurrence, Target
from z4tw.ops.context import Context
from z4tw.s3.notification import stored_notification

CONFIGURATION = "notification"
"""The name of the document in ``Bucket.configurations``."""


def notice_of(
    context: Context, event: str, key: str | None = None, bucket: Bucket | None = None
) -> Notice | None:
    """What a command on a key (default: the request's) of a bucket (default: the request's) is
    to announce; None when nobody wants to know."""
    if bucket is None:
        bucket = context.require_bucket()
    if not bucket.configurations or CONFIGURATION not in bucket.configurations:
        return None
    name = context.call.key if key is None else key
    targets = stored_notification(bucket.configurations[CONFIGURATION]).targets(event, name)
    if not targets:
        return None
    return Notice(occurrence_of(context, event, bucket, name), targets)


def occurrence_of(context: Context, event: str, bucket: Bucket, key: str) -> Occurrence:
    """An event that the request causes."""
    head = context.head
    principal = context.principal
    return Occurrence(
        event,
        bucket.name,
        bucket.owner,
        context.settings.region,
        key,
        "" if principal.anonymous else f"AWS:{principal.user_id}",
        head.peer,
        head.request_id,
        context.settings.host_id,
    )


def background_notice(
    bucket: Bucket, event: str, key: str, region: str, actor: str = "s3.amazonaws.com"
) -> Notice | None:
    """The same for a change that no request asks for, as an expiry; ``actor`` is who does it."""
    document = bucket.configurations.get(CONFIGURATION)
    if document is None:
        return None
    targets: tuple[Target, ...] = stored_notification(document).targets(event, key)
    if not targets:
        return None
    return Notice(Occurrence(event, bucket.name, bucket.owner, region, key, actor), targets)
