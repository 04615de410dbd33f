"""The condition keys of requests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ops.harness import Harness
from z4tw.interfaces import Decision, Effect, PolicyRequest
from z4tw.model.control import ANONYMOUS, Principal
from z4tw.ops.condition_keys import principal_keys, retention_keys, tag_keys
from z4tw.policy.keys import is_condition_key

TAGGING = b"<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"


class Keeping:
    """Allows everything and keeps the condition keys that it was shown, by action."""

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, Any]] = {}

    def evaluate(self, request: PolicyRequest) -> Decision:
        assert len(request.context) == len(list(request.context))
        self.keys[request.action] = dict(request.context)
        return Decision(Effect.ALLOW, "test")


def seen(method: str, target: str, action: str, **arguments: Any) -> dict[str, Any]:
    """The keys of a request, as they were for one of its actions."""
    keeping = Keeping()
    harness = Harness(evaluators=[keeping])
    harness.bucket()
    harness.put("/bucket/key")
    keeping.keys.clear()
    harness.request(method, target, **arguments)
    keys = keeping.keys[action]
    for name in keys:
        assert is_condition_key(name), name
    return keys


def test_who_asks_from_where_and_when() -> None:
    keys = seen("GET", "/bucket/key", "s3:GetObject", headers={"referer": "r", "user-agent": "u"})
    assert keys["aws:SourceIp"] == "127.0.0.1"
    assert keys["aws:SecureTransport"] == "false"
    assert (keys["aws:Referer"], keys["aws:UserAgent"]) == ("r", "u")
    assert keys["aws:CurrentTime"] == "2025-10-09T08:53:20Z"
    assert keys["aws:EpochTime"] == "1760000000"
    assert keys["aws:RequestedRegion"] == "us-east-1"
    assert keys["aws:PrincipalIsAWSService"] == keys["aws:ViaAWSService"] == "false"
    assert keys["aws:username"] == "user"
    assert keys["aws:PrincipalArn"] == f"arn:aws:iam::{keys['aws:PrincipalAccount']}:root"
    assert keys["aws:PrincipalType"] == "Account"
    assert keys["s3:ResourceAccount"] == keys["aws:ResourceAccount"] == keys["aws:PrincipalAccount"]


def test_principals() -> None:
    assert principal_keys(ANONYMOUS) == {
        "aws:PrincipalType": "Anonymous",
        "aws:userid": "anonymous",
    }
    user = Principal("a" * 64, "000000000001", "a", "AIDA", "alice", "K")
    assert principal_keys(user) == {
        "aws:PrincipalAccount": "000000000001",
        "aws:PrincipalArn": "arn:aws:iam::000000000001:user/alice",
        "aws:PrincipalType": "User",
        "aws:userid": "AIDA",
        "aws:username": "alice",
    }


def test_an_anonymous_request_has_no_signature() -> None:
    keys = seen("GET", "/bucket/key", "s3:GetObject", sign=False)
    for name in ("aws:username", "aws:PrincipalArn", "s3:authType", "s3:signatureAge"):
        assert name not in keys
    assert keys["aws:userid"] == "anonymous"


def test_signatures() -> None:
    keys = seen("GET", "/bucket/key", "s3:GetObject", payload_hash="UNSIGNED-PAYLOAD")
    assert keys["s3:authType"] == "REST-HEADER"
    assert keys["s3:signatureversion"] == "AWS4-HMAC-SHA256"
    assert keys["s3:x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert 0 <= int(keys["s3:signatureAge"]) < 1000
    keys = seen("GET", "/bucket/key", "s3:GetObject", presign=True)
    assert keys["s3:authType"] == "REST-QUERY-STRING"
    assert keys["s3:x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"


def test_the_age_of_a_signature_is_in_milliseconds() -> None:
    keeping = Keeping()
    harness = Harness(evaluators=[keeping])
    harness.bucket()
    head = harness.head_of(
        "GET", "/bucket/key", {}, b"", harness.user, None, "us-east-1", False, True
    )
    import msgspec

    late = msgspec.structs.replace(head, now=head.now + 600)
    harness.request("GET", "/bucket/key", head=late)
    assert 600_000 <= int(keeping.keys["s3:GetObject"]["s3:signatureAge"]) < 601_000


def test_listings() -> None:
    target = "/bucket?prefix=a%2Fb&delimiter=/&max-keys=5"
    keys = seen("GET", target, "s3:ListBucket")
    assert (keys["s3:prefix"], keys["s3:delimiter"], keys["s3:max-keys"]) == ("a/b", "/", "5")
    assert "s3:prefix" not in seen("GET", "/bucket", "s3:ListBucket")
    assert seen("GET", "/bucket?prefix=", "s3:ListBucket")["s3:prefix"] == ""
    # A parameter that means nothing must not pass for one that does.
    assert "s3:prefix" not in seen("GET", "/bucket/key?prefix=a", "s3:GetObject")


def test_an_absent_key_is_judged_as_a_listing_of_it() -> None:
    assert seen("GET", "/bucket/no/thing", "s3:ListBucket")["s3:prefix"] == "no/thing"
    assert seen("GET", "/bucket/no?prefix=x", "s3:ListBucket")["s3:prefix"] == "no"


def test_versions() -> None:
    keys = seen("GET", "/bucket/key?versionId=null", "s3:GetObjectVersion")
    assert keys["s3:VersionId"] == "null"


def test_headers_of_a_put() -> None:
    headers = {
        "x-amz-acl": "private",
        "x-amz-storage-class": "STANDARD",
        "x-amz-tagging": "Team=red%20one&b=2",
        "if-none-match": "*",
        "x-amz-meta-x": "y",
    }
    for action in ("s3:PutObject", "s3:PutObjectTagging"):
        keys = seen("PUT", "/bucket/new", action, headers=headers)
        assert keys["s3:x-amz-acl"] == "private"
        assert keys["s3:x-amz-storage-class"] == "STANDARD"
        assert keys["s3:if-none-match"] == "*"
        assert keys["s3:RequestObjectTag/Team"] == "red one"
        assert keys["s3:RequestObjectTagKeys"] == ("Team", "b")
    assert seen("PUT", "/bucket/new", "s3:PutObject")["s3:ObjectCreationOperation"] == "true"
    keys = seen("POST", "/bucket/new?uploads", "s3:PutObject")
    assert keys["s3:ObjectCreationOperation"] == "false"


def test_headers_that_a_later_step_refuses() -> None:
    headers = {
        "x-amz-object-lock-mode": "GOVERNANCE",
        "x-amz-object-lock-retain-until-date": "2025-10-19T08:53:20Z",
        "x-amz-object-lock-legal-hold": "ON",
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-customer-key": "secret",
        "x-amz-grant-read": "id=1",
        "x-amz-tagging": "a=%FF",
    }
    keys = seen("PUT", "/bucket/new", "s3:PutObject", headers=headers)
    assert keys["s3:object-lock-mode"] == "GOVERNANCE"
    assert keys["s3:object-lock-legal-hold"] == "ON"
    assert keys["s3:object-lock-remaining-retention-days"] == "10"
    assert keys["s3:x-amz-server-side-encryption"] == "aws:kms"
    assert keys["s3:x-amz-grant-read"] == "id=1"
    assert "secret" not in keys.values()
    assert "s3:RequestObjectTagKeys" not in keys


@pytest.mark.parametrize("source", ["bucket/key", "/bucket/key", "/bucket/k%65y", "bucket%2Fkey"])
def test_a_copy_source_has_one_spelling(source: str) -> None:
    headers = {"x-amz-copy-source": source, "x-amz-tagging": "a=1"}
    keys = seen("PUT", "/bucket/copy", "s3:PutObject", headers=headers)
    assert keys["s3:x-amz-copy-source"] == "bucket/key"
    assert "s3:x-amz-metadata-directive" not in keys
    assert "s3:RequestObjectTagKeys" not in keys
    headers |= {"x-amz-tagging-directive": "REPLACE", "x-amz-metadata-directive": "REPLACE"}
    keys = seen("PUT", "/bucket/copy", "s3:PutObject", headers=headers)
    assert keys["s3:RequestObjectTag/a"] == "1"
    assert keys["s3:x-amz-metadata-directive"] == "REPLACE"


def test_a_copy_source_that_cannot_be_read_is_shown_as_it_is() -> None:
    keys = seen("PUT", "/bucket/copy", "s3:PutObject", headers={"x-amz-copy-source": "x"})
    assert keys["s3:x-amz-copy-source"] == "x"


def test_headers_do_not_pass_for_a_documents_tags() -> None:
    headers = {"x-amz-tagging": "approved=yes", "x-amz-object-lock-mode": "COMPLIANCE"}
    keys = seen("PUT", "/bucket/key?tagging", "s3:PutObjectTagging", headers=headers, body=TAGGING)
    assert "s3:RequestObjectTag/approved" not in keys
    assert "s3:object-lock-mode" not in keys


def test_tags_and_dates() -> None:
    assert tag_keys({}) == {"s3:RequestObjectTagKeys": ()}
    day = 86_400
    for until, days in (
        ("1970-01-03T00:00:00Z", "1"),
        ("1970-01-02T00:00:01", "1"),
        ("1970-01-02T00:00:00", "0"),
        ("1969-01-01T00:00:00Z", "0"),
        ("1970-01-03T01:00:00+01:00", "1"),
    ):
        keys = retention_keys(until, day)
        assert keys["s3:object-lock-remaining-retention-days"] == days, until
    assert retention_keys("soon", day) == {"s3:object-lock-retain-until-date": "soon"}
