"""Commands on an object's register: its versions, newest first, in a head and its pages.

The order of versions is the order of their stamps. A head holds at most ``HEAD_VERSIONS``; one
more spills the older half into the newest page, so that a key written often rewrites a page once
per ``_SPILL`` changes and not every time. Pages are immutable: changing one writes another.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from z4tw.model.annotations import Annotation
from z4tw.model.objects import (
    EMPTY_BODY,
    HEAD_VERSIONS,
    MAX_VERSIONS,
    NULL_VERSION_ID,
    PAGE_VERSIONS,
    BlobInfo,
    Body,
    BodyKind,
    Head,
    PageRef,
    Version,
)
from z4tw.model.registers import Change, Done, Refused
from z4tw.model.stamps import ZERO_STAMP, after, parse_version_id
from z4tw.objects.commands import (
    Condition,
    DeleteObject,
    DeleteVersion,
    PutVersion,
)
from z4tw.objects.locks import LOCKED, protects
from z4tw.objects.quotas import exceeded

if TYPE_CHECKING:
    from z4tw.objects.apply import View

ENABLED = "Enabled"
SUSPENDED = "Suspended"
_SPILL = HEAD_VERSIONS // 2
_EMPTY_HEAD = Head(last=ZERO_STAMP, versions=())


class Draft:
    """A head in the making, and the pages and bodies that its change touches."""

    def __init__(self, head: Head | None, view: View) -> None:
        head = head or _EMPTY_HEAD
        self.last = head.last
        self.versions = list(head.versions)
        self.pages = list(head.pages)
        self._view = view
        self.written: dict[bytes, tuple[Version, ...]] = {}
        self.dropped_pages: list[bytes] = []
        self.released: list[Body] = []
        self.dropped_inline: list[bytes] = []
        self.added_bytes = 0
        self.added_objects = 0
        self.cleared: list[bytes] = []

    def add(self, version: Version) -> None:
        """Make a version the newest one, spilling older ones into a page when the head is full."""
        self.versions.insert(0, version)
        self.last = version.stamp
        self.added_bytes += version.size
        self.added_objects += not version.delete_marker
        if len(self.versions) > HEAD_VERSIONS:
            older = self.versions[_SPILL:]
            del self.versions[_SPILL:]
            if self.pages and self.pages[0].count + len(older) <= PAGE_VERSIONS:
                older += self._take_page(0)
            self._write_page(0, tuple(older))

    def drop(self, place: Place) -> None:
        """Remove a version, releasing its body and its annotations."""
        version = self._remove(place)
        self.added_bytes -= version.size
        self.added_objects -= not version.delete_marker
        if version.annotations:
            self.cleared.append(version.stamp)
        if version.body.kind == BodyKind.INLINE:
            self.dropped_inline.append(version.body.id)
        elif version.body.kind != BodyKind.EMPTY:
            self.released.append(version.body)

    def _remove(self, place: Place) -> Version:
        if place.page is None:
            version = self.versions.pop(place.position)
            if not self.versions and self.pages:
                self.versions = list(self._take_page(0))
                self._respill()
            return version
        kept = list(self._take_page(place.page))
        version = kept.pop(place.position)
        if kept:
            self._write_page(place.page, tuple(kept))
        return version

    def _respill(self) -> None:
        """A page that became the head may be longer than a head: page its older part again."""
        if len(self.versions) > HEAD_VERSIONS:
            older = tuple(self.versions[_SPILL:])
            del self.versions[_SPILL:]
            self._write_page(0, older)

    def replace(self, place: Place, version: Version) -> None:
        """Put another value of the same version in its place."""
        if place.page is None:
            self.versions[place.position] = version
            return
        page = list(self._take_page(place.page))
        page[place.position] = version
        self._write_page(place.page, tuple(page))

    def load(self, page: PageRef) -> tuple[Version, ...]:
        """A page's versions, also of one that this change has written."""
        written = self.written.get(page.id)
        return self._view.load_page(page.id) if written is None else written

    def _take_page(self, index: int) -> tuple[Version, ...]:
        page = self.pages.pop(index)
        versions = self.load(page)
        if self.written.pop(page.id, None) is None:
            self.dropped_pages.append(page.id)
        return versions

    def _write_page(self, index: int, versions: tuple[Version, ...]) -> None:
        id = self._view.new_id()
        self.written[id] = versions
        has_null = any(version.is_null for version in versions)
        reference = PageRef(id, versions[0].stamp, versions[-1].stamp, len(versions), has_null)
        self.pages.insert(index, reference)

    @property
    def count(self) -> int:
        """All versions, those in pages included."""
        return len(self.versions) + sum(page.count for page in self.pages)

    def change(
        self, done: Done, subject: Version | None = None, command: PutVersion | None = None
    ) -> Change:
        """The finished change; a key without versions loses its head. ``subject`` is the version
        that was made or changed."""
        head = Head(self.last, tuple(self.versions), tuple(self.pages)) if self.versions else None
        acquire: tuple[Body, ...] = ()
        blobs: tuple[BlobInfo, ...] = ()
        inline = manifest = None
        annotated: list[tuple[bytes, str, Annotation]] = []
        more_inline: list[tuple[bytes, bytes]] = []
        if command is not None:
            body = command.version.body
            if body.kind == BodyKind.INLINE:
                if command.inline is None:
                    raise ValueError("an inline body comes with its bytes")
                inline = (body.id, command.inline)
            elif body.kind != BodyKind.EMPTY:
                acquire = (body,)
            if command.blob is not None:
                blobs = (command.blob,)
            if command.manifest is not None:
                manifest = (body.id, command.manifest)
            blobs += command.blobs
            for new in command.annotations:
                annotation = msgspec.structs.replace(new.annotation, stamp=self.last)
                annotated.append((self.last, annotation.name, annotation))
                if new.inline is None:
                    acquire += (annotation.body,)
                    blobs += () if new.blob is None else (new.blob,)
                else:
                    more_inline.append((annotation.body.id, new.inline))
        return Change(
            head,
            done,
            acquire=acquire,
            release=tuple(self.released),
            new_blobs=blobs,
            inline=inline,
            drop_inline=tuple(self.dropped_inline),
            manifest=manifest,
            pages=tuple(self.written.items()),
            drop_pages=tuple(self.dropped_pages),
            subject=subject,
            added_bytes=self.added_bytes,
            added_objects=self.added_objects,
            annotations=tuple(annotated),
            clear_annotations=tuple(self.cleared),
            more_inline=tuple(more_inline),
        )


class Place(NamedTuple):
    """Where a version stands: in the head, or in the page of that index."""

    version: Version
    position: int
    page: int | None = None


def find_place(draft: Draft, version_id: str) -> Place | None:
    """The place of a version by its id or ``null``; ``""`` is the newest one."""
    if not version_id:
        return Place(draft.versions[0], 0) if draft.versions else None
    null = version_id == NULL_VERSION_ID
    stamp = b"" if null else parse_version_id(version_id)
    if stamp is None:
        return None
    for index, version in enumerate(draft.versions):
        if version.is_null if null else (version.stamp == stamp and not version.is_null):
            return Place(version, index)
    for number, page in enumerate(draft.pages):
        if page.has_null if null else page.oldest <= stamp <= page.newest:
            for index, version in enumerate(draft.load(page)):
                if version.is_null if null else (version.stamp == stamp and not version.is_null):
                    return Place(version, index, number)
    return None


def find_version(head: Head | None, version_id: str, view: View) -> Version | None:
    """One version of a key by id (``null`` and ``""``: the current one), or None."""
    place = find_place(Draft(head, view), version_id)
    return None if place is None else place.version


def check_condition(condition: Condition | None, current: Version | None) -> Refused | None:
    """Why a conditional write may not happen on the current version, or None when it may.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """
    if condition is None:
        return None
    present = current is not None and not current.delete_marker
    if condition.if_none_match and present:
        return Refused("PreconditionFailed", details={"Condition": "If-None-Match"})
    if condition.if_match is not None:
        if current is None or not present:
            return Refused("NoSuchKey")
        if condition.if_match not in ("*", current.etag):
            return Refused("PreconditionFailed", details={"Condition": "If-Match"})
    if condition.stamp is not None and (current is None or current.stamp != condition.stamp):
        return Refused("PreconditionFailed")
    if current is None or not present:
        return None
    if condition.modified_s is not None and current.modified_ms // 1000 != condition.modified_s:
        failed = {"Condition": "x-amz-if-match-last-modified-time"}
        return Refused("PreconditionFailed", details=failed)
    if condition.size is not None and current.size != condition.size:
        return Refused("PreconditionFailed", details={"Condition": "x-amz-if-match-size"})
    return None


def _refusal(head: Head | None, condition: Condition | None) -> Change | None:
    refused = check_condition(condition, head.versions[0] if head else None)
    if refused is None and condition is not None and condition.last is not None:
        last = b"" if head is None else head.last
        refused = None if last == condition.last else Refused("ConditionalRequestConflict")
    return None if refused is None else Change(head, refused, write=False)


def put_version(head: Head | None, command: PutVersion, view: View) -> Change:
    """Add a version on top, in place of the null version unless versioning is enabled."""
    version = command.version
    if version.origin and head is not None:
        for stored in head.versions:
            if stored.origin == version.origin and stored.etag == version.etag:
                # The completion of this upload was repeated: its version is here already.
                done = Done(stored.stamp, _answered_id(stored, command.versioning), changed=False)
                return Change(head, done, write=False)
    if (refused := _refusal(head, command.condition)) is not None:
        return refused
    draft = Draft(head, view)
    null = command.versioning != ENABLED
    if null and _drop_null(draft, version.stamp) is None:
        return Change(head, LOCKED, write=False)
    if draft.count >= MAX_VERSIONS:
        return Change(head, Refused("TooManyVersions"), write=False)
    stamp = after(version.stamp, draft.last)
    if stamp != version.stamp or version.is_null != null:
        version = msgspec.structs.replace(version, stamp=stamp, is_null=null)
    draft.add(version)
    draft.added_bytes += sum(new.annotation.body.size for new in command.annotations)
    more_bytes = 0 if parse_version_id(version.origin) else draft.added_bytes
    over = exceeded(command.quota, view.held, more_bytes, draft.added_objects)
    if over is not None:
        return Change(head, over, write=False)
    return draft.change(Done(stamp, _answered_id(version, command.versioning)), version, command)


def delete_object(head: Head | None, command: DeleteObject, view: View) -> Change:
    """DELETE without a version id, as the bucket's versioning state says."""
    if (refused := _refusal(head, command.condition)) is not None:
        return refused
    draft = Draft(head, view)
    dropped: bool | None = False
    if command.versioning != ENABLED:
        dropped = _drop_null(draft, command.stamp, command.bypass)
        if dropped is None:
            return Change(head, LOCKED, write=False)
    if command.versioning not in (ENABLED, SUSPENDED):
        if not dropped:
            return Change(head, Done(changed=False), write=False)
        draft.last = after(command.stamp, draft.last)
        return draft.change(Done(draft.last))
    null = command.versioning == SUSPENDED
    if draft.count >= MAX_VERSIONS:
        return Change(head, Refused("TooManyVersions"), write=False)
    marker = Version(
        stamp=after(command.stamp, draft.last),
        is_null=null,
        size=0,
        etag="",
        body=EMPTY_BODY,
        owner=command.owner,
        delete_marker=True,
    )
    draft.add(marker)
    return draft.change(Done(marker.stamp, marker.version_id, delete_marker=True), marker)


def delete_version(head: Head | None, command: DeleteVersion, view: View) -> Change:
    """Remove one version for good; conditions look at the current version, as on AWS."""
    if (refused := _refusal(head, command.condition)) is not None:
        return refused
    draft = Draft(head, view)
    place = find_place(draft, command.version_id)
    if place is None:
        return Change(head, Done(version_id=command.version_id, changed=False), write=False)
    if protects(place.version.lock, command.stamp, command.bypass):
        return Change(head, LOCKED, write=False)
    draft.last = after(command.stamp, draft.last)
    draft.drop(place)
    done = Done(draft.last, place.version.version_id, delete_marker=place.version.delete_marker)
    return draft.change(done)


def _drop_null(draft: Draft, stamp: bytes, bypass: bool = False) -> bool | None:
    """Remove the null version. False: there is none; None: it is locked, and stays."""
    place = find_place(draft, NULL_VERSION_ID)
    if place is None:
        return False
    if protects(place.version.lock, stamp, bypass):
        return None
    draft.drop(place)
    return True


def _answered_id(version: Version, versioning: str) -> str:
    """The version id that S3 answers: none in a bucket that never had versioning."""
    return version.version_id if versioning in (ENABLED, SUSPENDED) else ""
