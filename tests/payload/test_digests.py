"""Digests: what is computed, what is checked, and what each wrong declaration gets."""

from __future__ import annotations

import hashlib
import threading
from base64 import b64encode

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from z4tw.errors import S3Error
from z4tw.payload import ALGORITHMS, Digests, RunningChecksum, checksum_of

DATA = b"123456789"
MD5 = b64encode(hashlib.md5(DATA).digest()).decode()
SHA256 = hashlib.sha256(DATA).hexdigest()
# The check values of the CRC catalogue (https://reveng.sourceforge.io/crc-catalogue/) and of
# hashlib, over the nine digits.
VALUES = {
    "CRC32": "y/Q5Jg==",
    "CRC32C": "4waSgw==",
    "CRC64NVME": "rosUhgp5mIg=",
    "SHA1": b64encode(hashlib.sha1(DATA).digest()).decode(),
    "SHA256": b64encode(hashlib.sha256(DATA).digest()).decode(),
    "SHA512": b64encode(hashlib.sha512(DATA).digest()).decode(),
    "MD5": MD5,
    "XXHASH64": b64encode(bytes.fromhex("8cb841db40e6ae83")).decode(),
    "XXHASH3": b64encode(xxhash.xxh3_64_intdigest(DATA).to_bytes(8, "big")).decode(),
    "XXHASH128": b64encode(xxhash.xxh3_128_intdigest(DATA).to_bytes(16, "big")).decode(),
}
WRONG = {name: b64encode(bytes(size)).decode() for name, size in ALGORITHMS.items()}


def header(algorithm: str) -> str:
    return f"x-amz-checksum-{algorithm.lower()}"


def plan(
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    trailers: tuple[str, ...] = (),
    sha256: str | None = None,
) -> Digests:
    return Digests.plan(headers or {}, query or {}, trailers, sha256)


def run(digests: Digests, trailers: dict[str, str] | None = None, data: bytes = DATA) -> Digests:
    digests.update(data[:4])
    digests.update(memoryview(data)[4:])
    return digests.finish(trailers or {})


def refusal(*arguments: object, **more: object) -> S3Error:
    with pytest.raises(S3Error) as caught:
        run(plan(*arguments, **more))  # type: ignore[arg-type]
    return caught.value


def test_the_etag_is_the_md5_and_crc64nvme_is_the_default() -> None:
    digests = run(plan())
    assert digests.etag == hashlib.md5(DATA).hexdigest()
    assert digests.size == 9
    assert digests.checksum is not None
    assert digests.checksum.algorithm == "CRC64NVME"
    assert digests.checksum.type == "FULL_OBJECT"
    assert digests.checksum.value == VALUES["CRC64NVME"]


def test_of_nothing() -> None:
    digests = plan().finish({})
    assert digests.etag == "d41d8cd98f00b204e9800998ecf8427e"
    assert digests.checksum is not None
    assert digests.checksum.value == "AAAAAAAAAAA="
    assert digests.size == 0


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_default_may_be_another_algorithm(algorithm: str) -> None:
    digests = run(Digests.plan({}, {}, (), None, default_algorithm=algorithm))
    assert digests.checksum is not None
    assert (digests.checksum.algorithm, digests.checksum.value) == (algorithm, VALUES[algorithm])


def test_without_a_default_there_is_no_checksum() -> None:
    assert run(Digests.plan({}, {}, (), None, default_algorithm=None)).checksum is None


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_declared_checksum_is_computed_and_kept(algorithm: str) -> None:
    for digests in (
        run(plan({header(algorithm): VALUES[algorithm]})),
        run(plan(trailers=(header(algorithm),)), {header(algorithm): VALUES[algorithm]}),
        run(plan(query={header(algorithm): VALUES[algorithm]})),
    ):
        assert digests.checksum is not None
        assert digests.checksum.algorithm == algorithm
        assert digests.checksum.value == VALUES[algorithm]
        assert checksum_of(algorithm, DATA) == VALUES[algorithm]
        running = RunningChecksum(algorithm)
        for at in range(0, len(DATA), 4):
            running.update(DATA[at : at + 4])
        assert running.value() == VALUES[algorithm]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_checksum_that_differs_is_a_bad_digest(algorithm: str) -> None:
    message = f"The {algorithm} you specified did not match the calculated checksum."
    name = header(algorithm)
    error = refusal({name: WRONG[algorithm]})
    assert (error.code, error.message) == ("BadDigest", message)
    with pytest.raises(S3Error) as caught:
        run(plan(trailers=(name,)), {name: WRONG[algorithm]})
    assert (caught.value.code, caught.value.message) == ("BadDigest", message)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("value", ["", "x", "AAAA", "!!!!!!==", "AAAAAA", "AAAAAB==\n", "é"])
def test_a_malformed_checksum_is_an_invalid_request(algorithm: str, value: str) -> None:
    name = header(algorithm)
    error = refusal({name: value})
    assert error.code == "InvalidRequest"
    assert error.message == f"Value for {name} header is invalid."
    with pytest.raises(S3Error) as caught:
        run(plan(trailers=(name,)), {name: value})
    assert caught.value.code == "InvalidRequest"
    assert caught.value.message == f"Value for {name} trailing header is invalid."


def test_base64_has_one_form() -> None:
    assert refusal({"x-amz-checksum-crc32": "y/Q5Jh=="}).code == "InvalidRequest"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("XXHASH64", "ef46db3751d8e999"),
        ("XXHASH3", "2d06800538d394c2"),
        ("XXHASH128", "99aa06d3014798d86001c324468d497f"),
    ],
)
def test_xxhash_is_without_a_seed_and_big_endian(name: str, value: str) -> None:
    """The values of no bytes at all, from the specification's sanity checks."""
    assert checksum_of(name, b"") == b64encode(bytes.fromhex(value)).decode()


def test_an_md5_checksum_is_the_etags() -> None:
    digests = run(plan({header("MD5"): MD5}))
    assert digests.checksum is not None
    assert digests.checksum.value == MD5
    assert digests.etag == hashlib.md5(DATA).hexdigest()


def test_algorithms_that_nobody_has_are_refused() -> None:
    error = refusal({"x-amz-checksum-crc16": "AAAA"})
    assert error.code == "InvalidRequest"
    assert error.message == (
        "The algorithm type you specified in x-amz-checksum- header is invalid."
    )


@pytest.mark.parametrize("second", ["x-amz-checksum-sha1", "x-amz-checksum-md5"])
def test_more_than_one_checksum_is_refused(second: str) -> None:
    message = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
    first = {"x-amz-checksum-crc32": VALUES["CRC32"]}
    for arguments in (({**first, second: VALUES["SHA1"]}, {}, ()), (first, {}, (second,)),
                      ({}, {}, ("x-amz-checksum-crc32", second))):  # fmt: skip
        with pytest.raises(S3Error) as caught:
            plan(*arguments)
        assert caught.value.code == "InvalidRequest"
        assert caught.value.message == message


@pytest.mark.parametrize("name", ["mode", "type", "algorithm"])
def test_headers_about_checksums_are_not_checksums(name: str) -> None:
    digests = run(plan({f"x-amz-checksum-{name}": "ENABLED"}))
    assert digests.checksum is not None
    assert digests.checksum.algorithm == "CRC64NVME"


def test_an_announced_algorithm_needs_its_checksum() -> None:
    error = refusal({"x-amz-sdk-checksum-algorithm": "CRC32"})
    assert error.code == "InvalidRequest"
    assert error.message == (
        "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or "
        "x-amz-trailer headers were found."
    )
    error = refusal({"x-amz-sdk-checksum-algorithm": "CRC16"})
    assert error.message == "Value for x-amz-sdk-checksum-algorithm header is invalid."


def test_a_checksum_counts_more_than_the_announced_algorithm() -> None:
    announced = {"x-amz-sdk-checksum-algorithm": "CRC32"}
    digests = run(plan({**announced, header("SHA1"): VALUES["SHA1"]}))
    assert digests.checksum is not None
    assert digests.checksum.algorithm == "SHA1"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_checksum_of_nothing_in_a_presigned_query_is_not_checked(algorithm: str) -> None:
    query = {header(algorithm): checksum_of(algorithm, b""),
             "x-amz-sdk-checksum-algorithm": algorithm}  # fmt: skip
    digests = run(plan(query=query))
    assert digests.checksum is not None
    assert digests.checksum.algorithm == "CRC64NVME"


def test_any_other_checksum_in_a_presigned_query_is_checked() -> None:
    assert refusal(query={"x-amz-checksum-crc32": "AAAAAQ=="}).code == "BadDigest"
    assert refusal({}, {"X-Amz-Checksum-Crc32": "AAAAAQ=="}).code == "BadDigest"


def test_a_header_counts_more_than_the_query() -> None:
    name = header("CRC32")
    digests = run(plan({name: VALUES["CRC32"]}, {header("SHA1"): WRONG["SHA1"]}))
    assert digests.checksum is not None
    assert digests.checksum.algorithm == "CRC32"


def test_the_checksum_of_nothing_in_a_header_is_checked() -> None:
    assert refusal({"x-amz-checksum-crc32": "AAAAAA=="}).code == "BadDigest"


def test_a_declared_trailer_must_come() -> None:
    with pytest.raises(S3Error) as caught:
        run(plan(trailers=(header("CRC32"),)), {})
    assert caught.value.code == "MalformedTrailerError"


def test_content_md5_is_checked() -> None:
    assert run(plan({"content-md5": MD5})).etag == hashlib.md5(DATA).hexdigest()
    error = refusal({"content-md5": b64encode(bytes(16)).decode()})
    assert error.code == "BadDigest"
    assert error.message == "The Content-MD5 you specified did not match what we received."
    assert error.details == {"ExpectedDigest": "0" * 32, "CalculatedDigest": MD5}


@pytest.mark.parametrize("value", ["", "x", MD5[:-1], MD5 + "=", hashlib.md5(DATA).hexdigest()])
def test_a_malformed_content_md5_is_an_invalid_digest(value: str) -> None:
    error = refusal({"content-md5": value})
    assert error.code == "InvalidDigest"
    assert error.details == {"Content-MD5": value}


def test_the_needed_sha256_is_checked() -> None:
    run(plan(sha256=SHA256))
    error = refusal(sha256="0" * 64)
    assert error.code == "XAmzContentSHA256Mismatch"
    assert error.details == {
        "ClientComputedContentSHA256": "0" * 64,
        "S3ComputedContentSHA256": SHA256,
    }


def test_sha256_serves_the_signature_and_the_checksum_at_once() -> None:
    digests = run(plan({header("SHA256"): VALUES["SHA256"]}, sha256=SHA256))
    assert digests.checksum is not None
    assert digests.checksum.value == VALUES["SHA256"]
    error = refusal({header("SHA256"): VALUES["SHA256"]}, sha256="0" * 64)
    assert error.code == "XAmzContentSHA256Mismatch"
    assert refusal({header("SHA256"): WRONG["SHA256"]}, sha256=SHA256).code == "BadDigest"


@given(st.lists(st.binary(max_size=50), max_size=8), st.sampled_from(sorted(ALGORITHMS)))
def test_pieces_make_no_difference(pieces: list[bytes], algorithm: str) -> None:
    digests = Digests.plan({}, {}, (), None, default_algorithm=algorithm)
    for piece in pieces:
        digests.update(piece)
    digests.finish({})
    whole = b"".join(pieces)
    assert digests.etag == hashlib.md5(whole).hexdigest()
    assert digests.size == len(whole)
    assert digests.checksum is not None
    assert digests.checksum.value == checksum_of(algorithm, whole)


def test_update_runs_in_another_thread() -> None:
    digests = plan({"content-md5": MD5})
    thread = threading.Thread(target=digests.update, args=(DATA,))
    thread.start()
    thread.join()
    assert digests.finish({}).size == 9
