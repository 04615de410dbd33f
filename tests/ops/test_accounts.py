"""Names, ids and secrets of keys, and the records of accounts."""

from __future__ import annotations

import os
import re

import pytest

from tests.ops.harness import Harness, run
from z4tw.ops.accounts import (
    AdminError,
    check_credentials,
    check_name,
    ensure_root_account,
    find_key,
    new_access_key_id,
    new_account,
    new_secret,
    put_root_user,
    read_account,
    read_user,
    touched,
)


def test_new_ids_and_secrets_look_like_awss_and_need_no_quoting() -> None:
    for _ in range(200):
        assert re.fullmatch(r"Z4[A-Z2-7]{18}", new_access_key_id(os.urandom))
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{39}", new_secret(os.urandom))
    assert len({new_secret(os.urandom) for _ in range(50)}) == 50


def test_a_secret_never_begins_like_an_option() -> None:
    assert new_secret(lambda n: b"\xff" * n)[0] != "-"


def test_a_new_account_has_a_canonical_id_and_a_12_digit_number() -> None:
    account = new_account("alice", (7 << 112).to_bytes(20, "big"), os.urandom)
    assert re.fullmatch(r"[0-9a-f]{64}", account.id)
    assert re.fullmatch(r"[0-9]{12}", account.number)
    assert account.created_ms == 7
    assert new_account("bob", bytes(20), bytes).number == "0" * 12


@pytest.mark.parametrize("name", ["a", "alice", "a" * 64, "ci+deploy=1,x.y@z_0-9"])
def test_good_names(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["", "a" * 65, "a b", "a/b", "ä", "a\n", "<x>"])
def test_bad_names_are_refused_in_one_line(name: str) -> None:
    with pytest.raises(AdminError) as caught:
        check_name(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key_id", "secret"),
    [("abc", "12345678"), ("minioadmin", "minioadmin"), ("AKIA" + "X" * 124, "~!@#$%^&*()/+" * 9)],
)
def test_good_credentials(key_id: str, secret: str) -> None:
    check_credentials(key_id, secret)


@pytest.mark.parametrize(
    ("key_id", "secret"),
    [
        ("ab", "12345678"),
        ("a" * 129, "12345678"),
        ("has/slash", "12345678"),
        ("has,comma", "12345678"),
        ("has=equals", "12345678"),
        ("has space", "12345678"),
        ("näh", "12345678"),
        ("abc", "1234567"),
        ("abc", "x" * 129),
        ("abc", "with space"),
        ("abc", "tab\tinside"),
        ("abc", "geheimnüsse"),
    ],
)
def test_bad_credentials_are_refused_without_showing_the_secret(key_id: str, secret: str) -> None:
    with pytest.raises(AdminError) as caught:
        check_credentials(key_id, secret)
    assert secret not in str(caught.value)


def test_the_root_account_is_made_once() -> None:
    harness = Harness()
    first = run(ensure_root_account(harness.store, harness.stamps.stamp, harness.random.randbytes))
    again = run(ensure_root_account(harness.store, harness.stamps.stamp, harness.random.randbytes))
    assert first == again
    assert run(read_user(harness.store, first.id)).admin
    assert run(read_account(harness.store, "root")) == first


def test_a_root_user_gets_new_rights_only_when_they_differ() -> None:
    harness = Harness()
    account = run(read_account(harness.store, "user"))
    before = run(read_user(harness.store, account.id))
    same = run(put_root_user(harness.store, account, harness.stamps.stamp, False, True))
    assert same == before
    changed = run(put_root_user(harness.store, account, harness.stamps.stamp, True, False))
    assert changed.admin
    assert not changed.may_create_buckets
    assert changed.stamp > before.stamp


def test_touching_changes_only_the_stamp() -> None:
    harness = Harness()
    account = run(read_account(harness.store, "user"))
    later = touched(account, harness.stamps.stamp)
    assert later.stamp > account.stamp
    assert later.id == account.id


def test_a_key_is_found_by_its_name_first_and_then_by_its_id() -> None:
    harness = Harness()
    alice = harness.key("alice")
    assert run(find_key(harness.store, "alice")).access_key_id == alice.access_key_id
    assert run(find_key(harness.store, alice.access_key_id)).name == "alice"
    run(harness.admin.key_import("bob", "alice2", "12345678"))
    run(harness.admin.key_import("alice2", "bobs-id", "12345678"))
    assert run(find_key(harness.store, "alice2")).access_key_id == "bobs-id"
    with pytest.raises(AdminError, match="no key named nobody"):
        run(find_key(harness.store, "nobody"))
