"""The protocol between worker processes and the store process, without I/O.

Frames of MessagePack behind a 4-byte big-endian length, over a stream that keeps bytes in order
(a Unix socket). Both ends may ask; ids are the asker's own. ``doc/spec/store_wire.rst``.
"""

from __future__ import annotations

import msgspec

VERSION = 1
"""Said in each end's first frame; processes of different releases must not work together."""
MAX_FRAME_BYTES = 16 * 1024 * 1024
"""A manifest of 10,000 parts, the greatest command, takes some 2 MiB."""
LENGTH_BYTES = 4


class WireError(Exception):
    """The peer broke the protocol: the connection is of no use any more."""


class Hello(msgspec.Struct, frozen=True, array_like=True, tag=0):
    """The first frame of each end."""

    version: int


class Ask(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """A request: its name says what ``payload`` is."""

    id: int
    name: str
    payload: bytes


class Answer(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """What an ``Ask`` gave."""

    id: int
    payload: bytes


class Failed(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """An ``Ask`` raised: an S3 error by its code, anything else as ``InternalError``."""

    id: int
    code: str
    message: str = ""
    details: dict[str, str] = {}


Message = Hello | Ask | Answer | Failed

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Message).decode


def encode_frame(message: Message) -> bytes:
    """A message as a frame. Raises ``WireError`` when it is longer than a frame may be."""
    body = _encode(message)
    if len(body) > MAX_FRAME_BYTES:
        raise WireError(f"a message of {len(body)} bytes is too long for a frame")
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


class FrameReader:
    """Cuts a stream into messages; keeps less than one frame between calls."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._greeted = False

    def feed(self, data: bytes) -> list[Message]:
        """The messages that end in ``data``. Raises ``WireError`` for a stream that is none of
        this protocol's; the reader is of no use then."""
        kept = self._kept
        kept += data
        messages: list[Message] = []
        at = 0
        try:
            with memoryview(kept) as view:
                while len(kept) - at >= LENGTH_BYTES:
                    length = int.from_bytes(view[at : at + LENGTH_BYTES], "big")
                    if length > MAX_FRAME_BYTES:
                        raise WireError(f"a frame of {length} bytes is too long")
                    end = at + LENGTH_BYTES + length
                    if end > len(kept):
                        break
                    message = _decode(view[at + LENGTH_BYTES : end])
                    self._check(message)
                    messages.append(message)
                    at = end
        except msgspec.DecodeError as error:
            raise WireError(f"a frame is no message: {error}") from error
        del kept[:at]
        return messages

    def _check(self, message: Message) -> None:
        """The first message, and no other, is a greeting of our own version."""
        if isinstance(message, Hello) == self._greeted:
            raise WireError("a greeting is the first message and comes once")
        if isinstance(message, Hello) and message.version != VERSION:
            raise WireError(f"the peer speaks version {message.version}, this end {VERSION}")
        self._greeted = True
