"""Generation counters in shared memory: what makes caches of registers exact without a query.

Every register hashes to one of 65,536 slots; one more slot stands for all control registers. A
slot is a seqlock (Lameter, "Effective synchronization on Linux/NUMA systems", 2005): the one
writer makes the slots of a batch odd before its COMMIT and even again, two higher, after it and
before it answers. A cached value is used only while its slot is even and as it was when the value
was read, and is kept only if the slot was even and the same before and after the read. So a
change that was answered is seen by every later read in every process, and a new value that one
reader saw is never followed by an old one from another reader's cache.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterable

import xxhash

from z4tw.model.registers import CONTROL_KINDS, Register

SLOTS = 65_536
CONTROL_SLOT = SLOTS
_BYTES = (SLOTS + 1) * 8
_MASK = (1 << 64) - 1


def digest_of(register: Register) -> int:
    """The 64-bit hash of a register; its low 16 bits are the slot."""
    kind, incarnation, key = register
    digest: int = xxhash.xxh3_64_intdigest(key, (incarnation << 4 ^ kind) & _MASK)
    return digest


def slot_of(register: Register) -> int:
    """The slot of a register."""
    return digest_of(register) & (SLOTS - 1)


class Generations:
    """The counters of one store, made by its writer and attached to by its other processes.

    ``slots`` is the array itself, for readers that cannot afford a call per look. ``fd`` is to be
    inherited by worker processes (None when private); it stays open until ``close``.
    """

    def __init__(self, fd: int | None = None) -> None:
        self.fd = fd
        self._memory = mmap.mmap(-1 if fd is None else fd, _BYTES)
        self.slots = memoryview(self._memory).cast("Q")
        self._unsettled = 0

    @classmethod
    def shared(cls) -> Generations:
        """New counters in a nameless file that other processes can map by its descriptor."""
        if hasattr(os, "memfd_create"):
            fd = os.memfd_create("z4tw-generations")
        else:
            with tempfile.TemporaryFile() as file:
                fd = os.dup(file.fileno())
        os.ftruncate(fd, _BYTES)
        return cls(fd)

    def begin(self, registers: Iterable[Register]) -> list[int]:
        """Make the slots of registers odd, the control slot too when one is a control register;
        the slots, for ``end``."""
        chosen: set[int] = set()
        for register in registers:
            chosen.add(slot_of(register))
            if register[0] in CONTROL_KINDS:
                chosen.add(CONTROL_SLOT)
        marked = sorted(chosen)
        for slot in marked:
            self.slots[slot] |= 1
        return marked

    def end(self, marked: Iterable[int]) -> None:
        """Make slots even again, each with a number that it never had."""
        for slot in marked:
            self.slots[slot] += 1

    def control(self) -> int:
        """A number that differs after any control register changed.

        During a change it is a new negative number at every call: nothing compares equal to it,
        since values read meanwhile may be old ones or new ones."""
        generation = self.slots[CONTROL_SLOT]
        if generation & 1:
            self._unsettled -= 1
            return self._unsettled
        return generation

    def close(self) -> None:
        """Unmap; the counters of other processes stay."""
        self.slots.release()
        self._memory.close()
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None
