"""Objects: versions, the head that lists them, and the bodies that they name."""

from __future__ import annotations

import enum

import msgspec

from z4tw.model.access import Acl
from z4tw.model.stamps import stamp_ms, version_id_of

HEAD_VERSIONS = 64
"""Versions kept in a head; older ones lie in pages."""
PAGE_VERSIONS = 256
"""Versions in a full page."""
MAX_VERSIONS = 10_000
"""Versions of one key; one more is refused with ``TooManyVersions``."""
NULL_VERSION_ID = "null"


class BodyKind(enum.IntEnum):
    """Where the bytes of a version or part lie."""

    EMPTY = 0  # no bytes, no row
    INLINE = 1  # a row of the database, owned by exactly one version
    FILE = 2  # an immutable blob file, shared by reference count
    MANIFEST = 3  # a list of FILE bodies (a multipart object), shared by reference count


class Body(msgspec.Struct, frozen=True, array_like=True):
    """The bytes of a version or part: kind, 16-byte blob or manifest id, size in bytes."""

    kind: int
    id: bytes
    size: int


EMPTY_BODY = Body(BodyKind.EMPTY, b"", 0)


class BlobInfo(msgspec.Struct, frozen=True, array_like=True):
    """Where and how a FILE body is stored: the row of table ``blobs``.

    ``path`` is relative to the data directory; ``size`` counts the object's bytes,
    ``stored_size`` the file's; ``sealed_key`` is the wrapped data key, empty when the file is
    not encrypted. ``packed_size`` is the length of the compressed form that the file holds of the
    bytes, 0 when it holds the bytes themselves.
    """

    id: bytes
    path: str
    size: int
    stored_size: int
    sealed_key: bytes = b""
    packed_size: int = 0


SSE_S3 = "AES256"
SSE_KMS = "aws:kms"
SSE_C = "SSE-C"


class Encryption(msgspec.Struct, frozen=True, array_like=True):
    """How the bytes of a version or upload are encrypted, as S3 names it.

    ``method``: ``SSE_S3``, ``SSE_KMS`` or ``SSE_C``. ``key`` names the keyring's key, empty
    for the store's own; ``context`` and ``bucket_key`` are what the client said of SSE-KMS. Of a
    customer's key only ``verifier`` is kept, derived from it and ``salt``. ``sealed_key`` stands
    in place of the one in a FILE body's row, when the version got another key later.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html
    """

    method: str
    key: str = ""
    context: str = ""
    bucket_key: bool = False
    salt: bytes = b""
    verifier: bytes = b""
    sealed_key: bytes = b""


def without_own_key(encryption: Encryption | None) -> Encryption | None:
    """The encryption of a version that gets new files, which are sealed with its key at once."""
    if encryption is None or not encryption.sealed_key:
        return encryption
    return msgspec.structs.replace(encryption, sealed_key=b"")


class Checksum(msgspec.Struct, frozen=True, array_like=True):
    """An additional checksum as S3 names it.

    ``algorithm``: CRC32, CRC32C, CRC64NVME, SHA1, SHA256, SHA512, MD5, XXHASH64, XXHASH3 or
    XXHASH128. ``type``: FULL_OBJECT or COMPOSITE.
    ``value``: base64 as in the response header (``...-N`` for a composite of N parts).
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_Checksum.html
    """

    algorithm: str
    type: str
    value: str


class ManifestPart(msgspec.Struct, frozen=True, array_like=True):
    """One part of a completed multipart object; ``checksum`` is base64 or empty. ``sealed_key``
    stands in place of the one in the body's row, when the object got another key later."""

    number: int
    size: int
    etag: str
    body: Body
    checksum: str = ""
    sealed_key: bytes = b""


class Manifest(msgspec.Struct, frozen=True, array_like=True):
    """The parts of a multipart object, in order of their numbers."""

    parts: tuple[ManifestPart, ...]


class Lock(msgspec.Struct, frozen=True, array_like=True):
    """Object lock of a version. ``mode``: GOVERNANCE or COMPLIANCE until ``until_ms`` (Unix
    milliseconds), or empty without retention; ``legal_hold``: ON, OFF, or empty when it never had
    one. https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
    """

    mode: str = ""
    until_ms: int = 0
    legal_hold: str = ""


class Version(msgspec.Struct, frozen=True, array_like=True):
    """One version of an object, or a delete marker.

    ``etag`` has no quotes. ``headers`` holds the stored standard headers by lower-case name
    (content-type, cache-control, content-disposition, content-encoding, content-language,
    expires, x-amz-website-redirect-location). ``owner`` is a canonical account id. ``parts`` is
    the number of parts of a multipart object, else 0; ``origin`` its upload id, which makes a
    repeated completion find what the first one wrote. ``acl`` None: private to the owner.
    ``annotations`` counts them; they lie in registers of their own. ``encryption`` is None when the
    bytes were stored as they came, ``lock`` for a version that never had any.
    """

    stamp: bytes
    is_null: bool
    size: int
    etag: str
    body: Body
    owner: str
    delete_marker: bool = False
    storage_class: str = "STANDARD"
    headers: dict[str, str] = {}
    user_metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    checksum: Checksum | None = None
    parts: int = 0
    origin: str = ""
    acl: Acl | None = None
    annotations: int = 0
    encryption: Encryption | None = None
    lock: Lock | None = None

    @property
    def version_id(self) -> str:
        """``null`` or the id derived from the stamp."""
        return NULL_VERSION_ID if self.is_null else version_id_of(self.stamp)

    @property
    def modified_ms(self) -> int:
        """Last-Modified in Unix milliseconds."""
        return stamp_ms(self.stamp)


class PageRef(msgspec.Struct, frozen=True, array_like=True):
    """An immutable page of older versions, newest first, and what it spans."""

    id: bytes
    newest: bytes
    oldest: bytes
    count: int
    has_null: bool = False


class Head(msgspec.Struct, frozen=True, array_like=True):
    """The register of one key: its newest versions, newest first, and the pages of older ones.

    ``last`` is the latest stamp that the register has seen; a later change gets a later one.
    A key without versions has no head.
    """

    last: bytes
    versions: tuple[Version, ...]
    pages: tuple[PageRef, ...] = ()

    @property
    def current(self) -> Version:
        """The newest version; it may be a delete marker."""
        return self.versions[0]

    @property
    def count(self) -> int:
        """All versions of the key, those in pages included."""
        return len(self.versions) + sum(page.count for page in self.pages)
