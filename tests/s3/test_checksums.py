"""Checksums and ETags of multipart objects."""

from __future__ import annotations

import base64
import hashlib
import zlib

import pytest
import xxhash
from awscrt import checksums as crt
from hypothesis import given
from hypothesis import strategies as st

from z4tw.s3.checksums import (
    COMPOSITE_ALGORITHMS,
    DIGEST_BYTES,
    combine_full_object,
    composite,
    decode_checksum,
    default_type,
    multipart_etag,
)

CRCS = {"CRC32": (zlib.crc32, 4), "CRC32C": (crt.crc32c, 4), "CRC64NVME": (crt.crc64nvme, 8)}


def crc(algorithm: str, data: bytes) -> str:
    function, width = CRCS[algorithm]
    return base64.b64encode(function(data).to_bytes(width, "big")).decode()


@pytest.mark.parametrize("algorithm", sorted(CRCS))
@given(parts=st.lists(st.binary(max_size=300), min_size=1, max_size=6))
def test_combined_parts_have_the_crc_of_the_whole(algorithm: str, parts: list[bytes]) -> None:
    pairs = [(crc(algorithm, part), len(part)) for part in parts]
    assert combine_full_object(algorithm, pairs) == crc(algorithm, b"".join(parts))


@pytest.mark.parametrize("algorithm", sorted(CRCS))
def test_large_parts_combine_too(algorithm: str) -> None:
    parts = [bytes([n]) * (5 * 2**20 + n) for n in range(3)]
    pairs = [(crc(algorithm, part), len(part)) for part in parts]
    assert combine_full_object(algorithm, pairs) == crc(algorithm, b"".join(parts))


def test_combining_huge_sizes_in_steps_or_at_once_agrees() -> None:
    one = combine_full_object("CRC32", [("MTIzNA==", 7), ("AAAAAA==", 5 * 2**40)])
    two = combine_full_object("CRC32", [("MTIzNA==", 7), ("AAAAAA==", 2**40), ("AAAAAA==", 2**42)])
    assert one == two


@pytest.mark.parametrize(
    ("algorithm", "function"),
    [
        ("CRC32", lambda data: zlib.crc32(data).to_bytes(4, "big")),
        ("CRC32C", lambda data: crt.crc32c(data).to_bytes(4, "big")),
        ("SHA1", lambda data: hashlib.sha1(data).digest()),
        ("SHA256", lambda data: hashlib.sha256(data).digest()),
        ("SHA512", lambda data: hashlib.sha512(data).digest()),
        ("MD5", lambda data: hashlib.md5(data).digest()),
        ("XXHASH64", lambda data: xxhash.xxh64_intdigest(data).to_bytes(8, "big")),
        ("XXHASH3", lambda data: xxhash.xxh3_64_intdigest(data).to_bytes(8, "big")),
        ("XXHASH128", lambda data: xxhash.xxh3_128_intdigest(data).to_bytes(16, "big")),
    ],
)
def test_a_composite_is_the_checksum_of_checksums(algorithm: str, function) -> None:  # type: ignore[no-untyped-def]
    raw = [function(b"one"), function(b"two")]
    expected = base64.b64encode(function(b"".join(raw))).decode() + "-2"
    assert composite(algorithm, [base64.b64encode(part).decode() for part in raw]) == expected


def test_algorithms_without_the_type_are_refused() -> None:
    with pytest.raises(KeyError):
        composite("CRC64NVME", ["AAAAAAAAAAA="])
    with pytest.raises(KeyError):
        combine_full_object("SHA256", [])


@pytest.mark.parametrize("value", ["", "AAAA", "AAAAAAAAAAA=", "!!!!!!==", "é", "AAAAAA=="[:-1]])
def test_values_that_are_no_checksum_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="not "):
        decode_checksum("CRC32", value)


def test_default_types() -> None:
    assert default_type("CRC64NVME") == "FULL_OBJECT"
    assert default_type("CRC32") == "COMPOSITE"
    assert {name for name in DIGEST_BYTES if default_type(name) == "COMPOSITE"} == (
        COMPOSITE_ALGORITHMS
    )


def test_the_etag_is_the_md5_of_the_md5s() -> None:
    parts = [hashlib.md5(data) for data in (b"a", b"b", b"c")]
    whole = hashlib.md5(b"".join(part.digest() for part in parts)).hexdigest()
    assert multipart_etag([part.hexdigest() for part in parts]) == whole + "-3"
