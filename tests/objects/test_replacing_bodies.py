"""Bodies in another form: the same bytes of the same version."""

from __future__ import annotations

import msgspec
import pytest

from tests.objects.test_versions import put, stamp, version, view
from tests.objects.views import PageView
from z4tw.model.objects import BlobInfo, Body, BodyKind
from z4tw.model.stamps import version_id_of
from z4tw.objects.commands import PutVersion, ReplaceBody
from z4tw.objects.versions import find_version


class TestBodiesInAnotherForm:
    """``ReplaceBody``, which is what a transition does."""

    def filed(self, versions: int = 1) -> PageView:
        key = view()
        for number in range(1, versions + 1):
            id = b"old%d" % number
            body = Body(BodyKind.FILE, id, 9000)
            blob = BlobInfo(id, "p", 9000, 9100)
            key.change(PutVersion(version(number, body=body), "Enabled", blob=blob))
        return key

    def replaced(self, number: int, **fields: object) -> ReplaceBody:
        body = Body(BodyKind.FILE, b"new", 9000)
        blob = BlobInfo(b"new", "q", 9000, 500, b"", 400)
        given = {"body": body, "blobs": (blob,), **fields}
        id = version_id_of(stamp(number))
        return ReplaceBody(stamp(9999), id, stamp(number), b"old%d" % number, "ZSTD", **given)  # type: ignore[arg-type]

    def test_the_new_body_is_acquired_and_the_old_one_released(self) -> None:
        key = self.filed()
        before = key.value.current
        change = key.change(self.replaced(1))
        assert key.references == {b"old1": 0, b"new": 1}
        assert [blob.packed_size for blob in change.new_blobs] == [400]
        after = key.value.current
        assert (after.body.id, after.storage_class) == (b"new", "ZSTD")
        for same in ("stamp", "etag", "size", "owner", "is_null", "version_id"):
            assert getattr(after, same) == getattr(before, same)
        assert key.value.last == stamp(9999), "later conditions see that something changed"

    def test_an_old_version_in_a_page_is_found_too(self) -> None:
        key = self.filed(200)
        key.change(self.replaced(3))
        found = find_version(key.value, version_id_of(stamp(3)), key)
        assert found is not None
        assert found.body.id == b"new"
        assert key.value.count == 200

    def test_the_class_alone(self) -> None:
        key = self.filed()
        key.change(self.replaced(1, body=None, blobs=()))
        assert key.value.current.storage_class == "ZSTD"
        assert key.value.current.body.id == b"old1"
        assert key.references == {b"old1": 1}

    def test_another_version_or_body_is_never_hit(self) -> None:
        key = self.filed(2)
        command = self.replaced(1)
        for changed in (
            msgspec.structs.replace(command, expected=b"other"),
            msgspec.structs.replace(command, made=stamp(2)),
            msgspec.structs.replace(command, version_id=version_id_of(stamp(7))),
            msgspec.structs.replace(command, version_id="null"),
        ):
            assert key.change(changed).outcome.code == "PreconditionFailed"
        assert key.references == {b"old1": 1, b"old2": 1}
        assert view().change(command).outcome.code == "PreconditionFailed"

    def test_a_null_version_that_was_written_again_is_another_one(self) -> None:
        key = view()
        for number in (1, 2):
            key.change(put(number))
        command = ReplaceBody(stamp(9), "null", stamp(1), b"", "GLACIER")
        assert key.change(command).outcome.code == "PreconditionFailed"
        assert key.value.current.storage_class == "STANDARD"

    def test_other_bytes_are_a_defect_of_the_caller(self) -> None:
        key = self.filed()
        with pytest.raises(ValueError, match="same bytes"):
            key.change(self.replaced(1, body=Body(BodyKind.FILE, b"new", 8999)))
