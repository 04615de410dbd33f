"""aws-chunked framing: chunks, each with its signature, and trailers.

The grammar, with CRLF as line end:

    chunk    = size-in-hex [";chunk-signature=" 64HEXDIG] CRLF data CRLF
    body     = *chunk last-chunk-header *(name ":" value CRLF) [signature] CRLF
    signature = "x-amz-trailer-signature:" 64HEXDIG CRLF

where the last chunk has size 0 and no data. Widespread clients end a trailer line with LF alone
and put an empty line before the signature, or two at the end; both are accepted.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from __future__ import annotations

import enum
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Protocol

from z4tw.errors import (
    IncompleteBody,
    InvalidChunkSizeError,
    MalformedTrailerError,
    SignatureDoesNotMatch,
)

MAX_CHUNK_HEADER_BYTES = 1024
MAX_TRAILER_BYTES = 16 * 1024
MAX_SIGNED_CHUNK_BYTES = 16 * 1024 * 1024
"""A signed chunk is held in memory until its signature is verified; larger ones are refused."""
MIN_CHUNK_BYTES = 8192
"""The least size of every chunk but the last, as AWS demands."""

_EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_SIGNATURE_MARK = b";chunk-signature="
_TRAILER_SIGNATURE = "x-amz-trailer-signature"
_HEX = b"0123456789abcdefABCDEF"
_CUT_SHORT = "The request body terminated unexpectedly"


class SigningText(Protocol):
    """What signs a text with HMAC-SHA256."""

    def sign(self, text: bytes) -> str:
        """The HMAC of a text in lower-case hex."""


class ChunkSigner(Protocol):
    """What chunk signatures start from: see ``sigv4.Verified``."""

    @property
    def access_key_id(self) -> str:
        """Who signs."""

    @property
    def seed_signature(self) -> str:
        """The signature of the request's head, in lower-case hex."""

    @property
    def signing_key(self) -> SigningText:
        """The key of the day."""

    @property
    def scope(self) -> str:
        """``YYYYMMDD/region/s3/aws4_request``."""

    @property
    def amz_date(self) -> str:
        """The time that was signed, ``YYYYMMDDTHHMMSSZ``."""


class _State(enum.Enum):
    SIZE = enum.auto()  # in a chunk header
    DATA = enum.auto()  # in a chunk's data
    DATA_END = enum.auto()  # in the CRLF after a chunk's data
    LAST_END = enum.auto()  # in the CRLF after the last chunk, where no trailers follow
    TRAILER = enum.auto()  # in the trailers
    DONE = enum.auto()  # nothing but one more CRLF may follow trailers


class ChunkedDecoder:
    """Decodes aws-chunked bytes.

    ``signer`` None means unsigned chunks, released as they come; a signed chunk is released when
    its signature is verified. ``trailing`` says that the mode has trailers, ``trailer_names``
    which. Holds at most one signed chunk, one chunk header or the trailers. Malformed framing is
    IncompleteBody, as on AWS.
    """

    sha256_needed: str | None = None

    def __init__(
        self,
        length: int,
        trailer_names: tuple[str, ...],
        signer: ChunkSigner | None,
        trailing: bool,
    ) -> None:
        self.decoded_length: int | None = length
        self.trailer_names = trailer_names
        self.trailers: dict[str, str] = {}
        self._unseen = length  # payload bytes that no chunk header has announced yet
        self._trailing = trailing
        self._signer = signer
        self._previous = signer.seed_signature if signer is not None else ""
        self._state = _State.SIZE
        self._line = bytearray()
        self._left = 0  # bytes of the chunk that have not come yet
        self._chunk_number = 0
        self._chunk_size = 0  # of the chunk before, for the least size
        self._signature = b""
        self._held = bytearray()
        self._digest: Any = None
        self._trailer_bytes = 0
        self._blank_lines = 0
        self._trailer_signature = ""

    def feed(self, data: bytes) -> bytes:
        """The payload bytes that these bytes of the body release.

        Raises IncompleteBody, InvalidChunkSizeError, MalformedTrailerError and
        SignatureDoesNotMatch; the decoder is of no use afterwards.
        """
        if not isinstance(data, bytes):
            data = bytes(data)
        released: list[bytes] = []
        at = 0
        end = len(data)
        while at < end:
            if self._left:
                stop = min(end, at + self._left)
                piece = data[at:stop]
                at = stop
                self._left -= len(piece)
                self._take(piece, released)
                continue
            newline = data.find(b"\n", at)
            stop = end if newline < 0 else newline + 1
            self._extend_line(data, at, stop)
            at = stop
            if newline >= 0:
                line = bytes(self._line)
                self._line.clear()
                self._end_line(line, released)
        if len(released) == 1:
            return released[0]
        return b"".join(released)

    def finish(self) -> None:
        """Check that the body has ended where it may.

        Raises IncompleteBody, and MalformedTrailerError when declared trailers or their signature
        are not there."""
        if self._state is _State.TRAILER and self._blank_lines and not self._line:
            raise MalformedTrailerError
        if self._state is not _State.DONE or self._line:
            raise IncompleteBody(_CUT_SHORT)

    def _extend_line(self, data: bytes, start: int, stop: int) -> None:
        """Add to the current line, within the limit of its state."""
        size = stop - start
        if self._state is _State.TRAILER:
            self._trailer_bytes += size
            if self._trailer_bytes > MAX_TRAILER_BYTES:
                raise MalformedTrailerError
        else:
            limit = MAX_CHUNK_HEADER_BYTES if self._state is _State.SIZE else 2
            if len(self._line) + size > limit:
                raise IncompleteBody(_CUT_SHORT)
        self._line += data[start:stop]

    def _end_line(self, line: bytes, released: list[bytes]) -> None:
        """Act on a whole line, which ends with LF."""
        state = self._state
        if state is _State.SIZE:
            self._begin_chunk(line, released)
        elif state is _State.TRAILER:
            self._end_trailer_line(line)
        elif line != b"\r\n":
            raise IncompleteBody(_CUT_SHORT)
        elif state is _State.DATA_END:
            self._state = _State.SIZE
        elif state is _State.LAST_END:
            self._state = _State.DONE
        else:
            # After the end: one more empty line is a habit of some clients' trailers.
            self._blank_lines += 1
            if not self._trailing or self._blank_lines > 2:
                raise IncompleteBody(_CUT_SHORT)

    def _begin_chunk(self, line: bytes, released: list[bytes]) -> None:
        if not line.endswith(b"\r\n"):
            raise IncompleteBody(_CUT_SHORT)
        text = line[:-2]
        if self._signer is not None:
            text, mark, self._signature = text.partition(_SIGNATURE_MARK)
            if not mark or len(self._signature) != 64:
                raise IncompleteBody(_CUT_SHORT)
        if not text or len(text) > 16 or text.translate(None, _HEX):
            raise IncompleteBody(_CUT_SHORT)
        size = int(text, 16)
        if size > self._unseen:
            raise IncompleteBody(_CUT_SHORT)
        self._chunk_number += 1
        if size:
            self._check_sizes(size)
            self._unseen -= size
            self._chunk_size = self._left = size
            self._state = _State.DATA
            if self._signer is not None:
                self._digest = sha256()
        else:
            if self._unseen:
                raise IncompleteBody(_CUT_SHORT)
            if self._signer is not None:
                self._check_chunk(_EMPTY_SHA256)
            self._state = _State.TRAILER if self._trailing else _State.LAST_END

    def _check_sizes(self, size: int) -> None:
        if self._chunk_number > 1 and self._chunk_size < MIN_CHUNK_BYTES:
            raise InvalidChunkSizeError(
                Chunk=str(self._chunk_number), BadChunkSize=str(self._chunk_size)
            )
        if self._signer is not None and size > MAX_SIGNED_CHUNK_BYTES:
            raise InvalidChunkSizeError(
                f"A signed chunk has at most {MAX_SIGNED_CHUNK_BYTES} bytes",
                Chunk=str(self._chunk_number),
                BadChunkSize=str(size),
            )

    def _take(self, piece: bytes, released: list[bytes]) -> None:
        """Take bytes of a chunk's data; a signed chunk is held until it is whole."""
        if self._signer is not None:
            self._digest.update(piece)
            if self._left:
                self._held += piece
                return
            self._check_chunk(self._digest.hexdigest())
            if self._held:
                self._held += piece
                piece = bytes(self._held)
                self._held = bytearray()
        released.append(piece)
        if not self._left:
            self._state = _State.DATA_END

    def _check_chunk(self, digest: str) -> None:
        self._check_signature(
            "AWS4-HMAC-SHA256-PAYLOAD", f"{_EMPTY_SHA256}\n{digest}", self._signature
        )

    def _check_signature(self, algorithm: str, rest: str, given: bytes) -> None:
        """Compare a signature of the chain, and make it the one that the next builds on."""
        signer = self._signer
        assert signer is not None  # unsigned chunks have no signatures to check
        text = f"{algorithm}\n{signer.amz_date}\n{signer.scope}\n{self._previous}\n{rest}"
        signature = signer.signing_key.sign(text.encode())
        if not compare_digest(signature.encode(), given):
            raise SignatureDoesNotMatch(
                AWSAccessKeyId=signer.access_key_id,
                StringToSign=text,
                SignatureProvided=given.decode("latin-1"),
            )
        self._previous = signature

    def _end_trailer_line(self, line: bytes) -> None:
        text = line.rstrip(b"\r\n")
        if not text:
            self._blank_lines += 1
            signed = self._signer is not None
            if signed and not self._trailer_signature:
                # The signature may still follow one empty line.
                if self._blank_lines > 1:
                    raise MalformedTrailerError
                return
            self._end_trailers()
            return
        raw_name, colon, raw_value = text.partition(b":")
        name = raw_name.decode("latin-1").lower()
        value = raw_value.decode("latin-1").strip(" \t")
        if not colon or not name or self._trailer_signature:
            raise MalformedTrailerError
        if name == _TRAILER_SIGNATURE and self._signer is not None:
            self._trailer_signature = value
            if not value:
                raise MalformedTrailerError
            return
        if self._blank_lines or name in self.trailers or name not in self.trailer_names:
            raise MalformedTrailerError
        self.trailers[name] = value

    def _end_trailers(self) -> None:
        """The empty line after the trailers: all that was declared is there, and signed."""
        if len(self.trailers) != len(self.trailer_names):
            raise MalformedTrailerError
        if self._signer is not None:
            text = "".join([f"{name}:{value}\n" for name, value in self.trailers.items()])
            self._check_signature(
                "AWS4-HMAC-SHA256-TRAILER",
                sha256(text.encode("latin-1")).hexdigest(),
                self._trailer_signature.encode("latin-1"),
            )
        self._blank_lines = 1
        self._state = _State.DONE
