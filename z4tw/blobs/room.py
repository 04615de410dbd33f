"""How much room there is: free bytes above the reserve, and memory for buffers."""

from __future__ import annotations

import threading
from collections.abc import Callable

from z4tw.blobs.format import BLOCK_BYTES
from z4tw.errors import InsufficientStorage
from z4tw.interfaces import IDisk

_PROBE_MS = 1_000
_UNKNOWN_BYTES = 1 << 20
_PIECE_BYTES = 1 << 20


class Room:
    """Admits writes while they fit above a reserve, and sizes the buffers of streams.

    Free space is asked for at most once a second of ``now_ms``; in between, what was admitted
    counts as used. Bytes that open writers announced and have not written yet are reserved.
    ``buffer_bytes`` is shared by all streams. Safe to use from several threads.
    """

    def __init__(
        self, disk: IDisk, min_free_bytes: int, now_ms: Callable[[], int], buffer_bytes: int
    ) -> None:
        self._disk = disk
        self._min_free = min_free_bytes
        self._now_ms = now_ms
        self._buffer_bytes = buffer_bytes
        self._lock = threading.Lock()
        self._free = 0
        self._probed_ms = -_PROBE_MS
        self._reserved = 0
        self._streams = 0

    def check(self, size: int | None) -> None:
        """Raise ``InsufficientStorage`` when ``size`` more bytes (None: unknown) do not fit;
        ``OSError`` when the disk does not say. Admitted bytes count until the next probe."""
        wanted = _UNKNOWN_BYTES if size is None else size
        with self._lock:
            now = self._now_ms()
            if not 0 <= now - self._probed_ms < _PROBE_MS:
                self._free = self._disk.free_bytes()[0]
                self._probed_ms = now
            if self._free - self._reserved - wanted < self._min_free:
                raise InsufficientStorage
            self._free -= wanted

    def reserve(self, size: int) -> None:
        """Announce bytes that will be written."""
        with self._lock:
            self._reserved += size
            # ``check`` took them from the free bytes already: count them once.
            self._free += size

    def wrote(self, size: int) -> None:
        """Announced bytes were written."""
        with self._lock:
            self._reserved -= size
            self._free -= size

    def release(self, size: int) -> None:
        """Announced bytes will not be written."""
        with self._lock:
            self._reserved -= size

    def enter(self) -> None:
        """One stream more shares the buffers."""
        with self._lock:
            self._streams += 1

    def leave(self) -> None:
        """One stream less."""
        with self._lock:
            self._streams -= 1

    @property
    def streams(self) -> int:
        """Open streams."""
        return self._streams

    def piece_bytes(self) -> int:
        """The size of a stream's buffer now, of which it holds two: 64 KiB to 1 MiB."""
        share = self._buffer_bytes // (2 * max(self._streams, 1))
        return max(BLOCK_BYTES, min(_PIECE_BYTES, share - share % BLOCK_BYTES))
