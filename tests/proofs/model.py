"""S3 as its documentation tells it, in plain dictionaries: what the real thing is compared with.

Written from the S3 API reference and user guide, not from z4tw's code. Everything is a whole scan
of dictionaries. What a server makes up (version ids, upload ids) comes in as an argument; None
stands for an id or a time that nobody was told. The choices where S3 leaves one, or where z4tw's
documentation states a difference: creating one's own bucket again succeeds (as in us-east-1);
DeleteBucket takes open uploads with it; a copy keeps its source's ETag and parts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

MIN_PART_BYTES = 40
"""S3's 5 MiB, made small."""


class Refused(Exception):
    """An S3 error."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Attributes:
    """What a client says of an object beside its bytes."""

    metadata: tuple[tuple[str, str], ...] = ()
    content_type: str = "binary/octet-stream"
    tags: tuple[tuple[str, str], ...] = ()
    storage_class: str = "STANDARD"


@dataclass(frozen=True)
class Lock:
    """``mode`` until ``until_s`` (Unix seconds), empty without retention; ``hold``: ON, OFF, or
    empty when there never was one."""

    mode: str = ""
    until_s: int = 0
    hold: str = ""

    def forbids(self, now_s: int | None, bypass: bool) -> bool:
        """Whether its version may not be removed."""
        return self.hold == "ON" or (
            self.until_s > (now_s or 0) and not (bypass and self.mode == "GOVERNANCE")
        )


FREE = Lock()


@dataclass(frozen=True)
class Version:
    """A version, or a delete marker (then the rest is empty). ``parts``: sizes of a multipart
    object's parts; ``upload``: the upload that made it; ``named``: it was given a key of the
    keyring, where there is one."""

    id: str | None
    modified_s: int | None
    marker: bool = False
    body: bytes = b""
    etag: str = ""
    attributes: Attributes = Attributes()
    parts: tuple[int, ...] = ()
    upload: str | None = None
    lock: Lock = FREE
    named: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Condition:
    """Conditions of a request, as parsed: ETags without quotes or ``*``; Unix seconds."""

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: int | None = None
    if_unmodified_since: int | None = None


ALWAYS = Condition()


@dataclass(frozen=True)
class Part:
    """A part of an upload."""

    body: bytes
    etag: str


@dataclass
class Upload:
    """A multipart upload; ``answer`` is set by its completion: (list asked for, version).
    ``stored``: a completion that nobody saw the end of has stored its version already;
    ``named``: the bucket had versioning then, so the answer has the version's id."""

    key: str
    attributes: Attributes
    parts: dict[int, Part] = field(default_factory=dict)
    answer: tuple[tuple[tuple[int, str], ...], Version] | None = None
    stored: bool = False
    named: bool = False


@dataclass
class Bucket:
    """``keys`` has each key's versions, newest first, and no key without versions."""

    versioning: str = ""
    keys: dict[str, list[Version]] = field(default_factory=dict)
    uploads: dict[str | None, Upload] = field(default_factory=dict)
    locked: bool = False


def md5(data: bytes) -> str:
    """The ETag of plain bytes."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def multipart_etag(parts: list[bytes]) -> str:
    """The ETag of parts that make an object."""
    return f"{md5(bytes.fromhex(''.join(md5(part) for part in parts)))}-{len(parts)}"


def order(key: str) -> bytes:
    """Keys are listed in UTF-8 byte order."""
    return key.encode("utf-8")


def check_read(condition: Condition, version: Version) -> None:
    """RFC 9110 section 13.2.2, as S3 applies it."""
    modified = version.modified_s or 0
    if condition.if_match is not None:
        if condition.if_match not in ("*", version.etag):
            raise Refused("PreconditionFailed")
    elif condition.if_unmodified_since is not None and modified > condition.if_unmodified_since:
        raise Refused("PreconditionFailed")
    if condition.if_none_match is not None:
        if condition.if_none_match in ("*", version.etag):
            raise Refused("NotModified")
    elif condition.if_modified_since is not None and modified <= condition.if_modified_since:
        raise Refused("NotModified")


def byte_range(first: int | None, last: int | None, size: int) -> tuple[int, int] | None:
    """(start, end) of ``bytes=first-last``, None when it is to be ignored."""
    if first is None:
        assert last is not None
        if last == 0 or size == 0:
            raise Refused("InvalidRange")
        return max(size - last, 0), size
    if last is not None and last < first:
        return None
    if first >= size:
        raise Refused("InvalidRange")
    return first, size if last is None else min(last + 1, size)


class Model:
    """All buckets of one account."""

    def __init__(self, encrypts: bool = False) -> None:
        self.buckets: dict[str, Bucket] = {}
        self.encrypts = encrypts

    def bucket(self, name: str) -> Bucket:
        if name not in self.buckets:
            raise Refused("NoSuchBucket")
        return self.buckets[name]

    def create_bucket(self, name: str, locked: bool = False) -> None:
        there = self.buckets.setdefault(name, Bucket("Enabled" if locked else "", locked=locked))
        if locked and not there.locked:
            raise Refused("BucketAlreadyOwnedByYou")

    def delete_bucket(self, name: str) -> None:
        if self.bucket(name).keys:
            raise Refused("BucketNotEmpty")
        del self.buckets[name]

    def set_versioning(self, name: str, status: str) -> None:
        if self.bucket(name).locked and status != "Enabled":
            raise Refused("InvalidBucketState")
        self.bucket(name).versioning = status

    def lock_bucket(self, name: str) -> None:
        if self.bucket(name).versioning != "Enabled":
            raise Refused("InvalidBucketState")
        self.bucket(name).locked = True

    # Versions

    def find(self, bucket: str, key: str, version_id: str = "") -> Version:
        """The version that a read means."""
        versions = self.bucket(bucket).keys.get(key, [])
        if not version_id:
            if not versions or versions[0].marker:
                raise Refused("NoSuchKey")
            return versions[0]
        for version in versions:
            if version.id == version_id:
                if version.marker:
                    raise Refused("MethodNotAllowed")
                return version
        raise Refused("NoSuchVersion")

    def check_write(self, bucket: str, key: str, condition: Condition) -> None:
        """Conditions of writes and deletes look at the current version."""
        versions = self.bucket(bucket).keys.get(key, [])
        present = bool(versions) and not versions[0].marker
        if condition.if_none_match is not None and present:
            raise Refused("PreconditionFailed")
        if condition.if_match is not None:
            if not present:
                raise Refused("NoSuchKey")
            if condition.if_match not in ("*", versions[0].etag):
                raise Refused("PreconditionFailed")

    def add(self, bucket: str, key: str, version: Version) -> Version:
        """A new version on top; without versioning it replaces the null version."""
        place = self.bucket(bucket)
        versions = place.keys.setdefault(key, [])
        if place.versioning != "Enabled":
            version = replace(version, id="null")
            versions[:] = [one for one in versions if one.id != "null"]
        versions.insert(0, version)
        return version

    def put(self, bucket: str, key: str, version: Version, condition: Condition) -> Version:
        """PutObject."""
        if version.lock != FREE and not self.bucket(bucket).locked:
            raise Refused("InvalidRequest")
        self.check_write(bucket, key, condition)
        return self.add(bucket, key, version)

    def delete(
        self,
        bucket: str,
        key: str,
        version_id: str,
        condition: Condition,
        marker: Version,
        bypass: bool = False,
    ) -> Version | None:
        """DeleteObject at the marker's time: the marker that was made, the version that was
        removed, or None."""
        place = self.bucket(bucket)
        self.check_write(bucket, key, condition)
        versions = place.keys.get(key, [])
        if not version_id and place.versioning:
            return self.add(bucket, key, marker)
        removed = [one for one in versions if one.id == (version_id or "null")]
        if removed:
            if removed[0].lock.forbids(marker.modified_s, bypass):
                raise Refused("AccessDenied")
            versions.remove(removed[0])
            if not versions:
                del place.keys[key]
        return removed[0] if removed and version_id else None

    def copy(
        self,
        source: tuple[str, str, str],
        target: tuple[str, str],
        source_condition: Condition,
        condition: Condition,
        given: Attributes,
        directives: tuple[bool, bool],
        made: Version,
    ) -> tuple[Version, Version]:
        """CopyObject: (source, copy). ``directives``: REPLACE of metadata, of tags; ``made`` has
        the new id and time."""
        self.bucket(target[0])
        original = self.source(source, source_condition)
        replaced, retagged = directives
        unchanged = not replaced and given.storage_class == original.attributes.storage_class
        if source == (*target, "") and unchanged and not original.named:
            raise Refused("InvalidRequest")
        kept = given if replaced else original.attributes
        tags = given.tags if retagged else original.attributes.tags
        attributes = Attributes(kept.metadata, kept.content_type, tags, given.storage_class)
        version = replace(
            original, id=made.id, modified_s=made.modified_s, attributes=attributes, upload=None,
            lock=FREE,
        )  # fmt: skip
        if original.named and original.body:
            # Written anew, with the store's own key: a single object.
            version = replace(version, etag=md5(original.body), parts=())
        version = replace(version, named=False)
        return original, self.put(*target, version, condition)

    def source(self, source: tuple[str, str, str], condition: Condition) -> Version:
        """The source of a copy."""
        try:
            original = self.find(*source)
        except Refused as refused:
            # A delete marker by its id is no source.
            raise Refused(
                "InvalidRequest" if refused.code == "MethodNotAllowed" else refused.code
            ) from None
        try:
            check_read(condition, original)
        except Refused:
            raise Refused("PreconditionFailed") from None
        return original

    def rename(
        self,
        bucket: str,
        source: str,
        target: str,
        source_condition: Condition,
        condition: Condition,
        marker: Version,
        made: str | None,
    ) -> Version:
        """RenameObject: a new version of the target with the id ``made`` and a time to be seen,
        and the source deleted (by ``marker``)."""
        if source == target:
            raise Refused("InvalidRequest")
        original = self.find(bucket, source)
        try:
            check_read(source_condition, original)
        except Refused:
            raise Refused("PreconditionFailed") from None
        moved = replace(original, id=made, modified_s=None, upload=None, lock=FREE)
        version = self.put(bucket, target, moved, condition)
        self.delete(bucket, source, "", ALWAYS, marker)
        return version

    def append(
        self, bucket: str, key: str, offset: int, made: Version, condition: Condition
    ) -> Version:
        """PutObject with an offset: the version that is current then."""
        self.check_write(bucket, key, condition)
        versions = self.bucket(bucket).keys.get(key, [])
        base = versions[0] if versions and not versions[0].marker else None
        if offset != (len(base.body) if base else 0):
            raise Refused("InvalidWriteOffset")
        if base is None:
            return self.put(bucket, key, made, condition)
        if base.named:
            raise Refused("NotImplemented")
        if not made.body:
            return base
        before = (base.parts or (len(base.body),)) if base.body else ()
        parts = (*before, len(made.body))
        whole = base.body + made.body
        ends = [sum(parts[: n + 1]) for n in range(len(parts))]
        pieces = [whole[end - size : end] for end, size in zip(ends, parts, strict=True)]
        version = replace(
            base, id=made.id, modified_s=made.modified_s, body=whole, parts=parts,
            etag=multipart_etag(pieces), upload=None, lock=FREE,
        )  # fmt: skip
        return self.add(bucket, key, version)

    def set_tags(
        self, bucket: str, key: str, version_id: str, tags: tuple[tuple[str, str], ...]
    ) -> Version:
        """PutObjectTagging, DeleteObjectTagging."""
        version = self.find(bucket, key, version_id)
        versions = self.bucket(bucket).keys[key]
        tagged = replace(version, attributes=replace(version.attributes, tags=tags))
        versions[versions.index(version)] = tagged
        return tagged

    def name_key(self, bucket: str, key: str, version_id: str) -> None:
        """UpdateObjectEncryption."""
        version = self.find(bucket, key, version_id)
        if not self.encrypts:
            raise Refused("InvalidRequest")
        versions = self.bucket(bucket).keys[key]
        versions[versions.index(version)] = replace(version, named=True)

    def lockable(self, bucket: str, key: str, version_id: str) -> Version:
        """The version whose lock is read or changed."""
        if not self.bucket(bucket).locked:
            raise Refused("InvalidRequest")
        return self.find(bucket, key, version_id)

    def retain(
        self, place: tuple[str, str, str], mode: str, until_s: int, now_s: int, bypass: bool
    ) -> None:
        """PutObjectRetention."""
        version = self.lockable(*place)
        lock = version.lock
        if mode and until_s <= now_s:
            raise Refused("InvalidArgument")
        longer = mode == lock.mode and until_s >= lock.until_s
        if not longer and replace(lock, hold="").forbids(now_s, bypass):
            raise Refused("AccessDenied")
        self.set_lock(place, version, Lock(mode, until_s if mode else 0, lock.hold))

    def hold(self, place: tuple[str, str, str], status: str) -> None:
        """PutObjectLegalHold."""
        version = self.lockable(*place)
        self.set_lock(place, version, replace(version.lock, hold=status))

    def set_lock(self, place: tuple[str, str, str], version: Version, lock: Lock) -> None:
        versions = self.bucket(place[0]).keys[place[1]]
        versions[versions.index(version)] = replace(version, lock=lock)

    def move(self, bucket: str, key: str, version_id: str, storage_class: str) -> None:
        """A transition: the class, and nothing else that a client sees."""
        version = self.find(bucket, key, version_id)
        versions = self.bucket(bucket).keys[key]
        attributes = replace(version.attributes, storage_class=storage_class)
        versions[versions.index(version)] = replace(version, attributes=attributes)

    # Multipart uploads

    def create_upload(self, bucket: str, id: str | None, upload: Upload) -> None:
        self.bucket(bucket).uploads[id] = upload

    def upload(self, bucket: str, key: str, id: str) -> Upload:
        """An open upload."""
        upload = self.bucket(bucket).uploads.get(id)
        if upload is None or upload.key != key or upload.answer is not None:
            raise Refused("NoSuchUpload")
        return upload

    def put_part(self, bucket: str, key: str, id: str, number: int, body: bytes) -> Part:
        part = self.upload(bucket, key, id).parts[number] = Part(body, md5(body))
        return part

    def abort(self, bucket: str, key: str, id: str) -> None:
        self.upload(bucket, key, id)
        del self.bucket(bucket).uploads[id]

    def complete(
        self,
        bucket: str,
        key: str,
        id: str,
        asked: tuple[tuple[int, str], ...],
        condition: Condition,
        made: Version,
        to_the_end: bool = True,
    ) -> Version:
        """CompleteMultipartUpload; a repeat answers as the first one did. ``to_the_end`` False
        leaves the upload open, as a crash between the two effects does."""
        place = self.bucket(bucket)
        upload = place.uploads.get(id)
        if upload is None or upload.key != key:
            raise Refused("NoSuchUpload")
        numbers = [number for number, _ in asked]
        if not numbers:
            raise Refused("MalformedXML")
        if numbers != sorted(set(numbers)):
            raise Refused("InvalidPartOrder")
        if upload.answer is not None:
            if upload.answer[0] != asked:
                raise Refused("NoSuchUpload")
            return upload.answer[1]
        for number, etag in asked:
            if number not in upload.parts or upload.parts[number].etag != etag:
                raise Refused("InvalidPart")
        bodies = [upload.parts[number].body for number in numbers]
        if any(len(body) < MIN_PART_BYTES for body in bodies[:-1]):
            raise Refused("EntityTooSmall")
        digests = b"".join(bytes.fromhex(md5(body)) for body in bodies)
        version = replace(
            made,
            body=b"".join(bodies),
            etag=f"{md5(digests)}-{len(bodies)}",
            attributes=upload.attributes,
            parts=tuple(len(body) for body in bodies),
            upload=id,
        )
        if upload.stored:
            version = next(one for one in place.keys[key] if one.upload == id)
        else:
            version = self.put(bucket, key, version, condition)
            upload.stored = True
            upload.named = bool(place.versioning)
        if to_the_end:
            upload.answer = (asked, version)
        return version

    # Listings: everything is put in order, then cut into a page.

    def list_live(
        self, bucket: str, prefix: str, delimiter: str, after: str, limit: int
    ) -> tuple[list[str], list[str], bool]:
        """(keys, common prefixes, truncated) of a page after a key or common prefix."""
        place = self.bucket(bucket)
        keys = [key for key, versions in place.keys.items() if not versions[0].marker]
        items = []
        for key in sorted(keys, key=order):
            group = common_prefix(key, prefix, delimiter)
            if key.startswith(prefix) and (True, group) not in items:
                items.append((True, group) if group else (False, key))
        # Without a marker everything follows; what shares the marker's common prefix does not.
        items = [item for item in items if not after or order(item[1]) > order(after)]
        page = items[:limit]
        found = [name for grouped, name in page if not grouped]
        groups = [name for grouped, name in page if grouped]
        return found, groups, len(items) > limit > 0

    def list_versions(
        self, bucket: str, prefix: str, delimiter: str, after: tuple[str, str], limit: int
    ) -> tuple[list[tuple[str, Version, bool]], list[str], bool]:
        """(key, version, is latest) and common prefixes of a page after (key, version id)."""
        place = self.bucket(bucket)
        items: list[tuple[str, Version | None, bool]] = []
        for key in sorted(place.keys, key=order):
            group = common_prefix(key, prefix, delimiter)
            if not key.startswith(prefix) or (group, None, False) in items:
                continue
            if group:
                items.append((group, None, False))
            else:
                versions = place.keys[key]
                items += [(key, one, one is versions[0]) for one in versions]
        marker, version_marker = after
        if version_marker and any(
            name == marker and one and one.id == version_marker for name, one, _ in items
        ):
            index = [(name, one.id if one else "") for name, one, _ in items].index(after)
            items = items[index + 1 :]
        elif marker:
            items = [item for item in items if order(item[0]) > order(marker)]
        page = items[:limit]
        found = [(key, one, latest) for key, one, latest in page if one is not None]
        return found, [key for key, one, _ in page if one is None], len(items) > limit > 0

    def list_uploads(
        self, bucket: str, prefix: str, delimiter: str, after: tuple[str, str], limit: int
    ) -> tuple[list[tuple[str, str]], list[str], bool]:
        """(key, upload id) and common prefixes of a page after (key, upload id). Uploads of a key
        are in the order in which they were begun, which is that of ``uploads``."""
        place = self.bucket(bucket)
        ids = [id for id, upload in place.uploads.items() if upload.answer is None]
        items: list[tuple[str, str]] = []
        for id in sorted(ids, key=lambda one: order(place.uploads[one].key)):
            key = place.uploads[id].key
            group = common_prefix(key, prefix, delimiter)
            if key.startswith(prefix) and (group, "") not in items:
                items.append((group, "") if group else (key, id or ""))
        marker, id_marker = after
        if id_marker and after in items:
            items = items[items.index(after) + 1 :]
        elif marker:
            items = [item for item in items if order(item[0]) > order(marker)]
        page = items[:limit]
        uploads = [(key, id) for key, id in page if id]
        return uploads, [key for key, id in page if not id], len(items) > limit > 0


def common_prefix(key: str, prefix: str, delimiter: str) -> str:
    """The key up to the first delimiter after the prefix; empty when there is none."""
    if not delimiter or not key.startswith(prefix):
        return ""
    at = key.find(delimiter, len(prefix))
    return "" if at < 0 else key[: at + len(delimiter)]


def all_versions(model: Model) -> Iterable[tuple[str, str, Version]]:
    """(bucket, key, version) of everything."""
    for name, bucket in model.buckets.items():
        for key, versions in bucket.keys.items():
            for version in versions:
                yield name, key, version
