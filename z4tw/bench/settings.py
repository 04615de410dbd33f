"""What a run is asked to do, checked before anything is sent."""

from __future__ import annotations

import re

import msgspec

from z4tw.bench.job import WORKLOADS
from z4tw.bench.target import UsageError

MAX_OBJECTS = 1_000_000
MAX_BYTES = 1 << 40
MAX_CONCURRENCY = 4096
MAX_PROCESSES = 64
MAX_DURATION_S = 86_400.0
MAX_SIZE = 5 << 30
MIN_PART, MAX_PARTS = 5 << 20, 10_000
DEFAULT_OBJECTS = 1000
DEFAULT_BYTES = 1 << 30
"""Without a number of objects a run stores no more than this."""
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class Settings(msgspec.Struct, frozen=True):
    """A checked request for a run. ``bucket`` empty: make one and remove it. ``size`` and
    ``part_size`` in bytes."""

    workloads: tuple[str, ...] = ("put", "get")
    size: int = 1024
    objects: int = DEFAULT_OBJECTS
    concurrency: int = 16
    duration_s: float = 10.0
    processes: int = 1
    rounds: int = 1
    bucket: str = ""
    part_size: int = 8 << 20


def make_settings(
    workload: str,
    size: int,
    objects: int | None,
    concurrency: int,
    duration_s: float,
    processes: int,
    rounds: int,
    bucket: str,
    part_size: int,
) -> Settings:
    """Check what was asked for. Raises ``UsageError``."""
    workloads = tuple(word.strip() for word in workload.split(","))
    for word in workloads:
        if word not in WORKLOADS:
            raise UsageError(f"unknown workload {word!r}; there are {', '.join(WORKLOADS)}")
    if len(set(workloads)) != len(workloads):
        raise UsageError("a workload is named twice")
    _within("--size", size, 0, MAX_SIZE)
    if objects is None:
        objects = min(DEFAULT_OBJECTS, max(1, DEFAULT_BYTES // max(size, 1)))
        objects = max(objects, processes)
    _within("--objects", objects, 1, MAX_OBJECTS)
    if objects * size > MAX_BYTES:
        raise UsageError("--objects times --size is more than 1 TiB")
    _within("--concurrency", concurrency, 1, MAX_CONCURRENCY)
    _within("--processes", processes, 1, MAX_PROCESSES)
    if processes > concurrency or processes > objects:
        raise UsageError("--processes is more than --concurrency or --objects")
    if not 0 < duration_s <= MAX_DURATION_S:
        raise UsageError(f"--duration must be above 0 and at most {MAX_DURATION_S:.0f}")
    _within("--rounds", rounds, 1, 1000)
    if bucket and not _BUCKET.fullmatch(bucket):
        raise UsageError(f"{bucket!r} is no name of a bucket")
    if "multipart" in workloads:
        _within("--part-size", part_size, MIN_PART, MAX_SIZE)
        if size > part_size * MAX_PARTS:
            raise UsageError(f"--size has more than {MAX_PARTS} parts of --part-size")
    return Settings(
        workloads, size, objects, concurrency, duration_s, processes, rounds, bucket, part_size
    )


def _within(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise UsageError(f"{name} must be from {least} to {most}")
