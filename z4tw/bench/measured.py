"""What was measured of one workload at one target, added up over processes and rounds."""

from __future__ import annotations

from collections import Counter

from z4tw.bench.histogram import Histogram
from z4tw.bench.job import Operation
from z4tw.bench.recorder import Interval

MAX_POINTS = 1200
"""More points make the timeline coarser, so that long runs stay in memory."""


class Second:
    """A second of the timeline, several ones in a long run; ``end_s`` is where it ends."""

    def __init__(self) -> None:
        self.end_s = 0.0
        self.histogram = Histogram()
        self.moved_bytes = 0
        self.errors = 0

    def absorb(self, other: Second) -> None:
        """Become both."""
        self.end_s = max(self.end_s, other.end_s)
        self.histogram.merge(other.histogram)
        self.moved_bytes += other.moved_bytes
        self.errors += other.errors


class Kind:
    """One kind of requests."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.histogram = Histogram()
        self.moved_bytes = 0


class Measured:
    """Takes the intervals of all processes of a round; ``absorb`` appends another round."""

    def __init__(self, operations: list[Operation]) -> None:
        self.kinds = [Kind(operation) for operation in operations]
        self.errors: Counter[str] = Counter()
        self.reconnects = 0
        self.seconds = 0.0
        self.timeline: dict[int, Second] = {}
        self._step_s = 1
        self.cpu_s = 0.0
        self.process_s = 0.0
        self.rates: list[float] = []
        """Requests per second of each round."""

    def take(self, interval: Interval) -> None:
        """Add what one process did in about a second."""
        at = int(max(interval.at_s - 0.5, 0) / self._step_s)
        second = self.timeline.setdefault(at, Second())
        second.end_s = max(second.end_s, interval.at_s)
        for kind, counted in zip(self.kinds, interval.kinds, strict=True):
            count = sum(counted.buckets.values())
            moved = counted.moved_bytes + count * kind.operation.body_size
            kind.histogram.add(counted.buckets)
            kind.moved_bytes += moved
            if not kind.operation.whole:
                second.histogram.add(counted.buckets)
                second.moved_bytes += moved
        self.errors.update(interval.errors)
        second.errors += sum(interval.errors.values())
        self.reconnects += interval.reconnects
        self.seconds = max(self.seconds, interval.at_s)
        self._thin()

    def absorb(self, other: Measured) -> None:
        """Append another round of the same workload."""
        for mine, theirs in zip(self.kinds, other.kinds, strict=True):
            mine.histogram.merge(theirs.histogram)
            mine.moved_bytes += theirs.moved_bytes
        first = max(self.timeline, default=-1) + 1
        for at, second in other.timeline.items():
            second.end_s += self.seconds
            self.timeline[first + at] = second
        self.errors.update(other.errors)
        self.reconnects += other.reconnects
        self.seconds += other.seconds
        self.cpu_s += other.cpu_s
        self.process_s += other.process_s
        self.rates.append(other.rate)
        self._thin()

    def _thin(self) -> None:
        while len(self.timeline) > MAX_POINTS:
            thinned: dict[int, Second] = {}
            for at, second in sorted(self.timeline.items()):
                if at // 2 in thinned:
                    thinned[at // 2].absorb(second)
                else:
                    thinned[at // 2] = second
            self.timeline = thinned
            self._step_s *= 2

    @property
    def requests(self) -> int:
        """Requests that were answered well."""
        return sum(k.histogram.count for k in self.kinds if not k.operation.whole)

    @property
    def moved_bytes(self) -> int:
        """Bytes of bodies, in both directions."""
        return sum(kind.moved_bytes for kind in self.kinds)

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds if self.seconds else 0.0

    def histogram(self) -> Histogram:
        """The latencies of all requests."""
        merged = Histogram()
        for kind in self.kinds:
            if not kind.operation.whole:
                merged.merge(kind.histogram)
        return merged
