"""A file shared by pieces of work is closed once, after the last of them."""

from __future__ import annotations

from z4tw.blobs.held import HeldFile
from z4tw.testing.disks import FaultyDisk, LossyDisk


class TestHeldFile:
    def setup_method(self) -> None:
        self.disk = FaultyDisk(LossyDisk(lambda: 0.0))
        self.closed = 0
        self.held = HeldFile(self.count)
        self.held.file = self.disk.create("")

    def count(self) -> None:
        self.closed += 1

    def test_it_is_closed_at_once_when_nobody_works(self) -> None:
        self.held.close()
        self.held.close()
        assert self.disk.counts["close"] == 1
        assert self.closed == 1
        assert not self.held.begin()

    def test_it_is_closed_by_the_last_worker(self) -> None:
        assert self.held.begin()
        assert self.held.begin()
        self.held.close()
        assert self.held.closing
        assert not self.held.begin()
        self.held.end()
        assert self.closed == 0
        self.held.end()
        assert self.closed == 1
        assert self.disk.counts["close"] == 1

    def test_work_that_ends_leaves_it_open(self) -> None:
        assert self.held.begin()
        self.held.end()
        assert self.closed == 0
        assert self.held.begin()

    def test_without_a_file_it_still_tells(self) -> None:
        self.held.file = None
        self.held.close()
        assert self.closed == 1
