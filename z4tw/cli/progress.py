"""A line on the terminal that says how far a long command is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TextIO

from z4tw.cli.output import amount

_INTERVAL_S = 0.1
_CLEAR = "\r\x1b[K"


class Progress:
    """Shows one line on ``stream`` when that is a terminal, else nothing; ``seconds`` is a clock.

    Called as a ``ShowProgress``; steps whose names speak of bytes are shown in binary units.
    """

    def __init__(self, stream: TextIO, seconds: Callable[[], float]) -> None:
        self._stream: Any = stream if stream.isatty() else None
        self._seconds = seconds
        self._step = ""
        self._next = 0.0

    def __call__(self, step: str, done: int, total: int) -> None:
        """Show a step, ten times a second at most."""
        if self._stream is None:
            return
        now = self._seconds()
        if step == self._step and now < self._next:
            return
        self._step, self._next = step, now + _INTERVAL_S
        self._stream.write(_CLEAR + _line(step, done, total))
        self._stream.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._stream is not None and self._step:
            self._stream.write(_CLEAR)
            self._stream.flush()
            self._step = ""


def _line(step: str, done: int, total: int) -> str:
    if not done and not total:
        return f"{step} ..."
    shown = amount if "bytes" in step else "{:,}".format
    text = f"{step}: {shown(done)}"
    return f"{text} of {shown(total)} ({100 * done // total} %)" if total else text
