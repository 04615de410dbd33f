"""``explain``: the same answer as a request gets, with what everybody said; and signatures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.ops.harness import Harness, Key, run
from z4tw.ops.accounts import AdminError
from z4tw.ops.admin_explain import ExplainAdmin
from z4tw.policy.grants import GrantsEvaluator

READ = json.dumps(
    {"Statement": {"Sid": "Reading", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}
)


def explaining(harness: Harness) -> ExplainAdmin:
    return ExplainAdmin(
        store=harness.store,
        secrets=harness.seal,
        region="us-east-1",
        stamp=harness.stamps.stamp,
        random_bytes=harness.random.randbytes,
        evaluators=lambda: [GrantsEvaluator()],
    )


def explain(harness: Harness, action: str, **arguments: Any) -> dict[str, Any]:
    found: dict[str, Any] = run(explaining(harness).explain(action, **arguments))
    assert found["reason"]
    return found


def world() -> tuple[Harness, Key]:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key", headers={"x-amz-tagging": "team=a"})
    return harness, harness.user_key("bob", "user")


def said(found: dict[str, Any], by: str) -> tuple[str, str]:
    [one] = [one for one in found["said"] if one["by"] == by]
    return one["effect"], one["reason"]


def test_it_says_what_decides() -> None:
    harness, bob = world()
    upon = {"bucket": "bucket", "object": "key"}
    root = explain(harness, "s3:GetObject", key="user", **upon)
    assert root["allowed"]
    assert "root user" in root["reason"]
    assert root["resource"] == "arn:aws:s3:::bucket/key"
    denied = explain(harness, "s3:getobject", key=bob.name, **upon)
    assert not denied["allowed"]
    assert denied["reason"] == "nothing allows it"
    assert said(denied, "identity policies")[0] == "abstain"
    assert said(denied, "grants") == ("abstain", "no grant on the bucket")
    run(harness.admin.user_policy_put("bob", READ, "reader"))
    allowed = explain(harness, "s3:GetObject", user="bob", **upon)
    assert allowed["allowed"]
    assert 'statement "Reading" of the policy reader of user bob' in allowed["reason"]
    anonymous = explain(harness, "s3:GetObject", **upon)
    assert (anonymous["allowed"], anonymous["principal"]) == (False, "anonymous")


def test_limits_of_a_key_are_named() -> None:
    harness, bob = world()
    run(harness.admin.user_policy_put("bob", READ))
    run(harness.admin.key_policy_put(bob.name, READ.replace("Get", "Put")))
    found = explain(harness, "s3:GetObject", key=bob.name, bucket="bucket", object="key")
    assert not found["allowed"]
    assert said(found, f"limits of the key {bob.name}")[0] == "deny"
    assert said(found, "identity policies")[0] == "allow"
    assert explain(harness, "s3:GetObject", user="bob", bucket="bucket", object="key")["allowed"]


def test_conditions_and_tags_are_taken_into_account() -> None:
    harness, _ = world()
    statement = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": "*",
        "Condition": {
            "IpAddress": {"aws:SourceIp": "10.0.0.0/8"},
            "StringEquals": {"s3:ExistingObjectTag/team": "a"},
        },
    }
    run(harness.admin.user_policy_put("bob", json.dumps({"Statement": statement})))
    upon: dict[str, Any] = {"user": "bob", "bucket": "bucket", "object": "key"}
    assert not explain(harness, "s3:GetObject", **upon)["allowed"]
    near = {"aws:SourceIp": "10.0.0.1"}
    assert explain(harness, "s3:GetObject", conditions=near, **upon)["allowed"]
    upon["object"] = "absent"
    assert not explain(harness, "s3:GetObject", conditions=near, **upon)["allowed"]


def test_a_bucket_that_is_not_there_yet_can_be_asked_about() -> None:
    harness, _ = world()
    assert explain(harness, "s3:CreateBucket", key="user", bucket="new")["allowed"]
    assert not explain(harness, "s3:CreateBucket", user="bob", bucket="new")["allowed"]
    assert explain(harness, "s3:ListAllMyBuckets", key="user")["allowed"]


def test_an_inactive_key_is_denied_everything() -> None:
    harness, _ = world()
    run(harness.admin.key_deactivate("user"))
    found = explain(harness, "s3:GetObject", key="user", bucket="bucket", object="key")
    assert not found["allowed"]
    assert "not active" in found["reason"]


def test_what_is_not_there_is_an_error_of_one_line() -> None:
    harness, _ = world()
    for wrong, match in (
        ({"action": "s3:Fly"}, "no action s3:Fly"),
        ({"action": "s3:GetObject", "key": "nobody"}, "no key named nobody"),
        ({"action": "s3:GetObject", "user": "nobody"}, "no user named nobody"),
        ({"action": "s3:GetObject", "bucket": "absent"}, "no bucket named absent"),
        (
            {"action": "s3:GetObject", "bucket": "bucket", "object": "key", "version_id": "x"},
            "no version id",
        ),
    ):
        with pytest.raises(AdminError, match=match):
            run(explaining(harness).explain(**wrong))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "action", ["s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:DeleteBucket"]
)
@pytest.mark.parametrize("who", ["user", "key-of-bob", "stranger", "admin"])
def test_it_agrees_with_what_requests_are_told(action: str, who: str) -> None:
    harness, bob = world()
    keys = {"user": harness.user, bob.name: bob, "admin": harness.admin_key}
    keys["stranger"] = harness.key("stranger")
    run(harness.admin.user_policy_put("bob", READ))
    run(harness.admin.bucket_allow("bucket", "stranger", write=True))
    method, target = {
        "s3:GetObject": ("GET", "/bucket/key"),
        "s3:PutObject": ("PUT", "/bucket/new"),
        "s3:ListBucket": ("GET", "/bucket"),
        "s3:DeleteBucket": ("DELETE", "/bucket"),
    }[action]
    key = "key" if "Object" in action else ""
    found = explain(harness, action, key=who, bucket="bucket", object=key)
    answer = harness.request(method, target, key=keys[who])
    assert found["allowed"] == (answer.error != "AccessDenied")
    if not found["allowed"]:
        assert answer.exchange.denied == f"{action}: {found['reason']}"
        assert found["reason"] not in str(answer.details)


def signed(harness: Harness, key: Key, **arguments: Any) -> dict[str, Any]:
    head = harness.head_of("GET", "/bucket/key?x=1", {}, b"", key)
    told: dict[str, Any] = run(
        explaining(harness).explain_signature(
            arguments.get("method", "GET"), head.target.decode(), head.headers
        )
    )
    return told


def test_a_right_signature_is_right_at_any_later_time() -> None:
    harness, _ = world()
    told = signed(harness, harness.user)
    assert told["matches"]
    session = harness.session(harness.user)
    harness.clock.advance(100_000)
    assert signed(harness, session)["matches"]


def test_a_wrong_one_comes_with_what_the_server_signs() -> None:
    harness, _ = world()
    told = signed(harness, harness.user, method="PUT")
    assert not told["matches"]
    assert told["error"] == "SignatureDoesNotMatch"
    assert told["canonical_request"].startswith("PUT\n/bucket/key\nx=1\n")
    assert told["string_to_sign"].startswith("AWS4-HMAC-SHA256\n")
    right = harness.head_of("PUT", "/bucket/key?x=1", {}, b"", harness.user)
    assert right.headers["authorization"].rpartition("=")[2] not in json.dumps(told)


def test_other_reasons_why_a_request_is_not_verified() -> None:
    harness, _ = world()
    assert signed(harness, harness.user._replace(access_key_id="Z4X"))["error"] == (
        "InvalidAccessKeyId"
    )
    session = harness.session(harness.user)
    borrowed = harness.user._replace(token=session.token)
    assert signed(harness, borrowed)["error"] == "InvalidToken"
    told = run(explaining(harness).explain_signature("GET", "/", {"host": "x"}))
    assert told["message"] == "The request is not signed."
    told = run(explaining(harness).explain_signature("GET", "/", {"authorization": "AWS4"}))
    assert told["error"] == "InvalidArgument"
