"""Real stores in directories for the tests of recovery: every kind of object, and ways to read all
of it back."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from z4tw.blobs.disk import OsDisk
from z4tw.blobs.files import FileBlobStore
from z4tw.keyring.local import LocalKeyring
from z4tw.keyring.store_keys import open_store_keys
from z4tw.metadata.sqlite import SqliteStore
from z4tw.model.annotations import Annotation, split_annotation_key
from z4tw.model.control import AccessKey, Account, Bucket, BucketState, User
from z4tw.model.objects import (
    EMPTY_BODY,
    Body,
    BodyKind,
    Lock,
    Manifest,
    ManifestPart,
    Version,
)
from z4tw.model.rebuild import ANNOTATION, OBJECT, PART, BlobRecord, encode_blob_record
from z4tw.model.registers import (
    Done,
    Kind,
    Register,
    VersionQuery,
    part_register,
    upload_register,
)
from z4tw.model.stamps import HybridClock, version_id_of
from z4tw.model.uploads import Part, Upload
from z4tw.node.offload import InlineOffload
from z4tw.objects import records
from z4tw.objects.commands import (
    BeginCompletion,
    CreateUpload,
    DeleteObject,
    FinishCompletion,
    PutAnnotation,
    PutPart,
    PutVersion,
    Replace,
    SetTags,
)
from z4tw.ops.bodies import open_body
from z4tw.recovery.check import CheckOptions, check_store
from z4tw.recovery.files import finished
from z4tw.recovery.place import Place, stamp_name
from z4tw.recovery.report import Report
from z4tw.secrets import SecretSeal

OWNER = "ab" * 32
START_MS = 1_760_000_000_000
MASTER = bytes(range(32))
CONTROL_KEY = bytes(range(100, 132))
DAY_MS = 86_400_000
LATER_MS = 4_000_000_000_000
"""After the real time at which files are written, by years."""


class Times:
    """A clock that moves on by one millisecond at each look."""

    def __init__(self, ms: int = START_MS) -> None:
        self.ms = ms

    def __call__(self) -> int:
        self.ms += 1
        return self.ms


class TestStore:
    """A store in a data directory; open until ``close``."""

    __test__ = False

    def __init__(self, root: Path, *, encrypted: bool = False, times: Times | None = None) -> None:
        self.place = Place(str(root))
        self.times = times or Times()
        self.encrypted = encrypted
        for name in ("tmp", "log", "snapshots"):
            os.makedirs(os.path.join(self.place.meta, name), exist_ok=True)
        self.keyring = LocalKeyring([MASTER], os.urandom) if encrypted else None
        envelope = finished(open_store_keys(self.place.root, self.keyring, os.urandom))
        self.blobs = FileBlobStore(
            OsDisk(self.place.root, os.urandom),
            InlineOffload(),
            envelope,
            min_free_bytes=0,
            now_ms=self.times,
            random_bytes=os.urandom,
        )
        self.stamp = HybridClock(self.times, b"node-one").stamp
        self.open()
        self._small_files()

    def open(self) -> None:
        self.store = SqliteStore(
            self.place.database,
            clock=None,
            offload=InlineOffload(),
            now_ms=self.times,
            random_bytes=os.urandom,
            on_fatal=_raise,
        )

    def close(self) -> None:
        finished(self.store.close())

    def _small_files(self) -> None:
        if os.path.exists(self.place.format_file):
            return
        text = str(uuid.UUID(bytes=self.store.facts.store_uuid))
        format = {"format": 1, "features": [], "store_uuid": text}
        Path(self.place.format_file).write_text(json.dumps(format))
        Path(self.place.meta, "control.key").write_text(CONTROL_KEY.hex() + "\n")
        Path(self.place.meta, "node.json").write_text(json.dumps({"node_uuid": text}))

    def change(self, register: Register, command: Any) -> Done:
        outcome = finished(self.store.change(register, command))
        assert isinstance(outcome, Done), outcome
        return outcome

    # Control

    def key(self, name: str = "alice", owner: str = OWNER) -> None:
        stamp = self.stamp()
        account = Account(stamp, owner, "123456789012", name, self.times.ms)
        self._place(Kind.ACCOUNT, name, account)
        self._place(Kind.USER, owner, User(self.stamp(), owner, name, name))
        sealed = SecretSeal(CONTROL_KEY, os.urandom).seal("Z4" + name.upper(), "secret-" + name)
        key = AccessKey(self.stamp(), "Z4" + name.upper(), name, owner, sealed, self.times.ms)
        self._place(Kind.ACCESS_KEY, key.access_key_id, key)

    def _place(self, kind: int, name: str, record: Any, expected: Any = None) -> None:
        stamp = None if expected is None else expected.stamp
        register = Register(kind, 0, name.encode())
        self.change(register, Replace(stamp, records.encode(record)))

    def bucket(self, name: str, versioning: str = "", owner: str = OWNER) -> Bucket:
        incarnation = int.from_bytes(os.urandom(8), "big") >> 1
        bucket = Bucket(
            self.stamp(), name, incarnation, owner, self.times.ms, "us-east-1",
            versioning=versioning,
        )  # fmt: skip
        self._place(Kind.BUCKET, name, bucket)
        return bucket

    def alias(self, name: str, bucket: Bucket) -> None:
        """Another name of a bucket."""
        record = Bucket(
            self.stamp(), name, bucket.incarnation, "", bucket.created_ms, "us-east-1",
            state=BucketState.ALIAS, alias_of=bucket.name,
        )  # fmt: skip
        self._place(Kind.BUCKET, name, record)

    def replace_bucket(self, old: Bucket, new: Bucket) -> None:
        self._place(Kind.BUCKET, old.name, new, old)

    def drop_bucket(self, bucket: Bucket) -> None:
        finished(self.store.close_incarnation(bucket.incarnation))
        finished(self.store.purge_incarnation(bucket.incarnation))
        self.change(Register(Kind.BUCKET, 0, bucket.name.encode()), Replace(bucket.stamp, None))

    # Objects

    def at(self, bucket: Bucket, key: str) -> Register:
        return Register(Kind.OBJECT, bucket.incarnation, key.encode())

    def inline(self, bucket: Bucket, key: str, data: bytes) -> Done:
        id = self.blobs.new_id()
        body = Body(BodyKind.INLINE, id, len(data))
        put = PutVersion(
            self._version(data, body), bucket.versioning, inline=self.blobs.seal_inline(id, data)
        )
        return self.change(self.at(bucket, key), put)

    def write(
        self, bucket: Bucket, key: str, data: bytes, lock: Lock | None = None
    ) -> tuple[Version, Any]:
        """A durable blob with its footer, which nothing names yet."""
        writer = self.blobs.writer(bucket.name, key.encode(), len(data))
        finished(writer.write(data))
        version = self._version(data, Body(BodyKind.FILE, writer.id, len(data)), lock)
        record = BlobRecord(
            OBJECT, bucket.name, bucket.incarnation, bucket.owner, bucket.versioning, key,
            version=version,
        )  # fmt: skip
        return version, finished(writer.commit(encode_blob_record(record)))

    def file(self, bucket: Bucket, key: str, data: bytes, lock: Lock | None = None) -> Any:
        """A FILE object; where its blob lies."""
        version, blob = self.write(bucket, key, data, lock)
        self.change(self.at(bucket, key), PutVersion(version, bucket.versioning, blob=blob))
        return blob

    def empty(self, bucket: Bucket, key: str) -> Done:
        put = PutVersion(self._version(b"", EMPTY_BODY), bucket.versioning)
        return self.change(self.at(bucket, key), put)

    def copy(self, bucket: Bucket, key: str, to: str) -> Done:
        source = finished(self.store.find_version(self.at(bucket, key), ""))
        version = Version(
            self.stamp(), False, source.size, source.etag, source.body, OWNER, parts=source.parts
        )
        return self.change(self.at(bucket, to), PutVersion(version, bucket.versioning))

    def delete(self, bucket: Bucket, key: str) -> Done:
        return self.change(
            self.at(bucket, key), DeleteObject(self.stamp(), OWNER, bucket.versioning)
        )

    def annotate(self, bucket: Bucket, key: str, name: str, data: bytes) -> Done:
        """An annotation of the current version: inline, or above 4 KiB a file."""
        version = finished(self.store.find_version(self.at(bucket, key), ""))
        etag = hashlib.md5(data).hexdigest()
        if len(data) <= 4096:
            id = self.blobs.new_id()
            body = Body(BodyKind.INLINE, id, len(data))
            annotation = Annotation(self.stamp(), name, etag, body)
            inline = self.blobs.seal_inline(id, data)
            command = PutAnnotation("", annotation, inline=inline)
            return self.change(self.at(bucket, key), command)
        writer = self.blobs.writer(bucket.name, key.encode(), len(data))
        finished(writer.write(data))
        body = Body(BodyKind.FILE, writer.id, len(data))
        annotation = Annotation(self.stamp(), name, etag, body)
        record = BlobRecord(
            ANNOTATION, bucket.name, bucket.incarnation, bucket.owner, bucket.versioning, key,
            annotation=annotation, annotated=version.stamp,
        )  # fmt: skip
        blob = finished(writer.commit(encode_blob_record(record)))
        return self.change(self.at(bucket, key), PutAnnotation("", annotation, blob=blob))

    def annotate_all(self) -> None:
        """Annotations of both kinds, and of a version that is not the only one."""
        buckets = self.buckets()
        self.annotate(buckets["plain"], "file", "small", b"small")
        self.annotate(buckets["plain"], "file", "large", b"l" * 10_000)
        self.annotate(buckets["versioned"], "twice", "note", b"n" * 10_000)

    def annotations(self, bucket: Bucket) -> dict[str, bytes]:
        """The texts of all annotations of a bucket: ``key/name``."""
        found = {}
        rows = finished(self.store.scan(Kind.ANNOTATION, bucket.incarnation, b"", b"", 1000))
        for register_key, annotation in rows:
            key, _, name = split_annotation_key(register_key)
            found[f"{key.decode()}/{name.decode()}"] = self.read_body(annotation.body)
        return found

    def tag(self, bucket: Bucket, key: str, tags: dict[str, str]) -> Done:
        return self.change(self.at(bucket, key), SetTags(self.stamp(), "", tags))

    def _version(self, data: bytes, body: Body, lock: Lock | None = None) -> Version:
        etag = hashlib.md5(data).hexdigest()
        return Version(
            self.stamp(), False, len(data), etag, body, OWNER,
            headers={"content-type": "text/plain"}, user_metadata={"made-by": "test"},
            lock=lock,
        )  # fmt: skip

    # Uploads

    def upload(self, bucket: Bucket, key: str) -> Upload:
        stamp = self.stamp()
        upload = Upload(stamp, key, version_id_of(stamp), OWNER, OWNER)
        register = upload_register(bucket.incarnation, key.encode(), upload.upload_id)
        self.change(register, CreateUpload(upload))
        return upload

    def part(self, bucket: Bucket, upload: Upload, number: int, data: bytes) -> Part:
        writer = self.blobs.writer(bucket.name, upload.key.encode(), len(data))
        finished(writer.write(data))
        etag = hashlib.md5(data).hexdigest()
        body = Body(BodyKind.FILE, writer.id, len(data))
        part = Part(self.stamp(), number, len(data), etag, body)
        record = BlobRecord(
            PART, bucket.name, bucket.incarnation, bucket.owner, bucket.versioning, upload.key,
            upload=upload, part=part,
        )  # fmt: skip
        blob = finished(writer.commit(encode_blob_record(record)))
        register = part_register(bucket.incarnation, upload.key.encode(), upload.upload_id, number)
        self.change(register, PutPart(part, blob))
        return part

    def complete(self, bucket: Bucket, upload: Upload, parts: list[Part]) -> None:
        at = upload_register(bucket.incarnation, upload.key.encode(), upload.upload_id)
        begun = self.change(at, BeginCompletion(self.stamp(), b"digest"))
        size = sum(part.size for part in parts)
        body = Body(BodyKind.MANIFEST, self.blobs.new_id(), size)
        manifest = Manifest(tuple(ManifestPart(p.number, p.size, p.etag, p.body) for p in parts))
        version = Version(
            begun.stamp, False, size, "etag-2", body, OWNER, parts=len(parts),
            origin=upload.upload_id,
        )  # fmt: skip
        put = PutVersion(version, bucket.versioning, manifest=manifest)
        self.change(self.at(bucket, upload.key), put)
        finish = FinishCompletion(self.stamp(), b"digest", "etag-2", "", "", self.times.ms + DAY_MS)
        self.change(at, finish)

    # Everything

    def fill(self) -> dict[str, bytes]:
        """Objects of every kind; what ``contents`` should say of them."""
        self.key()
        plain, versioned = self.bucket("plain"), self.bucket("versioned", "Enabled")
        self.empty(plain, "empty")
        self.inline(plain, "inline", b"small")
        self.inline(plain, "overwritten", b"old")
        self.inline(plain, "overwritten", b"new")
        self.file(plain, "file", b"f" * 200_000)
        self.file(plain, "replaced", b"first" * 2000)
        self.file(plain, "replaced", b"second" * 2000)
        self.copy(plain, "file", "copy of file")
        for number in range(70):  # More than a head holds: a page is made.
            self.inline(versioned, "often", b"%d" % number)
        self.file(versioned, "twice", b"1" * 70_000)
        self.file(versioned, "twice", b"2" * 70_000)
        self.file(versioned, "hidden", b"h" * 10_000)
        self.delete(versioned, "hidden")
        self.tag(plain, "file", {"colour": "blue"})
        upload = self.upload(plain, "multipart")
        parts = [self.part(plain, upload, n, bytes([n]) * 100_000) for n in (1, 2)]
        self.complete(plain, upload, parts)
        self.copy(plain, "multipart", "copy of multipart")
        opened = self.upload(plain, "unfinished")
        self.part(plain, opened, 1, b"p" * 5000)
        return self.contents()

    def buckets(self) -> dict[str, Bucket]:
        rows = finished(self.store.scan(Kind.BUCKET, 0, b"", b"", 1000))
        return {key.decode(): bucket for key, bucket in rows}

    def contents(self) -> dict[str, bytes]:
        """The bytes of every version of every key: ``bucket/key#n``, the newest n = 0."""
        found: dict[str, bytes] = {}
        for name, bucket in self.buckets().items():
            page = finished(
                self.store.list_versions(bucket.incarnation, VersionQuery(limit=10_000))
            )
            count: dict[bytes, int] = {}
            for key, version, _ in page.versions:
                number = count[key] = count.get(key, -1) + 1
                label = f"{name}/{key.decode()}#{number}"
                found[label] = b"(deleted)" if version.delete_marker else self.read(version)
        return found

    def read(self, version: Version) -> bytes:
        return self.read_body(version.body)

    def read_body(self, body: Body) -> bytes:
        source = finished(open_body(self.store, self.blobs, body, 0, body.size))
        if isinstance(source, bytes):
            return source
        pieces = []
        while piece := finished(source.next()):
            pieces.append(piece)
        source.close()
        return b"".join(pieces)

    def snapshot(self, at_ms: int | None = None) -> str:
        """A periodic snapshot with the present time in its name."""
        name = f"meta-{stamp_name(self.times() if at_ms is None else at_ms)}.db"
        path = os.path.join(self.place.meta, "snapshots", name)
        finished(self.store.snapshot(path))
        return path

    def check(self, **options: Any) -> Report:
        """What a check of the closed store finds."""
        return check(self.place, self.blobs, **options)

    @contextmanager
    def damaged(self) -> Iterator[apsw.Connection]:
        """The closed database, to be damaged through SQL."""
        self.close()
        connection = apsw.Connection(self.place.database)
        try:
            yield connection
        finally:
            connection.close()


def check(place: Place, blobs: Any, **options: Any) -> Report:
    """A check with the tests' control key, long after everything was written."""
    options.setdefault("now_ms", LATER_MS)
    return check_store(place, blobs, CheckOptions(control_key=CONTROL_KEY, **options))


_filled: dict[bool, Path] = {}


def filled(root: Path, encrypted: bool) -> TestStore:
    """A store with objects of every kind: a copy of one that was made once."""
    if encrypted not in _filled:
        directory = Path(tempfile.mkdtemp(prefix="z4tw-recovery-"))
        atexit.register(shutil.rmtree, directory)
        original = TestStore(directory / "data", encrypted=encrypted)
        original.fill()
        original.close()
        _filled[encrypted] = directory / "data"
    shutil.copytree(_filled[encrypted], root)
    return TestStore(root, encrypted=encrypted, times=Times(START_MS + 60_000))


def _raise(error: BaseException) -> None:
    raise error
