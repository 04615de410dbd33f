"""The storage service opens once and closes in order, whatever fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from tests.node.support import make_config
from z4tw.node.failures import StoreError
from z4tw.node.storage import StorageService, operation_settings


class FakeThreads:
    def __init__(self, events: list[str]) -> None:
        self._events = events

    def stop(self) -> None:
        self._events.append("threads")


class FakeStore:
    def __init__(self, events: list[str]) -> None:
        self._events = events
        self.closing: Any = None

    async def close(self) -> None:
        self._events.append("store")
        if self.closing is not None:
            await self.closing


class FakeStorage:
    def __init__(self, events: list[str]) -> None:
        self.store = FakeStore(events)


class StorageServiceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.events: list[str] = []
        self.opening: Deferred[Any] = Deferred()

        async def open_storage(threads: Any) -> Any:
            return await self.opening

        self.service = StorageService(
            open_storage,
            lambda: FakeThreads(self.events),  # type: ignore[arg-type, return-value]
            lambda: self.events.append("rest"),
        )

    def test_there_is_no_storage_before_it_is_open(self) -> None:
        starting = self.service.startService()
        self.assertRaises(RuntimeError, lambda: self.service.storage)
        storage = FakeStorage(self.events)
        self.opening.callback(storage)
        self.successResultOf(starting)
        self.assertIs(self.service.storage, storage)

    def test_store_threads_and_the_rest_close_in_this_order(self) -> None:
        starting = self.service.startService()
        self.opening.callback(FakeStorage(self.events))
        self.successResultOf(starting)
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.events, ["store", "threads", "rest"])
        self.assertRaises(RuntimeError, lambda: self.service.storage)

    def test_a_storage_that_does_not_open_leaves_nothing_behind(self) -> None:
        starting = self.service.startService()
        self.opening.errback(StoreError("no"))
        self.failureResultOf(starting, StoreError)
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.events, ["threads", "rest"])

    def test_a_store_that_closes_badly_does_not_keep_the_lock(self) -> None:
        starting = self.service.startService()
        storage = FakeStorage(self.events)
        storage.store.closing = fail(ZeroDivisionError())
        self.opening.callback(storage)
        self.successResultOf(starting)
        self.failureResultOf(self.service.stopService(), ZeroDivisionError)
        self.assertEqual(self.events, ["store", "threads", "rest"])


def test_the_operations_get_their_settings(tmp_path: Path) -> None:
    config = make_config(
        tmp_path,
        region="eu-west-1",
        domain="s3.local",
        inline_limit="100",
        object_ownership="BucketOwnerEnforced",
    )
    settings = operation_settings(config, "uuid")
    assert settings.region == "eu-west-1"
    assert settings.domains == ("s3.local",)
    assert settings.inline_limit_bytes == 100
    assert settings.object_ownership == "BucketOwnerEnforced"
