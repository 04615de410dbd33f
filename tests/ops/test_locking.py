"""Object lock through whole operations, on a clock that the test moves."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from zope.interface import implementer

from tests.ops.harness import Answer, Harness, run
from z4tw.interfaces import Decision, Effect, IPolicyEvaluator, PolicyRequest
from z4tw.interfaces.plugins import IDocumentEvaluator
from z4tw.model.control import Bucket, Principal
from z4tw.model.objects import Head, Lock
from z4tw.model.registers import Kind, Register
from z4tw.ops.locking import default_retention, has_lock, lock_at
from z4tw.policy.grants import GrantsEvaluator
from z4tw.s3.dates import iso_date
from z4tw.s3.locking import DAY_MS

DAY_S = 86_400
MESSAGE = "Access Denied because object protected by object lock."
BYPASS = {"x-amz-bypass-governance-retention": "true"}
ON = "<ObjectLockEnabled>Enabled</ObjectLockEnabled>"
DELETED = "<Delete><Object><Key>k</Key><VersionId>{}</VersionId></Object></Delete>"


def locked(**arguments: Any) -> Harness:
    harness = Harness(**arguments)
    harness.bucket(locked=True)
    return harness


def md5(body: bytes) -> dict[str, str]:
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    return {"content-md5": base64.b64encode(digest).decode()}


def retained(harness: Harness, mode: str, days: float = 1) -> dict[str, str]:
    return {
        "x-amz-object-lock-mode": mode,
        "x-amz-object-lock-retain-until-date": iso_date(harness.clock.ms + int(days * DAY_MS)),
        **md5(b"data"),
    }


def put(harness: Harness, path: str = "/bucket/k", **headers: str) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return harness.put(path, headers=named).headers["x-amz-version-id"]


def configure(harness: Harness, rule: str = "", bucket: str = "bucket") -> Answer:
    body = f"<ObjectLockConfiguration>{ON}{rule}</ObjectLockConfiguration>"
    return harness.request("PUT", f"/{bucket}?object-lock", body=body.encode())


def default(mode: str, period: str) -> str:
    return f"<Rule><DefaultRetention><Mode>{mode}</Mode>{period}</DefaultRetention></Rule>"


def retain(harness: Harness, mode: str, days: float, **arguments: Any) -> Answer:
    until = iso_date(harness.clock.ms + int(days * DAY_MS))
    body = f"<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>"
    target = arguments.pop("target", "/bucket/k?retention")
    return harness.request("PUT", target, body=body.encode(), **arguments)


def hold(harness: Harness, status: str, target: str = "/bucket/k?legal-hold") -> Answer:
    body = f"<LegalHold><Status>{status}</Status></LegalHold>"
    return harness.request("PUT", target, body=body.encode())


def delete(harness: Harness, version: str, **headers: Any) -> Answer:
    return harness.request("DELETE", f"/bucket/k?versionId={version}", **headers)


class TestBuckets:
    def test_one_with_object_lock_has_versioning_for_good(self) -> None:
        harness = locked()
        assert harness.request("GET", "/bucket?versioning").text("Status") == "Enabled"
        body = b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"
        answer = harness.request("PUT", "/bucket?versioning", body=body)
        assert (answer.status, answer.error) == (409, "InvalidBucketState")
        assert harness.request("GET", "/bucket?versioning").text("Status") == "Enabled"

    @pytest.mark.parametrize("versioning", ["", "Suspended"])
    def test_it_takes_versioning(self, versioning: str) -> None:
        harness = Harness()
        harness.bucket(versioning=versioning)
        answer = configure(harness)
        assert (answer.status, answer.error) == (409, "InvalidBucketState")
        answer = harness.request("GET", "/bucket?object-lock")
        assert answer.error == "ObjectLockConfigurationNotFoundError"

    def test_making_ones_own_bucket_again_does_not_claim_that_it_has_object_lock(self) -> None:
        harness = Harness()
        harness.bucket()
        headers = {"x-amz-bucket-object-lock-enabled": "true"}
        answer = harness.request("PUT", "/bucket", headers)
        assert (answer.status, answer.error) == (409, "BucketAlreadyOwnedByYou")
        harness.bucket("other", locked=True)
        assert harness.request("PUT", "/other", headers).status == 200

    def test_who_may_not_turn_it_on_makes_no_such_bucket(self) -> None:
        denied = {"s3:PutBucketObjectLockConfiguration"}
        harness = Harness(evaluators=[GrantsEvaluator(), Denier(denied)])
        headers = {"x-amz-bucket-object-lock-enabled": "true"}
        assert harness.request("PUT", "/bucket", headers).error == "AccessDenied"
        assert harness.request("PUT", "/bucket").status == 200

    def test_the_configuration_is_what_was_put(self) -> None:
        harness = locked()
        configure(harness, default("COMPLIANCE", "<Years>7</Years>"))
        answer = harness.request("GET", "/bucket?object-lock")
        assert answer.text("ObjectLockEnabled") == "Enabled"
        assert answer.text("Rule/DefaultRetention/Mode") == "COMPLIANCE"
        assert answer.text("Rule/DefaultRetention/Years") == "7"
        configure(harness)
        assert harness.request("GET", "/bucket?object-lock").text("Rule") is None

    def test_records_without_configurations_have_no_lock(self) -> None:
        bucket = Bucket(b"", "b", 1, "o", 0, "r")
        assert not has_lock(bucket)
        assert default_retention(bucket) is None
        assert lock_at(bucket, None, b"") is None


class TestDefaults:
    def test_new_versions_get_it_from_their_own_time(self) -> None:
        harness = locked()
        before = put(harness, "/bucket/before")
        configure(harness, default("GOVERNANCE", "<Days>2</Days>"))
        harness.clock.advance(1000)
        version = put(harness, **md5(b"data"))
        now_ms = harness.clock.ms
        answer = harness.request("GET", "/bucket/k?retention")
        assert answer.text("Mode") == "GOVERNANCE"
        assert answer.text("RetainUntilDate") == iso_date(now_ms + 2 * DAY_MS)
        assert delete(harness, version).error == "AccessDenied"
        assert harness.request("DELETE", f"/bucket/before?versionId={before}").status == 204
        harness.clock.advance(2 * DAY_S + 1)
        assert delete(harness, version).status == 204

    def test_what_a_request_asks_for_goes_before_it(self) -> None:
        harness = locked()
        configure(harness, default("COMPLIANCE", "<Years>1</Years>"))
        put(harness, **retained(harness, "GOVERNANCE"))
        assert harness.request("GET", "/bucket/k?retention").text("Mode") == "GOVERNANCE"
        put(harness, "/bucket/held", x_amz_object_lock_legal_hold="ON", **md5(b"data"))
        head = harness.request("HEAD", "/bucket/held").headers
        assert head["x-amz-object-lock-mode"] == "COMPLIANCE"
        assert head["x-amz-object-lock-legal-hold"] == "ON"

    def test_a_body_without_a_digest_is_refused_before_it_is_read(self) -> None:
        harness = locked()
        configure(harness, default("GOVERNANCE", "<Days>1</Days>"))
        answer = harness.request("PUT", "/bucket/k", body=b"data")
        assert (answer.status, answer.error) == (400, "InvalidRequest")
        assert "Content-MD5 OR x-amz-checksum-" in answer.message
        assert not answer.exchange.body.touched
        crc32 = {"x-amz-checksum-crc32": "rfPzYw=="}
        assert harness.request("PUT", "/bucket/k", crc32, b"data").status == 200

    def test_a_part_without_a_digest_is_refused(self) -> None:
        harness = locked()
        held = {"x-amz-object-lock-legal-hold": "ON"}
        upload = harness.request("POST", "/bucket/k?uploads", held).text("UploadId")
        part = f"/bucket/k?partNumber=1&uploadId={upload}"
        answer = harness.request("PUT", part, body=b"data")
        assert (answer.error, "Put Part" in answer.message) == ("InvalidRequest", True)
        assert harness.request("PUT", part, md5(b"data"), b"data").status == 200


class TestWrites:
    @pytest.mark.parametrize(
        "headers", [{"x-amz-object-lock-legal-hold": "ON"}, retained(Harness(), "GOVERNANCE")]
    )
    def test_a_bucket_without_object_lock_takes_no_lock(self, headers: dict[str, str]) -> None:
        harness = Harness()
        harness.bucket(versioning="Enabled")
        answer = harness.request("PUT", "/bucket/k", headers, b"data")
        assert (answer.status, answer.error) == (400, "InvalidRequest")
        answer = harness.request("POST", "/bucket/k?uploads", headers)
        assert answer.error == "InvalidRequest"
        harness.put("/bucket/source")
        copied = {**headers, "x-amz-copy-source": "/bucket/source"}
        copied.pop("content-md5", None)
        assert harness.request("PUT", "/bucket/k", copied).error == "InvalidRequest"

    def test_an_anonymous_write_takes_no_lock(self) -> None:
        harness = locked(evaluators=[Allower()])
        headers = retained(harness, "GOVERNANCE")
        answer = harness.anonymous("PUT", "/bucket/k", headers=headers, body=b"data")
        assert (answer.error, answer.details) == (
            "InvalidArgument", {"ArgumentName": "Authorization"},
        )  # fmt: skip

    def test_a_completed_upload_has_the_lock_it_was_begun_with(self) -> None:
        harness = locked()
        headers = retained(harness, "COMPLIANCE", 3)
        upload = harness.request("POST", "/bucket/k?uploads", headers).text("UploadId")
        part = f"/bucket/k?partNumber=1&uploadId={upload}"
        etag = harness.request("PUT", part, md5(b"data"), b"data").headers["etag"]
        configure(harness, default("GOVERNANCE", "<Days>1</Days>"))
        body = (
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
            f"<ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
        )
        harness.request("POST", f"/bucket/k?uploadId={upload}", body=body.encode())
        head = harness.request("HEAD", "/bucket/k").headers
        assert head["x-amz-object-lock-mode"] == "COMPLIANCE"
        until = headers["x-amz-object-lock-retain-until-date"]
        assert head["x-amz-object-lock-retain-until-date"] == until

    def test_the_record_of_a_file_carries_the_lock(self) -> None:
        """From it ``z4 fsck --rebuild`` makes the version again."""
        harness = locked()
        put(harness, **retained(harness, "COMPLIANCE"))
        bucket: Bucket = run(harness.store.read(Register(Kind.BUCKET, 0, b"bucket")))
        head: Head = run(harness.store.read(Register(Kind.OBJECT, bucket.incarnation, b"k")))
        assert head.versions[0].lock == Lock(
            "COMPLIANCE", (harness.clock.ms - 1) // 1000 * 1000 + DAY_MS
        )


class TestVersions:
    def test_every_way_of_deleting_is_refused(self) -> None:
        harness = locked()
        version = put(harness, **retained(harness, "COMPLIANCE"))
        for headers in ({}, BYPASS):
            for key in (harness.user, harness.admin_key):
                answer = delete(harness, version, headers=headers, key=key)
                assert (answer.status, answer.error) == (403, "AccessDenied")
                assert answer.message == MESSAGE
                body = DELETED.format(version).encode()
                answer = harness.request("POST", "/bucket?delete", headers, body, key=key)
                assert answer.texts("Error/Code") == ["AccessDenied"]
        assert harness.request("DELETE", "/bucket").error == "BucketNotEmpty"
        assert harness.request("DELETE", "/bucket/k").headers["x-amz-delete-marker"] == "true"
        assert harness.request("GET", f"/bucket/k?versionId={version}").body == b"data"
        harness.clock.advance(DAY_S + 1)
        assert delete(harness, version).status == 204

    def test_the_bypass_takes_the_header_and_the_permission(self) -> None:
        harness = locked(evaluators=[GrantsEvaluator(), Denier(set())])
        writer = harness.key("writer")
        run(harness.admin.bucket_allow("bucket", "writer", write=True))
        version = put(harness, **retained(harness, "GOVERNANCE"))
        assert delete(harness, version).error == "AccessDenied"
        assert delete(harness, version, headers=BYPASS, key=writer).message == MESSAGE
        off = {"x-amz-bypass-governance-retention": "false"}
        assert delete(harness, version, headers=off).error == "AccessDenied"
        assert delete(harness, version, headers=BYPASS).status == 204

    def test_the_bypass_of_many_deletions(self) -> None:
        harness = locked()
        version = put(harness, **retained(harness, "GOVERNANCE"))
        body = DELETED.format(version).encode()
        answer = harness.request("POST", "/bucket?delete", BYPASS, body)
        assert answer.texts("Deleted/Key") == ["k"]

    def test_retention_is_made_longer_and_never_shorter(self) -> None:
        harness = locked()
        put(harness)
        assert harness.request("GET", "/bucket/k?retention").error == (
            "NoSuchObjectLockConfiguration"
        )
        assert retain(harness, "GOVERNANCE", 1).status == 200
        assert retain(harness, "GOVERNANCE", 2).status == 200
        assert retain(harness, "GOVERNANCE", 1).message == MESSAGE
        assert retain(harness, "GOVERNANCE", 1, headers=BYPASS).status == 200
        assert retain(harness, "COMPLIANCE", 5, headers=BYPASS).status == 200
        for days in (4, 6):
            assert retain(harness, "GOVERNANCE", days, headers=BYPASS).error == "AccessDenied"
        answer = retain(harness, "COMPLIANCE", -1)
        assert (answer.error, answer.details) == (
            "InvalidArgument", {"ArgumentName": "RetainUntilDate"},
        )  # fmt: skip
        empty = harness.request("PUT", "/bucket/k?retention", BYPASS, b"<Retention/>")
        assert empty.error == "AccessDenied"

    def test_a_hold_is_shown_once_there_was_one(self) -> None:
        harness = locked()
        version = put(harness)
        answer = harness.request("GET", "/bucket/k?legal-hold")
        assert (answer.status, answer.error) == (404, "NoSuchObjectLockConfiguration")
        assert "x-amz-object-lock-legal-hold" not in harness.request("GET", "/bucket/k").headers
        assert hold(harness, "ON").status == 200
        assert harness.request("GET", "/bucket/k?legal-hold").text("Status") == "ON"
        assert delete(harness, version, headers=BYPASS).message == MESSAGE
        hold(harness, "OFF")
        assert harness.request("GET", "/bucket/k?legal-hold").text("Status") == "OFF"
        assert harness.request("GET", "/bucket/k?retention").error != ""
        assert delete(harness, version).status == 204

    @pytest.mark.parametrize("what", ["retention", "legal-hold"])
    def test_of_what_is_not_there(self, what: str) -> None:
        harness = locked()
        harness.bucket("plain", versioning="Enabled")
        harness.put("/plain/k")
        ask = {"retention": lambda t: retain(harness, "GOVERNANCE", 1, target=t),
               "legal-hold": lambda t: hold(harness, "ON", t)}[what]  # fmt: skip
        for method in ("GET", "PUT"):

            def answer(target: str, method: str = method) -> Answer:
                return harness.request("GET", target) if method == "GET" else ask(target)

            assert answer(f"/plain/k?{what}").error == "InvalidRequest"
            assert answer(f"/bucket/k?{what}").error == "NoSuchKey"
            absent = "0" * 32
            assert answer(f"/bucket/k?{what}&versionId={absent}").error == "NoSuchVersion"
            harness.put("/bucket/gone")
            harness.request("DELETE", "/bucket/gone")
            assert answer(f"/bucket/gone?{what}").error == "NoSuchKey"
        for body in (b"", b"<Other/>", b"{}"):
            assert harness.request("PUT", f"/plain/k?{what}", body=body).error == "MalformedXML"

    def test_a_lock_is_shown_to_who_may_see_it(self) -> None:
        denied = {"s3:GetObjectRetention"}
        harness = locked(evaluators=[GrantsEvaluator(), Denier(denied)])
        put(harness, x_amz_object_lock_legal_hold="ON", **retained(harness, "GOVERNANCE"))
        shown = harness.request("HEAD", "/bucket/k").headers
        assert "x-amz-object-lock-mode" not in shown
        assert shown["x-amz-object-lock-legal-hold"] == "ON"
        denied.clear()
        denied.add("s3:GetObjectLegalHold")
        shown = harness.request("HEAD", "/bucket/k").headers
        assert shown["x-amz-object-lock-mode"] == "GOVERNANCE"
        assert "x-amz-object-lock-legal-hold" not in shown


def test_condition_keys_of_a_lock() -> None:
    judge = Denier(set())
    harness = locked(evaluators=[judge])
    judge.seen.clear()
    headers = retained(harness, "GOVERNANCE", 10.5)
    harness.put("/bucket/k", headers={**headers, "x-amz-object-lock-legal-hold": "ON"})
    keys = judge.seen["s3:PutObjectRetention"]
    assert keys["s3:object-lock-mode"] == "GOVERNANCE"
    assert keys["s3:object-lock-legal-hold"] == "ON"
    until = headers["x-amz-object-lock-retain-until-date"]
    assert keys["s3:object-lock-retain-until-date"] == until
    assert keys["s3:object-lock-remaining-retention-days"] == "11"


def test_a_policy_limits_the_retention_that_a_document_asks_for() -> None:
    judge = Denier(set(), most_days=30)
    harness = locked(evaluators=[GrantsEvaluator(), judge])
    put(harness)
    assert retain(harness, "COMPLIANCE", 31.5).error == "AccessDenied"
    assert retain(harness, "COMPLIANCE", 29.5).status == 200


@implementer(IDocumentEvaluator)
class Denier:
    """Denies some actions, and retention of more days than ``most_days``; notes what it saw."""

    def __init__(self, denied: set[str], most_days: int = 100_000) -> None:
        self.denied = denied
        self.most_days = most_days
        self.seen: dict[str, Any] = {}

    def may_deny(self, principal: Principal, bucket: Bucket | None) -> bool:
        return True

    def needs_version(self, request: PolicyRequest) -> bool:
        return False

    def needs_document(self, request: PolicyRequest) -> bool:
        return request.action == "s3:PutObjectRetention"

    def evaluate(self, request: PolicyRequest) -> Decision:
        self.seen[request.action] = request.context
        days = request.context.get("s3:object-lock-remaining-retention-days", "0")
        assert isinstance(days, str)
        if request.action in self.denied or int(days) > self.most_days:
            return Decision(Effect.DENY, "denied by the test")
        return Decision(Effect.ABSTAIN, "")


@implementer(IPolicyEvaluator)
class Allower:
    """Allows everything to everybody."""

    def evaluate(self, request: PolicyRequest) -> Decision:
        return Decision(Effect.ALLOW, "allowed by the test")
