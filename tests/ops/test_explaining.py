"""The header that explains a decision to admins, and to nobody else."""

from __future__ import annotations

import json

import pytest

from tests.ops.harness import Answer, Harness
from z4tw.interfaces import Decision, Effect, PolicyRequest
from z4tw.ops.explaining import EXPLAIN, MAX_CHARACTERS


def policy(sid: str, effect: str = "Deny") -> bytes:
    statement = {
        "Sid": sid,
        "Effect": effect,
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::bucket/*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}).encode()


def told(answer: Answer) -> str:
    return dict(answer.exchange.headers).get(EXPLAIN, "")


def asked(harness: Harness, value: str, target: str = "/bucket/key", **more: object) -> str:
    key = more.pop("key", harness.admin_key)
    return told(harness.request("GET", target, headers={EXPLAIN: value}, key=key))  # type: ignore[arg-type]


def test_an_admin_is_told_why_a_request_is_allowed() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key")
    assert asked(harness, "true") == "s3:GetObject: allow: the user is an admin"
    assert asked(harness, "true", "/") == "s3:ListAllMyBuckets: allow: the user is an admin"
    assert asked(harness, "true", "/bucket/absent").startswith("s3:GetObject: allow")


def test_a_refusal_names_its_statement() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key")
    assert harness.request("PUT", "/bucket?policy", body=policy("NoReads")).status == 204
    answer = harness.request("GET", "/bucket/key", headers={EXPLAIN: "true"}, key=harness.admin_key)
    assert answer.error == "AccessDenied"
    assert "deny" in told(answer)
    assert "NoReads" in told(answer)


def test_an_admin_may_ask_for_another_key_and_for_nobody() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key")
    owner, stranger = harness.user, harness.key("stranger")
    assert "owns the bucket" in asked(harness, owner.access_key_id)
    assert asked(harness, stranger.access_key_id) == "s3:GetObject: deny: nothing allows it"
    assert asked(harness, "anonymous") == "s3:GetObject: deny: nothing allows it"
    acl = {"x-amz-acl": "public-read"}
    assert harness.request("PUT", "/bucket/key?acl", headers=acl).status == 200
    assert asked(harness, "anonymous").startswith("s3:GetObject: allow")
    assert asked(harness, "Z4NOSUCHKEY") == "there is no such access key"


@pytest.mark.parametrize("value", ["true", "anonymous"])
def test_nobody_else_is_told_anything(value: str) -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key")
    assert asked(harness, value, key=harness.user) == ""
    answer = harness.anonymous("GET", "/bucket/key", headers={EXPLAIN: value})
    assert told(answer) == ""


def test_what_a_client_named_cannot_leave_the_line() -> None:
    class Odd:
        def evaluate(self, request: PolicyRequest) -> Decision:
            return Decision(Effect.DENY, "a\r\nSet-Cookie: b\x00\u00fc" + "x" * MAX_CHARACTERS)

    harness = Harness(evaluators=[Odd()])
    text = asked(harness, "true", "/")
    assert text.startswith(r"s3:ListAllMyBuckets: deny: a\r\nSet-Cookie: b\x00\xfcx")
    assert len(text) == MAX_CHARACTERS
    assert text.isprintable()
