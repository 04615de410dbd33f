"""Which decoder a request's body gets, and plain bodies."""

from __future__ import annotations

import pytest

from tests.payload.encode import unsigned_body, verified
from tests.sigv4.aws_examples import EMPTY, make_head
from z4tw.errors import S3Error
from z4tw.interfaces.http import RequestHead
from z4tw.payload import ChunkedDecoder, PlainDecoder, make_decoder

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = SIGNED + "-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
CRC = "x-amz-checksum-crc32"


def put(
    headers: dict[str, str] | None = None, length: int | None = 3, chunked: bool = False
) -> RequestHead:
    fields = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
    return make_head("PUT", b"/b/k", fields, content_length=length, chunked=chunked)


def streamed(length: str = "3", **headers: str) -> RequestHead:
    return put({"x-amz-decoded-content-length": length, **headers}, length=200)


def refusal(head: RequestHead, mode: str | None) -> S3Error:
    with pytest.raises(S3Error) as caught:
        make_decoder(head, None if mode is None else verified(mode))
    return caught.value


def test_an_unsigned_payload_is_passed_on() -> None:
    decoder = make_decoder(put(), verified("UNSIGNED-PAYLOAD"))
    assert isinstance(decoder, PlainDecoder)
    assert (decoder.decoded_length, decoder.sha256_needed) == (3, None)
    assert decoder.feed(b"ab") + decoder.feed(b"c") == b"abc"
    decoder.finish()
    assert decoder.trailers == {}
    assert decoder.trailer_names == ()


def test_a_literal_hash_is_what_the_payload_needs() -> None:
    decoder = make_decoder(put(), verified(EMPTY.upper()))
    assert decoder.sha256_needed == EMPTY


def test_an_anonymous_payload_needs_what_its_header_says() -> None:
    assert make_decoder(put(), None).sha256_needed is None
    assert make_decoder(put({"x-amz-content-sha256": EMPTY}), None).sha256_needed == EMPTY
    assert refusal(put({"x-amz-content-sha256": "x"}), None).code == "InvalidArgument"


def test_the_verified_mode_counts_and_not_the_header() -> None:
    head = streamed(x_amz_content_sha256=UNSIGNED_TRAILER)
    assert isinstance(make_decoder(head, verified("UNSIGNED-PAYLOAD")), PlainDecoder)


def test_content_encoding_alone_is_not_a_framing() -> None:
    head = put({"content-encoding": "aws-chunked", "x-amz-decoded-content-length": "1"})
    decoder = make_decoder(head, verified("UNSIGNED-PAYLOAD"))
    assert isinstance(decoder, PlainDecoder)
    assert decoder.decoded_length == 3


@pytest.mark.parametrize("data", [b"", b"ab"])
def test_a_short_plain_body_is_incomplete(data: bytes) -> None:
    decoder = make_decoder(put(), None)
    decoder.feed(data)
    with pytest.raises(S3Error) as caught:
        decoder.finish()
    assert caught.value.code == "IncompleteBody"


def test_a_long_plain_body_is_refused() -> None:
    decoder = make_decoder(put(), None)
    with pytest.raises(S3Error) as caught:
        decoder.feed(b"abcd")
    assert caught.value.code == "IncompleteBody"


def test_without_a_length_the_body_ends_where_it_ends() -> None:
    decoder = make_decoder(put(length=None, chunked=True), None)
    assert decoder.decoded_length is None
    decoder.feed(b"abc")
    decoder.finish()


def test_without_any_framing_there_is_no_body() -> None:
    decoder = make_decoder(put(length=None), None)
    assert decoder.decoded_length == 0
    decoder.finish()


@pytest.mark.parametrize("mode", [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER])
def test_a_streamed_payload_needs_its_decoded_length(mode: str) -> None:
    head = put({"x-amz-trailer": CRC})
    assert refusal(head, mode).code == "MissingContentLength"
    assert refusal(streamed("x", x_amz_trailer=CRC), mode).code == "InvalidArgument"


def test_a_streamed_payload_needs_a_framing() -> None:
    head = put({"x-amz-decoded-content-length": "3"}, length=None)
    assert refusal(head, UNSIGNED_TRAILER).code == "MissingContentLength"


def test_the_streaming_modes() -> None:
    decoder = make_decoder(streamed(), verified(SIGNED))
    assert isinstance(decoder, ChunkedDecoder)
    assert decoder.decoded_length == 3
    head = streamed(x_amz_trailer=CRC)
    for mode in (SIGNED_TRAILER, UNSIGNED_TRAILER):
        decoder = make_decoder(head, verified(mode))
        assert isinstance(decoder, ChunkedDecoder)
        assert decoder.trailer_names == (CRC,)
        assert decoder.sha256_needed is None
    assert make_decoder(streamed(), verified(UNSIGNED_TRAILER)).trailer_names == ()


def test_streaming_inside_http_chunks_is_accepted() -> None:
    head = put({"x-amz-decoded-content-length": "3"}, length=None, chunked=True)
    decoder = make_decoder(head, verified(UNSIGNED_TRAILER))
    assert decoder.feed(unsigned_body([b"abc"], {})) == b"abc"
    decoder.finish()


def test_an_anonymous_client_may_use_unsigned_trailers_only() -> None:
    head = streamed(x_amz_content_sha256=UNSIGNED_TRAILER)
    assert isinstance(make_decoder(head, None), ChunkedDecoder)
    for mode in (SIGNED, SIGNED_TRAILER):
        head = streamed(x_amz_content_sha256=mode, x_amz_trailer=CRC)
        assert refusal(head, None).code == "AccessDenied"


@pytest.mark.parametrize("mode", ["UNSIGNED-PAYLOAD", EMPTY, SIGNED])
def test_a_trailer_that_can_never_come_is_refused(mode: str) -> None:
    assert refusal(streamed(x_amz_trailer=CRC), mode).code == "MalformedTrailerError"


def test_signed_trailers_must_be_declared() -> None:
    assert refusal(streamed(), SIGNED_TRAILER).code == "MalformedTrailerError"


def test_only_checksums_are_trailers() -> None:
    error = refusal(streamed(x_amz_trailer="x-amz-meta-a"), UNSIGNED_TRAILER)
    assert error.code == "InvalidRequest"
