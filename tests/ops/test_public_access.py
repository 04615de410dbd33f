"""Put, Get, DeletePublicAccessBlock, and what the flags for policies do."""

from __future__ import annotations

import pytest

from tests.ops.harness import Answer, Harness
from tests.ops.test_bucket_policy import ARN, READ, put, statement
from z4tw.s3.access_settings import FLAGS


def block(harness: Harness, *flags: str) -> Answer:
    inside = "".join(f"<{flag}>true</{flag}>" for flag in flags)
    body = f"<PublicAccessBlockConfiguration>{inside}</PublicAccessBlockConfiguration>".encode()
    answer = harness.request("PUT", "/bucket?publicAccessBlock", body=body)
    assert answer.status == 200
    return answer


def prepared() -> Harness:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key")
    return harness


@pytest.mark.parametrize("flags", [(), FLAGS, *[(flag,) for flag in FLAGS]])
def test_the_flags_come_back(flags: tuple[str, ...]) -> None:
    harness = prepared()
    block(harness, *FLAGS)
    block(harness, *flags)
    answer = harness.request("GET", "/bucket?publicAccessBlock")
    for flag in FLAGS:
        assert answer.text(flag) == ("true" if flag in flags else "false")


def test_without_a_block_there_is_none_to_show() -> None:
    harness = prepared()
    expected = (404, "NoSuchPublicAccessBlockConfiguration")
    answer = harness.request("GET", "/bucket?publicAccessBlock")
    assert (answer.status, answer.error) == expected
    assert harness.request("DELETE", "/bucket?publicAccessBlock").status == 204
    block(harness)
    assert harness.request("GET", "/bucket?publicAccessBlock").status == 200
    assert harness.request("DELETE", "/bucket?publicAccessBlock").status == 204
    answer = harness.request("GET", "/bucket?publicAccessBlock")
    assert (answer.status, answer.error) == expected


def test_public_policies_can_be_refused() -> None:
    harness = prepared()
    block(harness, "BlockPublicPolicy")
    answer = put(harness, READ)
    assert (answer.status, answer.error) == (403, "AccessDenied")
    assert "BlockPublicPolicy" in answer.message
    assert harness.request("GET", "/bucket?policy").error == "NoSuchBucketPolicy"
    assert put(harness, READ | {"Principal": {"AWS": "000000000001"}}).status == 204
    assert put(harness, statement("Deny", "s3:GetObject")).status == 204
    # Even an admin is refused; who may change the block is not held by it.
    assert put(harness, READ, key=harness.admin_key).error == "AccessDenied"
    harness.request("DELETE", "/bucket?publicAccessBlock")
    assert put(harness, READ).status == 204


def test_a_policy_that_is_there_stays_when_public_ones_are_refused() -> None:
    harness = prepared()
    put(harness, READ)
    block(harness, "BlockPublicPolicy")
    assert harness.anonymous("GET", "/bucket/key").status == 200


def test_a_public_policy_can_be_kept_to_the_owners_account() -> None:
    harness = prepared()
    stranger = harness.key("stranger")
    put(harness, READ, statement("Deny", "s3:PutObject", f"{ARN}/closed"))
    block(harness, "BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy")
    assert harness.anonymous("GET", "/bucket/key").status == 200
    block(harness, "RestrictPublicBuckets")
    assert harness.anonymous("GET", "/bucket/key").error == "AccessDenied"
    assert harness.request("GET", "/bucket/key", key=stranger).error == "AccessDenied"
    assert harness.request("GET", "/bucket/key").status == 200
    # What it denies it denies still.
    assert harness.request("PUT", "/bucket/closed", body=b"x").error == "AccessDenied"
    block(harness)
    assert harness.anonymous("GET", "/bucket/key").status == 200


PUBLIC = {"x-amz-acl": "public-read"}


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("PUT", "/bucket/new"),
        ("POST", "/bucket/new?uploads"),
        ("PUT", "/bucket/key?acl"),
        ("PUT", "/bucket?acl"),
    ],
)
def test_public_acls_can_be_refused(method: str, target: str) -> None:
    harness = prepared()
    block(harness, "BlockPublicAcls")
    for key in (harness.user, harness.admin_key):
        answer = harness.request(method, target, headers=PUBLIC, key=key)
        assert answer.error == "AccessDenied"
    assert harness.request("GET", "/bucket/new").error == "NoSuchKey"
    private = {"x-amz-acl": "private"}
    assert harness.request(method, target, headers=private).status == 200
    block(harness, "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    assert harness.request(method, target, headers=PUBLIC).status == 200


def test_public_acls_can_be_ignored() -> None:
    harness = prepared()
    stranger = harness.key("stranger")
    harness.request("PUT", "/bucket/key?acl", headers=PUBLIC)
    harness.request("PUT", "/bucket?acl", headers=PUBLIC)
    for target in ("/bucket/key", "/bucket"):
        assert harness.anonymous("GET", target).status == 200
    block(harness, "IgnorePublicAcls")
    for target in ("/bucket/key", "/bucket"):
        assert harness.anonymous("GET", target).error == "AccessDenied"
        assert harness.request("GET", target, key=stranger).error == "AccessDenied"
        assert harness.request("GET", target).status == 200
    block(harness, "BlockPublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    assert harness.anonymous("GET", "/bucket/key").status == 200


def test_a_policy_denies_what_an_acl_grants() -> None:
    harness = prepared()
    harness.request("PUT", "/bucket/key?acl", headers=PUBLIC)
    assert harness.anonymous("GET", "/bucket/key").status == 200
    put(harness, statement("Deny", "s3:GetObject", f"{ARN}/key"))
    assert harness.anonymous("GET", "/bucket/key").error == "AccessDenied"
    assert harness.request("GET", "/bucket/key").error == "AccessDenied"
