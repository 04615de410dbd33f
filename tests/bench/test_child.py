"""A process of the load speaks in lines: ready, intervals, done; or why not."""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
from typing import Any

import msgspec
import pytest

from tests.bench.support import make_job, make_target, ok, serving
from z4tw.bench.child import Message, allow_descriptors, main
from z4tw.bench.job import Job
from z4tw.bench.target import BenchError

COMMAND = [sys.executable, "-m", "z4tw.bench.child"]


def environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}


def said(job: Job, go: bytes = b"\n") -> list[Message]:
    given = msgspec.json.encode(job) + b"\n" + go
    ran = subprocess.run(
        COMMAND, input=given, capture_output=True, timeout=60, env=environ(), check=False
    )
    assert ran.stderr == b""
    return [msgspec.json.decode(line, type=Message) for line in ran.stdout.splitlines()]


def test_it_is_ready_and_waits_for_the_word() -> None:
    with serving(lambda *request: ok()) as port:
        messages = said(make_job(target=make_target(port)), go=b"")
    assert [message.ready is not None for message in messages] == [True]


@pytest.mark.parametrize("given", [b"", b'{"target": '])
def test_without_a_job_it_ends_quietly(given: bytes) -> None:
    out = io.BytesIO()
    assert main(io.BytesIO(given), out) == 1
    assert out.getvalue() == b""


def test_it_runs_and_tells() -> None:
    with serving(lambda *request: ok()) as port:
        job = make_job(target=make_target(port), duration_s=30.0, workload="delete")
        process = subprocess.Popen(
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ()
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(job) + b"\n\n")
        process.stdin.flush()
        messages = [msgspec.json.decode(line, type=Message) for line in process.stdout]
        process.stdin.close()
        process.stdout.close()
        assert process.wait(20) == 0
    assert messages[0].ready is not None
    assert messages[-1].done
    intervals: list[Any] = [m.interval for m in messages if m.interval is not None]
    assert sum(sum(i.kinds[0].buckets.values()) for i in intervals) == 10


def test_the_limit_of_open_files_is_raised_as_far_as_it_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits: list[tuple[int, int]] = [(100, 1000)]
    monkeypatch.setattr(resource, "getrlimit", lambda which: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda which, pair: limits.append(pair))
    allow_descriptors(100)
    assert limits == [(100, 1000)]
    allow_descriptors(1000)
    assert limits[-1] == (1000, 1000)
    with pytest.raises(BenchError, match="open files"):
        allow_descriptors(1001)


def test_an_endpoint_that_does_not_answer() -> None:
    with serving(lambda *request: ok()) as port:
        pass
    out = io.BytesIO()
    job = make_job(target=make_target(port))
    assert main(io.BytesIO(msgspec.json.encode(job) + b"\n"), out) == 1
    assert "cannot reach" in msgspec.json.decode(out.getvalue(), type=Message).error
