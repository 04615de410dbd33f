"""Continuation tokens come back as they went out, and nothing else passes for one."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.errors import InvalidArgument
from z4tw.ops.tokens import pack_token, unpack_token

SCOPE = b"\x01" * 8


@given(st.binary(max_size=1100))
def test_a_token_brings_its_position_back(position: bytes) -> None:
    token = pack_token("objects", SCOPE, position)
    assert unpack_token("objects", SCOPE, token) == position
    assert token.isascii()
    assert not set(token) & set("+/ &?#%")


@given(st.binary(max_size=200))
def test_a_token_is_good_for_its_listing_and_scope_only(position: bytes) -> None:
    token = pack_token("objects", SCOPE, position)
    with pytest.raises(InvalidArgument):
        unpack_token("buckets", SCOPE, token)
    with pytest.raises(InvalidArgument):
        unpack_token("objects", b"\x02" * 8, token)


@given(st.text(max_size=100))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        unpack_token("objects", SCOPE, text)
    assert caught.value.details["ArgumentName"] == "continuation-token"


@given(st.binary(max_size=200))
def test_well_formed_base64_without_the_check_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidArgument):
        unpack_token("objects", SCOPE, base64.urlsafe_b64encode(data).decode())


@given(st.binary(min_size=1, max_size=60), st.integers(min_value=0), st.integers(1, 255))
def test_a_flipped_byte_is_noticed(position: bytes, at: int, flip: int) -> None:
    data = bytearray(base64.urlsafe_b64decode(pack_token("objects", SCOPE, position)))
    data[at % len(data)] ^= flip
    with pytest.raises(InvalidArgument):
        unpack_token("objects", SCOPE, base64.urlsafe_b64encode(bytes(data)).decode())


def test_an_overlong_token_is_refused_without_being_decoded() -> None:
    with pytest.raises(InvalidArgument) as caught:
        unpack_token("objects", SCOPE, "A" * 100_000)
    assert len(caught.value.details["ArgumentValue"]) < 5000
