"""Commands that alter a version in its place: its stamp, and so Last-Modified, stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from z4tw.model.objects import BodyKind, Head, Version, without_own_key
from z4tw.model.registers import Change, Done, Refused
from z4tw.model.stamps import after
from z4tw.objects.commands import (
    ReplaceBody,
    SetAcl,
    SetLegalHold,
    SetRetention,
    SetTags,
)
from z4tw.objects.locks import hold, retain
from z4tw.objects.versions import Draft, find_place

if TYPE_CHECKING:
    from z4tw.objects.apply import View

_CHANGED = Refused("PreconditionFailed", "The object was changed since.")


def set_tags(head: Head | None, command: SetTags, view: View) -> Change:
    """Replace a version's tags; its stamp, and so Last-Modified, stays."""
    return _alter(
        head, command, view, lambda version: msgspec.structs.replace(version, tags=command.tags)
    )


def set_retention(head: Head | None, command: SetRetention, view: View) -> Change:
    """Change a version's retention, as far as the one that it has allows."""
    return _alter(head, command, view, lambda version: retain(version, command))


def set_legal_hold(head: Head | None, command: SetLegalHold, view: View) -> Change:
    """Change a version's legal hold; nothing stands in the way of that."""
    return _alter(head, command, view, lambda version: hold(version, command))


def _alter(
    head: Head | None,
    command: SetTags | SetRetention | SetLegalHold,
    view: View,
    altered: Callable[[Version], Version | Refused],
) -> Change:
    """Put another value of the version that the command names in its place; its stamp stays."""
    draft = Draft(head, view)
    place = find_place(draft, command.version_id)
    if place is None:
        code = "NoSuchVersion" if command.version_id else "NoSuchKey"
        return Change(head, Refused(code), write=False)
    if place.version.delete_marker:
        return Change(head, Refused("MethodNotAllowed"), write=False)
    version = altered(place.version)
    if isinstance(version, Refused):
        return Change(head, version, write=False)
    draft.last = after(command.stamp, draft.last)
    draft.replace(place, version)
    return draft.change(Done(draft.last, version.version_id), version)


def set_acl(head: Head | None, command: SetAcl, view: View) -> Change:
    """Replace a version's ACL; its stamp, and so Last-Modified, stays."""
    draft = Draft(head, view)
    place = find_place(draft, command.version_id)
    if place is None or place.version.stamp != command.expected:
        return Change(head, Refused("OperationAborted"), write=False)
    draft.last = after(command.stamp, draft.last)
    changed = msgspec.structs.replace(place.version, acl=command.acl)
    draft.replace(place, changed)
    return draft.change(Done(draft.last, changed.version_id), changed)


def replace_body(head: Head | None, command: ReplaceBody, view: View) -> Change:
    """Store a version's bytes in another form, under another storage class."""
    draft = Draft(head, view)
    place = find_place(draft, command.version_id)
    if place is None:
        return Change(head, _CHANGED, write=False)
    version = place.version
    if version.stamp != command.made or version.body.id != command.expected:
        return Change(head, _CHANGED, write=False)
    draft.last = after(command.stamp, draft.last)
    done = Done(draft.last, version.version_id)
    version = msgspec.structs.replace(version, storage_class=command.storage_class)
    body = command.body
    if body is None:
        draft.replace(place, version)
        return draft.change(done, version)
    if body.size != version.size or BodyKind.INLINE in (body.kind, version.body.kind):
        raise ValueError("a body in another form has the same bytes, in files")
    encryption = without_own_key(version.encryption)
    moved = msgspec.structs.replace(version, body=body, encryption=encryption)
    draft.replace(place, moved)
    draft.released.append(version.body)
    manifest = None if command.manifest is None else (body.id, command.manifest)
    return msgspec.structs.replace(
        draft.change(done, moved), acquire=(body,), new_blobs=command.blobs, manifest=manifest
    )
