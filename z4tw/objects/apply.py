"""Dispatch of a command to the family of its register (objects, uploads, control)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from z4tw.model.annotations import Annotation
from z4tw.model.objects import Version
from z4tw.model.registers import BucketUsage, Change, Kind
from z4tw.model.uploads import Upload
from z4tw.objects import control, encryption, forms, object_annotations, uploads, versions
from z4tw.objects.commands import (
    AbortUpload,
    BeginCompletion,
    Command,
    CreateUpload,
    DeleteAnnotation,
    DeleteObject,
    DeleteVersion,
    FinishCompletion,
    PutAnnotation,
    PutPart,
    PutVersion,
    Replace,
    ReplaceBody,
    SetAcl,
    SetEncryption,
    SetTags,
)
from z4tw.objects.outbox import announced


class View(Protocol):
    """What a command may see and draw beside its register, in the same transaction."""

    guard: Upload | None
    """For a PART register: the value of its upload's register."""

    def load_page(self, id: bytes) -> tuple[Version, ...]:
        """A page of older versions that the head names."""

    def load_annotation(self, version: bytes, name: str) -> Annotation | None:
        """An annotation of a version (its stamp) of the OBJECT register."""

    def new_id(self) -> bytes:
        """A new 16-byte id, for a page."""

    def held(self) -> BucketUsage:
        """What the register's bucket holds before the change."""


_COMMANDS: dict[type, tuple[frozenset[int], Callable[[Any, Any, Any], Change]]] = {
    PutVersion: (frozenset({Kind.OBJECT}), versions.put_version),
    DeleteObject: (frozenset({Kind.OBJECT}), versions.delete_object),
    DeleteVersion: (frozenset({Kind.OBJECT}), versions.delete_version),
    SetTags: (frozenset({Kind.OBJECT}), versions.set_tags),
    SetAcl: (frozenset({Kind.OBJECT}), versions.set_acl),
    ReplaceBody: (frozenset({Kind.OBJECT}), forms.replace_body),
    PutAnnotation: (frozenset({Kind.OBJECT}), object_annotations.put_annotation),
    DeleteAnnotation: (frozenset({Kind.OBJECT}), object_annotations.delete_annotation),
    SetEncryption: (frozenset({Kind.OBJECT}), encryption.set_encryption),
    CreateUpload: (frozenset({Kind.UPLOAD}), uploads.create_upload),
    BeginCompletion: (frozenset({Kind.UPLOAD}), uploads.begin_completion),
    FinishCompletion: (frozenset({Kind.UPLOAD}), uploads.finish_completion),
    AbortUpload: (frozenset({Kind.UPLOAD}), uploads.abort_upload),
    PutPart: (frozenset({Kind.PART}), uploads.put_part),
}


def apply(kind: int, value: Any, command: Command, view: View) -> Change:
    """The change that a command makes to a register's value (None: absent). Pure.

    Raises ``TypeError`` for a command that is not of the register's kind: a defect of the caller.
    """
    if isinstance(command, Replace):
        change = control.replace(kind, value, command)
    else:
        kinds, function = _COMMANDS[type(command)]
        if kind not in kinds:
            raise TypeError(f"{type(command).__name__} is no command for registers of kind {kind}")
        change = function(value, command, view)
    notice = getattr(command, "notice", None)
    return change if notice is None else announced(change, notice)
