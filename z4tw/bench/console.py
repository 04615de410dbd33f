"""One line on the terminal, rewritten as the run goes on."""

from __future__ import annotations

from typing import TextIO

_CLEAR = "\r\x1b[K"


class StatusLine:
    """Shows lines on ``stream`` when ``shown`` and that is a terminal of ``columns``, else
    nothing."""

    def __init__(self, stream: TextIO, shown: bool = True, columns: int = 80) -> None:
        self._stream = stream if shown and stream.isatty() else None
        self._columns = columns
        self._there = False

    def __call__(self, line: str) -> None:
        """Show a line in the place of the one before."""
        if self._stream is not None:
            self._stream.write(_CLEAR + line[: self._columns - 1])
            self._stream.flush()
            self._there = True

    def clear(self) -> None:
        """Take the line away."""
        if self._stream is not None and self._there:
            self._stream.write(_CLEAR)
            self._stream.flush()
            self._there = False
