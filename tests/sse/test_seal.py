"""How new bodies are sealed, and how their keys are found again."""

from __future__ import annotations

import os

import pytest

from z4tw.errors import CorruptBlob, CustomerKeyNeeded, WrongMasterKey
from z4tw.sse.envelope import Envelope, NamedKey, key_id
from z4tw.sse.seal import (
    BY_DEFAULT,
    Seal,
    blocks_cipher,
    kek_sealed,
    new_ciphers,
    record_cipher,
)

OWN, NAMED = bytes(32), bytes(range(32))
NAMES = {"orders": NamedKey(key_id(NAMED), True)}
KEYS = Envelope((OWN, NAMED), key_id(OWN), os.urandom, named=NAMES)
ASKED = Envelope((OWN, NAMED), key_id(OWN), os.urandom, named=NAMES, seals_all=False)
READING = Envelope((OWN, NAMED), None, os.urandom)
ID = b"i" * 16
CUSTOMER, OTHER = b"c" * 32, b"d" * 32


def test_the_store_decides_where_nobody_asks() -> None:
    assert new_ciphers(ID, BY_DEFAULT, KEYS, os.urandom).sealed_key[1:9] == key_id(OWN)
    for envelope in (None, ASKED, READING):
        assert new_ciphers(ID, BY_DEFAULT, envelope, os.urandom) == (None, None, b"")


@pytest.mark.parametrize("envelope", [KEYS, ASKED])
def test_what_is_demanded_is_sealed(envelope: Envelope) -> None:
    own = new_ciphers(ID, Seal(demanded=True), envelope, os.urandom)
    named = new_ciphers(ID, Seal("orders", demanded=True), envelope, os.urandom)
    assert own.sealed_key[1:9] == key_id(OWN)
    assert named.sealed_key[1:9] == key_id(NAMED)
    for blocks, record, sealed_key in (own, named):
        assert blocks is not None
        opening = blocks_cipher(ID, sealed_key, READING, b"")
        assert opening is not None
        assert opening.open(0, True, blocks.seal(0, True, b"data")) == b"data"
        assert record is blocks


@pytest.mark.parametrize("envelope", [None, READING])
def test_what_is_demanded_is_never_left_open(envelope: Envelope | None) -> None:
    with pytest.raises(WrongMasterKey):
        new_ciphers(ID, Seal(demanded=True), envelope, os.urandom)


@pytest.mark.parametrize("envelope", [None, KEYS], ids=["plain", "sealed"])
def test_a_customers_key_seals_the_blocks_and_not_the_record(envelope: Envelope | None) -> None:
    blocks, record, sealed_key = new_ciphers(ID, Seal(customer_key=CUSTOMER), envelope, os.urandom)
    assert blocks is not None
    stored = blocks.seal(0, True, b"data")
    opening = blocks_cipher(ID, sealed_key, envelope, CUSTOMER)
    assert opening is not None
    assert opening.open(0, True, stored) == b"data"
    wrong = blocks_cipher(ID, sealed_key, envelope, OTHER)
    assert wrong is not None
    with pytest.raises(CorruptBlob):
        wrong.open(0, True, stored)
    with pytest.raises(CustomerKeyNeeded):
        blocks_cipher(ID, sealed_key, envelope, b"")
    assert (record is None) == (envelope is None) == (not kek_sealed(sealed_key))
    again = record_cipher(ID, sealed_key, envelope)
    if record is not None:
        assert again is not None
        assert again.open_record(record.seal_record(b"record")) == b"record"


def test_a_cut_salt_is_damage() -> None:
    with pytest.raises(CorruptBlob, match="cut off"):
        blocks_cipher(ID, b"\x02short", KEYS, CUSTOMER)


def test_a_plain_blob_needs_no_cipher() -> None:
    assert blocks_cipher(ID, b"", None, b"") is None
    assert record_cipher(ID, b"", None) is None
