"""Losing power under the SQLite store: what was acknowledged is there, batches are whole.

The disk loses what was not synced (``z4tw.testing.lossy_vfs``); power goes at a random operation of
the disk. Every run is determined by its seed.
"""

from __future__ import annotations

from random import Random
from typing import Any

import apsw
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from tests.metadata.contract import Times
from tests.metadata.recount import recount
from tests.metadata.values import BUCKET, delete, put_file, put_inline, register, share_file
from z4tw.metadata import sqlite
from z4tw.metadata.sqlite import SqliteStore
from z4tw.model.registers import Done, Kind, ListQuery
from z4tw.testing.lossy_vfs import LossyVfs
from z4tw.testing.offload import InlineOffload

SEEDS = 60


class Power:
    """Goes away at the n-th operation of the disk."""

    def __init__(self) -> None:
        self.left: int | None = None

    def __call__(self, operation: str) -> None:
        if self.left is None or operation == "read":
            return
        self.left -= 1
        if self.left < 0:
            raise apsw.IOError("power lost")


class Machine:
    """A store on a disk in memory, restarted after each loss of power."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.power = Power()
        self.name = f"lossy-{seed}"
        self.vfs = LossyVfs(self.name, self.power)
        self.clock = Clock()
        self.times = Times()
        self.fatal: list[BaseException] = []
        self.store = self.open()

    def open(self) -> SqliteStore:
        return SqliteStore(
            "/meta.db",
            clock=self.clock,
            offload=InlineOffload(),
            now_ms=self.times,
            random_bytes=self.rng.randbytes,
            on_fatal=self.fatal.append,
            vfs=self.name,
            exclusive=True,
        )

    def restart(self) -> None:
        """Lose power and start again."""
        Deferred.fromCoroutine(self.store.close()).addErrback(lambda _: None)
        self.vfs.crash(self.rng)
        self.power.left = None
        self.fatal.clear()
        self.store = self.open()

    def now(self, awaitable: Any) -> Any:
        results: list[Any] = []
        Deferred.fromCoroutine(awaitable).addBoth(results.append)
        assert results
        return results[0]


def run(seed: int) -> int:
    """One life of a machine with several losses of power; how many commits they hit midway."""
    machine = Machine(seed)
    rng = machine.rng
    durable: dict[bytes, int] = {}
    number = 0
    midway = 0
    blobs: list[int] = []
    for _ in range(6):
        machine.power.left = rng.randrange(200)
        while True:
            before = dict(durable)
            batch = []
            for _ in range(rng.randrange(1, 6)):
                number += 1
                key = b"k%d" % rng.randrange(12)
                draw = rng.random()
                if draw < 0.4:
                    command: Any = put_inline(number, bytes([number % 251]) * rng.randrange(3000))
                elif draw < 0.6:
                    command = put_file(number)
                    blobs.append(number)
                elif draw < 0.8 and blobs:
                    command = share_file(number, rng.choice(blobs))
                else:
                    command = delete(number)
                batch.append((key, command, number, machine.store.change(register(key), command)))
            machine.clock.advance(0)
            after = dict(durable)
            failed = 0
            for key, command, stamped, change in batch:
                outcome: list[Any] = []
                change.addBoth(outcome.append)
                if not isinstance(outcome[0], Done):
                    failed += not hasattr(outcome[0], "id")
                # What the batch makes if it is committed, answered or not.
                _expect(after, key, command, stamped, outcome[0])
            if not failed:
                durable = after
            if machine.fatal:
                machine.restart()
                found = _found(machine)
                # All of an unanswered batch, or nothing of it; nothing else is lost.
                if failed and found != before:
                    midway += 1
                    _check_batch(before, found, batch)
                    durable = found
                assert found == durable
                recount(machine.store)
                break
            assert not failed
            assert _found(machine) == durable
    machine.vfs.unregister()
    return midway


def _expect(state: dict[bytes, int], key: bytes, command: Any, number: int, outcome: Any) -> None:
    if isinstance(outcome, Done) and outcome.changed:
        if hasattr(command, "owner"):
            state.pop(key, None)
        else:
            state[key] = number


def _found(machine: Machine) -> dict[bytes, int]:
    page = machine.now(machine.store.list_live(Kind.OBJECT, BUCKET, ListQuery()))
    return {row.key: int(row.tag, 16) for row in page.rows}


def _check_batch(before: dict[bytes, int], found: dict[bytes, int], batch: list[Any]) -> None:
    """What is there is what the whole batch makes, not a part of it."""
    numbers = {key: number for key, command, number, _ in batch if not hasattr(command, "owner")}
    last = {key: (command, number) for key, command, number, _ in batch}
    for key in before.keys() | found.keys() | last.keys():
        if key not in last:
            assert found.get(key) == before.get(key)
        elif hasattr(last[key][0], "owner"):
            assert key not in found
        elif found.get(key) != last[key][1]:
            # The last command shared a body that was gone; an earlier one of the batch stands.
            assert last[key][0].blob is None
            assert last[key][0].inline is None
            assert found.get(key) in (before.get(key), *numbers.values(), None)


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planned failures are logged; a small log makes checkpoints part of the runs."""
    monkeypatch.setattr(sqlite, "CHECKPOINT_PAGES", 30)
    monkeypatch.setattr(type(globalLogPublisher), "__call__", lambda self, event: None)


def test_no_acknowledged_change_is_lost_with_power() -> None:
    assert sum(run(seed) for seed in range(SEEDS)) > 0


@pytest.mark.long
def test_no_acknowledged_change_is_lost_with_power_in_many_lives() -> None:
    for seed in range(SEEDS, 5000):
        run(seed)


@pytest.mark.parametrize("error", [apsw.IOError("EIO"), apsw.FullError("ENOSPC")])
@pytest.mark.parametrize("operation", ["write", "sync"])
def test_a_failing_disk_ends_the_store_and_keeps_what_was_acknowledged(
    operation: str, error: apsw.Error
) -> None:
    machine = Machine(1000)
    first = machine.store.change(register(b"a"), put_inline(1, b"x"))
    machine.clock.advance(0)
    assert isinstance(first.result, Done)

    def fail(called: str) -> None:
        if called == operation:
            raise error

    machine.vfs.on_operation = fail
    second = machine.store.change(register(b"b"), put_inline(2, b"x"))
    outcome: list[Any] = []
    second.addErrback(outcome.append)
    machine.clock.advance(0)
    assert outcome
    assert len(machine.fatal) == 1
    machine.vfs.on_operation = machine.power
    machine.restart()
    assert _found(machine).get(b"a") == 1
    machine.vfs.unregister()
