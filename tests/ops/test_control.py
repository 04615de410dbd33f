"""Compare-and-set of control records, with others changing them at the same time."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest

from tests.ops.harness import run
from z4tw.errors import OperationAborted
from z4tw.metadata.memory import MemoryStore
from z4tw.model.control import Account
from z4tw.model.registers import Kind
from z4tw.ops import control
from z4tw.ops.control import control_register, later_stamp, replace, scan_all, update

REGISTER = control_register(Kind.ACCOUNT, "alice")


def memory_store() -> MemoryStore:
    return MemoryStore(lambda: 0, Random(0).randbytes)


def account(number: int, name: str = "alice") -> Account:
    return Account(number.to_bytes(20, "big"), "a" * 64, f"{number:012d}", name, 0)


def test_replace_puts_changes_and_removes_what_it_expects() -> None:
    store = memory_store()
    assert run(replace(store, REGISTER, None, account(1)))
    assert run(store.read(REGISTER)) == account(1)
    assert run(replace(store, REGISTER, account(1), account(2)))
    assert run(replace(store, REGISTER, account(2), None))
    assert run(store.read(REGISTER)) is None


def test_replace_says_when_somebody_was_faster() -> None:
    store = memory_store()
    run(replace(store, REGISTER, None, account(1)))
    assert not run(replace(store, REGISTER, None, account(2)))
    assert not run(replace(store, REGISTER, account(3), account(4)))
    assert not run(replace(store, REGISTER, account(3), None))
    assert run(store.read(REGISTER)) == account(1)


class Racing:
    """A store in which somebody else changes the record after each of the first reads."""

    def __init__(self, races: int) -> None:
        self.store = memory_store()
        self.races = races
        self.change = self.store.change

    async def read(self, register: Any) -> Any:
        value = await self.store.read(register)
        if self.races:
            self.races -= 1
            later = account(1000 - self.races)
            await replace(self.store, register, value, later)
        return value


def bump(present: Account | None) -> Account:
    stamp = later_stamp(lambda: bytes(20), present or account(0))
    return msgspec.structs.replace(present or account(0), stamp=stamp, number="9" * 12)


def test_update_tries_again_and_changes_what_is_there_then() -> None:
    store = Racing(3)
    record = run(update(store, REGISTER, bump))
    assert record.number == "9" * 12
    assert run(store.store.read(REGISTER)) == record
    assert record.stamp > account(1000).stamp


def test_update_gives_up_with_operation_aborted() -> None:
    store = Racing(control.ATTEMPTS)
    with pytest.raises(OperationAborted):
        run(update(store, REGISTER, bump))


def test_update_without_a_change_writes_nothing() -> None:
    store = memory_store()
    run(replace(store, REGISTER, None, account(1)))
    before = store.control_generation()
    assert run(update(store, REGISTER, lambda present: present)) == account(1)
    assert store.control_generation() == before


def test_scan_all_reads_beyond_one_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "SCAN_LIMIT", 3)
    store = memory_store()
    names = [f"name{number}" for number in range(7)]
    for name in names:
        run(replace(store, control_register(Kind.ACCOUNT, name), None, account(1, name)))
    assert [record.name for record in run(scan_all(store, Kind.ACCOUNT))] == names


def test_a_later_stamp_is_later_even_when_the_clock_went_back() -> None:
    past = bytes(20)
    assert later_stamp(lambda: past, None) == past
    assert later_stamp(lambda: past, account(5)) > account(5).stamp
