"""SIGKILL at every named step of a write, in a worker, in the store process, in the whole group.

Each round starts the server on the data that the former ones left, lets clients write until one
process kills itself at the chosen step, starts it again, and compares every key with what was
acknowledged. ``Z4_TEST_CRASHES`` sets the number of rounds of each kind (default 4: 56 kills).
"""

from __future__ import annotations

import collections
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.crash.workload import Expected, Writer, check
from tests.processes import Key, ServerProcess, boto3_client, make_key, z4

ROUNDS = int(os.environ.get("Z4_TEST_CRASHES", "4"))
BLOB_STEPS = ("blob.write", "blob.fsync", "blob.link", "blob.dirsync", "reply.before")
STORE_STEPS = ("store.before-commit", "store.after-commit")
KINDS = [
    *(("worker", step, group) for step in BLOB_STEPS for group in (False, True)),
    *(("store", step, group) for step in STORE_STEPS for group in (False, True)),
]
WRITERS = 4
# The grace of orphans covers the time between a blob's link and its commit, so it is never 0 while
# a server runs; the sweep of a stopped store at the end takes all.
OPTIONS = (
    "--orphan-grace-seconds",
    "20",
    "--blob-grace-seconds",
    "1",
    "--workers",
    "2",
    "--drain-seconds",
    "5",
    "--audit-bytes-per-second",
    "0",
)


def client(server: ServerProcess, key: Key) -> Any:
    return boto3_client(server, key, connect_timeout=5, read_timeout=20)


@pytest.mark.timeout(1500)
def test_no_acknowledged_object_is_lost(tmp_path: Path) -> None:
    """Lost 0, damaged 0, half 0; every step was hit; no orphan outlives the sweep."""
    seed = int(os.environ.get("Z4_TEST_SEED", random.SystemRandom().randrange(2**32)))
    print(f"seed {seed}")
    rng = random.Random(seed)
    data = tmp_path / "data"
    hits = tmp_path / "hits"
    hits.touch()
    armed = tmp_path / "armed"
    key = make_key(data, "alice")
    expected: dict[str, Expected] = {}
    with ServerProcess(data, *OPTIONS) as server:
        client(server, key).create_bucket(Bucket="crash")
    acknowledged = 0
    plans = [kind for kind in KINDS for _ in range(ROUNDS)]
    rng.shuffle(plans)
    for number, (role, step, group) in enumerate(plans):
        plan = {
            "role": role,
            "step": step,
            "hit": rng.randint(1, 12),
            "group": group,
            "hits": str(hits),
            "armed": str(armed),
        }
        server = ServerProcess(
            data,
            *OPTIONS,
            environ={"Z4_TEST_CRASH": json.dumps(plan)},
            command=[sys.executable, "-m", "tests.crash.entry", "server"],
        )
        before = hits.read_text()
        armed.unlink(missing_ok=True)
        server.start()
        try:
            if number:
                wrong = check(client(server, key), "crash", expected)
                assert wrong == [], f"seed {seed}, round {number}: {plans[number - 1]}"
            armed.touch()
            acknowledged += write_until_crash(server, key, expected, rng, hits, before)
        finally:
            server.kill()
        assert hits.read_text() != before, f"{plan} was not reached"
    with ServerProcess(data, *OPTIONS) as server:
        assert check(client(server, key), "crash", expected) == []
    counted = collections.Counter(hits.read_text().splitlines())
    assert len(counted) == len(KINDS)
    assert min(counted.values()) >= ROUNDS
    print(f"{sum(counted.values())} kills, {acknowledged} acknowledged writes, {dict(counted)}")
    z4("gc", "--data", str(data), "--grace-seconds", "0")
    report = json.loads(z4("fsck", "--data", str(data), "--json").stdout)
    assert report["problems"] == []


def write_until_crash(
    server: ServerProcess,
    key: Key,
    expected: dict[str, Expected],
    rng: random.Random,
    hits: Path,
    before: str,
) -> int:
    """Clients write until the planned process has died; how many writes were acknowledged."""
    writers = [
        Writer(number, client(server, key), "crash", rng.randrange(2**32), expected)
        for number in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    deadline = time.monotonic() + 60
    done = 0
    while hits.read_text() == before and time.monotonic() < deadline:
        for index, writer in enumerate(writers):
            if not writer.is_alive():
                assert writer.failure is None, writer.failure
                # A dead worker took this connection: its client goes on with a new one.
                done += writer.acknowledged
                writers[index] = Writer(
                    index, client(server, key), "crash", rng.randrange(2**32), expected
                )
                writers[index].start()
        time.sleep(0.01)
    for writer in writers:
        writer.stopping = True
    for writer in writers:
        writer.join(40)
        assert not writer.is_alive()
        assert writer.failure is None, writer.failure
        done += writer.acknowledged
    return done
