"""Upload and part registers: the state machine of a multipart upload."""

from __future__ import annotations

import pytest

from tests.objects.test_versions import stamp
from tests.objects.views import PageView
from z4tw.model.objects import EMPTY_BODY, BlobInfo, Body, BodyKind
from z4tw.model.registers import Done, Kind
from z4tw.model.uploads import Part, Upload, UploadState
from z4tw.objects import rows
from z4tw.objects.commands import (
    AbortUpload,
    BeginCompletion,
    CreateUpload,
    FinishCompletion,
    PutPart,
)


def opened() -> PageView:
    view = PageView(Kind.UPLOAD)
    view.change(CreateUpload(Upload(stamp(1), "k", "u", "o", "i")))
    return view


def finish(digest: bytes) -> FinishCompletion:
    return FinishCompletion(stamp(9), digest, "etag-2", "v", "", 5000)


def test_a_completion_keeps_its_first_stamp_when_repeated() -> None:
    upload = opened()
    first = upload.change(BeginCompletion(stamp(2), b"d")).outcome
    again = upload.change(BeginCompletion(stamp(3), b"d"))
    assert first == again.outcome == Done(stamp(2))
    assert not again.write
    assert upload.value.state == UploadState.COMPLETING


def test_another_part_list_takes_over_with_a_later_stamp() -> None:
    upload = opened()
    upload.change(BeginCompletion(stamp(2), b"d"))
    other = upload.change(BeginCompletion(stamp(2), b"e")).outcome
    assert other.stamp > stamp(2)
    assert upload.change(finish(b"d")).outcome.code == "ConditionalRequestConflict"
    assert isinstance(upload.change(finish(b"e")).outcome, Done)


def test_a_done_upload_answers_its_result_and_is_listed_no_more() -> None:
    upload = opened()
    assert rows.live_row(Kind.UPLOAD, b"k", upload.value) is not None
    upload.change(BeginCompletion(stamp(2), b"d"))
    change = upload.change(finish(b"d"))
    assert change.clear_parts
    assert rows.live_row(Kind.UPLOAD, b"k", upload.value) is None
    assert rows.expires_ms(Kind.UPLOAD, upload.value) == 5000
    again = upload.change(BeginCompletion(stamp(4), b"d")).outcome
    assert again == Done(stamp(2), "v", changed=False)
    assert upload.change(BeginCompletion(stamp(4), b"x")).outcome.code == "NoSuchUpload"
    assert not upload.change(finish(b"d")).outcome.changed
    assert upload.change(finish(b"x")).outcome.code == "NoSuchUpload"
    assert upload.change(AbortUpload(stamp(5))).outcome.code == "NoSuchUpload"


def test_an_abort_forgets_the_upload_and_its_parts() -> None:
    upload = opened()
    change = upload.change(AbortUpload(stamp(2)))
    assert change.clear_parts
    assert upload.value is None
    for command in (AbortUpload(stamp(3)), BeginCompletion(stamp(3), b"d"), finish(b"d")):
        assert upload.change(command).outcome.code == "NoSuchUpload"


def test_creating_again_changes_nothing() -> None:
    upload = opened()
    assert not upload.change(CreateUpload(upload.value)).outcome.changed


def test_a_part_replaces_an_older_one_of_an_open_upload() -> None:
    part = PageView(Kind.PART)
    part.guard = opened().value
    for number, id in ((2, b"one"), (3, b"two")):
        body = Body(BodyKind.FILE, id, 5)
        blob = BlobInfo(id, "p", 5, 6)
        part.change(PutPart(Part(stamp(number), 1, 5, "e", body), blob))
    assert part.references == {b"one": 0, b"two": 1}
    part.change(PutPart(Part(stamp(4), 1, 0, "e", EMPTY_BODY)))
    assert part.references == {b"one": 0, b"two": 0}


@pytest.mark.parametrize("state", ["absent", "done"])
def test_a_part_of_an_upload_that_is_over_is_refused(state: str) -> None:
    part = PageView(Kind.PART)
    if state == "done":
        upload = opened()
        upload.change(BeginCompletion(stamp(2), b"d"))
        upload.change(finish(b"d"))
        part.guard = upload.value
    put = PutPart(Part(stamp(2), 1, 0, "e", EMPTY_BODY))
    assert part.change(put).outcome.code == "NoSuchUpload"
    assert part.value is None


def test_an_inline_part_is_a_defect_of_the_caller() -> None:
    part = PageView(Kind.PART)
    part.guard = opened().value
    with pytest.raises(ValueError, match="file or empty"):
        part.change(PutPart(Part(stamp(2), 1, 3, "e", Body(BodyKind.INLINE, b"i", 3))))
