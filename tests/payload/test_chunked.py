"""aws-chunked framing: whole, byte by byte, with trailing bytes, cut anywhere, and forged."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.payload.encode import (
    SEED,
    signed_body,
    signed_chunks,
    signed_trailer_body,
    trailer_signature,
    unsigned_body,
    verified,
)
from tests.sigv4 import aws_examples
from z4tw.errors import S3Error
from z4tw.payload.chunked import (
    MAX_CHUNK_HEADER_BYTES,
    MAX_SIGNED_CHUNK_BYTES,
    MAX_TRAILER_BYTES,
    ChunkedDecoder,
)

CRC = "x-amz-checksum-crc32"
TRAILERS = {CRC: "AAAAAA=="}
CHUNKS = (b"a" * 8192, b"b\r\n" * 3000, b"end")
PAYLOAD = b"".join(CHUNKS)
SIGNED = signed_body(CHUNKS)
SIGNED_TRAILER = signed_trailer_body(CHUNKS, TRAILERS)
UNSIGNED = unsigned_body(CHUNKS, TRAILERS)
BODIES = {"signed": SIGNED, "signed-trailer": SIGNED_TRAILER, "unsigned-trailer": UNSIGNED}
MODES = st.sampled_from(sorted(BODIES))


def decoder_of(
    mode: str, length: int = len(PAYLOAD), names: tuple[str, ...] = (CRC,), seed: str = SEED
) -> ChunkedDecoder:
    signer = None if mode == "unsigned-trailer" else verified("", seed)
    if mode == "signed":
        return ChunkedDecoder(length, (), signer, trailing=False)
    return ChunkedDecoder(length, names, signer, trailing=True)


def decode(mode: str, body: bytes, length: int = len(PAYLOAD), step: int = 1 << 30) -> bytes:
    decoder = decoder_of(mode, length)
    out = b"".join(decoder.feed(body[at : at + step]) for at in range(0, len(body), step))
    decoder.finish()
    return out


def refusal(mode: str, body: bytes, length: int = len(PAYLOAD), step: int = 1 << 30) -> S3Error:
    with pytest.raises(S3Error) as caught:
        decode(mode, body, length, step)
    return caught.value


@pytest.mark.parametrize("mode", BODIES)
@pytest.mark.parametrize("step", [1, 2, 7, 1000, 1 << 20])
def test_a_body_decodes_the_same_in_any_pieces(mode: str, step: int) -> None:
    decoder = decoder_of(mode)
    body = BODIES[mode]
    pieces = [decoder.feed(body[at : at + step]) for at in range(0, len(body), step)]
    decoder.finish()
    assert b"".join(pieces) == PAYLOAD
    assert decoder.trailers == ({} if mode == "signed" else TRAILERS)


@pytest.mark.parametrize("mode", BODIES)
def test_a_body_cut_short_is_refused(mode: str) -> None:
    body = BODIES[mode]
    for cut in [*range(200), *range(200, len(body), 97), *range(len(body) - 320, len(body))]:
        assert refusal(mode, body[:cut]).code == "IncompleteBody", cut


@pytest.mark.parametrize("mode", BODIES)
def test_a_three_chunk_body_cut_at_every_byte_is_refused(mode: str) -> None:
    chunks = (b"a" * 8192, b"b" * 8192, b"c")
    body = {
        "signed": signed_body(chunks),
        "signed-trailer": signed_trailer_body(chunks, TRAILERS),
        "unsigned-trailer": unsigned_body(chunks, TRAILERS),
    }[mode]
    length = sum(map(len, chunks))
    decoder = decoder_of(mode, length)
    # One decoder is fed byte by byte; at every byte but the last, ending here is refused.
    for at in range(len(body)):
        with pytest.raises(S3Error) as caught:
            decoder.finish()
        assert caught.value.code == "IncompleteBody", at
        decoder.feed(body[at : at + 1])
    decoder.finish()


@pytest.mark.parametrize("mode", BODIES)
@pytest.mark.parametrize("extra", [b"x", b"\r\n\r\n", b"\n", b"0\r\n\r\n", b"\r\nx", b"\r"])
@pytest.mark.parametrize("step", [1, 1 << 20])
def test_trailing_bytes_are_refused(mode: str, extra: bytes, step: int) -> None:
    assert refusal(mode, BODIES[mode] + extra, step=step).code == "IncompleteBody"


def test_one_more_empty_line_after_trailers_is_a_habit() -> None:
    assert decode("unsigned-trailer", UNSIGNED + b"\r\n") == PAYLOAD
    assert decode("signed-trailer", SIGNED_TRAILER + b"\r\n") == PAYLOAD
    assert refusal("signed", SIGNED + b"\r\n").code == "IncompleteBody"


@pytest.mark.parametrize("step", [1, 1 << 20])
def test_trailer_lines_may_end_with_lf_and_an_empty_line_before_the_signature(step: int) -> None:
    body = signed_chunks(CHUNKS)
    signature = trailer_signature(TRAILERS, body.last)
    lines = f"{CRC}:AAAAAA==\n\r\nx-amz-trailer-signature:{signature}\r\n\r\n"
    assert decode("signed-trailer", body.data + lines.encode(), step=step) == PAYLOAD
    plain = unsigned_body(CHUNKS, {})[:-2] + f"{CRC}:AAAAAA==\n\r\n\r\n".encode()
    assert decode("unsigned-trailer", plain, step=step) == PAYLOAD


def test_awss_chunked_example() -> None:
    first, second, last = (s.encode() for s in aws_examples.CHUNK_SIGNATURES)
    body = b"10000;chunk-signature=%b\r\n%b\r\n" % (first, b"a" * 65536)
    body += b"400;chunk-signature=%b\r\n%b\r\n" % (second, b"a" * 1024)
    body += b"0;chunk-signature=%b\r\n\r\n" % last
    assert len(body) == int(aws_examples.CHUNKED.headers["content-length"])
    decoder = decoder_of("signed", 66560, seed=aws_examples.CHUNKED.signature)
    assert decoder.feed(body) == b"a" * 66560
    decoder.finish()


def test_awss_trailer_example() -> None:
    first, second, last = (s.encode() for s in aws_examples.TRAILER_CHUNK_SIGNATURES)
    body = b"10000;chunk-signature=%b\r\n%b\r\n" % (first, b"a" * 65536)
    body += b"400;chunk-signature=%b\r\n%b\r\n" % (second, b"a" * 1024)
    body += b"0;chunk-signature=%b\r\n" % last
    body += b"x-amz-checksum-crc32c:%b\r\n" % aws_examples.TRAILER_CRC32C.encode()
    body += b"x-amz-trailer-signature:%b\r\n\r\n" % aws_examples.TRAILER_SIGNATURE.encode()
    names = ("x-amz-checksum-crc32c",)
    decoder = decoder_of("signed-trailer", 66560, names, aws_examples.TRAILER.signature)
    assert decoder.feed(body) == b"a" * 66560
    decoder.finish()
    assert decoder.trailers == {"x-amz-checksum-crc32c": aws_examples.TRAILER_CRC32C}


@pytest.mark.parametrize("mode", BODIES)
def test_a_payload_of_nothing(mode: str) -> None:
    body = {
        "signed": signed_body([]),
        "signed-trailer": signed_trailer_body([], TRAILERS),
        "unsigned-trailer": unsigned_body([], TRAILERS),
    }[mode]
    assert decode(mode, body, 0) == b""


@pytest.mark.parametrize("mode", ["signed", "signed-trailer"])
def test_no_byte_of_a_chunk_is_released_before_its_signature_holds(mode: str) -> None:
    body = BODIES[mode]
    at = body.index(b"b\r\nb\r\n")
    forged = body[:at] + b"X" + body[at + 1 :]
    decoder = decoder_of(mode)
    released: list[bytes] = []

    def feed_all() -> None:
        for position in range(0, len(forged), 100):
            released.append(decoder.feed(forged[position : position + 100]))

    with pytest.raises(S3Error) as caught:
        feed_all()
    assert caught.value.code == "SignatureDoesNotMatch"
    assert b"".join(released) == CHUNKS[0]
    told = caught.value.details
    assert told["AWSAccessKeyId"] == aws_examples.ACCESS_KEY
    assert told["StringToSign"].startswith("AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n")
    assert told["SignatureProvided"].encode() in body


def test_unsigned_chunks_are_released_as_they_come() -> None:
    decoder = decoder_of("unsigned-trailer")
    assert decoder.feed(UNSIGNED[:106]) == CHUNKS[0][:100]


@pytest.mark.parametrize("mode", ["signed", "signed-trailer"])
def test_every_signature_of_the_chain_counts(mode: str) -> None:
    body = BODIES[mode]
    at = -1
    while (at := body.find(b"-signature", at + 1)) >= 0:
        digit = at + len(b"-signature=")
        other = b"0" if body[digit : digit + 1] != b"0" else b"1"
        forged = body[:digit] + other + body[digit + 1 :]
        assert refusal(mode, forged).code == "SignatureDoesNotMatch"


def test_chunks_in_another_order_do_not_match() -> None:
    other = signed_body((CHUNKS[1], CHUNKS[0], CHUNKS[2]))
    first, second = len(CHUNKS[0]) + 88 + 2, len(CHUNKS[1]) + 88 + 2
    swapped = SIGNED[first : first + second] + SIGNED[:first] + SIGNED[first + second :]
    assert len(swapped) == len(other)
    assert refusal("signed", swapped).code == "SignatureDoesNotMatch"


def test_a_last_chunk_may_not_be_forged_to_cut_a_body_short() -> None:
    chunks = signed_chunks(CHUNKS[:2])
    body = chunks.data.replace(chunks.last.encode(), b"0" * 64) + b"\r\n"
    length = len(CHUNKS[0] + CHUNKS[1])
    assert refusal("signed", body, length).code == "SignatureDoesNotMatch"


def test_a_signature_must_be_there_and_of_its_length() -> None:
    for header in (b"2000\r\n", b"2000;chunk-signature=\r\n", b"2000;chunk-signature=ab\r\n",
                   b"2000;signature=" + b"0" * 64 + b"\r\n"):  # fmt: skip
        assert refusal("signed", header + CHUNKS[0]).code == "IncompleteBody"


def test_another_seed_does_not_match() -> None:
    decoder = decoder_of("signed", seed="6" * 64)
    with pytest.raises(S3Error) as caught:
        decoder.feed(SIGNED)
    assert caught.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    "header",
    [b"", b"x", b"0x10", b"-1", b"+1", b" 1", b"1 ", b"1_0", b"1;x=y", b"f" * 17, b"4e21"],
)
def test_malformed_chunk_sizes_are_refused(header: bytes) -> None:
    error = refusal("unsigned-trailer", header + b"\r\n" + PAYLOAD)
    assert error.code == "IncompleteBody"
    assert error.message == "The request body terminated unexpectedly"


def test_line_ends_of_chunks_are_strict() -> None:
    for body in (UNSIGNED.replace(b"2000\r\n", b"2000\n", 1),
                 UNSIGNED.replace(b"a\r\n", b"a\n", 1),
                 UNSIGNED.replace(b"a\r\n", b"a\r\r\n", 1),
                 UNSIGNED.replace(b"a\r\n", b"aX\r\n", 1)):  # fmt: skip
        assert body != UNSIGNED
        assert refusal("unsigned-trailer", body).code == "IncompleteBody"


def test_hex_digits_may_be_capital_and_have_leading_zeros() -> None:
    body = UNSIGNED.replace(b"\r\n2328\r\n", b"\r\n0000002328\r\n")
    body = body.replace(b"2000\r\n", b"2000\r\n", 1)
    assert b"0000002328" in body
    assert decode("unsigned-trailer", body) == PAYLOAD
    assert decode("unsigned-trailer", b"A\r\n0123456789\r\n0\r\n" + f"{CRC}:x\r\n\r\n".encode(), 10)


@pytest.mark.parametrize("mode", BODIES)
@pytest.mark.parametrize("wrong", [-1, 1, -len(PAYLOAD)])
def test_a_wrong_decoded_length_is_refused(mode: str, wrong: int) -> None:
    assert refusal(mode, BODIES[mode], len(PAYLOAD) + wrong).code == "IncompleteBody"


@pytest.mark.parametrize("mode", BODIES)
def test_only_the_last_chunk_may_be_small(mode: str) -> None:
    chunks = (b"a" * 8192, b"b" * 8191, b"c")
    body = {
        "signed": signed_body(chunks),
        "signed-trailer": signed_trailer_body(chunks, TRAILERS),
        "unsigned-trailer": unsigned_body(chunks, TRAILERS),
    }[mode]
    error = refusal(mode, body, sum(map(len, chunks)))
    assert error.code == "InvalidChunkSizeError"
    assert error.message == "Only the last chunk is allowed to have a size less than 8192 bytes"
    assert error.details == {"Chunk": "3", "BadChunkSize": "8191"}


def test_a_huge_signed_chunk_is_refused_before_it_is_held() -> None:
    size = MAX_SIGNED_CHUNK_BYTES + 1
    header = f"{size:x};chunk-signature={'0' * 64}\r\n".encode()
    assert refusal("signed", header, size).code == "InvalidChunkSizeError"
    decoder = decoder_of("unsigned-trailer", size)
    assert decoder.feed(f"{size:x}\r\nabc".encode()) == b"abc"


@pytest.mark.parametrize("mode", BODIES)
@pytest.mark.parametrize("step", [1, 1 << 20])
def test_a_chunk_header_without_end_is_refused(mode: str, step: int) -> None:
    body = b"0" * (MAX_CHUNK_HEADER_BYTES + 1)
    assert refusal(mode, body, step=step).code == "IncompleteBody"
    decoder_of(mode).feed(b"0" * MAX_CHUNK_HEADER_BYTES)


@pytest.mark.parametrize("step", [1, 1 << 20])
def test_trailers_without_end_are_refused(step: int) -> None:
    start = unsigned_body([], {})[:-2]
    for body in (b"x" * (MAX_TRAILER_BYTES + 1),
                 f"{CRC}:".encode() + b"x" * MAX_TRAILER_BYTES + b"\r\n\r\n"):  # fmt: skip
        error = refusal("unsigned-trailer", start + body, 0, step)
        assert error.code == "MalformedTrailerError"


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "x-amz-checksum-crc32\r\n",
        "x-amz-checksum-crc32AAAAAA==\r\n",
        ":AAAAAA==\r\n",
        "x-amz-checksum-sha1:AAAAAA==\r\n",
        "x-amz-checksum-crc32:AAAAAA==\r\nx-amz-checksum-crc32:AAAAAA==\r\n",
        "x-amz-checksum-crc32:AAAAAA==\r\nx-amz-meta-a:b\r\n",
        "x-amz-checksum-crc32:AAAAAA==\r\nx-amz-trailer-signature:0\r\n",
    ],
)
def test_trailers_that_were_not_declared_or_do_not_come_are_refused(lines: str) -> None:
    body = unsigned_body(CHUNKS, {})[:-2] + lines.encode() + b"\r\n"
    error = refusal("unsigned-trailer", body)
    assert error.code == "MalformedTrailerError"
    assert error.message.startswith("The request contained trailing data that was not well-formed")


def test_trailer_names_are_of_any_case_and_values_are_trimmed() -> None:
    body = unsigned_body(CHUNKS, {})[:-2] + b"X-AMZ-Checksum-CRC32: AAAAAA== \r\n\r\n"
    decoder = decoder_of("unsigned-trailer")
    decoder.feed(body)
    decoder.finish()
    assert decoder.trailers == TRAILERS


def test_without_declared_trailers_none_need_come() -> None:
    decoder = decoder_of("unsigned-trailer", names=())
    assert decoder.feed(unsigned_body(CHUNKS, {})) == PAYLOAD
    decoder.finish()


def signed_with(lines: str) -> bytes:
    return signed_chunks(CHUNKS).data + lines.encode()


GOOD_SIGNATURE = trailer_signature(TRAILERS, signed_chunks(CHUNKS).last)
VALUE = f"{CRC}:AAAAAA==\r\n"
SIGNATURE = f"x-amz-trailer-signature:{GOOD_SIGNATURE}\r\n"


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (VALUE + "\r\n", "MalformedTrailerError"),
        (VALUE + "\r\n\r\n", "MalformedTrailerError"),
        (VALUE + "\r\n\r\n" + SIGNATURE + "\r\n", "MalformedTrailerError"),
        (VALUE + "\r\n" + VALUE + SIGNATURE + "\r\n", "MalformedTrailerError"),
        (SIGNATURE + "\r\n", "MalformedTrailerError"),
        (SIGNATURE + VALUE + "\r\n", "MalformedTrailerError"),
        (VALUE + SIGNATURE + SIGNATURE + "\r\n", "MalformedTrailerError"),
        (VALUE + "x-amz-trailer-signature:\r\n\r\n", "MalformedTrailerError"),
        (VALUE + f"x-amz-trailer-signature:{'0' * 64}\r\n\r\n", "SignatureDoesNotMatch"),
        (VALUE + "x-amz-trailer-signature:é\r\n\r\n", "SignatureDoesNotMatch"),
        (f"{CRC}:AAAAAQ==\r\n" + SIGNATURE + "\r\n", "SignatureDoesNotMatch"),
        (VALUE + SIGNATURE, "IncompleteBody"),
    ],
)
def test_signed_trailers_need_their_signature(lines: str, code: str) -> None:
    assert refusal("signed-trailer", signed_with(lines)).code == code
    assert refusal("signed-trailer", signed_with(lines), step=1).code == code


def test_memoryviews_and_bytearrays_are_taken() -> None:
    decoder = decoder_of("signed")
    half = len(SIGNED) // 2
    out = decoder.feed(memoryview(SIGNED)[:half])  # type: ignore[arg-type]
    out += decoder.feed(bytearray(SIGNED[half:]))
    assert out == PAYLOAD
    assert isinstance(out, bytes)


SIZES = st.lists(st.integers(8192, 20000), max_size=3)


@settings(max_examples=60, deadline=None)
@given(MODES, SIZES, st.binary(max_size=50), st.lists(st.integers(1, 30000), max_size=8))
def test_what_is_encoded_decodes(mode: str, sizes: list[int], end: bytes, cuts: list[int]) -> None:
    chunks = [bytes([65 + at]) * size for at, size in enumerate(sizes)] + ([end] if end else [])
    payload = b"".join(chunks)
    body = {
        "signed": signed_body,
        "signed-trailer": lambda c: signed_trailer_body(c, TRAILERS),
        "unsigned-trailer": lambda c: unsigned_body(c, TRAILERS),
    }[mode](chunks)
    decoder = decoder_of(mode, len(payload))
    points = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    out = b"".join(decoder.feed(body[a:b]) for a, b in itertools.pairwise(points))
    decoder.finish()
    assert out == payload


@settings(max_examples=150, deadline=None)
@given(MODES, st.binary(max_size=60), st.integers(0, 400), st.integers(0, 40))
def test_a_damaged_body_is_refused_or_means_the_same(
    mode: str, noise: bytes, back: int, cut: int
) -> None:
    """Nothing but an S3 error comes of damage, and signed payloads come whole or not at all."""
    body = BODIES[mode]
    at = max(0, len(body) - back)
    damaged = body[:at] + noise + body[at + cut :]
    decoder = decoder_of(mode)
    with contextlib.suppress(S3Error):
        out = decoder.feed(damaged)
        decoder.finish()
        assert len(out) == len(PAYLOAD)
        assert out == PAYLOAD or mode == "unsigned-trailer"
