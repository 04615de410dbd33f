"""A disk in memory for SQLite that loses at a crash what was not synced.

Files live in a dictionary; there is no shared memory, so one connection with exclusive locking is
all that can use a database (``SqliteStore(..., vfs=NAME, exclusive=True)``).
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import apsw

SECTOR_BYTES = 512


class _File:
    """A file's contents: now, on the medium, and what was done in between, in order."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.durable = b""
        self.unsynced: list[tuple[int, bytes | None]] = []
        self.synced_once = False

    def write(self, offset: int, data: bytes) -> None:
        """Write, filling a gap with zeros."""
        _put(self.content, offset, data)
        self.unsynced.append((offset, data))

    def truncate(self, size: int) -> None:
        """Cut."""
        del self.content[size:]
        self.unsynced.append((size, None))

    def sync(self) -> None:
        """Make contents durable."""
        self.durable = bytes(self.content)
        self.unsynced.clear()
        self.synced_once = True

    def lose(self, rng: Random) -> None:
        """Keep what is durable and random sectors of the rest."""
        content = bytearray(self.durable)
        for offset, data in self.unsynced:
            if data is None:
                if rng.random() < 0.5:
                    del content[offset:]
                continue
            for start in range(0, len(data), SECTOR_BYTES):
                if rng.random() < 0.5:
                    _put(content, offset + start, data[start : start + SECTOR_BYTES])
        self.content = content
        self.sync()


def _put(content: bytearray, offset: int, data: bytes) -> None:
    if len(content) < offset:
        content += bytes(offset - len(content))
    content[offset : offset + len(data)] = data


class LossyVfs(apsw.VFS):
    """Registered with SQLite under ``name`` until ``unregister``.

    ``on_operation`` is called with ``read``, ``write``, ``truncate``, ``sync`` or ``delete``
    before each one, and may raise an ``apsw.Error`` (``apsw.IOError``, ``apsw.FullError``): so
    tests make a disk fail. ``crash`` loses power; files opened before it are of no use after it.
    As in SQLite's own VFS, the first sync of a new file syncs its directory: its name is durable
    then, and so are all removals; a removal before that may be undone.
    """

    def __init__(self, name: str, on_operation: Callable[[str], None] = lambda name: None) -> None:
        self.on_operation = on_operation
        self.files: dict[str, _File] = {}
        self._removed: dict[str, _File] = {}
        super().__init__(name, base="")

    def crash(self, rng: Random) -> None:
        """Lose power: unsynced writes are kept sector by sector at random."""
        for path, file in self._removed.items():
            if path not in self.files and rng.random() < 0.5:
                self.files[path] = file
        self._removed.clear()
        for path in sorted(self.files):
            file = self.files[path]
            if not file.synced_once and rng.random() < 0.5:
                del self.files[path]
                continue
            survivor = _File()
            survivor.durable, survivor.unsynced = file.durable, list(file.unsynced)
            survivor.lose(rng)
            self.files[path] = survivor

    def xOpen(self, name: Any, flags: list[int]) -> _OpenFile:  # type: ignore[override]
        """Open or make a file; a nameless one is temporary."""
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is None:
            return _OpenFile(self, _File())
        if path not in self.files:
            if not flags[0] & apsw.SQLITE_OPEN_CREATE:
                raise apsw.CantOpenError(path)
            self.files[path] = _File()
        flags[1] = flags[0]
        return _OpenFile(self, self.files[path])

    def sync(self, file: _File) -> None:
        """Make a file durable, and with a new one its directory."""
        self.on_operation("sync")
        if not file.synced_once:
            self._removed.clear()
        file.sync()

    def xDelete(self, filename: str, syncdir: bool) -> None:
        """Remove a name."""
        self.on_operation("delete")
        removed = self.files.pop(filename, None)
        if removed is not None and not syncdir:
            self._removed[filename] = removed

    def xAccess(self, pathname: str, flags: int) -> bool:
        """Whether a file is there."""
        return pathname in self.files

    def xFullPathname(self, name: str) -> str:
        """Names are what they are."""
        return name


class _OpenFile:
    """An open file, as SQLite uses one."""

    def __init__(self, vfs: LossyVfs, file: _File) -> None:
        self._vfs = vfs
        self._file = file

    def xRead(self, amount: int, offset: int) -> bytes:
        self._vfs.on_operation("read")
        return bytes(self._file.content[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        self._vfs.on_operation("write")
        self._file.write(offset, bytes(data))

    def xTruncate(self, size: int) -> None:
        self._vfs.on_operation("truncate")
        self._file.truncate(size)

    def xSync(self, flags: int) -> None:
        self._vfs.sync(self._file)

    def xFileSize(self) -> int:
        return len(self._file.content)

    def xLock(self, level: int) -> None:
        """There is one connection: it has every lock that it asks for."""

    def xUnlock(self, level: int) -> None:
        """As ``xLock``."""

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, op: int, pointer: int) -> bool:
        return False

    def xSectorSize(self) -> int:
        return SECTOR_BYTES

    def xDeviceCharacteristics(self) -> int:
        return 0

    def xClose(self) -> None:
        """Contents stay in the dictionary."""
