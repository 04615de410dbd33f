"""The one table of settings: the flags, the environment variables and the TOML keys all come
from it, and so do the options of ``twistd z4`` and the reference in the documentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from z4tw.config import parsers


class Setting(NamedTuple):
    """One setting.

    ``name`` is the TOML key and, after ``--``, the flag; the environment variable is ``Z4_`` and
    the name in capitals; the field of ``Config`` is the name with ``_``. ``default`` is text for
    ``parse``, None for "not set". ``live`` settings change on SIGHUP, others at a restart;
    ``fixed`` ones are written into the store when it is made. ``is_path`` values are made
    absolute. ``dev_default`` replaces the default under ``z4 dev``.
    """

    name: str
    parse: Callable[[str], Any]
    default: str | None
    metavar: str
    help: str
    repeatable: bool = False
    switch: bool = False
    live: bool = False
    fixed: bool = False
    is_path: bool = False
    aliases: tuple[str, ...] = ()
    dev_default: str | None = None

    @property
    def field(self) -> str:
        """The attribute of ``Config``."""
        return self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return "Z4_" + self.field.upper()


SETTINGS: tuple[Setting, ...] = (
    Setting("data", parsers.path, "data", "DIR", "the data directory", is_path=True),
    Setting("host", parsers.host, "127.0.0.1", "HOST", "the address to listen on"),
    Setting("port", parsers.port, "9670", "PORT", "the port of the S3 service; 0: any free one"),
    Setting(
        "gossip-port",
        parsers.port,
        "9671",
        "PORT",
        "the port for other nodes; a single node does not open it",
    ),
    Setting("id", parsers.name, "node1", "NAME", "the node's display name"),
    Setting(
        "join",
        parsers.peer,
        None,
        "HOST:PORT",
        "a node of the cluster to join (not supported by this release)",
    ),
    Setting(
        "workers",
        parsers.workers,
        "auto",
        "N",
        "worker processes; auto: one per CPU; 1: everything in one process",
        aliases=("threads",),
        dev_default="1",
    ),
    Setting(
        "vnodes",
        parsers.whole_number(1, 4096),
        "150",
        "N",
        "virtual nodes per weight; fixed when the store is made",
        fixed=True,
    ),
    Setting(
        "replicas",
        parsers.whole_number(1, 7),
        "3",
        "N",
        "copies in a cluster; fixed when the store is made",
        fixed=True,
    ),
    Setting(
        "region", parsers.region, "us-east-1", "NAME", "the region that requests are signed for"
    ),
    Setting(
        "domain",
        parsers.domain,
        None,
        "DOMAIN",
        "a domain for virtual-host addressing; may be repeated",
        repeatable=True,
    ),
    Setting(
        "website-domain",
        parsers.domain,
        None,
        "DOMAIN",
        "a domain below which buckets are websites (BUCKET.DOMAIN); may be repeated",
        repeatable=True,
    ),
    Setting(
        "tls",
        parsers.one_of("off", "self-signed"),
        "off",
        "off|self-signed",
        "self-signed: make a certificate and serve https",
    ),
    Setting(
        "tls-cert",
        parsers.path,
        None,
        "FILE",
        "certificate chain (PEM) to serve https with",
        live=True,
        is_path=True,
    ),
    Setting(
        "tls-key",
        parsers.path,
        None,
        "FILE",
        "private key (PEM) of the certificate",
        live=True,
        is_path=True,
    ),
    Setting("config", parsers.path, None, "FILE", "a TOML file of settings", is_path=True),
    Setting("debug", parsers.flag, "false", "", "log more", switch=True, live=True),
    Setting(
        "metrics-port",
        parsers.optional_port,
        None,
        "PORT",
        "serve metrics on a port of their own and not on the S3 port",
    ),
    Setting(
        "access-log",
        parsers.log_target,
        None,
        "FILE|-|off",
        "where requests are logged (default: _z4meta/log/access.jsonl in the data directory)",
        is_path=True,
    ),
    Setting(
        "min-free",
        parsers.size,
        "256MiB",
        "SIZE",
        "refuse writes below this much free disk space",
    ),
    Setting(
        "inline-limit",
        parsers.inline_limit,
        "4096",
        "SIZE",
        "objects up to this size live in the database",
    ),
    Setting(
        "cache-size",
        parsers.size,
        "64MiB",
        "SIZE",
        "memory of each process for small objects and records that are read again and again",
    ),
    Setting(
        "object-ownership",
        parsers.one_of("ObjectWriter", "BucketOwnerPreferred", "BucketOwnerEnforced"),
        "ObjectWriter",
        "RULE",
        "object ownership of new buckets",
    ),
    Setting(
        "max-connections",
        parsers.whole_number(1, 1_000_000),
        "10000",
        "N",
        "connections served at once, by all workers together",
    ),
    Setting(
        "drain-seconds",
        parsers.seconds,
        "30",
        "SECONDS",
        "how long requests may take to finish when the server stops",
        live=True,
    ),
    Setting(
        "blob-grace-seconds",
        parsers.seconds,
        "3600",
        "SECONDS",
        "age at which an unreferenced blob is removed",
    ),
    Setting(
        "orphan-grace-seconds",
        parsers.seconds,
        "86400",
        "SECONDS",
        "age at which a file that nothing names is removed",
    ),
    Setting(
        "snapshot-seconds",
        parsers.interval,
        "3600",
        "SECONDS",
        "time between metadata snapshots, of which three are kept",
    ),
    Setting(
        "audit-bytes-per-second",
        parsers.size,
        "8MiB",
        "SIZE",
        "how fast stored blobs are verified in the background; 0: not at all",
    ),
    Setting(
        "bucket-log-seconds",
        parsers.interval,
        "300",
        "SECONDS",
        "how long lines of a bucket's access log are collected before they become an object",
    ),
    Setting(
        "bucket-log-bytes",
        parsers.whole_size(1, 8 << 20),
        "1MiB",
        "SIZE",
        "how much of a bucket's access log a process collects before it becomes an object",
    ),
    Setting(
        "outbox-limit",
        parsers.whole_number(1, 100_000_000),
        "1000000",
        "N",
        "events that wait for one sink at most: older ones are dropped, and logged",
    ),
    Setting(
        "lifecycle-interval",
        parsers.interval,
        "3600",
        "SECONDS",
        "time from one walk over all buckets with lifecycle rules to the next",
    ),
    Setting(
        "lifecycle-day-seconds",
        parsers.interval,
        "86400",
        "SECONDS",
        "length of a day in lifecycle rules: shorter ones are for tests",
    ),
    Setting(
        "encryption-key-file",
        parsers.path,
        None,
        "FILE",
        "encrypt the store with the master key in this file (or in Z4_ENCRYPTION_KEY)",
        is_path=True,
    ),
    Setting(
        "encrypt",
        parsers.one_of("all", "asked"),
        "all",
        "WHAT",
        "which new objects a store with a master key encrypts: all, or those for which requests or "
        "buckets ask",
    ),
)

BY_NAME: dict[str, Setting] = {setting.name: setting for setting in SETTINGS}
"""The settings by TOML key."""

SECRET_VARIABLES = frozenset({"Z4_ENCRYPTION_KEY", "Z4_ROOT_ACCESS_KEY", "Z4_ROOT_SECRET_KEY"})
"""Variables that hold secrets: read where they are used, never part of a ``Config``."""
