"""Rotation of the access log: the store process renames it, and its writers notice."""

from __future__ import annotations

import contextlib
import os

from z4tw.interfaces import IOffload

LIMIT_BYTES = 64 * 1024 * 1024
KEPT = 4
CHECK_SECONDS = 10.0


class LogRotation:
    """Renames a log that has grown over ``limit_bytes`` to ``.1``, the older ones one further, and
    removes those beyond ``kept``."""

    def __init__(
        self, path: str, offload: IOffload, limit_bytes: int = LIMIT_BYTES, kept: int = KEPT
    ) -> None:
        self._path = path
        self._offload = offload
        self._limit_bytes = limit_bytes
        self._kept = kept

    async def check(self) -> bool:
        """Rotate when it is time; whether it was."""
        rotated: bool = await self._offload.run(self._rotate)
        return rotated

    def _rotate(self) -> bool:
        """(offloaded)"""
        try:
            if os.path.getsize(self._path) < self._limit_bytes:
                return False
        except FileNotFoundError:
            return False
        for number in range(self._kept - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{self._path}.{number}", f"{self._path}.{number + 1}")
        os.replace(self._path, f"{self._path}.1")
        return True
