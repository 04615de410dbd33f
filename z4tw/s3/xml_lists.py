"""S3's listings as XML documents.

``owners`` maps canonical account ids to display names; an id that it lacks has an empty one.
``url`` is ``encoding-type=url``. Elements and their order are those of the S3 API reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from z4tw.model.control import Bucket
from z4tw.model.registers import ListPage, LiveRow, VersionPage, split_upload_key
from z4tw.model.uploads import Part, Upload
from z4tw.s3.dates import iso_date, iso_second
from z4tw.s3.xml_text import (
    boolean,
    document,
    element,
    encoded_keys,
    escape,
    optional,
    url_encode,
)

STOPPED_AFTER_KEY = b"\xff"
"""What follows the key in the ``last`` of a page of uploads that ends with a common prefix."""


def list_buckets(
    owner_id: str,
    display_name: str,
    buckets: Iterable[Bucket],
    prefix: str = "",
    next_token: str | None = None,
) -> bytes:
    """ListAllMyBucketsResult: the requester, and buckets in order of their names."""
    rows = "".join(
        f"<Bucket><Name>{escape(bucket.name)}</Name>"
        f"<CreationDate>{iso_date(bucket.created_ms)}</CreationDate>"
        f"{optional('BucketRegion', bucket.region)}</Bucket>"
        for bucket in buckets
    )
    return document(
        "ListAllMyBucketsResult",
        _owner("Owner", owner_id, display_name),
        f"<Buckets>{rows}</Buckets>",
        optional("Prefix", prefix),
        optional("ContinuationToken", next_token or ""),
    )


def list_objects_v1(
    bucket: str,
    page: ListPage,
    *,
    prefix: str,
    delimiter: str,
    marker: str,
    max_keys: int,
    url: bool,
    owners: Mapping[str, str],
) -> bytes:
    """ListBucketResult of ListObjects. NextMarker is there only with a delimiter, as on AWS:
    without one the last key is the marker."""
    encode = url_encode if url else str
    following = page.last.decode("utf-8") if page.truncated and delimiter else ""
    return document(
        "ListBucketResult",
        element("Name", bucket),
        element("Prefix", encode(prefix)),
        element("Marker", encode(marker)),
        optional("NextMarker", encode(following)),
        f"<MaxKeys>{max_keys}</MaxKeys>",
        optional("Delimiter", encode(delimiter)),
        _encoding_type(url),
        f"<IsTruncated>{boolean(page.truncated)}</IsTruncated>",
        _contents(page.rows, url, owners),
        _common_prefixes(page.prefixes, url),
    )


def list_objects_v2(
    bucket: str,
    page: ListPage,
    *,
    prefix: str,
    delimiter: str,
    max_keys: int,
    url: bool,
    start_after: str = "",
    token: str = "",
    next_token: str = "",
    owners: Mapping[str, str] | None = None,
) -> bytes:
    """ListBucketResult of ListObjectsV2; ``owners`` None: owners are not shown."""
    encode = url_encode if url else str
    return document(
        "ListBucketResult",
        element("Name", bucket),
        element("Prefix", encode(prefix)),
        optional("ContinuationToken", token),
        optional("NextContinuationToken", next_token),
        optional("StartAfter", encode(start_after)),
        f"<KeyCount>{len(page.rows) + len(page.prefixes)}</KeyCount>",
        f"<MaxKeys>{max_keys}</MaxKeys>",
        optional("Delimiter", encode(delimiter)),
        _encoding_type(url),
        f"<IsTruncated>{boolean(page.truncated)}</IsTruncated>",
        _contents(page.rows, url, owners),
        _common_prefixes(page.prefixes, url),
    )


def list_versions(
    bucket: str,
    page: VersionPage,
    *,
    prefix: str,
    delimiter: str,
    key_marker: str,
    version_marker: str,
    max_keys: int,
    url: bool,
    owners: Mapping[str, str],
) -> bytes:
    """ListVersionsResult: versions and delete markers in one order."""
    encode = url_encode if url else str
    following = page.next_key.decode("utf-8") if page.truncated else ""
    return document(
        "ListVersionsResult",
        element("Name", bucket),
        element("Prefix", encode(prefix)),
        element("KeyMarker", encode(key_marker)),
        element("VersionIdMarker", version_marker),
        optional("NextKeyMarker", encode(following)),
        optional("NextVersionIdMarker", page.next_version if page.truncated else ""),
        f"<MaxKeys>{max_keys}</MaxKeys>",
        optional("Delimiter", encode(delimiter)),
        _encoding_type(url),
        f"<IsTruncated>{boolean(page.truncated)}</IsTruncated>",
        _versions(page, url, owners),
        _common_prefixes(page.prefixes, url),
    )


def list_uploads(
    bucket: str,
    page: ListPage,
    *,
    prefix: str,
    delimiter: str,
    key_marker: str,
    upload_id_marker: str,
    max_uploads: int,
    url: bool,
    owners: Mapping[str, str],
) -> bytes:
    """ListMultipartUploadsResult, from a page whose row keys are register keys."""
    encode = url_encode if url else str
    following = ""
    if page.truncated:
        key, upload_id = split_upload_key(page.last)
        following = element("NextKeyMarker", encode(key.decode("utf-8")))
        stopped = upload_id == STOPPED_AFTER_KEY
        following += element("NextUploadIdMarker", "" if stopped else upload_id.decode("ascii"))
    return document(
        "ListMultipartUploadsResult",
        element("Bucket", bucket),
        element("KeyMarker", encode(key_marker)),
        element("UploadIdMarker", upload_id_marker),
        following,
        optional("Delimiter", encode(delimiter)),
        element("Prefix", encode(prefix)),
        _encoding_type(url),
        f"<MaxUploads>{max_uploads}</MaxUploads>",
        f"<IsTruncated>{boolean(page.truncated)}</IsTruncated>",
        _uploads(page.rows, url, owners),
        _common_prefixes(page.prefixes, url),
    )


def list_parts(
    bucket: str,
    upload: Upload,
    parts: Sequence[Part],
    *,
    marker: int,
    max_parts: int,
    truncated: bool,
    owners: Mapping[str, str],
) -> bytes:
    """ListPartsResult: the parts of a page, in order of their numbers, after ``marker``."""
    algorithm = upload.checksum_algorithm
    rows = "".join(
        f"<Part><PartNumber>{part.number}</PartNumber>"
        f"<LastModified>{iso_date(int.from_bytes(part.stamp[:6], 'big'))}</LastModified>"
        f"<ETag>&quot;{part.etag}&quot;</ETag><Size>{part.size}</Size>"
        f"{optional('Checksum' + algorithm, part.checksum) if algorithm else ''}</Part>"
        for part in parts
    )
    return document(
        "ListPartsResult",
        element("Bucket", bucket),
        element("Key", upload.key),
        element("UploadId", upload.upload_id),
        _owner("Initiator", upload.initiator, owners.get(upload.initiator, "")),
        _owner("Owner", upload.owner, owners.get(upload.owner, "")),
        f"<StorageClass>{upload.storage_class}</StorageClass>",
        f"<PartNumberMarker>{marker}</PartNumberMarker>",
        f"<NextPartNumberMarker>{parts[-1].number if parts else marker}</NextPartNumberMarker>",
        f"<MaxParts>{max_parts}</MaxParts>",
        f"<IsTruncated>{boolean(truncated)}</IsTruncated>",
        optional("ChecksumAlgorithm", algorithm),
        optional("ChecksumType", upload.checksum_type),
        rows,
    )


def _encoding_type(url: bool) -> str:
    return "<EncodingType>url</EncodingType>" if url else ""


def _owner(name: str, id: str, display_name: str) -> str:
    return (
        f"<{name}><ID>{escape(id)}</ID><DisplayName>{escape(display_name)}</DisplayName></{name}>"
    )


def _common_prefixes(prefixes: Sequence[bytes], url: bool) -> str:
    return "".join(
        f"<CommonPrefixes><Prefix>{text}</Prefix></CommonPrefixes>"
        for text in encoded_keys(prefixes, url)
    )


class _Owners(dict[str, str]):
    """Owner elements by canonical id, written once each."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def __missing__(self, id: str) -> str:
        text = self[id] = _owner("Owner", id, self._names.get(id, ""))
        return text


class _Checksums(dict[str, str]):
    """Checksum elements by ``ALGORITHM/TYPE`` (or empty), written once each."""

    def __missing__(self, kept: str) -> str:
        algorithm, _, type = kept.partition("/")
        text = optional("ChecksumAlgorithm", algorithm) + optional("ChecksumType", type)
        self[kept] = text
        return text


def _contents(rows: Sequence[LiveRow], url: bool, owners: Mapping[str, str] | None) -> str:
    keys = encoded_keys([row[0] for row in rows], url)
    checksums = _Checksums()
    owned = _Owners(owners) if owners is not None else None
    return "".join(
        [
            f"<Contents><Key>{key}</Key><LastModified>{iso_second(ms // 1000)}</LastModified>"
            f"<ETag>&quot;{tag}&quot;</ETag>{checksums[checksum]}<Size>{size}</Size>"
            f"{owned[owner] if owned is not None else ''}"
            f"<StorageClass>{storage_class}</StorageClass></Contents>"
            for key, (_, size, tag, ms, storage_class, owner, checksum) in zip(
                keys, rows, strict=True
            )
        ]
    )


def _versions(page: VersionPage, url: bool, owners: Mapping[str, str]) -> str:
    keys = encoded_keys([key for key, _, _ in page.versions], url)
    checksums = _Checksums()
    owned = _Owners(owners)
    pieces = []
    for text, (_, version, latest) in zip(keys, page.versions, strict=True):
        name = "DeleteMarker" if version.delete_marker else "Version"
        pieces.append(
            f"<{name}><Key>{text}</Key><VersionId>{version.version_id}</VersionId>"
            f"<IsLatest>{boolean(latest)}</IsLatest>"
            f"<LastModified>{iso_date(version.modified_ms)}</LastModified>"
        )
        if not version.delete_marker:
            kept = version.checksum
            pieces.append(
                f"<ETag>&quot;{version.etag}&quot;</ETag>"
                f"{checksums[f'{kept.algorithm}/{kept.type}' if kept is not None else '']}"
                f"<Size>{version.size}</Size><StorageClass>{version.storage_class}</StorageClass>"
            )
        pieces.append(f"{owned[version.owner]}</{name}>")
    return "".join(pieces)


def _uploads(rows: Sequence[LiveRow], url: bool, owners: Mapping[str, str]) -> str:
    places = [split_upload_key(row.key) for row in rows]
    keys = encoded_keys([key for key, _ in places], url)
    checksums = _Checksums()
    owned = _Owners(owners)
    return "".join(
        f"<Upload><Key>{key}</Key><UploadId>{escape(upload_id.decode('ascii'))}</UploadId>"
        f"{_owner('Initiator', row.tag, owners.get(row.tag, ''))}{owned[row.owner]}"
        f"<StorageClass>{row.storage_class}</StorageClass>"
        f"<Initiated>{iso_date(row.modified_ms)}</Initiated>{checksums[row.checksum]}</Upload>"
        for key, (_, upload_id), row in zip(keys, places, rows, strict=True)
    )
