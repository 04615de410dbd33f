"""Signing keys: derived as AWS says, HMAC by pieces, a cache that stays small."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.sigv4 import SigningKey, SigningKeys, derive_key


def test_a_key_is_derived_as_in_awss_documentation() -> None:
    # The example of the AWS General Reference is for another service, so each step is redone.
    key = b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    for text in (b"20150830", b"us-east-1", b"s3", b"aws4_request"):
        key = hmac.new(key, text, "sha256").digest()
    assert derive_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1") == key


@given(st.binary(max_size=64), st.binary(max_size=300))
def test_signing_is_hmac_sha256(key: bytes, text: bytes) -> None:
    signer = SigningKey(key)
    assert signer.sign(text) == hmac.digest(key, text, "sha256").hex()
    assert signer.sign(text) == signer.sign(text)


def test_a_key_longer_than_a_block_is_refused() -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        SigningKey(bytes(65))


def test_the_cache_gives_the_same_key_again() -> None:
    keys = SigningKeys(size=2)
    assert keys.get("s", "20130524", "r") is keys.get("s", "20130524", "r")
    assert keys.get("s", "20130524", "r") is not keys.get("t", "20130524", "r")


def test_a_changed_secret_day_or_region_is_another_key() -> None:
    keys = SigningKeys()
    names = [("s", "20130524", "r"), ("t", "20130524", "r"), ("s", "20130525", "r"),
             ("s", "20130524", "q")]  # fmt: skip
    assert len({keys.get(*name).sign(b"") for name in names}) == 4
    assert len(keys) == 4


def test_the_least_recently_used_key_goes_first() -> None:
    keys = SigningKeys(size=2)
    first = keys.get("1", "d", "r")
    second = keys.get("2", "d", "r")
    assert keys.get("1", "d", "r") is first
    keys.get("3", "d", "r")
    assert len(keys) == 2
    assert keys.get("1", "d", "r") is first
    assert keys.get("2", "d", "r") is not second


def test_a_cache_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        SigningKeys(size=0)
