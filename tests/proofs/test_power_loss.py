"""A whole single node loses power at random steps: nothing acknowledged is lost, nothing is half.

Every run is determined by its seed, which a failure names. ``--long`` runs many more.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure

from tests.metadata.recount import recount
from tests.ops.harness import Key
from tests.proofs.clients import Client, Contenders, KeyMaker
from tests.proofs.listings import observe
from tests.proofs.power import ANYWHERE, STEPS, Life, Machine, Parts, PowerLost
from z4tw.daemons.reaper import Reaper
from z4tw.metadata import sqlite

SEEDS = int(os.environ.get("Z4_TEST_EXAMPLES") or 100)
LIVES = 3
REQUESTS = 25


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The planned failures are logged; a small log makes checkpoints part of the runs."""
    monkeypatch.setattr(sqlite, "CHECKPOINT_PAGES", 30)
    monkeypatch.setattr(type(globalLogPublisher), "__call__", lambda self, event: None)
    yield


class Run:
    """One machine and its clients, through several lives."""

    def __init__(self, seed: int, parts: Parts | None = None) -> None:
        self.machine = Machine(seed, parts)
        self.rng = self.machine.rng
        self.clients = [Client(number, self.rng) for number in range(self.rng.randrange(3, 7))]
        self.contenders = Contenders(self.rng)
        self.keys = KeyMaker()

    def play(self) -> None:
        machine = self.machine
        life = machine.start()
        made = life.now(life.admin.key_create("user"))
        machine.user = Key("user", made["access_key_id"], made["secret_access_key"])
        self.contenders.setup(life)
        for _ in range(LIVES):
            self.work(life)
            machine.lose_power(life)
            life = machine.start()
            self.check(life)
        machine.lose_power(life)
        machine.close()

    def work(self, life: Life) -> None:
        """Requests until the power goes."""
        rng, power = self.rng, life.power
        step = rng.choice(STEPS + ANYWHERE)
        power.cut_at(step, rng.randrange(1, 300 if step in ANYWHERE else 40))
        running = [client.run(life, REQUESTS) for client in self.clients]
        running += [self.contenders.run(life, REQUESTS) for _ in range(2)]
        running.append(self.keys.run(life, 3))
        running.append(self.reap(life))
        ended: list[object] = []
        for coroutine in running:
            Deferred.fromCoroutine(coroutine).addBoth(ended.append)
        while power.on and len(ended) < len(running) - 1 and life.tick():
            pass
        if power.on:
            power.lose("between")
        for result in ended:
            if isinstance(result, Failure) and not result.check(PowerLost):
                assert self.after_power(result), result.getTraceback()

    def after_power(self, result: Failure) -> bool:
        """Whether a client failed only since there was no power any more."""
        return not result.check(AssertionError)

    async def reap(self, life: Life) -> None:
        """Remove garbage without any grace, beside everything else."""
        while True:
            await self.reaper(life).reap()
            await deferLater(life.reactor, 0.1)  # type: ignore[arg-type]

    def reaper(self, life: Life) -> Reaper:
        return Reaper(
            life.store, life.blobs, life.held, life.reactor, life.clock.now_ms,
            grace_s=0, orphan_grace_s=0,
        )  # fmt: skip

    def check(self, life: Life) -> None:
        """What was acknowledged is there; then nothing is left that nothing names."""
        found = observe(life.send)
        for client in self.clients:
            client.check(life, found)
        self.contenders.check(found)
        self.keys.check(life)
        for _ in range(3):
            life.clock.ms += 1
            life.now(self.reaper(life).reap())
        life.clock.ms += 5000  # the clock may have been set back
        life.now(self.reaper(life).sweep())
        infos = life.now(life.store.blobs_after(b"", 1_000_000))
        files = {path: size for _, path, size, _ in life.blobs.files()}
        assert files == {info.path: info.stored_size for info in infos}
        for info in infos:
            life.now(life.blobs.verify(info))
        recount(life.store)
        assert not life.fatal


def run(seed: int, parts: Parts | None = None) -> Run:
    """One run; a failure names the seed."""
    played = Run(seed, parts)
    try:
        played.play()
    except Exception as error:
        error.add_note(f"seed {seed}")
        raise
    return played


def test_no_acknowledged_write_is_lost_with_power() -> None:
    lost: Counter[str] = Counter()
    for seed in range(SEEDS):
        lost += run(seed).machine.lost
    assert set(STEPS) <= lost.keys(), lost


@pytest.mark.long
@pytest.mark.timeout(36_000)
def test_no_acknowledged_write_is_lost_with_power_in_many_lives() -> None:
    for seed in range(100, 100 + int(os.environ.get("Z4_TEST_EXAMPLES") or 5000)):
        run(seed)
