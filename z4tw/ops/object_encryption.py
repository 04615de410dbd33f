"""UpdateObjectEncryption: another key for an object, without touching its bytes.

The object's data keys are sealed once more, under the new key, and the version names these in
place of what its blobs' rows hold; other versions that share the blobs keep what they have.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_UpdateObjectEncryption.html
"""

from __future__ import annotations

import msgspec

from z4tw.errors import CorruptBlob, InvalidRequest, SlowDown
from z4tw.interfaces.http import S3Response
from z4tw.model.objects import (
    SSE_C,
    BlobInfo,
    Body,
    BodyKind,
    Manifest,
    ManifestPart,
    Version,
)
from z4tw.model.registers import NeedData, Outcome
from z4tw.objects.commands import SetEncryption
from z4tw.ops.bodies import BodyGone, open_body
from z4tw.ops.context import Context, Operation, done
from z4tw.ops.documents import read_document
from z4tw.ops.encryption import Chosen, check_key, fulfil
from z4tw.ops.lookup import ATTEMPTS, readable_version, requested_version
from z4tw.s3.encryption_xml import parse_object_encryption
from z4tw.s3.xml_in import SETTING_BYTES


async def update_object_encryption(context: Context) -> S3Response:
    """Give a version, encrypted by the server, another key of the keyring.

    Raises ``InvalidRequest`` for a version that is not encrypted or has a customer's key,
    ``KMS.NotFoundException``, ``KMS.DisabledException``.
    """
    wish = parse_object_encryption(await read_document(context, SETTING_BYTES))
    version_id = requested_version(context.call.query)
    register = context.object_register()
    context.blobs.admit(0)
    gone = b""
    for _ in range(ATTEMPTS):
        version = await readable_version(context, register, version_id)
        _check_present(context, version)
        chosen = fulfil(context.blobs.keys, wish, context.settings.region)
        try:
            command = await _command(context, version, version_id, chosen)
        except BodyGone:
            outcome: Outcome = NeedData(version.body.id)
        else:
            outcome = await context.store.change(register, command)
        if isinstance(outcome, NeedData):
            if version.body.id == gone:
                raise CorruptBlob("the body of a version is not there")
            gone = version.body.id
            continue
        done(outcome)
        return S3Response(200)
    raise SlowDown()


def _check_present(context: Context, version: Version) -> None:
    present = version.encryption
    if present is None:
        raise _unencrypted()
    if present.method == SSE_C:
        raise InvalidRequest(
            "The UpdateObjectEncryption operation doesn't support source objects with the "
            "encryption type DSSE-KMS or SSE-C. Only source objects encrypted with SSE-S3 or "
            "SSE-KMS are supported."
        )
    check_key(context.blobs.keys, present.key, context.settings.region)


def _unencrypted() -> InvalidRequest:
    return InvalidRequest(
        "The UpdateObjectEncryption operation doesn't supported unencrypted source objects. Only "
        "source objects encrypted with SSE-S3 or SSE-KMS are supported."
    )


async def _command(
    context: Context, version: Version, version_id: str, chosen: Chosen
) -> SetEncryption:
    """The change of a version as it is now. Raises ``BodyGone``."""
    encryption, seal, _ = chosen
    assert encryption is not None
    body, inline, manifest = version.body, None, None
    if body.kind == BodyKind.INLINE:
        data = await open_body(context.store, context.blobs, body, 0, body.size)
        body = Body(BodyKind.INLINE, context.blobs.new_id(), body.size)
        inline = context.blobs.seal_inline(body.id, data, seal)
    elif body.kind == BodyKind.FILE:
        assert version.encryption is not None
        sealed = await _sealed_again(context, body, version.encryption.sealed_key, seal.key_name)
        encryption = msgspec.structs.replace(encryption, sealed_key=sealed)
    elif body.kind == BodyKind.MANIFEST:
        present: Manifest | None = await context.store.read_manifest(body.id)
        if present is None:
            raise BodyGone
        parts = [await _part(context, part, seal.key_name) for part in present.parts]
        manifest = Manifest(tuple(parts))
        body = Body(BodyKind.MANIFEST, context.blobs.new_id(), body.size)
    stamp = context.stamp()
    return SetEncryption(stamp, version_id, version.body.id, encryption, body, inline, manifest)


async def _part(context: Context, part: ManifestPart, name: str) -> ManifestPart:
    if part.body.kind != BodyKind.FILE:
        return part
    sealed = await _sealed_again(context, part.body, part.sealed_key, name)
    return msgspec.structs.replace(part, sealed_key=sealed)


async def _sealed_again(context: Context, body: Body, sealed: bytes, name: str) -> bytes:
    """The data key of a body under the key of a name; ``sealed`` is what stood in place of its
    row's. Raises ``BodyGone``."""
    if not sealed:
        blob: BlobInfo | None = await context.store.read_blob(body.id)
        if blob is None:
            raise BodyGone
        sealed = blob.sealed_key
    if not sealed:
        raise _unencrypted()
    again: bytes = context.blobs.keys.rewrap(body.id, sealed, name)
    return again


OPERATIONS: dict[str, Operation] = {"UpdateObjectEncryption": update_object_encryption}
