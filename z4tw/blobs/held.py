"""An open file that several pieces of offloaded work share with the event loop."""

from __future__ import annotations

import threading
from collections.abc import Callable

from z4tw.interfaces import IDiskFile


class HeldFile:
    """Closes a file exactly once, when it was told to and nobody is at work with it.

    ``begin`` and ``end`` enclose work in any thread; ``close`` may come at any time. ``closed`` is
    run after the file was closed.
    """

    __slots__ = ("_closed", "_closing", "_done", "_lock", "_users", "file")

    def __init__(self, closed: Callable[[], None]) -> None:
        self.file: IDiskFile | None = None
        self._closed = closed
        self._lock = threading.Lock()
        self._users = 0
        self._closing = False
        self._done = False

    @property
    def closing(self) -> bool:
        """Whether ``close`` was called."""
        return self._closing

    def begin(self) -> bool:
        """Start work; False when the file is closed or about to be."""
        with self._lock:
            if self._closing:
                return False
            self._users += 1
            return True

    def end(self) -> None:
        """Work is done; closes the file if that was waited for."""
        with self._lock:
            self._users -= 1
            if not self._last():
                return
        self._finish()

    def close(self) -> None:
        """Close the file now, or when the last work ends. May block for a moment."""
        with self._lock:
            self._closing = True
            if not self._last():
                return
        self._finish()

    def _last(self) -> bool:
        if not self._closing or self._users or self._done:
            return False
        self._done = True
        return True

    def _finish(self) -> None:
        try:
            if self.file is not None:
                self.file.close()
        finally:
            self._closed()
