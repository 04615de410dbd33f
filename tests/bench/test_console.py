"""The line is rewritten on a terminal, and there is none elsewhere."""

from __future__ import annotations

import io

from z4tw.bench.console import StatusLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_in_a_pipe() -> None:
    stream = io.StringIO()
    line = StatusLine(stream)
    line("x")
    line.clear()
    assert stream.getvalue() == ""


def test_nothing_when_it_is_not_wanted() -> None:
    stream = Terminal()
    StatusLine(stream, shown=False)("x")
    assert stream.getvalue() == ""


def test_one_line_that_fits_and_is_taken_away() -> None:
    stream = Terminal()
    line = StatusLine(stream, columns=10)
    line("one")
    line("x" * 50)
    line.clear()
    line.clear()
    assert stream.getvalue().split("\r\x1b[K") == ["", "one", "x" * 9, ""]
