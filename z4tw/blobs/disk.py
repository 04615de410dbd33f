"""The real disk: nameless files that get their name by a link, and directories that are synced.

Paths are relative to the root and checked to stay inside it. All methods block and may run in
several threads at once.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from zope.interface import implementer

from z4tw.interfaces import IDisk, IDiskFile

_TEMPORARY = "_z4meta/tmp"
_FILE_MODE = 0o600
_DIRECTORY_MODE = 0o700
_MAX_VECTORS = 1024
"""How many pieces one system call takes (IOV_MAX of Linux and macOS)."""
_MAX_DURABLE = 200_000
_NO_TMPFILE = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL})
_NO_WAIT: int | None = getattr(os, "RWF_NOWAIT", None)
# macOS: fsync only hands the data to the drive, F_FULLFSYNC makes the drive write it.
_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)


def sync_descriptor(fd: int) -> None:
    """fsync, through to the medium."""
    if _FULL_SYNC is None:
        os.fsync(fd)
    else:
        fcntl.fcntl(fd, _FULL_SYNC)


@implementer(IDiskFile)
class OsDiskFile:
    """An open file descriptor. ``temporary`` is the absolute name that goes with ``close`` unless
    the file was linked."""

    __slots__ = ("_fd", "temporary")

    def __init__(self, fd: int, temporary: str = "") -> None:
        self._fd = fd
        self.temporary = temporary

    def __del__(self) -> None:
        # Dropped unclosed, as by a coroutine that was never run to its end.
        self.close()

    def fileno(self) -> int:
        """The descriptor, -1 when closed."""
        return self._fd

    def write(self, *pieces: Any) -> None:
        """Append all of some bytes-like objects."""
        left = list(pieces)
        at = 0
        while at < len(left):
            written = os.writev(self._fd, left[at : at + _MAX_VECTORS])
            while at < len(left) and written >= len(left[at]):
                written -= len(left[at])
                at += 1
            if written:
                left[at] = memoryview(left[at])[written:]

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes at ``offset``; fewer only at the end of the file."""
        data = os.pread(self._fd, length, offset)
        if len(data) == length or not data:
            return data
        pieces = [data]
        have = len(data)
        while have < length:
            data = os.pread(self._fd, length - have, offset + have)
            if not data:
                break
            pieces.append(data)
            have += len(data)
        return b"".join(pieces)

    def read_cached(self, offset: int, length: int) -> bytearray | None:
        """The same bytes if all of them are in the page cache, else None: without waiting."""
        if _NO_WAIT is None:
            return None
        data = bytearray(length)
        try:
            read = os.preadv(self._fd, [data], offset, _NO_WAIT)
        except OSError:
            return None  # not there, or not supported by this file system; ``read_at`` finds out
        return data if read == length else None

    def size(self) -> int:
        """The length of the file in bytes."""
        return os.fstat(self._fd).st_size

    def fsync(self) -> None:
        """Make contents durable; after an error never call it again."""
        sync_descriptor(self._fd)

    def close(self) -> None:
        """Close, and drop a temporary name. Safe to call twice."""
        fd, self._fd = self._fd, -1
        temporary, self.temporary = self.temporary, ""
        try:
            if temporary:
                _unlink(temporary)
        finally:
            if fd >= 0:
                os.close(fd)


@implementer(IDisk)
class OsDisk:
    """A directory tree on a local file system.

    ``root`` is an absolute path that exists. ``random_bytes`` names temporary files, which exist
    only where nameless files do not (``nameless`` False forces that, as on macOS).
    """

    def __init__(
        self, root: str, random_bytes: Callable[[int], bytes], *, nameless: bool = True
    ) -> None:
        if not os.path.isabs(root):
            raise ValueError("the root of a disk is an absolute path")
        self._root = root
        self._random_bytes = random_bytes
        self._nameless = nameless and hasattr(os, "O_TMPFILE") and os.path.isdir("/proc/self/fd")
        self._lock = threading.Lock()
        # Directories whose entry in their parent is known to be on disk. What an earlier process
        # made may not be, so that everything is unknown at first.
        self._durable: set[str] = set()

    def create(self, directory: str) -> OsDiskFile:
        """A new nameless file in the file system of ``directory`` (``""``: the root) or of its
        nearest parent that exists; where the system has none, one with a temporary name that
        ``close`` removes."""
        if self._nameless:
            file = self._create_nameless(self._directory(directory))
            if file is not None:
                return file
            self._nameless = False
        parent = f"{self._root}/{_TEMPORARY}"
        os.makedirs(parent, mode=_DIRECTORY_MODE, exist_ok=True)
        name = f"{parent}/{self._random_bytes(16).hex()}.part"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        return OsDiskFile(os.open(name, flags, _FILE_MODE), name)

    def _create_nameless(self, directory: str) -> OsDiskFile | None:
        """None when this file system has no nameless files."""
        while True:
            try:
                fd = os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, _FILE_MODE)
            except OSError as error:
                if error.errno == errno.ENOENT and len(directory) > len(self._root):
                    directory = os.path.dirname(directory)
                    continue
                if error.errno in _NO_TMPFILE:
                    return None
                raise
            return OsDiskFile(fd)

    def link(self, file: IDiskFile, path: str) -> None:
        """Give a file of this disk its name, making missing parents; ``FileExistsError`` when the
        name is taken."""
        if not isinstance(file, OsDiskFile):
            raise TypeError("only a file that this disk created can be linked")
        target = self._absolute(path)
        try:
            self._link(file, target)
        except FileNotFoundError:
            self._make_parents(path)
            self._link(file, target)
        if file.temporary:
            temporary, file.temporary = file.temporary, ""
            os.unlink(temporary)

    def _link(self, file: OsDiskFile, target: str) -> None:
        if file.temporary:
            os.link(file.temporary, target, follow_symlinks=False)
            return
        directory = os.open(os.path.dirname(target), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # Only with a directory's descriptor does Python call linkat, which follows the
            # symbolic link in /proc to the file; link() would fail with EXDEV.
            os.link(
                f"/proc/self/fd/{file.fileno()}",
                os.path.basename(target),
                dst_dir_fd=directory,
                follow_symlinks=True,
            )
        finally:
            os.close(directory)

    def _make_parents(self, path: str) -> None:
        for level in _parents(path):
            try:
                os.mkdir(f"{self._root}/{level}", _DIRECTORY_MODE)
            except FileExistsError:
                continue
            with self._lock:
                self._durable.discard(level)

    def sync_parents(self, path: str) -> None:
        """fsync the directory of ``path``, then every parent that holds a directory on the way
        whose entry is not known to be on disk, whoever made it."""
        levels = _parents(path)
        self._sync_directory(levels[-1] if levels else "")
        # The deepest first: one commit of a file system's journal mostly covers the others too.
        for level in reversed(levels):
            if level in self._durable:
                continue
            self._sync_directory(level.rpartition("/")[0])
            with self._lock:
                if len(self._durable) >= _MAX_DURABLE:
                    self._durable.clear()
                self._durable.add(level)

    def _sync_directory(self, directory: str) -> None:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        fd = os.open(self._directory(directory), flags)
        try:
            sync_descriptor(fd)
        finally:
            os.close(fd)

    def open(self, path: str) -> OsDiskFile:
        """Open for reading; ``FileNotFoundError`` when it is not there."""
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        return OsDiskFile(os.open(self._absolute(path), flags))

    def unlink(self, path: str) -> None:
        """Remove a name; one that is gone already is no error."""
        _unlink(self._absolute(path))

    def move(self, path: str, to: str) -> None:
        """Rename within the tree, making parents of ``to``."""
        source, target = self._absolute(path), self._absolute(to)
        if not os.path.isdir(os.path.dirname(target)):
            self._make_parents(to)
        os.rename(source, target)

    def walk(self, directory: str) -> Iterator[tuple[str, int, float]]:
        """Yield (path, size, mtime) of every regular file below a directory (``""``: the root)
        in sorted order; what vanishes meanwhile is left out."""
        try:
            with os.scandir(self._directory(directory)) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except FileNotFoundError:
            return
        for entry in entries:
            path = f"{directory}/{entry.name}" if directory else entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from self.walk(path)
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                yield path, status.st_size, status.st_mtime

    def free_bytes(self) -> tuple[int, int]:
        """(available, total) bytes of the file system."""
        status = os.statvfs(self._root)
        return status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize

    def _directory(self, path: str) -> str:
        """The absolute form of a directory, ``""`` being the root."""
        return self._absolute(path) if path else self._root

    def _absolute(self, path: str) -> str:
        """The absolute form. Raises ``ValueError`` for a path that could leave the root."""
        if "\0" in path:
            raise ValueError("a path holds no zero byte")
        for part in path.split("/"):
            if part in ("", ".", ".."):
                raise ValueError("a path stays inside the data directory")
        return f"{self._root}/{path}"


def _unlink(path: str) -> None:
    """Remove a name; one that is gone already is no error."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def _parents(path: str) -> list[str]:
    """The directories above a path, outermost first, the root left out."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]
