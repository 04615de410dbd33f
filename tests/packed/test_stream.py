"""The packed form: what comes back, that others read it too, and what is refused."""

from __future__ import annotations

from random import Random

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from z4tw.errors import CorruptBlob
from z4tw.packed.stream import FRAME_BYTES, Packer, Table, frame_count, table_bytes, unpack


def packed(content: bytes, piece: int = 100_000) -> bytes:
    packer = Packer(3)
    pieces = []
    for at in range(0, len(content), piece):
        pieces += packer.feed(content[at : at + piece])
    pieces += packer.finish()
    data = b"".join(pieces)
    assert (packer.packed, packer.unpacked) == (len(data), len(content))
    return data


def read(data: bytes, size: int, offset: int, length: int) -> bytes:
    span = Table(data[-table_bytes(size) :], size, len(data)).span(offset, length)
    frames = []
    at = span.offset
    for long, unpacked in span.frames:
        frames.append((data[at : at + long], unpacked))
        at += long
    assert at - span.offset == span.length
    return unpack(frames)[span.skip : span.skip + length]


def words(size: int) -> bytes:
    random = Random(size)
    choice = [b"lifecycle ", b"storage ", b"z4tw\n"]
    return b"".join(random.choice(choice) for _ in range(size // 5 + 1))[:size]


@pytest.mark.parametrize("size", [1, 1000, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 900_000])
def test_everything_comes_back(size: int) -> None:
    content = words(size)
    data = packed(content)
    assert read(data, len(content), 0, len(content)) == content
    assert len(data) < len(content) / 2 + 200


@pytest.mark.parametrize("piece", [1, 7919, FRAME_BYTES, 1 << 20])
def test_the_pieces_do_not_matter(piece: int) -> None:
    content = words(20_000 if piece == 1 else 700_000)
    assert packed(content, piece) == packed(content, 100_000)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_range_comes_back(data: st.DataObject) -> None:
    content = words(data.draw(st.integers(1, 3 * FRAME_BYTES + 10)))
    stored = packed(content)
    offset = data.draw(st.integers(0, len(content) - 1))
    length = data.draw(st.integers(1, len(content) - offset))
    assert read(stored, len(content), offset, length) == content[offset : offset + length]


def test_any_decoder_of_zstandard_reads_it() -> None:
    content = words(600_000)
    reader = zstandard.ZstdDecompressor().stream_reader(packed(content), read_across_frames=True)
    assert reader.read(len(content) + 10) == content


def test_sizes() -> None:
    assert [frame_count(size) for size in (0, 1, FRAME_BYTES, FRAME_BYTES + 1)] == [0, 1, 1, 2]
    assert table_bytes(FRAME_BYTES + 1) == 17 + 16


def test_a_damaged_form_is_refused() -> None:
    content = words(600_000)
    data = packed(content)
    size = len(content)
    tail = data[-table_bytes(size) :]
    for at in range(len(tail)):
        bad = bytearray(tail)
        bad[at] ^= 1
        with pytest.raises(CorruptBlob):
            Table(bytes(bad), size, len(data))
    for wrong in (tail[1:], tail + b"x", b""):
        with pytest.raises(CorruptBlob):
            Table(wrong, size, len(data))
    with pytest.raises(CorruptBlob):
        Table(tail, size, len(data) + 1)
    with pytest.raises(CorruptBlob):
        Table(tail, size + 1, len(data))
    first = Table(tail, size, len(data)).span(0, 1).frames[0]
    frame = data[: first[0]]
    assert unpack([(frame, first[1])]) == content[:FRAME_BYTES]
    for bad_frame in (frame[:-1], frame[1:], bytes(len(frame)), b"", frame[:-2] + b"\0\0"):
        with pytest.raises(CorruptBlob):
            unpack([(bad_frame, first[1])])
    with pytest.raises(CorruptBlob):
        unpack([(frame, first[1] - 1)])


def test_a_frame_that_would_unpack_to_more_than_its_table_says_is_not_unpacked() -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(1 << 28))
    with pytest.raises(CorruptBlob):
        unpack([(bomb, FRAME_BYTES)])
