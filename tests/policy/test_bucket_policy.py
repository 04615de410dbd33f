"""The evaluator of bucket policies."""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from tests.policy.documents import (
    ADMIN,
    ALICE,
    ARN,
    BOB,
    EVERYBODY,
    NOBODY,
    OTHER_ROOT,
    ROOT,
    bucket,
    document,
    request,
    statement,
)
from z4tw.interfaces import Effect, IDocumentEvaluator, PolicyRequest
from z4tw.model.control import Principal
from z4tw.policy.bucket_policy import BucketPolicyEvaluator
from z4tw.policy.public_access import PublicAccessBlock, pack_block

DENY_ALL = document(statement("Deny", "s3:*", [ARN, f"{ARN}/*"], Sid="Closed"))
OPEN = document(statement())
TAGGED = document(
    statement(
        action=["s3:GetObject", "s3:PutObject"],
        Condition={"StringEquals": {"s3:ExistingObjectTag/a": "b"}},
    )
)
POLICY_ACTIONS = ("s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy")


def effect(asked: PolicyRequest) -> Effect:
    return BucketPolicyEvaluator().evaluate(asked).effect


def test_it_is_an_evaluator() -> None:
    assert verifyObject(IDocumentEvaluator, BucketPolicyEvaluator())


def test_it_is_asked_only_where_there_is_a_policy() -> None:
    evaluator = BucketPolicyEvaluator()
    for principal in EVERYBODY:
        assert not evaluator.may_deny(principal, None)
        assert not evaluator.may_deny(principal, bucket())
        assert not evaluator.may_deny(principal, bucket(tagging=b"x"))
        assert evaluator.may_deny(principal, bucket(DENY_ALL))
    nowhere = PolicyRequest(ROOT, "s3:ListAllMyBuckets", "", None, "", {})
    assert evaluator.evaluate(nowhere).effect is Effect.ABSTAIN
    assert not evaluator.needs_version(nowhere)
    assert not evaluator.needs_document(nowhere)


def test_the_reason_names_the_statement() -> None:
    decision = BucketPolicyEvaluator().evaluate(request(key="k", on=bucket(DENY_ALL)))
    assert decision.effect is Effect.DENY
    assert decision.reason == 'statement "Closed" of the bucket policy denies it'


def test_a_policy_binds_everybody() -> None:
    for principal in EVERYBODY:
        for action in ("s3:GetObject", "s3:ListBucket", "s3:GetBucketPolicyStatus"):
            key = "k" if action == "s3:GetObject" else ""
            assert effect(request(action, key, principal, on=bucket(DENY_ALL))) is Effect.DENY


@pytest.mark.parametrize("action", POLICY_ACTIONS)
@pytest.mark.parametrize("policy", [DENY_ALL, b"{ not JSON"])
def test_nobody_can_lock_the_root_user_and_admins_out(action: str, policy: bytes) -> None:
    for principal in (ROOT, ADMIN):
        assert effect(request(action, "", principal, on=bucket(policy))) is Effect.ABSTAIN
    for principal in (ALICE, BOB, OTHER_ROOT, NOBODY):
        assert effect(request(action, "", principal, on=bucket(policy))) is Effect.DENY


def test_a_policy_that_cannot_be_read_denies() -> None:
    for principal in EVERYBODY:
        asked = request(key="k", principal=principal, on=bucket(b'{"Statement": 1}'))
        assert effect(asked) is Effect.DENY
        assert not BucketPolicyEvaluator().needs_version(asked)
        assert not BucketPolicyEvaluator().needs_document(asked)


def test_the_version_is_needed_only_for_its_tags() -> None:
    evaluator = BucketPolicyEvaluator()
    assert evaluator.needs_version(request("s3:GetObject", "k", on=bucket(TAGGED)))
    assert not evaluator.needs_version(request("s3:PutObject", "k", on=bucket(TAGGED)))
    assert not evaluator.needs_version(request("s3:GetObjectVersion", "k", on=bucket(TAGGED)))
    assert not evaluator.needs_version(request("s3:GetObject", "k", on=bucket(OPEN)))
    assert not evaluator.needs_version(request("s3:GetObject", "k"))


def test_the_document_is_needed_only_for_the_tags_in_it() -> None:
    asking = document(
        statement(
            action="s3:PutObjectTagging",
            Condition={"StringEquals": {"s3:RequestObjectTag/a": "b"}},
        )
    )
    evaluator = BucketPolicyEvaluator()
    assert evaluator.needs_document(request("s3:PutObjectTagging", "k", on=bucket(asking)))
    assert not evaluator.needs_document(request("s3:GetObject", "k", on=bucket(asking)))
    assert not evaluator.needs_document(request("s3:PutObjectTagging", "k", on=bucket(OPEN)))


def test_a_public_policy_can_be_kept_to_the_owners_account() -> None:
    restricted = pack_block(PublicAccessBlock(restrict_public_buckets=True))
    other = statement(action="s3:PutObject", principal={"AWS": "222222222222"})
    both = document(statement(), other)
    on = bucket(both, publicAccessBlock=restricted)
    for principal in (ROOT, ALICE):
        assert effect(request(key="k", principal=principal, on=on)) is Effect.ALLOW
    for principal in (BOB, OTHER_ROOT, NOBODY):
        assert effect(request(key="k", principal=principal, on=on)) is Effect.ABSTAIN
        assert effect(request(key="k", principal=principal, on=bucket(both))) is Effect.ALLOW
    service = Principal("", "", "logs", "", "logs", "", service="logging.s3.amazonaws.com")
    assert effect(request(key="k", principal=service, on=on)) is Effect.ALLOW
    # What the policy says of single accounts is void too, for it is all one public policy.
    assert effect(request("s3:PutObject", "k", BOB, on=on)) is Effect.ABSTAIN
    # A policy that is not public is not restricted, and the other flags restrict nothing.
    private = bucket(document(other), publicAccessBlock=restricted)
    assert effect(request("s3:PutObject", "k", BOB, on=private)) is Effect.ALLOW
    flags = pack_block(PublicAccessBlock(True, True, True, False))
    assert effect(request(key="k", on=bucket(both, publicAccessBlock=flags))) is Effect.ALLOW


def test_parsed_policies_are_kept_within_bounds() -> None:
    evaluator = BucketPolicyEvaluator(cached_bytes=3 * len(OPEN))
    documents = [document(statement(Sid=f"{number:04d}")) for number in range(50)]
    for one in [*documents, *documents]:
        assert evaluator.evaluate(request(key="k", on=bucket(one))).effect is Effect.ALLOW
        assert sum(len(text) for text, _ in evaluator._parsed) <= 3 * len(OPEN)
    kept = dict(evaluator._parsed)
    evaluator.evaluate(request(key="k", on=bucket(documents[-1])))
    assert evaluator._parsed == kept
