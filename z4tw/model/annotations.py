"""Annotations: named texts that are attached to one version of an object."""

from __future__ import annotations

import msgspec

from z4tw.model.objects import BlobInfo, Body, Checksum, Encryption
from z4tw.model.registers import Kind, Register, split_upload_key, upload_prefix
from z4tw.model.stamps import STAMP_BYTES


class Annotation(msgspec.Struct, frozen=True, array_like=True):
    """One annotation: the value of an ANNOTATION register. ``etag`` is hex MD5 without quotes,
    ``body`` INLINE or FILE, never empty. ``stamp`` is that of its last change. ``encryption`` is
    what its version had when it was put, None without any."""

    stamp: bytes
    name: str
    etag: str
    body: Body
    checksum: Checksum | None = None
    encryption: Encryption | None = None


class NewAnnotation(msgspec.Struct, frozen=True, array_like=True):
    """An annotation that comes with a version; ``inline`` is the stored form of an INLINE body,
    ``blob`` describes a new FILE body; both None for one that is shared."""

    annotation: Annotation
    inline: bytes | None = None
    blob: BlobInfo | None = None


def annotations_prefix(key: bytes, version: bytes) -> bytes:
    """What the register keys of all annotations of a version (a stamp) begin with."""
    return upload_prefix(key) + version


def annotation_register(incarnation: int, key: bytes, version: bytes, name: str) -> Register:
    """The register of one annotation: a version's sort by name."""
    register_key = annotations_prefix(key, version) + name.encode("utf-8")
    return Register(Kind.ANNOTATION, incarnation, register_key)


def split_annotation_key(register_key: bytes) -> tuple[bytes, bytes, bytes]:
    """Undo ``annotation_register``: the object's key, the version's stamp, the name. Raises
    ``ValueError``."""
    key, rest = split_upload_key(register_key)
    return key, rest[:STAMP_BYTES], rest[STAMP_BYTES:]
