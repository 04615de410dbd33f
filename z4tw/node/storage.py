"""The storage service: what opens, in order, before anything can be served, and closes last."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from z4tw.interfaces import IBlobStore, IMetadataStore, IOffload
from z4tw.metadata.schema import StoreFacts, partition_of
from z4tw.ops.context import Settings
from z4tw.config import Config

log = Logger()


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
    ) -> None:
        self.config = config
        self.store = store
        self.blobs = blobs
        self.offload = offload
        self.secrets = secrets
        self.stamp = stamp
        self.random_bytes = random_bytes
        self.node_uuid = node_uuid
        self.settings = operation_settings(config)
        self._facts = facts

    def partition_of(self, incarnation: int, key: bytes) -> int:
        """The partition of a key, for the router."""
        return partition_of(self._facts, incarnation, key)


def operation_settings(config: Config) -> Settings:
    """What the operations need of the configuration."""
    return Settings(
        region=config.region,
        domains=config.domain,
        object_ownership=config.object_ownership,
        inline_limit_bytes=config.inline_limit,
    )
