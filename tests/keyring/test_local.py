"""The local keyring: parsing keys, wrapping, and what it refuses."""

from __future__ import annotations

import base64
import os
from collections.abc import Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from zope.interface.verify import verifyObject

from z4tw.errors import WrongMasterKey
from z4tw.interfaces import IKeyring, IPluginFactory
from z4tw.keyring.local import (
    LocalKeyring,
    local_keyring,
    parse_master_key,
    parse_master_keys,
    read_key_file,
)

ONE, TWO = bytes(32), bytes(range(32))
KEK = b"k" * 32
CONTEXT = {"id": "1", "purpose": "test"}
T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits."""
    with pytest.raises(StopIteration) as stopped:
        coroutine.send(None)
    return stopped.value.value  # type: ignore[no-any-return]


def test_it_provides_the_interfaces() -> None:
    verifyObject(IKeyring, LocalKeyring([ONE], os.urandom))
    verifyObject(IPluginFactory, local_keyring)


def test_a_key_comes_back() -> None:
    keyring = LocalKeyring([ONE], os.urandom)
    wrapped = run(keyring.wrap(KEK, CONTEXT))
    assert KEK not in wrapped
    assert len(wrapped) == 69
    assert run(keyring.unwrap(wrapped, dict(reversed(CONTEXT.items())))) == KEK


def test_the_first_key_wraps_and_all_unwrap() -> None:
    wrapped = run(LocalKeyring([ONE], os.urandom).wrap(KEK, CONTEXT))
    both = LocalKeyring([TWO, ONE], os.urandom)
    assert run(both.unwrap(wrapped, CONTEXT)) == KEK
    again = run(both.wrap(KEK, CONTEXT))
    assert run(LocalKeyring([TWO], os.urandom).unwrap(again, CONTEXT)) == KEK
    assert both.key_id == LocalKeyring([TWO], os.urandom).key_id


def test_a_wrong_master_key_context_or_form_is_refused() -> None:
    keyring = LocalKeyring([ONE], os.urandom)
    wrapped = run(keyring.wrap(KEK, CONTEXT))
    with pytest.raises(WrongMasterKey, match=keyring.key_id):
        run(LocalKeyring([TWO], os.urandom).unwrap(wrapped, CONTEXT))
    for bad, context in (
        (wrapped, {"id": "2", "purpose": "test"}),
        (wrapped[:-1], CONTEXT),
        (wrapped[:15], CONTEXT),
        (b"\2" + wrapped[1:], CONTEXT),
        (b"", CONTEXT),
    ):
        with pytest.raises(WrongMasterKey):
            run(keyring.unwrap(bad, context))


def test_keys_are_read_as_hex_or_base64() -> None:
    for text in (
        TWO.hex(),
        TWO.hex().upper(),
        base64.b64encode(TWO).decode(),
        base64.b64encode(TWO).decode().rstrip("="),
        base64.urlsafe_b64encode(TWO).decode(),
    ):
        assert parse_master_key(text) == TWO


@pytest.mark.parametrize(
    "text", ["", "short", "g" * 64, TWO.hex()[:-2], base64.b64encode(bytes(31)).decode(), "!" * 44]
)
def test_other_keys_are_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ValueError, match="32 bytes") as caught:
        parse_master_key(text)
    assert not text or text not in str(caught.value)


def test_several_keys_and_comments() -> None:
    text = f"# new\n{TWO.hex()}  # since May\n\n{ONE.hex()},{TWO.hex()}\n"
    assert parse_master_keys(text) == [TWO, ONE, TWO]
    assert parse_master_keys("# nothing") == []


def test_key_files(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    with pytest.raises(ValueError, match="cannot be read"):
        read_key_file(str(path))
    path.write_text("# no key\n")
    path.chmod(0o600)
    with pytest.raises(ValueError, match="holds no key"):
        read_key_file(str(path))
    path.write_text(TWO.hex() + "\n")
    assert read_key_file(str(path)) == [TWO]
    path.chmod(0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        read_key_file(str(path))
    path.write_bytes(b"\xff\xfe")
    path.chmod(0o600)
    with pytest.raises(ValueError, match="32 bytes"):
        read_key_file(str(path))


def test_a_keyring_needs_keys_of_the_right_length() -> None:
    for keys in ([], [b"short"], [ONE, b"short"]):
        with pytest.raises(ValueError, match="32 bytes"):
            LocalKeyring(keys, os.urandom)


def test_the_factory_takes_the_environment_or_a_key_file(tmp_path: Path) -> None:
    environment = SimpleNamespace(
        environ={"Z4_ENCRYPTION_KEY": ONE.hex(), "OTHER": TWO.hex(), "BAD": "x"}
    )
    one, two = (LocalKeyring([key], os.urandom).key_id for key in (ONE, TWO))
    assert local_keyring.make({}, environment).key_id == one
    assert local_keyring.make({"environment": "OTHER"}, environment).key_id == two
    path = tmp_path / "master.key"
    path.write_text(TWO.hex())
    path.chmod(0o600)
    assert local_keyring.make({"key-file": str(path)}, environment).key_id == two
    for options, said in (
        ({"environment": "ABSENT"}, "set ABSENT"),
        ({"environment": "BAD"}, "32 bytes"),
        ({"keyfile": "x"}, "unknown option keyfile"),
    ):
        with pytest.raises(ValueError, match=said):
            local_keyring.make(options, environment)
