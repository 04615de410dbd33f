"""The commands that change registers: plain values that can cross a process or a network.

A command with a field ``notice`` announces its change: the store writes the events in the same
transaction.
"""

from __future__ import annotations

import msgspec

from z4tw.model.access import Acl
from z4tw.model.annotations import Annotation, NewAnnotation
from z4tw.model.control import Quota
from z4tw.model.notices import Notice
from z4tw.model.objects import BlobInfo, Body, Encryption, Manifest, Version
from z4tw.model.uploads import Part, Upload


class Condition(msgspec.Struct, frozen=True, array_like=True):
    """Preconditions on the current version, evaluated where the change happens.

    ``if_match``: an ETag without quotes, ``*``, or None. ``if_none_match``: True for
    ``If-None-Match: *``. An absent object (or a delete marker) fails ``if_match`` with NoSuchKey,
    a differing one with PreconditionFailed.
    ``modified_s`` and ``size``: the Last-Modified (Unix seconds) and size that it must have if it
    is there. ``stamp``: it must be the version of that stamp. ``last``: the head's last stamp that
    a decision rests on (empty: there was no version at all), so that whatever was changed since, a
    tag too, makes it ConditionalRequestConflict.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """

    if_match: str | None = None
    if_none_match: bool = False
    modified_s: int | None = None
    size: int | None = None
    stamp: bytes | None = None
    last: bytes | None = None


class PutVersion(msgspec.Struct, frozen=True, array_like=True, tag="put-version"):
    """Add a version. ``versioning`` is the bucket's state (``""``, Enabled, Suspended): anything
    but Enabled makes it the null version and replaces the one there is. ``version.stamp`` is a
    proposal: the version gets a later one if the register has seen a later one.
    ``version.is_null`` is set by the command from ``versioning``.

    ``inline`` is the stored form of an INLINE body, ``blob`` describes a new FILE body,
    ``manifest`` is a new MANIFEST body; all None for a body that is shared by reference.
    ``annotations`` come with the version, of which ``version.annotations`` is the number.

    A version that would exceed ``quota`` is refused with ``QuotaExceeded``; of a completed upload
    (``version.origin``) the bytes were let in as parts, so that only its number counts.
    ``blobs`` describe parts of the manifest that nothing has named before.
    """

    version: Version
    versioning: str = ""
    condition: Condition | None = None
    inline: bytes | None = None
    blob: BlobInfo | None = None
    manifest: Manifest | None = None
    notice: Notice | None = None
    quota: Quota | None = None
    annotations: tuple[NewAnnotation, ...] = ()
    blobs: tuple[BlobInfo, ...] = ()


class DeleteObject(msgspec.Struct, frozen=True, array_like=True, tag="delete-object"):
    """DELETE without a version id: removes the null version, or adds a delete marker owned by
    ``owner`` (a canonical account id), as ``versioning`` says. ``bypass``: the requester may remove
    what governance retention protects, and asked for it."""

    stamp: bytes
    owner: str
    versioning: str = ""
    condition: Condition | None = None
    notice: Notice | None = None
    bypass: bool = False


class DeleteVersion(msgspec.Struct, frozen=True, array_like=True, tag="delete-version"):
    """DELETE of one version for good; of one that is not there it succeeds without effect.
    A condition applies to that version. ``bypass`` as of ``DeleteObject``."""

    stamp: bytes
    version_id: str
    condition: Condition | None = None
    notice: Notice | None = None
    bypass: bool = False


class SetTags(msgspec.Struct, frozen=True, array_like=True, tag="set-tags"):
    """Replace the tags of a version (``version_id`` empty: the current one)."""

    stamp: bytes
    version_id: str
    tags: dict[str, str]
    notice: Notice | None = None


class SetAcl(msgspec.Struct, frozen=True, array_like=True, tag="set-acl"):
    """Replace the ACL of a version (None: private), if it is still the one of stamp ``expected``:
    the permission was judged by that one. Otherwise ``Refused("OperationAborted")``."""

    stamp: bytes
    version_id: str
    acl: Acl | None
    expected: bytes
    notice: Notice | None = None


class PutAnnotation(msgspec.Struct, frozen=True, array_like=True, tag="put-annotation"):
    """Attach an annotation to a version (``version_id`` empty: the current one). ``if_match`` is a
    condition on the version's ETag. ``inline`` is the stored form of an INLINE body, ``blob``
    describes a new FILE body. One that would exceed ``quota`` is refused with ``QuotaExceeded``.
    On a locked version it replaces none that is there; ``bypass`` passes governance retention."""

    version_id: str
    annotation: Annotation
    if_match: str | None = None
    inline: bytes | None = None
    blob: BlobInfo | None = None
    notice: Notice | None = None
    quota: Quota | None = None
    bypass: bool = False


class DeleteAnnotation(msgspec.Struct, frozen=True, array_like=True, tag="delete-annotation"):
    """Remove an annotation of a version, unless a lock of the version is in the way; ``bypass``
    passes governance retention."""

    stamp: bytes
    version_id: str
    name: str
    if_match: str | None = None
    notice: Notice | None = None
    bypass: bool = False


class ReplaceBody(msgspec.Struct, frozen=True, array_like=True, tag="replace-body"):
    """Give a version another storage class, and its bytes another form: refused with
    PreconditionFailed unless the version of that id has still the stamp ``made`` and a body of id
    ``expected``. ``body`` None: the body stays; else ``blobs`` are its new files, and ``manifest``
    is there when it is a MANIFEST. ETag, checksum, size and time stay."""

    stamp: bytes
    version_id: str
    made: bytes
    expected: bytes
    storage_class: str
    body: Body | None = None
    blobs: tuple[BlobInfo, ...] = ()
    manifest: Manifest | None = None
    notice: Notice | None = None


class SetEncryption(msgspec.Struct, frozen=True, array_like=True, tag="set-encryption"):
    """Record another encryption of a version (``version_id`` empty: the current one) whose body
    still has the id ``expected``; else ``NeedData``. ``body`` is the same one, or a new INLINE or
    MANIFEST body that holds the same bytes, with its ``inline`` or ``manifest``."""

    stamp: bytes
    version_id: str
    expected: bytes
    encryption: Encryption
    body: Body
    inline: bytes | None = None
    manifest: Manifest | None = None


class SetRetention(msgspec.Struct, frozen=True, array_like=True, tag="set-retention"):
    """Put a version (``version_id`` empty: the current one) under retention until ``until_ms``
    (Unix milliseconds), or end it (``mode`` empty). ``bypass`` as of ``DeleteObject``."""

    stamp: bytes
    version_id: str
    mode: str
    until_ms: int
    bypass: bool = False
    notice: Notice | None = None


class SetLegalHold(msgspec.Struct, frozen=True, array_like=True, tag="set-legal-hold"):
    """Put a version (``version_id`` empty: the current one) under legal hold (ON), or end it
    (OFF)."""

    stamp: bytes
    version_id: str
    status: str
    notice: Notice | None = None


class CreateUpload(msgspec.Struct, frozen=True, array_like=True, tag="create-upload"):
    """Open a multipart upload."""

    upload: Upload


class BeginCompletion(msgspec.Struct, frozen=True, array_like=True, tag="begin-completion"):
    """Fix what a completion makes: its stamp and the digest of its part list (BLAKE2b-128 of the
    canonical list). Repeating it with the same digest succeeds and keeps the first stamp; another
    digest while COMPLETING takes over only with a new stamp; a DONE upload with the same digest
    answers ``Done(changed=False)``, with another one NoSuchUpload."""

    stamp: bytes
    digest: bytes


class FinishCompletion(msgspec.Struct, frozen=True, array_like=True, tag="finish-completion"):
    """The completed version is there: keep its answer until ``expires_ms``, release the parts."""

    stamp: bytes
    digest: bytes
    etag: str
    version_id: str
    checksum: str
    expires_ms: int


class AbortUpload(msgspec.Struct, frozen=True, array_like=True, tag="abort-upload"):
    """Forget an open upload and release its parts; NoSuchUpload when there is none."""

    stamp: bytes


class PutPart(msgspec.Struct, frozen=True, array_like=True, tag="put-part"):
    """Store a part, replacing an older one of its number. Refused with NoSuchUpload unless the
    upload is open: the store hands the upload's value to ``apply`` as ``view.guard``. Refused with
    ``QuotaExceeded`` above ``quota``."""

    part: Part
    blob: BlobInfo | None = None
    quota: Quota | None = None


class Replace(msgspec.Struct, frozen=True, array_like=True, tag="replace"):
    """Compare-and-set of a control register: ``record`` is the new value's MessagePack (None
    removes it) and is stored when the present value's stamp is ``expected`` (None: absent);
    otherwise ``Refused("ConditionalRequestConflict")``."""

    expected: bytes | None
    record: bytes | None
    notice: Notice | None = None


Command = (
    PutVersion
    | DeleteObject
    | DeleteVersion
    | SetTags
    | SetAcl
    | ReplaceBody
    | PutAnnotation
    | DeleteAnnotation
    | SetEncryption
    | SetRetention
    | SetLegalHold
    | CreateUpload
    | BeginCompletion
    | FinishCompletion
    | AbortUpload
    | PutPart
    | Replace
)
