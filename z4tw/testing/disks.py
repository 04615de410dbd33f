"""Disks that fail on command, and one that loses what was not synced."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import msgspec
from zope.interface import implementer

from z4tw.interfaces import IDisk, IDiskFile


class Fault(msgspec.Struct):
    """Fail an operation: a method of ``IDisk``, or ``write``, ``read_at``, ``size``, ``fsync``,
    ``close`` of its files.

    ``nth`` counts the calls of that operation from 1; ``times`` calls in a row fail (0: all from
    then on). ``keep``: of a failing ``write``, so many bytes reach the file first.
    """

    operation: str
    nth: int = 1
    errno: int = errno.EIO
    times: int = 1
    keep: int = 0


@implementer(IDisk)
class FaultyDisk:
    """A disk in front of another, with faults.

    ``faults`` may be changed at any time. ``capacity_bytes``, when set, makes every write that
    would exceed it in total write what fits and fail with ENOSPC. ``calls`` records the operations
    in order, ``counts`` how often each was called.
    """

    def __init__(self, disk: IDisk, faults: list[Fault] | None = None) -> None:
        self._disk = disk
        self.faults = faults if faults is not None else []
        self.capacity_bytes: int | None = None
        self.free: tuple[int, int] | None = None
        self.written_bytes = 0
        self.calls: list[str] = []
        self.counts: dict[str, int] = {}

    def fault(self, operation: str) -> Fault | None:
        """Count a call; the fault that it meets, if any."""
        self.calls.append(operation)
        count = self.counts[operation] = self.counts.get(operation, 0) + 1
        for fault in self.faults:
            last = fault.nth + fault.times if fault.times else count + 1
            if fault.operation == operation and fault.nth <= count < last:
                return fault
        return None

    def meet(self, operation: str) -> None:
        """Count a call and raise the ``OSError`` of a fault that it meets."""
        fault = self.fault(operation)
        if fault is not None:
            raise OSError(fault.errno, f"injected: {os.strerror(fault.errno)}")

    def create(self, directory: str) -> FaultyFile:
        """As ``IDisk``."""
        self.meet("create")
        return FaultyFile(self, self._disk.create(directory))

    def link(self, file: IDiskFile, path: str) -> None:
        """As ``IDisk``."""
        assert isinstance(file, FaultyFile)
        self.meet("link")
        self._disk.link(file.inner, path)

    def sync_parents(self, path: str) -> None:
        """As ``IDisk``."""
        self.meet("sync_parents")
        self._disk.sync_parents(path)

    def open(self, path: str) -> FaultyFile:
        """As ``IDisk``."""
        self.meet("open")
        return FaultyFile(self, self._disk.open(path))

    def unlink(self, path: str) -> None:
        """As ``IDisk``."""
        self.meet("unlink")
        self._disk.unlink(path)

    def move(self, path: str, to: str) -> None:
        """As ``IDisk``."""
        self.meet("move")
        self._disk.move(path, to)

    def walk(self, directory: str) -> Iterator[tuple[str, int, float]]:
        """As ``IDisk``."""
        self.meet("walk")
        yield from self._disk.walk(directory)

    def free_bytes(self) -> tuple[int, int]:
        """As ``IDisk``, or what ``free`` says."""
        self.meet("free_bytes")
        return self.free if self.free is not None else self._disk.free_bytes()


@implementer(IDiskFile)
class FaultyFile:
    """A file of a ``FaultyDisk``."""

    def __init__(self, disk: FaultyDisk, inner: IDiskFile) -> None:
        self._disk = disk
        self.inner = inner

    def write(self, *pieces: Any) -> None:
        """As ``IDiskFile``; a failing write may have written a part."""
        fault = self._disk.fault("write")
        view = memoryview(b"".join(pieces))
        if fault is not None:
            self.inner.write(view[: fault.keep])
            raise OSError(fault.errno, f"injected: {os.strerror(fault.errno)}")
        capacity = self._disk.capacity_bytes
        if capacity is not None and self._disk.written_bytes + len(view) > capacity:
            self.inner.write(view[: max(capacity - self._disk.written_bytes, 0)])
            self._disk.written_bytes = capacity
            raise OSError(errno.ENOSPC, "injected: the disk is full")
        self._disk.written_bytes += len(view)
        self.inner.write(view)

    def read_at(self, offset: int, length: int) -> bytes:
        """As ``IDiskFile``."""
        self._disk.meet("read_at")
        return self.inner.read_at(offset, length)

    def read_cached(self, offset: int, length: int) -> None:
        """Nothing is in memory: every read is a ``read_at`` that may fail."""

    def size(self) -> int:
        """As ``IDiskFile``."""
        self._disk.meet("size")
        return self.inner.size()

    def fsync(self) -> None:
        """As ``IDiskFile``."""
        self._disk.meet("fsync")
        self.inner.fsync()

    def close(self) -> None:
        """As ``IDiskFile``; the file is closed even when the call fails."""
        self.inner.close()
        self._disk.meet("close")


_SECTOR_BYTES = 512


class _Inode:
    """A file's contents: now, and on the medium."""

    def __init__(self, mtime: float) -> None:
        self.content = bytearray()
        self.durable = b""
        self.unsynced: list[tuple[int, bytes]] = []
        self.mtime = mtime


class _Directory:
    """A directory's entries: now, on the medium, and the changes in between, in order."""

    def __init__(self) -> None:
        self.entries: dict[str, _Inode | _Directory] = {}
        self.durable: dict[str, _Inode | _Directory] = {}
        self.pending: list[tuple[str, _Inode | _Directory | None]] = []

    def set(self, name: str, node: _Inode | _Directory | None) -> None:
        """Add, replace or (None) remove an entry; not durable yet."""
        if node is None:
            del self.entries[name]
        else:
            self.entries[name] = node
        self.pending.append((name, node))

    def sync(self) -> None:
        """Make all entries durable (not what they lead to)."""
        self.durable = dict(self.entries)
        self.pending.clear()


@implementer(IDisk)
class LossyDisk:
    """A disk in memory that loses at a crash what was not synced.

    Written data is safe after fsync of its file, an entry after a sync of its directory. ``crash``
    keeps a random part of the rest: any of the changed directory entries, any of the written
    512-byte sectors, zeros where a later sector survived an earlier one. An entry is lost with its
    directory. Files opened before a crash are of no use after it.
    ``now_s`` gives the files' times. For one thread.
    """

    def __init__(self, now_s: Callable[[], float], total_bytes: int = 1 << 40) -> None:
        self._now_s = now_s
        self._total_bytes = total_bytes
        self._root = _Directory()

    def create(self, directory: str) -> LossyFile:
        """As ``IDisk``."""
        return LossyFile(_Inode(self._now_s()))

    def link(self, file: IDiskFile, path: str) -> None:
        """As ``IDisk``."""
        assert isinstance(file, LossyFile)
        *levels, name = path.split("/")
        directory = self._root
        for level in levels:
            if level not in directory.entries:
                directory.set(level, _Directory())
            directory = _as_directory(directory.entries[level])
        if name in directory.entries:
            raise FileExistsError(errno.EEXIST, "the name is taken", path)
        directory.set(name, file.inode)

    def sync_parents(self, path: str) -> None:
        """As ``IDisk``."""
        self._find(path)
        directory = self._root
        for level in path.split("/")[:-1]:
            if directory.durable.get(level) is not directory.entries.get(level):
                directory.sync()
            directory = _as_directory(directory.entries[level])
        directory.sync()

    def open(self, path: str) -> LossyFile:
        """As ``IDisk``."""
        directory, name = self._find(path)
        node = directory.entries.get(name)
        if not isinstance(node, _Inode):
            raise FileNotFoundError(errno.ENOENT, "no such file", path)
        return LossyFile(node)

    def unlink(self, path: str) -> None:
        """As ``IDisk``."""
        try:
            directory, name = self._find(path)
        except FileNotFoundError:
            return
        if name in directory.entries:
            directory.set(name, None)

    def move(self, path: str, to: str) -> None:
        """As ``IDisk``."""
        file = self.open(path)
        self.unlink(to)
        self.link(file, to)
        self.unlink(path)

    def walk(self, directory: str) -> Iterator[tuple[str, int, float]]:
        """As ``IDisk``."""
        node = self._root
        for level in directory.split("/") if directory else ():
            found = node.entries.get(level)
            if not isinstance(found, _Directory):
                return
            node = found
        yield from _walk(node, directory)

    def free_bytes(self) -> tuple[int, int]:
        """As ``IDisk``: what the named files leave."""
        used = sum(size for _, size, _ in self.walk(""))
        return self._total_bytes - used, self._total_bytes

    def crash(self, rng: Random) -> None:
        """Lose power: keep what was synced and a random part of the rest."""
        self._root = _after_crash(self._root, rng)

    def _find(self, path: str) -> tuple[_Directory, str]:
        *levels, name = path.split("/")
        directory = self._root
        for level in levels:
            found = directory.entries.get(level)
            if not isinstance(found, _Directory):
                raise FileNotFoundError(errno.ENOENT, "no such directory", path)
            directory = found
        return directory, name


@implementer(IDiskFile)
class LossyFile:
    """An open file of a ``LossyDisk``."""

    def __init__(self, inode: _Inode) -> None:
        self.inode = inode

    def write(self, *pieces: Any) -> None:
        """As ``IDiskFile``."""
        piece = b"".join(pieces)
        self.inode.unsynced.append((len(self.inode.content), piece))
        self.inode.content += piece

    def read_at(self, offset: int, length: int) -> bytes:
        """As ``IDiskFile``."""
        return bytes(self.inode.content[offset : offset + length])

    def read_cached(self, offset: int, length: int) -> bytes | None:
        """As ``IDiskFile``: all of it is in memory."""
        data = self.read_at(offset, length)
        return data if len(data) == length else None

    def size(self) -> int:
        """As ``IDiskFile``."""
        return len(self.inode.content)

    def fsync(self) -> None:
        """As ``IDiskFile``."""
        self.inode.durable = bytes(self.inode.content)
        self.inode.unsynced.clear()

    def close(self) -> None:
        """As ``IDiskFile``."""


def _as_directory(node: _Inode | _Directory) -> _Directory:
    if not isinstance(node, _Directory):
        raise NotADirectoryError(errno.ENOTDIR, "a file is in the way")
    return node


def _walk(directory: _Directory, above: str) -> Iterator[tuple[str, int, float]]:
    for name, node in sorted(directory.entries.items()):
        path = f"{above}/{name}" if above else name
        if isinstance(node, _Directory):
            yield from _walk(node, path)
        else:
            yield path, len(node.content), node.mtime


def _after_crash(directory: _Directory, rng: Random) -> _Directory:
    entries = dict(directory.durable)
    for name, node in directory.pending:
        if rng.random() < 0.5:
            continue
        if node is None:
            entries.pop(name, None)
        else:
            entries[name] = node
    after = _Directory()
    for name, node in sorted(entries.items()):
        if isinstance(node, _Directory):
            after.entries[name] = _after_crash(node, rng)
        else:
            after.entries[name] = _torn(node, rng)
    after.sync()
    return after


def _torn(inode: _Inode, rng: Random) -> _Inode:
    content = bytearray(inode.durable)
    for offset, piece in inode.unsynced:
        at = 0
        while at < len(piece):
            length = min(_SECTOR_BYTES - (offset + at) % _SECTOR_BYTES, len(piece) - at)
            if rng.random() < 0.5:
                start = offset + at
                if len(content) < start:
                    content += bytes(start - len(content))
                # The last sector may be torn in the middle.
                kept = length if rng.random() < 0.75 else rng.randrange(length + 1)
                content[start : start + kept] = piece[at : at + kept]
            at += length
    after = _Inode(inode.mtime)
    after.content = content
    after.durable = bytes(content)
    return after
