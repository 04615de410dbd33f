"""Makers of the values and commands that the tests of the stores use."""

from __future__ import annotations

from z4tw.model.control import Account
from z4tw.model.objects import (
    EMPTY_BODY,
    BlobInfo,
    Body,
    BodyKind,
    Checksum,
    Manifest,
    ManifestPart,
    Version,
)
from z4tw.model.registers import Kind, Register, part_register, upload_register
from z4tw.model.stamps import pack_stamp, version_id_of
from z4tw.model.uploads import Part, Upload
from z4tw.objects import records
from z4tw.objects.commands import (
    CreateUpload,
    DeleteObject,
    PutPart,
    PutVersion,
    Replace,
)

OWNER = "ab" * 32
BUCKET = 77
NODE = b"node-001"


def stamp(number: int) -> bytes:
    return pack_stamp(number << 16, NODE, number)


def identity(number: int) -> bytes:
    return number.to_bytes(16, "big")


def blob(number: int, size: int = 5) -> BlobInfo:
    return BlobInfo(identity(number), f"bucket/aa/bb/x~{number}", size, size + 40)


def file_body(number: int, size: int = 5) -> Body:
    return Body(BodyKind.FILE, identity(number), size)


def register(key: bytes, bucket: int = BUCKET) -> Register:
    return Register(Kind.OBJECT, bucket, key)


def version(number: int, body: Body = EMPTY_BODY, checksum: Checksum | None = None) -> Version:
    return Version(
        stamp=stamp(number),
        is_null=False,
        size=body.size,
        etag=f"{number:032x}",
        body=body,
        owner=OWNER,
        checksum=checksum,
        headers={"content-type": "text/plain"},
    )


def put(number: int, versioning: str = "") -> PutVersion:
    return PutVersion(version(number), versioning)


def put_inline(number: int, data: bytes, versioning: str = "") -> PutVersion:
    body = Body(BodyKind.INLINE, identity(number), len(data))
    return PutVersion(version(number, body), versioning, inline=data)


def put_file(number: int, size: int = 5, versioning: str = "") -> PutVersion:
    info = blob(number, size)
    return PutVersion(version(number, file_body(number, size)), versioning, blob=info)


def share_file(number: int, blob_number: int, size: int = 5, versioning: str = "") -> PutVersion:
    return PutVersion(version(number, file_body(blob_number, size)), versioning)


def manifest_of(*blob_numbers: int) -> Manifest:
    return Manifest(
        tuple(
            ManifestPart(number, 5, f"{blob_number:032x}", file_body(blob_number))
            for number, blob_number in enumerate(blob_numbers, 1)
        )
    )


def put_manifest(number: int, manifest: Manifest) -> PutVersion:
    body = Body(BodyKind.MANIFEST, identity(number), 5 * len(manifest.parts))
    return PutVersion(version(number, body), manifest=manifest)


def delete(number: int, versioning: str = "") -> DeleteObject:
    return DeleteObject(stamp(number), OWNER, versioning)


def account(name: str, number: int) -> Account:
    return Account(stamp(number), OWNER, "123456789012", name, number)


def account_register(name: str) -> Register:
    return Register(Kind.ACCOUNT, 0, name.encode())


def create_account(name: str, number: int, expected: bytes | None = None) -> Replace:
    return Replace(expected, records.encode(account(name, number)))


class AnUpload:
    """A multipart upload of a key, begun at a stamp."""

    def __init__(self, key: bytes, number: int, bucket: int = BUCKET) -> None:
        self.key = key
        self.bucket = bucket
        self.id = version_id_of(stamp(number))
        self.register = upload_register(bucket, key, self.id)
        self.create = CreateUpload(
            Upload(
                stamp(number),
                key.decode(),
                self.id,
                OWNER,
                OWNER,
                checksum_algorithm="CRC32",
                checksum_type="COMPOSITE",
            )
        )

    def part(self, number: int) -> Register:
        return part_register(self.bucket, self.key, self.id, number)

    def put_part(self, number: int, at: int, blob_number: int, new: bool = True) -> PutPart:
        part = Part(stamp(at), number, 5, f"{blob_number:032x}", file_body(blob_number))
        return PutPart(part, blob(blob_number) if new else None)
