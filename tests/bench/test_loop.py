"""The loop counts what was answered, reads every form of answer, and goes on after failures."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bench.support import (
    ID,
    SECRET,
    Reply,
    make_certificate,
    make_job,
    make_target,
    ok,
    serving,
)
from z4tw.bench.bodies import Bodies
from z4tw.bench.connection import Dialer
from z4tw.bench.loop import Loop
from z4tw.bench.measured import Measured
from z4tw.bench.sources import make_source
from z4tw.bench.target import parse_target
from z4tw.bench.uploads import Uploads

NOW = 1_700_000_000.0


def measure(
    reply: Reply,
    stop_fd: int = -1,
    clock_ns: Callable[[], int] = time.perf_counter_ns,
    **changes: Any,
) -> Measured:
    """Run a job (by default it fills ten objects) against a server that replies like that."""
    with serving(reply) as port:
        job = make_job(**({"workload": "fill", "target": make_target(port)} | changes))
        bodies = Bodies()
        source: Any = (
            Uploads(job, bodies) if job.workload == "multipart" else make_source(job, bodies, NOW)
        )
        measured = Measured(list(source.operations))
        Loop(job, Dialer(job.target), source, bodies, measured.take, clock_ns).run(stop_fd)
        return measured


FORMS = {
    "plain": ok(),
    "with a body": ok(b"hello" * 10),
    "lower case": b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n" + b"x" * 50,
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "large": ok(b"x" * 1_000_000),
    "until the end": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello",
    "and closed": ok(b"hello", "200 OK", "Connection: close"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_answer(form: str) -> None:
    answer = FORMS[form]
    measured = measure(lambda *request: answer)
    assert measured.requests == 10
    assert not measured.errors
    size = {"plain": 0, "no content": 0, "large": 1_000_000}.get(form, 5)
    if form in ("with a body", "lower case"):
        size = 50
    assert measured.moved_bytes == 10 * (size + 100)


def test_the_length_of_an_answer_to_head_is_not_waited_for() -> None:
    def reply(line: str, headers: dict[str, str], body: bytes) -> bytes:
        assert line.startswith("HEAD ")
        return b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"

    measured = measure(reply, workload="head", duration_s=0.05)
    assert measured.requests > 0
    assert not measured.errors
    assert measured.moved_bytes == 0


@pytest.mark.parametrize("size", [0, 100, 64 * 1024, 3_000_001])
def test_bodies_of_any_size_arrive_whole(size: int) -> None:
    bodies: list[bytes] = []

    def reply(line: str, headers: dict[str, str], body: bytes) -> bytes:
        bodies.append(body)
        return ok()

    measured = measure(reply, size=size, objects=3)
    assert measured.requests == 3
    made = Bodies()
    expected = b"".join(bytes(made.piece(at, size)) for at in range(0, size, 1 << 20))
    assert bodies == [expected] * 3


def test_errors_are_counted_by_code_and_have_no_latency() -> None:
    answers = [ok(b"<Error><Code>SlowDown</Code></Error>", "503 Slow Down"), ok(b"", "404 No")]

    def reply(line: str, headers: dict[str, str], body: bytes) -> bytes:
        return answers.pop() if answers else ok()

    measured = measure(reply, concurrency=1)
    assert measured.errors == {"SlowDown": 1, "404": 1}
    assert measured.requests == 8


def test_a_connection_that_was_closed_between_requests_is_no_error() -> None:
    count = [0]

    def reply(line: str, headers: dict[str, str], body: bytes) -> bytes | None:
        count[0] += 1
        return None if count[0] % 3 == 0 else ok()

    measured = measure(reply, concurrency=1)
    assert measured.requests == 10
    assert not measured.errors
    assert measured.reconnects > 0


def test_a_connection_that_ends_in_an_answer_is_an_error() -> None:
    answers = [b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 50\r\n\r\nhalf"]

    def reply(line: str, headers: dict[str, str], body: bytes) -> bytes:
        return answers.pop() if answers else ok()

    measured = measure(reply, concurrency=1)
    assert sum(measured.errors.values()) == 1
    assert measured.requests == 9


def test_a_server_that_hangs_up_at_once_is_asked_again_after_a_rest() -> None:
    count = [0]

    def reply(line: str, headers: dict[str, str], body: bytes) -> bytes | None:
        count[0] += 1
        return None if count[0] == 1 else ok()

    measured = measure(reply, concurrency=1)
    assert sum(measured.errors.values()) == 1
    assert measured.requests == 9


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", ok() + b"more"])
def test_what_is_no_answer_is_an_error(answer: bytes) -> None:
    answers = [answer]

    def reply(line: str, headers: dict[str, str], body: bytes) -> bytes:
        return answers.pop() if answers else ok()

    measured = measure(reply, concurrency=1)
    assert measured.errors == {"BadAnswer": 1}
    assert measured.requests == 9


def test_a_server_that_closes_after_every_answer_is_believed() -> None:
    measured = measure(
        lambda *request: ok(b"x", "200 OK", "Connection: close"), concurrency=1, objects=30
    )
    assert measured.requests == 30
    assert not measured.errors
    # The first one is found out by asking on.
    assert measured.reconnects == 1


def test_a_request_that_is_never_answered_times_out() -> None:
    never = threading.Event()
    now = [0]

    def clock_ns() -> int:
        now[0] += 300_000_000
        return now[0]

    def reply(line: str, headers: dict[str, str], body: bytes) -> bytes:
        never.wait(60)
        return ok()

    measured = measure(reply, clock_ns=clock_ns, workload="get", concurrency=1, timeout_s=2.0)
    never.set()
    assert measured.errors == {"TimedOut": 1}
    assert measured.requests == 0


def test_the_load_ends_after_its_time_with_every_request_counted() -> None:
    asked: list[str] = []

    def reply(line: str, headers: dict[str, str], body: bytes) -> bytes:
        asked.append(line)
        return ok(b"x")

    measured = measure(reply, workload="get", duration_s=0.15)
    assert measured.requests == measured.moved_bytes == len(asked) > 0
    assert measured.seconds >= 0.15


def test_a_line_to_its_input_ends_it_at_once() -> None:
    read, write = os.pipe()
    try:

        def reply(line: str, headers: dict[str, str], body: bytes) -> bytes:
            os.write(write, b"x")
            return ok()

        measured = measure(reply, workload="get", duration_s=3600.0, stop_fd=read)
        assert measured.seconds < 3600
    finally:
        os.close(read)
        os.close(write)


@pytest.mark.parametrize("size", [100, 3_000_001])
def test_tls(tmp_path: Path, size: int) -> None:
    bundle, context = make_certificate(tmp_path)
    sizes: list[int] = []

    def reply(line: str, headers: dict[str, str], body: bytes) -> bytes:
        sizes.append(len(body))
        return ok(b"x" * 300_000)

    with serving(reply, context) as port:
        target = parse_target(f"https://127.0.0.1:{port}", ID, SECRET, ca_bundle=bundle)
        job = make_job(target=target, workload="fill", size=size, objects=8)
        bodies = Bodies()
        source = make_source(job, bodies, NOW)
        measured = Measured(list(source.operations))
        Loop(job, Dialer(target), source, bodies, measured.take).run()
    assert measured.requests == 8
    assert sizes == [size] * 8
    assert measured.moved_bytes == 8 * (size + 300_000)
    assert not measured.errors


def test_uploads_of_several_parts() -> None:
    parts: list[int] = []
    lock = threading.Lock()

    def reply(line: str, headers: dict[str, str], body: bytes) -> bytes:
        if "uploads=" in line:
            return ok(b"<R><UploadId>u</UploadId></R>")
        if "partNumber" in line:
            with lock:
                parts.append(len(body))
            return ok(b"", "200 OK", 'ETag: "x"')
        return ok(b"<Done/>")

    measured = measure(reply, workload="multipart", size=12 << 20, part_size=5 << 20, concurrency=1)
    counts = {kind.operation.name: kind.histogram.count for kind in measured.kinds}
    assert counts["UploadPart"] == len(parts) >= 3
    assert parts[:3] == [5 << 20, 5 << 20, 2 << 20]
    assert counts["CompleteMultipartUpload"] >= counts["whole upload"] >= 0
    assert counts["AbortMultipartUpload"] == 0
    assert measured.kinds[1].moved_bytes >= sum(parts[:3])
    assert not measured.errors
