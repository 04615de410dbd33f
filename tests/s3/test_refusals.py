"""Headers that ask for what is not there."""

from __future__ import annotations

import pytest

from z4tw import errors
from z4tw.errors import InvalidArgument, InvalidRequest
from z4tw.s3.refusals import refuse_unsupported


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-bucket-object-lock-enabled", "true"),
        ("x-amz-write-offset-bytes-more", "0"),
        ("x-amz-rename-source", "/k"),
        ("x-amz-mfa", "1 2"),
        ("x-amz-if-match-size", "3"),
        ("x-amz-if-match-last-modified-time", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("x-amz-object-ownership", "ObjectWriter"),
        ("x-amz-something-new", "1"),
    ],
)
def test_a_header_for_an_absent_feature_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(errors.NotImplemented, match=name) as caught:
        refuse_unsupported({"host": "h", name: value}, "PutObject")
    assert caught.value.details == {"Header": name}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-acl", "private"),
        ("x-amz-acl", "public-read"),
        ("x-amz-grant-read", "id=1"),
        ("x-amz-grant-full-control", "id=1"),
        ("x-amz-date", "20150830T123600Z"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        ("x-amz-security-token", "t"),
        ("x-amz-user-agent", "aws-sdk-js"),
        ("x-amz-meta-anything", "v"),
        ("x-amz-checksum-crc64nvme", "AAAAAAAAAAA="),
        ("x-amz-checksum-xxhash128", "x"),
        ("x-amz-checksum-algorithm", "XXHASH64"),
        ("x-amz-checksum-algorithm", "crc32"),
        ("x-amz-sdk-checksum-algorithm", "SHA256"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
        ("x-amz-decoded-content-length", "5"),
        ("x-amz-request-payer", "requester"),
        ("x-amz-storage-class", "GLACIER"),
        ("x-amz-tagging", "a=b"),
        ("x-amz-bucket-object-lock-enabled", "false"),
        ("x-amz-expected-bucket-owner", "123456789012"),
        ("amz-sdk-invocation-id", "i"),
        ("x-forwarded-for", "1.2.3.4"),
        ("content-type", "text/plain"),
    ],
)
def test_headers_that_are_obeyed_or_change_nothing_pass(name: str, value: str) -> None:
    assert refuse_unsupported({"host": "h", name: value}, "PutObject") is None


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("x-amz-object-ownership", "Nobody", InvalidArgument),
        ("x-amz-checksum-algorithm", "CRC99", InvalidRequest),
    ],
)
def test_values_that_s3_does_not_have_are_wrong(
    name: str, value: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        refuse_unsupported({name: value}, "CreateBucket")


@pytest.mark.parametrize(
    "name",
    [
        "x-amz-object-lock-mode",
        "x-amz-object-lock-legal-hold",
        "x-amz-object-lock-retain-until-date",
    ],
)
def test_a_lock_is_for_new_objects_only(name: str) -> None:
    for operation in ("CopyObject", "CreateMultipartUpload", "PutObject"):
        refuse_unsupported({name: "x"}, operation)
    for operation in ("UploadPart", "CompleteMultipartUpload", "CreateBucket", "GetObject"):
        with pytest.raises(errors.NotImplemented, match=name):
            refuse_unsupported({name: "x"}, operation)


def test_a_bucket_may_be_made_with_object_lock() -> None:
    refuse_unsupported({"x-amz-bucket-object-lock-enabled": "true"}, "CreateBucket")


def test_create_bucket_takes_the_ownership_settings() -> None:
    for value in ("ObjectWriter", "BucketOwnerPreferred", "BucketOwnerEnforced"):
        assert refuse_unsupported({"x-amz-object-ownership": value}, "CreateBucket") is None


def test_acl_headers_pass_only_where_an_acl_can_be_set() -> None:
    assert refuse_unsupported({"x-amz-acl": "private"}, "UploadPart") is None
    for header in ({"x-amz-acl": "public-read"}, {"x-amz-grant-read": "id=1"}):
        with pytest.raises(errors.NotImplemented):
            refuse_unsupported(header, "UploadPart")


@pytest.mark.parametrize(
    ("name", "obeying", "others"),
    [
        ("x-amz-server-side-encryption", "PutObject", ("GetObject", "UploadPart")),
        ("x-amz-server-side-encryption-context", "CopyObject", ("HeadObject",)),
        ("x-amz-server-side-encryption-aws-kms-key-id", "CreateMultipartUpload", ("ListParts",)),
        ("x-amz-server-side-encryption-customer-key", "GetObject", ("DeleteObject", "ListObjects")),
        (
            "x-amz-copy-source-server-side-encryption-customer-key",
            "UploadPartCopy",
            ("PutObject", "GetObject"),
        ),
    ],
)
def test_headers_of_encryption_pass_where_they_are_obeyed(
    name: str, obeying: str, others: tuple[str, ...]
) -> None:
    refuse_unsupported({name: "x"}, obeying)
    for operation in others:
        with pytest.raises(errors.InvalidArgument, match=name):
            refuse_unsupported({name: "x"}, operation)
