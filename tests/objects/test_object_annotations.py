"""Commands on annotations: rows beside the head, counted by it, held to limits."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.metadata.values import blob, delete, file_body, identity, put, put_file, stamp, version
from tests.objects.views import PageView
from z4tw.model.annotations import Annotation, NewAnnotation
from z4tw.model.control import Quota
from z4tw.model.objects import EMPTY_BODY, Body, BodyKind
from z4tw.model.registers import BucketUsage, Done, Kind, Refused
from z4tw.objects.commands import DeleteAnnotation, DeleteVersion, PutAnnotation, PutVersion
from z4tw.objects.object_annotations import MAX_ANNOTATIONS


def inline(name: str, number: int, **more: Any) -> PutAnnotation:
    body = Body(BodyKind.INLINE, identity(number), 4)
    return PutAnnotation("", Annotation(stamp(number), name, "e", body), inline=b"text", **more)


def in_file(name: str, number: int) -> PutAnnotation:
    annotation = Annotation(stamp(number), name, "e", file_body(number))
    return PutAnnotation("", annotation, blob=blob(number))


@pytest.fixture
def view() -> PageView:
    made = PageView(Kind.OBJECT)
    made.change(put(1, "Enabled"))
    return made


def test_the_head_counts_names_and_not_changes(view: PageView) -> None:
    for number, command in enumerate((inline("a", 2), in_file("a", 3), inline("b", 4)), 2):
        change = view.change(command)
        assert change.outcome == Done(stamp(number), version(1).version_id)
        assert change.subject is not None
        assert view.value.last == stamp(number)
    assert view.value.current.annotations == 2
    assert {at[1] for at in view.annotations} == {"a", "b"}
    assert view.inline == {identity(4): b"text"}
    assert view.references[identity(3)] == 1


def test_an_annotations_stamp_is_later_than_the_last_change(view: PageView) -> None:
    view.change(inline("a", 9))
    change = view.change(inline("b", 2))
    assert isinstance(change.outcome, Done)
    assert change.outcome.stamp > stamp(9)
    assert view.annotations[stamp(1), "b"].stamp == change.outcome.stamp


def test_a_deletion_releases_and_may_be_repeated(view: PageView) -> None:
    view.change(in_file("a", 2))
    view.change(inline("b", 3))
    for name in ("a", "b"):
        change = view.change(DeleteAnnotation(stamp(5), "", name))
        assert isinstance(change.outcome, Done)
        assert change.outcome.changed
    again = view.change(DeleteAnnotation(stamp(9), "", "a"))
    assert (again.write, again.outcome) == (False, Done(b"", version(1).version_id, changed=False))
    assert (view.annotations, view.inline, view.references[identity(2)]) == ({}, {}, 0)
    assert view.value.current.annotations == 0


@pytest.mark.parametrize("number", [0, 1])
def test_one_more_than_the_most_is_refused(view: PageView, number: int) -> None:
    full = msgspec.structs.replace(view.value.current, annotations=MAX_ANNOTATIONS - number)
    view.value = msgspec.structs.replace(view.value, versions=(full,))
    outcome = view.change(inline("new", 2)).outcome
    assert isinstance(outcome, Refused) == (not number)


@pytest.mark.parametrize(
    ("version_id", "if_match", "code"),
    [
        (version(9).version_id, None, "NoSuchVersion"),
        ("rubbish", None, "NoSuchVersion"),
        ("", "other", "PreconditionFailed"),
    ],
)
def test_what_is_refused(view: PageView, version_id: str, if_match: str, code: str) -> None:
    put_command = msgspec.structs.replace(inline("a", 2), version_id=version_id, if_match=if_match)
    for command in (put_command, DeleteAnnotation(stamp(2), version_id, "a", if_match)):
        outcome = view.change(command).outcome
        assert isinstance(outcome, Refused)
        assert outcome.code == code


def test_nothing_and_delete_markers_have_none(view: PageView) -> None:
    assert PageView(Kind.OBJECT).change(inline("a", 2)).outcome == Refused("NoSuchKey")
    view.change(delete(2, "Enabled"))
    assert view.change(inline("a", 3)).outcome == Refused("MethodNotAllowed")


def test_a_body_is_inline_or_a_file(view: PageView) -> None:
    empty = PutAnnotation("", Annotation(stamp(2), "a", "e", EMPTY_BODY))
    lacking = PutAnnotation("", inline("a", 2).annotation)
    for command in (empty, lacking):
        with pytest.raises(ValueError, match="body"):
            view.change(command)


def test_bytes_are_held_to_the_buckets_quota(view: PageView) -> None:
    view.usage = BucketUsage(8, 1)
    refused = view.change(inline("a", 2, quota=Quota(max_bytes=10))).outcome
    assert isinstance(refused, Refused)
    assert refused.code == "QuotaExceeded"
    change = view.change(inline("a", 3, quota=Quota(max_bytes=12)))
    assert change.added_bytes == 4
    replaced = view.change(inline("a", 4, quota=Quota(max_bytes=8)))
    assert (replaced.added_bytes, replaced.write) == (0, True)
    assert view.change(DeleteAnnotation(stamp(5), "", "a")).added_bytes == -4


def test_a_version_that_goes_names_its_annotations(view: PageView) -> None:
    view.change(inline("a", 2))
    view.change(put(3, "Enabled"))
    assert view.change(put(4, "Enabled")).clear_annotations == ()
    change = view.change(DeleteVersion(stamp(5), version(1).version_id))
    assert change.clear_annotations == (stamp(1),)
    assert view.annotations == {}


def test_a_version_that_comes_with_annotations_gives_them_its_stamp() -> None:
    view = PageView(Kind.OBJECT)
    view.change(put_file(2))
    annotation = Annotation(stamp(1), "a", "e", file_body(2))
    text = Annotation(stamp(1), "b", "e", Body(BodyKind.INLINE, identity(7), 4))
    new = msgspec.structs.replace(version(1), annotations=2)
    annotations = (NewAnnotation(annotation), NewAnnotation(text, b"text"))
    change = view.change(PutVersion(new, "Enabled", annotations=annotations))
    assert isinstance(change.outcome, Done)
    assert {at[0] for at in view.annotations} == {change.outcome.stamp}
    assert view.annotations[change.outcome.stamp, "a"].stamp == change.outcome.stamp
    assert (change.added_bytes, view.references[identity(2)]) == (9, 2)
    assert view.inline[identity(7)] == b"text"
