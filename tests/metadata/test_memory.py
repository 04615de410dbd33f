"""The in-memory store, by the contract; and what it does not do."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.metadata.contract import StoreContract, Times
from z4tw.metadata.memory import MemoryStore


class MemoryStoreTests(StoreContract, SynchronousTestCase):
    def setUp(self) -> None:
        self.times = Times()
        self.store = self.housekeeping = MemoryStore(self.times, self.times.random_bytes)

    def settle(self) -> None:
        """Nothing ever waits."""

    def test_there_is_no_snapshot_of_memory(self) -> None:
        assert isinstance(self.error(self.store.snapshot("/nowhere")), OSError)
