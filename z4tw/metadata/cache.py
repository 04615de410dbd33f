"""A bounded cache of decoded registers; whether an entry is current is the reader's question."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

from z4tw.model.registers import Register


class Cached(NamedTuple):
    """A value, its register's slot, the slot's generation when it was read, and its stored
    size in bytes."""

    value: Any
    slot: int
    generation: int
    size: int


class RegisterCache:
    """The most recently used registers, bounded by their count and by their stored bytes.

    A decoded value takes several times its stored bytes; one value may take at most a sixteenth
    of the whole, so that a few long heads do not push out everything else.
    """

    def __init__(self, max_entries: int = 2048, max_bytes: int = 2 * 1024 * 1024) -> None:
        self._entries: OrderedDict[Register, Cached] = OrderedDict()
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def stored_bytes(self) -> int:
        """The stored size of all entries together."""
        return self._bytes

    def get(self, register: Register) -> Cached | None:
        """An entry, which becomes the most recently used one."""
        entries = self._entries
        entry = entries.get(register)
        if entry is not None:
            entries.move_to_end(register)
        return entry

    def put(self, register: Register, entry: Cached) -> None:
        """Keep an entry in place of an older one of its register."""
        if entry.size > self._max_bytes >> 4:
            self.drop(register)
            return
        entries = self._entries
        former = entries.pop(register, None)
        if former is not None:
            self._bytes -= former.size
        entries[register] = entry
        self._bytes += entry.size
        while self._bytes > self._max_bytes or len(entries) > self._max_entries:
            self._bytes -= entries.popitem(last=False)[1].size

    def drop(self, register: Register) -> None:
        """Forget a register."""
        former = self._entries.pop(register, None)
        if former is not None:
            self._bytes -= former.size
