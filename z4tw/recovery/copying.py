"""Files copied or linked from one data directory to another, durably."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import sys

from z4tw.recovery.formats import sync_directory

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700
_PIECE_BYTES = 1 << 20
_FICLONE = 0x40049409
"""ioctl of Linux that shares a file's extents (ioctl_ficlone(2))."""
# Another file system, one without links, a rule against them, or too many of them.
_NO_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.EACCES})
_NO_CLONE = frozenset({
    errno.EXDEV, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM,
})  # fmt: skip


class Copier:
    """Copies files from one tree to another by relative path, making directories.

    ``link``: hard links where the file systems allow it. ``clone``: files that share their blocks
    on disk until one changes, where the file system can. Else bytes are copied and synced. Names
    are durable after ``sync_directories``. ``bring`` may be called in several threads at once.
    """

    def __init__(self, source: str, target: str, *, link: bool, clone: bool = False) -> None:
        self._source = source
        self._target = target
        self._link = link
        self._clone = clone and sys.platform == "linux"
        self._made: set[str] = set()

    def bring(self, path: str) -> bool:
        """Bring one file; whether its bytes were copied. Raises ``FileNotFoundError`` when it is
        not there, ``FileExistsError`` when the name is taken, ``OSError``."""
        source, target = os.path.join(self._source, path), os.path.join(self._target, path)
        self._make_directory(os.path.dirname(path))
        if self._clone and self._try_clone(source, target):
            return False
        if self._link and self._try_link(source, target):
            return False
        copy_file(source, target)
        return True

    def _make_directory(self, path: str) -> None:
        if path in self._made:
            return
        if path:
            self._make_directory(os.path.dirname(path))
        with contextlib.suppress(FileExistsError):
            os.mkdir(os.path.join(self._target, path), DIRECTORY_MODE)
        self._made.add(path)

    def _try_link(self, source: str, target: str) -> bool:
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            # Too many links to one file says nothing of the others.
            self._link = error.errno == errno.EMLINK
            return False
        return True

    def _try_clone(self, source: str, target: str) -> bool:
        self._clone = clone_file(source, target)
        return self._clone

    def sync_directories(self) -> None:
        """Make all names durable. Raises ``OSError``."""
        for path in sorted(self._made, reverse=True):
            sync_directory(os.path.join(self._target, path))


def copy_file(source: str, target: str) -> None:
    """Copy a file's bytes to a new, synced file. Raises ``OSError``, and leaves nothing then."""
    reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        try:
            while piece := os.read(reading, _PIECE_BYTES):
                view = memoryview(piece)
                while view:
                    view = view[os.write(writing, view) :]
            os.fsync(writing)
        except BaseException:
            os.unlink(target)
            raise
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def clone_file(source: str, target: str) -> bool:
    """Make a new file that shares its blocks with another; False where that is not possible.
    Raises ``OSError``."""
    reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.ioctl(writing, _FICLONE, reading)
            os.fsync(writing)
        except OSError as error:
            os.unlink(target)
            if error.errno not in _NO_CLONE:
                raise
            return False
        finally:
            os.close(writing)
    finally:
        os.close(reading)
    return True


def make_directory(path: str) -> None:
    """Make a directory and its missing parents, durably. Raises ``OSError``."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    make_directory(parent)
    os.mkdir(path, DIRECTORY_MODE)
    sync_directory(parent)


def digest_file(path: str) -> str:
    """The SHA-256 of a file, in hex. Raises ``OSError``."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_empty(directory: str) -> bool:
    """Whether a directory does not exist, or holds nothing. Raises ``OSError``."""
    try:
        return not set(os.listdir(directory)) - {"lost+found"}
    except FileNotFoundError:
        return True
