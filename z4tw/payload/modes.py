"""The payload modes of ``x-amz-content-sha256``, and the headers that go with them.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html
"""

from __future__ import annotations

from collections.abc import Mapping

from z4tw import errors
from z4tw.errors import InvalidArgument, InvalidRequest, MissingContentLength

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
STREAMING_SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
STREAMING_SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
STREAMING_UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
STREAMING = frozenset({STREAMING_SIGNED, STREAMING_SIGNED_TRAILER, STREAMING_UNSIGNED_TRAILER})

_CHECKSUM = "x-amz-checksum-"
_MAX_DECODED = 1 << 63
_NO_VERSION_4A = "Signature Version 4A is not implemented; use AWS4-HMAC-SHA256."


def literal_sha256(mode: str) -> str | None:
    """The lower-case hex SHA-256 that a mode is, None when it is UNSIGNED-PAYLOAD.

    Raises InvalidArgument for a mode that S3 does not define, NotImplemented for Signature
    Version 4A.
    """
    if mode == UNSIGNED_PAYLOAD:
        return None
    digest = mode.lower()
    if len(digest) == 64 and not digest.strip("0123456789abcdef"):
        return digest
    if mode.startswith("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"):
        raise errors.NotImplemented(_NO_VERSION_4A)
    raise InvalidArgument(
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, "
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
        ArgumentName="x-amz-content-sha256",
        ArgumentValue=mode,
    )


def decoded_length(headers: Mapping[str, str]) -> int:
    """The value of x-amz-decoded-content-length in bytes.

    Raises MissingContentLength when it is absent, InvalidArgument when it is not a number.
    """
    text = headers.get("x-amz-decoded-content-length")
    if text is None:
        raise MissingContentLength
    if not (text.isascii() and text.isdecimal()) or len(text) > 19 or int(text) >= _MAX_DECODED:
        raise InvalidArgument(
            "x-amz-decoded-content-length must be a number of bytes",
            ArgumentName="x-amz-decoded-content-length",
            ArgumentValue=text,
        )
    return int(text)


def declared_trailers(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The lower-case names that x-amz-trailer declares, empty without that header.

    Raises InvalidRequest for anything but names of checksums.
    """
    text = headers.get("x-amz-trailer")
    if text is None:
        return ()
    names = tuple(name.strip().lower() for name in text.split(","))
    if len(set(names)) != len(names) or not all(
        name.startswith(_CHECKSUM) and len(name) > len(_CHECKSUM) for name in names
    ):
        raise InvalidRequest("The value specified in the x-amz-trailer header is not supported")
    return names
