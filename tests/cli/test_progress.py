"""Progress is shown to people on a terminal, and to nobody else."""

from __future__ import annotations

import io

from z4tw.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(stream: io.StringIO) -> list[str]:
    return stream.getvalue().split("\r\x1b[K")[1:]


def test_nothing_is_shown_in_a_pipe() -> None:
    stream = io.StringIO()
    progress = Progress(stream, lambda: 0.0)
    progress("files", 5, 10)
    progress.clear()
    assert stream.getvalue() == ""


def test_steps_counts_and_shares() -> None:
    stream = Terminal()
    progress = Progress(stream, lambda: 0.0)
    progress("database", 0, 0)
    progress("registers", 12345, 0)
    progress("bytes verified", 1 << 20, 4 << 20)
    progress.clear()
    progress.clear()
    assert lines(stream) == [
        "database ...",
        "registers: 12,345",
        "bytes verified: 1.0 MiB of 4.0 MiB (25 %)",
        "",
    ]


def test_ten_lines_a_second_are_enough() -> None:
    stream = Terminal()
    now = [0.0]
    progress = Progress(stream, lambda: now[0])
    for count in range(100):
        now[0] = count / 100
        progress("files", count, 0)
    assert 9 <= len(lines(stream)) <= 11
