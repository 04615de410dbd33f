"""Trust policies: who may assume a role, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from z4tw.errors import MalformedPolicy
from z4tw.interfaces import Effect, PolicyRequest
from z4tw.model.control import Principal
from z4tw.policy.evaluate import evaluate
from z4tw.policy.trust import trust_policy

BOB = Principal("a" * 64, "1" * 12, "a", "Z4U1", "bob", "Z4B")
ARN = "arn:aws:iam::111111111111:role/r"


def trust(principal: Any, **more: Any) -> bytes:
    one = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [one]}).encode()


def ask(document: bytes, **context: str) -> tuple[Effect, bool]:
    request = PolicyRequest(BOB, "sts:AssumeRole", "", None, "", context, None, ARN)
    said = evaluate(trust_policy(document), request, resource=ARN)
    return said.effect, said.names_user


def test_a_user_is_named_by_itself_or_by_its_account() -> None:
    assert ask(trust({"AWS": BOB.arn})) == (Effect.ALLOW, True)
    assert ask(trust({"AWS": "1" * 12})) == (Effect.ALLOW, False)
    assert ask(trust({"AWS": "2" * 12})) == (Effect.ABSTAIN, False)
    assert ask(trust({"AWS": ["1" * 12, BOB.arn]})) == (Effect.ALLOW, True)


def test_conditions_hold() -> None:
    document = trust({"AWS": BOB.arn}, Condition={"StringEquals": {"sts:ExternalId": "x"}})
    assert ask(document)[0] is Effect.ABSTAIN
    assert ask(document, **{"sts:ExternalId": "x"})[0] is Effect.ALLOW


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{",
        b"{}",
        b'{"Statement": 1}',
        b'{"Statement": [1]}',
        trust("nonsense"),
        trust({"AWS": BOB.arn}, Resource="*"),
        trust({"AWS": BOB.arn}, Action="s3:GetObject"),
        trust({"AWS": BOB.arn}, Action="*"),
        trust({"AWS": BOB.arn}, Effect="Maybe"),
        b'{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole"}}',
        b'{"Statement": [], "Statement": []}',
        b'{"Statement": []}',
    ],
)
def test_other_documents_are_refused(document: bytes) -> None:
    with pytest.raises(MalformedPolicy):
        trust_policy(document)
