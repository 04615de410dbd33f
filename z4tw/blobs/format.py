"""The blob file format: names, blocks, digests, footer (pure). Specification: doc/spec/blob.rst."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from xxhash import xxh3_64_digest, xxh3_64_hexdigest

from z4tw.errors import CorruptBlob
from z4tw.sse.segments import SEGMENT_BYTES, TAG_BYTES

BLOCK_BYTES = 65_536
assert BLOCK_BYTES == SEGMENT_BYTES, "one digest covers one segment"
SEALED_BLOCK_BYTES = BLOCK_BYTES + TAG_BYTES
DIGEST_BYTES = 8
MAX_RECORD_BYTES = 65_536
"""The longest record before encryption."""
META_DIRECTORY = "_z4meta"
TEMPORARY_DIRECTORY = "_z4meta/tmp"
QUARANTINE_DIRECTORY = "_z4meta/quarantine"

_TRAILER = struct.Struct(">8sHHIQQII16sQ")
TRAILER_BYTES = _TRAILER.size
_MAGIC = b"z4blob\r\n"
_VERSION = 1
_FLAG_ENCRYPTED = 1
_FLAG_PACKED = 2
_UNPACKED = struct.Struct(">Q")
_MASK = (1 << 64) - 1
_MAX_SEALED_KEY_BYTES = 1024

_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
_UNSAFE = bytes(byte for byte in range(256) if byte not in _SAFE)
_HEX = frozenset("0123456789abcdef")
_LABEL_CHARACTERS = 80


class Layout(msgspec.Struct, frozen=True):
    """Where things lie in a blob file that holds ``size`` bytes.

    ``count`` stored blocks of ``stored_block`` bytes each (the last one may be shorter) take
    ``stored`` bytes; the digests follow them.
    """

    size: int
    encrypted: bool
    count: int
    stored_block: int
    stored: int

    @classmethod
    def of(cls, size: int, encrypted: bool) -> Layout:
        """The layout of a blob of ``size`` bytes."""
        count = -(-size // BLOCK_BYTES)
        if not encrypted:
            return cls(size, False, count, BLOCK_BYTES, size)
        count = max(count, 1)
        return cls(size, True, count, SEALED_BLOCK_BYTES, size + count * TAG_BYTES)

    def span(self, first: int, last: int) -> tuple[int, int]:
        """(offset, length) in the file of the stored blocks from ``first`` up to, not including,
        ``last``."""
        start = first * self.stored_block
        return start, min(last * self.stored_block, self.stored) - start

    def digests(self, first: int, last: int) -> tuple[int, int]:
        """(offset, length) in the file of these blocks' digests."""
        return self.stored + first * DIGEST_BYTES, (last - first) * DIGEST_BYTES


def seed_of(blob_id: bytes) -> int:
    """The seed of a blob's digests."""
    return int.from_bytes(blob_id[8:], "big")


def cut_blocks(pieces: Sequence[bytes]) -> list[Any]:
    """The blocks of all bytes of the pieces, each in one buffer and only the last one maybe short.
    Nothing is copied but the blocks that lie in several pieces."""
    blocks: list[Any] = []
    parts: list[Any] = []
    wanted = BLOCK_BYTES
    for piece in pieces:
        view = memoryview(piece)
        at = 0
        while len(view) - at >= wanted:
            part = view[at : at + wanted]
            at += wanted
            blocks.append(b"".join((*parts, part)) if parts else part)
            parts = []
            wanted = BLOCK_BYTES
        if at < len(view):
            parts.append(view[at:])
            wanted -= len(view) - at
    if parts:
        blocks.append(b"".join(parts))
    return blocks


def digests_of(blocks: Iterable[Any], seed: int, first: int) -> bytes:
    """The joined digests of consecutive stored blocks, the first of which has index ``first``."""
    return b"".join(
        [xxh3_64_digest(block, (seed + index) & _MASK) for index, block in enumerate(blocks, first)]
    )


def digest_blocks(data: Any, seed: int, first: int, stored_block: int) -> bytes:
    """The same of blocks that lie in one buffer."""
    view = memoryview(data)
    starts = range(0, len(view), stored_block)
    return digests_of([view[at : at + stored_block] for at in starts], seed, first)


def check_blocks(data: Any, digests: bytes, seed: int, first: int, stored_block: int) -> None:
    """Raise ``CorruptBlob`` unless consecutive stored blocks match their digests."""
    found = digest_blocks(data, seed, first, stored_block)
    if found != digests:
        bad = [
            first + at // DIGEST_BYTES
            for at in range(0, max(len(found), len(digests)), DIGEST_BYTES)
            if found[at : at + DIGEST_BYTES] != digests[at : at + DIGEST_BYTES]
        ]
        raise CorruptBlob(f"block {bad[0]} does not match its digest")


class Footer(NamedTuple):
    """What a file's trailer says, and the record and sealed key in front of it. ``unpacked`` is
    the length of the bytes whose packed form the blocks are, 0 when they are the bytes."""

    id: bytes
    layout: Layout
    record: bytes
    sealed_key: bytes
    file_size: int
    unpacked: int


class Trailer(NamedTuple):
    """A trailer: the lengths are those of the stored record and the sealed key."""

    id: bytes
    layout: Layout
    record_bytes: int
    key_bytes: int
    packed: bool


def encode_footer(
    blob_id: bytes,
    layout: Layout,
    digests: bytes,
    record: bytes,
    sealed_key: bytes,
    unpacked: int = 0,
) -> bytes:
    """All that follows the stored blocks; ``record`` is in its stored form."""
    body = digests + record + sealed_key
    flags = _FLAG_ENCRYPTED if layout.encrypted else 0
    if unpacked:
        flags |= _FLAG_PACKED
        body += _UNPACKED.pack(unpacked)
    trailer = _TRAILER.pack(
        _MAGIC,
        _VERSION,
        flags,
        BLOCK_BYTES,
        layout.size,
        layout.count,
        len(record),
        len(sealed_key),
        blob_id,
        0,
    )[:-DIGEST_BYTES]
    body += trailer
    return body + xxh3_64_digest(body)


def decode_trailer(trailer: bytes, file_size: int) -> Trailer:
    """What a file says of itself in its last ``TRAILER_BYTES``.

    Raises ``CorruptBlob`` for anything that this version does not write; the lengths are within
    bounds and add up to ``file_size``.
    """
    if len(trailer) != TRAILER_BYTES:
        raise CorruptBlob("the file is too short for a trailer")
    magic, version, flags, block, size, count, record, key, blob_id, _ = _TRAILER.unpack(trailer)
    if magic != _MAGIC:
        raise CorruptBlob("the file does not end with a blob's trailer")
    if version != _VERSION or flags & ~(_FLAG_ENCRYPTED | _FLAG_PACKED) or block != BLOCK_BYTES:
        raise CorruptBlob(f"format version {version}, flags {flags}, block size {block}: unknown")
    layout = Layout.of(size, bool(flags & _FLAG_ENCRYPTED))
    if record > MAX_RECORD_BYTES + TAG_BYTES or key > _MAX_SEALED_KEY_BYTES:
        raise CorruptBlob("the trailer's lengths are out of bounds")
    packed = bool(flags & _FLAG_PACKED)
    total = layout.stored + count * DIGEST_BYTES + record + key + TRAILER_BYTES
    total += _UNPACKED.size if packed else 0
    if count != layout.count or total != file_size:
        raise CorruptBlob("the trailer's lengths do not add up to the file's size")
    return Trailer(blob_id, layout, record, key, packed)


def decode_footer(footer: bytes, file_size: int) -> Footer:
    """The footer from all bytes that follow the stored blocks. Raises ``CorruptBlob``."""
    if xxh3_64_digest(memoryview(footer)[:-DIGEST_BYTES]) != footer[-DIGEST_BYTES:]:
        raise CorruptBlob("the footer does not match its digest")
    blob_id, layout, record, key, packed = decode_trailer(footer[-TRAILER_BYTES:], file_size)
    start = layout.count * DIGEST_BYTES
    return Footer(
        blob_id,
        layout,
        footer[start : start + record],
        footer[start + record : start + record + key],
        file_size,
        _UNPACKED.unpack_from(footer, start + record + key)[0] if packed else 0,
    )


def blob_path(bucket: str, key: bytes, blob_id: bytes) -> str:
    """The path of a new blob's file. Raises ``ValueError`` for a bucket's name that could not be
    a directory of blobs."""
    if not bucket or bucket[0] in "._" or "/" in bucket or "\0" in bucket:
        raise ValueError("this bucket name cannot be a directory")
    digest = xxh3_64_hexdigest(key)
    segment = key.rstrip(b"/").rpartition(b"/")[2]
    label = segment.translate(None, _UNSAFE)[:_LABEL_CHARACTERS].decode("ascii").lstrip(".")
    return f"{bucket}/{digest[:2]}/{digest[2:4]}/{label}~{blob_id.hex()}"


def id_of_path(path: str) -> bytes | None:
    """The blob id in a path that ``blob_path`` made, None for any other path."""
    parts = path.split("/")
    if len(parts) != 4 or parts[0][:1] in ("", ".", "_"):
        return None
    for level in parts[1:3]:
        if len(level) != 2 or not _HEX.issuperset(level):
            return None
    digits = parts[3].rpartition("~")[2]
    if len(digits) != 32 or len(digits) == len(parts[3]) or not _HEX.issuperset(digits):
        return None
    return bytes.fromhex(digits)


def is_temporary(path: str) -> bool:
    """Whether a path is the name of an unfinished file."""
    name = path.removeprefix(TEMPORARY_DIRECTORY + "/")
    digits = name.removesuffix(".part")
    return (
        len(name) == len(path) - len(TEMPORARY_DIRECTORY) - 1
        and len(digits) == 32
        and len(name) == 37
        and _HEX.issuperset(digits)
    )
