"""Generation counters, and that caches resting on them are exact in every interleaving."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import combinations_with_replacement
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.metadata.values import create_account, put, register, stamp
from z4tw.metadata.generations import CONTROL_SLOT, SLOTS, Generations, slot_of
from z4tw.metadata.reads import SqliteReads
from z4tw.metadata.schema import StoreFacts, open_reader, open_writer, read_facts
from z4tw.metadata.writes import RowWriter
from z4tw.model.registers import Kind, Register


class TestCounters:
    def test_slots_are_odd_during_a_change_and_never_repeat(self) -> None:
        generations = Generations()
        where = register(b"k")
        seen = [generations.slots[slot_of(where)]]
        for _ in range(3):
            marked = generations.begin([where, where])
            assert marked == [slot_of(where)]
            assert generations.slots[marked[0]] & 1
            generations.end(marked)
            seen.append(generations.slots[slot_of(where)])
        assert seen == sorted(set(seen))
        assert not any(value & 1 for value in seen)

    def test_the_slot_depends_on_kind_incarnation_and_key(self) -> None:
        slots = {
            slot_of(Register(kind, incarnation, key))
            for kind in (5, 6)
            for incarnation in (1, 1 << 62)
            for key in (b"a", b"b")
        }
        assert len(slots) == 8
        assert all(0 <= slot < SLOTS for slot in slots)

    def test_only_control_registers_move_the_control_slot(self) -> None:
        generations = Generations()
        assert CONTROL_SLOT not in generations.begin([register(b"k")])
        assert CONTROL_SLOT in generations.begin([Register(Kind.BUCKET, 0, b"k")])

    def test_during_a_change_the_control_number_equals_nothing(self) -> None:
        generations = Generations()
        before = generations.control()
        assert generations.control() == before
        marked = generations.begin([Register(Kind.BUCKET, 0, b"k")])
        during = [generations.control() for _ in range(3)]
        generations.end(marked)
        after = generations.control()
        assert len({before, after, *during}) == 5

    def test_another_process_sees_the_same_counters(self) -> None:
        generations = Generations.shared()
        assert generations.fd is not None
        other = Generations(os.dup(generations.fd))
        marked = generations.begin([register(b"k")])
        assert other.slots[slot_of(register(b"k"))] & 1
        generations.end(marked)
        assert other.slots[slot_of(register(b"k"))] == 2
        pid = os.fork()
        if pid == 0:  # the child changes what the parent then sees
            other.end(marked)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        assert generations.slots[slot_of(register(b"k"))] == 3
        other.close()
        generations.close()


def _result(coroutine: Any) -> Any:
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("a read waits")


class Writer:
    """One change in steps: 1 marks its slots, 2 commits, 3 settles them (and would answer)."""

    def __init__(self, path: str) -> None:
        facts = StoreFacts(bytes(16), 1)
        self.connection = open_writer(path, lambda: facts)
        self.rows = RowWriter(
            self.connection, read_facts(self.connection), lambda: 1, Random(1).randbytes
        )
        self.generations = Generations()
        self.phase = 3
        self.marked: list[int] = []
        self.command: Callable[[], Any] = lambda: None

    def begin(self, where: Register, command: Any) -> None:
        """Be about to make a change."""
        self.phase = 0
        self.command = lambda: self.rows.change(where, command)

    def advance(self, phase: int) -> None:
        """Go on to a phase, if it was not reached yet."""
        while self.phase < phase:
            self.phase += 1
            if self.phase == 1:
                self.rows.begin()
                self.command()
                assert self.rows.save()
                self.marked = self.generations.begin(self.rows.touched)
            elif self.phase == 2:
                self.connection.execute("COMMIT")
            else:
                self.generations.end(self.marked)


class Reader(SqliteReads):
    """A reader whose query can be made to fall between any two steps of the writer."""

    def __init__(self, path: str, writer: Writer) -> None:
        super().__init__(open_reader(path), writer.generations, pytest.fail)
        self.around: Callable[[Callable[[], Any]], Any] = lambda query: query()
        self.queries = 0

    def _point(self, sql: str, bindings: tuple[Any, ...]) -> Any:
        self.queries += 1
        return self.around(lambda: super(Reader, self)._point(sql, bindings))

    def see(self, where: Register) -> bytes:
        stamped: bytes = _result(self.read(where)).current.stamp
        return stamped


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    made = Writer(str(tmp_path / "meta.db"))
    yield made
    made.connection.close()


def test_cached_reads_are_exact_in_every_interleaving(writer: Writer, tmp_path: Path) -> None:
    """A read that starts after the change is over sees it, and nobody sees an old value after
    somebody saw the new one, wherever the steps of reads and of the change fall."""
    path = str(tmp_path / "meta.db")
    first, second = Reader(path, writer), Reader(path, writer)
    number = 1
    where = register(b"k")
    writer.begin(where, put(number))
    writer.advance(3)
    tried = 0
    for warm in ((), (first,), (first, second)):
        for start, query, end in combinations_with_replacement(range(4), 3):
            old = stamp(number)
            number += 1
            for reader in (first, second):
                reader._cache.drop(where)
            for reader in (*warm, *warm):
                assert reader.see(where) == old
            writer.begin(where, put(number))
            seen: list[tuple[int, bytes]] = []

            def read(reader: Reader, seen: list[tuple[int, bytes]] = seen) -> None:
                began = writer.phase
                seen.append((began, reader.see(where)))

            writer.advance(start)

            def around(run: Callable[[], Any], query: int = query, end: int = end) -> Any:
                writer.advance(query)
                data = run()
                writer.advance(end)
                return data

            first.around = around
            read(first)
            first.around = lambda run: run()
            for phase in range(writer.phase, 4):
                writer.advance(phase)
                for reader in (second, first) * 3:
                    read(reader)
            values = [value for _, value in seen]
            assert values == sorted(values), (warm, start, query, end)
            assert set(values) <= {old, stamp(number)}
            assert all(value == stamp(number) for began, value in seen if began == 3)
            tried += 1
    assert tried == 60
    first._reader.close()
    second._reader.close()


def test_a_settled_register_is_read_from_the_cache(writer: Writer, tmp_path: Path) -> None:
    reader = Reader(str(tmp_path / "meta.db"), writer)
    writer.begin(register(b"k"), put(1))
    writer.advance(3)
    for _ in range(5):
        assert reader.see(register(b"k")) == stamp(1)
    assert reader.queries == 2  # the second one brings it into the cache
    reader._reader.close()


def test_caches_of_control_records_are_exact_by_the_control_number(
    writer: Writer, tmp_path: Path
) -> None:
    """A cache that compares ``control_generation`` before use never answers an old record after
    somebody read the new one."""
    where = Register(Kind.ACCOUNT, 0, b"root")
    writer.begin(where, create_account("root", 1))
    writer.advance(3)
    reader = Reader(str(tmp_path / "meta.db"), writer)
    caches: list[tuple[int, bytes]] = [(-1, b""), (-1, b"")]

    def see(index: int) -> bytes:
        generation = reader.control_generation()
        if caches[index][0] != generation:
            caches[index] = (generation, _result(reader.read(where)).stamp)
        return caches[index][1]

    number = 1
    for warm in (0, 1, 2):
        old = stamp(number)
        number += 1
        caches[:] = [(-1, b""), (-1, b"")]
        for index in range(warm):
            see(index)
        writer.begin(where, create_account("root", number, old))
        seen = []
        for phase in range(4):
            writer.advance(phase)
            seen += [see(0), see(1), see(0), see(1)]
        assert seen == sorted(seen)
        assert seen[-4:] == [stamp(number)] * 4
    reader._reader.close()
