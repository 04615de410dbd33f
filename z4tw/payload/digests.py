"""The digests of a payload: its ETag, the checksum to store, and those that the client declared.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

import hashlib
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from hmac import compare_digest
from typing import Any, Protocol

import xxhash

from z4tw.errors import (
    BadDigest,
    InvalidDigest,
    InvalidRequest,
    MalformedTrailerError,
    XAmzContentSHA256Mismatch,
)
from z4tw.model.objects import Checksum

_PREFIX = "x-amz-checksum-"
_NOT_VALUES = frozenset({"mode", "type", "algorithm"})
_MISMATCH = "The {} you specified did not match the calculated checksum."


class _Digest(Protocol):
    def update(self, data: Any, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc:
    """A CRC with the interface of hashlib; awscrt and zlib release the GIL."""

    __slots__ = ("_function", "_size", "_value")

    def __init__(self, function: Callable[[Any, int], int], size: int) -> None:
        self._function = function
        self._size = size
        self._value = 0

    def update(self, data: Any) -> None:
        """Take bytes in."""
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        """The CRC, big-endian, as S3 writes it."""
        return self._value.to_bytes(self._size, "big")


@cache
def _crt() -> Any:
    """awscrt, loaded with the first body that needs it: 4 MB that idle processes do without."""
    from awscrt import checksums

    return checksums


_MAKERS: dict[str, Callable[[], _Digest]] = {
    "CRC32": lambda: _Crc(zlib.crc32, 4),
    "CRC32C": lambda: _Crc(_crt().crc32c, 4),
    "CRC64NVME": lambda: _Crc(_crt().crc64nvme, 8),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
    "MD5": lambda: hashlib.md5(usedforsecurity=False),
    "XXHASH64": xxhash.xxh64,
    "XXHASH3": xxhash.xxh3_64,
    "XXHASH128": xxhash.xxh3_128,
}
"""xxHash is used without a seed, and written big-endian, its canonical form."""

ALGORITHMS: dict[str, int] = {
    "CRC32": 4,
    "CRC32C": 4,
    "CRC64NVME": 8,
    "SHA1": 20,
    "SHA256": 32,
    "SHA512": 64,
    "MD5": 16,
    "XXHASH64": 8,
    "XXHASH3": 8,
    "XXHASH128": 16,
}
"""S3's checksum algorithms, with the size of their values in bytes."""


class RunningChecksum:
    """The checksum of bytes as they come, by one of ``ALGORITHMS``."""

    def __init__(self, algorithm: str) -> None:
        digest = _MAKERS[algorithm]()
        self.update = digest.update
        self._digest = digest.digest

    def value(self) -> str:
        """The base64 checksum of what has come."""
        return b64encode(self._digest()).decode("ascii")


def checksum_of(algorithm: str, data: bytes) -> str:
    """The base64 checksum of some bytes by one of ``ALGORITHMS``."""
    running = RunningChecksum(algorithm)
    running.update(data)
    return running.value()


class Digests:
    """Computes and checks the digests of one payload while it streams by.

    ``update`` may run in another thread than ``plan`` and ``finish``, one call at a time; so may
    its two halves, ``update_etag`` and ``update_others``, each in one of its own. They release the
    GIL for all but small data. After ``finish``: ``etag`` is the MD5 in hex,
    ``checksum`` the additional checksum (None when there is none), ``size`` the payload's bytes.
    """

    def __init__(
        self,
        algorithm: str | None,
        declared: str | None,
        in_trailer: bool,
        content_md5: bytes | None,
        sha256_needed: str | None,
    ) -> None:
        self.size = 0
        self.etag = ""
        self.checksum: Checksum | None = None
        self.algorithm = algorithm
        self._declared = declared
        self._in_trailer = in_trailer
        self._content_md5 = content_md5
        self._sha256_needed = sha256_needed
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sum: _Digest | None = None
        self._sha256: _Digest | None = None
        if algorithm is not None:
            self._sum = self._md5 if algorithm == "MD5" else _MAKERS[algorithm]()
        if sha256_needed is not None:
            shared = algorithm == "SHA256"
            self._sha256 = self._sum if shared else hashlib.sha256()
        others = [self._sum, None if self._sha256 is self._sum else self._sha256]
        self._others = tuple(
            digest.update for digest in others if digest is not None and digest is not self._md5
        )

    @classmethod
    def plan(
        cls,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        trailer_names: Sequence[str],
        sha256_needed: str | None,
        default_algorithm: str | None = "CRC64NVME",
    ) -> Digests:
        """What a request's payload needs, from its headers and decoded query.

        ``default_algorithm`` is computed when the client declares no checksum; None: nothing is.
        A checksum in a presigned query that is that of no bytes at all is not one of the payload:
        SDKs put it there when they sign without a body. Raises InvalidDigest for a malformed
        Content-MD5, InvalidRequest for a malformed or a second checksum.
        """
        md5 = headers.get("content-md5")
        content_md5 = None if md5 is None else _parse_md5(md5)
        declared = [(name, value, False) for name, value in headers.items() if _is_checksum(name)]
        declared += [(name, "", True) for name in trailer_names]
        if not declared:
            declared = [
                (name.lower(), value, False)
                for name, value in query.items()
                if _is_checksum(name.lower()) and not _of_nothing(name, value)
            ]
        if not declared:
            _check_announced(headers.get("x-amz-sdk-checksum-algorithm"))
            return cls(default_algorithm, None, False, content_md5, sha256_needed)
        if len(declared) > 1:
            raise InvalidRequest(
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not "
                "allowed."
            )
        name, value, in_trailer = declared[0]
        algorithm = _algorithm_of(name)
        if not in_trailer:
            _check_value(algorithm, value, f"{name} header")
        return cls(algorithm, None if in_trailer else value, in_trailer, content_md5, sha256_needed)

    def update(self, data: Any) -> None:
        """Take the next bytes of the payload in (bytes or memoryview)."""
        self.update_etag(data)
        self.update_others(data)

    def update_etag(self, data: Any) -> None:
        """Take them in for the ETag, which takes the longest."""
        self.size += len(data)
        self._md5.update(data)

    def update_others(self, data: Any) -> None:
        """Take them in for all that is computed beside the ETag."""
        for update in self._others:
            update(data)

    def finish(self, trailers: Mapping[str, str]) -> Digests:
        """Check everything that was declared, the trailers' checksum included; returns itself.

        Raises XAmzContentSHA256Mismatch, BadDigest for Content-MD5 and checksums, InvalidRequest
        for a malformed trailer value, MalformedTrailerError for one that did not come.
        """
        if self._sha256 is not None and self._sha256_needed is not None:
            computed = self._sha256.digest().hex()
            if not compare_digest(computed, self._sha256_needed):
                raise XAmzContentSHA256Mismatch(
                    ClientComputedContentSHA256=self._sha256_needed,
                    S3ComputedContentSHA256=computed,
                )
        md5 = self._md5.digest()
        if self._content_md5 is not None and not compare_digest(md5, self._content_md5):
            raise BadDigest(
                "The Content-MD5 you specified did not match what we received.",
                ExpectedDigest=self._content_md5.hex(),
                CalculatedDigest=b64encode(md5).decode("ascii"),
            )
        if self._sum is not None and self.algorithm is not None:
            value = b64encode(self._sum.digest()).decode("ascii")
            declared = self._declared
            if self._in_trailer:
                name = _PREFIX + self.algorithm.lower()
                declared = trailers.get(name)
                if declared is None:
                    raise MalformedTrailerError
                _check_value(self.algorithm, declared, f"{name} trailing header")
            if declared is not None and not compare_digest(value, declared):
                raise BadDigest(_MISMATCH.format(self.algorithm))
            self.checksum = Checksum(self.algorithm, "FULL_OBJECT", value)
        self.etag = md5.hex()
        return self


def _is_checksum(name: str) -> bool:
    return name.startswith(_PREFIX) and name[len(_PREFIX) :] not in _NOT_VALUES


def _algorithm_of(name: str) -> str:
    algorithm = name[len(_PREFIX) :].upper()
    if algorithm in ALGORITHMS:
        return algorithm
    raise InvalidRequest("The algorithm type you specified in x-amz-checksum- header is invalid.")


def _decode(text: str, size: int) -> bytes | None:
    """Base64 of exactly ``size`` bytes in its one canonical form, else None."""
    try:
        value = b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        return None
    if len(value) != size or b64encode(value).decode("ascii") != text:
        return None
    return value


def _check_value(algorithm: str, text: str, where: str) -> None:
    if _decode(text, ALGORITHMS[algorithm]) is None:
        raise InvalidRequest(f"Value for {where} is invalid.")


def _parse_md5(text: str) -> bytes:
    value = _decode(text, 16)
    if value is None:
        raise InvalidDigest(**{"Content-MD5": text})
    return value


def _of_nothing(name: str, value: str) -> bool:
    algorithm = name[len(_PREFIX) :].upper()
    return algorithm in ALGORITHMS and value == checksum_of(algorithm, b"")


def _check_announced(algorithm: str | None) -> None:
    """Refuse an x-amz-sdk-checksum-algorithm header that no checksum goes with."""
    if algorithm is None:
        return
    if algorithm.upper() not in ALGORITHMS:
        raise InvalidRequest("Value for x-amz-sdk-checksum-algorithm header is invalid.")
    raise InvalidRequest(
        "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or "
        "x-amz-trailer headers were found."
    )
