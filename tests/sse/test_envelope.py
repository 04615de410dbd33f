"""The envelope of key-encryption keys."""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from z4tw.errors import CorruptBlob, WrongMasterKey
from z4tw.sse.envelope import Envelope, NamedKey, derive, key_id

OLD, NEW = bytes(32), bytes(range(32))
ID, OTHER = b"i" * 16, b"j" * 16


def envelope(*keks: bytes, active: bytes | None = None) -> Envelope:
    return Envelope(keks or (NEW,), key_id(active or NEW), os.urandom)


def test_a_data_key_comes_back() -> None:
    key, sealed = envelope().new_data_key(ID)
    assert len(key) == 32
    assert key not in sealed
    assert len(sealed) == 69
    assert envelope().data_key(ID, sealed) == key
    assert envelope().new_data_key(ID)[0] != key


def test_a_sealed_key_is_bound_to_its_blob_and_its_bytes() -> None:
    _, sealed = envelope().new_data_key(ID)
    with pytest.raises(CorruptBlob):
        envelope().data_key(OTHER, sealed)
    for at in (0, 9, 30, 68):
        bad = bytearray(sealed)
        bad[at] ^= 1
        with pytest.raises(CorruptBlob):
            envelope().data_key(ID, bytes(bad))
    for bad_length in (b"", sealed[:-1], sealed + b"x"):
        with pytest.raises(CorruptBlob):
            envelope().data_key(ID, bad_length)


def test_a_key_that_is_not_here_is_named() -> None:
    _, sealed = envelope().new_data_key(ID)
    with pytest.raises(WrongMasterKey, match=key_id(NEW).hex()):
        envelope(OLD, active=OLD).data_key(ID, sealed)


def test_old_keys_open_and_the_active_one_seals() -> None:
    key, sealed = envelope(OLD, active=OLD).new_data_key(ID)
    both = envelope(OLD, NEW)
    assert both.key_ids == (key_id(OLD), key_id(NEW))
    assert both.data_key(ID, sealed) == key
    assert both.new_data_key(ID)[1][1:9] == key_id(NEW)


def test_without_an_active_key_it_only_opens() -> None:
    key, sealed = envelope().new_data_key(ID)
    small = envelope().seal_small(ID, b"small")
    opening = Envelope((NEW,), None, os.urandom)
    assert not opening.seals
    assert envelope().seals
    assert opening.data_key(ID, sealed) == key
    assert opening.open_small(ID, small) == b"small"
    for use in (lambda: opening.new_data_key(ID), lambda: opening.seal_small(ID, b"")):
        with pytest.raises(ValueError, match="only opens"):
            use()


def test_small_bodies_come_back_and_are_bound() -> None:
    for data in (b"", b"x", bytes(5000)):
        stored = envelope().seal_small(ID, data)
        assert len(stored) == len(data) + 36
        assert envelope().open_small(ID, stored) == data
    with pytest.raises(CorruptBlob):
        envelope().open_small(OTHER, stored)
    for bad in (stored[:-1], stored[:20], stored[:10], stored[:8]):
        with pytest.raises(CorruptBlob):
            envelope().open_small(ID, bad)
    with pytest.raises(WrongMasterKey):
        envelope(OLD, active=OLD).open_small(ID, stored)


def test_wrong_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Envelope((b"short",), None, os.urandom)
    with pytest.raises(ValueError, match="active"):
        Envelope((OLD,), key_id(NEW), os.urandom)


def test_derivation_is_the_expand_step_of_hkdf() -> None:
    info = b"z4tw blob key" + ID
    assert derive(NEW, info) == HKDFExpand(hashes.SHA256(), 32, info).derive(NEW)
    assert key_id(NEW) == HKDFExpand(hashes.SHA256(), 8, b"z4tw key id").derive(NEW)


def test_the_sealed_form_is_as_specified() -> None:
    key, sealed = envelope().new_data_key(ID)
    wrapping = HKDFExpand(hashes.SHA256(), 32, b"z4tw blob key" + ID).derive(NEW)
    assert sealed[:1] == b"\x01"
    assert AESGCM(wrapping).decrypt(sealed[9:21], sealed[21:], sealed[:9] + ID) == key
    small = envelope().seal_small(ID, b"x")
    inline = HKDFExpand(hashes.SHA256(), 32, b"z4tw inline key" + ID).derive(NEW)
    assert AESGCM(inline).decrypt(small[8:20], small[20:], b"z4i1" + ID) == b"x"


def test_a_named_key_seals_under_its_name() -> None:
    named = {"orders": NamedKey(key_id(OLD), True), "bills": NamedKey(key_id(NEW), False)}
    keys = Envelope((OLD, NEW), key_id(NEW), os.urandom, named=named)
    key, sealed = keys.new_data_key(ID, "orders")
    assert sealed[1:9] == key_id(OLD)
    assert keys.data_key(ID, sealed) == key
    assert keys.seal_small(ID, b"x", "orders")[:8] == key_id(OLD)
    assert keys.named("bills") == (key_id(NEW), False)
    assert keys.named("none") is None


def test_the_same_data_key_under_another_key() -> None:
    named = {"orders": NamedKey(key_id(OLD), True)}
    keys = Envelope((OLD, NEW), key_id(NEW), os.urandom, named=named)
    key, sealed = keys.new_data_key(ID)
    again = keys.rewrap(ID, sealed, "orders")
    assert again[1:9] == key_id(OLD)
    assert keys.data_key(ID, again) == key
    with pytest.raises(CorruptBlob):
        keys.rewrap(OTHER, sealed, "orders")


def test_it_may_seal_only_what_is_to_be_sealed() -> None:
    keys = Envelope((NEW,), key_id(NEW), os.urandom, seals_all=False)
    assert (keys.seals, keys.seals_all) == (True, False)
    only_opens = Envelope((NEW,), None, os.urandom)
    assert (only_opens.seals, only_opens.seals_all) == (False, False)
