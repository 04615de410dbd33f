"""Reading policies, and what is refused with which words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.policy.documents import ARN, BUCKET, OBJECTS, document, statement
from z4tw.errors import MalformedPolicy
from z4tw.policy.document import MAX_BYTES, MAX_RAW_BYTES, parse_policy

GOOD = statement()


def refusal(text: bytes, bucket: str | None = BUCKET) -> str:
    with pytest.raises(MalformedPolicy) as caught:
        parse_policy(text, bucket=bucket)
    assert (caught.value.code, caught.value.status) == ("MalformedPolicy", 400)
    return caught.value.message


def test_a_policy_is_read() -> None:
    policy = parse_policy(
        document(
            statement("Deny", ["s3:Get*"], [OBJECTS, ARN], {"AWS": "111111111111"}, Sid="One two"),
            statement(None, None, None, Effect="Allow", NotAction="s3:PutObject", NotResource=ARN),
            Id="The id",
        ),
        bucket=BUCKET,
    )
    assert (policy.version, policy.id) == ("2012-10-17", "The id")
    first, second = policy.statements
    assert (first.number, first.sid, first.allow) == (1, "One two", False)
    assert (second.number, second.allow) == (2, True)
    assert (second.not_actions, second.not_resources) == (True, True)
    assert (first.name, second.name) == ('statement "One two"', "statement 2")


def test_one_statement_needs_no_list_and_a_policy_no_version() -> None:
    policy = parse_policy(json.dumps({"Statement": GOOD}).encode(), bucket=BUCKET)
    assert (policy.version, len(policy.statements)) == ("2008-10-17", 1)


def test_sids_do_not_break_out_of_a_line() -> None:
    policy = parse_policy(document(statement(Sid="a\nb\u2028\x1b")), bucket=BUCKET)
    assert policy.statements[0].name == 'statement "a\\nb\\u2028\\u001b"'


BYTE = "Policies must be valid JSON and the first byte must be '{'"
JSON = "This policy contains invalid Json"
SYNTAX = "Invalid policy syntax."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", BYTE),
        (b" {}", BYTE),
        (b"\xef\xbb\xbf{}", BYTE),
        (b"[]", BYTE),
        (b"<Policy/>", BYTE),
        (b"{", JSON),
        (b"{} x", JSON),
        (b'{"Statement": NaN}', JSON),
        (b'{"Id": "\xff"}', JSON),
        (b'{"Id": "\\ud800"}', JSON),
        (b'{"Id": "a", "Id": "b"}', JSON),
        (b'{"Id": ' + b"1" * 5_000 + b"}", JSON),
        (b'{"Statement": ' + b"[" * 15_000 + b"]" * 15_000 + b"}", JSON),
        (b'{"Id": ' * 2_000 + b"1" + b"}" * 2_000, JSON),
        (b'{"Id": ' + b"[" * 32 + b"]" * 32 + b"}", JSON),
        (b'{"Id": ' + b"[" * 31 + b"]" * 31 + b"}", "Missing required field Statement"),
        (b'{"Id": "' + b"[" * 99 + b'"}', "Missing required field Statement"),
        (b"{}", "Missing required field Statement"),
        (b'{"Statement": []}', "Could not parse the policy: Statement is empty!"),
        (b'{"Statement": "x"}', SYNTAX),
        (b'{"Statement": [1]}', SYNTAX),
        (b'{"Statement": [], "Owner": 1}', "Unknown field Owner"),
        (b'{"Version": 1, "Statement": []}', "The policy must contain a valid version string"),
        (document(GOOD, version="2026-01-01"), "The policy must contain a valid version string"),
        (document(GOOD, Id=5), SYNTAX),
    ],
)
def test_what_is_no_policy(text: bytes, message: str) -> None:
    assert refusal(text) == message


def changed(**fields: Any) -> dict[str, Any]:
    """The good statement with fields changed, or left out where they are None."""
    return {name: value for name, value in {**GOOD, **fields}.items() if value is not None}


RESOURCE = "Policy has invalid resource"
APPLIES = "Action does not apply to any resource(s) in statement"
COMBINATION = "Conditions do not apply to combination of actions and resources in statement"
KEY = "Policy has an invalid condition key"


def condition(operator: str, key: str = "aws:SourceIp", value: Any = "a") -> dict[str, Any]:
    return changed(Condition={operator: {key: value}})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed(Effect=None), "Missing required field Effect"),
        (changed(Effect="allow"), "Invalid effect: allow"),
        (changed(Effect=["Allow"]), "Invalid effect: ['Allow']"),
        (changed(Principal=None), "Missing required field Principal"),
        (changed(Principal={"AWS": "bob"}), "Invalid principal in policy"),
        (changed(NotPrincipal="*"), SYNTAX),
        (changed(Principal=None, NotPrincipal="*"), "Allow with NotPrincipal is not allowed."),
        (changed(Action=None), "Missing required field Action"),
        (changed(NotAction="s3:GetObject"), SYNTAX),
        (changed(Action=[]), SYNTAX),
        (changed(Action=7), SYNTAX),
        (changed(Action=["s3:GetObject", None]), SYNTAX),
        (changed(Action="s3:GetObjects"), "Policy has invalid action"),
        (changed(Action="GetObject"), "Policy has invalid action"),
        (changed(Action="ec2:*"), "Policy has invalid action"),
        (changed(Action="s3:ListAllMyBuckets"), "Policy has invalid action"),
        (changed(Action=""), "Policy has invalid action"),
        (changed(Resource=None), "Missing required field Resource"),
        (changed(NotResource=OBJECTS), SYNTAX),
        (changed(Resource=[]), SYNTAX),
        (changed(Resource=""), RESOURCE),
        (changed(Resource="*"), RESOURCE),
        (changed(Resource=f"{BUCKET}/*"), RESOURCE),
        (changed(Resource="arn:aws:s3:::another/*"), RESOURCE),
        (changed(Resource=[OBJECTS, "arn:aws:s3:::another/*"]), RESOURCE),
        (changed(Resource=f"{ARN}s/*"), RESOURCE),
        (changed(Resource="arn:aws:s3:::phot"), RESOURCE),
        (changed(Resource=f"arn:aws:sqs:::{BUCKET}"), RESOURCE),
        (changed(Resource=f"{ARN}/${{aws:username"), RESOURCE),
        (changed(Resource=ARN), APPLIES),
        (changed(Action="s3:ListBucket"), APPLIES),
        (changed(Action=["s3:GetObject", "s3:ListBucket"]), APPLIES),
        (changed(Action="s3:Get*", Resource=f"{ARN}s?"), RESOURCE),
        (changed(Sid=5), SYNTAX),
        (changed(Extra=1), "Unknown field Extra"),
        (changed(Condition="x"), SYNTAX),
        (changed(Condition={"StringEquals": "x"}), SYNTAX),
        (changed(Condition={"StringEquals": {}}), SYNTAX),
        (condition("StringEquals", value=[]), SYNTAX),
        (condition("StringEquals", value=None), SYNTAX),
        (condition("StringEquals", value={"a": "b"}), SYNTAX),
        (condition("StringEquals", "s3:VersionStatus"), KEY),
        (condition("StringEquals", ""), KEY),
        (condition("StringLike", "s3:prefix"), COMBINATION),
        (condition("StringLike", "S3:Delimiter") | {"Action": "s3:Get*"}, COMBINATION),
        (condition("NumericEquals", "s3:max-keys", 1) | {"Effect": "Deny"}, COMBINATION),
        (condition("StringIs"), "Invalid Condition type : StringIs"),
        (condition("stringequals"), "Invalid Condition type : stringequals"),
        (condition("IpAddress"), "Invalid IP address in Conditions"),
        (condition("NotIpAddressIfExists"), "Invalid IP address in Conditions"),
        (
            condition("NumericEquals", "s3:signatureAge"),
            "Invalid value of the condition key s3:signatureAge for NumericEquals",
        ),
    ],
)
def test_what_is_no_statement(content: dict[str, Any], message: str) -> None:
    assert refusal(document(content)) == message
    assert refusal(document(GOOD, content)) == message


@pytest.mark.parametrize(
    "content",
    [
        changed(Action="*"),
        changed(Action="S3:getobject"),
        changed(Action="s3:*", Resource=ARN),
        changed(Action="s3:Get*", Resource=ARN),
        changed(Action=["s3:GetObject", "s3:ListBucket"], Resource=[ARN, OBJECTS]),
        changed(Resource="arn:aws:s3:::*"),
        changed(Resource="arn:aws:s3:::*/*"),
        changed(Resource=f"{ARN}*"),
        changed(Resource="arn:aws:s3:::ph?tos/a"),
        changed(Resource=f"{ARN}/home/${{aws:username}}/*"),
        changed(Effect="Deny", Principal=None, NotPrincipal={"AWS": "111111111111"}),
        changed(Action=None, NotAction="s3:GetObject"),
        changed(Resource=None, NotResource=f"{ARN}/public/*", Effect="Deny"),
        changed(Condition={}),
        condition("Bool", "aws:SecureTransport", False),
        condition("NumericLessThan", "s3:max-keys", 10) | {"Action": "s3:*", "Resource": ARN},
        condition("StringLike", "s3:prefix", "a") | {"Action": "s3:List*", "Resource": ARN},
        condition("StringLike", "s3:prefix", "a") | {"NotAction": "s3:Get*", "Action": None},
        condition("NumericLessThan", "s3:signatureAge", [10.5, "7"]),
    ],
)
def test_what_is_a_statement(content: dict[str, Any]) -> None:
    content = {name: value for name, value in content.items() if value is not None}
    assert parse_policy(document(content), bucket=BUCKET)


def sized(size: int, white: int = 0) -> bytes:
    """A policy of a size without its white space."""
    text = json.dumps({"Id": "", "Statement": [GOOD]}, separators=(",", ":"))
    text = text.replace('"Id":""', '"Id":"' + "x" * (size - len(text)) + '"')
    return (text + " " * white).encode()


def test_the_size_is_that_without_white_space() -> None:
    assert parse_policy(sized(MAX_BYTES), bucket=BUCKET)
    assert parse_policy(sized(MAX_BYTES, MAX_RAW_BYTES - MAX_BYTES), bucket=BUCKET)
    expected = "Normalized policy document exceeds the maximum allowed size of 20480 bytes"
    assert refusal(sized(MAX_BYTES + 1)) == expected
    assert refusal(sized(100, MAX_RAW_BYTES)) == expected


def test_policies_of_identities_have_no_principal() -> None:
    content = {"Effect": "Allow", "Action": ["s3:*", "sts:AssumeRole"], "Resource": "*"}
    assert parse_policy(document(content), bucket=None)
    assert "principal" in refusal(document({**content, "Principal": "*"}), None)
    assert "ARN" in refusal(document({**content, "Resource": "photos/*"}), None)
    assert refusal(document({**content, "Action": "s3"}), None) == "Policy has invalid action"
    assert parse_policy(
        document({**content, "Condition": {"StringEquals": {"other:key": "x"}}}), bucket=None
    )


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
FIELDS = ("Effect", "Principal", "Action", "Resource", "Condition", "Sid", "NotAction")


@given(st.dictionaries(st.sampled_from(FIELDS), JSON_VALUES), st.booleans())
def test_whatever_is_sent_is_read_or_refused(fields: dict[str, Any], identity: bool) -> None:
    text = json.dumps({"Statement": [{**GOOD, **fields}]}).encode()
    try:
        parse_policy(text, bucket=None if identity else BUCKET)
    except MalformedPolicy as refused:
        assert refused.message  # noqa: PT017


@given(st.binary(max_size=60))
def test_bytes_are_read_or_refused(rest: bytes) -> None:
    with pytest.raises(MalformedPolicy):
        parse_policy(b"{" + rest, bucket=BUCKET)
