"""Frames between processes: whole, byte by byte, together, and broken."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.metadata import wire
from z4tw.metadata.wire import (
    LENGTH_BYTES,
    MAX_FRAME_BYTES,
    VERSION,
    Answer,
    Ask,
    Failed,
    FrameReader,
    Hello,
    WireError,
    encode_frame,
)

MESSAGES = [
    Hello(VERSION),
    Ask(1, "store.change", b"\x00" * 300),
    Answer(1, b"yes"),
    Ask(2, "", b""),
    Failed(2, "NoSuchKey", "gone", {"Key": "k"}),
]
STREAM = b"".join(encode_frame(message) for message in MESSAGES)


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_messages_come_out_as_they_went_in_however_the_stream_is_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    reader = FrameReader()
    found = []
    for start, end in pairwise(places):
        found += reader.feed(STREAM[start:end])
    assert found == MESSAGES


def test_byte_by_byte() -> None:
    reader = FrameReader()
    found = [message for at in range(len(STREAM)) for message in reader.feed(STREAM[at : at + 1])]
    assert found == MESSAGES


def greeted() -> FrameReader:
    reader = FrameReader()
    reader.feed(encode_frame(Hello(VERSION)))
    return reader


def test_a_frame_that_is_too_long_is_refused_by_its_length_alone() -> None:
    with pytest.raises(WireError, match="too long"):
        greeted().feed((MAX_FRAME_BYTES + 1).to_bytes(LENGTH_BYTES, "big"))


def test_a_message_that_is_too_long_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_FRAME_BYTES", 100)
    with pytest.raises(WireError, match="too long"):
        encode_frame(Ask(1, "x", bytes(101)))


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x93\x01\x01\xa1x", b"\x91\x09"])
def test_a_frame_that_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(WireError, match="no message"):
        greeted().feed(len(body).to_bytes(LENGTH_BYTES, "big") + body)


def test_the_greeting_comes_first_once_and_in_our_version() -> None:
    with pytest.raises(WireError, match="greeting"):
        FrameReader().feed(encode_frame(Ask(1, "x", b"")))
    with pytest.raises(WireError, match="greeting"):
        greeted().feed(encode_frame(Hello(VERSION)))
    with pytest.raises(WireError, match="version"):
        FrameReader().feed(encode_frame(Hello(VERSION + 1)))


@given(st.binary(max_size=200))
def test_any_bytes_give_messages_or_a_wire_error(data: bytes) -> None:
    try:
        messages = greeted().feed(data)
    except WireError:
        return
    assert all(isinstance(message, (Ask, Answer, Failed)) for message in messages)
