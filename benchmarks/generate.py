"""Fill a bucket of a stopped server with empty objects, through the store's own interface.

Usage: python benchmarks/generate.py DATA BUCKET COUNT [FIRST]

The keys are ``k/000000000`` and so on, from FIRST (0, or what an earlier run made) to COUNT.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from z4tw.metadata.sqlite import SqliteStore
from z4tw.model.control import Bucket
from z4tw.model.objects import EMPTY_BODY, Version
from z4tw.model.registers import Kind, Register
from z4tw.model.stamps import HybridClock
from z4tw.objects import records
from z4tw.objects.commands import PutVersion, Replace
from z4tw.testing.offload import InlineOffload


class Turn:
    """Runs what the store schedules, one batch after the other."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, tuple[Any, ...]]] = []

    def callLater(self, delay: float, function: Any, *arguments: Any) -> Any:
        if delay == 0:
            self.calls.append((function, arguments))
        return self

    def cancel(self) -> None:
        """Delayed calls are never made."""

    def run(self) -> None:
        while self.calls:
            function, arguments = self.calls.pop(0)
            function(*arguments)


def main(data: str, bucket_name: str, count: int, first: int = 0) -> int:
    """Make the bucket for the first account unless it is there, and its objects."""

    def fatal(error: BaseException) -> None:
        raise error

    turn = Turn()
    store = SqliteStore(
        str(Path(data) / "_z4meta" / "meta.db"),
        clock=turn,  # type: ignore[arg-type]
        offload=InlineOffload(),
        now_ms=lambda: int(time.time() * 1000),
        random_bytes=os.urandom,
        on_fatal=fatal,
    )
    clock = HybridClock(lambda: int(time.time() * 1000), os.urandom(8))
    found: list[Any] = []
    _finish(store.scan(Kind.ACCOUNT, 0, b"", b"", 1), found, turn)
    owner = found[0][0][1].id
    register = Register(Kind.BUCKET, 0, bucket_name.encode())
    present: list[Any] = []
    _finish(store.read(register), present, turn)
    if present[0] is None:
        incarnation = int.from_bytes(os.urandom(7), "big")
        made = Bucket(clock.stamp(), bucket_name, incarnation, owner, 0, "us-east-1")
        store.change(register, Replace(None, records.encode(made)))
    else:
        incarnation = present[0].incarnation
    for start in range(first, count, 500):
        for number in range(start, min(start + 500, count)):
            key = f"k/{number:09d}"
            version = Version(
                clock.stamp(), True, 0, "d41d8cd98f00b204e9800998ecf8427e", EMPTY_BODY, owner
            )
            store.change(Register(Kind.OBJECT, incarnation, key.encode()), PutVersion(version))
        turn.run()
    closing = store.close()
    _finish(closing, [], turn)
    return 0


def _finish(awaitable: Any, results: list[Any], turn: Turn) -> None:
    from twisted.internet.defer import ensureDeferred

    ensureDeferred(awaitable).addCallback(results.append)
    turn.run()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:5])))
