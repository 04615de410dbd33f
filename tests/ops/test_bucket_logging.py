"""PutBucketLogging and GetBucketLogging."""

from __future__ import annotations

from typing import Any

import pytest
from zope.interface import implementer

from tests.ops.harness import Answer, Harness
from z4tw.interfaces import Decision, Effect, IPolicyEvaluator, PolicyRequest


def document(target: str = "logs", prefix: str = "p/", more: str = "") -> bytes:
    return (
        f"<BucketLoggingStatus><LoggingEnabled><TargetBucket>{target}</TargetBucket>"
        f"<TargetPrefix>{prefix}</TargetPrefix>{more}</LoggingEnabled></BucketLoggingStatus>"
    ).encode()


OFF = b"<BucketLoggingStatus/>"


@implementer(IPolicyEvaluator)
class ForService:
    """Says something of the logging service, and nothing of anybody else."""

    def __init__(self, effect: Effect) -> None:
        self.effect = effect
        self.asked: list[PolicyRequest] = []

    def evaluate(self, request: PolicyRequest) -> Decision:
        if request.principal.service != "logging.s3.amazonaws.com":
            return Decision(Effect.ABSTAIN, "")
        self.asked.append(request)
        return Decision(self.effect, "test")


def made(**options: Any) -> Harness:
    harness = Harness(**options)
    harness.bucket()
    harness.bucket("logs")
    harness.bucket("foreign", key=harness.key("stranger"))
    return harness


def put(harness: Harness, body: bytes) -> Answer:
    return harness.request("PUT", "/bucket?logging", body=body)


def test_logging_is_turned_on_and_off() -> None:
    harness = made()
    assert list(harness.request("GET", "/bucket?logging").xml) == []
    assert put(harness, document()).status == 200
    answer = harness.request("GET", "/bucket?logging")
    assert answer.text("LoggingEnabled/TargetBucket") == "logs"
    assert answer.text("LoggingEnabled/TargetPrefix") == "p/"
    assert answer.text("LoggingEnabled/TargetObjectKeyFormat") is None
    assert put(harness, OFF).status == 200
    assert list(harness.request("GET", "/bucket?logging").xml) == []


def test_a_bucket_may_be_its_own_target() -> None:
    assert put(made(), document("bucket")).status == 200


@pytest.mark.parametrize("target", ["absent", "foreign", "not a bucket"])
def test_a_target_that_is_not_there_or_another_accounts_is_refused(target: str) -> None:
    harness = made()
    assert put(harness, document(target)).error == "InvalidTargetBucketForLogging"
    assert list(harness.request("GET", "/bucket?logging").xml) == []


def test_another_accounts_bucket_may_permit_the_service() -> None:
    evaluator = ForService(Effect.ALLOW)
    assert put(made(evaluators=[evaluator]), document("foreign")).status == 200
    ((request),) = evaluator.asked
    assert (request.action, request.bucket_name, request.key) == (
        "s3:PutObject",
        "foreign",
        "p/log",
    )
    assert request.context["aws:SourceArn"] == "arn:aws:s3:::bucket"
    assert not request.principal.anonymous
    assert request.principal.account_id == ""


def test_ones_own_bucket_may_deny_the_service() -> None:
    harness = made(evaluators=[ForService(Effect.DENY)])
    assert put(harness, document()).error == "InvalidTargetBucketForLogging"


def test_target_grants_are_not_implemented() -> None:
    grants = "<TargetGrants><Grant/></TargetGrants>"
    assert put(made(), document(more=grants)).error == "NotImplemented"


def test_requests_upon_the_bucket_are_marked_as_logged() -> None:
    harness = made()
    put(harness, document())
    stored = harness.put("/bucket/key", b"12345")
    assert stored.exchange.logged is not None
    assert (stored.exchange.logged.name, stored.exchange.object_size) == ("bucket", 5)
    ranged = harness.request("GET", "/bucket/key", {"range": "bytes=0-1"})
    assert ranged.exchange.object_size == 5
    forged = harness.request("GET", "/bucket/key", key=harness.user._replace(secret="x"))
    assert (forged.error, forged.exchange.logged) == (
        "SignatureDoesNotMatch",
        stored.exchange.logged,
    )
    denied = harness.anonymous("GET", "/bucket/key")
    assert (denied.error, denied.exchange.logged is None) == ("AccessDenied", False)
    assert harness.request("GET", "/logs").exchange.logged is None
    assert harness.request("GET", "/").exchange.logged is None


def test_a_bucket_policy_may_permit_the_service_and_forbid_it() -> None:
    def policy(effect: str, condition: str = "{}") -> bytes:
        return (
            f'{{"Version": "2012-10-17", "Statement": [{{"Effect": "{effect}", "Principal": '
            '{"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject", '
            f'"Resource": "arn:aws:s3:::TARGET/p/*", "Condition": {condition}}}]}}'
        ).encode()

    harness = Harness()
    harness.bucket()
    harness.bucket("logs")
    stranger = harness.key("stranger")
    harness.bucket("foreign", key=stranger)

    def set_policy(target: str, document: bytes, key: Any = None) -> None:
        body = document.replace(b"TARGET", target.encode())
        answer = harness.request("PUT", f"/{target}?policy", body=body, key=key)
        assert answer.status in (200, 204), answer

    assert put(harness, document("foreign")).error == "InvalidTargetBucketForLogging"
    elsewhere = '{"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::other"}}'
    set_policy("foreign", policy("Allow", elsewhere), stranger)
    assert put(harness, document("foreign")).error == "InvalidTargetBucketForLogging"
    here = elsewhere.replace("other", "bucket")
    set_policy("foreign", policy("Allow", here), stranger)
    assert put(harness, document("foreign")).status == 200
    assert put(harness, document("foreign", "q/")).error == "InvalidTargetBucketForLogging"
    set_policy("logs", policy("Deny"))
    assert put(harness, document()).error == "InvalidTargetBucketForLogging"
