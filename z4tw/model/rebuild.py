"""What the footer of a blob file says of the blob: enough to rebuild an index from files (L0).

``z4 fsck --rebuild`` reads these records. They are written before the metadata command that names
the blob, so a record may describe a version that never came to be, and its stamp is the proposal
that the register may have moved forward.
"""

from __future__ import annotations

import msgspec

from z4tw.model.annotations import Annotation
from z4tw.model.objects import Version
from z4tw.model.uploads import Part, Upload

FORMAT = 1
"""The number in front of every record. A reader refuses a greater one."""
OBJECT = "object"
PART = "part"
ANNOTATION = "annotation"


class BlobRecord(msgspec.Struct, frozen=True, array_like=True):
    """One blob: the body of an object's version, of a part of an upload, or of an annotation.

    ``kind``: ``object`` (``version`` is set), ``part`` (``upload`` and ``part`` are set) or
    ``annotation`` (``annotation``, and the stamp of its version in ``annotated``).
    ``bucket_owner`` is a canonical account id, ``versioning`` the bucket's state when the blob
    was written; ``key`` is the object's key.
    """

    kind: str
    bucket: str
    incarnation: int
    bucket_owner: str
    versioning: str
    key: str
    version: Version | None = None
    upload: Upload | None = None
    part: Part | None = None
    annotation: Annotation | None = None
    annotated: bytes = b""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, BlobRecord]).decode


def encode_blob_record(record: BlobRecord) -> bytes:
    """A record as the bytes that a blob's footer holds."""
    return _encode((FORMAT, record))


def decode_blob_record(data: bytes) -> BlobRecord:
    """The record of a blob's footer. Raises ``ValueError`` (``msgspec.DecodeError`` is one) for
    bytes that are none, or of a newer format."""
    number, record = _decode(data)
    if number != FORMAT:
        raise ValueError(f"blob record of format {number}, this release reads {FORMAT}")
    return record
