"""The real disk: naming, syncing, walking, and staying inside its root."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from zope.interface.verify import verifyObject

from z4tw.blobs import disk as module
from z4tw.blobs.disk import OsDisk
from z4tw.interfaces import IDisk, IDiskFile


@pytest.fixture(params=[True, False], ids=["nameless", "temporary"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> OsDisk:
    return OsDisk(str(tmp_path), os.urandom, nameless=request.param)


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were synced, in order."""
    paths: list[str] = []
    real = module.sync_descriptor

    def record(fd: int) -> None:
        paths.append(os.readlink(f"/proc/self/fd/{fd}"))
        real(fd)

    monkeypatch.setattr(module, "sync_descriptor", record)
    return paths


def store(disk: OsDisk, path: str, data: bytes = b"data") -> None:
    file = disk.create(path.partition("/")[0])
    file.write(data)
    file.fsync()
    disk.link(file, path)
    disk.sync_parents(path)
    file.close()


def test_it_provides_the_interfaces(disk: OsDisk) -> None:
    verifyObject(IDisk, disk)
    file = disk.create("a")
    verifyObject(IDiskFile, file)
    file.close()


def test_a_file_has_no_name_until_it_is_linked(disk: OsDisk, tmp_path: Path) -> None:
    file = disk.create("bucket")
    file.write(b"one")
    file.write(memoryview(b"two"))
    assert not (tmp_path / "bucket").exists()
    disk.link(file, "bucket/aa/bb/x")
    file.close()
    assert (tmp_path / "bucket/aa/bb/x").read_bytes() == b"onetwo"
    assert [path for path, _, _ in disk.walk("")] == ["bucket/aa/bb/x"]


def test_a_file_that_is_closed_unlinked_leaves_nothing(disk: OsDisk) -> None:
    file = disk.create("bucket")
    file.write(b"x")
    file.close()
    file.close()
    assert list(disk.walk("")) == []


def test_a_file_that_is_dropped_is_closed(disk: OsDisk) -> None:
    file = disk.create("bucket")
    fd = file.fileno()
    del file
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
    assert list(disk.walk("")) == []


def test_files_and_directories_are_private(disk: OsDisk, tmp_path: Path) -> None:
    store(disk, "bucket/aa/x")
    assert stat.S_IMODE((tmp_path / "bucket/aa/x").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "bucket/aa").stat().st_mode) == 0o700


def test_a_taken_name_is_never_replaced(disk: OsDisk) -> None:
    store(disk, "a/x", b"first")
    with pytest.raises(FileExistsError):
        store(disk, "a/x", b"second")
    assert disk.open("a/x").read_at(0, 100) == b"first"


def test_only_its_own_files_can_be_linked(disk: OsDisk) -> None:
    with pytest.raises(TypeError):
        disk.link(object(), "a/x")


def test_reads_are_short_only_at_the_end(disk: OsDisk) -> None:
    store(disk, "a/x", b"0123456789")
    file = disk.open("a/x")
    assert file.size() == 10
    assert file.read_at(2, 3) == b"234"
    assert file.read_at(8, 100) == b"89"
    assert file.read_at(10, 1) == b""
    file.close()


def test_short_writes_and_reads_of_the_system_are_continued(
    disk: OsDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, pread = os.write, os.pread
    monkeypatch.setattr(module.os, "writev", lambda fd, data: write(fd, b"".join(data)[:7]))
    monkeypatch.setattr(module.os, "pread", lambda fd, n, at: pread(fd, min(n, 3), at))
    file = disk.create("a")
    file.write(b"0123456789", b"", memoryview(b"01234"), b"56789012", b"3456789")
    disk.link(file, "a/x")
    assert disk.open("a/x").read_at(0, 25) == (b"0123456789" * 3)[:25]
    assert disk.open("a/x").read_at(28, 25) == b"89"


def test_any_number_of_pieces_is_written_in_order(disk: OsDisk) -> None:
    file = disk.create("a")
    file.write()
    file.write(*[b"%05d" % number for number in range(2_500)])
    disk.link(file, "a/x")
    assert file.read_at(0, 20_000) == b"".join(b"%05d" % number for number in range(2_500))


def test_a_cached_read_gives_all_or_nothing(disk: OsDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    store(disk, "a/x", b"0123456789")
    file = disk.open("a/x")
    if module._NO_WAIT is not None:
        assert file.read_cached(2, 3) in (b"234", None)  # None: not every file system can
    assert file.read_cached(8, 3) is None, "what is not there is for read_at"

    def cold(fd: int, buffers: list[bytearray], offset: int, flags: int) -> int:
        raise BlockingIOError(errno.EAGAIN, "not in the page cache")

    monkeypatch.setattr(module.os, "preadv", cold)
    assert file.read_cached(2, 3) is None
    monkeypatch.setattr(module, "_NO_WAIT", None)
    assert file.read_cached(2, 3) is None
    file.close()


def test_opening_what_is_not_there(disk: OsDisk, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        disk.open("a/x")
    os.symlink("/etc/passwd", tmp_path / "link")
    with pytest.raises(OSError, match="symbolic links"):
        disk.open("link")


def test_unlink_of_what_is_gone_is_no_error(disk: OsDisk) -> None:
    store(disk, "a/x")
    disk.unlink("a/x")
    disk.unlink("a/x")
    assert list(disk.walk("a")) == []


def test_move_makes_parents(disk: OsDisk) -> None:
    store(disk, "a/x")
    disk.move("a/x", "_z4meta/quarantine/a%x")
    assert [path for path, _, _ in disk.walk("")] == ["_z4meta/quarantine/a%x"]
    with pytest.raises(FileNotFoundError):
        disk.move("a/x", "b/x")


def test_walk_is_sorted_and_follows_no_links(disk: OsDisk, tmp_path: Path) -> None:
    for path in ("b/2", "a/z/1", "a/b", "a/c/d"):
        store(disk, path, path.encode())
    os.symlink("/etc", tmp_path / "a" / "etc")
    os.symlink("/etc/passwd", tmp_path / "a" / "passwd")
    os.mkfifo(tmp_path / "a" / "fifo")
    found = list(disk.walk(""))
    assert [path for path, _, _ in found] == ["a/b", "a/c/d", "a/z/1", "b/2"]
    assert [size for _, size, _ in found] == [3, 5, 5, 3]
    assert [path for path, _, _ in disk.walk("a/c")] == ["a/c/d"]
    assert list(disk.walk("nothing")) == []
    for _, _, mtime in found:
        assert abs(mtime - os.stat(tmp_path).st_mtime) < 60


def test_what_vanishes_during_a_walk_is_left_out(disk: OsDisk) -> None:
    for path in ("a/1", "a/2", "b/1"):
        store(disk, path)
    walk = disk.walk("")
    assert next(walk)[0] == "a/1"
    disk.unlink("a/2")
    disk.unlink("b/1")
    assert list(walk) == []


@pytest.mark.parametrize(
    "path", ["", "/etc/x", "../x", "a/../../x", "a//b", "a/", ".", "a/./b", "\0"]
)
def test_paths_that_could_leave_the_root_are_refused(disk: OsDisk, path: str) -> None:
    file = disk.create("a")
    for use in (
        disk.open,
        disk.unlink,
        lambda path: disk.link(file, path),
        lambda path: disk.move(path, "b"),
        lambda path: disk.move("b", path),
    ):
        with pytest.raises(ValueError, match="path"):
            use(path)
    file.close()


def test_the_root_must_be_absolute() -> None:
    with pytest.raises(ValueError, match="absolute"):
        OsDisk("data", os.urandom)


def test_every_new_level_is_synced_once(disk: OsDisk, tmp_path: Path, synced: list[str]) -> None:
    root = str(tmp_path)
    store(disk, "b/11/22/x")
    assert synced[1:] == [f"{root}/b/11/22", f"{root}/b/11", f"{root}/b", root]
    synced.clear()
    store(disk, "b/11/22/y")
    assert synced[1:] == [f"{root}/b/11/22"]
    synced.clear()
    store(disk, "b/11/33/y")
    assert synced[1:] == [f"{root}/b/11/33", f"{root}/b/11"]


def test_levels_that_another_process_made_are_synced_too(tmp_path: Path, synced: list[str]) -> None:
    store(OsDisk(str(tmp_path), os.urandom), "b/11/22/x")
    synced.clear()
    store(OsDisk(str(tmp_path), os.urandom), "b/11/22/y")
    assert synced[1:] == [f"{tmp_path}/b/11/22", f"{tmp_path}/b/11", f"{tmp_path}/b", str(tmp_path)]


def test_a_level_whose_sync_failed_is_synced_by_the_next(
    disk: OsDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's blob in a directory that another writer made but could not sync."""
    paths: list[str] = []
    broken = {f"{tmp_path}/b"}

    def sync(fd: int) -> None:
        path = os.readlink(f"/proc/self/fd/{fd}")
        if path in broken:
            raise OSError(errno.EIO, "injected")
        paths.append(path)

    monkeypatch.setattr(module, "sync_descriptor", sync)
    with pytest.raises(OSError, match="injected"):
        store(disk, "b/11/x")
    broken.clear()
    paths.clear()
    store(disk, "b/11/y")
    assert f"{tmp_path}/b" in paths


def test_a_level_that_was_removed_and_made_again_is_synced_again(
    disk: OsDisk, tmp_path: Path, synced: list[str]
) -> None:
    store(disk, "b/11/x")
    disk.unlink("b/11/x")
    os.rmdir(tmp_path / "b/11")
    synced.clear()
    store(disk, "b/11/x")
    assert synced[1:] == [f"{tmp_path}/b/11", f"{tmp_path}/b"]


def test_the_memory_of_synced_levels_is_bounded(
    disk: OsDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_DURABLE", 10)
    for number in range(50):
        store(disk, f"b/{number}/x")
    assert len(disk._durable) <= 10


def test_without_nameless_files_it_falls_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def refuse(path: str, flags: int, *args: object, **kwargs: object) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "not here")
        return real(path, flags, *args, **kwargs)  # type: ignore[arg-type]

    disk = OsDisk(str(tmp_path), os.urandom)
    monkeypatch.setattr(module.os, "open", refuse)
    file = disk.create("a")
    file.write(b"x")
    [(path, _, _)] = disk.walk("_z4meta/tmp")
    assert path.endswith(".part")
    disk.link(file, "a/x")
    file.close()
    assert [path for path, _, _ in disk.walk("")] == ["a/x"]


def test_other_errors_of_creation_are_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> int:
        raise OSError(errno.EMFILE, "too many")

    disk = OsDisk(str(tmp_path), os.urandom)
    monkeypatch.setattr(module.os, "open", refuse)
    with pytest.raises(OSError, match="too many"):
        disk.create("a")
    gone = OsDisk(str(tmp_path / "gone"), os.urandom)
    monkeypatch.undo()
    with pytest.raises(FileNotFoundError):
        gone.create("a")


def test_macos_syncs_through_to_the_medium(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(module, "_FULL_SYNC", 51)
    monkeypatch.setattr(module.fcntl, "fcntl", lambda fd, what: calls.append((fd, what)))
    module.sync_descriptor(7)
    assert calls == [(7, 51)]


def test_free_bytes(disk: OsDisk) -> None:
    free, total = disk.free_bytes()
    assert 0 < free <= total
