"""The pipeline: who is asked what, in which order, and what nobody is told."""

from __future__ import annotations

from typing import Any

import pytest
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.ops.harness import Harness, run
from z4tw.interfaces import Decision, Effect, IRouter, IS3Service, Route, S3Response
from z4tw.ops.context import Context, Settings
from z4tw.policy.grants import GrantsEvaluator


def test_it_provides_the_service_interface() -> None:
    assert verifyObject(IS3Service, Harness().service)


def test_the_exchange_says_what_the_access_log_needs() -> None:
    harness = Harness()
    harness.bucket(versioning="Enabled")
    put = harness.put("/bucket/a%20key")
    version = put.headers["x-amz-version-id"]
    exchange = harness.request("GET", f"/bucket/a%20key?versionId={version}").exchange
    assert exchange.operation == "GetObject"
    assert (exchange.bucket, exchange.key, exchange.version_id) == ("bucket", "a key", version)
    assert exchange.requester == harness.user.account_id
    assert exchange.access_key_id == harness.user.access_key_id


def test_a_requester_is_named_only_after_the_signature_held() -> None:
    harness = Harness()
    answer = harness.request("GET", "/", key=harness.user._replace(secret="wrong"))
    assert answer.error == "SignatureDoesNotMatch"
    assert answer.exchange.requester == answer.exchange.access_key_id == ""
    assert answer.exchange.operation == "ListBuckets"


def test_an_unknown_key_is_named_in_the_error() -> None:
    harness = Harness()
    answer = harness.request("GET", "/", key=harness.user._replace(access_key_id="Z4NOBODY"))
    assert (answer.status, answer.error) == (403, "InvalidAccessKeyId")
    assert answer.details["AWSAccessKeyId"] == "Z4NOBODY"


def test_a_session_token_is_always_wrong() -> None:
    harness = Harness()
    answer = harness.request("GET", "/", headers={"x-amz-security-token": "token"})
    assert (answer.status, answer.error) == (400, "InvalidToken")


def test_another_region_in_the_scope_is_told_the_right_one() -> None:
    harness = Harness()
    harness.bucket()
    answer = harness.request("GET", "/bucket", region="eu-west-1")
    assert (answer.status, answer.error) == (400, "AuthorizationHeaderMalformed")
    assert answer.details["Region"] == "us-east-1"
    assert answer.headers["x-amz-bucket-region"] == "us-east-1"


def test_a_presigned_url_works_and_expires() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key")
    head = harness.head_of(
        "GET", "/bucket/key", {}, b"", harness.user, None, "us-east-1", False, True
    )
    assert harness.request("GET", "", head=head).body == b"data"
    harness.clock.advance(901)
    later = harness.head_of("GET", "/bucket/key", {}, b"", None, None, "us-east-1", False, False)
    expired = type(head)(
        head.method, head.target, head.headers, None, False, head.peer, False, later.now, "0" * 16
    )
    assert harness.request("GET", "", head=expired).error == "AccessDenied"


def test_a_signed_request_that_is_too_old_is_refused() -> None:
    harness = Harness()
    head = harness.head_of("GET", "/", {}, b"", harness.user, None, "us-east-1", False, False)
    old = type(head)(
        head.method, head.target, head.headers, None, False, head.peer, False, head.now + 901, "0"
    )
    assert harness.request("GET", "", head=old).error == "RequestTimeTooSkewed"


def test_an_authenticated_stranger_learns_that_a_bucket_is_missing_the_anonymous_does_not() -> None:
    harness = Harness()
    harness.bucket()
    assert harness.request("GET", "/missing").error == "NoSuchBucket"
    assert harness.request("GET", "/missing").details["BucketName"] == "missing"
    for target in ("/bucket", "/missing", "/bucket/key", "/missing/key", "/"):
        assert harness.anonymous("GET", target).error == "AccessDenied"


def test_a_missing_bucket_looks_to_the_anonymous_exactly_like_a_closed_one() -> None:
    harness = Harness()
    harness.bucket()
    for method in ("GET", "HEAD", "DELETE"):
        there = harness.anonymous(method, "/bucket")
        missing = harness.anonymous(method, "/missing")
        assert (there.error, there.headers, there.details) == (
            missing.error,
            missing.headers,
            missing.details,
        )


def test_a_missing_key_is_told_only_to_who_may_list() -> None:
    harness = Harness()
    writer = harness.key("writer")
    reader = harness.key("reader")
    harness.bucket()
    run(harness.admin.bucket_allow("bucket", "writer", write=True))
    run(harness.admin.bucket_allow("bucket", "reader", read=True))
    assert harness.request("GET", "/bucket/missing", key=reader).error == "NoSuchKey"
    assert harness.request("GET", "/bucket/missing", key=writer).error == "AccessDenied"
    assert harness.request("GET", "/bucket/missing?tagging", key=reader).error == "NoSuchKey"
    assert harness.request("GET", "/bucket/missing?tagging", key=writer).error == "AccessDenied"


def test_a_refused_bucket_request_names_the_region() -> None:
    harness = Harness()
    stranger = harness.key("stranger")
    harness.bucket()
    for method in ("HEAD", "GET"):
        answer = harness.request(method, "/bucket", key=stranger)
        assert answer.status == 403
        assert answer.headers["x-amz-bucket-region"] == "us-east-1"
    assert "x-amz-bucket-region" not in harness.request("HEAD", "/missing").headers
    assert "x-amz-bucket-region" not in harness.request("GET", "/bucket/missing").headers


def test_the_expected_owner_is_enforced() -> None:
    harness = Harness()
    harness.bucket()
    right = {"x-amz-expected-bucket-owner": harness.user.account_number}
    wrong = {"x-amz-expected-bucket-owner": harness.admin_key.account_number}
    bad = {"x-amz-expected-bucket-owner": "12345"}
    assert harness.request("GET", "/bucket", headers=right).status == 200
    assert harness.request("GET", "/bucket", headers=wrong).error == "AccessDenied"
    assert harness.request("GET", "/bucket", headers=wrong, key=harness.admin_key).status == 403
    assert harness.request("GET", "/bucket", headers=bad).error == "InvalidBucketOwnerAWSAccountID"
    put = harness.request("PUT", "/bucket/key", headers=wrong, body=b"x")
    assert put.error == "AccessDenied"
    assert harness.request("GET", "/bucket/key").error == "NoSuchKey"


def test_the_expected_owner_may_come_in_a_presigned_query() -> None:
    harness = Harness()
    harness.bucket()
    number = harness.admin_key.account_number
    answer = harness.request("GET", f"/bucket?x-amz-expected-bucket-owner={number}", presign=True)
    assert answer.error == "AccessDenied"


def test_an_absent_operation_is_named_but_not_to_the_anonymous() -> None:
    harness = Harness()
    harness.bucket()
    answer = harness.request("GET", "/bucket?metadataTable")
    assert (answer.status, answer.error) == (501, "NotImplemented")
    assert "GetBucketMetadataTableConfiguration" in answer.message
    assert harness.anonymous("GET", "/bucket?metadataTable").error == "AccessDenied"
    wrong = harness.user._replace(secret="wrong")
    answer = harness.request("GET", "/bucket?metadataTable", key=wrong)
    assert answer.error == "SignatureDoesNotMatch"


def test_a_header_for_an_absent_feature_is_refused_before_the_body_is_read() -> None:
    harness = Harness()
    harness.bucket()
    answer = harness.request(
        "PUT", "/bucket/key", headers={"x-amz-something-new": "4"}, body=b"data"
    )
    assert (answer.status, answer.error) == (501, "NotImplemented")
    assert not answer.exchange.body.touched
    stranger = harness.key("stranger")
    answer = harness.request(
        "PUT", "/bucket/key", headers={"x-amz-something-new": "4"}, body=b"data", key=stranger
    )
    assert answer.error == "AccessDenied"


def test_a_refused_upload_keeps_its_body_unread() -> None:
    harness = Harness()
    stranger = harness.key("stranger")
    harness.bucket()
    for key in (stranger, harness.user._replace(secret="wrong")):
        answer = harness.request("PUT", "/bucket/key", body=b"data", key=key)
        assert answer.status == 403
        assert not answer.exchange.body.touched


@implementer(IRouter)
class FakeOwner:
    """Another node owns every key that begins with ``far``."""

    alone = False

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, int | None]] = []

    async def route(self, head: Any, call: Any, partition: int | None) -> Route | None:
        self.asked.append((call.operation, call.key, partition))
        if not call.key.startswith("far"):
            return None
        return Route("http://node2:9670/bucket/far?x-z4-rid=1", "node2:9670")


def test_a_route_elsewhere_is_a_temporary_redirect() -> None:
    router = FakeOwner()
    harness = Harness(router=router)
    harness.bucket()
    harness.put("/bucket/near")
    answer = harness.request("PUT", "/bucket/far", body=b"data")
    assert (answer.status, answer.error) == (307, "TemporaryRedirect")
    assert answer.headers["location"] == "http://node2:9670/bucket/far?x-z4-rid=1"
    assert answer.headers["x-amz-bucket-region"] == "us-east-1"
    assert answer.details["Endpoint"] == "node2:9670"
    assert not answer.exchange.body.touched


def test_the_router_is_told_the_partition_of_keys_only_and_only_of_allowed_requests() -> None:
    router = FakeOwner()
    harness = Harness(router=router)
    stranger = harness.key("stranger")
    harness.bucket()
    router.asked.clear()
    harness.request("GET", "/bucket")
    harness.request("GET", "/bucket/near")
    harness.request("GET", "/bucket/near", key=stranger)
    harness.anonymous("GET", "/bucket/far")
    assert router.asked == [("ListObjects", "", None), ("GetObject", "near", 4)]


class Deny:
    """A third-party evaluator that denies one action to everybody."""

    def __init__(self, action: str) -> None:
        self.action = action
        self.requests: list[Any] = []

    def evaluate(self, request: Any) -> Decision:
        self.requests.append(request)
        if request.action == self.action:
            return Decision(Effect.DENY, "a test denies it")
        return Decision(Effect.ABSTAIN, "")


def test_an_explicit_deny_wins_over_grants_the_owner_and_admins() -> None:
    deny = Deny("s3:GetObject")
    harness = Harness(evaluators=[GrantsEvaluator(), deny])
    granted = harness.key("granted")
    harness.bucket()
    harness.put("/bucket/key")
    run(harness.admin.bucket_allow("bucket", "granted", read=True))
    for key in (granted, harness.user, harness.admin_key):
        assert harness.request("GET", "/bucket/key", key=key).error == "AccessDenied"
        assert harness.request("GET", "/bucket", key=key).status == 200


def test_an_allow_of_any_evaluator_is_enough_even_for_the_anonymous() -> None:
    class AllowReads:
        def evaluate(self, request: Any) -> Decision:
            allowed = request.action == "s3:GetObject" and request.key == "public"
            return Decision(Effect.ALLOW if allowed else Effect.ABSTAIN, "")

    harness = Harness(evaluators=[GrantsEvaluator(), AllowReads()])
    harness.bucket()
    harness.put("/bucket/public")
    harness.put("/bucket/private")
    assert harness.anonymous("GET", "/bucket/public").body == b"data"
    assert harness.anonymous("GET", "/bucket/private").error == "AccessDenied"
    assert harness.anonymous("PUT", "/bucket/public", body=b"x").error == "AccessDenied"


def test_an_operation_gets_the_whole_context() -> None:
    seen: list[Context] = []

    async def note(context: Context) -> S3Response:
        seen.append(context)
        return S3Response(204)

    harness = Harness(operations={"GetObject": note}, settings=Settings(region="us-east-1"))
    harness.bucket()
    assert harness.request("GET", "/bucket/key").status == 204
    context = seen[0]
    assert context.require_bucket().name == "bucket"
    assert context.principal.account_id == harness.user.account_id
    assert context.verified is not None
    assert context.store is harness.store
    assert context.blobs is harness.blobs
    assert context.stamp() < context.stamp()
    assert len(context.random_bytes(7)) == 7


def test_a_defect_in_an_operation_is_not_dressed_up() -> None:
    async def broken(context: Context) -> S3Response:
        raise ZeroDivisionError

    harness = Harness(operations={"GetObject": broken})
    harness.bucket()
    with pytest.raises(ZeroDivisionError):
        harness.request("GET", "/bucket/key")


def test_a_store_that_is_read_only_refuses_every_write_and_reads_go_on() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key", b"kept")
    harness.blobs.read_only = True
    delete = b"<Delete><Object><Key>key</Key></Object></Delete>"
    assert harness.request("DELETE", "/bucket/key").error == "ServiceUnavailable"
    assert harness.request("POST", "/bucket?delete", body=delete).error == "ServiceUnavailable"
    assert harness.request("PUT", "/bucket/other", body=b"x").error == "ServiceUnavailable"
    assert harness.request("PUT", "/new-bucket").error == "ServiceUnavailable"
    assert harness.request("GET", "/bucket/key").body == b"kept"
    assert harness.request("GET", "/bucket").status == 200
