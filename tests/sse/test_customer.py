"""What is derived from a customer's key."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from z4tw.sse.customer import SALT_BYTES, body_key, hkdf, is_right_key, verifier

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
SALT = bytes(SALT_BYTES)
ID = b"i" * 16


def test_it_is_hkdf() -> None:
    for purpose in (b"", b"some purpose"):
        salt = os.urandom(SALT_BYTES)
        expected = HKDF(hashes.SHA256(), 32, salt, purpose).derive(KEY)
        assert hkdf(KEY, salt, purpose) == expected


def test_every_body_salt_and_key_has_a_key_of_its_own() -> None:
    keys = {
        body_key(key, salt, id)
        for key in (KEY, OTHER)
        for salt in (SALT, b"s" * SALT_BYTES)
        for id in (ID, b"j" * 16)
    }
    assert len(keys) == 8
    assert verifier(KEY, SALT) not in keys


def test_the_verifier_knows_its_key_alone() -> None:
    stored = verifier(KEY, SALT)
    assert is_right_key(KEY, SALT, stored)
    assert not is_right_key(OTHER, SALT, stored)
    assert not is_right_key(KEY, b"s" * SALT_BYTES, stored)
    assert not is_right_key(KEY, SALT, b"")
    assert not is_right_key(b"", SALT, stored)
