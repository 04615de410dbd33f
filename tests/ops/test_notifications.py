"""The notification configuration of a bucket: stored, validated, tested, and obeyed."""

from __future__ import annotations

import pytest

from tests.ops.harness import NS, Answer, Harness, run
from z4tw.model.notices import Outgoing
from z4tw.ops.context import Settings

QUEUE = "arn:aws:sqs:us-east-1:123456789012:hook"


def queue(events: str = "s3:ObjectCreated:*", more: str = "", arn: str = QUEUE) -> str:
    rows = "".join(f"<Event>{event}</Event>" for event in events.split())
    return f"<QueueConfiguration><Queue>{arn}</Queue>{rows}{more}</QueueConfiguration>"


def document(*pieces: str) -> bytes:
    name, inner = "NotificationConfiguration", "".join(pieces)
    return f'<{name} xmlns="{NS[1:-1]}">{inner}</{name}>'.encode()


def made(*sinks: str) -> Harness:
    harness = Harness(settings=Settings(event_sinks=sinks or ("hook", "file"), host_id="host"))
    harness.bucket()
    return harness


def put(harness: Harness, *pieces: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return harness.request("PUT", "/bucket?notification", named, document(*pieces))


def waiting(harness: Harness, sink: str = "hook") -> list[Outgoing]:
    """The events that wait for a sink, test events left out."""
    rows = run(harness.store.outbox(sink, 1000))
    return [event for _, event in rows if event.occurrence.event != "s3:TestEvent"]


def names(harness: Harness) -> list[tuple[str, str]]:
    return [(one.occurrence.event, one.occurrence.key) for one in waiting(harness)]


def test_a_configuration_is_stored_and_read_back() -> None:
    harness = made()
    empty = harness.request("GET", "/bucket?notification")
    assert (empty.status, list(empty.xml)) == (200, [])
    rules = "<FilterRule><Name>Prefix</Name><Value>a &amp; b/</Value></FilterRule>"
    assert (
        put(harness, queue(more=f"<Id>one</Id><Filter><S3Key>{rules}</S3Key></Filter>")).status
        == 200
    )
    answer = harness.request("GET", "/bucket?notification")
    assert answer.text("QueueConfiguration/Id") == "one"
    assert answer.text("QueueConfiguration/Queue") == QUEUE
    assert answer.texts("QueueConfiguration/Event") == ["s3:ObjectCreated:*"]
    assert answer.text("QueueConfiguration/Filter/S3Key/FilterRule/Name") == "Prefix"
    assert answer.text("QueueConfiguration/Filter/S3Key/FilterRule/Value") == "a & b/"
    assert put(harness).status == 200
    assert list(harness.request("GET", "/bucket?notification").xml) == []


def test_a_configuration_without_an_id_gets_one() -> None:
    harness = made()
    put(harness, queue())
    first = harness.request("GET", "/bucket?notification").text("QueueConfiguration/Id")
    assert first is not None
    assert len(first) == 36


def test_each_sink_gets_a_test_event_unless_the_request_skips_it() -> None:
    harness = made()
    put(harness, queue(), x_amz_skip_destination_validation="true")
    assert run(harness.store.backlog()) == {}
    put(harness, queue(more="<Id>new</Id>"))
    ((_, event),) = run(harness.store.outbox("hook", 10))
    assert event.occurrence.event == "s3:TestEvent"
    assert event.occurrence.bucket == "bucket"
    refused = put(harness, queue(), x_amz_skip_destination_validation="perhaps")
    assert refused.error == "InvalidArgument"


def test_a_sink_that_is_not_configured_is_refused() -> None:
    harness = made()
    other = "arn:aws:sqs:us-east-1:123456789012:other"
    for skips in ("false", "true"):
        answer = put(harness, queue(arn=other), x_amz_skip_destination_validation=skips)
        assert answer.error == "InvalidArgument"
        assert answer.message == "Unable to validate the following destination configurations"
        assert answer.details == {
            "ArgumentName1": other,
            "ArgumentValue1": "The destination queue does not exist",
        }
    assert put(harness, "<EventBridgeConfiguration/>").error == "InvalidArgument"
    assert list(harness.request("GET", "/bucket?notification").xml) == []


@pytest.mark.parametrize("versioning", ["", "Enabled", "Suspended"])
def test_every_change_of_an_object_is_announced_once(versioning: str) -> None:
    harness = made()
    if versioning:
        harness.request(
            "PUT",
            "/bucket?versioning",
            body=f"<VersioningConfiguration><Status>{versioning}</Status></VersioningConfiguration>".encode(),
        )
    put(harness, queue("s3:ObjectCreated:* s3:ObjectRemoved:* s3:ObjectTagging:*"))
    tags = b"<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"
    first = harness.put("/bucket/a%20b")
    harness.put("/bucket/copy", b"", headers={"x-amz-copy-source": "/bucket/a%20b"})
    harness.request("PUT", "/bucket/copy?tagging", body=tags)
    harness.request("DELETE", "/bucket/copy?tagging")
    harness.request("DELETE", "/bucket/copy")
    body = b"<Delete><Object><Key>a b</Key></Object></Delete>"
    harness.request("POST", "/bucket?delete", body=body)
    removed = "s3:ObjectRemoved:DeleteMarkerCreated" if versioning else "s3:ObjectRemoved:Delete"
    assert names(harness) == [
        ("s3:ObjectCreated:Put", "a b"),
        ("s3:ObjectCreated:Copy", "copy"),
        ("s3:ObjectTagging:Put", "copy"),
        ("s3:ObjectTagging:Delete", "copy"),
        (removed, "copy"),
        (removed, "a b"),
    ]
    events = waiting(harness)
    assert (events[0].size, f'"{events[0].etag}"') == (4, first.headers["etag"])
    assert events[0].version_id == first.headers.get("x-amz-version-id", "")
    assert events[-1].size == -1
    assert events[0].occurrence.principal == f"AWS:{harness.user.account_id}"
    assert events[0].occurrence.host_id == "host"


def test_a_version_that_is_deleted_for_good_is_announced() -> None:
    harness = made()
    put(harness, queue("s3:ObjectRemoved:Delete"))
    harness.put("/bucket/key")
    harness.request("DELETE", "/bucket/key?versionId=null")
    harness.request("DELETE", "/bucket/key?versionId=null")
    ((event),) = waiting(harness)
    assert (event.occurrence.event, event.version_id) == ("s3:ObjectRemoved:Delete", "null")


def test_a_completed_upload_is_announced_once_however_often_it_is_asked_for() -> None:
    harness = made()
    put(harness, queue())
    upload = harness.request("POST", "/bucket/up?uploads").text("UploadId")
    part = harness.put(f"/bucket/up?uploadId={upload}&partNumber=1").headers["etag"]
    body = (
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
        f"<ETag>{part}</ETag></Part></CompleteMultipartUpload>"
    ).encode()
    for _ in range(2):
        assert harness.request("POST", f"/bucket/up?uploadId={upload}", body=body).status == 200
    assert names(harness) == [("s3:ObjectCreated:CompleteMultipartUpload", "up")]


def test_what_fails_or_changes_nothing_is_not_announced() -> None:
    harness = made()
    put(harness, queue("s3:ObjectCreated:* s3:ObjectRemoved:*"))
    assert harness.request("DELETE", "/bucket/absent").status == 204
    harness.put("/bucket/key")
    refused = harness.request("PUT", "/bucket/key", {"if-none-match": "*"}, b"again")
    assert refused.error == "PreconditionFailed"
    stranger = harness.key("stranger")
    assert harness.request("PUT", "/bucket/x", body=b"x", key=stranger).error == "AccessDenied"
    assert names(harness) == [("s3:ObjectCreated:Put", "key")]


def test_filters_and_events_choose_the_sink() -> None:
    harness = made()

    def only(prefix: str, suffix: str) -> str:
        rules = "".join(
            f"<FilterRule><Name>{name}</Name><Value>{value}</Value></FilterRule>"
            for name, value in (("prefix", prefix), ("suffix", suffix))
        )
        return f"<Filter><S3Key>{rules}</S3Key></Filter>"

    other = QUEUE.replace("hook", "file")
    assert (
        put(
            harness,
            queue(more=only("in/", ".jpg")),
            queue(more=only("out/", ".jpg"), arn=other),
        ).status
        == 200
    )
    for key in ("in/a.jpg", "in/a.png", "out/b.jpg", "a.jpg"):
        harness.put(f"/bucket/{key}")
    assert [one.occurrence.key for one in waiting(harness)] == ["in/a.jpg"]
    assert [one.occurrence.key for one in waiting(harness, "file")] == ["out/b.jpg"]


def test_a_bucket_without_a_configuration_announces_nothing() -> None:
    harness = made()
    harness.put("/bucket/key")
    assert run(harness.store.backlog()) == {}
    put(harness, queue())
    put(harness)
    harness.put("/bucket/key")
    assert names(harness) == []


def test_event_bridge_gets_every_event() -> None:
    harness = made("eventbridge")
    assert put(harness, "<EventBridgeConfiguration/>").status == 200
    harness.put("/bucket/key")
    ((event),) = waiting(harness, "eventbridge")
    assert (event.configuration, event.occurrence.key) == ("eventbridge", "key")


def test_a_read_only_store_refuses_a_configuration() -> None:
    harness = made()
    harness.blobs.read_only = True
    assert put(harness, queue()).error == "ServiceUnavailable"


def test_a_changed_acl_is_announced() -> None:
    harness = made()
    put(harness, queue("s3:ObjectAcl:Put"))
    harness.put("/bucket/key", headers={"x-amz-acl": "public-read"})
    assert names(harness) == []
    answer = harness.request("PUT", "/bucket/key?acl", headers={"x-amz-acl": "private"})
    assert answer.status == 200
    assert names(harness) == [("s3:ObjectAcl:Put", "key")]
