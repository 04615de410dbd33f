"""Administrative commands are found by name, and refused with one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.node.support import Opened, make_config
from z4tw.errors import NoSuchBucket, WrongMasterKey
from z4tw.node.commands import CommandTable, admin_commands, make_admin
from z4tw.node.failures import CommandError, StoreError
from z4tw.node.offline import drive


def perform(table: CommandTable, command: str, /, **arguments: Any) -> Any:
    return drive(table.perform(command, arguments))


def refusal(error: Exception) -> str:
    async def fail() -> None:
        raise error

    with pytest.raises(CommandError) as refused:
        perform(CommandTable({"fail": fail}), "fail")
    return str(refused.value)


def test_keys_and_buckets_are_administered(tmp_path: Path) -> None:
    with Opened(make_config(tmp_path / "d")) as storage:
        table = CommandTable(admin_commands(make_admin(storage)))
        key = perform(table, "key_create", name="alice")
        perform(table, "bucket_create", name="photos", key="alice")
        info = perform(table, "key_info", name=key["access_key_id"])
        assert info["owned_buckets"] == ["photos"]
        assert "secret_access_key" not in info
        with pytest.raises(CommandError, match="there is a key named alice already"):
            perform(table, "key_create", name="alice")


def test_an_unknown_command_is_refused() -> None:
    with pytest.raises(CommandError, match="knows no command 'dance'"):
        perform(CommandTable({}), "dance")


def test_wrong_arguments_are_refused() -> None:
    async def greet(name: str) -> str:
        return name

    with pytest.raises(CommandError, match="greet: missing a required argument: 'name'"):
        perform(CommandTable({"greet": greet}), "greet")
    with pytest.raises(CommandError, match="unexpected keyword argument 'nme'"):
        perform(CommandTable({"greet": greet}), "greet", name="a", nme="b")


def test_known_errors_become_a_line() -> None:
    assert refusal(NoSuchBucket()) == "The specified bucket does not exist"
    assert refusal(WrongMasterKey("wrong key")) == "wrong key"
    assert refusal(StoreError("gone")) == "gone"


def test_a_defect_stays_one() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        perform(CommandTable({"fail": fail}), "fail")
