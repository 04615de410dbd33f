"""The grants plugin: what READ, WRITE and OWNER give, and that silence is no denial."""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from z4tw.interfaces import Effect, ISelectiveEvaluator, PolicyRequest
from z4tw.model.control import ANONYMOUS, Bucket, Grant, Principal
from z4tw.policy.grants import READ_ACTIONS, WRITE_ACTIONS, GrantsEvaluator
from z4tw.s3.operations import OPERATIONS

USER = Principal("a" * 64, "000000000001", "alice", "user-1", "alice", "Z4KEY")


def judge(action: str, flags: int, principal: Principal = USER, bucket: bool = True) -> Effect:
    record = Bucket(bytes(20), "b", 1, "o" * 64, 0, "us-east-1", grants={"user-1": flags})
    request = PolicyRequest(principal, action, "b", record if bucket else None, "k", {})
    return GrantsEvaluator().evaluate(request).effect


def test_it_provides_the_policy_interface() -> None:
    assert verifyObject(ISelectiveEvaluator, GrantsEvaluator())
    assert not GrantsEvaluator().may_deny(ANONYMOUS, None)


@pytest.mark.parametrize("action", sorted(READ_ACTIONS))
def test_read_allows_reading_and_listing(action: str) -> None:
    assert judge(action, Grant.READ) is Effect.ALLOW


@pytest.mark.parametrize("action", sorted(WRITE_ACTIONS))
def test_write_allows_storing_and_deleting(action: str) -> None:
    assert judge(action, Grant.WRITE) is Effect.ALLOW


def test_read_does_not_allow_writing_nor_write_reading() -> None:
    assert judge("s3:PutObject", Grant.READ) is Effect.ABSTAIN
    assert judge("s3:DeleteObjectVersion", Grant.READ) is Effect.ABSTAIN
    assert judge("s3:GetObject", Grant.WRITE) is Effect.ABSTAIN
    assert judge("s3:ListBucket", Grant.WRITE) is Effect.ABSTAIN


def test_read_and_write_together_allow_what_each_allows() -> None:
    both = Grant.READ | Grant.WRITE
    assert judge("s3:GetObject", both) is Effect.ALLOW
    assert judge("s3:PutObject", both) is Effect.ALLOW


@pytest.mark.parametrize(
    "action",
    ["s3:PutBucketVersioning", "s3:PutBucketTagging", "s3:DeleteBucket", "s3:PutBucketPolicy"],
)
def test_only_owner_changes_the_bucket_itself(action: str) -> None:
    assert judge(action, Grant.READ | Grant.WRITE) is Effect.ABSTAIN
    assert judge(action, Grant.OWNER) is Effect.ALLOW


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_owner_allows_every_action_in_the_bucket(name: str) -> None:
    assert judge(OPERATIONS[name].action, Grant.OWNER) is Effect.ALLOW


def test_it_says_nothing_without_a_bucket_a_grant_or_a_user() -> None:
    assert judge("s3:CreateBucket", Grant.OWNER, bucket=False) is Effect.ABSTAIN
    assert judge("s3:GetObject", Grant.NONE) is Effect.ABSTAIN
    stranger = Principal("b" * 64, "000000000002", "bob", "user-2", "bob", "Z4OTHER")
    assert judge("s3:GetObject", Grant.OWNER, stranger) is Effect.ABSTAIN


def test_a_grant_to_an_empty_user_id_is_none_to_the_anonymous() -> None:
    record = Bucket(bytes(20), "b", 1, "o" * 64, 0, "us-east-1", grants={"": Grant.OWNER})
    request = PolicyRequest(ANONYMOUS, "s3:GetObject", "b", record, "k", {})
    assert GrantsEvaluator().evaluate(request).effect is Effect.ABSTAIN
