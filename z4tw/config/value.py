"""The configuration as one frozen value, and the error of a wrong one."""

from __future__ import annotations

import os

import msgspec


class ConfigError(ValueError):
    """A wrong option or configuration: one line that says what is wrong and what would be right."""


class PluginSection(msgspec.Struct, frozen=True):
    """``[plugins.KIND.NAME]`` of the configuration file, its values as text."""

    kind: str
    name: str
    options: dict[str, str]


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of a node, parsed; ``z4tw.config.table`` says what each is for.

    Paths are absolute. ``given`` names the settings that somebody set (the others are defaults).
    There are no secrets in it, so it may be shown and sent to worker processes.
    """

    data: str
    host: str
    port: int
    gossip_port: int
    id: str
    join: str | None
    workers: int
    vnodes: int
    replicas: int
    region: str
    domain: tuple[str, ...]
    website_domain: tuple[str, ...]
    tls: str
    tls_cert: str | None
    tls_key: str | None
    config: str | None
    debug: bool
    metrics_port: int | None
    access_log: str | None
    min_free: int
    inline_limit: int
    cache_size: int
    object_ownership: str
    max_connections: int
    drain_seconds: float
    blob_grace_seconds: float
    orphan_grace_seconds: float
    snapshot_seconds: float
    audit_bytes_per_second: int
    bucket_log_seconds: float
    bucket_log_bytes: int
    outbox_limit: int
    lifecycle_interval: float
    lifecycle_day_seconds: float
    encryption_key_file: str | None
    encrypt: str
    plugins: tuple[PluginSection, ...] = ()
    given: frozenset[str] = frozenset()

    @property
    def meta(self) -> str:
        """The directory of the node's own files."""
        return os.path.join(self.data, "_z4meta")

    @property
    def access_log_path(self) -> str | None:
        """The access log's file, ``-`` for standard output, None when it is off."""
        if self.access_log == "off":
            return None
        return self.access_log or os.path.join(self.meta, "log", "access.jsonl")

    @property
    def secure(self) -> bool:
        """Whether the S3 port speaks TLS."""
        return self.tls == "self-signed" or self.tls_cert is not None

    def worker_count(self, cpus: int) -> int:
        """The number of worker processes on a machine of so many CPUs."""
        return self.workers or max(1, cpus)
