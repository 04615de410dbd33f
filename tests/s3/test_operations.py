"""The table of operations and their IAM actions."""

from __future__ import annotations

import pytest

from z4tw.s3.operations import OPERATIONS, SUPPORTED


def test_what_is_supported_is_in_the_table() -> None:
    assert OPERATIONS.keys() >= SUPPORTED
    assert {name for name, row in OPERATIONS.items() if row.supported} == SUPPORTED


def test_the_form_upload_is_known_though_botocore_lacks_it() -> None:
    assert OPERATIONS["PostObject"].action == "s3:PutObject"
    assert OPERATIONS["PostObject"].supported


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("GetObject", "s3:GetObject"),
        ("HeadObject", "s3:GetObject"),
        ("PutObject", "s3:PutObject"),
        ("CopyObject", "s3:PutObject"),
        ("UploadPart", "s3:PutObject"),
        ("UploadPartCopy", "s3:PutObject"),
        ("CreateMultipartUpload", "s3:PutObject"),
        ("CompleteMultipartUpload", "s3:PutObject"),
        ("AbortMultipartUpload", "s3:AbortMultipartUpload"),
        ("ListParts", "s3:ListMultipartUploadParts"),
        ("ListMultipartUploads", "s3:ListBucketMultipartUploads"),
        ("ListObjects", "s3:ListBucket"),
        ("ListObjectsV2", "s3:ListBucket"),
        ("ListObjectVersions", "s3:ListBucketVersions"),
        ("ListBuckets", "s3:ListAllMyBuckets"),
        ("HeadBucket", "s3:ListBucket"),
        ("DeleteObjects", "s3:DeleteObject"),
        ("DeleteBucketTagging", "s3:PutBucketTagging"),
        ("GetBucketEncryption", "s3:GetEncryptionConfiguration"),
        ("DeletePublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
    ],
)
def test_actions_are_those_of_the_service_authorization_reference(
    operation: str, action: str
) -> None:
    assert OPERATIONS[operation].action == action


def test_operations_upon_versions_say_so() -> None:
    assert OPERATIONS["GetObject"].versioned
    assert OPERATIONS["DeleteObject"].versioned
    assert not OPERATIONS["PutObject"].versioned
