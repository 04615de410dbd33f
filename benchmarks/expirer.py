"""How many keys a second the expirer looks at, and what a walk costs the readers beside it.

    python -m benchmarks.expirer [--keys N]

Fills a store with keys (without bodies), walks it with rules that concern nothing and with rules
that look at every version, each as fast as it can (no rests) and as it does beside clients.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from random import Random
from typing import Any

from z4tw.daemons.expirer import Expirer, Position
from z4tw.lifecycle.rules import Configuration, Expiration, Filter, NoncurrentExpiration, Rule
from z4tw.lifecycle.xml_out import to_be_stored
from z4tw.metadata.sqlite import SqliteStore
from z4tw.model.control import Bucket
from z4tw.model.objects import EMPTY_BODY, Checksum, Version
from z4tw.model.registers import Kind, Register
from z4tw.model.stamps import HybridClock
from z4tw.node.upkeep import AtOnce
from z4tw.objects import records
from z4tw.objects.commands import PutVersion, Replace
from z4tw.ops.expiring import Executor
from z4tw.testing.offload import InlineOffload

INCARNATION = 1
DAY_MS = 86_400_000
RULES = {
    "one rule, an age": (Rule("a", True, expiration=Expiration(days=30)),),
    "20 rules by prefix, tag and size": tuple(
        Rule(
            str(number),
            True,
            Filter(prefix=f"k/{number:02d}", tags=(("a", "b"),), greater=1000, joined=True),
            expiration=Expiration(days=30),
        )
        for number in range(20)
    ),
}


class Nowhere:
    """Positions that nobody needs."""

    async def load(self) -> Position:
        """The beginning."""
        return Position()

    async def save(self, position: Position) -> None:
        """Forget it."""


class NoRest(AtOnce):
    """A clock that never waits, whatever is asked of it."""

    def callLater(self, delay: float, callable: Any, *args: Any, **kw: Any) -> Any:
        """Call now."""
        callable(*args, **kw)


def run(awaitable: Awaitable[Any]) -> Any:
    """The result of an awaitable that never waits."""
    iterator = awaitable.__await__()
    try:
        next(iterator)
    except StopIteration as stop:
        return stop.value
    raise RuntimeError("it waits")


def fill(store: SqliteStore, clock: HybridClock, keys: int, versioned: bool) -> None:
    """Put ``keys`` keys, every third one with three versions if the bucket has versioning."""
    rows = store._rows
    rows.begin()
    for number in range(keys):
        key = b"k/%02d/%08d" % (number * 20 // keys, number)
        register = Register(Kind.OBJECT, INCARNATION, key)
        for _ in range(3 if versioned and number % 3 == 0 else 1):
            version = Version(
                clock.stamp(), not versioned, 5000, "0" * 32, EMPTY_BODY, "f" * 64,
                headers={"content-type": "text/plain"},
                checksum=Checksum("CRC64NVME", "FULL_OBJECT", "AAAAAAAAAAA="),
            )  # fmt: skip
            rows.change(register, PutVersion(version, "Enabled" if versioned else ""))
    rows.save()
    store._writer.execute("COMMIT")


def set_rules(
    store: SqliteStore, clock: HybridClock, rules: tuple[Rule, ...], versioned: bool
) -> None:
    """Give the bucket rules."""
    register = Register(Kind.BUCKET, 0, b"bucket")
    present = run(store.read(register))
    bucket = Bucket(
        clock.stamp(), "bucket", INCARNATION, "f" * 64, 0, "us-east-1",
        versioning="Enabled" if versioned else "",
        configurations={"lifecycle": to_be_stored(Configuration(rules))},
    )  # fmt: skip
    command = Replace(None if present is None else present.stamp, records.encode(bucket))

    async def change() -> Any:
        return await store.change(register, command)

    run(change())


class Timed(Expirer):
    """Notes the CPU seconds of its steps, which are those of a process that has other work."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.steps: list[float] = []
        self.last = time.process_time()

    async def _rest(self) -> None:
        self.steps.append(time.process_time() - self.last)
        self.last = time.process_time()


def walk(store: SqliteStore, clock: HybridClock, now_ms: Any) -> tuple[int, float, list[float]]:
    """(keys looked at, seconds of CPU, those of each step in order) of a whole walk."""

    async def move(*_: Any) -> bool:
        return True

    expirer = Timed(
        store, Executor(store, clock.stamp, now_ms, move), Nowhere(), NoRest(), now_ms,
        day_ms=DAY_MS, interval_s=1,
    )  # fmt: skip
    began = time.process_time()
    run(expirer.walk())
    assert expirer.errors == 0
    return expirer.examined, time.process_time() - began, sorted(expirer.steps)


def measure(keys: int) -> None:
    """Print a line for each kind of bucket and rules."""
    noncurrent = (
        Rule("n", True, noncurrent_expiration=NoncurrentExpiration(30, 2),
             expiration=Expiration(days=60)),
    )  # fmt: skip
    for versioned in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            now_ms = lambda: int(time.time() * 1000)  # noqa: E731
            random = Random(1)
            clock = HybridClock(now_ms, b"benchmrk")
            store = SqliteStore(
                str(Path(folder) / "meta.db"), clock=None, offload=InlineOffload(), now_ms=now_ms,
                random_bytes=random.randbytes, on_fatal=print,
            )  # fmt: skip
            fill(store, clock, keys, versioned)
            cases = dict(RULES, **({"versions": noncurrent} if versioned else {}))
            for name, rules in cases.items():
                set_rules(store, clock, rules, versioned)
                seen, seconds, steps = walk(store, clock, now_ms)
                kind = "versioned" if versioned else "plain"
                rate, middle, late = (
                    seen / seconds,
                    steps[len(steps) // 2],
                    steps[-len(steps) // 100],
                )
                print(
                    f"{kind:10} {name:33} {seen:9,} keys {rate:11,.0f} /s,"
                    f" a step {middle * 1e3:.2f} ms, 1 % above {late * 1e3:.2f} ms"
                )
            run(store.close())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=200_000)
    measure(parser.parse_args().keys)
