"""What a form's fields mean."""

from __future__ import annotations

import pytest

from z4tw import errors
from z4tw.errors import (
    InvalidArgument,
    KeyTooLongError,
    MalformedPOSTRequest,
    MalformedXML,
    S3Error,
)
from z4tw.s3.form_fields import (
    check_request_headers,
    field_texts,
    form_headers,
    form_key,
    success_redirect,
    success_status,
)


def test_texts_have_the_file_name_in_them() -> None:
    raw = {"key": b"a/${filename}/${filename}", "policy": b"${filename}", "b": "é".encode()}
    assert field_texts(raw, "C:\\dir/x.txt") == {
        "key": "a/x.txt/x.txt", "policy": "${filename}", "b": "é",
    }  # fmt: skip
    assert field_texts({"key": b"a${filename}"}, "")["key"] == "a"
    assert field_texts({"key": b"${filename}"}, "${filename}")["key"] == "${filename}"
    with pytest.raises(MalformedPOSTRequest):
        field_texts({"key": b"\xff"}, "")


def test_the_key() -> None:
    assert form_key({"key": "k"}) == "k"
    for fields in ({}, {"key": ""}):
        with pytest.raises(InvalidArgument, match="named 'key'"):
            form_key(fields)
    with pytest.raises(KeyTooLongError):
        form_key({"key": "é" * 513})


def test_fields_become_headers() -> None:
    tagging = "<Tagging><TagSet><Tag><Key>a b</Key><Value>1</Value></Tag></TagSet></Tagging>"
    fields = {
        "key": "k",
        "acl": "private",
        "content-type": "text/é",
        "content-md5": "m",
        "expires": "e",
        "tagging": tagging,
        "x-amz-meta-a": "1",
        "x-amz-checksum-crc32": "c",
        "x-amz-storage-class": "",
        "x-amz-server-side-encryption": "AES256",
        "x-amz-date": "d",
        "x-amz-signature": "s",
        "policy": "p",
        "submit": "Send",
        "x-ignore-a": "\n",
    }
    assert form_headers(fields) == {
        "x-amz-acl": "private",
        "content-type": "text/Ã©",
        "content-md5": "m",
        "expires": "e",
        "x-amz-tagging": "a+b=1",
        "x-amz-meta-a": "1",
        "x-amz-checksum-crc32": "c",
        "x-amz-server-side-encryption": "AES256",
    }


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"x-amz-copy-source": "/a/b"}, errors.NotImplemented),
        ({"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, errors.NotImplemented),
        ({"x-amz-decoded-content-length": "1"}, errors.NotImplemented),
        ({"x-amz-trailer": "x-amz-checksum-crc32"}, errors.NotImplemented),
        ({"x-amz-new-thing": "1"}, errors.NotImplemented),
        ({"acl": "private", "x-amz-acl": "public-read"}, InvalidArgument),
        ({"content-type": "a\r\nb"}, InvalidArgument),
        ({"x-amz-meta-a\r\nb": "c"}, InvalidArgument),
        ({"x-amz-meta-é": "c"}, InvalidArgument),
        ({"x-amz-meta-a": "\x00"}, InvalidArgument),
        ({"tagging": "a=b"}, MalformedXML),
    ],
)
def test_fields_that_are_refused(fields: dict[str, str], error: type[S3Error]) -> None:
    with pytest.raises(error):
        form_headers(fields)


def test_headers_of_the_request_that_should_be_fields() -> None:
    check_request_headers({"content-type": "a", "x-amz-date": "d", "origin": "o"})
    for name in ("x-amz-acl", "x-amz-meta-a", "x-amz-server-side-encryption"):
        with pytest.raises(InvalidArgument):
            check_request_headers({name: "1"})
    with pytest.raises(errors.NotImplemented):
        check_request_headers({"if-match": "1"})


def test_the_status_of_success() -> None:
    assert [success_status({"success_action_status": text}) for text in ("200", "201", "204")] == [
        200, 201, 204,
    ]  # fmt: skip
    for text in ("", "303", "500", "abc"):
        assert success_status({"success_action_status": text}) == 204


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a", "http://a?bucket=b&key=k%20%26&etag=%22e%22"),
        ("https://a/p?q=1#f", "https://a/p?q=1&bucket=b&key=k%20%26&etag=%22e%22#f"),
        ("http://a/é", "http://a/%C3%A9?bucket=b&key=k%20%26&etag=%22e%22"),
        ("", ""),
        ("/relative", ""),
        ("javascript:alert(1)", ""),
        ("http:///nowhere", ""),
        ("http://a\r\nSet-Cookie: b", ""),
        ("http://[", ""),
    ],
)
def test_where_a_success_leads(url: str, expected: str) -> None:
    assert success_redirect({"success_action_redirect": url}, "b", "k &", '"e"') == expected
    assert success_redirect({"redirect": url}, "b", "k &", '"e"') == expected
