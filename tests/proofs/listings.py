"""Pages of listings beside what the model says of them, and what a store shows of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime

from tests.ops.harness import Answer
from tests.proofs.model import (
    Attributes,
    Bucket,
    Lock,
    Model,
    Part,
    Upload,
    Version,
    all_versions,
    order,
)
from tests.proofs.operations import Expected, Operation, Request, path_of

Send = Callable[[Request], Answer]


def boolean(value: bool) -> list[str]:
    return ["true" if value else "false"]


def page_query(prefix: str, delimiter: str, url: bool) -> dict[str, str]:
    query = {"encoding_type": "url"} if url else {}
    if prefix:
        query["prefix"] = prefix
    if delimiter:
        query["delimiter"] = delimiter
    return query


def list_objects(
    bucket: str,
    prefix: str = "",
    delimiter: str = "",
    after: str = "",
    limit: int = 1000,
    url: bool = False,
    token: str | None = None,
) -> Operation:
    """A page of ListObjects, or with a token ("" for the first page) of ListObjectsV2."""
    query = page_query(prefix, delimiter, url) | {"max_keys": str(limit)}
    if token is None:
        query |= {"marker": after} if after else {}
    else:
        query["list_type"] = "2"
        if token:
            query["continuation_token"] = token
        elif after:
            query["start_after"] = after

    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        keys, groups, truncated = model.list_live(bucket, prefix, delimiter, after, limit)
        found = [model.find(bucket, key) for key in keys]
        texts = {
            "Contents/Key": keys,
            "Contents/ETag": [f'"{one.etag}"' for one in found],
            "Contents/Size": [str(len(one.body)) for one in found],
            "Contents/StorageClass": [one.attributes.storage_class for one in found],
            "CommonPrefixes/Prefix": groups,
            "IsTruncated": boolean(truncated),
        }
        if token is not None:
            texts["KeyCount"] = [str(len(keys) + len(groups))]
        elif delimiter:
            texts["NextMarker"] = [last_of(keys + groups)] if truncated else []
        return Expected(200, texts=texts, url=url)

    return Operation(Request("GET", path_of(bucket, "", **query)), effect)


def last_of(names: list[str]) -> str:
    return max(names, key=order)


def list_versions(
    bucket: str,
    prefix: str = "",
    delimiter: str = "",
    after: tuple[str, str] = ("", ""),
    limit: int = 1000,
    url: bool = False,
) -> Operation:
    """A page of ListObjectVersions after (key, version id)."""
    query = page_query(prefix, delimiter, url) | {"max_keys": str(limit)}
    if after[0]:
        query["key_marker"] = after[0]
    if after[1]:
        query["version_id_marker"] = after[1]

    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        found, groups, truncated = model.list_versions(bucket, prefix, delimiter, after, limit)
        texts = {"CommonPrefixes/Prefix": groups, "IsTruncated": boolean(truncated)}
        for name, marker in (("Version", False), ("DeleteMarker", True)):
            rows = [row for row in found if row[1].marker == marker]
            texts[f"{name}/Key"] = [key for key, _, _ in rows]
            texts[f"{name}/VersionId"] = [one.id or "" for _, one, _ in rows]
            texts[f"{name}/IsLatest"] = [text for row in rows for text in boolean(row[2])]
            if not marker:
                texts["Version/ETag"] = [f'"{one.etag}"' for _, one, _ in rows]
                texts["Version/Size"] = [str(len(one.body)) for _, one, _ in rows]
        if truncated:
            key, id = following_version(found, groups)
            texts["NextKeyMarker"], texts["NextVersionIdMarker"] = [key], [id] if id else []
        return Expected(200, texts=texts, url=url)

    return Operation(Request("GET", path_of(bucket, "", versions="", **query)), effect)


def following_version(found: list[tuple[str, Version, bool]], groups: list[str]) -> tuple[str, str]:
    """The markers of the page after this one."""
    last_key, last_group = found[-1][0] if found else "", groups[-1] if groups else ""
    if order(last_group) > order(last_key):
        return last_group, ""
    return last_key, found[-1][1].id or ""


def list_uploads(
    bucket: str,
    prefix: str = "",
    delimiter: str = "",
    after: tuple[str, str] = ("", ""),
    limit: int = 1000,
    url: bool = False,
) -> Operation:
    """A page of ListMultipartUploads after (key, upload id)."""
    query = page_query(prefix, delimiter, url) | {"max_uploads": str(limit)}
    if after[0]:
        query["key_marker"] = after[0]
    if after[1]:
        query["upload_id_marker"] = after[1]

    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        found, groups, truncated = model.list_uploads(bucket, prefix, delimiter, after, limit)
        texts = {
            "Upload/Key": [key for key, _ in found],
            "Upload/UploadId": [id for _, id in found],
            "CommonPrefixes/Prefix": groups,
            "IsTruncated": boolean(truncated),
        }
        if truncated:
            key, id = following_upload(found, groups)
            texts["NextKeyMarker"], texts["NextUploadIdMarker"] = [key], [id]
        return Expected(200, texts=texts, url=url)

    return Operation(Request("GET", path_of(bucket, "", uploads="", **query)), effect)


def following_upload(found: list[tuple[str, str]], groups: list[str]) -> tuple[str, str]:
    """The markers of the page after this one."""
    last, last_group = found[-1] if found else ("", ""), groups[-1] if groups else ""
    return (last_group, "") if order(last_group) > order(last[0]) else last


# What is there, seen through requests


def observe(send: Send) -> Model:
    """Everything that a client can see of a store, as a model of its own.

    Of a part only size and ETag can be seen: its body stands for them."""
    model = Model()
    for name in good(send(Request("GET", "/"))).texts("Buckets/Bucket/Name"):
        model.buckets[name] = observe_bucket(send, name)
    return model


def good(answer: Answer) -> Answer:
    assert not answer.error, answer
    return answer


def observe_bucket(send: Send, name: str) -> Bucket:
    versioning = good(send(Request("GET", f"/{name}?versioning"))).text("Status") or ""
    locked = not send(Request("GET", f"/{name}?object-lock")).error
    bucket = Bucket(versioning, locked=locked)
    listing = good(send(Request("GET", f"/{name}?versions"))).xml
    assert listing.findtext("IsTruncated") == "false"
    for row in listing:
        if row.tag in ("Version", "DeleteMarker"):
            key, id = row.findtext("Key") or "", row.findtext("VersionId") or ""
            versions = bucket.keys.setdefault(key, [])
            marker = row.tag == "DeleteMarker"
            version = Version(id, None, True) if marker else observe_version(send, name, key, id)
            if not marker:
                assert row.findtext("ETag") == f'"{version.etag}"'
                assert row.findtext("Size") == str(len(version.body))
            assert (row.findtext("IsLatest") == "true") == (not versions)
            versions.append(version)
    uploads = good(send(Request("GET", f"/{name}?uploads")))
    pairs = zip(uploads.texts("Upload/Key"), uploads.texts("Upload/UploadId"), strict=True)
    for key, id in pairs:
        parts = good(send(Request("GET", path_of(name, key, uploadId=id))))
        upload = bucket.uploads[id] = Upload(key, Attributes())
        for part in parts.xml.findall("Part"):
            size, etag = part.findtext("Size") or "", (part.findtext("ETag") or "").strip('"')
            upload.parts[int(part.findtext("PartNumber") or "")] = Part(size.encode(), etag)
    return bucket


def observe_version(send: Send, bucket: str, key: str, id: str) -> Version:
    answer = good(send(Request("GET", path_of(bucket, key, versionId=id))))
    headers = answer.headers
    metadata = tuple(
        (name[11:], value) for name, value in headers.items() if name.startswith("x-amz-meta-")
    )
    tags: tuple[tuple[str, str], ...] = ()
    if "x-amz-tagging-count" in headers:
        shown = good(send(Request("GET", path_of(bucket, key, tagging="", versionId=id))))
        names, values = shown.texts("TagSet/Tag/Key"), shown.texts("TagSet/Tag/Value")
        tags = tuple(zip(names, values, strict=True))
        assert headers["x-amz-tagging-count"] == str(len(tags))
    return Version(
        id,
        int(parsedate_to_datetime(headers["last-modified"]).timestamp()),
        False,
        answer.body,
        headers["etag"].strip('"'),
        Attributes(
            metadata,
            headers["content-type"],
            tags,
            headers.get("x-amz-storage-class", "STANDARD"),
        ),
        lock=observe_lock(headers),
    )


def observe_lock(headers: dict[str, str]) -> Lock:
    prefix = "x-amz-object-lock"
    until = headers.get(f"{prefix}-retain-until-date")
    return Lock(
        headers.get(f"{prefix}-mode", ""),
        0 if until is None else int(datetime.fromisoformat(until).timestamp()),
        headers.get(f"{prefix}-legal-hold", ""),
    )


def differences(expected: Model, found: Model) -> list[str]:
    """What is not as expected; ids and times that nobody was told may be any."""
    wrong = [
        f"bucket {name}: {'missing' if name in expected.buckets else 'not expected'}"
        for name in sorted(expected.buckets.keys() ^ found.buckets.keys())
    ]
    for name in sorted(expected.buckets.keys() & found.buckets.keys()):
        one, other = expected.buckets[name], found.buckets[name]
        if one.locked != other.locked:
            wrong.append(f"{name}: object lock {other.locked}, not {one.locked}")
        if one.versioning != other.versioning:
            wrong.append(f"{name}: versioning {other.versioning}, not {one.versioning}")
        for key in sorted(one.keys.keys() | other.keys.keys()):
            versions, seen = one.keys.get(key, []), other.keys.get(key, [])
            if not same_versions(versions, seen):
                wrong.append(f"{name}/{key}: {brief(seen)}, not {brief(versions)}")
        wanted, uploads = open_uploads(one), open_uploads(other)
        if not same_uploads(wanted, uploads):
            wrong.append(f"{name}: uploads {uploads}, not {wanted}")
    return wrong


def brief(versions: list[Version]) -> str:
    rows = [
        f"{one.id} {'marker' if one.marker else f'{len(one.body)} bytes {one.etag}'} "
        f"{one.modified_s} {one.attributes} {one.lock}"
        for one in versions
    ]
    return f"[{'; '.join(rows)}]"


def same_versions(expected: list[Version], found: list[Version]) -> bool:
    return len(expected) == len(found) and all(
        one.id in (None, other.id)
        and (one.modified_s in (None, other.modified_s) or one.marker)
        and (one.marker, one.body, one.etag) == (other.marker, other.body, other.etag)
        and (one.attributes, one.lock) == (other.attributes, other.lock)
        for one, other in zip(expected, found, strict=True)
    )


def open_uploads(bucket: Bucket) -> dict[str | None, tuple[str, dict[int, str]]]:
    return {
        id: (upload.key, {number: part.etag for number, part in sorted(upload.parts.items())})
        for id, upload in bucket.uploads.items()
        if upload.answer is None
    }


def same_uploads(
    expected: dict[str | None, tuple[str, dict[int, str]]],
    found: dict[str | None, tuple[str, dict[int, str]]],
) -> bool:
    known = {id: upload for id, upload in expected.items() if id is not None}
    rest = [upload for id, upload in found.items() if id not in known]
    unknown = [upload for id, upload in expected.items() if id is None]
    return rest == unknown and known == {id: found.get(id) for id in known}


def adopt(expected: Model, found: Model) -> None:
    """Fill in the ids and times that nobody was told, from what was found to be the same."""
    for name, bucket in expected.buckets.items():
        other = found.buckets[name]
        for key, versions in bucket.keys.items():
            versions[:] = [
                one if one.id is not None else _named(one, seen)
                for one, seen in zip(versions, other.keys[key], strict=True)
            ]
        for id, upload in bucket.uploads.items():
            if upload.answer is not None and upload.answer[1].id is None:
                asked, version = upload.answer
                made = next(one for one in bucket.keys[upload.key] if one.upload == id)
                upload.answer = asked, _named(version, made)
        if None in bucket.uploads:
            id = next(id for id in other.uploads if id not in bucket.uploads)
            bucket.uploads[id] = bucket.uploads.pop(None)


def _named(version: Version, seen: Version) -> Version:
    return replace(version, id=seen.id)


def check_ids_unique(model: Model) -> None:
    """No two versions have one id, but for null ones."""
    ids = [version.id for _, _, version in all_versions(model) if version.id != "null"]
    assert len(ids) == len(set(ids))
