"""The store's end of a worker's connection: what it does itself and what it passes on."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.metadata.contract import Times
from tests.metadata.values import BUCKET, put, register, stamp
from z4tw.metadata.memory import MemoryStore
from z4tw.metadata.serve import (
    CHANGE,
    CLOSE,
    PURGE,
    REOPEN,
    StoreProtocol,
    encode_change,
    encode_incarnation,
)
from z4tw.model.registers import Done, Refused
from z4tw.objects import records


class ServeTests(SynchronousTestCase):
    def setUp(self) -> None:
        times = Times()
        self.store = MemoryStore(times, times.random_bytes)
        self.passed_on: list[tuple[str, bytes]] = []
        self.protocol = StoreProtocol(self.store, self.other)

    async def other(self, name: str, payload: bytes) -> bytes:
        self.passed_on.append((name, payload))
        return b"other"

    def ask(self, name: str, payload: bytes) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(self.protocol._serve(name, payload)))

    def change(self, number: int) -> Any:
        payload = encode_change(register(b"k"), records.encode_command(put(number)))
        return records.decode_outcome(self.ask(CHANGE, payload))

    def test_changes_are_applied_and_their_outcomes_given(self) -> None:
        assert self.change(1) == Done(stamp(1))
        head = self.successResultOf(Deferred.fromCoroutine(self.store.read(register(b"k"))))
        assert head.current.stamp == stamp(1)

    def test_incarnations_are_closed_reopened_and_purged(self) -> None:
        assert self.ask(CLOSE, encode_incarnation(BUCKET)) == b""
        assert self.change(1) == Refused("NoSuchBucket")
        assert self.ask(REOPEN, encode_incarnation(BUCKET)) == b""
        assert self.change(2) == Done(stamp(2))
        assert self.ask(PURGE, encode_incarnation(BUCKET)) == b""
        assert self.change(3) == Refused("NoSuchBucket")

    def test_other_requests_are_passed_on(self) -> None:
        assert self.ask("metrics", b"payload") == b"other"
        assert self.passed_on == [("metrics", b"payload")]
