"""A job passes to another process as JSON, and its keys need no encoding."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from tests.bench.support import make_job
from z4tw.bench.job import Job


def test_a_job_survives_its_way() -> None:
    job = make_job(index=2, processes=3)
    assert msgspec.json.decode(msgspec.json.encode(job), type=Job) == job


def test_paths_are_canonical_and_distinct() -> None:
    job = make_job()
    paths = {job.path(keys, number) for keys in ("objects", "put") for number in range(500)}
    assert len(paths) == 1000
    assert all(path == quote(path) for path in paths)
