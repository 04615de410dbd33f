"""Event messages have AWS's members and no others."""

from __future__ import annotations

import json

import pytest

from z4tw.model.notices import Occurrence, Outgoing
from z4tw.model.stamps import pack_stamp
from z4tw.s3.event_messages import TEST_EVENT, message, record
from z4tw.s3.notification import EVENT_BRIDGE, Event

STAMP = pack_stamp(1_760_000_000_123 << 16, b"node-001", 1)


def outgoing(event: str, key: str = "a b/ü+.txt", **fields: object) -> Outgoing:
    about = Occurrence(event, "bucket", "ab" * 32, "eu-west-1", key, "AWS:me", "::1", "RID", "HID")
    values: dict[str, object] = {"sink": "s", "configuration": "c", **fields}
    return Outgoing(occurrence=about, stamp=STAMP, **values)  # type: ignore[arg-type]


def test_a_record_of_structure_2() -> None:
    event = outgoing(Event.CREATED_PUT, version_id="v1", size=0, etag="e")
    assert record(event) == {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-1",
        "eventTime": "2025-10-09T08:53:20.123Z",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:me"},
        "requestParameters": {"sourceIPAddress": "::1"},
        "responseElements": {"x-amz-request-id": "RID", "x-amz-id-2": "HID"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "c",
            "bucket": {
                "name": "bucket",
                "ownerIdentity": {"principalId": "ab" * 32},
                "arn": "arn:aws:s3:::bucket",
            },
            "object": {
                "key": "a+b/%C3%BC%2B.txt",
                "size": 0,
                "eTag": "e",
                "versionId": "v1",
                "sequencer": STAMP.hex().upper(),
            },
        },
    }
    assert message(event) == {"Records": [record(event)]}


def test_a_removal_tells_no_size() -> None:
    described = record(outgoing(Event.REMOVED_DELETE))["s3"]["object"]
    assert set(described) == {"key", "sequencer"}


def test_nobody_is_anonymous() -> None:
    event = Outgoing("s", "c", Occurrence(Event.CREATED_PUT, "b", "o", "r"), STAMP)
    assert record(event)["userIdentity"] == {"principalId": "Anonymous"}


def test_a_test_event() -> None:
    assert message(outgoing(TEST_EVENT, key="")) == {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": "2025-10-09T08:53:20.123Z",
        "Bucket": "bucket",
        "RequestId": "RID",
        "HostId": "HID",
    }


@pytest.mark.parametrize("event", list(Event))
def test_every_event_has_an_envelope_for_event_bridge(event: Event) -> None:
    made = message(outgoing(event, configuration=EVENT_BRIDGE, size=1, etag="e", version_id="v"))
    json.dumps(made)
    assert made["source"] == "aws.s3"
    assert made["detail"]["object"]["key"] == "a b/ü+.txt"
    deleted = "ObjectRemoved" in event or "LifecycleExpiration" in event
    assert ("deletion-type" in made["detail"]) == deleted
    assert (made["detail-type"] == "Object Created") == event.startswith("s3:ObjectCreated")
