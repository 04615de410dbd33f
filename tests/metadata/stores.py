"""SQLite stores for tests: deterministic clock and offload."""

from __future__ import annotations

import shutil
import tempfile
from typing import Any

from twisted.internet.task import Clock

from tests.metadata.contract import Times
from z4tw.metadata.sqlite import SqliteStore
from z4tw.testing.offload import InlineOffload


class Opened:
    """A store in a directory of its own, and what it was given."""

    def __init__(self, **options: Any) -> None:
        self.directory = tempfile.mkdtemp(prefix="z4tw-test-")
        self.path = f"{self.directory}/meta.db"
        self.times = Times()
        self.clock = Clock()
        self.fatal: list[BaseException] = []
        self.store = self.open(**options)

    def open(self, **options: Any) -> SqliteStore:
        """Open the same file (again)."""
        options.setdefault("clock", self.clock)
        options.setdefault("offload", InlineOffload())
        return SqliteStore(
            self.path,
            now_ms=self.times,
            random_bytes=self.times.random_bytes,
            on_fatal=self.fatal.append,
            **options,
        )

    def settle(self) -> None:
        self.clock.advance(0)

    def remove(self) -> None:
        shutil.rmtree(self.directory)
