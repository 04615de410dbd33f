"""The storage service: what opens, in order, before anything can be served, and closes last."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred

from z4tw.config import Config
from z4tw.interfaces import ILifecycleAction, IOffload
from z4tw.metadata.schema import StoreFacts, partition_of
from z4tw.node.offload import Threads
from z4tw.ops.context import Settings


class Storage:
    """Everything that the other services of a process stand on; complete when it exists."""

    def __init__(
        self,
        *,
        config: Config,
        store: Any,
        blobs: Any,
        offload: IOffload,
        secrets: Any,
        stamp: Callable[[], bytes],
        random_bytes: Callable[[int], bytes],
        facts: StoreFacts,
        node_uuid: str,
        actions: Mapping[str, ILifecycleAction],
    ) -> None:
        self.config = config
        self.store = store
        self.blobs = blobs
        self.offload = offload
        self.secrets = secrets
        self.stamp = stamp
        self.random_bytes = random_bytes
        self.node_uuid = node_uuid
        self.actions = actions
        self.settings = operation_settings(config, node_uuid, tuple(actions))
        self._facts = facts

    def partition_of(self, incarnation: int, key: bytes) -> int:
        """The partition of a key, for the router."""
        return partition_of(self._facts, incarnation, key)


def operation_settings(
    config: Config, node_uuid: str, storage_classes: tuple[str, ...] = ()
) -> Settings:
    """What the operations need of the configuration; ``storage_classes`` are those of plugins."""
    return Settings(
        region=config.region,
        domains=config.domain,
        object_ownership=config.object_ownership,
        inline_limit_bytes=config.inline_limit,
        host_id=f"{config.id}-{node_uuid}",
        event_sinks=tuple([one.name for one in config.plugins if one.kind == "events"]),
        plugin_storage_classes=storage_classes,
        lifecycle_day_ms=max(1, int(config.lifecycle_day_seconds * 1000)),
    )


class StorageService(Service):
    """Opens a process's storage before the other services start and closes it after them.

    ``open_storage(threads)`` is an async function that builds the ``Storage``; ``close_rest`` is
    called when the store and the threads are closed (it gives up the data directory's lock).
    """

    name = "storage"

    def __init__(
        self,
        open_storage: Callable[[Threads], Awaitable[Storage]],
        make_threads: Callable[[], Threads],
        close_rest: Callable[[], None] = lambda: None,
    ) -> None:
        self._open_storage = open_storage
        self._make_threads = make_threads
        self._close_rest = close_rest
        self._threads: Threads | None = None
        self._storage: Storage | None = None

    @property
    def storage(self) -> Storage:
        """What was opened; there is none before the start and after the stop."""
        if self._storage is None:
            raise RuntimeError("the storage is not open")
        return self._storage

    def startService(self) -> Deferred[None]:
        """Open the storage. Fails with ``StoreError`` and the like."""
        super().startService()
        return Deferred.fromCoroutine(self._open())

    async def _open(self) -> None:
        self._threads = self._make_threads()
        self._storage = await self._open_storage(self._threads)

    def stopService(self) -> Deferred[None]:
        """Close the store, then the threads, then the rest."""
        super().stopService()
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        storage, self._storage = self._storage, None
        threads, self._threads = self._threads, None
        try:
            if storage is not None:
                await storage.store.close()
        finally:
            if threads is not None:
                threads.stop()
            self._close_rest()
