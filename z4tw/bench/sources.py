"""Where a loop's requests come from: heads signed ahead of time, in bounded number.

A measured request costs no signature. Every prepared one has a signature of its own: it differs
from the others in its key or its date, which lies in the two minutes before now. When all have been
sent they are sent again, and they are renewed bit by bit before they are too old (15 minutes).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from operator import itemgetter
from typing import NamedTuple, Protocol
from urllib.parse import quote

from z4tw.bench.bodies import Bodies
from z4tw.bench.job import FILL, MIX, Job, Operation
from z4tw.bench.signing import Signer

PREPARED = 32_768
"""The requests that are held ready, about 500 bytes each."""
LATER = 512
"""How many more are signed at a time while a load runs."""
MAX_ROUNDS = 120
LISTS = 2_048
RENEW_AGE_S = 240.0
RENEW_PIECE = 64


class Slot(NamedTuple):
    """A request to be signed: its date is ``age_s`` before now."""

    kind: int
    path: str
    query: str
    age_s: int


class Source(Protocol):
    """Requests for a loop: each kind's operation, and pairs of head and kind."""

    operations: tuple[Operation, ...]

    def batch(self, now: float) -> Iterator[tuple[bytes, int]] | None:
        """The next requests, None when there are no more; ``now`` is Unix time."""

    def renew(self, now: float) -> None:
        """Sign a few of the oldest anew, if they are old."""


class _Signing:
    def __init__(self, operations: tuple[Operation, ...], signer: Signer, bodies: Bodies) -> None:
        self.operations = operations
        self._signer, self._bodies = signer, bodies

    def sign(self, slots: Iterable[Slot], now: float) -> list[bytes]:
        """The heads of slots; neighbours that differ in their paths only are the quick ones."""
        heads: list[bytes] = []
        for (kind, query, age_s), group in groupby(slots, itemgetter(0, 2, 3)):
            operation = self.operations[kind]
            heads += self._signer.many(
                operation.method,
                [slot.path for slot in group],
                now - age_s,
                query,
                self._bodies.sha256(operation.body_size),
                operation.body_size,
            )
        return heads


class Cycle(_Signing):
    """The same slots again and again, in an order that is shuffled once."""

    def __init__(
        self,
        slots: list[Slot],
        operations: tuple[Operation, ...],
        signer: Signer,
        bodies: Bodies,
        rng: random.Random,
        now: float,
    ) -> None:
        super().__init__(operations, signer, bodies)
        slots.sort()
        order = list(range(len(slots)))
        rng.shuffle(order)
        heads = self.sign(slots, now)
        self._slots = [slots[at] for at in order]
        self._heads = [heads[at] for at in order]
        self._kinds = bytes(slot.kind for slot in self._slots)
        self._signed_at = now
        self._renewed = 0

    def batch(self, now: float) -> Iterator[tuple[bytes, int]] | None:
        """All of them."""
        return zip(self._heads, self._kinds, strict=True)

    def renew(self, now: float) -> None:
        """Sign a piece anew when the last round of this began long ago."""
        if not self._renewed and now - self._signed_at < RENEW_AGE_S:
            return
        if not self._renewed:
            self._signed_at = now
        end = self._renewed + RENEW_PIECE
        self._heads[self._renewed : end] = self.sign(self._slots[self._renewed : end], now)
        self._renewed = end if end < len(self._slots) else 0


class Once(_Signing):
    """Every slot once."""

    def __init__(
        self,
        slots: Iterator[Slot],
        operation: Operation,
        signer: Signer,
        bodies: Bodies,
        now: float,
    ) -> None:
        super().__init__((operation,), signer, bodies)
        self._slots = slots
        self._ready = self._take(PREPARED, now)

    def _take(self, count: int, now: float) -> list[bytes]:
        return self.sign(islice(self._slots, count), now)

    def batch(self, now: float) -> Iterator[tuple[bytes, int]] | None:
        """The next ones, until none is left."""
        heads, self._ready = self._ready or self._take(LATER, now), []
        return zip(heads, bytes(len(heads)), strict=True) if heads else None

    def renew(self, now: float) -> None:
        """Nothing waits for long."""


def make_source(job: Job, bodies: Bodies, now: float) -> Source:
    """The requests of a job's workload (multipart has none: it is a script)."""
    signer = Signer(job.target)
    rng = random.Random(job.index)
    mine = range(job.index, job.objects, job.processes)
    if job.workload in (FILL, "delete"):
        keys = job.keys if job.workload == FILL else "delete"
        operation = _operation("PutObject" if job.workload == FILL else "DeleteObject", job.size)
        slots = (Slot(0, job.path(keys, number), "", 0) for number in mine)
        return Once(slots, operation, signer, bodies, now)
    if job.workload == "list":
        pages = [
            _page(job, number, age_s) for number, age_s in _rounds(range(job.objects), LISTS, rng)
        ]
        return Cycle(pages, (_operation("ListObjectsV2", 0),), signer, bodies, rng, now)
    names = {"get": "GetObject", "head": "HeadObject", "put": "PutObject"}
    weights = MIX if job.workload == "mixed" else ((names[job.workload], 1),)
    operations = tuple(_operation(name, job.size) for name, _ in weights)
    total = sum(weight for _, weight in weights)
    count = min(PREPARED, MAX_ROUNDS * job.objects)
    slots_: list[Slot] = []
    for kind, (name, weight) in enumerate(weights):
        keys, numbers = "put" if name == "PutObject" else "objects", range(job.objects)
        if job.workload == "put":
            # Processes that only write keep to keys of their own.
            numbers = mine
        rounds = _rounds(numbers, count * weight // total, rng)
        slots_ += [Slot(kind, job.path(keys, number), "", age_s) for number, age_s in rounds]
    return Cycle(slots_, operations, signer, bodies, rng, now)


def _operation(name: str, size: int) -> Operation:
    method = {"GetObject": "GET", "HeadObject": "HEAD", "DeleteObject": "DELETE"}.get(name)
    if name == "PutObject":
        return Operation(name, "PUT", size)
    return Operation(name, method or "GET")


def _rounds(numbers: range, count: int, rng: random.Random) -> list[tuple[int, int]]:
    """``count`` pairs of a number and an age; few numbers come in rounds, each of another age."""
    if len(numbers) >= count:
        return [(number, 0) for number in rng.sample(numbers, max(count, 1))]
    rounds = min(count // len(numbers), MAX_ROUNDS)
    return [(number, age_s) for age_s in range(rounds) for number in numbers]


def _page(job: Job, number: int, age_s: int) -> Slot:
    prefix = f"{job.prefix}objects/"
    after = job.path("objects", number).removeprefix(f"/{job.bucket}/")
    query = f"list-type=2&prefix={quote(prefix, safe='')}&start-after={quote(after, safe='')}"
    return Slot(0, f"/{job.bucket}", query, age_s)
