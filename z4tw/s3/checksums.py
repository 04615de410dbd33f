"""Checksums of multipart uploads: of the parts' checksums, or of the whole from its parts.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import xxhash

COMPOSITE_ALGORITHMS = frozenset(
    {
        "CRC32",
        "CRC32C",
        "MD5",
        "SHA1",
        "SHA256",
        "SHA512",
        "XXHASH128",
        "XXHASH3",
        "XXHASH64",
    }
)
FULL_OBJECT_ALGORITHMS = frozenset({"CRC32", "CRC32C", "CRC64NVME"})
DIGEST_BYTES = {
    "CRC32": 4,
    "CRC32C": 4,
    "CRC64NVME": 8,
    "MD5": 16,
    "SHA1": 20,
    "SHA256": 32,
    "SHA512": 64,
    "XXHASH128": 16,
    "XXHASH3": 8,
    "XXHASH64": 8,
}
"""All checksum algorithms, with the size of their values."""

CHECKSUM_HEADERS = {name: f"x-amz-checksum-{name.lower()}" for name in DIGEST_BYTES}
"""The header that carries a checksum's value, by algorithm."""

_POLYNOMIALS = {"CRC32": 0xEDB88320, "CRC32C": 0x82F63B78, "CRC64NVME": 0x9A6C9329AC4BC9B5}
"""Reflected: bit 0 stands for the highest power."""


def _crc32c(data: bytes) -> bytes:
    # Loaded when it is needed: 4 MB that idle processes do without.
    from awscrt import checksums

    value: int = checksums.crc32c(data)
    return value.to_bytes(4, "big")


_DIGESTS: dict[str, Callable[[bytes], bytes]] = {
    "CRC32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "CRC32C": _crc32c,
    "SHA1": lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    "SHA256": lambda data: hashlib.sha256(data).digest(),
    "SHA512": lambda data: hashlib.sha512(data).digest(),
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).digest(),
    "XXHASH64": xxhash.xxh64_digest,
    "XXHASH3": xxhash.xxh3_64_digest,
    "XXHASH128": xxhash.xxh3_128_digest,
}


def decode_checksum(algorithm: str, value: str) -> bytes:
    """The bytes of a base64 checksum. Raises ``ValueError`` when it is none of the algorithm."""
    try:
        raw = base64.b64decode(value.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("not base64") from None
    if len(raw) != DIGEST_BYTES[algorithm]:
        raise ValueError(f"not the length of a {algorithm}")
    return raw


def default_type(algorithm: str) -> str:
    """The checksum type of an upload that names only an algorithm."""
    return "FULL_OBJECT" if algorithm == "CRC64NVME" else "COMPOSITE"


def composite(algorithm: str, part_values: Sequence[str]) -> str:
    """The checksum of the parts' checksums (base64, in order): base64, then ``-`` and their number.

    Raises ``KeyError`` for an algorithm without composite checksums, ``ValueError`` for bad values.
    """
    digest = _DIGESTS[algorithm]
    joined = b"".join([decode_checksum(algorithm, value) for value in part_values])
    return f"{base64.b64encode(digest(joined)).decode('ascii')}-{len(part_values)}"


def combine_full_object(algorithm: str, parts: Iterable[tuple[str, int]]) -> str:
    """The CRC (base64) of the concatenation of parts, given as (base64 CRC, size in bytes).

    Some microseconds a part. Source: zlib's ``crc32_combine``: appending n bytes multiplies a
    CRC by x^(8n), a linear map over GF(2). Raises ``KeyError``, ``ValueError`` as ``composite``.
    """
    polynomial = _POLYNOMIALS[algorithm]
    width = DIGEST_BYTES[algorithm]
    total = 0
    for value, size in parts:
        crc = int.from_bytes(decode_checksum(algorithm, value), "big")
        total = _append_zeros(total, size, polynomial, width) ^ crc
    return base64.b64encode(total.to_bytes(width, "big")).decode("ascii")


def multipart_etag(part_etags: Sequence[str]) -> str:
    """The ETag of a multipart object: the MD5 of its parts' MD5s (hex), ``-`` and their number."""
    joined = bytes.fromhex("".join(part_etags))
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(part_etags)}"


def _append_zeros(crc: int, size: int, polynomial: int, width: int) -> int:
    """The CRC's contribution after ``size`` more bytes, by one map for each bit of the size."""
    bit = 0
    while size and crc:
        if size & 1:
            crc = _apply(_shift(polynomial, width, bit), crc)
        size >>= 1
        bit += 1
    return crc


@lru_cache(maxsize=256)
def _shift(polynomial: int, width: int, bit: int) -> tuple[tuple[int, ...], ...]:
    """The map of 2**bit zero bytes, as a table for each byte of the CRC."""
    if bit == 0:
        columns = [_multiply_x8(1 << n, polynomial) for n in range(8 * width)]
    else:
        half = _shift(polynomial, width, bit - 1)
        columns = [_apply(half, _apply(half, 1 << n)) for n in range(8 * width)]
    tables = []
    for low in range(0, 8 * width, 8):
        table = [0]
        for column in columns[low : low + 8]:
            table += [column ^ entry for entry in table]
        tables.append(tuple(table))
    return tuple(tables)


def _apply(tables: tuple[tuple[int, ...], ...], crc: int) -> int:
    moved = 0
    for table in tables:
        moved ^= table[crc & 0xFF]
        crc >>= 8
    return moved


def _multiply_x8(crc: int, polynomial: int) -> int:
    """One zero byte, bit by bit."""
    for _ in range(8):
        crc = (crc >> 1) ^ (polynomial if crc & 1 else 0)
    return crc
