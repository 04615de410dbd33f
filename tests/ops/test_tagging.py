"""Tags of objects, of their versions, and of buckets."""

from __future__ import annotations

import pytest

from tests.ops.harness import NS, Harness


def document(tags: dict[str, str]) -> bytes:
    rows = "".join(f"<Tag><Key>{key}</Key><Value>{tags[key]}</Value></Tag>" for key in tags)
    return f'<Tagging xmlns="{NS[1:-1]}"><TagSet>{rows}</TagSet></Tagging>'.encode()


def tags_of(harness: Harness, target: str) -> dict[str, str]:
    answer = harness.request("GET", target)
    assert answer.status == 200, answer
    assert answer.xml.tag == "Tagging"
    return dict(zip(answer.texts("TagSet/Tag/Key"), answer.texts("TagSet/Tag/Value"), strict=True))


def test_an_objects_tags_are_put_read_and_deleted() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key")
    assert tags_of(harness, "/bucket/key?tagging") == {}
    answer = harness.request("PUT", "/bucket/key?tagging", body=document({"a": "1", "b": ""}))
    assert (answer.status, answer.body) == (200, b"")
    assert "x-amz-version-id" not in answer.headers
    assert tags_of(harness, "/bucket/key?tagging") == {"a": "1", "b": ""}
    harness.request("PUT", "/bucket/key?tagging", body=document({"c": "3"}))
    assert tags_of(harness, "/bucket/key?tagging") == {"c": "3"}
    for _ in range(2):
        answer = harness.request("DELETE", "/bucket/key?tagging")
        assert (answer.status, answer.body) == (204, b"")
    assert tags_of(harness, "/bucket/key?tagging") == {}


def test_tagging_changes_neither_the_bytes_nor_the_time() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key")
    before = harness.request("HEAD", "/bucket/key").headers
    harness.clock.advance(60)
    harness.request("PUT", "/bucket/key?tagging", body=document({"a": "1"}))
    after = harness.request("HEAD", "/bucket/key").headers
    assert (before["etag"], before["last-modified"]) == (after["etag"], after["last-modified"])
    assert harness.request("GET", "/bucket/key").body == b"data"


def test_tags_given_at_the_put_are_there() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key", headers={"x-amz-tagging": "a=1&b=two%20words"})
    assert tags_of(harness, "/bucket/key?tagging") == {"a": "1", "b": "two words"}


def test_each_version_has_its_own_tags() -> None:
    harness = Harness()
    harness.bucket(versioning="Enabled")
    first = harness.put("/bucket/key").headers["x-amz-version-id"]
    second = harness.put("/bucket/key").headers["x-amz-version-id"]
    target = f"/bucket/key?tagging&versionId={first}"
    answer = harness.request("PUT", target, body=document({"v": "1"}))
    assert answer.headers["x-amz-version-id"] == first
    answer = harness.request("PUT", "/bucket/key?tagging", body=document({"v": "2"}))
    assert answer.headers["x-amz-version-id"] == second
    assert tags_of(harness, target) == {"v": "1"}
    assert harness.request("GET", target).headers["x-amz-version-id"] == first
    assert tags_of(harness, "/bucket/key?tagging") == {"v": "2"}
    answer = harness.request("DELETE", target)
    assert (answer.status, answer.headers["x-amz-version-id"]) == (204, first)
    assert tags_of(harness, target) == {}
    assert tags_of(harness, "/bucket/key?tagging") == {"v": "2"}


def test_the_null_version_has_tags_too() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key")
    target = "/bucket/key?tagging&versionId=null"
    assert harness.request("PUT", target, body=document({"n": "1"})).status == 200
    assert tags_of(harness, target) == {"n": "1"}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_what_is_not_there_has_no_tags(method: str) -> None:
    harness = Harness()
    harness.bucket(versioning="Enabled")
    version = harness.put("/bucket/other").headers["x-amz-version-id"]
    body = document({"a": "1"}) if method == "PUT" else b""
    for target, error in (
        ("/bucket/key?tagging", "NoSuchKey"),
        (f"/bucket/key?tagging&versionId={version}", "NoSuchVersion"),
        ("/bucket/other?tagging&versionId=null", "NoSuchVersion"),
        ("/bucket/other?tagging&versionId=rubbish", "InvalidArgument"),
        ("/no-bucket/key?tagging", "NoSuchBucket"),
    ):
        assert harness.request(method, target, body=body).error == error, target


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_delete_marker_has_no_tags(method: str) -> None:
    harness = Harness()
    harness.bucket(versioning="Enabled")
    harness.put("/bucket/key")
    marker = harness.request("DELETE", "/bucket/key").headers["x-amz-version-id"]
    body = document({"a": "1"}) if method == "PUT" else b""
    current = harness.request(method, "/bucket/key?tagging", body=body)
    assert (current.error, current.headers["x-amz-delete-marker"]) == ("NoSuchKey", "true")
    named = harness.request(method, f"/bucket/key?tagging&versionId={marker}", body=body)
    assert (named.status, named.error) == (405, "MethodNotAllowed")
    assert named.headers["x-amz-delete-marker"] == "true"


@pytest.mark.parametrize("target", ["/bucket/key?tagging", "/bucket?tagging"])
@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "MissingRequestBodyError"),
        (b"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>", "MalformedXML"),
        (b"<Tagging/>", "MalformedXML"),
        (b"not xml", "MalformedXML"),
        (document({"aws:x": "1"}), "InvalidTag"),
        (document({"k" * 129: "1"}), "InvalidTag"),
        (document({"k": "v" * 257}), "InvalidTag"),
        (
            b"<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag>"
            b"<Tag><Key>a</Key><Value>2</Value></Tag></TagSet></Tagging>",
            "InvalidTag",
        ),
    ],
)
def test_a_wrong_document_changes_nothing(target: str, body: bytes, error: str) -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key")
    harness.request("PUT", target, body=document({"kept": "1"}))
    assert harness.request("PUT", target, body=body).error == error
    assert tags_of(harness, target) == {"kept": "1"}


@pytest.mark.parametrize(
    ("target", "limit"), [("/bucket/key?tagging", 10), ("/bucket?tagging", 50)]
)
def test_tags_are_limited_in_number(target: str, limit: int) -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key")
    most = {f"k{number}": "v" for number in range(limit)}
    assert harness.request("PUT", target, body=document(most)).status in (200, 204)
    assert tags_of(harness, target) == most
    more = {**most, "one": "more"}
    assert harness.request("PUT", target, body=document(more)).error == "InvalidTag"


def test_a_buckets_tags_are_put_read_and_deleted() -> None:
    harness = Harness()
    harness.bucket()
    missing = harness.request("GET", "/bucket?tagging")
    assert (missing.status, missing.error) == (404, "NoSuchTagSet")
    assert missing.details["BucketName"] == "bucket"
    answer = harness.request("PUT", "/bucket?tagging", body=document({"team": "blue/red"}))
    assert (answer.status, answer.body) == (204, b"")
    assert tags_of(harness, "/bucket?tagging") == {"team": "blue/red"}
    for _ in range(2):
        assert harness.request("DELETE", "/bucket?tagging").status == 204
    assert harness.request("GET", "/bucket?tagging").error == "NoSuchTagSet"


def test_a_read_only_store_refuses_changes_of_tags() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key")
    harness.request("PUT", "/bucket/key?tagging", body=document({"a": "1"}))
    harness.blobs.read_only = True
    refused = harness.request("PUT", "/bucket/key?tagging", body=document({"a": "2"}))
    assert refused.error == "ServiceUnavailable"
    refused = harness.request("PUT", "/bucket?tagging", body=document({"a": "2"}))
    assert refused.error == "ServiceUnavailable"
    refused = harness.request("DELETE", "/bucket/key?tagging")
    assert refused.error == "ServiceUnavailable"
    assert harness.request("GET", "/bucket/key?tagging").status == 200
