"""The sources of copies: who may read what, and which conditions hold."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.ops.harness import Answer, Harness, run
from z4tw.interfaces import Decision, Effect
from z4tw.ops.sources import MAX_COPY_BYTES, SourceBody, too_large_source

DATA = b"0123456789"
MD5 = hashlib.md5(DATA).hexdigest()
PAST = "Thu, 01 Dec 1994 16:00:00 GMT"


@pytest.fixture
def harness() -> Harness:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key", DATA)
    return harness


def copy(harness: Harness, source: str = "/bucket/key", **arguments: Any) -> Answer:
    headers = {"x-amz-copy-source": source, **arguments.pop("headers", {})}
    return harness.request("PUT", "/bucket/copy", headers, **arguments)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("bucket", "InvalidArgument"),
        ("/bucket/", "InvalidArgument"),
        ("/", "InvalidArgument"),
        ("arn:aws:s3:us-east-1:123456789012:accesspoint/x/object/y", "InvalidArgument"),
        ("/bucket/key?versionId=", "InvalidArgument"),
        ("/bucket/key?versionId=nonsense", "InvalidArgument"),
        ("/bucket/" + "k" * 1025, "KeyTooLongError"),
        ("/absent/key", "NoSuchBucket"),
        ("/bucket/absent", "NoSuchKey"),
        ("/bucket/../bucket/key", "NoSuchKey"),
        ("/bucket/key?versionId=" + "0" * 32, "NoSuchVersion"),
    ],
)
def test_sources_that_are_none(harness: Harness, source: str, code: str) -> None:
    assert copy(harness, source).error == code
    assert harness.request("HEAD", "/bucket/copy").status == 404


@pytest.mark.parametrize("source", ["bucket/key", "/bucket/key", "%2Fbucket%2Fkey", "bucket/k%65y"])
def test_sources_in_all_spellings(harness: Harness, source: str) -> None:
    assert copy(harness, source).status == 200
    assert harness.request("GET", "/bucket/copy").body == DATA


def test_odd_keys(harness: Harness) -> None:
    for key in ("a%3FversionId%3Dx", "a%2Bb", "%C3%A4%20", "x//y/.."):
        harness.put(f"/bucket/{key}", key.encode())
        assert copy(harness, f"/bucket/{key}").status == 200
        assert harness.request("GET", "/bucket/copy").body == key.encode()


def test_a_source_must_be_readable(harness: Harness) -> None:
    stranger = harness.key("stranger")
    assert harness.request("PUT", "/strange", key=stranger).status == 200
    for source in ("/bucket/key", "/bucket/absent", "/bucket/key?versionId=null"):
        answer = harness.request(
            "PUT", "/strange/copy", {"x-amz-copy-source": source}, key=stranger
        )
        assert answer.error == "AccessDenied"
    assert harness.request("HEAD", "/strange/copy", key=stranger).status == 404


def test_the_owner_of_the_source_may_be_demanded(harness: Harness) -> None:
    right = {"x-amz-source-expected-bucket-owner": harness.user.account_number}
    assert copy(harness, headers=right).status == 200
    wrong = {"x-amz-source-expected-bucket-owner": "123456789012"}
    assert copy(harness, headers=wrong).error == "AccessDenied"
    bad = {"x-amz-source-expected-bucket-owner": "me"}
    assert copy(harness, headers=bad).error == "InvalidBucketOwnerAWSAccountID"


def test_conditions_on_the_source(harness: Harness) -> None:
    modified = harness.request("HEAD", "/bucket/key").headers["last-modified"]
    cases = [
        ({"if-match": f'"{MD5}"'}, ""),
        ({"if-match": '"other"'}, "PreconditionFailed"),
        ({"if-none-match": '"other"'}, ""),
        ({"if-none-match": f'"{MD5}"'}, "PreconditionFailed"),
        ({"if-modified-since": PAST}, ""),
        ({"if-modified-since": modified}, "PreconditionFailed"),
        ({"if-unmodified-since": modified}, ""),
        ({"if-unmodified-since": PAST}, "PreconditionFailed"),
        ({"if-match": f'"{MD5}"', "if-unmodified-since": PAST}, ""),
        ({"if-none-match": f'"{MD5}"', "if-modified-since": PAST}, "PreconditionFailed"),
    ]
    for conditions, code in cases:
        headers = {f"x-amz-copy-source-{name}": value for name, value in conditions.items()}
        answer = copy(harness, headers=headers)
        assert answer.error == code, conditions
        assert answer.status == (412 if code else 200)


def test_versions_as_sources() -> None:
    harness = Harness()
    harness.bucket(versioning="Enabled")
    old = harness.put("/bucket/key", b"old").headers["x-amz-version-id"]
    new = harness.put("/bucket/key", b"new").headers["x-amz-version-id"]
    answer = copy(harness, f"/bucket/key?versionId={old}")
    assert answer.headers["x-amz-copy-source-version-id"] == old
    assert harness.request("GET", "/bucket/copy").body == b"old"
    answer = copy(harness)
    assert answer.headers["x-amz-copy-source-version-id"] == new
    marker = harness.request("DELETE", "/bucket/key").headers["x-amz-version-id"]
    assert copy(harness).error == "NoSuchKey"
    answer = copy(harness, f"/bucket/key?versionId={marker}")
    assert answer.error == "InvalidRequest"
    assert "delete marker" in answer.message


def test_reading_a_version_takes_its_own_right() -> None:
    harness = Harness(evaluators=[NoVersions()])
    harness.bucket()
    harness.put("/bucket/key", DATA)
    assert copy(harness).status == 200
    assert copy(harness, "/bucket/key?versionId=null").error == "AccessDenied"


class NoVersions:
    """A policy that forbids reading versions by their ids."""

    def evaluate(self, request: Any) -> Decision:
        denied = request.action == "s3:GetObjectVersion"
        return Decision(Effect.DENY if denied else Effect.ABSTAIN, "test")


def test_the_largest_source_is_named() -> None:
    assert str(5 * 1024**3) in too_large_source().message
    assert MAX_COPY_BYTES == 5 * 1024**3


def test_a_small_source_is_read_once() -> None:
    body = SourceBody(b"data")
    assert [run(body.read()), run(body.read())] == [b"data", b""]
    body.close()
