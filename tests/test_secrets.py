"""Sealed secrets open for their own access key with their own control key, and not otherwise."""

from __future__ import annotations

import os

import pytest

from z4tw.errors import WrongMasterKey
from z4tw.secrets import SecretSeal

KEY = bytes(range(32))


def test_a_sealed_secret_opens_again() -> None:
    seal = SecretSeal(KEY, os.urandom)
    assert seal.unseal("AKID", seal.seal("AKID", "s3cret")) == "s3cret"


def test_the_secret_is_not_in_its_stored_form_and_no_two_forms_are_alike() -> None:
    seal = SecretSeal(KEY, os.urandom)
    first, second = seal.seal("AKID", "s3cret"), seal.seal("AKID", "s3cret")
    assert b"s3cret" not in first
    assert first != second


def test_it_does_not_open_for_another_access_key() -> None:
    seal = SecretSeal(KEY, os.urandom)
    with pytest.raises(WrongMasterKey, match="OTHER"):
        seal.unseal("OTHER", seal.seal("AKID", "s3cret"))


def test_it_does_not_open_with_another_control_key() -> None:
    sealed = SecretSeal(KEY, os.urandom).seal("AKID", "s3cret")
    with pytest.raises(WrongMasterKey):
        SecretSeal(bytes(32), os.urandom).unseal("AKID", sealed)


@pytest.mark.parametrize("position", [0, 1, 13, -1])
def test_a_changed_byte_is_noticed(position: int) -> None:
    seal = SecretSeal(KEY, os.urandom)
    sealed = bytearray(seal.seal("AKID", "s3cret"))
    sealed[position] ^= 1
    with pytest.raises(WrongMasterKey):
        seal.unseal("AKID", bytes(sealed))


@pytest.mark.parametrize("stored", [b"", b"\x01", b"\x01" + bytes(12)])
def test_a_cut_off_form_is_refused(stored: bytes) -> None:
    with pytest.raises(WrongMasterKey):
        SecretSeal(KEY, os.urandom).unseal("AKID", stored)


def test_a_control_key_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        SecretSeal(b"short", os.urandom)


def test_keys_for_other_purposes_are_derived_and_differ() -> None:
    one = SecretSeal(bytes(32), os.urandom)
    assert len(one.derive(b"a")) == 32
    assert one.derive(b"a") == SecretSeal(bytes(32), os.urandom).derive(b"a")
    assert one.derive(b"a") != one.derive(b"b")
    assert one.derive(b"a") != SecretSeal(b"k" * 32, os.urandom).derive(b"a")
