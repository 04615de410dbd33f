"""The registers of a store, read one by one: values, the rows beside them, and what they name."""

from __future__ import annotations

import os
from collections import Counter
from itertools import pairwise
from typing import Any

from z4tw.errors import WrongMasterKey
from z4tw.metadata.schema import StoreFacts, partition_of
from z4tw.model.annotations import Annotation, annotations_prefix, split_annotation_key
from z4tw.model.control import AccessKey, Bucket, BucketState, User
from z4tw.model.objects import HEAD_VERSIONS, MAX_VERSIONS, BodyKind, Head, Version
from z4tw.model.registers import Kind, split_upload_key
from z4tw.model.stamps import STAMP_BYTES
from z4tw.model.uploads import Part, Upload
from z4tw.objects import records
from z4tw.objects.rows import current_inline, expires_ms, live_row
from z4tw.recovery.report import Report, ShowProgress
from z4tw.recovery.scratch import Scratch
from z4tw.secrets import SecretSeal

_ROWS = """SELECT kind, inc, key, partition, live, size, tag, modified_ms, class, owner, checksum,
    expires_ms, inline_id, value FROM main.heads ORDER BY kind, inc, key"""
_PAGE = "SELECT data FROM main.pages WHERE id = ?"
_UPLOAD = "SELECT 1 FROM main.heads WHERE kind = 6 AND inc = ? AND key = ?"
_HIDDEN = (0, None, None, None, None, None, None)
_SHOW_EVERY = 5000


class Registers:
    """Reads all registers of a store, notes what is wrong with them, and counts references.

    ``control_key`` (None: not known) opens the secrets of access keys. ``objects``,
    ``object_bytes``, ``uploads`` and ``usage`` (bytes and objects of an incarnation) are what the
    store's counters should say.
    """

    def __init__(
        self,
        scratch: Scratch,
        facts: StoreFacts,
        report: Report,
        show: ShowProgress,
        control_key: bytes | None,
    ) -> None:
        self.objects = 0
        self.object_bytes = 0
        self.uploads = 0
        self.usage: dict[int, tuple[int, int]] = {}
        self._scratch = scratch
        self._facts = facts
        self._report = report
        self._show = show
        self._seal = None if control_key is None else SecretSeal(control_key, os.urandom)
        self._accounts: set[str] = set()
        self._users: set[str] = set()
        self._buckets: dict[int, Bucket] = {}
        self._strays: Counter[int] = Counter()

    def read_all(self) -> None:
        """Walk the table. Raises ``apsw.Error``."""
        count = 0
        # Control registers come first: their kinds are the lowest numbers.
        for row in self._scratch.rows(_ROWS):
            self._read(row)
            count += 1
            if not count % _SHOW_EVERY:
                self._show("registers", count, 0)
        self._report.examined["registers"] = count
        self._scratch.flush()
        self._look_at_incarnations()
        self._look_for_annotations()

    def where(self, kind: int, incarnation: int, key: bytes) -> str:
        """A register as a person knows it."""
        if not incarnation:
            name = Kind(kind).name.lower().replace("_", " ") if kind in list(Kind) else str(kind)
            return f"{name} {key.decode('utf-8', 'replace')}"
        bucket = self._buckets.get(incarnation)
        name = f"incarnation {incarnation}" if bucket is None else bucket.name
        if kind == Kind.OBJECT:
            return f"{name}/{key.decode('utf-8', 'replace')}"
        try:
            object_key, rest = split_upload_key(key)
        except ValueError:
            return f"{name}/{key!r}"
        text = f"{name}/{object_key.decode('utf-8', 'replace')}"
        if kind == Kind.ANNOTATION:
            return f"{text} annotation {rest[STAMP_BYTES:].decode('utf-8', 'replace')}"
        text += f" upload {rest[:32].decode('ascii', 'replace')}"
        return text if kind == Kind.UPLOAD else f"{text} part {int.from_bytes(rest[32:], 'big')}"

    def _read(self, row: Any) -> None:
        kind, incarnation, key, data = row[0], row[1], row[2], row[-1]
        try:
            value = records.decode(kind, data)
        except (KeyError, ValueError) as error:
            self._report.problem("undecodable", self.where(kind, incarnation, key), str(error))
            return
        self._compare_columns(row, value)
        if kind == Kind.ACCOUNT:
            self._accounts.add(value.name)
        elif kind == Kind.USER:
            self._read_user(value)
        elif kind == Kind.ACCESS_KEY:
            self._read_access_key(value)
        elif kind == Kind.BUCKET:
            self._read_bucket(value)
        else:
            if incarnation not in self._buckets:
                self._strays[incarnation] += 1
            if kind == Kind.OBJECT:
                self._read_object(incarnation, key, value)
            elif kind == Kind.UPLOAD:
                self._read_upload(incarnation, key, value)
            elif kind == Kind.PART:
                self._read_part(incarnation, key, value)
            elif kind == Kind.ANNOTATION:
                self._read_annotation(incarnation, key, value)

    def _compare_columns(self, row: Any, value: Any) -> None:
        kind, incarnation, key, partition, *columns, _ = row
        if kind == Kind.OBJECT and not value.versions:
            return  # No version, no columns: ``_read_object`` says what is wrong.
        live = live_row(kind, key, value)
        right = [*(_HIDDEN if live is None else (1, *live[1:])), expires_ms(kind, value)]
        right.append(current_inline(kind, value))
        if right != columns or partition != partition_of(self._facts, incarnation, key):
            self._report.problem("listing-row", self.where(kind, incarnation, key))
            self._scratch.run(
                "INSERT INTO temp.wrong_columns VALUES(?, ?, ?)", (kind, incarnation, key)
            )
        if live is not None and kind == Kind.OBJECT:
            self.objects += 1
            self.object_bytes += live.size
        elif live is not None:
            self.uploads += 1

    # Control

    def _read_user(self, user: User) -> None:
        self._users.add(user.id)
        if user.account not in self._accounts:
            self._report.problem("account", f"user {user.name}", f"no account {user.account}")

    def _read_access_key(self, key: AccessKey) -> None:
        self._report.examined["access_keys"] += 1
        where = f"access key {key.access_key_id}"
        if key.user not in self._users:
            self._report.problem("account", where, f"no user {key.user}")
        if self._seal is not None:
            try:
                self._seal.unseal(key.access_key_id, key.sealed_secret)
            except WrongMasterKey:
                self._report.problem("secret", where)

    def _read_bucket(self, bucket: Bucket) -> None:
        if bucket.state == BucketState.ALIAS:
            self._report.examined["aliases"] += 1
            return
        self._report.examined["buckets"] += 1
        if bucket.incarnation in self._buckets:
            other = self._buckets[bucket.incarnation].name
            self._report.problem(
                "incarnation", f"bucket {bucket.name}", f"has the incarnation of {other}"
            )
        self._buckets[bucket.incarnation] = bucket
        if bucket.state == BucketState.DELETING:
            self._report.notes["buckets whose deletion goes on at the next start"] += 1
        if bucket.owner not in self._users:
            self._report.problem("account", f"bucket {bucket.name}", f"no owner {bucket.owner}")

    def _look_at_incarnations(self) -> None:
        for incarnation, count in sorted(self._strays.items()):
            self._report.problem(
                "incarnation", f"incarnation {incarnation}", f"{count} rows belong to no bucket"
            )
        for (incarnation,) in self._scratch.rows(
            "SELECT inc FROM main.incarnations WHERE closed = 1 ORDER BY inc"
        ):
            bucket = self._buckets.get(incarnation)
            if bucket is not None and bucket.state == BucketState.ACTIVE:
                self._report.problem("incarnation", f"bucket {bucket.name}", "is closed to changes")

    # Objects

    def _read_object(self, incarnation: int, key: bytes, head: Head) -> None:
        where = self.where(Kind.OBJECT, incarnation, key)
        versions = list(head.versions)
        wrong = "" if versions else "no version"
        if len(versions) > HEAD_VERSIONS:
            wrong = f"{len(versions)} versions in the head"
        for page in head.pages:
            paged = self._load_page(where, page.id)
            if paged is None:
                continue
            self._scratch.name_page(page.id, page.count)
            told = (page.newest, page.oldest, page.count, page.has_null)
            if not paged or told != (
                paged[0].stamp,
                paged[-1].stamp,
                len(paged),
                any(version.is_null for version in paged),
            ):
                wrong = f"page {page.id.hex()} is not what the head says of it"
            versions.extend(paged)
        wrong = wrong or _contradiction(head, versions)
        if wrong:
            self._report.problem("object-head", where, wrong)
        self._report.examined["versions"] += len(versions)
        self._use(
            incarnation,
            sum(version.size for version in versions),
            sum(not version.delete_marker for version in versions),
        )
        for version in versions:
            if version.body.kind != BodyKind.EMPTY:
                self._scratch.name(version.body)
            if version.annotations:
                prefix = annotations_prefix(key, version.stamp)
                row = (incarnation, prefix, version.annotations)
                self._scratch.run("INSERT OR REPLACE INTO temp.annotated VALUES(?, ?, ?)", row)

    def _read_annotation(self, incarnation: int, key: bytes, annotation: Annotation) -> None:
        """Their rows come after those of objects."""
        self._report.examined["annotations"] += 1
        self._scratch.name(annotation.body)
        self._use(incarnation, annotation.body.size, 0)
        object_key, version, name = _split_annotation(key)
        where = self.where(Kind.ANNOTATION, incarnation, key)
        if name != annotation.name.encode("utf-8"):
            self._report.problem("annotation", where, "the annotation is another one")
        at = (incarnation, annotations_prefix(object_key, version))
        sql = "UPDATE temp.annotated SET lacking = lacking - 1 WHERE inc = ? AND prefix = ?"
        if not self._scratch.run(sql, at):
            self._report.problem("annotation", where, "its version does not know of it")

    def _look_for_annotations(self) -> None:
        for incarnation, prefix, lacking in self._scratch.rows(
            "SELECT inc, prefix, lacking FROM temp.annotated WHERE lacking != 0"
        ):
            where = self.where(Kind.ANNOTATION, incarnation, prefix)
            self._report.problem("annotation", where, f"{lacking} are missing")

    def _load_page(self, where: str, id: bytes) -> tuple[Version, ...] | None:
        data = self._scratch.value(_PAGE, (id,))
        if data is None:
            self._report.problem("page-missing", where, id.hex())
            return None
        self._report.examined["pages"] += 1
        try:
            return records.decode_page(data)
        except ValueError as error:
            self._report.problem("undecodable", f"page {id.hex()} of {where}", str(error))
            self._scratch.name_page(id, 0)
            return None

    def _use(self, incarnation: int, bytes: int, objects: int) -> None:
        had = self.usage.get(incarnation, (0, 0))
        self.usage[incarnation] = (had[0] + bytes, had[1] + objects)

    # Uploads

    def _read_upload(self, incarnation: int, key: bytes, upload: Upload) -> None:
        self._report.examined["uploads"] += 1
        object_key, rest = _split(key)
        if (object_key, rest) != (upload.key.encode("utf-8"), upload.upload_id.encode("utf-8")):
            where = self.where(Kind.UPLOAD, incarnation, key)
            self._report.problem("object-head", where, "the upload is another one")

    def _read_part(self, incarnation: int, key: bytes, part: Part) -> None:
        self._report.examined["parts"] += 1
        self._use(incarnation, part.size, 0)
        where = self.where(Kind.PART, incarnation, key)
        if int.from_bytes(key[-2:], "big") != part.number or part.size != part.body.size:
            self._report.problem("object-head", where, "the part is another one")
        if self._scratch.value(_UPLOAD, (incarnation, key[:-2])) is None:
            self._report.problem("part-orphan", where)
        if part.body.kind != BodyKind.EMPTY:
            self._scratch.name(part.body)


def _split(key: bytes) -> tuple[bytes, bytes]:
    try:
        return split_upload_key(key)
    except ValueError:
        return b"", b""


def _split_annotation(key: bytes) -> tuple[bytes, bytes, bytes]:
    try:
        return split_annotation_key(key)
    except ValueError:
        return b"", b"", b""


def _contradiction(head: Head, versions: list[Version]) -> str:
    """What is wrong with the versions of a key, newest first, or nothing."""
    stamps = [version.stamp for version in versions]
    if any(newer <= older for newer, older in pairwise(stamps)):
        return "the versions are out of order"
    if stamps and head.last < stamps[0]:
        return "the newest version is later than the last change"
    if sum(version.is_null for version in versions) > 1:
        return "more than one null version"
    if len(versions) > MAX_VERSIONS:
        return f"{len(versions)} versions"
    for version in versions:
        if version.size != version.body.size or (version.delete_marker and version.size):
            return f"version {version.version_id} and its body differ in size"
    return ""
