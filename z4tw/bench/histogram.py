"""Latencies in buckets that grow with the value: bounded memory, exact to half a percent.

Values are whole nanoseconds. Each power of two has 128 buckets, as in HdrHistogram
(https://hdrhistogram.github.io/HdrHistogram/), so that a bucket is 0.8 % wide at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

BUCKETS = 58 << 7
"""Enough for every value of 64 bits."""


def bucket_of(value: int) -> int:
    """The bucket of a value of 0 or more. The loop that measures has this inline."""
    shift = value.bit_length() - 8
    return (shift << 7) + (value >> shift) if shift > 0 else value


def value_of(bucket: int) -> int:
    """The middle of a bucket."""
    shift = (bucket >> 7) - 1
    if shift <= 0:
        return bucket
    return (((bucket & 127) + 128) << shift) + (1 << shift >> 1)


def sparse(counts: Sequence[int]) -> dict[int, int]:
    """The buckets that hold something."""
    return {bucket: count for bucket, count in enumerate(counts) if count}


class Histogram:
    """Counts by bucket, added up from what the processes sent."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.count = 0

    def record(self, value: int) -> None:
        """Add one value."""
        self.add({bucket_of(value): 1})

    def add(self, counts: Mapping[int, int]) -> None:
        """Add counts by bucket."""
        for bucket, count in counts.items():
            self._counts[bucket] = self._counts.get(bucket, 0) + count
            self.count += count

    def merge(self, other: Histogram) -> None:
        """Add all of another histogram."""
        self.add(other._counts)

    def percentiles(self, shares: Sequence[float]) -> list[int]:
        """The values that shares (0 to 100, ascending) of all values do not exceed; zeros when
        there is no value."""
        found: list[int] = []
        seen = value = 0
        buckets = iter(sorted(self._counts))
        for share in shares:
            # Rounding first: 99.9 % of 1,000 is 999, not 999.0000000000001.
            wanted = min(-int(-round(self.count * share / 100, 6) // 1), self.count)
            while seen < max(wanted, 1):
                bucket = next(buckets, None)
                if bucket is None:
                    break
                seen += self._counts[bucket]
                value = value_of(bucket)
            found.append(value)
        return found
