"""``z4 backup`` and ``z4 restore`` on a stopped store."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.support import Z4
from tests.recovery.looking import blob_of, flip
from tests.recovery.stores import TestStore


@pytest.fixture
def store(z4: Z4, monkeypatch: pytest.MonkeyPatch) -> TestStore:
    z4("key", "create", "first")
    control_key = bytes.fromhex((z4.data / "_z4meta" / "control.key").read_text())
    monkeypatch.setattr("tests.recovery.stores.CONTROL_KEY", control_key)
    made = TestStore(z4.data)
    made.fill()
    made.close()
    return made


def contents(root: Path) -> dict[str, bytes]:
    store = TestStore(root)
    try:
        return store.contents()
    finally:
        store.close()


def test_there_and_back_again(z4: Z4, store: TestStore, tmp_path: Path) -> None:
    before = contents(z4.data)
    out = z4("backup", str(tmp_path / "b"), "--verify")
    assert "buckets       2" in out
    assert "9 linked, 0 copied" in out
    assert "no problem was found" in out
    ran = z4.run("restore", str(tmp_path / "b"), "--data", str(tmp_path / "r"))
    assert ran.status == 0, ran.err
    assert "0 linked, 9 copied" in ran.out
    assert "new store uuid" in ran.out
    assert contents(tmp_path / "r") == before
    keys = z4.run("key", "list", "--json", "--data", str(tmp_path / "r"))
    assert [key["name"] for key in json.loads(keys.out)] == ["alice", "first"]


def test_a_relative_destination(
    z4: Z4, store: TestStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert z4.json("backup", "b")["destination"] == str(tmp_path / "b")


def test_json(z4: Z4, store: TestStore, tmp_path: Path) -> None:
    made = z4.json("backup", str(tmp_path / "b"), "--verify")
    assert made["verified"]["clean"] is True
    ran = z4.run(
        "restore", str(tmp_path / "b"), "--link", "--quick", "--json",
        "--data", str(tmp_path / "r"),
    )  # fmt: skip
    restored = json.loads(ran.out)
    assert restored["linked"] == 9
    assert restored["check"]["clean"] is True


def test_verification_finds_what_is_damaged(z4: Z4, store: TestStore, tmp_path: Path) -> None:
    store.open()
    blob = blob_of(store, "plain", "file")
    store.close()
    flip(store.place.inside(blob.path), 10)
    assert z4.run("backup", str(tmp_path / "a"), "--data", str(z4.data)).status == 0
    ran = z4.run("backup", str(tmp_path / "b"), "--verify", "--data", str(z4.data))
    assert ran.status == 1
    assert f"file-damaged: {blob.path}" in ran.out
    ran = z4.run("restore", str(tmp_path / "b"), "--data", str(tmp_path / "r"))
    assert (ran.status, "file-damaged" in ran.out) == (1, True)


def test_a_missing_blob_is_told(z4: Z4, store: TestStore, tmp_path: Path) -> None:
    store.open()
    blob = blob_of(store, "plain", "file")
    store.close()
    os.unlink(store.place.inside(blob.path))
    ran = z4.run("backup", str(tmp_path / "b"), "--data", str(z4.data))
    assert (ran.status, "1 blobs of the store are missing" in ran.out) == (1, True)


def test_what_is_refused(z4: Z4, store: TestStore, tmp_path: Path) -> None:
    assert "must not lie inside" in z4.refused("backup", str(z4.data / "b"))
    z4("backup", str(tmp_path / "b"))
    assert "is not empty" in z4.refused("backup", str(tmp_path / "b"))
    assert "is not empty" in z4.refused("restore", str(tmp_path / "b"))
    os.unlink(tmp_path / "b" / "backup.json")
    line = z4.run("restore", str(tmp_path / "b"), "--data", str(tmp_path / "r")).err
    assert line == (
        f"z4: {tmp_path / 'b'} is no complete backup: it has no backup.json "
        "(was the backup interrupted?)\n"
    )


def test_half_a_restore_does_not_start(z4: Z4, store: TestStore, tmp_path: Path) -> None:
    z4("backup", str(tmp_path / "b"))
    ran = z4.run("restore", str(tmp_path / "b"), "--data", str(tmp_path / "r"))
    assert ran.status == 0
    os.unlink(tmp_path / "r" / "_z4meta" / "format.json")
    ran = z4.run("key", "list", "--data", str(tmp_path / "r"))
    assert ran.status == 1


def test_no_store(z4: Z4, tmp_path: Path) -> None:
    assert "there is no store" in z4.refused("backup", str(tmp_path / "b"))
    assert "no complete backup" in z4.refused("restore", str(tmp_path / "b"))
