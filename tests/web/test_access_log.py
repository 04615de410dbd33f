"""The access log: batches, rotation, and lines that cannot be forged."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.web.support import START_S, LogSink
from z4tw.web.access_log import (
    FLUSH_AT_LINES,
    AccessLog,
    AccessRecord,
    LogDescriptor,
    LogFile,
)


def record(key: str = "k") -> AccessRecord:
    return AccessRecord("t", "1", "192.0.2.7", "GET", 200, 0, 5, 1.5, "GetObject", "b", key)


class AccessLogTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.sink = LogSink()
        self.log = AccessLog(self.sink, self.clock)

    def test_lines_are_written_together_after_a_quarter_second(self) -> None:
        self.log.record(record())
        self.clock.advance(0.2)
        self.log.record(record())
        self.assertEqual(self.sink.data, b"")
        self.clock.advance(0.05)
        self.assertEqual(self.sink.data.count(b"\n"), 2)
        self.log.record(record())
        self.clock.advance(0.25)
        self.assertEqual(self.sink.data.count(b"\n"), 3)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_much_is_written_at_once(self) -> None:
        for _ in range(FLUSH_AT_LINES):
            self.log.record(record())
        self.assertEqual(self.sink.data.count(b"\n"), FLUSH_AT_LINES)
        self.assertTrue(self.sink.data.endswith(b"}\n"))

    def test_closing_writes_the_rest(self) -> None:
        self.log.record(record())
        self.log.close()
        self.assertEqual(self.sink.data.count(b"\n"), 1)
        self.assertTrue(self.sink.closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_line_is_one_line_of_plain_ascii_that_gives_the_key_back(self) -> None:
        keys = ["a\nb", "a\r\n{}", "\x1b[2J", "\x9b2J", "é/\u20ac", "\u2028", '"', "\\", "\x00"]
        for key in keys:
            self.log.record(record(key))
        self.log.flush()
        lines = self.sink.data.split(b"\n")
        self.assertEqual(lines.pop(), b"")
        self.assertTrue(self.sink.data.isascii())
        self.assertNotIn(b"\x1b", self.sink.data)
        self.assertEqual([json.loads(line)["key"] for line in lines], keys)

    def test_text_that_is_no_unicode_is_logged_all_the_same(self) -> None:
        self.log.record(record("a\udc80"))
        self.log.flush()
        self.assertEqual(json.loads(self.sink.data)["key"], "a\udc80")

    def test_empty_fields_are_left_out(self) -> None:
        self.log.record(record())
        self.log.flush()
        self.assertNotIn("error", json.loads(self.sink.data))

    def test_times(self) -> None:
        self.assertEqual(self.log.time_text(START_S + 0.0625), "2015-10-21T07:28:00.062Z")
        self.assertEqual(self.log.time_text(START_S + 1.999), "2015-10-21T07:28:01.999Z")

    def test_a_sink_that_fails_is_reported_once_and_lines_are_counted(self) -> None:
        def full(data: bytes) -> None:
            raise OSError(28, "No space left on device")

        write, self.sink.write = self.sink.write, full  # type: ignore[method-assign]
        for _ in range(3):
            self.log.record(record())
            self.log.flush()
        self.assertEqual(self.log.lost_lines, 3)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.sink.write = write  # type: ignore[method-assign]
        self.log.record(record())
        self.log.flush()
        self.assertEqual(self.sink.data.count(b"\n"), 1)


class LogFileTests(SynchronousTestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name, "access.log")
        self.file = LogFile(str(self.path))
        self.addCleanup(self.file.close)

    def test_it_appends(self) -> None:
        self.path.write_bytes(b"old\n")
        self.file.write(b"new\n")
        self.assertEqual(self.path.read_bytes(), b"old\nnew\n")

    def test_two_writers_share_a_file(self) -> None:
        other = LogFile(str(self.path))
        self.addCleanup(other.close)
        for number in range(4):
            (self.file if number % 2 else other).write(b"%d\n" % number)
        self.assertEqual(self.path.read_bytes(), b"0\n1\n2\n3\n")

    def test_a_rotated_file_is_left_and_a_new_one_made(self) -> None:
        self.file.write(b"1\n")
        rotated = self.path.with_name("rotated")
        os.rename(self.path, rotated)
        self.file.write(b"2\n")
        self.assertEqual(rotated.read_bytes(), b"1\n")
        self.assertEqual(self.path.read_bytes(), b"2\n")

    def test_a_replaced_file_is_found(self) -> None:
        self.file.write(b"1\n")
        replacement = self.path.with_name("replacement")
        replacement.write_bytes(b"")
        os.rename(replacement, self.path)
        self.file.write(b"2\n")
        self.assertEqual(self.path.read_bytes(), b"2\n")

    def test_others_may_not_read_it(self) -> None:
        self.file.write(b"1\n")
        self.assertEqual(self.path.stat().st_mode & 0o007, 0)

    def test_a_directory_that_is_not_there_is_an_os_error(self) -> None:
        self.assertRaises(OSError, LogFile("/nonexistent/dir/log").write, b"x")


class LogDescriptorTests(SynchronousTestCase):
    def test_it_writes_and_leaves_the_descriptor_open(self) -> None:
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        sink = LogDescriptor(writing)
        sink.write(b"line\n")
        sink.close()
        self.assertEqual(os.read(reading, 100), b"line\n")
        os.fstat(writing)
