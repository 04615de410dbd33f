"""``z4 keyring``: master keys are replaced without touching a blob."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.support import Z4
from tests.node.support import make_config
from z4tw.node.directory import DataDirectory

OLD, NEW = "ab" * 32, "cd" * 32


@pytest.fixture
def encrypted(z4: Z4, monkeypatch: pytest.MonkeyPatch) -> Z4:
    monkeypatch.setenv("Z4_ENCRYPTION_KEY", OLD)
    z4("key", "create", "alice")
    return z4


def test_what_there_is(encrypted: Z4, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("Z4_ENCRYPTION_KEY")
    info = encrypted.json("keyring", "list")
    assert info["encrypted"] is True
    assert [key["id"] for key in info["keys"]] == [info["active"]]
    assert "wrapped by master key" in encrypted("keyring", "list")


def test_a_store_that_is_not_encrypted(z4: Z4) -> None:
    z4("key", "create", "alice")
    assert z4.json("keyring", "list") == {"encrypted": False}
    assert "no master key is given" in z4.refused("keyring", "rotate")


def test_another_master_key(encrypted: Z4, monkeypatch: pytest.MonkeyPatch) -> None:
    before = encrypted.json("keyring", "list")
    monkeypatch.setenv("Z4_ENCRYPTION_KEY", f"{NEW},{OLD}")
    assert encrypted.json("keyring", "rotate") == {"rewrapped": 1}
    after = encrypted.json("keyring", "list")
    assert after["active"] == before["active"]
    assert after["keys"][0]["master"] != before["keys"][0]["master"]
    monkeypatch.setenv("Z4_ENCRYPTION_KEY", NEW)
    assert [key["name"] for key in encrypted.json("key", "list")] == ["alice"]
    monkeypatch.setenv("Z4_ENCRYPTION_KEY", OLD)
    assert "master key" in encrypted.refused("key", "list")


def test_a_master_key_that_does_not_fit(encrypted: Z4, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("Z4_ENCRYPTION_KEY", NEW)
    assert "encrypted under the master key" in encrypted.refused("keyring", "rotate")


def test_a_new_key(encrypted: Z4) -> None:
    before = encrypted.json("keyring", "list")
    active = encrypted.json("keyring", "renew")["active"]
    after = encrypted.json("keyring", "list")
    assert after["active"] == active != before["active"]
    assert [key["id"] for key in after["keys"]] == [before["active"], active]
    assert encrypted.json("key", "list")


def test_a_store_in_use_and_none_at_all(encrypted: Z4, tmp_path: Path) -> None:
    directory = DataDirectory.open(make_config(encrypted.data), os.urandom)
    assert "is in use" in encrypted.refused("keyring", "rotate")
    directory.close()
    ran = encrypted.run("keyring", "rotate", "--data", f"{tmp_path}/none")
    assert (ran.status, "there is no store" in ran.err) == (1, True)


def names(z4: Z4) -> dict[str, bool]:
    return {one["name"]: one["enabled"] for one in z4.json("keyring", "list")["names"]}


def test_named_keys(encrypted: Z4) -> None:
    made = encrypted.json("keyring", "create", "orders")
    assert made["arn"] == "arn:aws:kms:us-east-1:000000000000:key/orders"
    assert "as arn:aws:kms" in encrypted("keyring", "create", "bills")
    assert names(encrypted) == {"bills": True, "orders": True}
    assert encrypted.json("keyring", "disable", "orders")["changed"] is True
    assert encrypted.json("keyring", "disable", "orders")["changed"] is False
    assert names(encrypted) == {"bills": True, "orders": False}
    shown = encrypted("keyring", "list")
    assert "disabled" in shown
    assert "orders" in shown
    assert "enabled" in encrypted("keyring", "enable", "orders")
    assert names(encrypted) == {"bills": True, "orders": True}
    assert encrypted.json("keyring", "renew", "orders")["id"] != made["id"]
    assert len(encrypted.json("keyring", "list")["keys"]) == 4


def test_names_that_are_none(encrypted: Z4) -> None:
    for name in ("a/b", "", "x" * 65, "aws s3"):
        assert "letters, digits" in encrypted.refused("keyring", "create", name)
    encrypted("keyring", "create", "orders")
    assert "already" in encrypted.refused("keyring", "create", "orders")
    for command in ("enable", "disable", "renew"):
        assert "no key 'bills'" in encrypted.refused("keyring", command, "bills")


def test_the_first_named_key_encrypts_a_plain_store(
    z4: Z4, monkeypatch: pytest.MonkeyPatch
) -> None:
    z4("key", "create", "alice")
    assert "no master key is given" in z4.refused("keyring", "create", "orders")
    monkeypatch.setenv("Z4_ENCRYPTION_KEY", OLD)
    z4("keyring", "create", "orders")
    assert names(z4) == {"orders": True}
    assert z4.json("keyring", "list")["active"]
