"""Another encryption of a version."""

from __future__ import annotations

from typing import Any

from tests.objects.test_versions import put, stamp, version, view
from z4tw.model.objects import (
    EMPTY_BODY,
    HEAD_VERSIONS,
    BlobInfo,
    Body,
    BodyKind,
    Encryption,
    Manifest,
)
from z4tw.model.registers import Done, NeedData
from z4tw.model.stamps import version_id_of
from z4tw.objects.commands import DeleteObject, PutVersion, SetEncryption
from z4tw.objects.versions import find_version


class TestEncryption:
    OTHER = Encryption("aws:kms", "orders")

    def set(self, body: Body, expected: bytes, version_id: str = "", **more: Any) -> SetEncryption:
        return SetEncryption(stamp(9), version_id, expected, self.OTHER, body, **more)

    def test_the_encryption_changes_and_last_modified_stays(self) -> None:
        key = view()
        body = Body(BodyKind.FILE, b"one", 9000)
        key.change(PutVersion(version(1, body=body), blob=BlobInfo(b"one", "p", 9000, 9100)))
        assert key.change(self.set(body, b"one")).outcome == Done(stamp(9), "null")
        current = key.value.current
        assert (current.encryption, current.body) == (self.OTHER, body)
        assert current.stamp == stamp(1)
        assert key.references == {b"one": 1}

    def test_a_new_inline_row_takes_the_place_of_the_old_one(self) -> None:
        key = view()
        key.change(PutVersion(version(1, body=Body(BodyKind.INLINE, b"one", 3)), inline=b"abc"))
        usage = key.usage
        key.change(self.set(Body(BodyKind.INLINE, b"two", 3), b"one", inline=b"xyz"))
        assert key.inline == {b"two": b"xyz"}
        assert key.usage == usage

    def test_a_new_part_list_is_acquired_and_the_old_one_released(self) -> None:
        key = view()
        parts = Manifest(())
        key.change(PutVersion(version(1, body=Body(BodyKind.MANIFEST, b"one", 3)), manifest=parts))
        change = key.change(self.set(Body(BodyKind.MANIFEST, b"two", 3), b"one", manifest=parts))
        assert change.manifest == (b"two", parts)
        assert key.references == {b"one": 0, b"two": 1}

    def test_a_version_deep_in_a_page(self) -> None:
        key = view()
        for number in range(1, HEAD_VERSIONS + 10):
            key.change(put(number, "Enabled"))
        oldest = version_id_of(stamp(1))
        assert isinstance(key.change(self.set(EMPTY_BODY, b"", oldest)).outcome, Done)
        found = find_version(key.value, oldest, key)
        assert found is not None
        assert found.encryption == self.OTHER

    def test_a_body_that_was_replaced_must_be_looked_at_again(self) -> None:
        key = view()
        key.change(PutVersion(version(1, body=Body(BodyKind.INLINE, b"new", 3)), inline=b"abc"))
        body = Body(BodyKind.INLINE, b"two", 3)
        assert key.change(self.set(body, b"old", inline=b"x")).outcome == NeedData(b"old")
        assert key.inline == {b"new": b"abc"}

    def test_what_is_not_there(self) -> None:
        key = view()
        assert key.change(self.set(EMPTY_BODY, b"")).outcome.code == "NoSuchKey"
        assert key.change(self.set(EMPTY_BODY, b"", "null")).outcome.code == "NoSuchVersion"
        key.change(DeleteObject(stamp(2), "o", "Enabled"))
        assert isinstance(key.change(self.set(EMPTY_BODY, b"")).outcome, NeedData)
