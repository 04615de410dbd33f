"""What is stored of a request's headers, and what an answer carries."""

from __future__ import annotations

from email.header import decode_header

import pytest

from z4tw.errors import (
    InvalidArgument,
    InvalidRedirectLocation,
    InvalidStorageClass,
    MetadataTooLarge,
)
from z4tw.model.objects import EMPTY_BODY, Version
from z4tw.model.stamps import pack_stamp
from z4tw.s3.headers import (
    object_headers,
    parse_storage_class,
    response_overrides,
    stored_headers,
    user_metadata,
)

STAMP = pack_stamp(1445412480_123 << 16, bytes(8), 1)
VERSION = Version(STAMP, True, 3, "etag", EMPTY_BODY, "owner")


def test_standard_headers_are_stored_and_others_are_not() -> None:
    headers = {
        "content-type": "text/plain",
        "cache-control": "no-cache",
        "content-disposition": "inline",
        "content-language": "de",
        "expires": "never",
        "x-amz-website-redirect-location": "/there",
        "content-length": "3",
        "host": "h",
        "x-amz-meta-a": "b",
        "content-encoding": "",
    }
    assert stored_headers(headers) == {
        name: headers[name]
        for name in (
            "content-type",
            "cache-control",
            "content-disposition",
            "content-language",
            "expires",
            "x-amz-website-redirect-location",
        )
    }


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("gzip", "gzip"),
        ("aws-chunked", None),
        ("AWS-Chunked", None),
        ("aws-chunked,gzip", "gzip"),
        ("gzip, aws-chunked", "gzip"),
        ("gzip,br,aws-chunked", "gzip,br"),
        ("gzip, br", "gzip, br"),
    ],
)
def test_aws_chunked_is_no_encoding_of_the_object(sent: str, stored: str | None) -> None:
    assert stored_headers({"content-encoding": sent}).get("content-encoding") == stored


def test_a_redirect_must_lead_somewhere() -> None:
    with pytest.raises(InvalidRedirectLocation):
        stored_headers({"x-amz-website-redirect-location": "there"})


def test_user_metadata_is_limited_to_2_kb_of_names_and_values() -> None:
    assert user_metadata({"x-amz-meta-a": "1", "x-amz-date": "d"}) == {"a": "1"}
    assert user_metadata({"x-amz-meta-ab": "v" * 2046}) == {"ab": "v" * 2046}
    with pytest.raises(MetadataTooLarge) as caught:
        user_metadata({"x-amz-meta-ab": "v" * 2047})
    assert caught.value.details == {"Size": "2049", "MaxSizeAllowed": "2048"}
    with pytest.raises(MetadataTooLarge):
        user_metadata({"x-amz-meta-ab": "\xe9" * 1024})


def test_storage_classes() -> None:
    assert parse_storage_class({}) == "STANDARD"
    assert parse_storage_class({"x-amz-storage-class": "GLACIER_IR"}) == "GLACIER_IR"
    for value in ("standard", "COLD", "OUTPOSTS"):
        with pytest.raises(InvalidStorageClass):
            parse_storage_class({"x-amz-storage-class": value})


def test_a_plain_version_has_the_basic_headers() -> None:
    assert object_headers(VERSION) == [
        ("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT"),
        ("ETag", '"etag"'),
        ("Accept-Ranges", "bytes"),
        ("Content-Type", "binary/octet-stream"),
    ]


def test_a_full_version_has_all_that_was_stored() -> None:
    version = Version(
        STAMP,
        False,
        3,
        "etag",
        EMPTY_BODY,
        "owner",
        storage_class="GLACIER",
        headers={"content-type": "a/b", "x-amz-website-redirect-location": "/x"},
        user_metadata={"a": "1", "b": "\xe9t\xe9"},
        tags={"t": "u", "v": ""},
    )
    answer = object_headers(version, {"content-type": "c/d", "expires": "now"}, "vid")
    found = dict(answer)
    assert len(found) == len(answer)
    assert found["x-amz-version-id"] == "vid"
    assert found["Content-Type"] == "c/d"
    assert found["Expires"] == "now"
    assert found["x-amz-website-redirect-location"] == "/x"
    assert found["x-amz-meta-a"] == "1"
    assert found["x-amz-storage-class"] == "GLACIER"
    assert found["x-amz-tagging-count"] == "2"
    raw, charset = decode_header(found["x-amz-meta-b"])[0]
    assert raw.decode(charset) == "\xe9t\xe9"


def test_overrides_are_read_from_the_query() -> None:
    assert response_overrides({}) == {}
    assert response_overrides(
        {
            "response-content-type": "a/b",
            "response-content-disposition": 'attachment; filename="é"',
            "response-expires": "",
            "versionId": "v",
        }
    ) == {"content-type": "a/b", "content-disposition": 'attachment; filename="\xc3\xa9"'}


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x", "a\nb", "a\x00", "\x7f"])
def test_overrides_cannot_start_another_header(value: str) -> None:
    with pytest.raises(InvalidArgument):
        response_overrides({"response-content-type": value})
