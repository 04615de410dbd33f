"""Stored inline bodies."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.blobs.inline import open_inline, seal_inline
from z4tw.errors import CorruptBlob, CustomerKeyNeeded, WrongMasterKey
from z4tw.sse.envelope import Envelope, NamedKey, key_id
from z4tw.sse.seal import Seal

KEK = bytes(32)
SEALED = Envelope((KEK,), key_id(KEK), os.urandom)
ID = bytes(range(16))


@pytest.mark.parametrize("envelope", [None, SEALED], ids=["plain", "sealed"])
@given(data=st.binary(max_size=5000), id=st.binary(min_size=16, max_size=16))
def test_any_body_comes_back(envelope: Envelope | None, data: bytes, id: bytes) -> None:
    stored = seal_inline(id, data, envelope)
    assert len(stored) == len(data) + (9 if envelope is None else 45)
    assert open_inline(id, stored, len(data), envelope) == data


@pytest.mark.parametrize("envelope", [None, SEALED], ids=["plain", "sealed"])
def test_any_flipped_bit_is_found(envelope: Envelope | None) -> None:
    stored = seal_inline(ID, b"some data", envelope)
    for at in range(len(stored)):
        for bit in range(8):
            bad = bytearray(stored)
            bad[at] ^= 1 << bit
            with pytest.raises(CorruptBlob):
                open_inline(ID, bytes(bad), 9, envelope)


@pytest.mark.parametrize("envelope", [None, SEALED], ids=["plain", "sealed"])
def test_another_blobs_body_or_size_is_found(envelope: Envelope | None) -> None:
    stored = seal_inline(ID, b"some data", envelope)
    with pytest.raises(CorruptBlob):
        open_inline(bytes(16), stored, 9, envelope)
    with pytest.raises(CorruptBlob, match="length"):
        open_inline(ID, stored, 8, envelope)


def test_sealing_twice_gives_other_bytes() -> None:
    assert seal_inline(ID, b"x", SEALED) != seal_inline(ID, b"x", SEALED)


def test_sealed_bodies_need_their_key() -> None:
    stored = seal_inline(ID, b"x", SEALED)
    with pytest.raises(WrongMasterKey):
        open_inline(ID, stored, 1, None)
    with pytest.raises(WrongMasterKey):
        open_inline(ID, stored, 1, Envelope((b"k" * 32,), None, os.urandom))


def test_an_envelope_that_only_opens_writes_plain_and_reads_both() -> None:
    opening = Envelope((KEK,), None, os.urandom)
    plain = seal_inline(ID, b"x", opening)
    assert plain[0] == 0
    assert open_inline(ID, plain, 1, opening) == b"x"
    assert open_inline(ID, seal_inline(ID, b"y", SEALED), 1, opening) == b"y"


CUSTOMER = Seal(customer_key=b"c" * 32)


@pytest.mark.parametrize("envelope", [None, SEALED], ids=["plain", "sealed"])
@given(data=st.binary(max_size=5000), id=st.binary(min_size=16, max_size=16))
def test_a_customers_key_opens_its_body(envelope: Envelope | None, data: bytes, id: bytes) -> None:
    stored = seal_inline(id, data, envelope, CUSTOMER)
    assert len(stored) == len(data) + 57
    assert open_inline(id, stored, len(data), envelope, b"c" * 32) == data


def test_without_the_customers_key_only_the_digest_can_be_checked() -> None:
    stored = seal_inline(ID, b"x" * 9, SEALED, CUSTOMER)
    with pytest.raises(CustomerKeyNeeded):
        open_inline(ID, stored, 9, SEALED)
    with pytest.raises(CorruptBlob, match="authentication"):
        open_inline(ID, stored, 9, SEALED, b"d" * 32)
    for at in range(len(stored)):
        bad = bytearray(stored)
        bad[at] ^= 1
        with pytest.raises(CorruptBlob):
            open_inline(ID, bytes(bad), 9, SEALED)


def test_a_named_key() -> None:
    other = b"o" * 32
    named = {"orders": NamedKey(key_id(other), True)}
    envelope = Envelope((KEK, other), key_id(KEK), os.urandom, named=named, seals_all=False)
    assert seal_inline(ID, b"x", envelope)[:1] == b"\x00"
    stored = seal_inline(ID, b"x", envelope, Seal("orders", demanded=True))
    assert stored[9:17] == key_id(other)
    assert open_inline(ID, stored, 1, envelope) == b"x"
    with pytest.raises(WrongMasterKey):
        seal_inline(ID, b"x", None, Seal(demanded=True))
