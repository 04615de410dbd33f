"""The disks for tests fail and lose exactly what they are told to."""

from __future__ import annotations

import errno
from random import Random

import pytest
from zope.interface.verify import verifyObject

from z4tw.interfaces import IDisk, IDiskFile
from z4tw.testing.disks import Fault, FaultyDisk, LossyDisk


def lossy() -> LossyDisk:
    return LossyDisk(lambda: 7.0)


def write(disk: IDisk, path: str, data: bytes, sync: bool = True, dirsync: bool = True) -> None:
    file = disk.create("")
    file.write(data)
    if sync:
        file.fsync()
    disk.link(file, path)
    if dirsync:
        disk.sync_parents(path)


def content(disk: IDisk, path: str) -> bytes:
    file = disk.open(path)
    return file.read_at(0, file.size())


class TestFaultyDisk:
    def test_it_provides_the_interfaces(self) -> None:
        disk = FaultyDisk(lossy())
        verifyObject(IDisk, disk)
        verifyObject(IDiskFile, disk.create(""))

    def test_nothing_is_cached_so_that_every_read_can_fail(self) -> None:
        disk = FaultyDisk(lossy())
        write(disk, "a", b"data")
        assert disk.open("a").read_cached(0, 4) is None

    def test_pieces_are_one_write(self) -> None:
        disk = FaultyDisk(lossy(), [Fault("write", keep=3)])
        file = disk.create("")
        with pytest.raises(OSError, match="injected"):
            file.write(b"ab", b"cd")
        assert file.read_at(0, 9) == b"abc"

    def test_without_faults_it_passes_everything_on(self) -> None:
        disk = FaultyDisk(lossy())
        write(disk, "a/b", b"data")
        assert content(disk, "a/b") == b"data"
        disk.move("a/b", "a/c")
        assert list(disk.walk("")) == [("a/c", 4, 7.0)]
        assert disk.free_bytes()[0] == (1 << 40) - 4
        disk.unlink("a/c")
        assert list(disk.walk("")) == []
        assert disk.calls[:5] == ["create", "write", "fsync", "link", "sync_parents"]

    @pytest.mark.parametrize("operation", [
        "create", "link", "sync_parents", "open", "unlink", "move", "walk", "free_bytes",
        "write", "read_at", "size", "fsync", "close",
    ])  # fmt: skip
    def test_the_nth_call_fails(self, operation: str) -> None:
        disk = FaultyDisk(lossy(), [Fault(operation, nth=2, errno=errno.EROFS)])
        failed: list[tuple[str, int | None]] = []
        for attempt in range(3):
            path = f"a/{attempt}"
            try:
                file = disk.create("")
                file.write(b"x")
                file.size()
                file.read_at(0, 1)
                file.fsync()
                disk.link(file, path)
                disk.sync_parents(path)
                file.close()
                disk.open(path)
                disk.move(path, path + "m")
                disk.unlink(path + "m")
                list(disk.walk(""))
                disk.free_bytes()
            except OSError as error:
                failed.append((path, error.errno))
        assert failed == [("a/1", errno.EROFS)]

    def test_several_times_and_for_ever(self) -> None:
        for times, failures in ((1, 1), (2, 2), (0, 4)):
            disk = FaultyDisk(lossy(), [Fault("unlink", nth=2, times=times)])
            failed = 0
            for _ in range(5):
                try:
                    disk.unlink("x")
                except OSError:
                    failed += 1
            assert failed == failures

    def test_a_failing_write_may_have_written_a_part(self) -> None:
        disk = FaultyDisk(lossy(), [Fault("write", keep=3)])
        file = disk.create("")
        with pytest.raises(OSError, match="injected"):
            file.write(b"12345")
        assert file.read_at(0, 10) == b"123"

    def test_a_capacity_ends_in_the_middle_of_a_write(self) -> None:
        disk = FaultyDisk(lossy())
        disk.capacity_bytes = 7
        file = disk.create("")
        file.write(b"12345")
        with pytest.raises(OSError, match="full") as caught:
            file.write(b"67890")
        assert caught.value.errno == errno.ENOSPC
        assert file.read_at(0, 10) == b"1234567"
        with pytest.raises(OSError, match="full"):
            file.write(b"x")

    def test_free_space_can_be_set(self) -> None:
        disk = FaultyDisk(lossy())
        disk.free = (1, 2)
        assert disk.free_bytes() == (1, 2)


class TestLossyDisk:
    def test_it_provides_the_interfaces(self) -> None:
        verifyObject(IDisk, lossy())
        verifyObject(IDiskFile, lossy().create(""))

    def test_it_behaves_as_a_disk_until_it_crashes(self) -> None:
        disk = lossy()
        write(disk, "a/b/c", b"data", sync=False, dirsync=False)
        assert content(disk, "a/b/c") == b"data"
        assert list(disk.walk("a")) == [("a/b/c", 4, 7.0)]
        assert list(disk.walk("a/x")) == list(disk.walk("a/b/c")) == []
        with pytest.raises(FileExistsError):
            write(disk, "a/b/c", b"other")
        with pytest.raises(NotADirectoryError):
            write(disk, "a/b/c/d", b"other")
        for path in ("a/b", "a/x/y", "x"):
            with pytest.raises(FileNotFoundError):
                disk.open(path)
        with pytest.raises(FileNotFoundError):
            disk.sync_parents("x/y")
        disk.unlink("x/y")
        disk.move("a/b/c", "d")
        assert [path for path, _, _ in disk.walk("")] == ["d"]

    def test_an_open_file_outlives_its_name(self) -> None:
        disk = lossy()
        write(disk, "a", b"data")
        file = disk.open("a")
        disk.unlink("a")
        assert file.read_at(0, 4) == b"data"

    def test_what_was_synced_survives_any_crash(self) -> None:
        for seed in range(30):
            disk = lossy()
            rng = Random(seed)
            write(disk, "a/b/c", bytes(5_000))
            write(disk, "a/b/d", b"later", sync=False, dirsync=False)
            for _ in range(3):
                disk.crash(rng)
            assert content(disk, "a/b/c") == bytes(5_000)

    def test_what_was_not_synced_is_lost_sometimes_and_kept_sometimes(self) -> None:
        data = bytes(range(1, 201)) * 20
        names: set[bool] = set()
        contents: set[bytes] = set()
        for seed in range(60):
            disk = lossy()
            write(disk, "a/x", data, sync=False, dirsync=False)
            disk.crash(Random(seed))
            found = list(disk.walk(""))
            names.add(bool(found))
            if found:
                contents.add(content(disk, "a/x"))
        assert names == {True, False}
        assert len(contents) > 5
        assert all(len(found) <= len(data) for found in contents)
        assert any(0 < len(found) < len(data) for found in contents)
        holes = [found for found in contents if b"\0" in found]
        assert holes, "an early sector may be lost where a later one survived"

    def test_a_synced_file_whose_directory_was_not_may_lose_its_name_only(self) -> None:
        outcomes = set()
        for seed in range(40):
            disk = lossy()
            write(disk, "a/b/x", b"data" * 500, sync=True, dirsync=False)
            disk.crash(Random(seed))
            found = [content(disk, path) for path, _, _ in disk.walk("")]
            outcomes.add(tuple(found))
        assert outcomes == {(), (b"data" * 500,)}

    def test_removals_that_were_not_synced_may_come_undone(self) -> None:
        outcomes = set()
        for seed in range(20):
            disk = lossy()
            write(disk, "a/x", b"data")
            disk.unlink("a/x")
            disk.crash(Random(seed))
            outcomes.add(len(list(disk.walk(""))))
        assert outcomes == {0, 1}

    def test_one_seed_gives_one_outcome(self) -> None:
        def outcome(seed: int) -> list[tuple[str, bytes]]:
            disk = lossy()
            for number in range(10):
                write(
                    disk,
                    f"{number % 3}/{number}",
                    bytes([number]) * 3_000,
                    sync=False,
                    dirsync=False,
                )
            disk.crash(Random(seed))
            return [(path, content(disk, path)) for path, _, _ in disk.walk("")]

        assert outcome(3) == outcome(3)
        assert outcome(3) != outcome(4)

    def test_nameless_files_are_gone(self) -> None:
        disk = lossy()
        file = disk.create("")
        file.write(b"x")
        file.fsync()
        disk.crash(Random(1))
        assert list(disk.walk("")) == []
