"""The condition keys that policies may name."""

from __future__ import annotations

import pytest

from z4tw.policy.keys import KEYS, is_condition_key


@pytest.mark.parametrize(
    "name",
    [
        "aws:SourceIp",
        "AWS:sourceip",
        "aws:PrincipalTag/team",
        "s3:prefix",
        "s3:x-amz-acl",
        "s3:ExistingObjectTag/a/b",
        "s3:RequestObjectTagKeys",
        "s3:if-none-match",
        "s3:TlsVersion",
    ],
)
def test_keys_that_there_are(name: str) -> None:
    assert is_condition_key(name)


@pytest.mark.parametrize(
    "name",
    ["", "aws:", "SourceIp", "s3:SourceIp", "s3:ExistingObjectTag/", "s3:VersionStatus", "ec2:x"],
)
def test_keys_that_there_are_not(name: str) -> None:
    assert not is_condition_key(name)


def test_all_are_in_lower_case() -> None:
    assert all(name == name.lower() for name in KEYS)
