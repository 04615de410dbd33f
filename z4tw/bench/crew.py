"""The processes that make a load together, and what they say."""

from __future__ import annotations

import contextlib
import selectors
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from z4tw.bench.child import Message
from z4tw.bench.job import Job
from z4tw.bench.measured import Measured
from z4tw.bench.target import BenchError

COMMAND = (sys.executable, "-m", "z4tw.bench.child")
STOP_S = 5.0
PATIENCE = 4
"""Interrupts often come in pairs, to a process and to its group; so many end the waiting."""


class Crew:
    """Runs jobs, one process for each. ``show`` is called after every interval, with a measure
    that grows; returning True from it stops the load."""

    def __init__(self, show: Callable[[Measured], bool], command: Sequence[str] = COMMAND) -> None:
        self._show, self._command = show, command
        self.interrupted = False

    def run(self, jobs: Sequence[Job]) -> Measured:
        """The load from its start to its end. An interrupt ends it early: what was measured
        until then is returned. Raises ``BenchError``."""
        processes: list[subprocess.Popen[bytes]] = []
        try:
            for job in jobs:
                process = subprocess.Popen(  # noqa: S603 (this very interpreter)
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    # A terminal sends Ctrl-C to a whole group; the parent decides.
                    process_group=0,
                )
                processes.append(process)
                _write(process, msgspec.json.encode(job) + b"\n")
            return self._measure(processes)
        finally:
            for process in processes:
                _end(process)

    def _measure(self, processes: list[subprocess.Popen[bytes]]) -> Measured:
        operations = [_ready(process) for process in processes]
        measured = Measured(operations[0])
        for process in processes:
            _write(process, b"\n")
        lines = _lines(processes)
        for _ in range(PATIENCE):
            try:
                self._follow(measured, lines, processes)
                break
            except KeyboardInterrupt:
                self.interrupted = True
                _stop(processes)
        measured.rates.append(measured.rate)
        measured.process_s = measured.seconds * len(processes)
        return measured

    def _follow(
        self,
        measured: Measured,
        lines: Iterator[Message],
        processes: list[subprocess.Popen[bytes]],
    ) -> None:
        for message in lines:
            measured.cpu_s += message.cpu_s
            if message.interval is not None:
                measured.take(message.interval)
                if self._show(measured):
                    _stop(processes)


def _ready(process: subprocess.Popen[bytes]) -> list[Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise BenchError("a process of the load ended before it began")
    message = msgspec.json.decode(line, type=Message)
    if message.ready is None:
        raise BenchError(message.error)
    return message.ready


class _Lines:
    """All lines of all processes, as they come, until each has ended. No generator, since an
    interrupt would end that."""

    def __init__(self, processes: list[subprocess.Popen[bytes]]) -> None:
        self._selector = selectors.DefaultSelector()
        self._found: list[Message] = []
        for process in processes:
            assert process.stdout is not None
            self._selector.register(process.stdout, selectors.EVENT_READ, process)

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        while not self._found:
            if not self._selector.get_map():
                self._selector.close()
                raise StopIteration
            for key, _ in self._selector.select():
                self._read(key.fileobj)
        return self._found.pop(0)

    def _read(self, stream: Any) -> None:
        # A process writes whole lines in one go, and its next one a second later.
        line = stream.readline()
        if not line:
            self._selector.unregister(stream)
            raise BenchError("a process of the load ended on its way")
        message = msgspec.json.decode(line, type=Message)
        if message.done:
            self._selector.unregister(stream)
        self._found.append(message)


def _lines(processes: list[subprocess.Popen[bytes]]) -> Iterator[Message]:
    return _Lines(processes)


def _write(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(data)
        process.stdin.flush()


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    _stop([process])
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    assert process.stdout is not None
    process.stdout.close()
