"""Commands on multipart uploads and their parts. State diagram: ``doc/spec/multipart.rst``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from z4tw.model.objects import Body, BodyKind
from z4tw.model.registers import Change, Done, Refused
from z4tw.model.stamps import after
from z4tw.model.uploads import Part, Upload, UploadState
from z4tw.objects.commands import (
    AbortUpload,
    BeginCompletion,
    CreateUpload,
    FinishCompletion,
    PutPart,
)
from z4tw.objects.quotas import exceeded

if TYPE_CHECKING:
    from z4tw.objects.apply import View

_NO_UPLOAD = Refused("NoSuchUpload")


def _gone(value: Upload | None) -> Change:
    return Change(value, _NO_UPLOAD, write=False)


def create_upload(value: Upload | None, command: CreateUpload, view: View) -> Change:
    """OPEN a new upload; its id is unique, so an existing record is this very upload."""
    if value is not None:
        return Change(value, Done(stamp=value.stamp, changed=False), write=False)
    return Change(command.upload, Done(stamp=command.upload.stamp))


def begin_completion(value: Upload | None, command: BeginCompletion, view: View) -> Change:
    """OPEN or COMPLETING -> COMPLETING, with the completion's stamp and part-list digest fixed."""
    if value is None:
        return _gone(value)
    if value.state == UploadState.DONE:
        if value.digest != command.digest:
            return _gone(value)
        done = Done(value.completion, value.result_version_id, changed=False)
        return Change(value, done, write=False)
    if value.state == UploadState.COMPLETING and value.digest == command.digest:
        return Change(value, Done(stamp=value.completion), write=False)
    stamp = after(command.stamp, max(value.stamp, value.completion))
    completing = msgspec.structs.replace(
        value, state=UploadState.COMPLETING, digest=command.digest, completion=stamp
    )
    return Change(completing, Done(stamp=stamp))


def finish_completion(value: Upload | None, command: FinishCompletion, view: View) -> Change:
    """COMPLETING -> DONE: the version is stored, so the parts' records go."""
    if value is None:
        return _gone(value)
    if value.state == UploadState.DONE:
        if value.digest != command.digest:
            return _gone(value)
        return Change(value, Done(changed=False), write=False)
    if value.digest != command.digest:
        refused = Refused(
            "ConditionalRequestConflict", "Another completion of this upload took over."
        )
        return Change(value, refused, write=False)
    done = msgspec.structs.replace(
        value,
        state=UploadState.DONE,
        result_etag=command.etag,
        result_version_id=command.version_id,
        result_checksum=command.checksum,
        expires_ms=command.expires_ms,
    )
    return Change(done, Done(stamp=command.stamp), clear_parts=True)


def abort_upload(value: Upload | None, command: AbortUpload, view: View) -> Change:
    """OPEN or COMPLETING -> no record, no parts."""
    if value is None or value.state == UploadState.DONE:
        return _gone(value)
    return Change(None, Done(stamp=command.stamp), clear_parts=True)


def put_part(value: Part | None, command: PutPart, view: View) -> Change:
    """Store a part of an upload that is not completed yet, in place of an older one."""
    guard = view.guard
    if guard is None or guard.state == UploadState.DONE:
        return Change(value, _NO_UPLOAD, write=False)
    part = command.part
    if part.body.kind not in (BodyKind.FILE, BodyKind.EMPTY):
        raise ValueError("a part's body is a file or empty")
    more_bytes = part.size - (0 if value is None else value.size)
    if (over := exceeded(command.quota, view.held, more_bytes, 0)) is not None:
        return Change(value, over, write=False)
    return Change(
        part,
        Done(stamp=part.stamp),
        acquire=_counted(part.body),
        release=_counted(value.body) if value is not None else (),
        new_blobs=(command.blob,) if command.blob is not None else (),
        added_bytes=more_bytes,
    )


def _counted(body: Body) -> tuple[Body, ...]:
    return (body,) if body.kind == BodyKind.FILE else ()
