"""The data directory: made whole, locked, recognised, and refused with one line."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from tests.node.support import make_config
from z4tw.config import ConfigError
from z4tw.node.directory import (
    DataDirectory,
    Identity,
    database_path,
    exists,
    read_control_key,
)
from z4tw.node.failures import StoreError, StoreInUse

UUID = bytes(range(16))


def open_directory(data: Path, **settings: str) -> DataDirectory:
    return DataDirectory.open(make_config(data, **settings), os.urandom)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_directory_is_private_and_complete(tmp_path: Path) -> None:
    data = tmp_path / "deep" / "data"
    assert not exists(make_config(data))
    open_directory(data).close()
    meta = data / "_z4meta"
    assert mode(data) == 0o700
    assert mode(meta) == 0o700
    assert mode(meta / "control.key") == 0o600
    assert {"lock", "format.json", "node.json", "control.key", "tmp", "log", "snapshots"} <= set(
        os.listdir(meta)
    )
    assert len(read_control_key(str(meta))) == 32
    assert exists(make_config(data))


def test_identity_and_control_key_stay(tmp_path: Path) -> None:
    first = open_directory(tmp_path / "d")
    key = read_control_key(first.meta)
    first.close()
    second = open_directory(tmp_path / "d")
    assert second.identity == first.identity
    assert read_control_key(second.meta) == key
    second.close()


def test_a_second_process_is_refused_with_the_first_ones_number(tmp_path: Path) -> None:
    first = open_directory(tmp_path / "d")
    with pytest.raises(StoreInUse, match=f"is in use by process {os.getpid()}"):
        open_directory(tmp_path / "d")
    first.close()
    first.close()
    open_directory(tmp_path / "d").close()


def test_a_refused_start_gives_the_lock_up(tmp_path: Path) -> None:
    open_directory(tmp_path / "d").close()
    (tmp_path / "d/_z4meta/node.json").write_text("[]")
    for _ in range(2):
        with pytest.raises(StoreError, match="damaged"):
            open_directory(tmp_path / "d")


def test_a_directory_with_other_things_in_it_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    with pytest.raises(StoreError, match="holds no store, and is not empty"):
        open_directory(tmp_path)


def test_an_empty_mount_point_is(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    open_directory(tmp_path).close()


def test_a_file_is_no_data_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="is not a directory"):
        open_directory(tmp_path / "file")


@pytest.mark.parametrize(
    ("document", "line"),
    [
        ({"format": 2, "features": [], "store_uuid": ""}, "format 2.*use a newer z4"),
        ({"format": 1, "features": ["warp"], "store_uuid": ""}, "'warp'.*use a newer z4"),
        ({"format": "1", "features": [], "store_uuid": ""}, "damaged"),
        ({"format": 1, "features": 3, "store_uuid": ""}, "damaged"),
        ({"format": 1, "features": []}, "damaged"),
        ([], "damaged"),
    ],
)
def test_a_format_that_is_not_known_is_refused(tmp_path: Path, document: object, line: str) -> None:
    open_directory(tmp_path / "d").close()
    (tmp_path / "d/_z4meta/format.json").write_text(json.dumps(document))
    with pytest.raises(StoreError, match=line):
        open_directory(tmp_path / "d")


@pytest.mark.parametrize("name", ["format.json", "control.key"])
def test_what_cannot_be_made_again_is_not_made_again(tmp_path: Path, name: str) -> None:
    open_directory(tmp_path / "d").close()
    Path(database_path(make_config(tmp_path / "d"))).touch()
    (tmp_path / "d/_z4meta" / name).unlink()
    with pytest.raises(StoreError, match=f"{name} is missing beside a database"):
        open_directory(tmp_path / "d")


@pytest.mark.parametrize("text", ["zz", "00"])
def test_a_damaged_control_key_is_told(tmp_path: Path, text: str) -> None:
    directory = open_directory(tmp_path / "d")
    (tmp_path / "d/_z4meta/control.key").write_text(text)
    with pytest.raises(StoreError, match="control key"):
        read_control_key(directory.meta)
    directory.close()


class TestCheck:
    def test_the_stores_uuid_is_written_down_once(self, tmp_path: Path) -> None:
        config = make_config(tmp_path / "d")
        first = open_directory(tmp_path / "d")
        first.check(config, UUID, 150, 3)
        first.close()
        second = open_directory(tmp_path / "d")
        assert second.format.store_uuid == "00010203-0405-0607-0809-0a0b0c0d0e0f"
        second.check(config, UUID, 150, 3)
        with pytest.raises(StoreError, match="different stores"):
            second.check(config, bytes(16), 150, 3)
        second.close()

    @pytest.mark.parametrize("name", ["vnodes", "replicas"])
    def test_a_fixed_setting_cannot_be_changed(self, tmp_path: Path, name: str) -> None:
        directory = open_directory(tmp_path / "d")
        config = make_config(tmp_path / "d", **{name: "5"})
        with pytest.raises(ConfigError, match=f"{name}: [0-9]+ was fixed .* not 5"):
            directory.check(config, UUID, 150, 3)
        directory.close()

    def test_a_default_never_contradicts(self, tmp_path: Path) -> None:
        directory = open_directory(tmp_path / "d")
        directory.check(make_config(tmp_path / "d"), UUID, 64, 5)
        directory.check(make_config(tmp_path / "d", replicas="5"), UUID, 64, 5)
        directory.close()


def test_processes_of_a_node_stamp_with_different_ids() -> None:
    identity = Identity("00010203-0405-0607-0809-0a0b0c0d0e0f")
    first, second = identity.process_id(os.urandom), identity.process_id(os.urandom)
    assert len(first) == 8
    assert first[:4] == second[:4] == UUID[:4]
    assert first != second
