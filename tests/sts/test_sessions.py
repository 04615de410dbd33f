"""Session tokens: opened by this store only, and only as they were made."""

from __future__ import annotations

import base64
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.errors import InvalidToken
from z4tw.secrets import SecretSeal
from z4tw.sts.sessions import KEY_ID_PREFIX, LONGEST_TOKEN, Session, SessionSeal

SESSION = Session("ZT4" + "A" * 17, "Z4KEY", 12, "user", 100, 200, "name", b"{}")


def seal(key: bytes = bytes(32), seed: int = 0) -> SessionSeal:
    random = Random(seed)
    return SessionSeal(SecretSeal(key, random.randbytes).derive, random.randbytes)


def test_a_token_gives_its_session_again_in_every_process() -> None:
    token = seal().seal(SESSION)
    assert seal(seed=1).open(token) == SESSION
    assert seal(seed=1).secret(SESSION) == seal(seed=2).secret(SESSION)
    assert len(seal().secret(SESSION)) == 40


def test_a_token_shows_nothing() -> None:
    raw = base64.b64decode(seal().seal(SESSION))
    secret = seal().secret(SESSION)
    for hidden in (b"Z4KEY", b"user", b"name", b"{}", secret.encode()):
        assert hidden not in raw


def test_key_ids_are_of_their_own_kind_and_their_secrets_differ() -> None:
    one, other = seal(seed=1).new_access_key_id(), seal(seed=2).new_access_key_id()
    assert one != other
    assert len(one) == 20
    assert one.startswith(KEY_ID_PREFIX)
    assert not one.startswith("Z4")
    renamed = msgspec.structs.replace(SESSION, access_key_id=one)
    assert seal().secret(renamed) != seal().secret(SESSION)


def test_a_token_of_another_store_is_none() -> None:
    with pytest.raises(InvalidToken):
        seal(b"k" * 32).open(seal().seal(SESSION))


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_token_is_none(at: int, change: int) -> None:
    raw = bytearray(base64.b64decode(seal().seal(SESSION)))
    raw[at % len(raw)] ^= change
    with pytest.raises(InvalidToken):
        seal().open(base64.b64encode(raw).decode())


@given(st.text(max_size=200))
def test_any_text_is_no_token(text: str) -> None:
    with pytest.raises(InvalidToken):
        seal().open(text)


@pytest.mark.parametrize("token", ["", "AAAA", "A" * (LONGEST_TOKEN + 4), "=" * 8])
def test_short_and_long_texts_are_no_tokens(token: str) -> None:
    with pytest.raises(InvalidToken):
        seal().open(token)


def test_a_token_cut_short_or_lengthened_is_none() -> None:
    token = seal().seal(SESSION)
    raw = base64.b64decode(token)
    for other in (raw[:-1], raw[1:], raw + b"\0"):
        with pytest.raises(InvalidToken):
            seal().open(base64.b64encode(other).decode())
