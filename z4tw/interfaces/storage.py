"""Metadata and blob stores."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from zope.interface import Attribute, Interface

from z4tw.model.notices import Backlog, Outgoing
from z4tw.model.objects import BlobInfo, Body, Manifest, Version
from z4tw.model.registers import (
    BucketUsage,
    ListPage,
    ListQuery,
    Outcome,
    Register,
    StoreSizes,
    VersionPage,
    VersionQuery,
)


class IMetadataStore(Interface):
    """Registers, changed by pure commands. One contract suite runs on every provider.

    Every method may raise ``ServiceUnavailable`` (the store is gone; for ``change`` the outcome is
    then unknown). A completed ``change`` is seen by every read that starts after it, in every
    process; changes of one register are totally ordered.
    """

    def read(register: Register) -> Awaitable[Any]:
        """*async* The register's value (``Head``, ``Upload``, ``Part``, ``Bucket``, ...) or None."""

    def read_object(register: Register) -> Awaitable[tuple[Any, bytes | None]]:
        """*async* An OBJECT register's ``Head`` (or None), and the stored form of its current
        version's body when that is INLINE (None also when it was replaced meanwhile)."""

    def change(register: Register, command: Any) -> Awaitable[Outcome]:
        """*async* Apply a command; durable when the awaitable fires.

        A register of a closed incarnation answers ``Refused("NoSuchBucket")``."""

    def scan(
        kind: int, incarnation: int, start: bytes, end: bytes, limit: int
    ) -> Awaitable[list[tuple[bytes, Any]]]:
        """*async* Up to ``limit`` (key, value) with ``start <= key < end`` (``end`` empty: no end)
        in byte order."""

    def list_live(kind: int, incarnation: int, query: ListQuery) -> Awaitable[ListPage]:
        """*async* A page of live rows: OBJECT (current versions that are no delete markers) or
        UPLOAD (open and completing ones). Costs its results: a common prefix is one seek.

        For UPLOAD, prefix and delimiter apply to the object key; ``query.start_after`` is a
        register key, or an object key's ``upload_prefix`` + ``FF`` to pass the whole key."""

    def list_versions(incarnation: int, query: VersionQuery) -> Awaitable[VersionPage]:
        """*async* A page of versions and delete markers, pages of old versions included."""

    def find_version(register: Register, version_id: str) -> Awaitable[Version | None]:
        """*async* One version of an object by id (or ``null``), wherever it lies; ``""``: the
        current one, which may be a delete marker."""

    def read_inline(id: bytes) -> Awaitable[bytes | None]:
        """*async* The stored form of an INLINE body, None when it is gone."""

    def read_manifest(id: bytes) -> Awaitable[Manifest | None]:
        """*async* A MANIFEST body's parts."""

    def read_blob(id: bytes) -> Awaitable[BlobInfo | None]:
        """*async* Where a FILE body lies."""

    def control_generation() -> int:
        """A number that differs after any control register changed: caches of credentials and
        buckets are exact when they compare it before use. Cheap; never waits."""

    def close_incarnation(incarnation: int) -> Awaitable[None]:
        """*async* Refuse changes in an incarnation from now on, durably (the first step of
        DeleteBucket)."""

    def reopen_incarnation(incarnation: int) -> Awaitable[None]:
        """*async* Undo ``close_incarnation``: the bucket was not empty."""

    def has_versions(incarnation: int) -> Awaitable[bool]:
        """*async* Whether any version or delete marker exists (uploads do not count, as on AWS)."""

    def purge_incarnation(incarnation: int) -> Awaitable[None]:
        """*async* Remove what a deleted bucket's incarnation still holds (its uploads and parts),
        releasing their bodies. The incarnation stays closed for ever."""

    def usage(incarnation: int) -> Awaitable[BucketUsage]:
        """*async* What a bucket holds, kept up to date (no walk)."""

    def sizes() -> Awaitable[StoreSizes]:
        """*async* Counts and bytes, kept up to date (no full walk)."""


class IMetadataHousekeeping(Interface):
    """What the daemons of the store process need beside ``IMetadataStore``."""

    def garbage(before_ms: int, limit: int) -> Awaitable[list[BlobInfo]]:
        """*async* FILE blobs whose reference count has been zero since before ``before_ms``; they are
        marked dying: a command that names one from now on gets ``NeedData``. Manifests at zero
        that long are removed on the way, releasing their parts."""

    def forget(ids: list[bytes]) -> Awaitable[None]:
        """*async* Remove the rows of dying blobs after their files were unlinked."""

    def known(ids: list[bytes]) -> Awaitable[set[bytes]]:
        """*async* Which of these blob ids have a row."""

    def blobs_after(id: bytes, limit: int) -> Awaitable[list[BlobInfo]]:
        """*async* Blob rows in id order after ``id``, for the auditor's walk."""

    def expire(now_ms: int, limit: int) -> Awaitable[int]:
        """*async* Remove up to ``limit`` records whose ``expires_ms`` has passed; how many."""

    def outbox(sink: str, limit: int) -> Awaitable[list[tuple[int, Outgoing]]]:
        """*async* The oldest ``limit`` events that wait for a sink, with their numbers, in order of
        the changes that they tell of."""

    def outbox_remove(numbers: list[int]) -> Awaitable[None]:
        """*async* Remove events that were delivered."""

    def outbox_trim(sink: str, keep: int) -> Awaitable[int]:
        """*async* Remove all but the newest ``keep`` events of a sink; how many went."""

    def backlog() -> Awaitable[dict[str, Backlog]]:
        """*async* What waits, by sink; sinks for which nothing waits are left out."""

    def watch_outbox(announced: Callable[[], None] | None) -> None:
        """Call ``announced()`` after every commit that added events, None: no more."""

    def snapshot(path: str) -> Awaitable[None]:
        """*async* Write a consistent, fsynced copy of the database to a new absolute path."""


class IBlobWriter(Interface):
    """A blob being written: ``write``..., then ``commit`` or ``abort``."""

    id = Attribute("The blob's 16-byte id.")

    def write(*pieces: Any) -> Awaitable[None]:
        """Start appending bytes-like objects now; *async* when the writer can take more. Calls may
        not overlap: await the former first. Raises ``OSError`` (ENOSPC becomes ``InsufficientStorage``)."""

    def commit(record: bytes, unpacked: int = 0) -> Awaitable[BlobInfo]:
        """*async* ``unpacked``: what was written is the packed form (``z4tw.packed``) of so many
        bytes. Write the footer with ``record`` (MessagePack of what the blob is: bucket, key,
        version), fsync, link, fsync the directories. The blob is durable when this fires; nothing
        names it until a metadata command does. An I/O error leaves no name behind."""

    def abort() -> None:
        """Discard; safe at any time and after ``commit`` failed."""


class IBlobReader(Interface):
    """A range of a blob, read as verified pieces (an ``IBodySource``)."""

    size = Attribute("The number of bytes that the range holds.")

    def next() -> Awaitable[bytes]:
        """*async* The next verified bytes (bytes-like), ``b""`` at the end; reads ahead. Raises
        ``CorruptBlob``."""

    def close() -> None:
        """Release the file; safe to call twice."""


class IBlobStore(Interface):
    """Immutable bodies: files, and the stored form of inline ones."""

    streams = Attribute("Open readers and writers, as int: what sizes the buffers of each.")

    read_only = Attribute("True after a disk error: the node refuses every write until a restart.")

    keys = Attribute("The ``Envelope`` of the store's keys, None in a store without encryption.")

    def writer(bucket: str, key: bytes, size_hint: int | None, seal: Any = None) -> IBlobWriter:
        """A writer for a new blob that will be filed under a bucket and key; ``seal`` is the
        ``z4tw.sse.Seal`` wanted (default: what the store does by itself). Raises
        ``InsufficientStorage`` when ``size_hint`` bytes (None: unknown) do not fit above the reserve,
        ``ServiceUnavailable`` when the store is read-only after a disk error."""

    def refuse_writes() -> None:
        """Turn read-only: another process of the store met a disk error."""

    def admit(size: int) -> None:
        """Raise as ``writer`` would for a write of ``size`` bytes (also asked before inline
        bodies and metadata changes that add data)."""

    def open(
        blob: BlobInfo, offset: int, length: int, customer_key: bytes = b""
    ) -> Awaitable[IBlobReader]:
        """*async* A reader of ``length`` bytes at ``offset``. The file is open when this fires, so a
        later unlink does not matter. Raises ``FileNotFoundError``, ``CorruptBlob``,
        ``CustomerKeyNeeded``."""

    def seal_inline(id: bytes, data: bytes, seal: Any = None) -> bytes:
        """The stored form of an inline body (with its digest; encrypted when the store is, or as
        ``seal`` says)."""

    def open_inline(id: bytes, stored: bytes, body: Body, customer_key: bytes = b"") -> bytes:
        """The bytes of a stored inline body. Raises ``CorruptBlob``, ``CustomerKeyNeeded``."""

    def new_id() -> bytes:
        """A new blob id: 48 bits of Unix milliseconds, then 80 random bits."""


class IBlobHousekeeping(Interface):
    """What the reaper, the auditor and fsck need of a blob store."""

    def remove(blob: BlobInfo) -> Awaitable[None]:
        """*async* Unlink a dying blob's file; one that is gone is no error."""

    def verify(blob: BlobInfo, pace: Any = None) -> Awaitable[None]:
        """*async* Read a whole blob against its digests. Raises ``CorruptBlob``,
        ``FileNotFoundError``. ``pace(size)``, if given, is awaited after each piece of ``size``
        stored bytes (at most 1 MiB), to hold the reading to a rate."""

    def files() -> Any:
        """Iterate (blocking) over (blob id or None, path, size, mtime) of all blob files on
        disk, temporary names included."""

    def record(path: str) -> bytes:
        """(blocking) The footer record of a blob file. Raises ``CorruptBlob``."""

    def describe(path: str) -> BlobInfo:
        """(blocking) What metadata should say of a blob file, from its footer, to rebuild an
        index. Raises ``CorruptBlob``."""

    def quarantine(path: str) -> None:
        """(blocking) Move a file out of the way, under ``_z4meta/quarantine``."""
