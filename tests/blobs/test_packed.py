"""Reading packed blobs: how much is read and unpacked for a range. What comes back is tested by the
contract of blob stores."""

from __future__ import annotations

from typing import Any

import pytest

from tests.blobs.contract import pattern
from tests.ops.harness import InlineOffload, run
from z4tw.blobs.packed import FRAMES_AT_ONCE, READ_WHOLE_BYTES, open_packed
from z4tw.errors import CorruptBlob
from z4tw.model.objects import BlobInfo
from z4tw.packed.stream import FRAME_BYTES, Packer


class Stored:
    """The bytes of a packed blob, read in small pieces; notes what is opened and open."""

    def __init__(self, content: bytes, piece: int = 100_000) -> None:
        packer = Packer(3)
        self.data = b"".join((*packer.feed(content), *packer.finish()))
        self.piece = piece
        self.opened: list[tuple[int, int]] = []
        self.open_now = 0
        size = len(self.data)
        self.blob = BlobInfo(b"i", "p", len(content), size + 100, b"", size)

    async def open(self, blob: BlobInfo, offset: int, length: int) -> Any:
        assert (blob.size, blob.packed_size) == (len(self.data), 0)
        self.opened.append((offset, length))
        self.open_now += 1
        return Reader(self, self.data[offset : offset + length])

    def read(self, offset: int, length: int) -> list[bytes]:
        reader = run(open_packed(self.open, InlineOffload(), self.blob, offset, length))
        pieces = []
        while piece := run(reader.next()):
            pieces.append(piece)
        reader.close()
        assert self.open_now == 0
        return pieces


class Reader:
    def __init__(self, stored: Stored, data: bytes) -> None:
        self.stored = stored
        self.data = data
        self.closed = False

    async def next(self) -> bytes:
        piece, self.data = self.data[: self.stored.piece], self.data[self.stored.piece :]
        return piece

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.stored.open_now -= 1


def test_a_range_reads_its_frames_and_the_table_only() -> None:
    content = pattern(8 * FRAME_BYTES)
    stored = Stored(content)
    start = 3 * FRAME_BYTES + 10
    assert b"".join(stored.read(start, 100)) == content[start : start + 100]
    (_, table), (_, frames) = stored.opened
    assert table < 200
    assert frames < 1.1 * FRAME_BYTES


def test_a_short_form_is_read_at_once() -> None:
    content = bytes(3 * FRAME_BYTES)
    stored = Stored(content)
    assert b"".join(stored.read(5, len(content) - 5)) == content[5:]
    assert stored.opened == [(0, len(stored.data))]
    assert len(stored.data) <= READ_WHOLE_BYTES


def test_what_unpacks_to_much_comes_in_bounded_pieces() -> None:
    content = bytes(50 * FRAME_BYTES)
    pieces = Stored(content).read(0, len(content))
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) <= FRAMES_AT_ONCE * FRAME_BYTES


@pytest.mark.parametrize("piece", [1000, 70_000, 1 << 20])
def test_the_pieces_of_the_file_do_not_matter(piece: int) -> None:
    content = pattern(2 * FRAME_BYTES + 100) + bytes(FRAME_BYTES)
    assert b"".join(Stored(content, piece).read(1, len(content) - 2)) == content[1:-1]


def test_a_form_that_is_cut_is_corrupt() -> None:
    stored = Stored(pattern(4 * FRAME_BYTES))
    whole = stored.open

    async def cut(blob: BlobInfo, offset: int, length: int) -> Any:
        reader = await whole(blob, offset, length)
        if length > 1000:
            reader.data = reader.data[:-10]
        return reader

    stored.open = cut  # type: ignore[method-assign]
    with pytest.raises(CorruptBlob):
        stored.read(0, 4 * FRAME_BYTES)
