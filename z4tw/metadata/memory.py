"""The metadata store in memory: the naive model that every other one is compared with.

It runs the same pure commands, and carries out their effects in the plainest way: dictionaries,
whole scans, one change at a time.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from zope.interface import implementer

from z4tw.interfaces import IMetadataHousekeeping, IMetadataStore
from z4tw.model.annotations import Annotation, annotation_register, annotations_prefix
from z4tw.model.notices import Backlog, Outgoing
from z4tw.model.objects import BlobInfo, Body, BodyKind, Head, Manifest, Version
from z4tw.model.registers import (
    CONTROL_KINDS,
    BucketUsage,
    Change,
    Kind,
    ListPage,
    ListQuery,
    LiveRow,
    NeedData,
    Outcome,
    Refused,
    Register,
    StoreSizes,
    VersionPage,
    VersionQuery,
)
from z4tw.model.stamps import stamp_ms
from z4tw.model.uploads import Upload
from z4tw.objects import Command, apply
from z4tw.objects.rows import expires_ms, live_row
from z4tw.objects.versions import find_version
from z4tw.s3.listing import fold_live, fold_uploads, fold_versions


class _Shared:
    """A body with a reference count: a blob's info, or a manifest."""

    def __init__(self, content: Any) -> None:
        self.content = content
        self.refs = 0
        self.zero_since = 0
        self.dying = False


@implementer(IMetadataStore, IMetadataHousekeeping)
class MemoryStore:
    """``now_ms`` gives Unix milliseconds; ``random_bytes`` makes the ids of pages.

    ``snapshot`` is not there: nothing in memory is worth a backup; it raises ``OSError``.
    """

    guard: Upload | None = None

    def __init__(self, now_ms: Callable[[], int], random_bytes: Callable[[int], bytes]) -> None:
        self._now_ms = now_ms
        self._random_bytes = random_bytes
        self._values: dict[Register, Any] = {}
        self._keys: dict[tuple[int, int], list[bytes]] = {}
        self._pages: dict[bytes, tuple[Version, ...]] = {}
        self._inline: dict[bytes, bytes] = {}
        self._shared: dict[int, dict[bytes, _Shared]] = {BodyKind.FILE: {}, BodyKind.MANIFEST: {}}
        self._closed: set[int] = set()
        self._control = 0
        self._register = Register(0, 0, b"")
        self._outbox: dict[int, Outgoing] = {}
        self._events = 0
        self._announced: Callable[[], None] | None = None

    # What a command sees (z4tw.objects.apply.View)

    def load_page(self, id: bytes) -> tuple[Version, ...]:
        """A page of older versions."""
        return self._pages[id]

    def load_annotation(self, version: bytes, name: str) -> Annotation | None:
        """An annotation of the object that a command is being applied to."""
        _, incarnation, key = self._register
        found: Annotation | None = self._values.get(
            annotation_register(incarnation, key, version, name)
        )
        return found

    def new_id(self) -> bytes:
        """A page's id."""
        return self._random_bytes(16)

    def held(self) -> BucketUsage:
        """What the bucket of the register that is being changed holds."""
        return self._walk(self._register.incarnation)

    def _walk(self, incarnation: int) -> BucketUsage:
        size = objects = 0
        for register, value in self._values.items():
            if register.incarnation != incarnation:
                continue
            if register.kind in (Kind.PART, Kind.ANNOTATION):
                size += value.body.size
            elif register.kind == Kind.OBJECT:
                paged = [self._pages[page.id] for page in value.pages]
                for version in chain(value.versions, *paged):
                    size += version.size
                    objects += not version.delete_marker
        return BucketUsage(size, objects)

    # IMetadataStore

    async def read(self, register: Register) -> Any:
        """The register's value."""
        return self._values.get(register)

    async def read_object(self, register: Register) -> tuple[Head | None, bytes | None]:
        """The head and the body beside it."""
        head: Head | None = self._values.get(register)
        if head is None:
            return None, None
        return head, self._inline.get(head.versions[0].body.id)

    async def change(self, register: Register, command: Command) -> Outcome:
        """Apply a command."""
        if register.incarnation in self._closed:
            return Refused("NoSuchBucket")
        self._register = register
        if register.kind == Kind.PART:
            upload = Register(Kind.UPLOAD, register.incarnation, register.key[:-2])
            self.guard = self._values.get(upload)
        change = apply(register.kind, self._values.get(register), command, self)
        if not change.write:
            return change.outcome
        for body in self._acquired(change):
            shared = self._shared[body.kind].get(body.id)
            if shared is None or shared.dying:
                return NeedData(body.id)
        self._carry_out(register, change)
        return change.outcome

    def _acquired(self, change: Change) -> Iterator[Body]:
        """The bodies that have to be there already."""
        new = {blob.id for blob in change.new_blobs}
        bodies = list(change.acquire)
        if change.manifest is not None:
            new.add(change.manifest[0])
            bodies += [part.body for part in change.manifest[1].parts]
        for body in bodies:
            if body.kind != BodyKind.EMPTY and body.id not in new:
                yield body

    def _carry_out(self, register: Register, change: Change) -> None:
        self._put(register, change.value)
        for blob in change.new_blobs:
            self._shared[BodyKind.FILE][blob.id] = _Shared(blob)
        if change.manifest is not None:
            id, manifest = change.manifest
            self._shared[BodyKind.MANIFEST][id] = _Shared(manifest)
            for part in manifest.parts:
                self._count(part.body, 1)
        for body in change.acquire:
            self._count(body, 1)
        for body in change.release:
            self._count(body, -1)
        if change.inline is not None:
            self._inline[change.inline[0]] = change.inline[1]
        for id in change.drop_inline:
            self._inline.pop(id, None)
        self._pages.update(change.pages)
        for id in change.drop_pages:
            del self._pages[id]
        if change.clear_parts:
            for key in self._matching(Kind.PART, register.incarnation, register.key):
                self._remove_part(Register(Kind.PART, register.incarnation, key))
        for version in change.clear_annotations:
            prefix = annotations_prefix(register.key, version)
            for key in self._matching(Kind.ANNOTATION, register.incarnation, prefix):
                self._remove_annotation(Register(Kind.ANNOTATION, register.incarnation, key))
        self._inline.update(change.more_inline)
        for version, name, annotation in change.annotations:
            self._put(
                annotation_register(register.incarnation, register.key, version, name), annotation
            )
        for event in change.outbox:
            self._events += 1
            self._outbox[self._events] = event
        if change.outbox and self._announced is not None:
            self._announced()

    def _put(self, register: Register, value: Any) -> None:
        keys = self._keys.setdefault((register.kind, register.incarnation), [])
        if register in self._values:
            del self._values[register]
            keys.remove(register.key)
        if value is not None:
            self._values[register] = value
            insort(keys, register.key)
        if register.kind in CONTROL_KINDS:
            self._control += 1

    def _matching(self, kind: int, incarnation: int, prefix: bytes) -> list[bytes]:
        keys = self._keys.get((kind, incarnation), [])
        return [key for key in keys if key.startswith(prefix)]

    def _remove_part(self, register: Register) -> None:
        self._count(self._values[register].body, -1)
        self._put(register, None)

    def _remove_annotation(self, register: Register) -> None:
        body: Body = self._values[register].body
        self._count(body, -1)
        self._inline.pop(body.id, None)
        self._put(register, None)

    def _count(self, body: Body, delta: int) -> None:
        shared = self._shared.get(body.kind, {}).get(body.id)
        if shared is not None and shared.refs + delta >= 0:
            shared.refs += delta
            shared.zero_since = 0 if shared.refs else self._now_ms()

    async def scan(
        self, kind: int, incarnation: int, start: bytes, end: bytes, limit: int
    ) -> list[tuple[bytes, Any]]:
        """Values in key order."""
        keys = self._from(kind, incarnation, start)
        wanted = [key for key in keys if not end or key < end][:limit]
        return [(key, self._values[Register(kind, incarnation, key)]) for key in wanted]

    def _from(self, kind: int, incarnation: int, start: bytes) -> list[bytes]:
        keys = self._keys.get((kind, incarnation), [])
        return keys[bisect_left(keys, start) :]

    async def list_live(self, kind: int, incarnation: int, query: ListQuery) -> ListPage:
        """A page of live rows."""

        def seek(start: bytes) -> Iterator[LiveRow]:
            for key in self._from(kind, incarnation, start):
                row = live_row(kind, key, self._values[Register(kind, incarnation, key)])
                if row is not None:
                    yield row

        return (fold_uploads if kind == Kind.UPLOAD else fold_live)(seek, query)

    async def list_versions(self, incarnation: int, query: VersionQuery) -> VersionPage:
        """A page of versions."""

        def seek(start: bytes) -> Iterator[tuple[bytes, Head]]:
            for key in self._from(Kind.OBJECT, incarnation, start):
                yield key, self._values[Register(Kind.OBJECT, incarnation, key)]

        return fold_versions(seek, self.load_page, query)

    async def find_version(self, register: Register, version_id: str) -> Version | None:
        """One version."""
        return find_version(self._values.get(register), version_id, self)

    async def read_inline(self, id: bytes) -> bytes | None:
        """The stored form of an inline body."""
        return self._inline.get(id)

    async def read_manifest(self, id: bytes) -> Manifest | None:
        """A multipart object's parts."""
        shared = self._shared[BodyKind.MANIFEST].get(id)
        return None if shared is None else shared.content

    async def read_blob(self, id: bytes) -> BlobInfo | None:
        """Where a blob lies."""
        shared = self._shared[BodyKind.FILE].get(id)
        return None if shared is None else shared.content

    def control_generation(self) -> int:
        """How many control registers were changed so far."""
        return self._control

    async def close_incarnation(self, incarnation: int) -> None:
        """Refuse changes."""
        self._closed.add(incarnation)

    async def reopen_incarnation(self, incarnation: int) -> None:
        """Accept changes again."""
        self._closed.discard(incarnation)

    async def has_versions(self, incarnation: int) -> bool:
        """Whether a head exists."""
        return bool(self._keys.get((Kind.OBJECT, incarnation)))

    async def purge_incarnation(self, incarnation: int) -> None:
        """Remove uploads and parts."""
        self._closed.add(incarnation)
        for key in self._matching(Kind.PART, incarnation, b""):
            self._remove_part(Register(Kind.PART, incarnation, key))
        for key in self._matching(Kind.UPLOAD, incarnation, b""):
            self._put(Register(Kind.UPLOAD, incarnation, key), None)

    async def usage(self, incarnation: int) -> BucketUsage:
        """What a bucket holds, by walking it."""
        return self._walk(incarnation)

    async def sizes(self) -> StoreSizes:
        """Counts by walking everything."""
        rows = [
            (register.kind, row)
            for register, value in self._values.items()
            if (row := live_row(register.kind, register.key, value)) is not None
        ]
        objects = [row.size for kind, row in rows if kind == Kind.OBJECT]
        blobs = [shared.content.stored_size for shared in self._shared[BodyKind.FILE].values()]
        uploads = sum(kind == Kind.UPLOAD for kind, _ in rows)
        return StoreSizes(len(objects), sum(objects), len(blobs), sum(blobs), 0, uploads)

    # IMetadataHousekeeping

    async def garbage(self, before_ms: int, limit: int) -> list[BlobInfo]:
        """Remove idle manifests, mark idle blobs dying."""
        manifests = self._shared[BodyKind.MANIFEST]
        for id in self._idle(manifests, before_ms)[:limit]:
            for part in manifests.pop(id).content.parts:
                self._count(part.body, -1)
        blobs = self._shared[BodyKind.FILE]
        dying = [blobs[id] for id in self._idle(blobs, before_ms)[:limit]]
        for shared in dying:
            shared.dying = True
        return [shared.content for shared in dying]

    def _idle(self, bodies: dict[bytes, _Shared], before_ms: int) -> list[bytes]:
        idle = [
            (shared.zero_since, id)
            for id, shared in bodies.items()
            if not shared.refs and shared.zero_since < before_ms
        ]
        return [id for _, id in sorted(idle)]

    async def forget(self, ids: list[bytes]) -> None:
        """Remove dying blobs."""
        blobs = self._shared[BodyKind.FILE]
        for id in ids:
            if id in blobs and blobs[id].dying:
                del blobs[id]

    async def known(self, ids: list[bytes]) -> set[bytes]:
        """Which blob ids are there."""
        return set(ids) & self._shared[BodyKind.FILE].keys()

    async def blobs_after(self, id: bytes, limit: int) -> list[BlobInfo]:
        """Blobs in id order."""
        blobs = self._shared[BodyKind.FILE]
        return [blobs[found].content for found in sorted(blobs) if found > id][:limit]

    async def expire(self, now_ms: int, limit: int) -> int:
        """Remove records whose time has come."""
        expired = [
            (at, register)
            for register, value in self._values.items()
            if 0 < (at := expires_ms(register.kind, value)) <= now_ms
        ]
        chosen = sorted(expired)[:limit]
        for _, register in chosen:
            self._put(register, None)
        return len(chosen)

    async def outbox(self, sink: str, limit: int) -> list[tuple[int, Outgoing]]:
        """The oldest events that wait for a sink."""
        return [(n, event) for n, event in self._outbox.items() if event.sink == sink][:limit]

    async def backlog(self) -> dict[str, Backlog]:
        """What waits, by sink."""
        times: dict[str, list[int]] = {}
        for event in self._outbox.values():
            times.setdefault(event.sink, []).append(stamp_ms(event.stamp))
        return {sink: Backlog(len(at), min(at)) for sink, at in times.items()}

    async def outbox_remove(self, numbers: list[int]) -> None:
        """Remove events that were delivered."""
        for number in numbers:
            self._outbox.pop(number, None)

    async def outbox_trim(self, sink: str, keep: int) -> int:
        """Remove all but the newest events of a sink."""
        numbers = [number for number, event in self._outbox.items() if event.sink == sink]
        old = numbers[: max(0, len(numbers) - keep)]
        await self.outbox_remove(old)
        return len(old)

    def watch_outbox(self, announced: Callable[[], None] | None) -> None:
        """Call a function after every change that adds events."""
        self._announced = announced

    async def snapshot(self, path: str) -> None:
        """There is nothing to copy. Raises ``OSError``."""
        raise OSError("a store in memory has no snapshots")
