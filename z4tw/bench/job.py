"""What one process is asked to do, and the names of what it does."""

from __future__ import annotations

import msgspec

from z4tw.bench.target import Target

WORKLOADS = ("put", "get", "mixed", "list", "delete", "multipart", "head")
"""What can be measured."""
FILL = "fill"
"""A workload that is not measured: puts every object of a set once."""
MIX = (("GetObject", 14), ("PutObject", 4), ("HeadObject", 2))
"""The mixed workload in twentieths."""
SMALL_BODY = 64 * 1024
"""Bodies up to this are sent together with their heads."""


class Operation(msgspec.Struct, frozen=True):
    """A kind of request. ``whole``: no request but a sequence of them, measured from its first to
    its last byte, and left out of totals."""

    name: str
    method: str
    body_size: int = 0
    whole: bool = False


class Job(msgspec.Struct, frozen=True):
    """A share of a load: process ``index`` of ``processes``. Keys are ``prefix`` + set + number;
    ``keys`` names the set that a fill makes."""

    target: Target
    bucket: str
    prefix: str
    workload: str
    objects: int
    size: int
    concurrency: int
    duration_s: float
    index: int = 0
    processes: int = 1
    part_size: int = 8 << 20
    keys: str = "objects"
    timeout_s: float = 60.0

    def path(self, keys: str, number: int) -> str:
        """The path of a numbered object of a set, spread over a hundred folders."""
        return f"/{self.bucket}/{self.prefix}{keys}/{number % 100:02d}/{number:07d}"
