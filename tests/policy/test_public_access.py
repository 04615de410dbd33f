"""What is public, and the public access block."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.policy.documents import ARN, BUCKET, bucket, document, statement
from z4tw.policy.document import parse_policy
from z4tw.policy.public_access import (
    NO_BLOCK,
    TRUSTED_KEYS,
    PublicAccessBlock,
    block_of,
    is_public,
    pack_block,
    unpack_block,
)


def public(*statements: Any, version: str = "2012-10-17") -> bool:
    return is_public(parse_policy(document(*statements, version=version), bucket=BUCKET))


def when(operator: str, key: str, value: Any) -> dict[str, Any]:
    return statement(Condition={operator: {key: value}})


def test_everybody_is_the_public_and_a_named_principal_is_not() -> None:
    assert public(statement())
    assert public(statement(principal={"AWS": "*"}))
    assert public(statement(principal={"AWS": ["222222222222", "*"]}))
    for principal in (
        {"AWS": "222222222222"},
        {"AWS": "arn:aws:iam::222222222222:user/bob"},
        {"CanonicalUser": "a" * 64},
        {"Service": "logging.s3.amazonaws.com"},
    ):
        assert not public(statement(principal=principal))


def test_denying_everybody_is_not_public() -> None:
    assert not public(statement("Deny"))
    assert public(statement("Deny"), statement(action="s3:PutObject"))


def test_one_public_statement_is_enough() -> None:
    assert public(statement(principal={"AWS": "222222222222"}), statement(resource=f"{ARN}/x"))


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8"),
        ("IpAddress", "aws:SourceIp", ["203.0.113.7", "192.0.2.0/24"]),
        ("IpAddress", "AWS:sourceip", "2001:db8::/32"),
        ("StringEquals", "aws:SourceVpc", "vpc-1"),
        ("StringEquals", "aws:SourceVpce", ["vpce-1", "vpce-2"]),
        ("StringEqualsIgnoreCase", "aws:SourceOwner", "111111111111"),
        ("StringLike", "aws:SourceAccount", "111111111111"),
        ("StringEquals", "aws:userid", "AIDA1"),
        ("StringEquals", "aws:PrincipalOrgID", "o-1"),
        ("ForAnyValue:StringEquals", "aws:PrincipalOrgPaths", "o-1/r-1/"),
        ("ArnEquals", "aws:SourceArn", "arn:aws:sns:us-east-1:111111111111:topic"),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::111111111111:user/a"),
        ("StringEquals", "s3:DataAccessPointAccount", "111111111111"),
        ("StringEquals", "s3:x-amz-server-side-encryption-aws-kms-key-id", "key"),
    ],
)
def test_fixed_values_of_trusted_keys_are_not_public(operator: str, key: str, value: Any) -> None:
    assert not public(when(operator, key, value))
    assert key.lower() in TRUSTED_KEYS


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("IpAddress", "aws:SourceIp", "0.0.0.0/0"),
        ("IpAddress", "aws:SourceIp", "0.0.0.0/1"),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/7"),
        ("IpAddress", "aws:SourceIp", ["192.0.2.0/24", "::/0"]),
        ("IpAddress", "aws:SourceIp", "2001:d00::/31"),
        ("NotIpAddress", "aws:SourceIp", "192.0.2.0/24"),
        ("IpAddressIfExists", "aws:SourceIp", "192.0.2.0/24"),
        ("StringEquals", "aws:SourceIp", "192.0.2.1"),
        ("StringLike", "aws:SourceVpc", "vpc-*"),
        ("StringEquals", "aws:SourceVpc", "${aws:SourceVpc}"),
        ("StringEquals", "aws:SourceVpc", "vpc-*"),
        ("StringEquals", "aws:SourceVpc", ["vpc-1", "vpc-?"]),
        ("StringNotEquals", "aws:SourceVpc", "vpc-1"),
        ("StringEqualsIfExists", "aws:SourceVpc", "vpc-1"),
        ("ForAllValues:StringEquals", "aws:SourceVpc", "vpc-1"),
        ("Null", "aws:SourceVpc", "false"),
        ("StringLike", "aws:userid", "AROAEXAMPLE:*"),
        ("StringEquals", "aws:Referer", "https://www.example.com/"),
        ("StringEquals", "aws:UserAgent", "secret"),
        ("StringEquals", "s3:prefix", "x"),
        ("Bool", "aws:SecureTransport", "true"),
    ],
)
def test_all_other_conditions_leave_it_public(operator: str, key: str, value: Any) -> None:
    action = "s3:*"
    assert public(statement(action=action, Condition={operator: {key: value}}))


def test_one_trusted_condition_among_others_is_enough() -> None:
    condition = {
        "StringLike": {"aws:Referer": "https://*"},
        "IpAddress": {"aws:SourceIp": "192.0.2.0/24"},
    }
    assert not public(statement(Condition=condition))


def test_a_block_is_stored_and_read() -> None:
    block = PublicAccessBlock(block_public_acls=True, restrict_public_buckets=True)
    packed = pack_block(block)
    assert unpack_block(packed) == block
    assert block_of(bucket(publicAccessBlock=packed)) == block
    assert block_of(bucket()) is NO_BLOCK
    assert not any(msgspec.structs.astuple(NO_BLOCK))
    assert b"RestrictPublicBuckets" in packed
