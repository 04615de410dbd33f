"""What is kept beside a value: listing rows, expiry, references."""

from __future__ import annotations

from tests.objects.test_versions import put, stamp, version
from tests.objects.views import PageView
from z4tw.model.objects import Body, BodyKind, Checksum, Head, Version
from z4tw.model.registers import Kind, LiveRow
from z4tw.model.uploads import Part, Upload
from z4tw.objects.commands import DeleteObject, PutVersion
from z4tw.objects.rows import current_inline, expires_ms, live_row, references

FILE = Body(BodyKind.FILE, b"f" * 16, 9)


def test_a_live_object_is_listed_with_its_columns() -> None:
    checksum = Checksum("CRC32", "FULL_OBJECT", "AAAAAA==")
    current = Version(stamp(7), True, 9, "etag", FILE, "o", checksum=checksum)
    row = live_row(Kind.OBJECT, b"k", Head(stamp(7), (current,)))
    assert row == LiveRow(b"k", 9, "etag", 7, "STANDARD", "o", "CRC32/FULL_OBJECT")


def test_a_delete_marker_and_control_records_are_not_listed() -> None:
    key = PageView(Kind.OBJECT)
    key.change(DeleteObject(stamp(1), "o", "Enabled"))
    assert live_row(Kind.OBJECT, b"k", key.value) is None
    assert live_row(Kind.BUCKET, b"k", object()) is None


def test_an_upload_is_listed_by_its_initiator() -> None:
    upload = Upload(stamp(3), "k", "u", "owner", "initiator", checksum_algorithm="SHA1")
    row = live_row(Kind.UPLOAD, b"k", upload)
    assert row is not None
    assert (row.tag, row.owner, row.modified_ms, row.checksum) == ("initiator", "owner", 3, "SHA1/")
    assert expires_ms(Kind.UPLOAD, upload) == 0


def test_references_of_a_head_include_its_pages() -> None:
    key = PageView(Kind.OBJECT)
    for number in range(1, 101):
        body = Body(BodyKind.FILE, number.to_bytes(16, "big"), 9)
        key.change(PutVersion(version(number, body=body), "Enabled"))
    key.change(put(101, "Enabled"))
    found = [body.id for body in references(Kind.OBJECT, key.value, key.load_page)]
    assert sorted(found) == [number.to_bytes(16, "big") for number in range(1, 101)]


def test_a_part_names_its_file() -> None:
    part = Part(stamp(1), 1, 9, "e", FILE)
    assert list(references(Kind.PART, part, lambda page: ())) == [FILE]


def test_only_a_current_inline_body_is_beside_its_head() -> None:
    key = PageView(Kind.OBJECT)
    body = Body(BodyKind.INLINE, b"i" * 16, 3)
    key.change(PutVersion(version(1, body=body), "Enabled", inline=b"abc"))
    assert current_inline(Kind.OBJECT, key.value) == b"i" * 16
    key.change(DeleteObject(stamp(2), "o", "Enabled"))
    assert current_inline(Kind.OBJECT, key.value) is None
    assert current_inline(Kind.PART, Part(stamp(1), 1, 9, "e", FILE)) is None
