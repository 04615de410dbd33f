"""The store's keys: made once, refused with a wrong master key, rotated."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from z4tw.errors import WrongMasterKey
from z4tw.keyring import store_keys
from z4tw.keyring.local import LocalKeyring
from z4tw.keyring.store_keys import (
    KEY_FILE,
    KeyringChange,
    add_key,
    open_store_keys,
    read_stored,
    rewrap,
    set_enabled,
)
from z4tw.sse.envelope import Envelope

ONE, TWO = bytes(32), bytes(range(32))
ID = b"i" * 16
T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as stopped:
        return stopped.value  # type: ignore[no-any-return]
    raise AssertionError("the coroutine waits")


def ring(*keys: bytes) -> LocalKeyring:
    return LocalKeyring(keys, os.urandom)


def opened(data: Path, keyring: LocalKeyring | None, encrypt_new: bool = True) -> Envelope | None:
    return run(open_store_keys(str(data), keyring, os.urandom, encrypt_new=encrypt_new))


def envelope(data: Path, keyring: LocalKeyring, encrypt_new: bool = True) -> Envelope:
    found = opened(data, keyring, encrypt_new)
    assert found is not None
    return found


def test_a_store_without_encryption_has_no_keys(tmp_path: Path) -> None:
    assert opened(tmp_path, None) is None
    assert opened(tmp_path, ring(ONE), encrypt_new=False) is None
    assert list(tmp_path.iterdir()) == []


def test_keys_are_made_once_and_stay(tmp_path: Path) -> None:
    first = envelope(tmp_path, ring(ONE))
    assert first.seals
    key, sealed = first.new_data_key(ID)
    again = envelope(tmp_path, ring(ONE))
    assert again.key_ids == first.key_ids
    assert again.data_key(ID, sealed) == key


def test_the_file_is_private_holds_no_key_and_is_as_specified(tmp_path: Path) -> None:
    run(open_store_keys(str(tmp_path), ring(ONE), lambda n: b"k" * n))
    path = tmp_path / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = json.loads(path.read_text())
    assert set(content) == {"format", "active", "keys"}
    assert content["format"] == 1
    [key] = content["keys"]
    assert set(key) == {"id", "master", "wrapped"}
    assert key["id"] == content["active"]
    assert key["master"] == ring(ONE).key_id
    assert "a2tra2tr" not in path.read_text()
    assert [p.name for p in path.parent.iterdir()] == ["keyring.json"]


def test_an_absent_master_key_is_refused_and_named(tmp_path: Path) -> None:
    opened(tmp_path, ring(ONE))
    with pytest.raises(WrongMasterKey, match=ring(ONE).key_id) as caught:
        opened(tmp_path, None)
    assert "\n" not in str(caught.value)


def test_a_wrong_master_key_is_refused_and_both_are_named(tmp_path: Path) -> None:
    opened(tmp_path, ring(ONE))
    before = (tmp_path / KEY_FILE).read_bytes()
    with pytest.raises(WrongMasterKey, match=ring(ONE).key_id) as caught:
        opened(tmp_path, ring(TWO))
    assert ring(TWO).key_id in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (tmp_path / KEY_FILE).read_bytes() == before


def test_turned_off_new_blobs_are_plain_and_old_ones_open(tmp_path: Path) -> None:
    key, sealed = envelope(tmp_path, ring(ONE)).new_data_key(ID)
    off = envelope(tmp_path, ring(ONE), encrypt_new=False)
    assert not off.seals
    assert off.data_key(ID, sealed) == key


def test_rewrapping_replaces_the_master_key_only(tmp_path: Path) -> None:
    key, sealed = envelope(tmp_path, ring(ONE)).new_data_key(ID)
    assert envelope(tmp_path, ring(TWO, ONE)).data_key(ID, sealed) == key
    assert run(rewrap(str(tmp_path), ring(TWO, ONE))) == 1
    assert run(rewrap(str(tmp_path), ring(TWO, ONE))) == 0
    assert envelope(tmp_path, ring(TWO)).data_key(ID, sealed) == key
    with pytest.raises(WrongMasterKey):
        opened(tmp_path, ring(ONE))


def test_a_new_key_seals_and_the_old_one_still_opens(tmp_path: Path) -> None:
    key, sealed = envelope(tmp_path, ring(ONE)).new_data_key(ID)
    new_id = run(add_key(str(tmp_path), ring(ONE), os.urandom))
    both = envelope(tmp_path, ring(ONE))
    assert len(both.key_ids) == 2
    assert both.data_key(ID, sealed) == key
    assert both.new_data_key(ID)[1][1:9].hex() == new_id
    assert run(rewrap(str(tmp_path), ring(TWO, ONE))) == 2


def test_there_is_nothing_to_rotate_in_a_plain_store(tmp_path: Path) -> None:
    with pytest.raises(WrongMasterKey, match="not encrypted"):
        run(rewrap(str(tmp_path), ring(ONE)))
    with pytest.raises(WrongMasterKey, match="not encrypted"):
        run(add_key(str(tmp_path), ring(ONE), os.urandom))


def damaged(content: dict[str, Any]) -> list[bytes]:
    """Forms of a key file that must not be taken for a good one."""
    other = {**content, "active": "00" * 8}
    newer = {**content, "format": 2}
    badly = {**content, "active": "not hex"}
    swapped = {**content, "keys": [{**content["keys"][0], "id": "00" * 8}]}
    forms = [json.dumps(form).encode() for form in (other, newer, badly, swapped)]
    return [b"", b"{", b"[]", b"{}", *forms]


def test_a_damaged_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    opened(tmp_path, ring(ONE))
    path = tmp_path / KEY_FILE
    for bad in damaged(json.loads(path.read_text())):
        path.write_bytes(bad)
        with pytest.raises(WrongMasterKey) as caught:
            opened(tmp_path, ring(ONE))
        assert "\n" not in str(caught.value)
        assert path.read_bytes() == bad


def test_a_keyring_that_gives_another_key_is_found_out(tmp_path: Path) -> None:
    class Wrong(LocalKeyring):
        async def unwrap(self, wrapped: bytes, context: Any) -> bytes:
            return b"w" * 32

    opened(tmp_path, ring(ONE))
    with pytest.raises(WrongMasterKey, match="fails its check"):
        opened(tmp_path, Wrong([ONE], os.urandom))


def test_the_file_is_synced_before_it_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fsync, rename = os.fsync, os.rename

    def record_fsync(fd: int) -> None:
        calls.append("fsync " + Path(os.readlink(f"/proc/self/fd/{fd}")).name)
        fsync(fd)

    def record_rename(source: str, target: str) -> None:
        calls.append("rename")
        rename(source, target)

    monkeypatch.setattr(store_keys.os, "fsync", record_fsync)
    monkeypatch.setattr(store_keys.os, "rename", record_rename)
    opened(tmp_path, ring(ONE))
    assert calls == [
        "fsync keyring.json.new",
        "rename",
        "fsync _z4meta",
        "fsync " + tmp_path.name,
    ]


def names_of(tmp_path: Path) -> tuple[str, ...]:
    stored = read_stored(str(tmp_path / KEY_FILE))
    assert stored is not None
    return stored.names


def test_named_keys(tmp_path: Path) -> None:
    folder = str(tmp_path)
    first = run(add_key(folder, ring(ONE), os.urandom, "orders"))
    keys = envelope(tmp_path, ring(ONE))
    named = keys.named("orders")
    assert named is not None
    assert (named.kek_id.hex(), named.enabled) == (first, True)
    _, own = keys.new_data_key(ID)
    data_key, sealed = keys.new_data_key(ID, "orders")
    assert own[1:9] != sealed[1:9] == named.kek_id
    second = run(add_key(folder, ring(ONE), os.urandom, "orders"))
    renewed = envelope(tmp_path, ring(ONE))
    assert renewed.new_data_key(ID, "orders")[1][1:9].hex() == second != first
    assert renewed.new_data_key(ID)[1][1:9] == own[1:9]
    assert renewed.data_key(ID, sealed) == data_key
    assert names_of(tmp_path) == ("orders",)


def test_a_disabled_key_is_told_and_kept(tmp_path: Path) -> None:
    folder = str(tmp_path)
    run(add_key(folder, ring(ONE), os.urandom, "orders"))
    assert set_enabled(folder, "orders", False)
    assert not set_enabled(folder, "orders", False)
    named = envelope(tmp_path, ring(ONE)).named("orders")
    assert named is not None
    assert not named.enabled
    assert run(rewrap(folder, ring(TWO, ONE))) == 2
    again = envelope(tmp_path, ring(TWO)).named("orders")
    assert again == named
    assert set_enabled(folder, "orders", True)
    assert envelope(tmp_path, ring(TWO)).named("orders") == named._replace(enabled=True)
    with pytest.raises(KeyringChange, match="no key 'bills'"):
        set_enabled(folder, "bills", False)


def test_only_what_asks_is_encrypted_when_that_is_wanted(tmp_path: Path) -> None:
    keys = run(open_store_keys(str(tmp_path), ring(ONE), os.urandom, encrypt_all=False))
    assert keys is not None
    assert (keys.seals, keys.seals_all) == (True, False)


class Killed(BaseException):
    """The process ends at this very call."""


@pytest.mark.parametrize("work", ["rotate", "create", "disable"])
@pytest.mark.parametrize("call", range(6))
def test_killed_at_any_step_the_old_or_the_new_file_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: str, call: int
) -> None:
    """Open, write, fsync, rename, and the fsync of two directories."""
    folder = str(tmp_path)
    _, sealed = envelope(tmp_path, ring(ONE)).new_data_key(ID)
    run(add_key(folder, ring(ONE), os.urandom, "orders"))
    before = (tmp_path / KEY_FILE).read_bytes()
    left = [call]

    def killing(function: Any) -> Any:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            if not left[0]:
                raise Killed
            left[0] -= 1
            return function(*arguments, **options)

        return wrapped

    with monkeypatch.context() as patched:
        for name in ("open", "fdopen", "fsync", "rename"):
            patched.setattr(store_keys.os, name, killing(getattr(os, name)))
        steps: dict[str, Any] = {
            "rotate": lambda: run(rewrap(folder, ring(TWO, ONE))),
            "create": lambda: run(add_key(folder, ring(ONE), os.urandom, "bills")),
            "disable": lambda: set_enabled(folder, "orders", False),
        }
        with pytest.raises(Killed):
            steps[work]()
    after = (tmp_path / KEY_FILE).read_bytes()
    keys = envelope(tmp_path, ring(TWO, ONE))
    assert keys.data_key(ID, sealed)
    assert keys.named("orders") is not None
    if after != before:
        assert call > 3, "nothing may change before the rename"
        changed = {"rotate": ring(TWO), "create": ring(ONE), "disable": ring(ONE)}[work]
        assert envelope(tmp_path, changed).data_key(ID, sealed)
    steps[work]()
    if work == "rotate":
        assert envelope(tmp_path, ring(TWO)).data_key(ID, sealed)
