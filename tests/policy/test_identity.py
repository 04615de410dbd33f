"""Policies of users, and what limits keys and sessions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from z4tw.errors import MalformedPolicy
from z4tw.interfaces import Effect, PolicyRequest
from z4tw.model.control import PolicySet, Principal
from z4tw.policy.identity import identity_policy, judge, reads_tags, within

USER = Principal("a" * 64, "1" * 12, "a", "Z4U1", "bob", "Z4B")


def request(action: str = "s3:GetObject", key: str = "key", **context: str) -> PolicyRequest:
    return PolicyRequest(USER, action, "bucket", None, key, context)


def policies(*statements: dict[str, Any]) -> PolicySet:
    documents = [
        (f"p{number}", json.dumps({"Version": "2012-10-17", "Statement": one}).encode())
        for number, one in enumerate(statements)
    ]
    return PolicySet("user bob", tuple(documents))


def statement(effect: str, action: str = "*", resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def test_without_policies_nothing_is_said() -> None:
    assert judge(None, request()).effect is Effect.ABSTAIN


def test_one_policy_allowing_is_enough_and_one_denying_too() -> None:
    read = statement("Allow", "s3:GetObject")
    write = statement("Allow", "s3:PutObject")
    assert judge(policies(write, read), request()).effect is Effect.ALLOW
    assert judge(policies(write), request()).effect is Effect.ABSTAIN
    denied = judge(policies(read, statement("Deny")), request())
    assert denied.effect is Effect.DENY
    assert "p1" in denied.reason
    assert "user bob" in denied.reason


def test_resources_and_conditions_are_looked_at() -> None:
    one = policies(statement("Allow", resource="arn:aws:s3:::bucket/home/*"))
    assert judge(one, request(key="home/x")).effect is Effect.ALLOW
    assert judge(one, request(key="other")).effect is Effect.ABSTAIN
    near = policies(
        statement("Allow", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
    )
    assert judge(near, request(**{"aws:SourceIp": "10.1.1.1"})).effect is Effect.ALLOW
    assert judge(near, request(**{"aws:SourceIp": "11.1.1.1"})).effect is Effect.ABSTAIN


def test_silence_of_a_limit_is_a_denial() -> None:
    limit = policies(statement("Allow", "s3:GetObject"))
    assert within(limit, request()).effect is Effect.ALLOW
    assert within(limit, request("s3:PutObject")).effect is Effect.DENY
    denying = policies(statement("Allow"), statement("Deny", "s3:Get*"))
    assert within(denying, request()).effect is Effect.DENY


def test_what_cannot_be_read_any_more_denies() -> None:
    broken = PolicySet("user bob", (("old", b"{"),))
    assert judge(broken, request()).effect is Effect.DENY
    assert within(broken, request()).effect is Effect.DENY
    assert not reads_tags(broken, "s3:GetObject")


def test_tags_are_asked_for_only_where_a_policy_speaks_of_them() -> None:
    tagged = statement(
        "Allow", "s3:GetObject", Condition={"StringEquals": {"s3:ExistingObjectTag/a": "1"}}
    )
    assert reads_tags(policies(tagged), "s3:GetObject")
    assert not reads_tags(policies(tagged), "s3:PutObject")
    assert not reads_tags(policies(statement("Allow")), "s3:GetObject")


def test_an_identity_policy_names_no_principal() -> None:
    document = json.dumps({"Statement": statement("Allow", Principal="*")}).encode()
    with pytest.raises(MalformedPolicy):
        identity_policy(document)


def test_other_resources_than_buckets_have_their_own_names() -> None:
    arn = "arn:aws:iam::111111111111:role/r"
    one = policies(statement("Allow", "sts:AssumeRole", arn))
    asked = PolicyRequest(USER, "sts:AssumeRole", "", None, "", {}, None, arn)
    assert judge(one, asked).effect is Effect.ALLOW
    other = PolicyRequest(USER, "sts:AssumeRole", "", None, "", {}, None, arn + "2")
    assert judge(one, other).effect is Effect.ABSTAIN
