"""A bounded cache of decoded registers; whether an entry is current is the reader's question."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

from z4tw.model.registers import Register

DEFAULT_BYTES = 64 * 1024 * 1024
_ENTRY_BYTES = 600
_DECODED = 5
"""A decoded value takes so many times its stored bytes (measured: 4.9 for heads of one version),
beside ``_ENTRY_BYTES`` for its place in the cache."""


class Cached(NamedTuple):
    """A value, its register's slot, the slot's generation when it was read, what it takes in bytes
    of memory, and for an object the stored form of its inline body, if that was read too."""

    value: Any
    slot: int
    generation: int
    size: int
    inline: bytes | None = None


def memory_of(stored: int, inline: bytes | None) -> int:
    """About how much memory an entry takes whose value has so many stored bytes."""
    return _ENTRY_BYTES + _DECODED * stored + (0 if inline is None else len(inline))


class RegisterCache:
    """The most recently used registers, bounded by the memory that they take.

    One value may take at most a sixteenth of the whole, so that a few long heads do not push out
    everything else. ``max_bytes`` 0: nothing is kept.
    """

    def __init__(self, max_bytes: int = DEFAULT_BYTES) -> None:
        self._entries: OrderedDict[Register, Cached] = OrderedDict()
        self._max_bytes = max_bytes
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def bytes_taken(self) -> int:
        """The memory of all entries together, by their sizes."""
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
        while self._bytes > self._max_bytes:
            self._bytes -= entries.popitem(last=False)[1].size

    def drop(self, register: Register) -> None:
        """Forget a register."""
        former = self._entries.pop(register, None)
        if former is not None:
            self._bytes -= former.size
