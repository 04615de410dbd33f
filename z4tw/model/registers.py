"""Registers: the addresses of mutable values, and what changing one does.

Source of the idea: Rystsov, "CASPaxos: Replicated State Machines without logs" (2018); a
register is one key with one value, changed only by a command that carries its preconditions.
"""

from __future__ import annotations

import enum
from typing import Any, NamedTuple

import msgspec

from z4tw.model.notices import Outgoing
from z4tw.model.objects import BlobInfo, Body, Manifest, Version


class Kind(enum.IntEnum):
    """The namespaces of registers (column ``kind`` of table ``heads``)."""

    ACCOUNT = 1
    USER = 2
    ACCESS_KEY = 3
    BUCKET = 4
    OBJECT = 5
    UPLOAD = 6
    PART = 7
    LAYOUT = 8
    ANNOTATION = 9


CONTROL_KINDS = frozenset({Kind.ACCOUNT, Kind.USER, Kind.ACCESS_KEY, Kind.BUCKET, Kind.LAYOUT})


class Register(NamedTuple):
    """The address of one value. ``incarnation`` is the bucket's, 0 for control registers."""

    kind: int
    incarnation: int
    key: bytes


def upload_prefix(key: bytes) -> bytes:
    """An object key as the ordered, self-delimiting prefix of its uploads' register keys.

    A zero byte becomes ``00 FF`` and ``00 01`` ends the key, so that prefixes sort as keys do
    (FoundationDB's tuple encoding of byte strings).
    """
    return key.replace(b"\x00", b"\x00\xff") + b"\x00\x01"


def split_upload_key(register_key: bytes) -> tuple[bytes, bytes]:
    """Undo ``upload_prefix``: the object key, and what follows its prefix."""
    at = register_key.index(b"\x00\x01")
    return register_key[:at].replace(b"\x00\xff", b"\x00"), register_key[at + 2 :]


def upload_register(incarnation: int, key: bytes, upload_id: str) -> Register:
    """The register of a multipart upload: they sort by key, then by age of the upload."""
    return Register(Kind.UPLOAD, incarnation, upload_prefix(key) + upload_id.encode("ascii"))


def part_register(incarnation: int, key: bytes, upload_id: str, number: int) -> Register:
    """The register of one part: an upload's parts sort by number."""
    prefix = upload_prefix(key) + upload_id.encode("ascii")
    return Register(Kind.PART, incarnation, prefix + number.to_bytes(2, "big"))


class Done(msgspec.Struct, frozen=True, array_like=True, tag="done"):
    """A command took effect. ``stamp`` is what the change got; ``version_id`` is set where S3
    answers one (empty: none, as in a bucket without versioning); ``delete_marker`` says that
    the version made or removed is one; ``changed`` is False for a repeat without effect."""

    stamp: bytes = b""
    version_id: str = ""
    delete_marker: bool = False
    changed: bool = True


class Refused(msgspec.Struct, frozen=True, array_like=True, tag="refused"):
    """A command's precondition failed and nothing was changed. ``code`` is the S3 error code
    (a class of ``z4tw.errors``); ``details`` become elements of the error's XML."""

    code: str
    message: str = ""
    details: dict[str, str] = {}


class NeedData(msgspec.Struct, frozen=True, array_like=True, tag="need-data"):
    """A body that the command shares is gone or about to be reaped: read the source again."""

    id: bytes


Outcome = Done | Refused | NeedData


class Change(msgspec.Struct, frozen=True):
    """What applying a command to a value gives: the new value and its effects, in one transaction.

    ``value`` None removes the row. ``acquire`` and ``release`` name FILE and MANIFEST bodies whose
    reference counts go up and down; ``drop_inline`` the ids of INLINE rows that go.
    ``new_blobs`` describes FILE bodies named for the first time; ``inline`` and ``manifest``
    are new rows. A new manifest acquires its parts' bodies. ``pages`` are written,
    ``drop_pages`` removed. ``clear_parts`` removes all parts of the upload register, releasing
    their bodies. ``write`` False: nothing is written at all. ``subject`` is the version that was
    made or changed, for the events that tell of it; ``outbox`` are those events. ``added_bytes``
    and ``added_objects`` are what the bucket holds more (or less) of; cleared parts are not in
    them.
    ``annotations`` are rows beside an object's head, (stamp of the version, name, value or None
    to remove it); ``clear_annotations`` names versions all of whose annotations go, and
    ``more_inline`` has the new rows of inline bodies of annotations.
    """

    value: Any
    outcome: Outcome
    acquire: tuple[Body, ...] = ()
    release: tuple[Body, ...] = ()
    new_blobs: tuple[BlobInfo, ...] = ()
    inline: tuple[bytes, bytes] | None = None
    drop_inline: tuple[bytes, ...] = ()
    manifest: tuple[bytes, Manifest] | None = None
    pages: tuple[tuple[bytes, tuple[Version, ...]], ...] = ()
    drop_pages: tuple[bytes, ...] = ()
    clear_parts: bool = False
    write: bool = True
    subject: Version | None = None
    outbox: tuple[Outgoing, ...] = ()
    added_bytes: int = 0
    added_objects: int = 0
    annotations: tuple[tuple[bytes, str, Any], ...] = ()
    clear_annotations: tuple[bytes, ...] = ()
    more_inline: tuple[tuple[bytes, bytes], ...] = ()


class LiveRow(NamedTuple):
    """The columns of a listing: one live current version, or one open upload.

    ``tag`` is the ETag without quotes, ``checksum`` is ``ALGORITHM/TYPE`` or empty. For an upload
    the key is a register key, ``tag`` the initiator's canonical id and ``size`` 0.
    """

    key: bytes
    size: int
    tag: str
    modified_ms: int
    storage_class: str
    owner: str
    checksum: str


class ListQuery(msgspec.Struct, frozen=True):
    """One page of a listing in key order (UTF-8 byte order).

    ``prefix`` and ``delimiter`` are UTF-8 bytes (empty: none). Keys and common prefixes at or
    before ``start_after`` are left out; ``limit`` counts keys and common prefixes together.
    """

    prefix: bytes = b""
    delimiter: bytes = b""
    start_after: bytes = b""
    limit: int = 1000


class ListPage(msgspec.Struct, frozen=True):
    """Rows and common prefixes, each in key order; ``truncated`` says that more follow
    ``last``, the greater of the last key and the last common prefix."""

    rows: list[LiveRow]
    prefixes: list[bytes]
    truncated: bool
    last: bytes


class VersionQuery(msgspec.Struct, frozen=True):
    """One page of ListObjectVersions: after ``key_marker``, or within it after the version
    ``version_marker`` (a version id or ``null``; empty: the whole key was returned)."""

    prefix: bytes = b""
    delimiter: bytes = b""
    key_marker: bytes = b""
    version_marker: str = ""
    limit: int = 1000


class VersionPage(msgspec.Struct, frozen=True):
    """``versions``: (key, version, is_latest), newest first within a key. ``next_key`` and
    ``next_version`` are the markers of the page that follows when ``truncated``."""

    versions: list[tuple[bytes, Version, bool]]
    prefixes: list[bytes]
    truncated: bool
    next_key: bytes = b""
    next_version: str = ""


class BucketUsage(msgspec.Struct, frozen=True):
    """What a bucket holds: the bytes of all versions, the old ones too, and of the parts of
    uploads that are not completed; and how many versions are no delete markers."""

    bytes: int = 0
    objects: int = 0


class StoreSizes(msgspec.Struct, frozen=True):
    """Counts and bytes for the metrics and for ``z4 doctor``."""

    objects: int
    object_bytes: int
    blobs: int
    blob_bytes: int
    database_bytes: int
    uploads: int
