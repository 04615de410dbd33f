"""Commands on the annotations of a version.

They are commands on the object's register, so that a version and its annotations go together: the
head counts a version's annotations, each of which has a row of its own beside it.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/annotations-overview.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from z4tw.model.annotations import Annotation
from z4tw.model.objects import BodyKind, Head
from z4tw.model.registers import Change, Done, Refused
from z4tw.model.stamps import after
from z4tw.objects.commands import DeleteAnnotation, PutAnnotation
from z4tw.objects.locks import LOCKED, protects
from z4tw.objects.quotas import exceeded
from z4tw.objects.versions import Draft, Place, find_place

if TYPE_CHECKING:
    from z4tw.objects.apply import View

MAX_ANNOTATIONS = 1000
"""Annotations of one version; one more is refused with ``AnnotationLimitExceeded``."""


def put_annotation(head: Head | None, command: PutAnnotation, view: View) -> Change:
    """Attach an annotation to a version, in place of one of the same name."""
    draft = Draft(head, view)
    place = _target(draft, command.version_id, command.if_match)
    if isinstance(place, Refused):
        return Change(head, place, write=False)
    version, name = place.version, command.annotation.name
    old = view.load_annotation(version.stamp, name) if version.annotations else None
    if old is not None:
        if protects(version.lock, command.annotation.stamp, command.bypass):
            return Change(head, LOCKED, write=False)
        _drop_body(draft, old)
    elif version.annotations >= MAX_ANNOTATIONS:
        return Change(head, Refused("AnnotationLimitExceeded"), write=False)
    else:
        count = version.annotations + 1
        version = msgspec.structs.replace(version, annotations=count)
        draft.replace(place, version)
    draft.added_bytes += command.annotation.body.size
    over = exceeded(command.quota, view.held, draft.added_bytes, 0)
    if over is not None:
        return Change(head, over, write=False)
    draft.last = after(command.annotation.stamp, draft.last)
    annotation = msgspec.structs.replace(command.annotation, stamp=draft.last)
    body = annotation.body
    inline = None
    if body.kind == BodyKind.INLINE:
        if command.inline is None:
            raise ValueError("an inline body comes with its bytes")
        inline = (body.id, command.inline)
    elif body.kind != BodyKind.FILE:
        raise ValueError("an annotation's body is inline or a file")
    change = draft.change(Done(draft.last, version.version_id), version)
    return msgspec.structs.replace(
        change,
        annotations=((version.stamp, name, annotation),),
        acquire=(body,) if inline is None else (),
        new_blobs=(command.blob,) if command.blob is not None else (),
        inline=inline,
    )


def delete_annotation(head: Head | None, command: DeleteAnnotation, view: View) -> Change:
    """Remove an annotation; of one that is not there it succeeds without effect."""
    draft = Draft(head, view)
    place = _target(draft, command.version_id, command.if_match)
    if isinstance(place, Refused):
        return Change(head, place, write=False)
    version = place.version
    old = view.load_annotation(version.stamp, command.name) if version.annotations else None
    if old is None:
        done = Done(version_id=version.version_id, changed=False)
        return Change(head, done, write=False)
    if protects(version.lock, command.stamp, command.bypass):
        return Change(head, LOCKED, write=False)
    _drop_body(draft, old)
    version = msgspec.structs.replace(version, annotations=version.annotations - 1)
    draft.replace(place, version)
    draft.last = after(command.stamp, draft.last)
    change = draft.change(Done(draft.last, version.version_id), version)
    return msgspec.structs.replace(change, annotations=((version.stamp, command.name, None),))


def _target(draft: Draft, version_id: str, if_match: str | None) -> Place | Refused:
    """The place of the version that has the annotation, or why there is none."""
    place = find_place(draft, version_id)
    if place is None:
        return Refused("NoSuchVersion" if version_id else "NoSuchKey")
    if place.version.delete_marker:
        return Refused("MethodNotAllowed")
    if if_match is not None and if_match not in ("*", place.version.etag):
        return Refused("PreconditionFailed", details={"Condition": "x-amz-object-if-match"})
    return place


def _drop_body(draft: Draft, annotation: Annotation) -> None:
    draft.added_bytes -= annotation.body.size
    if annotation.body.kind == BodyKind.INLINE:
        draft.dropped_inline.append(annotation.body.id)
    else:
        draft.released.append(annotation.body)
