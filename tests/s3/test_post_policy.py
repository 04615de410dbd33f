"""POST policies: reading them, and what they allow."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.errors import AccessDenied, InvalidPolicyDocument
from z4tw.s3.post_policy import Condition, PostPolicy, check_policy, parse_policy

EXPIRES = "2030-01-01T00:00:00.000Z"
EXPIRES_S = 1893456000.0


def encoded(document: Any) -> str:
    text = document if isinstance(document, str) else json.dumps(document)
    return b64encode(text.encode()).decode()


def policy(*conditions: Any, expiration: Any = EXPIRES) -> PostPolicy:
    return parse_policy(encoded({"expiration": expiration, "conditions": list(conditions)}))


def test_a_policy_is_read() -> None:
    made = policy(
        {"Bucket": "b"},
        ["EQ", "$Key", "k"],
        ["Starts-With", "$x-amz-meta-a", ""],
        ["content-length-range", 1, "10"],
        ["content-length-range", 0, 9],
    )
    assert made == PostPolicy(
        EXPIRES_S,
        (
            Condition("eq", "bucket", "b"),
            Condition("eq", "key", "k"),
            Condition("starts-with", "x-amz-meta-a", ""),
        ),
        1,
        9,
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2030-01-01T00:00:00Z", EXPIRES_S),
        ("2030-01-01T00:00:00.5Z", EXPIRES_S + 0.5),
        ("2030-01-01T00:00:00.000000Z", EXPIRES_S),
    ],
)
def test_expirations(text: str, seconds: float) -> None:
    assert policy(expiration=text).expires == seconds


GOOD = {"expiration": EXPIRES, "conditions": []}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Invalid JSON"),
        ("!", "Invalid JSON"),
        ("é", "Invalid JSON"),
        (encoded("{"), "Invalid JSON"),
        (encoded("[]"), "Invalid JSON"),
        (encoded("[" * 14_000), "Invalid JSON"),
        (encoded('{"expiration": 1' + "0" * 5000 + "}"), "Invalid JSON"),
        (encoded({"conditions": []}), "Policy missing expiration"),
        (encoded({"expiration": EXPIRES}), "Policy missing conditions"),
        (encoded({"Expiration": EXPIRES, "conditions": []}), "Unexpected: 'Expiration'"),
        (encoded({**GOOD, "more": 1}), "Unexpected: 'more'"),
        (encoded({**GOOD, "conditions": {}}), "must be a list"),
        (encoded({**GOOD, "conditions": [{}]}), "exactly one property"),
        (encoded({**GOOD, "conditions": [{"a": "1", "b": "2"}]}), "exactly one property"),
        (encoded({**GOOD, "conditions": [{"a": 1}]}), "must be a string"),
        (encoded({**GOOD, "conditions": ["a"]}), "Invalid Condition"),
        (encoded({**GOOD, "conditions": [[]]}), "wrong number"),
        (encoded({**GOOD, "conditions": [["eq", "$a"]]}), "wrong number"),
        (encoded({**GOOD, "conditions": [["eq", "$a", 1]]}), "Invalid Condition"),
        (encoded({**GOOD, "conditions": [["eq", "a", "1"]]}), "not 'a'"),
        (encoded({**GOOD, "conditions": [["eq", "$", "1"]]}), "Invalid Condition"),
        (encoded({**GOOD, "conditions": [["ends-with", "$a", "1"]]}), "unknown operation"),
        (encoded({**GOOD, "conditions": [["content-length-range", 1]]}), "wrong number"),
        (encoded({**GOOD, "conditions": [["content-length-range", -1, 2]]}), "whole numbers"),
        (encoded({**GOOD, "conditions": [["content-length-range", 0, 1.5]]}), "whole numbers"),
        (encoded({**GOOD, "conditions": [["content-length-range", "a", 2]]}), "whole numbers"),
        (encoded({**GOOD, "conditions": [["content-length-range", True, 2]]}), "whole numbers"),
        (encoded({**GOOD, "conditions": [["content-length-range", 2, 1]]}), "above the second"),
        *(
            (encoded({**GOOD, "expiration": bad}), "Invalid 'expiration' value")
            for bad in ("", "tomorrow", "2030-01-01", "2030-13-01T00:00:00Z", 1, None,
                        "2030-01-01T00:00:00", "2030-01-01T00:00:00+00:00Z")
        ),
    ],
)  # fmt: skip
def test_policies_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(InvalidPolicyDocument, match=message):
        parse_policy(text)


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(encoded))
def test_rubbish_is_an_invalid_policy(text: str) -> None:
    with pytest.raises(InvalidPolicyDocument):
        parse_policy(text)


def refused(made: PostPolicy, fields: dict[str, str], now: float = 0) -> str:
    try:
        check_policy(made, fields, "b", now)
    except AccessDenied as error:
        return error.message.removeprefix("Invalid according to Policy: ")
    return ""


BUCKET = {"bucket": "b"}


@pytest.mark.parametrize(
    ("condition", "fields", "failed"),
    [
        ({"key": "k"}, {"key": "k"}, False),
        ({"key": "k"}, {"key": "K"}, True),
        ({"key": "k"}, {"key": "kk"}, True),
        ({"acl": ""}, {}, True),
        (["eq", "$key", "k"], {"key": "k"}, False),
        (["eq", "$key", "k"], {"key": "x"}, True),
        (["starts-with", "$key", "a/"], {"key": "a/b"}, False),
        (["starts-with", "$key", "a/"], {"key": "a"}, True),
        (["starts-with", "$key", "a/"], {"key": "b/a/"}, True),
        (["starts-with", "$key", "a/"], {}, True),
        (["starts-with", "$acl", ""], {"acl": "anything"}, False),
        (["starts-with", "$acl", ""], {}, False),
        (["starts-with", "$Content-Type", "image/"], {"content-type": "image/a, image/b"}, False),
        (["starts-with", "$Content-Type", "image/"], {"content-type": "image/a,text/b"}, True),
    ],
)
def test_conditions(condition: Any, fields: dict[str, str], failed: bool) -> None:
    answer = refused(policy(BUCKET, condition), fields)
    assert answer.startswith("Policy Condition failed: [") == failed
    assert bool(answer) == failed


def test_a_failed_condition_is_shown_as_aws_does() -> None:
    made = policy(BUCKET, ["starts-with", "$Key", "user/"])
    assert (
        refused(made, {"key": "x"}) == 'Policy Condition failed: ["starts-with", "$key", "user/"]'
    )


def test_every_field_needs_a_condition() -> None:
    fields = {"key": "k", "acl": "private"}
    assert refused(policy({"key": "k"}), fields) == "Extra input fields: acl, bucket"
    free = {"x-ignore-a": "1", "policy": "p", "x-amz-signature": "s", "file": "f"}
    assert refused(policy(BUCKET, {"key": "k"}), {"key": "k", **free}) == ""
    assert refused(policy(BUCKET), {"x-amz-date": "d"}) == "Extra input fields: x-amz-date"
    assert refused(policy({"bucket": "c"}), {}).startswith("Policy Condition failed")
    # A field of that name says nothing about the bucket that is asked.
    assert refused(policy({"bucket": "c"}), {"bucket": "c"}).startswith("Policy Condition failed")


def test_an_expired_policy_allows_nothing() -> None:
    made = policy(BUCKET)
    assert refused(made, {}, EXPIRES_S) == ""
    assert refused(made, {}, EXPIRES_S + 1) == "Policy expired."
