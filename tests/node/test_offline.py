"""Commands on a data directory that no node runs on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from tests.node.support import make_config
from z4tw.node.directory import DataDirectory
from z4tw.node.failures import CommandError, StoreInUse
from z4tw.node.offline import drive, perform_offline


def test_a_command_acts_and_leaves_the_store_closed(tmp_path: Path) -> None:
    config = make_config(tmp_path / "d")
    key = perform_offline(config, "key_create", {"name": "alice"})
    assert [found["name"] for found in perform_offline(config, "key_list", {})] == ["alice"]
    assert key["secret_access_key"].encode() not in (tmp_path / "d/_z4meta/meta.db").read_bytes()
    assert not (tmp_path / "d/_z4meta/meta.db-wal").exists()


def test_a_refused_command_gives_the_lock_up(tmp_path: Path) -> None:
    config = make_config(tmp_path / "d")
    for _ in range(2):
        with pytest.raises(CommandError, match="there is no key named bob"):
            perform_offline(config, "key_delete", {"name": "bob"})


def test_a_directory_in_use_is_left_alone(tmp_path: Path) -> None:
    config = make_config(tmp_path / "d")
    directory = DataDirectory.open(config, os.urandom)
    with pytest.raises(StoreInUse):
        perform_offline(config, "key_list", {})
    directory.close()


def test_work_that_would_wait_for_an_event_loop_is_a_defect() -> None:
    async def wait() -> None:
        await Deferred()

    with pytest.raises(RuntimeError, match="waits for an event loop"):
        drive(wait())
