"""Where the expirer's walk is, in a small file of ``_z4meta``: losing it costs a walk."""

from __future__ import annotations

import os

import msgspec

from z4tw.daemons.expirer import Position
from z4tw.interfaces import IOffload

FILE = "lifecycle.json"


class _Stored(msgspec.Struct):
    """The file; the key in hexadecimal digits."""

    bucket: str
    phase: str
    key: str


class FilePositions:
    """A ``PositionStore`` in a directory."""

    def __init__(self, directory: str, offload: IOffload) -> None:
        self._path = os.path.join(directory, FILE)
        self._offload = offload

    async def load(self) -> Position:
        """The saved position; the beginning when there is none or it cannot be read."""
        position: Position = await self._offload.run(self._load)
        return position

    async def save(self, position: Position) -> None:
        """Keep a position. Raises ``OSError``."""
        await self._offload.run(self._save, position)

    def _load(self) -> Position:
        """(offloaded)"""
        try:
            with open(self._path, "rb") as file:
                stored = msgspec.json.decode(file.read(), type=_Stored)
            return Position(stored.bucket, stored.phase, bytes.fromhex(stored.key))
        except (FileNotFoundError, ValueError):
            return Position()

    def _save(self, position: Position) -> None:
        """(offloaded) A file that is half written has never the right name."""
        stored = _Stored(position.bucket, position.phase, position.key.hex())
        partial = self._path + ".partial"
        with open(partial, "wb") as file:
            file.write(msgspec.json.encode(stored))
        os.replace(partial, self._path)
