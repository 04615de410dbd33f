"""The command that stores a version's bytes in another form: what a transition does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from z4tw.model.objects import BodyKind, Head, without_own_key
from z4tw.model.registers import Change, Done
from z4tw.model.stamps import after
from z4tw.objects.commands import ReplaceBody
from z4tw.objects.versions import CHANGED, Draft, find_place

if TYPE_CHECKING:
    from z4tw.objects.apply import View


def replace_body(head: Head | None, command: ReplaceBody, view: View) -> Change:
    """Store a version's bytes in another form, under another storage class."""
    draft = Draft(head, view)
    place = find_place(draft, command.version_id)
    if place is None:
        return Change(head, CHANGED, write=False)
    version = place.version
    if version.stamp != command.made or version.body.id != command.expected:
        return Change(head, CHANGED, write=False)
    draft.last = after(command.stamp, draft.last)
    done = Done(draft.last, version.version_id)
    body = command.body
    if body is None:
        same = msgspec.structs.replace(version, storage_class=command.storage_class)
        draft.replace(place, same)
        return draft.change(done, same)
    if body.size != version.size or BodyKind.INLINE in (body.kind, version.body.kind):
        raise ValueError("a body in another form has the same bytes, in files")
    encryption = without_own_key(version.encryption)
    fields = {"storage_class": command.storage_class, "encryption": encryption}
    moved = msgspec.structs.replace(version, body=body, **fields)
    draft.replace(place, moved)
    draft.released.append(version.body)
    manifest = None if command.manifest is None else (body.id, command.manifest)
    return msgspec.structs.replace(
        draft.change(done, moved), acquire=(body,), new_blobs=command.blobs, manifest=manifest
    )
