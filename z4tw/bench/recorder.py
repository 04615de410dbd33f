"""What a process has measured since it last told its parent."""

from __future__ import annotations

from collections import Counter

import msgspec

from z4tw.bench.histogram import BUCKETS, bucket_of, sparse


class Counted(msgspec.Struct):
    """One kind of requests within one interval: latencies in nanoseconds by bucket of the answered
    ones, and the bytes of bodies that were received (and of the parts that were sent)."""

    buckets: dict[int, int]
    moved_bytes: int = 0


class Interval(msgspec.Struct):
    """What happened up to ``at_s`` since the interval before. ``errors`` by S3 code (or what
    became of the connection), ``reconnects`` without an error."""

    at_s: float
    kinds: list[Counted]
    errors: dict[str, int] = {}
    reconnects: int = 0
    cpu_s: float = 0.0


class Recorder:
    """The counters of a loop, plain lists that it writes itself."""

    def __init__(self, kinds: int) -> None:
        self.counts = [[0] * BUCKETS for _ in range(kinds)]
        self.moved = [0] * kinds
        self.errors: Counter[str] = Counter()
        self.reconnects = 0

    def record(self, kind: int, latency_ns: int, moved_bytes: int) -> None:
        """An answered request; the loop has this inline for plain ones."""
        self.counts[kind][bucket_of(latency_ns)] += 1
        self.moved[kind] += moved_bytes

    def take(self, at_s: float, cpu_s: float = 0.0) -> Interval:
        """What was counted, and begin anew; the lists stay the same objects."""
        kinds = []
        for kind, counts in enumerate(self.counts):
            kinds.append(Counted(sparse(counts), self.moved[kind]))
            counts[:] = [0] * BUCKETS
            self.moved[kind] = 0
        taken = Interval(at_s, kinds, dict(self.errors), self.reconnects, cpu_s)
        self.errors.clear()
        self.reconnects = 0
        return taken
