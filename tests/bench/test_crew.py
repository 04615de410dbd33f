"""The processes of a load run together, stop together, and leave none behind."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.bench.support import make_job, make_target, ok, serving
from z4tw.bench.crew import Crew
from z4tw.bench.job import Job
from z4tw.bench.measured import Measured
from z4tw.bench.target import BenchError


def jobs(port: int, count: int = 2, **changes: Any) -> list[Job]:
    share = {"target": make_target(port), "processes": count, "concurrency": 1}
    return [make_job(index=index, **(share | changes)) for index in range(count)]


def quiet(measured: Measured) -> bool:
    return False


def test_shares_add_up() -> None:
    with serving(lambda *request: ok()) as port:
        measured = Crew(quiet).run(jobs(port, workload="delete", objects=30, duration_s=60.0))
    assert measured.requests == 30
    assert not measured.errors
    assert measured.cpu_s > 0
    assert measured.rates == [measured.rate]


def test_whoever_watches_can_stop_it() -> None:
    with serving(lambda *request: ok()) as port:
        measured = Crew(lambda measured: True).run(jobs(port, duration_s=3600.0))
    assert 0 < measured.seconds < 60


def test_interrupts_keep_what_was_measured() -> None:
    calls = []

    def show(measured: Measured) -> bool:
        calls.append(measured)
        if len(calls) <= 2:
            raise KeyboardInterrupt
        return False

    crew = Crew(show)
    with serving(lambda *request: ok()) as port:
        measured = crew.run(jobs(port, duration_s=3600.0))
    assert crew.interrupted
    assert measured.requests > 0


def test_why_a_process_cannot_begin() -> None:
    with serving(lambda *request: ok()) as port:
        pass
    with pytest.raises(BenchError, match="cannot reach"):
        Crew(quiet).run(jobs(port))


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("", "before it began"),
        ('print(\'{"ready": [{"name": "x", "method": "GET"}]}\')', "on its way"),
    ],
)
def test_a_process_that_dies(script: str, why: str) -> None:
    crew = Crew(quiet, (sys.executable, "-c", script))
    with pytest.raises(BenchError, match=why):
        crew.run(jobs(1))
