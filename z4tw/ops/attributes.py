"""GetObjectAttributes.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html
"""

from __future__ import annotations

import msgspec

from z4tw.errors import CorruptBlob, InvalidArgument, SlowDown
from z4tw.interfaces.http import S3Response
from z4tw.model.objects import BodyKind, Manifest, Version
from z4tw.ops.context import Context, Operation
from z4tw.ops.encryption import unlock
from z4tw.ops.lookup import (
    ATTEMPTS,
    is_versioned,
    part_marker,
    readable_version,
    requested_version,
)
from z4tw.ops.parameters import count_parameter
from z4tw.s3.headers import http_date
from z4tw.s3.xml_out import PartsPage, object_attributes

ATTRIBUTES = frozenset({"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"})
MAX_PARTS = 1000
COMPOSITE = "COMPOSITE"


async def get_object_attributes(context: Context) -> S3Response:
    """What a HEAD says of a version and its parts, as a document."""
    headers = context.call.headers
    wanted = _wanted(headers.get("x-amz-object-attributes", ""))
    max_parts = count_parameter(headers, "x-amz-max-parts", MAX_PARTS)
    marker = part_marker(headers, "x-amz-part-number-marker")
    version_id = requested_version(context.call.query)
    register = context.object_register()
    gone = b""
    for _ in range(ATTEMPTS):
        version = await readable_version(context, register, version_id)
        unlock(context, version.encryption)
        page = None
        if "ObjectParts" in wanted and version.body.kind == BodyKind.MANIFEST:
            manifest: Manifest | None = await context.store.read_manifest(version.body.id)
            if manifest is None:
                if version.body.id == gone:
                    raise CorruptBlob("the manifest of a version is not there")
                gone = version.body.id
                continue
            page = _page(version, manifest, marker, max_parts)
        answer = [
            ("Content-Type", "application/xml"),
            ("Last-Modified", http_date(version.modified_ms)),
        ]
        if is_versioned(context.require_bucket()):
            answer.append(("x-amz-version-id", version.version_id))
        return S3Response(200, answer, object_attributes(_shown(version), wanted, page))
    raise SlowDown()


def _wanted(header: str) -> set[str]:
    """The attributes that ``x-amz-object-attributes`` names. Raises ``InvalidArgument``."""
    names = {name.strip() for name in header.split(",")} - {""}
    if not names or names - ATTRIBUTES:
        raise InvalidArgument(
            "Invalid attribute name specified.",
            ArgumentName="x-amz-object-attributes",
            ArgumentValue=header[:1024],
        )
    return names


def _page(version: Version, manifest: Manifest, marker: int, max_parts: int) -> PartsPage:
    """Parts after ``marker``: only those of a composite checksum are listed, as on AWS."""
    checksum = version.checksum
    total = len(manifest.parts)
    if checksum is None or checksum.type != COMPOSITE:
        return PartsPage(total, (), marker, max_parts, False, "")
    following = [part for part in manifest.parts if part.number > marker]
    shown = following[:max_parts]
    return PartsPage(
        total, shown, marker, max_parts, len(shown) < len(following), checksum.algorithm
    )


def _shown(version: Version) -> Version:
    """The version with a composite checksum's value without the number of parts, as AWS has it
    in this document alone."""
    checksum = version.checksum
    if checksum is None or checksum.type != COMPOSITE:
        return version
    bare = msgspec.structs.replace(checksum, value=checksum.value.partition("-")[0])
    return msgspec.structs.replace(version, checksum=bare)


OPERATIONS: dict[str, Operation] = {"GetObjectAttributes": get_object_attributes}
