"""Put, Get, DeleteBucketOwnershipControls, and whom new objects belong to."""

from __future__ import annotations

import pytest

from tests.ops.harness import Answer, Harness, Key, run
from z4tw.s3.access_settings import OWNERSHIPS

TARGET = "/bucket?ownershipControls"


def put(harness: Harness, ownership: str) -> Answer:
    body = (
        f"<OwnershipControls><Rule><ObjectOwnership>{ownership}</ObjectOwnership></Rule>"
        "</OwnershipControls>"
    )
    return harness.request("PUT", TARGET, body=body.encode())


def prepared() -> tuple[Harness, Key]:
    """A bucket, and a key of another account that may write into it."""
    harness = Harness()
    harness.bucket()
    writer = harness.key("writer")
    run(harness.admin.bucket_allow("bucket", "writer", write=True))
    return harness, writer


def owner_of_new(harness: Harness, writer: Key) -> str | None:
    assert harness.request("PUT", "/bucket/key", body=b"x", key=writer).status == 200
    return harness.request("GET", "/bucket?versions").text("Version/Owner/ID")


@pytest.mark.parametrize("ownership", sorted(OWNERSHIPS))
def test_the_rule_comes_back(ownership: str) -> None:
    harness, _ = prepared()
    assert put(harness, ownership).status == 200
    assert harness.request("GET", TARGET).text("Rule/ObjectOwnership") == ownership


def test_a_new_bucket_has_the_setting_of_its_creation() -> None:
    harness, _ = prepared()
    assert harness.request("GET", TARGET).text("Rule/ObjectOwnership") == "ObjectWriter"
    header = {"x-amz-object-ownership": "BucketOwnerPreferred"}
    harness.request("PUT", "/another", headers=header)
    answer = harness.request("GET", "/another?ownershipControls")
    assert answer.text("Rule/ObjectOwnership") == "BucketOwnerPreferred"


def test_the_rule_acts_on_what_is_written_then() -> None:
    harness, writer = prepared()
    put(harness, "BucketOwnerEnforced")
    assert owner_of_new(harness, writer) == harness.user.account_id
    put(harness, "ObjectWriter")
    assert owner_of_new(harness, writer) == writer.account_id


def test_without_a_rule_objects_belong_to_their_writers() -> None:
    harness, writer = prepared()
    put(harness, "BucketOwnerEnforced")
    for _ in range(2):
        assert harness.request("DELETE", TARGET).status == 204
        answer = harness.request("GET", TARGET)
        assert (answer.status, answer.error) == (404, "OwnershipControlsNotFoundError")
    assert owner_of_new(harness, writer) == writer.account_id


@pytest.mark.parametrize("ownership", ["", "Nobody", "objectwriter"])
def test_ownerships_that_there_are_not_change_nothing(ownership: str) -> None:
    harness, _ = prepared()
    put(harness, "BucketOwnerPreferred")
    assert put(harness, ownership).error == "MalformedXML"
    assert harness.request("GET", TARGET).text("Rule/ObjectOwnership") == "BucketOwnerPreferred"


def test_acls_cannot_be_turned_off_while_the_buckets_grants_it_to_others() -> None:
    harness, _ = prepared()
    public = {"x-amz-acl": "public-read"}
    assert harness.request("PUT", "/bucket?acl", headers=public).status == 200
    refused = put(harness, "BucketOwnerEnforced")
    assert (refused.status, refused.error) == (400, "InvalidBucketAclWithObjectOwnership")
    assert put(harness, "BucketOwnerPreferred").status == 200
    private = {"x-amz-acl": "private"}
    assert harness.request("PUT", "/bucket?acl", headers=private).status == 200
    assert put(harness, "BucketOwnerEnforced").status == 200
