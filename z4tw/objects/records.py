"""The codec of registers, commands and outcomes: MessagePack with a format number in front.

One codec for the disk and for every wire; see ``doc/spec/metadata.rst``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from z4tw.model.annotations import Annotation
from z4tw.model.control import AccessKey, Account, Bucket, User
from z4tw.model.notices import Outgoing
from z4tw.model.objects import BlobInfo, Head, Manifest, Version
from z4tw.model.registers import Kind, Outcome
from z4tw.model.uploads import Part, Upload
from z4tw.objects.commands import Command

FORMAT = 1
"""The number in front of every stored value. A reader refuses a greater one."""

_TYPES: dict[int, type] = {
    Kind.ACCOUNT: Account,
    Kind.USER: User,
    Kind.ACCESS_KEY: AccessKey,
    Kind.BUCKET: Bucket,
    Kind.OBJECT: Head,
    Kind.UPLOAD: Upload,
    Kind.PART: Part,
    Kind.ANNOTATION: Annotation,
}

_encode = msgspec.msgpack.Encoder().encode
_record_decoders: dict[int, Any] = {
    kind: msgspec.msgpack.Decoder(tuple[int, type_]).decode  # type: ignore[valid-type]
    for kind, type_ in _TYPES.items()
}
_decode_page = msgspec.msgpack.Decoder(tuple[int, tuple[Version, ...]]).decode
_decode_manifest = msgspec.msgpack.Decoder(tuple[int, Manifest]).decode
_decode_blob = msgspec.msgpack.Decoder(tuple[int, BlobInfo]).decode
_decode_outgoing = msgspec.msgpack.Decoder(tuple[int, Outgoing]).decode
_decode_command: Callable[[bytes], Command] = msgspec.msgpack.Decoder(Command).decode
_decode_outcome: Callable[[bytes], Outcome] = msgspec.msgpack.Decoder(Outcome).decode


class UnknownFormat(ValueError):
    """A stored value was written by a newer release, or is no value at all."""


def _checked(pair: tuple[int, Any]) -> Any:
    if pair[0] != FORMAT:
        raise UnknownFormat(f"stored value of format {pair[0]}, this release reads {FORMAT}")
    return pair[1]


def encode(value: Any) -> bytes:
    """A register's value, a page, a manifest or a blob's row as stored bytes."""
    return _encode((FORMAT, value))


def decode(kind: int, data: bytes) -> Any:
    """The value of a register of a kind. Raises ``UnknownFormat``, ``msgspec.DecodeError``."""
    pair = _record_decoders[kind](data)
    return pair[1] if pair[0] == FORMAT else _checked(pair)


def decode_page(data: bytes) -> tuple[Version, ...]:
    """A page of older versions."""
    pair = _decode_page(data)
    return pair[1] if pair[0] == FORMAT else _checked(pair)


def decode_manifest(data: bytes) -> Manifest:
    """A multipart object's parts."""
    pair = _decode_manifest(data)
    return pair[1] if pair[0] == FORMAT else _checked(pair)


def decode_blob(data: bytes) -> BlobInfo:
    """Where a blob lies."""
    pair = _decode_blob(data)
    return pair[1] if pair[0] == FORMAT else _checked(pair)


def decode_outgoing(data: bytes) -> Outgoing:
    """An event of the outbox."""
    pair = _decode_outgoing(data)
    return pair[1] if pair[0] == FORMAT else _checked(pair)


def encode_command(command: Command) -> bytes:
    """A command for the wire, its tag first."""
    return _encode(command)


def decode_command(data: bytes) -> Command:
    """A command from the wire. Raises ``msgspec.DecodeError``."""
    return _decode_command(data)


def encode_outcome(outcome: Outcome) -> bytes:
    """An outcome for the wire."""
    return _encode(outcome)


def decode_outcome(data: bytes) -> Outcome:
    """An outcome from the wire. Raises ``msgspec.DecodeError``."""
    return _decode_outcome(data)
