"""A whole single node loses power at random steps: nothing acknowledged is lost, nothing is half.

Every run is determined by its seed, which a failure names. ``--long`` runs many more.
"""

from __future__ import annotations

import gc
import json
import os
import tempfile
from collections import Counter
from uuid import UUID

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure

from tests.metadata.recount import recount
from tests.ops.harness import Key
from tests.proofs.clients import Client, Contenders, KeyMaker
from tests.proofs.listings import observe
from tests.proofs.planted import PLANTED
from tests.proofs.power import ANYWHERE, STEPS, Life, Machine, Parts
from tests.proofs.worlds import in_memory
from z4tw.blobs.files import FileBlobStore
from z4tw.daemons.reaper import Reaper
from z4tw.metadata import sqlite
from z4tw.recovery.check import CheckOptions, check_store
from z4tw.recovery.place import Place
from z4tw.testing.offload import InlineOffload

SEEDS = int(os.environ.get("Z4_TEST_EXAMPLES") or 100)
LIVES = 3
REQUESTS = 30
PLANTED_SEEDS = 30
# A database that could not be opened is closed when its connection is freed, without power.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planned failures are logged; a small log makes checkpoints part of the runs."""
    monkeypatch.setattr(sqlite, "CHECKPOINT_PAGES", 30)
    monkeypatch.setattr(type(globalLogPublisher), "__call__", lambda self, event: None)


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
            Deferred.fromCoroutine(coroutine).addBoth(
                lambda result: ended.append(result if power.on else None)
            )
        while power.on and len(ended) < len(running) - 1 and life.tick():
            pass
        for result in ended:
            if isinstance(result, Failure):
                result.raiseException()

    async def reap(self, life: Life) -> None:
        """Remove garbage without any grace, beside everything else."""
        while True:
            await self.reaper(life).reap()
            await deferLater(life.reactor, 0.1)

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
        life.clock.ms += 5000  # the clock may have been set back
        for _ in range(3):
            life.clock.ms += 1
            life.now(self.reaper(life).reap())
        life.now(self.reaper(life).sweep())
        infos = life.now(life.store.blobs_after(b"", 1_000_000))
        rows = {(info.path, info.stored_size) for info in infos}
        files = {(path, size) for _, path, size, _ in life.blobs.files()}
        assert not rows - files, f"lost: {rows - files}"
        assert not files - rows, f"left over: {files - rows}"
        recount(life.store)
        self.fsck(life)
        assert not life.fatal

    def fsck(self, life: Life) -> None:
        """``z4 fsck``, deep, on a copy of the database and the files as they are."""
        blobs = FileBlobStore(
            life.disk, InlineOffload(), None, min_free_bytes=0, now_ms=life.clock.now_ms,
            random_bytes=self.rng.randbytes,
        )  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="z4tw-proof-", dir=in_memory()) as root:
            place = Place(root)
            os.mkdir(place.meta)
            life.now(life.store.snapshot(place.database))
            with open(place.format_file, "w", encoding="utf-8") as file:
                json.dump({"store_uuid": str(UUID(bytes=life.store.facts.store_uuid))}, file)
            options = CheckOptions(now_ms=life.clock.ms, orphan_grace_s=0, threads=1)
            report = check_store(place, blobs, options)
        assert not report.found, report.as_dict()


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


@pytest.mark.parametrize("parts", PLANTED)
def test_planted_bugs_are_caught(parts: type[Parts]) -> None:
    """The proof itself is proved: with a bug, one of its first seeds fails."""
    assert any(fails(seed, parts()) for seed in range(PLANTED_SEEDS))


def fails(seed: int, parts: Parts) -> bool:
    """Whether a run finds something wrong, in whatever way."""
    try:
        run(seed, parts)
    except Exception:
        failed = True
    else:
        failed = False
    gc.collect()  # the connections of a run that did not come to its end go here
    return failed


@pytest.mark.long
@pytest.mark.timeout(36_000)
def test_no_acknowledged_write_is_lost_with_power_in_many_lives() -> None:
    for seed in range(100, 100 + int(os.environ.get("Z4_TEST_EXAMPLES") or 5000)):
        run(seed)
