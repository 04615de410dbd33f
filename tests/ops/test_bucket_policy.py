"""Put, Get, DeleteBucketPolicy and GetBucketPolicyStatus, and what a policy then does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.ops.harness import Answer, Harness, Key, run
from tests.ops.test_authorize import CELLS, NOT_THERE, ROLES, Cell, ask, key_of
from tests.ops.test_authorize import prepared as matrix

ARN = "arn:aws:s3:::bucket"


def statement(effect: str, action: Any, resource: Any = f"{ARN}/*", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": "*", "Action": action, "Resource": resource, **more}


def document(*statements: dict[str, Any]) -> bytes:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}).encode()


def put(harness: Harness, *statements: dict[str, Any], **arguments: Any) -> Answer:
    return harness.request("PUT", "/bucket?policy", body=document(*statements), **arguments)


def prepared(*statements: dict[str, Any]) -> tuple[Harness, Key]:
    """A bucket with two objects and a policy, and somebody who was granted nothing."""
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key")
    harness.put("/bucket/tagged", headers={"x-amz-tagging": "class=open"})
    if statements:
        assert put(harness, *statements).status == 204
    return harness, harness.key("stranger")


READ = statement("Allow", "s3:GetObject")


def test_a_policy_comes_back_byte_for_byte() -> None:
    harness, _ = prepared()
    body = b" \n".join([b"{", document(READ)[1:]])
    assert harness.request("PUT", "/bucket?policy", body=body).status == 204
    answer = harness.request("GET", "/bucket?policy")
    assert (answer.status, answer.body) == (200, body)
    assert answer.headers["content-type"] == "application/json"


def test_without_a_policy_there_is_none_to_show() -> None:
    harness, _ = prepared()
    for target in ("/bucket?policy", "/bucket?policyStatus"):
        answer = harness.request("GET", target)
        assert (answer.status, answer.error) == (404, "NoSuchBucketPolicy")
    assert harness.request("DELETE", "/bucket?policy").status == 204
    put(harness, READ)
    assert harness.request("DELETE", "/bucket?policy").status == 204
    assert harness.request("GET", "/bucket?policy").error == "NoSuchBucketPolicy"


def test_the_status_says_whether_it_is_public() -> None:
    harness, _ = prepared(READ)
    assert harness.request("GET", "/bucket?policyStatus").text("IsPublic") == "true"
    put(harness, statement("Deny", "s3:GetObject"))
    assert harness.request("GET", "/bucket?policyStatus").text("IsPublic") == "false"


@pytest.mark.parametrize("body", [b"", b"<Policy/>", b"{}", b"{" * 70_000])
def test_what_is_no_policy_changes_nothing(body: bytes) -> None:
    harness, _ = prepared(READ)
    answer = harness.request("PUT", "/bucket?policy", body=body)
    expected = "MaxMessageLengthExceeded" if len(body) > 65_536 else "MalformedPolicy"
    assert (answer.status, answer.error) == (400, expected)
    assert harness.request("GET", "/bucket?policy").body == document(READ)


def test_everybody_may_do_what_a_policy_allows_and_no_more() -> None:
    harness, stranger = prepared(READ)
    for key in (stranger, None):
        signed = key is not None
        assert harness.request("GET", "/bucket/key", key=key, sign=signed).status == 200
        for method, target in (
            ("GET", "/bucket"),
            ("PUT", "/bucket/key"),
            ("DELETE", "/bucket/key"),
            ("GET", "/bucket/key?versionId=null"),
            ("GET", "/bucket/key?tagging"),
            ("GET", "/bucket?policy"),
            ("GET", "/bucket/absent"),
        ):
            answer = harness.request(method, target, key=key, sign=signed)
            assert answer.error == "AccessDenied", (method, target)
    assert harness.request("DELETE", "/bucket?policy").status == 204
    assert harness.anonymous("GET", "/bucket/key").error == "AccessDenied"


def test_a_denial_is_over_grants_owners_and_admins() -> None:
    harness, _ = prepared()
    reader = harness.key("reader")
    run(harness.admin.bucket_allow("bucket", "reader", read=True))
    assert harness.request("GET", "/bucket/key", key=reader).status == 200
    put(harness, statement("Deny", "s3:GetObject", f"{ARN}/key"))
    for key in (reader, harness.user, harness.admin_key):
        assert harness.request("GET", "/bucket/key", key=key).error == "AccessDenied"
        assert harness.request("GET", "/bucket/tagged", key=key).status == 200


def test_nobody_can_shut_the_root_user_and_admins_out() -> None:
    everything = statement("Deny", "s3:*", [ARN, f"{ARN}/*"])
    for who in ("user", "admin_key"):
        harness, stranger = prepared(everything)
        key = getattr(harness, who)
        assert harness.request("GET", "/bucket", key=key).error == "AccessDenied"
        assert harness.request("GET", "/bucket?policy", key=key).status == 200
        assert put(harness, everything, key=key).status == 204
        for method in ("GET", "PUT", "DELETE"):
            answer = harness.request(method, "/bucket?policy", key=stranger)
            assert answer.error == "AccessDenied"
        assert harness.request("DELETE", "/bucket?policy", key=key).status == 204
        assert harness.request("GET", "/bucket", key=key).status == 200


def test_who_would_shut_itself_out_has_to_confirm_it() -> None:
    harness, _ = prepared()
    keeper = harness.key("keeper")
    run(harness.admin.bucket_allow("bucket", "keeper", owner=True))
    closing = statement("Deny", "s3:PutBucketPolicy", ARN)
    answer = put(harness, closing, key=keeper)
    assert answer.error == "AccessDenied"
    assert "x-amz-confirm-remove-self-bucket-access" in answer.message
    assert harness.request("GET", "/bucket?policy").error == "NoSuchBucketPolicy"
    header = "x-amz-confirm-remove-self-bucket-access"
    assert put(harness, closing, key=keeper, headers={header: "false"}).error == "AccessDenied"
    assert put(harness, closing, key=keeper, headers={header: "true"}).status == 204
    assert put(harness, READ, key=keeper).error == "AccessDenied"
    assert harness.request("DELETE", "/bucket?policy", key=keeper).status == 204
    assert put(harness, READ, key=keeper).status == 204


def test_who_may_change_the_policy_by_the_policy_only_has_to_confirm_too() -> None:
    harness, stranger = prepared()
    number = stranger.account_number
    mine = statement("Allow", "s3:PutBucketPolicy", ARN) | {"Principal": {"AWS": number}}
    assert put(harness, mine).status == 204
    assert put(harness, READ, key=stranger).error == "AccessDenied"
    assert put(harness, mine, READ, key=stranger).status == 204


def test_an_absent_key_is_told_to_who_may_list_it() -> None:
    harness, stranger = prepared(
        READ,
        statement("Allow", "s3:ListBucket", ARN, Condition={"StringLike": {"s3:prefix": "open/*"}}),
    )
    assert harness.request("GET", "/bucket/open/x", key=stranger).error == "NoSuchKey"
    assert harness.request("GET", "/bucket/closed/x", key=stranger).error == "AccessDenied"
    answer = harness.request("GET", "/bucket/closed/x?prefix=open/x", key=stranger)
    assert answer.error == "AccessDenied"


def test_reading_can_hang_on_the_objects_tags() -> None:
    tag = {"StringEquals": {"s3:ExistingObjectTag/class": "open"}}
    harness, stranger = prepared(statement("Allow", "s3:GetObject", Condition=tag))
    assert harness.request("GET", "/bucket/tagged", key=stranger).status == 200
    assert harness.request("HEAD", "/bucket/tagged", key=stranger).status == 200
    for key in ("key", "absent"):
        assert harness.request("GET", f"/bucket/{key}", key=stranger).error == "AccessDenied"
    harness.request("DELETE", "/bucket/tagged?tagging")
    assert harness.request("GET", "/bucket/tagged", key=stranger).error == "AccessDenied"


def test_a_denial_can_hang_on_the_objects_tags() -> None:
    tag = {"StringEquals": {"s3:ExistingObjectTag/class": "open"}}
    harness, stranger = prepared(READ, statement("Deny", "s3:GetObject", Condition=tag))
    assert harness.request("GET", "/bucket/key", key=stranger).status == 200
    for key in (stranger, harness.user, harness.admin_key):
        assert harness.request("GET", "/bucket/tagged", key=key).error == "AccessDenied"
    copy = {"x-amz-copy-source": "/bucket/tagged"}
    assert harness.request("PUT", "/bucket/copy", headers=copy).error == "AccessDenied"


def tagging(**tags: str) -> bytes:
    rows = "".join(f"<Tag><Key>{k}</Key><Value>{v}</Value></Tag>" for k, v in tags.items())
    return f"<Tagging><TagSet>{rows}</TagSet></Tagging>".encode()


APPROVED = {"StringEquals": {"s3:RequestObjectTag/approved": "yes"}}


def test_tagging_can_hang_on_the_tags_that_are_sent() -> None:
    harness, stranger = prepared(statement("Allow", "s3:PutObjectTagging", Condition=APPROVED))
    target = "/bucket/key?tagging"
    good = tagging(approved="yes", other="1")
    assert harness.request("PUT", target, body=good, key=stranger).status == 200
    before = harness.request("GET", target).body
    for body in (tagging(approved="no"), tagging(other="1"), tagging()):
        assert harness.request("PUT", target, body=body, key=stranger).error == "AccessDenied"
    spoof = {"x-amz-tagging": "approved=yes"}
    answer = harness.request("PUT", target, body=tagging(a="b"), key=stranger, headers=spoof)
    assert answer.error == "AccessDenied"
    assert harness.request("GET", target).body == before
    # Nothing is told of keys that are not there.
    answer = harness.request("PUT", "/bucket/absent?tagging", body=tagging(a="b"), key=stranger)
    assert answer.error == "AccessDenied"


def test_tagging_can_be_denied_for_the_tags_that_are_sent() -> None:
    harness, _ = prepared(statement("Deny", "s3:PutObjectTagging", Condition=APPROVED))
    target = "/bucket/key?tagging"
    for key in (harness.user, harness.admin_key):
        answer = harness.request("PUT", target, body=tagging(approved="yes"), key=key)
        assert answer.error == "AccessDenied"
        assert harness.request("PUT", target, body=tagging(approved="no"), key=key).status == 200


def test_tagging_can_hang_on_old_and_new_tags_together() -> None:
    both = {
        "StringEquals": {
            "s3:ExistingObjectTag/class": "open",
            "s3:RequestObjectTag/approved": "yes",
        }
    }
    harness, stranger = prepared(statement("Allow", "s3:PutObjectTagging", Condition=both))
    body = tagging(approved="yes")
    answer = harness.request("PUT", "/bucket/key?tagging", body=body, key=stranger)
    assert answer.error == "AccessDenied"
    answer = harness.request("PUT", "/bucket/tagged?tagging", body=body, key=stranger)
    assert answer.status == 200
    # By now the tag that allowed it is gone.
    answer = harness.request("PUT", "/bucket/tagged?tagging", body=body, key=stranger)
    assert answer.error == "AccessDenied"


def test_uploads_can_hang_on_their_tags() -> None:
    harness, stranger = prepared(
        statement("Allow", ["s3:PutObject", "s3:PutObjectTagging"], Condition=APPROVED)
    )
    for method, target in (("PUT", "/bucket/new"), ("POST", "/bucket/new?uploads")):
        for tags, allowed in (("approved=yes", True), ("approved=no", False), ("", False)):
            headers = {"x-amz-tagging": tags} if tags else {}
            answer = harness.request(method, target, headers=headers, key=stranger)
            assert (answer.status == 200) == allowed, (target, tags)


def test_each_key_of_a_deletion_is_judged() -> None:
    harness, stranger = prepared(
        statement("Allow", "s3:DeleteObject"),
        statement("Deny", "s3:DeleteObject", f"{ARN}/tagged"),
    )
    body = b"<Delete><Object><Key>key</Key></Object><Object><Key>tagged</Key></Object></Delete>"
    for key in (stranger, harness.user):
        answer = harness.request("POST", "/bucket?delete", body=body, key=key)
        assert answer.texts("Deleted/Key") == ["key"]
        assert answer.texts("Error/Key") == ["tagged"]
        assert answer.texts("Error/Code") == ["AccessDenied"]


def test_a_policy_is_of_the_bucket_and_goes_with_it() -> None:
    harness, stranger = prepared(READ)
    other = harness.bucket("other")
    harness.put(f"/{other}/key")
    assert harness.request("GET", "/other/key", key=stranger).error == "AccessDenied"
    for key in ("key", "tagged"):
        harness.request("DELETE", f"/bucket/{key}")
    assert harness.request("DELETE", "/bucket").status == 204
    harness.bucket()
    assert harness.request("GET", "/bucket?policy").error == "NoSuchBucketPolicy"


def test_principals_by_number_arn_and_canonical_id() -> None:
    harness, stranger = prepared()
    number, canonical = stranger.account_number, stranger.account_id
    for principal, allowed in (
        ({"AWS": number}, True),
        ({"AWS": f"arn:aws:iam::{number}:root"}, True),
        ({"CanonicalUser": canonical}, True),
        ({"AWS": "000000000001"}, False),
        ({"AWS": f"arn:aws:iam::{number}:user/stranger"}, False),  # the key is the root user's
        ({"CanonicalUser": harness.user.account_id}, False),
    ):
        assert put(harness, READ | {"Principal": principal}).status == 204
        answer = harness.request("GET", "/bucket/key", key=stranger)
        assert (answer.error == "") == allowed, principal
        assert harness.anonymous("GET", "/bucket/key").error == "AccessDenied"


def test_the_owners_account_is_a_key_of_its_bucket() -> None:
    harness, stranger = prepared()
    mine, other = harness.user.account_number, stranger.account_number
    for number, allowed in ((mine, True), (other, False)):
        condition = {"StringEquals": {"s3:ResourceAccount": number}}
        put(harness, statement("Allow", "s3:GetObject", Condition=condition))
        answer = harness.request("GET", "/bucket/key", key=stranger)
        assert (answer.error == "") == allowed


def test_versions_can_be_denied_by_id_whichever_way_they_are_asked_for() -> None:
    harness = Harness()
    harness.bucket(versioning="Enabled")
    kept = harness.put("/bucket/key").headers["x-amz-version-id"]
    other = harness.put("/bucket/key").headers["x-amz-version-id"]
    condition = {"StringEquals": {"s3:VersionId": kept}}
    actions = ["s3:GetObjectVersion", "s3:DeleteObjectVersion"]
    put(harness, statement("Deny", actions, Condition=condition))
    for version, error in ((kept, "AccessDenied"), (other, "")):
        target = f"/bucket/key?versionId={version}"
        assert harness.request("GET", target).error == error
        copy = {"x-amz-copy-source": target}
        assert harness.request("PUT", "/bucket/copy", headers=copy).error == error
        item = f"<Object><Key>key</Key><VersionId>{version}</VersionId></Object>"
        body = f"<Delete>{item}<Object><Key>other</Key></Object></Delete>".encode()
        answer = harness.request("POST", "/bucket?delete", body=body)
        assert answer.texts("Error/Code") == ([error] if error else [])
        assert "other" in answer.texts("Deleted/Key")


def test_tags_that_are_copied_are_tags_that_are_set() -> None:
    harness, _ = prepared()
    condition = {"StringEquals": {"s3:RequestObjectTag/class": "open"}}
    put(harness, statement("Deny", "s3:PutObjectTagging", Condition=condition))
    copy = {"x-amz-copy-source": "/bucket/tagged"}
    assert harness.request("PUT", "/bucket/copy", headers=copy).error == "AccessDenied"
    copy |= {"x-amz-tagging-directive": "REPLACE", "x-amz-metadata-directive": "REPLACE"}
    copy["x-amz-tagging"] = "class=closed"
    assert harness.request("PUT", "/bucket/copy", headers=copy).status == 200


# The whole matrix of operations under policies

NOT_UPON_A_BUCKET = ("ListBuckets", "CreateBucket")
MADE = ("PutBucketPolicy", "DeleteBucketPolicy", "GetBucketPolicy")


def under(effect: str) -> tuple[Harness, dict[str, str]]:
    harness, names = matrix()
    assert put(harness, statement(effect, "s3:*", [ARN, f"{ARN}/*"])).status == 204
    return harness, names


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.operation}:{cell.target}")
def test_a_policy_can_allow_every_operation_to_everybody(cell: Cell) -> None:
    if cell.operation == "PutBucketPolicy":  # it takes its sender's permission away
        cell = cell._replace(headers={"x-amz-confirm-remove-self-bucket-access": "true"})
    for role in ("anonymous", "stranger"):
        harness, names = under("Allow")
        answer = ask(harness, cell, key_of(harness, role), names)
        assert answer.exchange.operation == cell.operation
        refused = role == "anonymous" and cell.operation in (*NOT_UPON_A_BUCKET, "DeleteObjects")
        assert (answer.error == "AccessDenied") == refused, answer
        locks = any(name.startswith("x-amz-object-lock-") for name in cell.headers)
        unsigned = ("InvalidArgument",) if locks and role == "anonymous" else ()
        assert answer.error in ("AccessDenied", *NOT_THERE, *unsigned), answer
        assert b"<Code>" not in answer.body


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.operation}:{cell.target}")
def test_a_policy_can_deny_every_operation_to_everybody(cell: Cell) -> None:
    for role in ROLES:
        harness, names = under("Deny")
        answer = ask(harness, cell, key_of(harness, role), names)
        denied = answer.error == "AccessDenied" or b"<Code>AccessDenied</Code>" in answer.body
        holds = role in ("account", "admin") and cell.operation in MADE
        if cell.operation in NOT_UPON_A_BUCKET:
            assert denied == (role not in cell.allowed), (role, answer)
        else:
            assert denied != holds, (role, answer)
