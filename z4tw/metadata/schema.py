"""The database file: its tables, its format number, and how connections to it are opened.

``doc/spec/metadata.rst`` describes every table and column. A connection is opened here and
nowhere else, so that no other way of touching the file exists: POSIX locks of a process vanish
when it closes any descriptor of the file (https://www.sqlite.org/howtocorrupt.html section 2.2).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import apsw
import msgspec
import xxhash

from z4tw.errors import Z4Error
from z4tw.metadata.usage import rewrite_usage

SQLITE_LEAST = (3, 51, 3)
"""Older ones have a race of two connections that may lose a WAL's contents at its reset."""
APPLICATION_ID = 0x7A347477
PARTITIONS = 1024
PAGE_BYTES = 4096
CACHE_KIB = 16 * 1024
READER_CACHE_KIB = 64 * 1024
"""What a process keeps of the database's pages at most, once it has read that much: with 8 MiB a
GET of a small object among 100,000 took a fifth longer."""
BUSY_MS = 5000
WAL_KEPT_BYTES = 32 * 1024 * 1024
"""A longer WAL file is cut to this when it starts again from its beginning."""

FATAL = (
    apsw.IOError,
    apsw.FullError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.CantOpenError,
    apsw.ReadOnlyError,
    apsw.NoMemError,
)
"""Errors after which nothing that the database says can be trusted: the process has to end."""

_VERSION_1 = """
CREATE TABLE heads(
    kind INTEGER NOT NULL, inc INTEGER NOT NULL, key BLOB NOT NULL,
    partition INTEGER NOT NULL, ballot BLOB NOT NULL,
    live INTEGER NOT NULL, size INTEGER, tag TEXT, modified_ms INTEGER, class TEXT, owner TEXT,
    checksum TEXT, expires_ms INTEGER NOT NULL, inline_id BLOB, value BLOB NOT NULL,
    PRIMARY KEY(kind, inc, key)) WITHOUT ROWID;
CREATE UNIQUE INDEX live_heads
    ON heads(kind, inc, key, size, tag, modified_ms, class, owner, checksum) WHERE live = 1;
CREATE INDEX expiring_heads ON heads(expires_ms) WHERE expires_ms > 0;
CREATE TABLE pages(id BLOB NOT NULL UNIQUE, data BLOB NOT NULL);
CREATE TABLE inline(id BLOB NOT NULL UNIQUE, data BLOB NOT NULL);
CREATE TABLE manifests(
    id BLOB NOT NULL UNIQUE, refs INTEGER NOT NULL CHECK(refs >= 0),
    zero_since INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX idle_manifests ON manifests(zero_since, id) WHERE refs = 0;
CREATE TABLE blobs(
    id BLOB NOT NULL PRIMARY KEY, refs INTEGER NOT NULL CHECK(refs >= 0),
    state INTEGER NOT NULL, zero_since INTEGER NOT NULL, info BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX idle_blobs ON blobs(zero_since) WHERE refs = 0;
CREATE TABLE incarnations(inc INTEGER PRIMARY KEY, closed INTEGER NOT NULL);
CREATE TABLE counters(
    one INTEGER PRIMARY KEY CHECK(one = 1), store_seq INTEGER NOT NULL,
    objects INTEGER NOT NULL, object_bytes INTEGER NOT NULL,
    blobs INTEGER NOT NULL, blob_bytes INTEGER NOT NULL, uploads INTEGER NOT NULL);
INSERT INTO counters VALUES(1, 0, 0, 0, 0, 0, 0);
CREATE TABLE meta(name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
"""

_OUTBOX = """
CREATE TABLE outbox(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, sink TEXT NOT NULL, at_ms INTEGER NOT NULL,
    data BLOB NOT NULL);
CREATE INDEX waiting_events ON outbox(sink, seq, at_ms);
"""
_USAGE = """
CREATE TABLE usage(
    inc INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, objects INTEGER NOT NULL);
"""


def _count_usage(connection: apsw.Connection) -> None:
    """What the buckets of an older store hold, counted once."""
    connection.execute(_USAGE)
    rewrite_usage(connection)


Step = str | Callable[[apsw.Connection], None]
MIGRATIONS: tuple[Step, ...] = (_VERSION_1, _OUTBOX, _count_usage)
"""The step from each ``user_version`` to the next; a released step is never edited."""


class StoreFormatError(Z4Error):
    """The database cannot be used by this release; the text is one line for the operator."""


class StoreFacts(msgspec.Struct, frozen=True):
    """What is fixed when a store is created, and the layout's epoch.

    ``store_uuid``: 16 random bytes; ``seed``: the secret 64-bit seed of the partition hash;
    ``vnodes`` and ``replicas`` are the layout's parameters.
    """

    store_uuid: bytes
    seed: int
    partitions: int = PARTITIONS
    epoch: int = 1
    vnodes: int = 150
    replicas: int = 3


def partition_of(facts: StoreFacts, incarnation: int, key: bytes) -> int:
    """The partition of a key: the top bits of its seeded hash (XXH3, 64 bits)."""
    digest = xxhash.xxh3_64_intdigest(incarnation.to_bytes(8, "big") + key, facts.seed)
    return digest * facts.partitions >> 64


def check_sqlite(version: str | None = None) -> None:
    """Raise ``StoreFormatError`` when the SQLite library is older than ``SQLITE_LEAST``."""
    version = version or apsw.sqlite_lib_version()
    if tuple(int(number) for number in version.split(".")[:3]) < SQLITE_LEAST:
        least = ".".join(str(number) for number in SQLITE_LEAST)
        raise StoreFormatError(
            f"the SQLite library is {version}, older than {least}, and may lose commits: "
            "upgrade the package apsw"
        )


def open_writer(
    path: str,
    new_facts: Callable[[], StoreFacts],
    *,
    vfs: str | None = None,
    exclusive: bool = False,
) -> apsw.Connection:
    """Open (creating or migrating it) the database for the one connection that writes.

    ``exclusive`` is for a ``vfs`` without shared memory: no other connection can exist then.
    Raises ``StoreFormatError`` for a newer format, ``apsw.Error``.
    """
    check_sqlite()
    connection = apsw.Connection(path, vfs=vfs)
    connection.set_busy_timeout(BUSY_MS)
    if exclusive:
        connection.pragma("locking_mode", "EXCLUSIVE")
    _check_version(connection, path)
    connection.pragma("page_size", PAGE_BYTES)
    if connection.pragma("journal_mode", "WAL") != "wal":
        raise StoreFormatError(f"{path} cannot use a write-ahead log on this file system")
    connection.pragma("synchronous", "FULL")
    connection.pragma("fullfsync", "ON")
    connection.pragma("checkpoint_fullfsync", "ON")
    connection.pragma("wal_autocheckpoint", 0)
    connection.pragma("journal_size_limit", WAL_KEPT_BYTES)
    connection.pragma("temp_store", "MEMORY")
    connection.pragma("cache_size", -CACHE_KIB)
    _migrate(connection, new_facts)
    if vfs is None:
        _sync_directory(path)
    return connection


def open_reader(path: str) -> apsw.Connection:
    """Open an existing database read-only. Raises ``StoreFormatError``, ``apsw.Error``."""
    check_sqlite()
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(BUSY_MS)
    connection.pragma("cache_size", -READER_CACHE_KIB)
    if _check_version(connection, path) == 0:
        raise StoreFormatError(f"{path} is no store yet")
    return connection


def read_facts(connection: apsw.Connection) -> StoreFacts:
    """The facts of an open store."""
    rows: list[Any] = connection.execute("SELECT name, value FROM meta").fetchall()
    stored: dict[str, Any] = dict(rows)
    stored["seed"] = int.from_bytes(stored["seed"], "big")
    return msgspec.convert(stored, StoreFacts)


def _check_version(connection: apsw.Connection, path: str) -> int:
    version = int(connection.pragma("user_version"))
    application = connection.pragma("application_id")
    if version > len(MIGRATIONS):
        raise StoreFormatError(
            f"{path} has format {version}, written by a newer release; "
            f"this one reads formats up to {len(MIGRATIONS)}"
        )
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    if application != APPLICATION_ID and (version or tables):
        raise StoreFormatError(f"{path} is a database of another program")
    return version


def _migrate(connection: apsw.Connection, new_facts: Callable[[], StoreFacts]) -> None:
    version = int(connection.pragma("user_version"))
    for number, step in enumerate(MIGRATIONS[version:], version + 1):
        with connection:
            if isinstance(step, str):
                connection.execute(step)
            else:
                step(connection)
            if number == 1:
                _write_facts(connection, new_facts())
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", number)


def _write_facts(connection: apsw.Connection, facts: StoreFacts) -> None:
    for name, value in msgspec.structs.asdict(facts).items():
        # SQLite's integers are signed: the unsigned seed is kept as bytes.
        stored = value.to_bytes(8, "big") if name == "seed" else value
        connection.execute("INSERT INTO meta VALUES(?, ?)", (name, stored))


def _sync_directory(path: str) -> None:
    """Make the file's name durable; SQLite itself syncs only its journals' directory."""
    descriptor = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
