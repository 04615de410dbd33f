"""Hourly copies of the database, of which three are kept."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from z4tw.daemons.snapshots import Snapshots

START_S = 1_800_000_000.0


class FakeStore:
    """Writes a file, as ``snapshot`` does."""

    def __init__(self) -> None:
        self.fails = False

    async def snapshot(self, path: str) -> None:
        if self.fails:
            raise OSError(28, "No space left on device")
        with open(path, "x") as file:
            file.write("database")


class AtOnce:
    """An offload that does the work when it is given."""

    async def run(self, function: Any, *args: Any) -> Any:
        return function(*args)


class SnapshotsTests(SynchronousTestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = Path(temporary.name)
        self.clock = Clock()
        self.clock.advance(START_S)
        self.store = FakeStore()

    def start(self) -> Snapshots:
        service = Snapshots(
            self.store,  # type: ignore[arg-type]
            str(self.directory),
            AtOnce(),  # type: ignore[arg-type]
            self.clock,
            lambda: int(self.clock.seconds() * 1000),
            3600,
        )
        service.startService()
        self.addCleanup(service.stopService)
        return service

    def names(self) -> list[str]:
        return sorted(os.listdir(self.directory))

    def test_the_first_one_is_taken_after_an_interval(self) -> None:
        self.start()
        self.clock.advance(3599)
        self.assertEqual(self.names(), [])
        self.clock.advance(1)
        self.assertEqual(self.names(), ["meta-20270115T090000000Z.db"])

    def test_three_are_kept_the_newest_ones(self) -> None:
        self.start()
        for _ in range(5):
            self.clock.advance(3600)
        self.assertEqual(
            self.names(),
            [f"meta-20270115T{hour}0000000Z.db" for hour in ("11", "12", "13")],
        )

    def test_a_restart_does_not_put_off_the_next_one(self) -> None:
        path = self.directory / "meta-20270115T073000000Z.db"
        path.touch()
        os.utime(path, (START_S - 1800, START_S - 1800))
        self.start()
        self.clock.advance(1800)
        self.assertEqual(len(self.names()), 2)

    def test_one_that_is_overdue_is_taken_at_once(self) -> None:
        path = self.directory / "meta-20270101T000000000Z.db"
        path.touch()
        os.utime(path, (START_S - 10**6, START_S - 10**6))
        self.start()
        self.clock.advance(0)
        self.assertEqual(len(self.names()), 2)

    def test_a_failure_is_logged_and_the_next_one_is_tried(self) -> None:
        self.start()
        self.store.fails = True
        self.clock.advance(3600)
        self.assertEqual(self.names(), [])
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.store.fails = False
        self.clock.advance(3600)
        self.assertEqual(len(self.names()), 1)

    def test_other_files_are_left_alone_and_cut_off_copies_are_removed(self) -> None:
        (self.directory / "notes.txt").touch()
        (self.directory / "meta-20270101T000000000Z.db.partial").touch()
        self.start()
        self.clock.advance(3600)
        self.assertEqual(self.names(), ["meta-20270115T090000000Z.db", "notes.txt"])

    def test_none_is_taken_after_the_stop(self) -> None:
        service = self.start()
        stopped: Any = service.stopService()
        self.successResultOf(stopped)
        self.clock.advance(7200)
        self.assertEqual(self.names(), [])
