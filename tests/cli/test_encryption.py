"""``z4 encryption``: master keys are replaced without touching a blob."""

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
    info = encrypted.json("encryption", "info")
    assert info["encrypted"] is True
    assert [key["id"] for key in info["keys"]] == [info["active"]]
    assert "wrapped by master key" in encrypted("encryption", "info")


def test_a_store_that_is_not_encrypted(z4: Z4) -> None:
    z4("key", "create", "alice")
    assert z4.json("encryption", "info") == {"encrypted": False}
    assert "no master key is given" in z4.refused("encryption", "rewrap")


def test_another_master_key(encrypted: Z4, monkeypatch: pytest.MonkeyPatch) -> None:
    before = encrypted.json("encryption", "info")
    monkeypatch.setenv("Z4_ENCRYPTION_KEY", f"{NEW},{OLD}")
    assert encrypted.json("encryption", "rewrap") == {"rewrapped": 1}
    after = encrypted.json("encryption", "info")
    assert after["active"] == before["active"]
    assert after["keys"][0]["master"] != before["keys"][0]["master"]
    monkeypatch.setenv("Z4_ENCRYPTION_KEY", NEW)
    assert [key["name"] for key in encrypted.json("key", "list")] == ["alice"]
    monkeypatch.setenv("Z4_ENCRYPTION_KEY", OLD)
    assert "master key" in encrypted.refused("key", "list")


def test_a_master_key_that_does_not_fit(encrypted: Z4, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("Z4_ENCRYPTION_KEY", NEW)
    assert "encrypted under the master key" in encrypted.refused("encryption", "rewrap")


def test_a_new_key(encrypted: Z4) -> None:
    before = encrypted.json("encryption", "info")
    active = encrypted.json("encryption", "new-key")["active"]
    after = encrypted.json("encryption", "info")
    assert after["active"] == active != before["active"]
    assert [key["id"] for key in after["keys"]] == [before["active"], active]
    assert encrypted.json("key", "list")


def test_a_store_in_use_and_none_at_all(encrypted: Z4, tmp_path: Path) -> None:
    directory = DataDirectory.open(make_config(encrypted.data), os.urandom)
    assert "is in use" in encrypted.refused("encryption", "rewrap")
    directory.close()
    ran = encrypted.run("encryption", "rewrap", "--data", f"{tmp_path}/none")
    assert (ran.status, "there is no store" in ran.err) == (1, True)
