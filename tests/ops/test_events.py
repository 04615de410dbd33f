"""Who is told of a change, from a request and from the background."""

from __future__ import annotations

import msgspec

from z4tw.model.control import Bucket
from z4tw.model.notices import Target
from z4tw.ops.events import CONFIGURATION, background_notice
from z4tw.s3.notification import Event

DOCUMENT = (
    b"<NotificationConfiguration><QueueConfiguration><Id>one</Id><Queue>arn:z4:sqs:::hook</Queue>"
    b"<Event>s3:LifecycleExpiration:*</Event></QueueConfiguration></NotificationConfiguration>"
)
BUCKET = Bucket(bytes(20), "bucket", 1, "o" * 64, 0, "us-east-1")


def test_a_change_that_nobody_asked_for_is_announced_by_the_service() -> None:
    bucket = msgspec.structs.replace(BUCKET, configurations={CONFIGURATION: DOCUMENT})
    notice = background_notice(bucket, Event.EXPIRED_DELETE, "key", "us-east-1")
    assert notice is not None
    assert notice.targets == (Target("hook", "one"),)
    about = notice.occurrence
    assert (about.principal, about.peer, about.key) == ("s3.amazonaws.com", "", "key")
    assert background_notice(bucket, Event.CREATED_PUT, "key", "us-east-1") is None


def test_nobody_is_told_without_a_configuration() -> None:
    assert background_notice(BUCKET, Event.EXPIRED_DELETE, "key", "us-east-1") is None
