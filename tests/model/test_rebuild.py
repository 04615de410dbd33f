"""The records in the footers of blob files."""

from __future__ import annotations

import msgspec
import pytest

from z4tw.model.objects import Body, BodyKind, Checksum, Version
from z4tw.model.rebuild import (
    OBJECT,
    PART,
    BlobRecord,
    decode_blob_record,
    encode_blob_record,
)
from z4tw.model.stamps import ZERO_STAMP
from z4tw.model.uploads import Part, Upload

BODY = Body(BodyKind.FILE, bytes(range(16)), 9)


def test_the_record_of_an_object_comes_back() -> None:
    version = Version(
        ZERO_STAMP,
        False,
        9,
        "0" * 32,
        BODY,
        "owner",
        checksum=Checksum("CRC32", "FULL_OBJECT", "x"),
    )
    record = BlobRecord(OBJECT, "bucket", 7, "owner", "Enabled", "key/ä", version=version)
    assert decode_blob_record(encode_blob_record(record)) == record


def test_the_record_of_a_part_comes_back() -> None:
    upload = Upload(ZERO_STAMP, "key", "0" * 32, "owner", "initiator", tags={"a": "b"})
    part = Part(ZERO_STAMP, 3, 9, "0" * 32, BODY)
    record = BlobRecord(PART, "bucket", 7, "owner", "", "key", upload=upload, part=part)
    assert decode_blob_record(encode_blob_record(record)) == record


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x91\x01", msgspec.msgpack.encode([1, 2])])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_blob_record(data)


def test_a_newer_format_is_refused() -> None:
    record = BlobRecord(OBJECT, "bucket", 7, "owner", "", "key")
    data = msgspec.msgpack.encode((2, record))
    with pytest.raises(ValueError, match="format 2"):
        decode_blob_record(data)
