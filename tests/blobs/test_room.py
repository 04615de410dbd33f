"""Free space and buffer sizes."""

from __future__ import annotations

import pytest

from z4tw.blobs.room import Room
from z4tw.errors import InsufficientStorage
from z4tw.testing.disks import FaultyDisk, LossyDisk


class TestRoom:
    def setup_method(self) -> None:
        self.now_ms = 5_000
        self.disk = FaultyDisk(LossyDisk(lambda: 0.0))
        self.disk.free = (1_000, 10_000)

    def room(self, min_free: int = 100) -> Room:
        return Room(self.disk, min_free, lambda: self.now_ms, 64 << 20)

    def test_the_reserve_is_kept_free(self) -> None:
        self.room().check(900)
        with pytest.raises(InsufficientStorage):
            self.room().check(901)

    def test_an_unknown_size_wants_a_mebibyte(self) -> None:
        with pytest.raises(InsufficientStorage):
            self.room().check(None)
        self.disk.free = ((1 << 20) + 100, 1 << 30)
        self.room().check(None)

    def test_the_disk_is_asked_once_a_second(self) -> None:
        room = self.room()
        for _ in range(5):
            room.check(1)
        assert self.disk.counts["free_bytes"] == 1
        self.now_ms += 1_000
        room.check(1)
        assert self.disk.counts["free_bytes"] == 2
        self.now_ms -= 60_000
        room.check(1)
        assert self.disk.counts["free_bytes"] == 3, "a clock that was set back does not stop it"

    def test_what_was_admitted_counts_until_the_disk_is_asked_again(self) -> None:
        room = self.room()
        room.check(500)
        room.check(400)
        with pytest.raises(InsufficientStorage):
            room.check(1)
        self.now_ms += 1_000
        room.check(900)

    def test_announced_bytes_count_until_they_are_written(self) -> None:
        room = self.room()
        room.check(600)
        room.reserve(600)
        self.now_ms += 1_000
        with pytest.raises(InsufficientStorage):
            room.check(301)
        room.wrote(400)
        self.disk.free = (600, 10_000)
        self.now_ms += 1_000
        with pytest.raises(InsufficientStorage):
            room.check(301)
        room.release(200)
        room.check(500)

    def test_writing_does_not_free_space_before_the_disk_is_asked(self) -> None:
        room = self.room()
        room.check(600)
        room.reserve(600)
        room.wrote(600)
        with pytest.raises(InsufficientStorage):
            room.check(301)
        room.check(300)

    def test_buffers_shrink_with_the_number_of_streams(self) -> None:
        room = self.room()
        sizes = []
        for _ in range(2_000):
            room.enter()
            sizes.append(room.piece_bytes())
        assert sizes[0] == 1 << 20
        assert sizes[-1] == 65_536
        assert sizes == sorted(sizes, reverse=True)
        assert all(size % 65_536 == 0 for size in sizes)
        assert all(2 * size * (n + 1) <= 64 << 20 for n, size in enumerate(sizes) if size > 65_536)
        for _ in range(2_000):
            room.leave()
        assert room.streams == 0
        assert room.piece_bytes() == 1 << 20
