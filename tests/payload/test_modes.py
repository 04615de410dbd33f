"""Payload modes and the headers that go with them."""

from __future__ import annotations

import pytest

from z4tw.errors import S3Error
from z4tw.payload.modes import declared_trailers, decoded_length, literal_sha256

SHA = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_literal_hash_is_given_in_lower_case() -> None:
    assert literal_sha256(SHA.upper()) == SHA
    assert literal_sha256("UNSIGNED-PAYLOAD") is None


@pytest.mark.parametrize("mode", ["", "x", SHA[1:], "g" + SHA[1:], " " + SHA[1:], SHA + "0"])
def test_an_unknown_mode_is_an_invalid_argument(mode: str) -> None:
    with pytest.raises(S3Error) as caught:
        literal_sha256(mode)
    assert caught.value.code == "InvalidArgument"
    assert caught.value.message.endswith("or a valid sha256 value.")
    assert caught.value.details == {"ArgumentName": "x-amz-content-sha256", "ArgumentValue": mode}


@pytest.mark.parametrize("end", ["", "-TRAILER"])
def test_version_4a_is_not_implemented(end: str) -> None:
    with pytest.raises(S3Error) as caught:
        literal_sha256("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD" + end)
    assert caught.value.code == "NotImplemented"


def test_the_decoded_length_is_required() -> None:
    with pytest.raises(S3Error) as caught:
        decoded_length({})
    assert caught.value.code == "MissingContentLength"
    assert caught.value.status == 411


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "0x1", "1 ", "²", "9" * 19, "9" * 5000])
def test_a_decoded_length_is_a_number(text: str) -> None:
    with pytest.raises(S3Error) as caught:
        decoded_length({"x-amz-decoded-content-length": text})
    assert caught.value.code == "InvalidArgument"
    assert caught.value.details["ArgumentName"] == "x-amz-decoded-content-length"


def test_a_decoded_length_is_read() -> None:
    assert decoded_length({"x-amz-decoded-content-length": "0"}) == 0
    assert decoded_length({"x-amz-decoded-content-length": "5497558138880"}) == 5 << 40


def test_trailers_are_declared_in_any_case() -> None:
    assert declared_trailers({}) == ()
    header = {"x-amz-trailer": "X-Amz-Checksum-CRC32 , x-amz-checksum-sha1"}
    assert declared_trailers(header) == ("x-amz-checksum-crc32", "x-amz-checksum-sha1")


@pytest.mark.parametrize(
    "text",
    ["", "x-amz-meta-a", "x-amz-checksum-", "x-amz-checksum-crc32,", "content-type",
     "x-amz-checksum-crc32,x-amz-checksum-crc32"],
)  # fmt: skip
def test_other_trailers_are_refused(text: str) -> None:
    with pytest.raises(S3Error) as caught:
        declared_trailers({"x-amz-trailer": text})
    assert caught.value.code == "InvalidRequest"
    assert (
        caught.value.message == "The value specified in the x-amz-trailer header is not supported"
    )
