"""The command on a version's encryption.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_UpdateObjectEncryption.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from z4tw.model.objects import Body, BodyKind, Head
from z4tw.model.registers import Change, Done, NeedData, Refused
from z4tw.model.stamps import after
from z4tw.objects.commands import SetEncryption
from z4tw.objects.versions import Draft, find_place

if TYPE_CHECKING:
    from z4tw.objects.apply import View


def set_encryption(head: Head | None, command: SetEncryption, view: View) -> Change:
    """Record another encryption of a version; its stamp, and so Last-Modified, stays, and so do its
    bytes, though they may lie in another body."""
    draft = Draft(head, view)
    place = find_place(draft, command.version_id)
    if place is None:
        code = "NoSuchVersion" if command.version_id else "NoSuchKey"
        return Change(head, Refused(code), write=False)
    version = place.version
    if version.body.id != command.expected or version.delete_marker:
        return Change(head, NeedData(command.expected), write=False)
    draft.last = after(command.stamp, draft.last)
    changed = msgspec.structs.replace(version, encryption=command.encryption, body=command.body)
    draft.replace(place, changed)
    done = Done(draft.last, version.version_id)
    if command.body.id == version.body.id:
        return draft.change(done)
    if version.body.kind == BodyKind.INLINE:
        return _other_row(draft, done, version.body, command)
    draft.released.append(version.body)
    manifest = None if command.manifest is None else (command.body.id, command.manifest)
    return msgspec.structs.replace(draft.change(done), acquire=(command.body,), manifest=manifest)


def _other_row(draft: Draft, done: Done, body: Body, command: SetEncryption) -> Change:
    if command.inline is None:
        raise ValueError("an inline body comes with its bytes")
    draft.dropped_inline.append(body.id)
    return msgspec.structs.replace(draft.change(done), inline=(command.body.id, command.inline))
