"""The codec: values, commands and outcomes come back equal; a newer format is refused."""

from __future__ import annotations

import msgspec
import pytest

from tests.objects.test_versions import put, stamp, version
from z4tw.model.control import AccessKey, Account, Bucket, User
from z4tw.model.objects import EMPTY_BODY, BlobInfo, Head, Manifest, ManifestPart
from z4tw.model.registers import Done, Kind, NeedData, Refused
from z4tw.model.uploads import Part, Upload
from z4tw.objects import records
from z4tw.objects.commands import Condition

VALUES = {
    Kind.ACCOUNT: Account(stamp(1), "a" * 64, "123456789012", "alice", 5),
    Kind.USER: User(stamp(1), "a" * 64, "alice", "root", admin=True),
    Kind.ACCESS_KEY: AccessKey(stamp(1), "AK", "alice", "u", b"sealed", 5),
    Kind.BUCKET: Bucket(stamp(1), "b", 7, "o", 5, "r", grants={"u": 3}),
    Kind.OBJECT: Head(stamp(1), (version(1),)),
    Kind.UPLOAD: Upload(stamp(1), "k", "u", "o", "i"),
    Kind.PART: Part(stamp(1), 1, 0, "e", EMPTY_BODY),
}


@pytest.mark.parametrize("kind", VALUES)
def test_values_come_back_equal(kind: int) -> None:
    assert records.decode(kind, records.encode(VALUES[kind])) == VALUES[kind]


def test_pages_manifests_and_blobs_come_back_equal() -> None:
    page = (version(2), version(1))
    assert records.decode_page(records.encode(page)) == page
    manifest = Manifest((ManifestPart(1, 0, "e", EMPTY_BODY),))
    assert records.decode_manifest(records.encode(manifest)) == manifest
    blob = BlobInfo(b"i", "p", 1, 2, b"k")
    assert records.decode_blob(records.encode(blob)) == blob


def test_commands_and_outcomes_cross_a_wire() -> None:
    command = put(1, "Enabled", Condition("e", True))
    assert records.decode_command(records.encode_command(command)) == command
    for outcome in (Done(b"s", "v"), Refused("NoSuchKey", "m", {"a": "b"}), NeedData(b"i")):
        assert records.decode_outcome(records.encode_outcome(outcome)) == outcome


def test_a_newer_format_is_refused() -> None:
    newer = msgspec.msgpack.encode((records.FORMAT + 1, VALUES[Kind.BUCKET]))
    with pytest.raises(records.UnknownFormat):
        records.decode(Kind.BUCKET, newer)
    with pytest.raises(records.UnknownFormat):
        records.decode_page(msgspec.msgpack.encode((9, ())))
