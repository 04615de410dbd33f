"""``z4 fsck``: one clear report, and an exit status that scripts can use."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.cli.support import Z4
from tests.node.support import make_config
from tests.recovery.looking import blob_of, flip
from tests.recovery.stores import TestStore
from z4tw.cli.fsck import Rate
from z4tw.node.directory import DataDirectory
from z4tw.recovery.files import finished
from z4tw.secrets import SecretSeal


@pytest.fixture
def store(z4: Z4, monkeypatch: pytest.MonkeyPatch) -> TestStore:
    """A stopped store, whose secrets are sealed with its own control key."""
    z4("key", "create", "first")
    control_key = bytes.fromhex((z4.data / "_z4meta" / "control.key").read_text())
    monkeypatch.setattr("tests.recovery.stores.CONTROL_KEY", control_key)
    assert SecretSeal(control_key, os.urandom)
    made = TestStore(z4.data)
    made.fill()
    made.close()
    return made


def test_a_clean_store(z4: Z4, store: TestStore) -> None:
    out = z4("fsck")
    assert "checked 2 buckets" in out
    assert out.rstrip().endswith("no problem was found")
    report = z4.json("fsck", "--quick")
    assert report["clean"] is True
    assert report["problems"] == []
    assert "verified_files" not in report["examined"]


def test_a_problem_is_named_with_its_objects(z4: Z4, store: TestStore) -> None:
    store.open()
    blob = blob_of(store, "plain", "file")
    store.close()
    flip(store.place.inside(blob.path), 10)
    ran = z4.run("fsck", "--data", str(z4.data))
    assert ran.status == 1
    assert f"file-damaged: {blob.path}: block 0 does not match its digest" in ran.out
    assert "    of plain/copy of file (null)" in ran.out
    assert "1 problem is left" in ran.out
    assert z4.run("fsck", "--quick", "--data", str(z4.data)).status == 0


def test_repair(z4: Z4, store: TestStore) -> None:
    with store.damaged() as database:
        database.execute("UPDATE counters SET objects = 99")
    assert z4.run("fsck", "--data", str(z4.data)).status == 1
    assert "everything was repaired" in z4("fsck", "--repair")
    assert "no problem was found" in z4("fsck")


def test_repair_says_why_it_does_nothing(z4: Z4, store: TestStore) -> None:
    with store.damaged() as database:
        database.execute("DELETE FROM manifests")
    ran = z4.run("fsck", "--repair", "--data", str(z4.data))
    assert ran.status == 1
    assert "nothing was repaired, since not every reference could be read" in ran.out


def test_rebuild(z4: Z4, store: TestStore) -> None:
    store.open()
    store.snapshot()
    store.file(store.buckets()["plain"], "newer", b"n" * 9000)
    before = store.contents()
    store.close()
    Path(store.place.database).write_bytes(b"damaged")
    ran = z4.run("fsck", "--data", str(z4.data))
    assert (ran.status, "z4 fsck --rebuild makes" in ran.out) == (1, True)
    out = z4("fsck", "--rebuild")
    assert "versions put back     1" in out
    assert "What footers cannot give back" in out
    assert "no problem was found" in out
    store.open()
    assert store.contents() == before
    store.close()


def test_rebuild_of_an_encrypted_store(z4: Z4, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("Z4_ENCRYPTION_KEY", "ab" * 32)
    z4("key", "create", "first")
    monkeypatch.setattr("tests.recovery.stores.MASTER", bytes.fromhex("ab" * 32))
    store = TestStore(z4.data, encrypted=True)
    bucket = store.bucket("secret")
    store.file(bucket, "file", b"x" * 9000)
    store.close()
    os.unlink(store.place.database)
    monkeypatch.delenv("Z4_ENCRYPTION_KEY")
    assert "this store is encrypted" in z4.refused("fsck", "--rebuild")
    monkeypatch.setenv("Z4_ENCRYPTION_KEY", "cd" * 32)
    assert "master key" in z4.refused("fsck", "--rebuild")
    monkeypatch.setenv("Z4_ENCRYPTION_KEY", "ab" * 32)
    assert z4.json("fsck", "--rebuild")["rebuilt"]["versions"] == 1


def test_a_lost_key_file_stops_a_rebuild_before_anything_changes(
    z4: Z4, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("Z4_ENCRYPTION_KEY", "ab" * 32)
    monkeypatch.setattr("tests.recovery.stores.MASTER", bytes.fromhex("ab" * 32))
    z4("key", "create", "first")
    store = TestStore(z4.data, encrypted=True)
    blob = store.file(store.bucket("secret"), "file", b"x" * 9000)
    store.close()
    Path(store.place.database).write_bytes(b"damaged")
    os.unlink(store.place.keyring_file)
    assert "nothing was changed" in z4.refused("fsck", "--rebuild")
    assert Path(store.place.database).read_bytes() == b"damaged"
    assert os.path.exists(store.place.inside(blob.path))
    assert not os.path.exists(store.place.keyring_file)


def test_a_sound_database_is_not_rebuilt_by_mistake(z4: Z4, store: TestStore) -> None:
    assert "the database is sound" in z4.refused("fsck", "--rebuild")
    answer = z4.json("fsck", "--rebuild", "--force")
    assert answer["rebuilt"]["damaged"]
    assert answer["check"]["clean"]


def test_an_empty_database_that_a_start_has_made_is_rebuilt(z4: Z4, store: TestStore) -> None:
    """A node that finds no database makes one, and refuses it as another store's."""
    os.unlink(store.place.database)
    assert "belong to different stores" in z4.refused("key", "list")
    assert os.path.exists(store.place.database)
    assert z4.json("fsck", "--rebuild")["rebuilt"]["versions"] > 0


def test_a_lost_meta_directory(z4: Z4, store: TestStore) -> None:
    shutil.rmtree(store.place.meta)
    assert "there is no store" in z4.refused("fsck")
    answer = z4.json("fsck", "--rebuild")
    assert sorted(answer["rebuilt"]["buckets"]) == ["plain", "versioned"]
    (account,) = answer["rebuilt"]["accounts"]
    z4("key", "create", account)
    info = z4.json("key", "info", account)
    assert info["owned_buckets"] == ["plain", "versioned"]


def test_a_directory_without_blobs_is_no_lost_store(z4: Z4, tmp_path: Path) -> None:
    assert "there is neither a store nor a blob file" in z4.refused("fsck", "--rebuild")
    assert not z4.data.exists()


def test_a_store_in_use(z4: Z4, store: TestStore) -> None:
    directory = DataDirectory.open(make_config(z4.data), os.urandom)
    try:
        for option in ([], ["--repair"], ["--rebuild"]):
            line = z4.refused("fsck", *option)
            assert "stop the node, or give --online to look only" in line
        assert "no problem was found" in z4("fsck", "--online")
    finally:
        directory.close()


def test_online_and_repair_exclude_each_other(z4: Z4, store: TestStore) -> None:
    z4.refused("fsck", "--online", "--repair", status=2)
    z4.refused("fsck", "--rate", "much", status=2)


def test_no_store(z4: Z4) -> None:
    assert "there is no store in" in z4.refused("fsck")
    assert "there is no store in" in z4.refused("fsck", "--online")
    assert not z4.data.exists()


def test_a_rate_holds_reading_back() -> None:
    now = [0.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    rate = Rate(1000, lambda: now[0], sleep)
    for _ in range(4):
        finished(rate(500))
    assert now[0] == pytest.approx(2.0)
    now[0] += 10  # The disk was slower than the rate: nothing to wait for.
    count = len(slept)
    finished(rate(500))
    assert len(slept) == count


def test_what_is_reported_can_be_read_by_scripts(z4: Z4, store: TestStore) -> None:
    with store.damaged() as database:
        database.execute("UPDATE counters SET objects = 99")
    ran = z4.run("fsck", "--json", "--data", str(z4.data))
    report = json.loads(ran.out)
    assert ran.status == 1
    assert report["clean"] is False
    assert report["problems"][0]["name"] == "counter"
