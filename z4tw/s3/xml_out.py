"""S3's response documents as bytes: one function per document, all text escaped.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from z4tw.errors import S3Error
from z4tw.model.objects import Checksum, ManifestPart, Version
from z4tw.s3.dates import iso_date
from z4tw.s3.xml_lists import (
    list_buckets,
    list_objects_v1,
    list_objects_v2,
    list_parts,
    list_uploads,
    list_versions,
)
from z4tw.s3.xml_text import (
    NAMESPACE,
    PROLOG,
    boolean,
    document,
    element,
    escape,
    optional,
    readable,
)

__all__ = [
    "DeleteFailure",
    "Deleted",
    "PartsPage",
    "complete_upload",
    "copy_part_result",
    "copy_result",
    "delete_result",
    "error_document",
    "initiate_upload",
    "list_buckets",
    "list_objects_v1",
    "list_objects_v2",
    "list_parts",
    "list_uploads",
    "list_versions",
    "location",
    "object_attributes",
    "post_response",
    "tagging",
    "versioning",
]


class Deleted(NamedTuple):
    """One success of DeleteObjects. ``version_id`` is the one asked for; ``delete_marker`` says
    that a delete marker was made or removed, ``marker_version_id`` which one."""

    key: str
    version_id: str = ""
    delete_marker: bool = False
    marker_version_id: str = ""


class DeleteFailure(NamedTuple):
    """One failure of DeleteObjects."""

    key: str
    version_id: str
    code: str
    message: str


class PartsPage(NamedTuple):
    """A page of an object's parts in GetObjectAttributes: those after number ``marker``.

    ``total`` counts all parts; ``algorithm`` is that of the parts' checksums, empty without.
    """

    total: int
    parts: Sequence[ManifestPart]
    marker: int
    max_parts: int
    truncated: bool
    algorithm: str


def error_document(error: S3Error, resource: str, request_id: str, host_id: str) -> bytes:
    """The Error document; the error's details stand before the resource.

    It is well-formed whatever a request held: a client that cannot parse it would not learn the
    code. Characters that XML cannot carry are replaced.
    """
    details = "".join(
        [element(name, readable(str(value))) for name, value in error.details.items()]
    )
    return (
        f"{PROLOG}<Error>{element('Code', error.code)}{element('Message', readable(error.message))}"
        f"{details}{element('Resource', readable(resource))}{element('RequestId', request_id)}"
        f"{element('HostId', host_id)}</Error>"
    ).encode()


def location(constraint: str) -> bytes:
    """LocationConstraint; empty text means us-east-1."""
    if not constraint:
        return f"{PROLOG}<LocationConstraint{NAMESPACE}/>".encode()
    return document("LocationConstraint", escape(constraint))


def versioning(status: str) -> bytes:
    """VersioningConfiguration; without Status when versioning never was on."""
    return document("VersioningConfiguration", optional("Status", status))


def tagging(tags: Mapping[str, str]) -> bytes:
    """Tagging: a TagSet, empty without tags."""
    rows = "".join(
        f"<Tag>{element('Key', key)}{element('Value', value)}</Tag>" for key, value in tags.items()
    )
    return document("Tagging", f"<TagSet>{rows}</TagSet>")


def initiate_upload(bucket: str, key: str, upload_id: str) -> bytes:
    """InitiateMultipartUploadResult."""
    return document(
        "InitiateMultipartUploadResult",
        element("Bucket", bucket),
        element("Key", key),
        element("UploadId", upload_id),
    )


def complete_upload(
    location_url: str, bucket: str, key: str, etag: str, checksum: Checksum | None = None
) -> bytes:
    """CompleteMultipartUploadResult; ``etag`` has no quotes."""
    return document(
        "CompleteMultipartUploadResult",
        element("Location", location_url),
        element("Bucket", bucket),
        element("Key", key),
        element("ETag", f'"{etag}"'),
        _checksum(checksum),
    )


def post_response(location_url: str, bucket: str, key: str, etag: str) -> bytes:
    """PostResponse, which has no namespace; ``etag`` has its quotes."""
    return (
        f"{PROLOG}<PostResponse>{element('Location', location_url)}{element('Bucket', bucket)}"
        f"{element('Key', key)}{element('ETag', etag)}</PostResponse>"
    ).encode()


def copy_result(etag: str, modified_ms: int, checksum: Checksum | None = None) -> bytes:
    """CopyObjectResult."""
    return _copy("CopyObjectResult", etag, modified_ms, _checksum(checksum))


def copy_part_result(etag: str, modified_ms: int, algorithm: str = "", checksum: str = "") -> bytes:
    """CopyPartResult; the part's checksum is there when its upload has an algorithm."""
    value = optional(f"Checksum{algorithm}", checksum) if algorithm else ""
    return _copy("CopyPartResult", etag, modified_ms, value)


def delete_result(deleted: Iterable[Deleted], failed: Iterable[DeleteFailure]) -> bytes:
    """DeleteResult; a quiet request passes no successes."""
    pieces = []
    for done in deleted:
        pieces.append(
            f"<Deleted>{element('Key', done.key)}{optional('VersionId', done.version_id)}"
        )
        if done.delete_marker:
            pieces.append(
                "<DeleteMarker>true</DeleteMarker>"
                f"{optional('DeleteMarkerVersionId', done.marker_version_id)}"
            )
        pieces.append("</Deleted>")
    for failure in failed:
        pieces.append(
            f"<Error>{element('Key', failure.key)}{optional('VersionId', failure.version_id)}"
            f"{element('Code', failure.code)}{element('Message', failure.message)}</Error>"
        )
    return document("DeleteResult", *pieces)


def object_attributes(
    version: Version, attributes: Collection[str], parts: PartsPage | None = None
) -> bytes:
    """GetObjectAttributesResponse with the attributes asked for (``ETag``, ``Checksum``,
    ``ObjectParts``, ``StorageClass``, ``ObjectSize``); ``parts`` None: not a multipart object."""
    pieces = []
    if "ETag" in attributes:
        pieces.append(element("ETag", version.etag))
    if "Checksum" in attributes and version.checksum is not None:
        pieces.append(f"<Checksum>{_checksum(version.checksum)}</Checksum>")
    if "ObjectParts" in attributes and parts is not None:
        pieces.append(_object_parts(parts))
    if "StorageClass" in attributes:
        pieces.append(element("StorageClass", version.storage_class))
    if "ObjectSize" in attributes:
        pieces.append(f"<ObjectSize>{version.size}</ObjectSize>")
    return document("GetObjectAttributesResponse", *pieces)


def _object_parts(page: PartsPage) -> str:
    following = page.parts[-1].number if page.parts else page.marker
    rows = "".join(
        f"<Part><PartNumber>{part.number}</PartNumber><Size>{part.size}</Size>"
        f"{optional('Checksum' + page.algorithm, part.checksum)}</Part>"
        for part in (page.parts if page.algorithm else ())
    )
    return (
        f"<ObjectParts><PartsCount>{page.total}</PartsCount>"
        f"<PartNumberMarker>{page.marker}</PartNumberMarker>"
        f"<NextPartNumberMarker>{following}</NextPartNumberMarker>"
        f"<MaxParts>{page.max_parts}</MaxParts>"
        f"<IsTruncated>{boolean(page.truncated)}</IsTruncated>{rows}</ObjectParts>"
    )


def _checksum(checksum: Checksum | None) -> str:
    if checksum is None:
        return ""
    return element(f"Checksum{checksum.algorithm}", checksum.value) + element(
        "ChecksumType", checksum.type
    )


def _copy(root: str, etag: str, modified_ms: int, checksum: str) -> bytes:
    modified = f"<LastModified>{iso_date(modified_ms)}</LastModified>"
    return document(root, modified, element("ETag", f'"{etag}"'), checksum)
