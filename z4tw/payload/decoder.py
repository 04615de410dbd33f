"""What turns the bytes of a request's body into the bytes of the payload."""

from __future__ import annotations

from typing import Protocol

from z4tw.errors import AccessDenied, IncompleteBody, MalformedTrailerError, MissingContentLength
from z4tw.interfaces.http import RequestHead
from z4tw.payload.chunked import ChunkedDecoder, ChunkSigner
from z4tw.payload.modes import (
    STREAMING,
    STREAMING_SIGNED_TRAILER,
    STREAMING_UNSIGNED_TRAILER,
    UNSIGNED_PAYLOAD,
    declared_trailers,
    decoded_length,
    literal_sha256,
)

__all__ = ["ChunkSigner", "Decoder", "PlainDecoder", "SignedBy", "make_decoder"]


class SignedBy(ChunkSigner, Protocol):
    """A request whose signature holds: what ``sigv4.verify`` returns."""

    @property
    def payload_hash(self) -> str:
        """The payload mode that was signed."""


class Decoder(Protocol):
    """Incremental; not for two threads at once, but free to run in any.

    ``decoded_length`` is the payload's length in bytes, None when it is not known beforehand.
    ``sha256_needed`` is the hex SHA-256 that the payload must have (``Digests`` checks it), None
    when there is none. ``trailer_names`` are the declared trailers, ``trailers`` those that came,
    complete after ``finish``.
    """

    decoded_length: int | None
    sha256_needed: str | None
    trailer_names: tuple[str, ...]
    trailers: dict[str, str]

    def feed(self, data: bytes) -> bytes:
        """The payload bytes that are released by the next bytes of the body, maybe none."""

    def finish(self) -> None:
        """Check that the body was complete; nothing is fed afterwards."""


class PlainDecoder:
    """A body that is the payload."""

    def __init__(self, length: int | None, sha256_needed: str | None) -> None:
        self.decoded_length = length
        self.sha256_needed = sha256_needed
        self.trailer_names: tuple[str, ...] = ()
        self.trailers: dict[str, str] = {}
        self._seen = 0

    def feed(self, data: bytes) -> bytes:
        """The data itself. Raises IncompleteBody when it is more than was announced."""
        self._seen += len(data)
        if self.decoded_length is not None and self._seen > self.decoded_length:
            raise IncompleteBody
        return data

    def finish(self) -> None:
        """Raises IncompleteBody when less came than was announced."""
        if self.decoded_length is not None and self._seen != self.decoded_length:
            raise IncompleteBody


def make_decoder(head: RequestHead, verified: SignedBy | None) -> Decoder:
    """The decoder of a request's body; ``verified`` is None for an anonymous request.

    Only a ``STREAMING-`` mode means aws-chunked framing; a Content-Encoding never does.
    Raises InvalidArgument for an unknown mode, MissingContentLength for a streamed payload without
    x-amz-decoded-content-length, InvalidRequest and MalformedTrailerError for a trailer that is
    not supported or not declared, AccessDenied for signed chunks of an anonymous request.
    """
    headers = head.headers
    if verified is not None:
        mode = verified.payload_hash
    else:
        mode = headers.get("x-amz-content-sha256", UNSIGNED_PAYLOAD)
    if mode not in STREAMING:
        needed = literal_sha256(mode)
        if "x-amz-trailer" in headers:
            # The declared checksum could never come: refuse it rather than not check it.
            raise MalformedTrailerError
        length = head.content_length
        if length is None and not head.chunked:
            length = 0
        return PlainDecoder(length, needed)

    length = decoded_length(headers)
    names = declared_trailers(headers)
    if head.content_length is None and not head.chunked:
        raise MissingContentLength
    if mode == STREAMING_UNSIGNED_TRAILER:
        return ChunkedDecoder(length, names, None, trailing=True)
    if verified is None:
        raise AccessDenied("Signed chunks need a signed request")
    trailing = mode == STREAMING_SIGNED_TRAILER
    if trailing != bool(names):
        raise MalformedTrailerError
    return ChunkedDecoder(length, names, verified, trailing)
