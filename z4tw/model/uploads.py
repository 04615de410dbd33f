"""Multipart uploads and their parts."""

from __future__ import annotations

import enum

import msgspec

from z4tw.model.access import Acl
from z4tw.model.objects import Body, Encryption, Lock


class UploadState(enum.IntEnum):
    """An upload's life; an aborted upload has no record. Diagram: ``doc/spec/multipart.rst``."""

    OPEN = 0
    COMPLETING = 1  # a completion has fixed its stamp and its parts
    DONE = 2  # kept for a day, so that a repeated completion answers the same


class Upload(msgspec.Struct, frozen=True, array_like=True):
    """A multipart upload: what CreateMultipartUpload said, and how far it has come.

    ``upload_id`` is the version-id text of the creating stamp. ``digest`` identifies the part list
    that a completion asked for; ``completion`` is the stamp that its version gets;
    ``result_etag``/``result_version_id``/``result_checksum`` answer a repeated completion.
    ``expires_ms`` is when a DONE record may be forgotten (Unix milliseconds, 0: never).
    ``acl`` and ``lock`` are what the completed version gets.
    """

    stamp: bytes
    key: str
    upload_id: str
    owner: str
    initiator: str
    state: int = UploadState.OPEN
    storage_class: str = "STANDARD"
    headers: dict[str, str] = {}
    user_metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    checksum_algorithm: str = ""
    checksum_type: str = ""
    digest: bytes = b""
    completion: bytes = b""
    result_etag: str = ""
    result_version_id: str = ""
    result_checksum: str = ""
    expires_ms: int = 0
    acl: Acl | None = None
    encryption: Encryption | None = None
    lock: Lock | None = None


class Part(msgspec.Struct, frozen=True, array_like=True):
    """One uploaded part; ``etag`` is hex MD5 without quotes, ``checksum`` base64 or empty."""

    stamp: bytes
    number: int
    size: int
    etag: str
    body: Body
    checksum: str = ""
