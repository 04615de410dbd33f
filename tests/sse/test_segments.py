"""Authenticated segments."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from z4tw.errors import CorruptBlob
from z4tw.sse.segments import SEGMENT_BYTES, TAG_BYTES, SegmentCipher

KEY = bytes(range(32))
ID = b"i" * 16


def cipher(key: bytes = KEY, blob_id: bytes = ID) -> SegmentCipher:
    return SegmentCipher(key, blob_id)


@given(st.binary(max_size=300), st.integers(0, 2**64 - 1), st.booleans())
def test_a_segment_comes_back(data: bytes, index: int, final: bool) -> None:
    stored = cipher().seal(index, final, data)
    assert len(stored) == len(data) + TAG_BYTES
    assert data not in stored or len(data) < 4
    assert cipher().open(index, final, memoryview(stored)) == data


def test_a_full_segment_comes_back_from_a_view() -> None:
    data = bytes(SEGMENT_BYTES)
    assert cipher().open(3, False, cipher().seal(3, False, memoryview(data))) == data


def test_it_opens_only_at_its_own_place() -> None:
    stored = cipher().seal(5, False, b"data")
    for other, index, final, found in (
        (cipher(), 4, False, stored),
        (cipher(), 5, True, stored),
        (cipher(b"k" * 32), 5, False, stored),
        (cipher(blob_id=b"j" * 16), 5, False, stored),
        (cipher(), 5, False, stored[:-1]),
        (cipher(), 5, False, stored + b"x"),
        (cipher(), 5, False, bytes([stored[0] ^ 1]) + stored[1:]),
        (cipher(), 5, False, b""),
    ):
        with pytest.raises(CorruptBlob):
            other.open(index, final, found)


def test_the_record_is_no_segment() -> None:
    stored = cipher().seal_record(b"record")
    assert cipher().open_record(stored) == b"record"
    with pytest.raises(CorruptBlob):
        cipher().open_record(cipher().seal(0, True, b"record"))
    with pytest.raises(CorruptBlob):
        cipher().open(0, True, stored)
    with pytest.raises(CorruptBlob):
        cipher(blob_id=b"j" * 16).open_record(stored)


def test_the_construction_is_as_specified() -> None:
    """Opened with the primitive alone, as doc/spec/blob.rst says."""
    stored = cipher().seal(7, True, b"data")
    bound = b"z4s1" + ID + (7).to_bytes(8, "big") + b"\x01"
    assert AESGCM(KEY).decrypt((7).to_bytes(12, "big"), stored, bound) == b"data"
    record = cipher().seal_record(b"r")
    assert AESGCM(KEY).decrypt(b"\xff" * 4 + bytes(8), record, b"z4r1" + ID) == b"r"
