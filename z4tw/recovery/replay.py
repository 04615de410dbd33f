"""Putting versions and parts back into a database from the footers of their blobs.

In the order of their stamps, through the same pure commands that made them. What the database has
seen a later change of, or must have known if it had ever been stored, is left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import apsw
import msgspec

from z4tw.metadata.writes import RowWriter
from z4tw.model.control import Account, Bucket, BucketState, User
from z4tw.model.objects import NULL_VERSION_ID, Head
from z4tw.model.rebuild import ANNOTATION, OBJECT, BlobRecord
from z4tw.model.registers import Done, Kind, Refused, Register, part_register, upload_register
from z4tw.model.stamps import HybridClock, after, stamp_ms, version_id_of
from z4tw.model.uploads import Part, Upload, UploadState
from z4tw.objects import Command, records
from z4tw.objects.commands import CreateUpload, PutAnnotation, PutPart, PutVersion, Replace
from z4tw.objects.versions import find_version
from z4tw.recovery.footers import Claim, Footer, Footers
from z4tw.recovery.forms import Forms
from z4tw.recovery.report import ShowProgress

UNSETTLED_MS = 600_000
"""A blob of a version that was stored may be older than a snapshot that does not know it: by the
time that a write takes. One that is older by more than this was never stored."""
_BATCH = 1000
_VALUE = "SELECT value FROM heads WHERE kind = ? AND inc = ? AND key = ?"
_BLOB = "SELECT 1 FROM blobs WHERE id = ?"


class Origin(msgspec.Struct, frozen=True):
    """What the database that is replayed into is: a snapshot of ``snapshot_ms`` (Unix
    milliseconds), or new (None). Buckets that are made again get ``region`` and
    ``object_ownership``."""

    snapshot_ms: int | None
    region: str
    object_ownership: str


class Replayed:
    """What came back. ``counts`` by kind; the lists are for a person."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.buckets: list[str] = []
        self.renamed: list[str] = []
        self.accounts: list[str] = []
        self.versioning: list[str] = []


class Replay:
    """Replays footers into a database through its one writing connection."""

    def __init__(
        self,
        connection: apsw.Connection,
        rows: RowWriter,
        footers: Footers,
        origin: Origin,
        now_ms: Callable[[], int],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self.result = Replayed()
        self._connection = connection
        self._rows = rows
        self._footers = footers
        self._origin = origin
        self._stamp = HybridClock(now_ms, random_bytes(8)).stamp
        self._random_bytes = random_bytes
        self._forms = Forms(connection, rows, self._stamp, random_bytes)
        self._incarnations: dict[str, int] = {}

    def run(self, show: ShowProgress) -> Replayed:
        """All of it. Raises ``apsw.Error``."""
        self._rows.begin()
        claims: defaultdict[str, list[Claim]] = defaultdict(list)
        for claim in self._footers.claims():
            if claim.incarnation not in self._rows.closed and not self._is_stale(claim.last):
                claims[claim.bucket].append(claim)
        for bucket in sorted(claims):
            self._settle_bucket(bucket, claims[bucket])
        for count, footer in enumerate(self._footers.in_order(), 1):
            reason = self._put_back(footer)
            if reason:
                self._footers.leave_out(footer.path, reason)
                self.result.counts["left_out"] += 1
            if not count % _BATCH:
                show("versions", count, 0)
                self._commit()
                self._rows.begin()
        self._commit()
        return self.result

    def _commit(self) -> None:
        self._rows.save()
        self._connection.execute("COMMIT")

    def _is_stale(self, stamp: bytes) -> bool:
        """Whether the snapshot would know a blob of this stamp if it had ever been stored."""
        snapshot_ms = self._origin.snapshot_ms
        return snapshot_ms is not None and stamp_ms(stamp) < snapshot_ms - UNSETTLED_MS

    def _read(self, register: Register) -> Any:
        data = self._connection.cursor().execute(_VALUE, register).get
        return None if data is None else records.decode(register.kind, data)

    def _change(self, register: Register, command: Command) -> Any:
        return self._rows.change(register, command)

    # Versions and parts

    def _put_back(self, footer: Footer) -> str:
        """Why it is left out, or nothing."""
        record = footer.record
        if footer.info.packed_size and self._forms.put(footer):
            self.result.counts["packed"] += 1
            return ""
        if self._is_stale(footer.stamp):
            return "never stored: older than the snapshot, which does not know it"
        if self._incarnations.get(record.bucket) != record.incarnation:
            return "of a bucket that was deleted"
        if self._connection.cursor().execute(_BLOB, (footer.info.id,)).get is not None:
            return "another file has this blob"
        if record.kind == OBJECT:
            return self._put_version(footer, record)
        if record.kind == ANNOTATION:
            return self._put_annotation(footer, record)
        return self._put_part(footer, record)

    def _put_version(self, footer: Footer, record: BlobRecord) -> str:
        assert record.version is not None
        register = Register(Kind.OBJECT, record.incarnation, record.key.encode("utf-8"))
        head: Head | None = self._read(register)
        if head is not None and footer.stamp <= head.last:
            return "superseded: the snapshot has a later change of the key"
        outcome = self._change(
            register, PutVersion(record.version, record.versioning, blob=footer.info)
        )
        if isinstance(outcome, Done) and not outcome.changed:
            return "superseded: the version is there already"
        if isinstance(outcome, Done):
            self.result.counts["versions"] += 1
            return ""
        return _refusal(outcome)

    def _put_annotation(self, footer: Footer, record: BlobRecord) -> str:
        assert record.annotation is not None
        register = Register(Kind.OBJECT, record.incarnation, record.key.encode("utf-8"))
        head: Head | None = self._read(register)
        if head is not None and footer.stamp <= head.last:
            return "superseded: the snapshot has a later change of the key"
        for name in (version_id_of(record.annotated), NULL_VERSION_ID):
            version = find_version(head, name, self._rows)
            if version is not None and version.stamp == record.annotated:
                break
        else:
            return "of a version that is not there"
        outcome = self._change(register, PutAnnotation(name, record.annotation, blob=footer.info))
        if isinstance(outcome, Done):
            self.result.counts["annotations"] += 1
            return ""
        return _refusal(outcome)

    def _put_part(self, footer: Footer, record: BlobRecord) -> str:
        assert record.upload is not None
        assert record.part is not None
        key = record.key.encode("utf-8")
        upload_at = upload_register(record.incarnation, key, record.upload.upload_id)
        upload: Upload | None = self._read(upload_at)
        if upload is not None and upload.state == UploadState.DONE:
            return "superseded: the upload was completed before the snapshot"
        if upload is None:
            self._change(upload_at, CreateUpload(_reopened(record.upload)))
            self.result.counts["uploads"] += 1
        register = part_register(
            record.incarnation, key, record.upload.upload_id, record.part.number
        )
        part: Part | None = self._read(register)
        if part is not None and footer.stamp <= part.stamp:
            return "superseded: the snapshot has a later part of the number"
        outcome = self._change(register, PutPart(record.part, footer.info))
        if isinstance(outcome, Done):
            self.result.counts["parts"] += 1
            return ""
        return _refusal(outcome)

    # Buckets and their owners

    def _settle_bucket(self, name: str, claims: list[Claim]) -> None:
        """Decide which incarnation has the name: the one that was written to last."""
        newest = max(claims, key=lambda claim: claim.last)
        record = self._footers.record_at(name, newest.incarnation, newest.last)
        present: Bucket | None = self._read(Register(Kind.BUCKET, 0, name.encode("utf-8")))
        self._incarnations[name] = newest.incarnation
        if present is not None and present.state == BucketState.ALIAS:
            # The name became a bucket's after the snapshot was made.
            register = Register(Kind.BUCKET, 0, name.encode("utf-8"))
            self._change(register, Replace(present.stamp, None))
            present = None
        if present is not None and present.incarnation == newest.incarnation:
            self._adopt_versioning(present, newest, record)
            return
        if present is not None:
            self._rename(present)
        self._ensure_owner(record.bucket_owner)
        bucket = Bucket(
            stamp=self._stamp(),
            name=name,
            incarnation=newest.incarnation,
            owner=record.bucket_owner,
            created_ms=stamp_ms(newest.first),
            region=self._origin.region,
            versioning=record.versioning,
            object_ownership=self._origin.object_ownership,
        )
        self._place_bucket(None, bucket)
        self.result.buckets.append(name)

    def _adopt_versioning(self, present: Bucket, newest: Claim, record: BlobRecord) -> None:
        """The state of versioning in the last footer is the later word than the snapshot's."""
        if record.versioning == present.versioning or newest.last <= present.stamp:
            return
        changed = msgspec.structs.replace(
            present, versioning=record.versioning, stamp=after(self._stamp(), present.stamp)
        )
        self._place_bucket(present.stamp, changed)
        self.result.versioning.append(f"{present.name}: {record.versioning or 'off'}")

    def _rename(self, bucket: Bucket) -> None:
        """The snapshot's bucket was deleted and made again: keep what it held by another name."""
        name = f"{bucket.name[:40].rstrip('.-')}-old-{bucket.incarnation:016x}"
        register = Register(Kind.BUCKET, 0, bucket.name.encode("utf-8"))
        self._change(register, Replace(bucket.stamp, None))
        stamp = after(self._stamp(), bucket.stamp)
        renamed = msgspec.structs.replace(bucket, name=name, stamp=stamp, state=BucketState.ACTIVE)
        self._place_bucket(None, renamed)
        self.result.renamed.append(f"{bucket.name}: {name}")

    def _place_bucket(self, expected: bytes | None, bucket: Bucket) -> None:
        register = Register(Kind.BUCKET, 0, bucket.name.encode("utf-8"))
        outcome = self._change(register, Replace(expected, records.encode(bucket)))
        if not isinstance(outcome, Done):
            raise RuntimeError(f"bucket {bucket.name} could not be placed: {outcome}")

    def _ensure_owner(self, owner: str) -> None:
        """An account for a bucket's owner of whom only the canonical id is left, to which
        ``z4 key create`` of its name attaches a key."""
        user_at = Register(Kind.USER, 0, owner.encode("utf-8"))
        if self._read(user_at) is not None:
            return
        name = f"recovered-{owner[:16]}"
        stamp = self._stamp()
        number = int.from_bytes(self._random_bytes(8), "big") % 10**12
        account = Account(stamp, owner, f"{number:012d}", name, stamp_ms(stamp))
        account_at = Register(Kind.ACCOUNT, 0, name.encode("utf-8"))
        self._change(account_at, Replace(None, records.encode(account)))
        user = User(self._stamp(), owner, name, name)
        self._change(user_at, Replace(None, records.encode(user)))
        self.result.accounts.append(name)


def _reopened(upload: Upload) -> Upload:
    """An upload as it was before anybody completed it."""
    return msgspec.structs.replace(
        upload, state=UploadState.OPEN, digest=b"", completion=b"", expires_ms=0
    )


def _refusal(outcome: object) -> str:
    code = outcome.code if isinstance(outcome, Refused) else "a shared body is gone"
    return f"refused: {code}"
