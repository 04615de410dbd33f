"""The messages that tell of events, as AWS writes them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import quote_plus

from z4tw.model.notices import Outgoing
from z4tw.model.stamps import stamp_ms
from z4tw.s3.dates import iso_date
from z4tw.s3.notification import EVENT_BRIDGE, Event

TEST_EVENT = "s3:TestEvent"
_REASONS = {
    Event.CREATED_PUT: ("Object Created", "PutObject"),
    Event.CREATED_POST: ("Object Created", "POST Object"),
    Event.CREATED_COPY: ("Object Created", "CopyObject"),
    Event.CREATED_MULTIPART: ("Object Created", "CompleteMultipartUpload"),
    Event.REMOVED_DELETE: ("Object Deleted", "DeleteObject"),
    Event.REMOVED_MARKER: ("Object Deleted", "DeleteObject"),
    Event.EXPIRED_DELETE: ("Object Deleted", "Lifecycle Expiration"),
    Event.EXPIRED_MARKER: ("Object Deleted", "Lifecycle Expiration"),
    Event.TAGGING_PUT: ("Object Tags Added", ""),
    Event.TAGGING_DELETE: ("Object Tags Deleted", ""),
    Event.ANNOTATION_PUT: ("Object Annotation Added", ""),
    Event.ANNOTATION_DELETE: ("Object Annotation Deleted", ""),
    Event.ACL_PUT: ("Object ACL Updated", ""),
    Event.RETENTION_PUT: ("Object Retention Updated", ""),
    Event.TRANSITION: ("Object Storage Class Changed", ""),
    Event.TIERING: ("Object Access Tier Changed", ""),
    Event.RESTORE_POST: ("Object Restore Initiated", ""),
    Event.RESTORE_COMPLETED: ("Object Restore Completed", ""),
    Event.RESTORE_DELETE: ("Object Restore Expired", ""),
}
_PERMANENT = frozenset({Event.REMOVED_DELETE, Event.EXPIRED_DELETE})
_MARKERS = frozenset({Event.REMOVED_MARKER, Event.EXPIRED_MARKER})


def message(event: Outgoing) -> dict[str, Any]:
    """The whole message of an event: of one record, of a test, or in EventBridge's envelope."""
    if event.occurrence.event == TEST_EVENT:
        return _test(event)
    if event.configuration == EVENT_BRIDGE:
        return _enveloped(event)
    return {"Records": [record(event)]}


def record(event: Outgoing) -> dict[str, Any]:
    """An event record of structure 2.1. Its key is encoded as in a form; ``sequencer`` orders
    the events of one key by comparing as text."""
    about = event.occurrence
    described: dict[str, Any] = {"key": quote_plus(about.key, safe="/")}
    if event.size >= 0:
        described["size"] = event.size
    if event.etag:
        described["eTag"] = event.etag
    if event.version_id:
        described["versionId"] = event.version_id
    described["sequencer"] = event.stamp.hex().upper()
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": about.region,
        "eventTime": time_text(stamp_ms(event.stamp)),
        "eventName": about.event.removeprefix("s3:"),
        "userIdentity": {"principalId": about.principal or "Anonymous"},
        "requestParameters": {"sourceIPAddress": about.peer},
        "responseElements": {
            "x-amz-request-id": about.request_id,
            "x-amz-id-2": about.host_id,
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": event.configuration,
            "bucket": {
                "name": about.bucket,
                "ownerIdentity": {"principalId": about.owner},
                "arn": f"arn:aws:s3:::{about.bucket}",
            },
            "object": described,
        },
    }


def _test(event: Outgoing) -> dict[str, Any]:
    about = event.occurrence
    return {
        "Service": "Amazon S3",
        "Event": TEST_EVENT,
        "Time": time_text(stamp_ms(event.stamp)),
        "Bucket": about.bucket,
        "RequestId": about.request_id,
        "HostId": about.host_id,
    }


def _enveloped(event: Outgoing) -> dict[str, Any]:
    about = event.occurrence
    described: dict[str, Any] = {"key": about.key}
    if event.size >= 0:
        described["size"] = event.size
    if event.etag:
        described["etag"] = event.etag
    if event.version_id:
        described["version-id"] = event.version_id
    described["sequencer"] = event.stamp.hex().upper()
    title, reason = _REASONS.get(Event(about.event), (about.event, ""))
    detail: dict[str, Any] = {
        "version": "0",
        "bucket": {"name": about.bucket},
        "object": described,
        "request-id": about.request_id,
        "requester": about.principal or "Anonymous",
        "source-ip-address": about.peer,
    }
    if reason:
        detail["reason"] = reason
    if about.event in _PERMANENT:
        detail["deletion-type"] = "Permanently Deleted"
    elif about.event in _MARKERS:
        detail["deletion-type"] = "Delete Marker Created"
    return {
        "version": "0",
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, event.stamp.hex() + about.event + about.key)),
        "detail-type": title,
        "source": "aws.s3",
        "account": about.owner,
        "time": time_text(stamp_ms(event.stamp)),
        "region": about.region,
        "resources": [f"arn:aws:s3:::{about.bucket}"],
        "detail": detail,
    }


def time_text(ms: int) -> str:
    """A time as events write it: ISO 8601 in UTC with milliseconds."""
    return f"{iso_date(ms)[:19]}.{ms % 1000:03d}Z"
