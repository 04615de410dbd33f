"""Bucket operations: listing, creating, heading, deleting, locating."""

from __future__ import annotations

import pytest

from tests.ops.harness import NS, Harness, run
from z4tw.errors import IllegalLocationConstraintException, InvalidLocationConstraint
from z4tw.ops import buckets
from z4tw.ops.buckets import check_location
from z4tw.ops.context import Settings


def configuration(inner: str) -> bytes:
    return (
        f'<CreateBucketConfiguration xmlns="{NS[1:-1]}">{inner}</CreateBucketConfiguration>'
    ).encode()


# ListBuckets


def test_a_user_sees_its_own_buckets_and_those_it_was_granted() -> None:
    harness = Harness()
    zoe = harness.key("zoe")
    for name in ("bbb", "aaa", "ccc"):
        harness.bucket(name)
    harness.bucket("zzz", key=zoe)
    run(harness.admin.bucket_allow("bbb", "zoe", read=True))
    answer = harness.request("GET", "/", key=zoe)
    assert answer.xml.tag == "ListAllMyBucketsResult"
    assert answer.texts("Buckets/Bucket/Name") == ["bbb", "zzz"]
    assert answer.text("Owner/ID") == zoe.account_id
    assert answer.text("Owner/DisplayName") == "zoe"
    assert answer.headers["content-type"] == "application/xml"
    assert harness.request("GET", "/").texts("Buckets/Bucket/Name") == ["aaa", "bbb", "ccc"]
    everything = harness.request("GET", "/", key=harness.admin_key)
    assert everything.texts("Buckets/Bucket/Name") == ["aaa", "bbb", "ccc", "zzz"]


def test_a_bucket_is_listed_with_date_and_region() -> None:
    harness = Harness()
    harness.bucket()
    answer = harness.request("GET", "/")
    assert (answer.text("Buckets/Bucket/CreationDate") or "").startswith("2025-10-09T")
    assert answer.text("Buckets/Bucket/BucketRegion") == "us-east-1"


def test_without_buckets_the_list_is_empty() -> None:
    answer = Harness().request("GET", "/")
    assert answer.texts("Buckets/Bucket") == []
    assert answer.text("Buckets") == ""


def test_the_list_is_paged_by_an_opaque_token() -> None:
    harness = Harness()
    names = [f"bucket-{number}" for number in range(7)]
    for name in names:
        harness.bucket(name)
    seen: list[str] = []
    token = ""
    for _ in range(4):
        answer = harness.request("GET", f"/?max-buckets=2{token}")
        seen += answer.texts("Buckets/Bucket/Name")
        following = answer.text("ContinuationToken")
        if following is None:
            break
        token = f"&continuation-token={following.replace('=', '%3D')}"
    assert seen == names
    assert following is None


def test_a_page_that_holds_exactly_all_has_no_token() -> None:
    harness = Harness()
    harness.bucket("one")
    harness.bucket("two")
    answer = harness.request("GET", "/?max-buckets=2")
    assert answer.texts("Buckets/Bucket/Name") == ["one", "two"]
    assert answer.text("ContinuationToken") is None


def test_a_token_is_good_for_its_account_only() -> None:
    harness = Harness()
    harness.bucket("one")
    harness.bucket("two")
    token = harness.request("GET", "/?max-buckets=1").text("ContinuationToken") or ""
    target = f"/?continuation-token={token.replace('=', '%3D')}"
    assert harness.request("GET", target).texts("Buckets/Bucket/Name") == ["two"]
    assert harness.request("GET", target, key=harness.admin_key).error == "InvalidArgument"
    assert harness.request("GET", "/?continuation-token=rubbish").error == "InvalidArgument"


def test_a_prefix_and_a_region_limit_the_list() -> None:
    harness = Harness()
    for name in ("app-one", "app-two", "log"):
        harness.bucket(name)
    answer = harness.request("GET", "/?prefix=app-")
    assert answer.texts("Buckets/Bucket/Name") == ["app-one", "app-two"]
    assert answer.text("Prefix") == "app-"
    assert len(harness.request("GET", "/?bucket-region=us-east-1").texts("Buckets/Bucket")) == 3
    assert harness.request("GET", "/?bucket-region=eu-west-1").texts("Buckets/Bucket") == []


def test_a_user_with_few_of_many_buckets_gets_full_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "SCANNED", 2)
    harness = Harness()
    zoe = harness.key("zoe")
    for number in range(9):
        harness.bucket(f"bucket-{number}", key=zoe if number % 4 == 0 else None)
    answer = harness.request("GET", "/?max-buckets=2", key=zoe)
    assert answer.texts("Buckets/Bucket/Name") == ["bucket-0", "bucket-4"]
    token = (answer.text("ContinuationToken") or "").replace("=", "%3D")
    answer = harness.request("GET", f"/?max-buckets=2&continuation-token={token}", key=zoe)
    assert answer.texts("Buckets/Bucket/Name") == ["bucket-8"]
    assert answer.text("ContinuationToken") is None


@pytest.mark.parametrize("value", ["0", "10001", "-1", "x", "1.0"])
def test_max_buckets_is_1_to_10000(value: str) -> None:
    answer = Harness().request("GET", f"/?max-buckets={value}")
    assert (answer.status, answer.error) == (400, "InvalidArgument")
    assert answer.details["ArgumentName"] == "max-buckets"


# CreateBucket


def test_a_new_bucket_answers_its_location_and_belongs_to_its_maker() -> None:
    harness = Harness()
    answer = harness.request("PUT", "/bucket")
    assert answer.status == 200
    assert answer.headers["location"] == "/bucket"
    assert run(harness.admin.bucket_info("bucket"))["owner"] == "user"


def test_creating_ones_own_bucket_again_changes_nothing() -> None:
    harness = Harness()
    harness.bucket(versioning="Enabled")
    harness.put("/bucket/key")
    assert harness.request("PUT", "/bucket").status == 200
    assert harness.request("GET", "/bucket/key").body == b"data"
    assert run(harness.admin.bucket_info("bucket"))["versioning"] == "Enabled"


def test_somebody_elses_bucket_exists_already_even_for_an_admin() -> None:
    harness = Harness()
    harness.bucket()
    for key in (harness.key("zoe"), harness.admin_key):
        answer = harness.request("PUT", "/bucket", key=key)
        assert (answer.status, answer.error) == (409, "BucketAlreadyExists")
        assert answer.details["BucketName"] == "bucket"


def test_only_who_may_create_buckets_can() -> None:
    harness = Harness()
    zoe = harness.key("zoe", may_create_buckets=False)
    assert harness.request("PUT", "/bucket", key=zoe).error == "AccessDenied"
    assert harness.anonymous("PUT", "/bucket").error == "AccessDenied"
    assert harness.request("HEAD", "/bucket").error == "NoSuchBucket"


@pytest.mark.parametrize("name", ["ab", "Upper", "under_score", "192.168.1.1", "a" * 64, "-dash"])
def test_a_bad_name_is_an_invalid_bucket_name(name: str) -> None:
    answer = Harness().request("PUT", f"/{name}")
    assert (answer.status, answer.error) == (400, "InvalidBucketName")


def test_the_document_may_name_the_region_and_tags() -> None:
    harness = Harness()
    body = configuration(
        "<LocationConstraint>us-east-1</LocationConstraint>"
        "<Tags><Tag><Key>team</Key><Value>blue</Value></Tag></Tags>"
    )
    assert harness.request("PUT", "/bucket", body=body).status == 200
    assert harness.request("GET", "/bucket?tagging").texts("TagSet/Tag/Key") == ["team"]


@pytest.mark.parametrize(
    ("inner", "error"),
    [
        (
            "<LocationConstraint>eu-west-1</LocationConstraint>",
            "IllegalLocationConstraintException",
        ),
        ("<LocationConstraint>EU</LocationConstraint>", "IllegalLocationConstraintException"),
        ("<LocationConstraint>the moon</LocationConstraint>", "InvalidLocationConstraint"),
        ("<LocationConstraint>US-EAST-1</LocationConstraint>", "InvalidLocationConstraint"),
        ("<Colour>blue</Colour>", "MalformedXML"),
        ("<Bucket><Type>Directory</Type></Bucket>", "NotImplemented"),
    ],
)
def test_what_the_document_may_not_say(inner: str, error: str) -> None:
    harness = Harness()
    assert harness.request("PUT", "/bucket", body=configuration(inner)).error == error
    assert harness.request("HEAD", "/bucket").error == "NoSuchBucket"


def test_another_stores_region_takes_its_own_constraint() -> None:
    check_location("EU", "eu-west-1")
    check_location("eu-west-1", "eu-west-1")
    check_location("", "eu-west-1")
    with pytest.raises(IllegalLocationConstraintException):
        check_location("us-east-1", "eu-west-1")
    with pytest.raises(InvalidLocationConstraint):
        check_location("x" * 65, "eu-west-1")


def test_object_ownership_is_the_headers_or_the_settings() -> None:
    harness = Harness(settings=Settings(object_ownership="BucketOwnerEnforced"))
    harness.bucket("one")
    headers = {"x-amz-object-ownership": "ObjectWriter"}
    assert harness.request("PUT", "/two", headers=headers).status == 200
    assert run(harness.admin.bucket_info("one"))["object_ownership"] == "BucketOwnerEnforced"
    assert run(harness.admin.bucket_info("two"))["object_ownership"] == "ObjectWriter"
    headers = {"x-amz-object-ownership": "Nobody"}
    assert harness.request("PUT", "/three", headers=headers).error == "InvalidArgument"


@pytest.mark.parametrize("headers", [{"x-amz-write-offset-bytes": "0"}, {"x-amz-mfa": "1 2"}])
def test_features_that_are_not_there_are_refused(headers: dict[str, str]) -> None:
    answer = Harness().request("PUT", "/bucket", headers=headers)
    assert (answer.status, answer.error) == (501, "NotImplemented")


# HeadBucket, GetBucketLocation, DeleteBucket


def test_head_tells_the_region() -> None:
    harness = Harness(settings=Settings(region="eu-central-1"))
    answer = harness.request("PUT", "/bucket", region="eu-central-1")
    assert answer.status == 200
    answer = harness.request("HEAD", "/bucket", region="eu-central-1")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["x-amz-bucket-region"] == "eu-central-1"
    location = harness.request("GET", "/bucket?location", region="eu-central-1")
    assert location.xml.tag == "LocationConstraint"
    assert location.xml.text == "eu-central-1"


def test_the_location_of_us_east_1_is_empty() -> None:
    harness = Harness()
    harness.bucket()
    answer = harness.request("GET", "/bucket?location")
    assert answer.xml.tag == "LocationConstraint"
    assert not answer.xml.text


def test_what_is_not_there_has_no_head_location_or_deletion() -> None:
    harness = Harness()
    for method, target in (
        ("HEAD", "/no-bucket"),
        ("GET", "/no-bucket?location"),
        ("DELETE", "/no-bucket"),
    ):
        answer = harness.request(method, target)
        assert (answer.status, answer.error) == (404, "NoSuchBucket")


def test_an_empty_bucket_is_deleted_and_is_gone() -> None:
    harness = Harness()
    harness.bucket()
    answer = harness.request("DELETE", "/bucket")
    assert (answer.status, answer.body) == (204, b"")
    assert harness.request("HEAD", "/bucket").error == "NoSuchBucket"
    assert harness.request("DELETE", "/bucket").error == "NoSuchBucket"
    assert harness.request("PUT", "/bucket/key", body=b"x").error == "NoSuchBucket"


def test_a_bucket_with_an_object_or_a_delete_marker_is_not_empty() -> None:
    harness = Harness()
    harness.bucket(versioning="Enabled")
    put = harness.put("/bucket/key")
    answer = harness.request("DELETE", "/bucket")
    assert (answer.status, answer.error) == (409, "BucketNotEmpty")
    assert answer.details["BucketName"] == "bucket"
    harness.request("DELETE", f"/bucket/key?versionId={put.headers['x-amz-version-id']}")
    marker = harness.request("DELETE", "/bucket/key").headers["x-amz-version-id"]
    assert harness.request("DELETE", "/bucket").error == "BucketNotEmpty"
    harness.request("DELETE", f"/bucket/key?versionId={marker}")
    assert harness.request("DELETE", "/bucket").status == 204


def test_open_uploads_do_not_keep_a_bucket() -> None:
    harness = Harness()
    harness.bucket()
    started = harness.request("POST", "/bucket/key?uploads")
    assert started.status == 200
    assert harness.request("DELETE", "/bucket").status == 204
    harness.bucket()
    assert harness.request("GET", "/bucket?uploads").texts("Upload/Key") == []


def test_a_full_disk_refuses_a_bucket() -> None:
    harness = Harness()
    harness.blobs.read_only = True
    assert harness.request("PUT", "/bucket").error == "ServiceUnavailable"
