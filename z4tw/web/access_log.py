"""The access log: one JSON object per answered request, written in batches.

A line is pure ASCII: whatever a client put into a key or a header is escaped, so that no line can
be forged and no terminal be steered by one.
"""

from __future__ import annotations

import json
import os
import time
from typing import Protocol

import msgspec
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

FLUSH_AFTER_S = 0.25
FLUSH_AT_LINES = 256
_OPEN_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
_MODE = 0o640

_log = Logger()


class AccessRecord(msgspec.Struct, omit_defaults=True):
    """What a line says. ``time`` is UTC with milliseconds; ``bytes_in`` and ``bytes_out`` count
    bodies; ``error`` is the S3 code; ``duration_ms`` runs from the head to the written answer;
    ``denied`` is which action was denied, and by what."""

    time: str
    request_id: str
    remote: str
    method: str
    status: int
    bytes_in: int
    bytes_out: int
    duration_ms: float
    operation: str = ""
    bucket: str = ""
    key: str = ""
    version: str = ""
    requester: str = ""
    access_key: str = ""
    error: str = ""
    user_agent: str = ""
    denied: str = ""


class LogSink(Protocol):
    """Where lines go."""

    def write(self, data: bytes) -> None:
        """Append whole lines. Raises ``OSError``."""

    def close(self) -> None:
        """Nothing will be written any more."""


class LogFile:
    """Appends to a file, opened anew when its name leads to another file (log rotation)."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1
        self._identity: tuple[int, int] | None = None

    def write(self, data: bytes) -> None:
        """Append by O_APPEND, so that several processes may share the file. Raises ``OSError``."""
        if self._fd >= 0 and self._current_identity() != self._identity:
            self.close()
        if self._fd < 0:
            self._fd = os.open(self._path, _OPEN_FLAGS, _MODE)
            status = os.fstat(self._fd)
            self._identity = (status.st_dev, status.st_ino)
        _write_all(self._fd, data)

    def close(self) -> None:
        """Close the file; a later ``write`` opens it again."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _current_identity(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            return None
        return (status.st_dev, status.st_ino)


class LogDescriptor:
    """Appends to an open descriptor, such as standard output, and leaves it open."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def write(self, data: bytes) -> None:
        """Append. Raises ``OSError``."""
        _write_all(self._fd, data)

    def close(self) -> None:
        """The descriptor belongs to whoever opened it."""


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


class AccessLog:
    """Collects records and writes their lines 0.25 s after the first, or when 256 have come."""

    def __init__(self, sink: LogSink, reactor: IReactorTime) -> None:
        self._sink = sink
        self._reactor = reactor
        self._records: list[AccessRecord] = []
        self._timer: IDelayedCall | None = None
        self._encode_lines = msgspec.json.Encoder().encode_lines
        self._second = -1
        self._second_text = ""
        self._failing = False
        self.lost_lines = 0

    def record(self, record: AccessRecord) -> None:
        """Take one line; never raises for what a record holds."""
        records = self._records
        records.append(record)
        if len(records) >= FLUSH_AT_LINES:
            self.flush()
        elif self._timer is None:
            self._timer = self._reactor.callLater(FLUSH_AFTER_S, self._timed)

    def time_text(self, now: float) -> str:
        """A Unix time as ISO 8601 in UTC with milliseconds."""
        second = int(now)
        if second != self._second:
            self._second = second
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._second_text}.{int((now - second) * 1000):03d}Z"

    def flush(self) -> None:
        """Write what was collected. Lines that cannot be written are counted in ``lost_lines``
        and reported once until writing works again; requests go on."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        records, self._records = self._records, []
        if not records:
            return
        try:
            self._sink.write(self._lines(records))
        except OSError:
            self.lost_lines += len(records)
            if not self._failing:
                _log.failure("the access log cannot be written")
            self._failing = True
        else:
            self._failing = False

    def _lines(self, records: list[AccessRecord]) -> bytes:
        """Records as lines of ASCII."""
        try:
            lines: bytes = self._encode_lines(records)
            if lines.isascii():
                return lines
        except UnicodeEncodeError:
            pass  # the text of one is not Unicode: escaped below
        return b"".join(
            [
                json.dumps(msgspec.to_builtins(one), separators=(",", ":")).encode("ascii") + b"\n"
                for one in records
            ]
        )

    def close(self) -> None:
        """Write what was collected and close the sink."""
        self.flush()
        self._sink.close()

    def _timed(self) -> None:
        self._timer = None
        self.flush()
