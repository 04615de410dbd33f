"""Reading a store through SQLite: what the writing process and its workers have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import apsw
from twisted.internet.defer import Deferred

from z4tw.errors import ServiceUnavailable
from z4tw.metadata.cache import Cached, RegisterCache, memory_of
from z4tw.metadata.generations import SLOTS, Generations, digest_of
from z4tw.metadata.schema import FATAL, read_facts
from z4tw.model.annotations import Annotation
from z4tw.model.notices import Backlog, Outgoing
from z4tw.model.objects import BlobInfo, BodyKind, Head, Manifest, Version
from z4tw.model.registers import (
    BucketUsage,
    Kind,
    ListPage,
    ListQuery,
    LiveRow,
    Register,
    StoreSizes,
    VersionPage,
    VersionQuery,
)
from z4tw.model.uploads import Upload
from z4tw.objects import records
from z4tw.objects.versions import find_version
from z4tw.s3.listing import fold_live, fold_uploads, fold_versions

_READ = "SELECT value FROM heads WHERE kind = ? AND inc = ? AND key = ?"
# As a join this takes twice the time.
_READ_OBJECT = """SELECT value, (SELECT data FROM inline WHERE id = heads.inline_id) FROM heads
    WHERE kind = ? AND inc = ? AND key = ?"""
_SCAN = """SELECT key, value FROM heads WHERE kind = ? AND inc = ? AND key >= ?
    ORDER BY key LIMIT ?"""
_SCAN_TO = """SELECT key, value FROM heads WHERE kind = ? AND inc = ? AND key >= ? AND key < ?
    ORDER BY key LIMIT ?"""
_LIVE = """SELECT key, size, tag, modified_ms, class, owner, checksum FROM heads
    WHERE live = 1 AND kind = ? AND inc = ? AND key >= ? ORDER BY key"""
_HEADS = "SELECT key, value FROM heads WHERE kind = 5 AND inc = ? AND key >= ? ORDER BY key"
_PAGE = "SELECT data FROM pages WHERE id = ?"
_INLINE = "SELECT data FROM inline WHERE id = ?"
_MANIFEST = "SELECT data FROM manifests WHERE id = ?"
_BLOB = "SELECT info FROM blobs WHERE id = ?"
_BLOBS_AFTER = "SELECT info FROM blobs WHERE id > ? ORDER BY id LIMIT ?"
_HAS_VERSIONS = "SELECT 1 FROM heads WHERE kind = 5 AND inc = ? LIMIT 1"
_OUTBOX = "SELECT seq, data FROM outbox WHERE sink = ? ORDER BY seq LIMIT ?"
_BACKLOG = "SELECT sink, count(*), min(at_ms) FROM outbox GROUP BY sink"
_SIZES = "SELECT objects, object_bytes, blobs, blob_bytes, uploads FROM counters"
_USAGE = "SELECT bytes, objects FROM usage WHERE inc = ?"

_PLACES = 65_536
_live_row: Callable[[Iterable[Any]], LiveRow] = partial(tuple.__new__, LiveRow)


class PageReader:
    """What ``find_version`` needs of a store: the pages of older versions."""

    guard: Upload | None = None

    def __init__(self, load: Callable[[bytes], tuple[Version, ...]]) -> None:
        self._load = load

    def load_page(self, id: bytes) -> tuple[Version, ...]:
        """A page that a head names."""
        return self._load(id)

    def load_annotation(self, version: bytes, name: str) -> Annotation | None:
        """Nothing that reads a version asks for one."""
        raise TypeError("annotations are read by their registers")

    def new_id(self) -> bytes:
        """Reading makes no pages."""
        raise TypeError("a read makes no pages")

    def held(self) -> BucketUsage:
        """Reading is not held to a quota."""
        raise TypeError("a read adds nothing to a bucket")


class SqliteReads:
    """The reading half of ``IMetadataStore`` over a connection and the shared generations.

    Every method may raise ``ServiceUnavailable``: after ``close``, and for an I/O error, which also
    calls ``on_fatal`` once, for the process to end.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        generations: Generations,
        on_fatal: Callable[[BaseException], None],
        cache: RegisterCache | None = None,
    ) -> None:
        self._reader = connection
        self._cursor = connection.cursor()
        self._generations = generations
        self._slots = generations.slots
        self._cache = RegisterCache() if cache is None else cache
        self._seen = bytearray(_PLACES)
        self._on_fatal = on_fatal
        self._failed = False
        self._closed = False
        # With a single connection reads wait for the commit in flight: it has uncommitted rows.
        self._blocked = False
        self._unblocked: list[Deferred[None]] = []
        self.facts = read_facts(connection)

    async def read(self, register: Register) -> Any:
        """The register's value, from the cache when its generation says that it is current."""
        slots = self._slots
        entry = self._cache.get(register)
        if entry is not None and slots[entry.slot] == entry.generation:
            return entry.value
        while self._blocked:
            await self._unblock()
        digest = digest_of(register)
        before = slots[digest & (SLOTS - 1)]
        data = self._point(_READ, register)
        if data is None:
            return None
        value = records.decode(register[0], data)
        self._remember(register, digest, before, value, len(data), None)
        return value

    async def read_object(self, register: Register) -> tuple[Head | None, bytes | None]:
        """The head and the body beside it, by one statement where they are not in the cache."""
        slots = self._slots
        entry = self._cache.get(register)
        if entry is not None and slots[entry.slot] == entry.generation:
            cached: Head = entry.value
            inline = entry.inline
            body = cached.versions[0].body
            if inline is None and body.kind == BodyKind.INLINE:
                inline = await self.read_inline(body.id)
                if inline is not None:
                    size = entry.size + len(inline)
                    self._cache.put(register, entry._replace(inline=inline, size=size))
            return cached, inline
        while self._blocked:
            await self._unblock()
        digest = digest_of(register)
        before = slots[digest & (SLOTS - 1)]
        row = self._point(_READ_OBJECT, register)
        if row is None:
            return None, None
        head: Head = records.decode(Kind.OBJECT, row[0])
        self._remember(register, digest, before, head, len(row[0]), row[1])
        return head, row[1]

    def _remember(
        self,
        register: Register,
        digest: int,
        before: int,
        value: Any,
        stored: int,
        inline: bytes | None,
    ) -> None:
        # A cache costs more than it saves when keys are read once: what enters is a register
        # that came twice in a row among those of its place, as far as eight more bits can tell.
        slot = digest & (SLOTS - 1)
        place = digest & (_PLACES - 1)
        if self._seen[place] != digest >> 56:
            self._seen[place] = digest >> 56
        elif not before & 1 and self._slots[slot] == before:
            size = memory_of(stored, inline)
            self._cache.put(register, Cached(value, slot, before, size, inline))

    async def scan(
        self, kind: int, incarnation: int, start: bytes, end: bytes, limit: int
    ) -> list[tuple[bytes, Any]]:
        """Values in key order."""
        if end:
            rows = await self._all(_SCAN_TO, (kind, incarnation, start, end, limit))
        else:
            rows = await self._all(_SCAN, (kind, incarnation, start, limit))
        return [(key, records.decode(kind, data)) for key, data in rows]

    async def list_live(self, kind: int, incarnation: int, query: ListQuery) -> ListPage:
        """A page of live rows, from the covering index alone."""
        while self._blocked:
            await self._unblock()
        fold = fold_uploads if kind == Kind.UPLOAD else fold_live
        with self._snapshot() as cursor:

            def seek(key: bytes) -> Iterator[LiveRow]:
                return map(_live_row, cursor.execute(_LIVE, (kind, incarnation, key)))

            return fold(seek, query)

    async def list_versions(self, incarnation: int, query: VersionQuery) -> VersionPage:
        """A page of versions; heads and pages are read in one snapshot."""
        while self._blocked:
            await self._unblock()
        with self._snapshot() as cursor:

            def seek(key: bytes) -> Iterator[tuple[bytes, Head]]:
                for found, data in cursor.execute(_HEADS, (incarnation, key)):
                    yield found, records.decode(Kind.OBJECT, data)

            return fold_versions(seek, self._load_page, query)

    async def find_version(self, register: Register, version_id: str) -> Version | None:
        """One version, by a look into the head and, when it is older, into one page."""
        head: Head | None = await self.read(register)
        if head is None:
            return None
        if not version_id:
            return head.versions[0]
        if not head.pages:
            return find_version(head, version_id, PageReader(self._load_page))
        while self._blocked:
            await self._unblock()
        with self._snapshot() as cursor:
            # The head may name pages that are replaced by now: read it with them.
            data = cursor.execute(_READ, register).get
            if data is None:
                return None
            head = records.decode(Kind.OBJECT, data)
            return find_version(head, version_id, PageReader(self._load_page))

    async def read_inline(self, id: bytes) -> bytes | None:
        """The stored form of an inline body."""
        while self._blocked:
            await self._unblock()
        data: bytes | None = self._point(_INLINE, (id,))
        return data

    async def read_manifest(self, id: bytes) -> Manifest | None:
        """A multipart object's parts."""
        while self._blocked:
            await self._unblock()
        data = self._point(_MANIFEST, (id,))
        return None if data is None else records.decode_manifest(data)

    async def read_blob(self, id: bytes) -> BlobInfo | None:
        """Where a blob lies; dying ones too, until they are forgotten."""
        while self._blocked:
            await self._unblock()
        data = self._point(_BLOB, (id,))
        return None if data is None else records.decode_blob(data)

    def control_generation(self) -> int:
        """See ``Generations.control``."""
        return self._generations.control()

    async def has_versions(self, incarnation: int) -> bool:
        """Whether a head exists: a key without versions has none."""
        while self._blocked:
            await self._unblock()
        return self._point(_HAS_VERSIONS, (incarnation,)) is not None

    async def usage(self, incarnation: int) -> BucketUsage:
        """The counts that every transaction keeps of a bucket."""
        while self._blocked:
            await self._unblock()
        return BucketUsage(*(self._point(_USAGE, (incarnation,)) or (0, 0)))

    async def sizes(self) -> StoreSizes:
        """The counters that every transaction keeps."""
        rows = await self._all(_SIZES, ())
        objects, object_bytes, blobs, blob_bytes, uploads = rows[0]
        pages = self._point("PRAGMA page_count", ())
        page_bytes = self._point("PRAGMA page_size", ())
        return StoreSizes(objects, object_bytes, blobs, blob_bytes, pages * page_bytes, uploads)

    async def sequence(self) -> int:
        """``store_seq``: how many batches were committed in the life of this store."""
        rows = await self._all("SELECT store_seq FROM counters", ())
        return int(rows[0][0])

    async def known(self, ids: list[bytes]) -> set[bytes]:
        """Which blob ids have a row."""
        while self._blocked:
            await self._unblock()
        return {id for id in ids if self._point(_BLOB, (id,)) is not None}

    async def blobs_after(self, id: bytes, limit: int) -> list[BlobInfo]:
        """Blob rows in id order."""
        rows = await self._all(_BLOBS_AFTER, (id, limit))
        return [records.decode_blob(info) for (info,) in rows]

    async def outbox(self, sink: str, limit: int) -> list[tuple[int, Outgoing]]:
        """The oldest events that wait for a sink."""
        rows = await self._all(_OUTBOX, (sink, limit))
        return [(number, records.decode_outgoing(data)) for number, data in rows]

    async def backlog(self) -> dict[str, Backlog]:
        """What waits, by sink."""
        rows = await self._all(_BACKLOG, ())
        return {sink: Backlog(count, oldest_ms) for sink, count, oldest_ms in rows}

    def _point(self, sql: str, bindings: tuple[Any, ...]) -> Any:
        """The first row, or its one column, or None; the statement is finished either way."""
        if self._closed:
            raise ServiceUnavailable()
        try:
            return self._cursor.execute(sql, bindings).get
        except apsw.Error as error:
            raise self._unavailable(error) from error

    async def _all(self, sql: str, bindings: tuple[Any, ...]) -> list[Any]:
        while self._blocked:
            await self._unblock()
        if self._closed:
            raise ServiceUnavailable()
        try:
            return self._cursor.execute(sql, bindings).fetchall()
        except apsw.Error as error:
            raise self._unavailable(error) from error

    def _load_page(self, id: bytes) -> tuple[Version, ...]:
        data = self._point(_PAGE, (id,))
        if data is None:
            raise LookupError("a head names a page that is not there")
        return records.decode_page(data)

    @contextmanager
    def _snapshot(self) -> Iterator[apsw.Cursor]:
        """A cursor inside one read transaction; it must not be left open across a wait."""
        if self._closed:
            raise ServiceUnavailable()
        cursor = self._reader.cursor()
        try:
            cursor.execute("BEGIN")
            yield cursor
        except apsw.Error as error:
            raise self._unavailable(error) from error
        finally:
            cursor.close(True)
            if self._reader.in_transaction:
                self._cursor.execute("ROLLBACK")

    def _unavailable(self, error: apsw.Error) -> ServiceUnavailable:
        if isinstance(error, FATAL):
            self._fail(error)
        return ServiceUnavailable()

    def _fail(self, error: BaseException) -> None:
        """The database cannot be trusted any more: say so once."""
        if not self._failed:
            self._failed = True
            self._closed = True
            self._on_fatal(error)

    def _unblock(self) -> Awaitable[None]:
        waiting: Deferred[None] = Deferred()
        self._unblocked.append(waiting)
        return waiting

    def _release_reads(self) -> None:
        self._blocked = False
        waiting, self._unblocked = self._unblocked, []
        for deferred in waiting:
            deferred.callback(None)
