"""S3 requests beside what the model says of them: one value does both, for every proof.

    operation = put_object("bucket", "key", b"data")
    answer = send(operation.request)
    operation.settle(model, answer, now_s)

``settle`` performs the operation on the model and asserts that the answer is the model's. Without
an answer (None) it only says what would have come of a request that nobody saw the end of.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_plus, urlencode

from tests.ops.harness import Answer
from tests.ops.post_forms import CONTENT_TYPE, form_body
from tests.proofs.model import (
    ALWAYS,
    FREE,
    Attributes,
    Condition,
    Lock,
    Model,
    Refused,
    Upload,
    Version,
    byte_range,
    check_read,
    md5,
)

VERSION = "x-amz-version-id"
PLAIN = Attributes()
Tags = tuple[tuple[str, str], ...]


class Request(NamedTuple):
    """What ``Harness.request`` is called with."""

    method: str
    target: str
    headers: dict[str, str] = {}
    body: bytes = b""


class Expected(NamedTuple):
    """A successful answer; a header that is None must be absent; ``texts`` are of XML paths, which
    ``url`` says to be URL-encoded."""

    status: int
    headers: dict[str, str | None] = {}
    body: bytes | None = None
    texts: dict[str, list[str]] = {}
    content_length: int | None = None
    url: bool = False


Effect = Callable[[Model, Answer | None, int | None], Expected]


class Operation(NamedTuple):
    """``between``: states that a crash may leave which are neither before nor after."""

    request: Request
    effect: Effect
    between: Callable[[Model], list[Model]] = lambda model: []

    def settle(self, model: Model, answer: Answer | None, now_s: int | None = None) -> None:
        """Perform it on the model and compare the answer."""
        refusal = ""
        try:
            expected = self.effect(model, answer, now_s)
        except Refused as refused:
            refusal = refused.code
        if answer is None:
            return
        if refusal:
            assert answer.error == refusal, (self.request, refusal, answer)
            return
        assert not answer.error, (self.request, answer, expected)
        assert answer.status == expected.status, (self.request, answer, expected)
        for name, value in expected.headers.items():
            assert answer.headers.get(name) == value, (self.request, name, answer, expected)
        if expected.body is not None:
            assert answer.body == expected.body, (self.request, len(answer.body))
        if expected.content_length is not None:
            assert answer.content_length == expected.content_length, (self.request, answer)
        for path, texts in expected.texts.items():
            found = answer.texts(path)
            if expected.url:
                found = [unquote_plus(text) for text in found]
            assert found == texts, (self.request, path, texts, answer.body)

    def outcomes(self, model: Model) -> list[Model]:
        """All states that the store may be in when nobody saw the end of the request."""
        after = deepcopy(model)
        self.settle(after, None)
        return [model, after, *self.between(model)]


def path_of(bucket: str, key: str, **query: str) -> str:
    """A raw request target; a query value that is empty stands without ``=``."""
    path = f"/{bucket}" + (f"/{quote(key, safe='/-_.~')}" if key else "")
    fields = [
        f"{name.replace('_', '-')}={quote(value, safe='')}" if value else name.replace("_", "-")
        for name, value in query.items()
    ]
    return path + ("?" + "&".join(fields) if fields else "")


def versioned(version_id: str) -> dict[str, str]:
    return {"versionId": version_id} if version_id else {}


def given_id(answer: Answer | None) -> str | None:
    return None if answer is None else answer.headers.get(VERSION)


def shown(model: Model, bucket: str, version: Version) -> str | None:
    """The version id that an answer has; none in a bucket that never had versioning."""
    return version.id or "(lacking)" if model.bucket(bucket).versioning else None


def attribute_headers(given: Attributes) -> dict[str, str]:
    headers = {f"x-amz-meta-{name}": value for name, value in given.metadata}
    if given.content_type != PLAIN.content_type:
        headers["content-type"] = given.content_type
    if given.storage_class != PLAIN.storage_class:
        headers["x-amz-storage-class"] = given.storage_class
    if given.tags:
        headers["x-amz-tagging"] = urlencode(given.tags)
    return headers


def condition_headers(condition: Condition, prefix: str = "") -> dict[str, str]:
    headers = {}
    for name, tag in (("match", condition.if_match), ("none-match", condition.if_none_match)):
        if tag is not None:
            headers[f"{prefix}if-{name}"] = tag if tag == "*" else f'"{tag}"'
    for name, seconds in (
        ("modified", condition.if_modified_since),
        ("unmodified", condition.if_unmodified_since),
    ):
        if seconds is not None:
            headers[f"{prefix}if-{name}-since"] = formatdate(seconds, usegmt=True)
    return headers


def xml(text: str) -> str:
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;")):
        text = text.replace(char, entity)
    return text


# Buckets


def create_bucket(name: str, locked: bool = False) -> Operation:
    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        model.create_bucket(name, locked)
        return Expected(200, {"location": f"/{name}"})

    headers = {"x-amz-bucket-object-lock-enabled": "true"} if locked else {}
    return Operation(Request("PUT", f"/{name}", headers), effect)


def lock_bucket(name: str) -> Operation:
    """PutObjectLockConfiguration without a default."""

    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        model.lock_bucket(name)
        return Expected(200)

    root = "ObjectLockConfiguration"
    body = f"<{root}><ObjectLockEnabled>Enabled</ObjectLockEnabled></{root}>"
    return Operation(Request("PUT", f"/{name}?object-lock", {}, body.encode()), effect)


def delete_bucket(name: str) -> Operation:
    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        model.delete_bucket(name)
        return Expected(204)

    return Operation(Request("DELETE", f"/{name}"), effect)


def put_versioning(name: str, status: str) -> Operation:
    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        model.set_versioning(name, status)
        return Expected(200)

    body = f"<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>"
    return Operation(Request("PUT", f"/{name}?versioning", {}, body.encode()), effect)


# Objects


def put_object(
    bucket: str,
    key: str,
    body: bytes,
    given: Attributes = PLAIN,
    condition: Condition = ALWAYS,
    lock: Lock = FREE,
) -> Operation:
    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        made = Version(given_id(answer), now_s, False, body, md5(body), given, lock=lock)
        version = model.put(bucket, key, made, condition)
        return Expected(200, {"etag": f'"{version.etag}"', VERSION: shown(model, bucket, version)})

    headers = attribute_headers(given) | condition_headers(condition)
    asked = {name: value for name, value in lock_headers(lock).items() if value is not None}
    if asked:
        digest = hashlib.md5(body, usedforsecurity=False).digest()
        headers |= asked | {"content-md5": b64encode(digest).decode("ascii")}
    return Operation(Request("PUT", path_of(bucket, key), headers, body), effect)


def post_object(bucket: str, key: str, body: bytes, given: Attributes = PLAIN) -> Operation:
    """The upload by a form, whose fields a world signs."""
    fields = {"key": key, **attribute_headers(given)}
    if given.tags:
        del fields["x-amz-tagging"]
        fields["tagging"] = tagging(given.tags)

    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        made = Version(given_id(answer), now_s, False, body, md5(body), given)
        version = model.put(bucket, key, made, ALWAYS)
        return Expected(204, {"etag": f'"{version.etag}"', VERSION: shown(model, bucket, version)})

    headers = {"content-type": CONTENT_TYPE}
    return Operation(Request("POST", path_of(bucket, ""), headers, form_body(fields, body)), effect)


def lock_headers(lock: Lock) -> dict[str, str | None]:
    prefix = "x-amz-object-lock"
    return {
        f"{prefix}-mode": lock.mode or None,
        f"{prefix}-retain-until-date": iso_time(lock.until_s) if lock.mode else None,
        f"{prefix}-legal-hold": lock.hold or None,
    }


def iso_time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def put_retention(
    place: tuple[str, str, str], mode: str, until_s: int, bypass: bool = False
) -> Operation:
    """PutObjectRetention of (bucket, key, version id); an empty mode ends it."""

    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        model.retain(place, mode, until_s, now_s or 0, bypass)
        return Expected(200)

    inner = ""
    if mode:
        until = f"<RetainUntilDate>{iso_time(until_s)}</RetainUntilDate>"
        inner = f"<Mode>{mode}</Mode>{until}"
    target = path_of(*place[:2], retention="", **versioned(place[2]))
    body = f"<Retention>{inner}</Retention>".encode()
    return Operation(Request("PUT", target, bypass_header(bypass), body), effect)


def put_hold(place: tuple[str, str, str], status: str) -> Operation:
    """PutObjectLegalHold of (bucket, key, version id)."""

    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        model.hold(place, status)
        return Expected(200)

    target = path_of(*place[:2], legal_hold="", **versioned(place[2]))
    body = f"<LegalHold><Status>{status}</Status></LegalHold>".encode()
    return Operation(Request("PUT", target, {}, body), effect)


def bypass_header(bypass: bool) -> dict[str, str]:
    return {"x-amz-bypass-governance-retention": "true"} if bypass else {}


def append_object(
    bucket: str, key: str, offset: int, body: bytes, condition: Condition = ALWAYS
) -> Operation:
    """PutObject at an offset."""

    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        made = Version(given_id(answer), now_s, False, body, md5(body))
        version = model.append(bucket, key, offset, made, condition)
        return Expected(200, {"etag": f'"{version.etag}"', VERSION: shown(model, bucket, version)})

    headers = {"x-amz-write-offset-bytes": str(offset)} | condition_headers(condition)
    return Operation(Request("PUT", path_of(bucket, key), headers, body), effect)


def rename_object(
    bucket: str,
    source: str,
    target: str,
    source_condition: Condition = ALWAYS,
    condition: Condition = ALWAYS,
) -> Operation:
    """RenameObject; ``see_renamed`` has to follow."""

    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        marker = Version(None, now_s, True)
        version = model.rename(
            bucket, source, target, source_condition, condition, marker, given_id(answer)
        )
        return Expected(200, {VERSION: shown(model, bucket, version)})

    headers = condition_headers(condition)
    headers |= condition_headers(source_condition, "x-amz-rename-source-")
    headers["x-amz-rename-source"] = quote(f"{bucket}/{source}")
    target_path = path_of(bucket, target, renameObject="")
    return Operation(Request("PUT", target_path, headers), effect)


def see_renamed(bucket: str, source: str, target: str) -> Operation:
    """ListObjectVersions, to learn what the answer of a rename does not tell: the id of the delete
    marker, and the time of the version, which it kept if the key had seen no later one."""

    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        assert answer is not None
        for key in (source, target):
            versions = model.bucket(bucket).keys.get(key, [])
            row = next((r for r in answer.xml if r.findtext("Key") == key), None)
            assert (row is not None) == bool(versions)
            if row is not None:
                seen = datetime.fromisoformat(row.findtext("LastModified") or "")
                modified_s = int(seen.timestamp())
                assert versions[0].modified_s in (None, modified_s)
                id = row.findtext("VersionId")
                assert versions[0].id in (None, id)
                versions[0] = replace(versions[0], id=id, modified_s=modified_s)
        return Expected(200)

    return Operation(Request("GET", f"/{bucket}?versions"), effect)


def described(model: Model, bucket: str, version: Version) -> dict[str, str | None]:
    """The headers of a GET or HEAD answer."""
    given = version.attributes
    headers: dict[str, str | None] = {
        "etag": f'"{version.etag}"',
        "content-type": given.content_type,
        "x-amz-storage-class": None if given.storage_class == "STANDARD" else given.storage_class,
        "x-amz-tagging-count": str(len(given.tags)) if given.tags else None,
        VERSION: shown(model, bucket, version),
        "x-amz-meta-n": None,
        "x-amz-server-side-encryption": None,
        **lock_headers(version.lock),
    }
    if model.encrypts:
        method = "aws:kms" if version.named else "AES256"
        headers["x-amz-server-side-encryption"] = method
    if version.modified_s is not None:
        headers["last-modified"] = formatdate(version.modified_s, usegmt=True)
    return headers | {f"x-amz-meta-{name}": value for name, value in given.metadata}


def read_object(
    method: str,
    bucket: str,
    key: str,
    version_id: str = "",
    condition: Condition = ALWAYS,
    wanted: tuple[int | None, int | None] | None = None,
    part: int = 0,
    if_range: str = "",
) -> Operation:
    """GetObject or HeadObject; ``wanted`` is a byte range (first, last), which counts if the ETag
    is still ``if_range`` (RFC 9110 section 13.1.5); ``part`` is a number."""

    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        version = model.find(bucket, key, version_id)
        check_read(condition, version)
        size = len(version.body)
        span = None
        if wanted is not None and if_range in ("", version.etag):
            span = byte_range(*wanted, size)
        elif part:
            sizes = version.parts or (size,)
            if part > len(sizes):
                raise Refused("InvalidPartNumber")
            if size:  # no range can tell a part without bytes
                span = sum(sizes[: part - 1]), sum(sizes[:part])
        headers = described(model, bucket, version)
        headers["content-range"] = None
        start, end = 0, size
        if span is not None:
            start, end = span
            headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
        if part:
            headers["x-amz-mp-parts-count"] = str(len(version.parts)) if version.parts else None
        body = version.body[start:end] if method == "GET" else b""
        length = None if method == "GET" else end - start
        return Expected(200 if span is None else 206, headers, body, content_length=length)

    headers = condition_headers(condition)
    if wanted is not None:
        first, last = ("" if one is None else str(one) for one in wanted)
        headers["range"] = f"bytes={first}-{last}"
        if if_range:
            headers["if-range"] = f'"{if_range}"'
    query = versioned(version_id) | ({"partNumber": str(part)} if part else {})
    return Operation(Request(method, path_of(bucket, key, **query), headers), effect)


def delete_object(
    bucket: str,
    key: str,
    version_id: str = "",
    condition: Condition = ALWAYS,
    bypass: bool = False,
) -> Operation:
    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        marker = Version(given_id(answer), now_s, True)
        changed = model.delete(bucket, key, version_id, condition, marker, bypass)
        headers: dict[str, str | None] = {VERSION: version_id or None}
        headers["x-amz-delete-marker"] = None
        if changed is not None and changed.marker:
            headers["x-amz-delete-marker"] = "true"
            headers[VERSION] = changed.id or "(lacking)"
        return Expected(204, headers)

    target = path_of(bucket, key, **versioned(version_id))
    headers = condition_headers(condition) | bypass_header(bypass)
    return Operation(Request("DELETE", target, headers), effect)


def delete_objects(
    bucket: str,
    targets: Iterable[tuple[str, str, str | None]],
    quiet: bool = False,
    bypass: bool = False,
) -> Operation:
    """DeleteObjects of (key, version id, ETag condition)."""
    chosen = list(targets)

    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        model.bucket(bucket)
        made = [] if answer is None or answer.error else marker_ids(answer)
        deleted: list[str] = []
        failed: list[str] = []
        for key, version_id, etag in chosen:
            marker = Version(made[0] if made and not version_id else None, now_s, True)
            try:
                model.delete(bucket, key, version_id, Condition(etag), marker, bypass)
            except Refused as refused:
                failed.append(refused.code)
            else:
                deleted.append(key)
                del made[: not version_id]
        texts = {"Deleted/Key": [] if quiet else deleted, "Error/Code": failed}
        return Expected(200, texts=texts)

    def between(model: Model) -> list[Model]:
        """Each key is a deletion of its own."""
        states = []
        for mask in range(1, 1 << len(chosen)):
            state = deepcopy(model)
            some = [one for index, one in enumerate(chosen) if mask >> index & 1]
            delete_objects(bucket, some, bypass=bypass).settle(state, None)
            states.append(state)
        return states

    rows = "".join(
        f"<Object><Key>{xml(key)}</Key>"
        + (f"<VersionId>{version_id}</VersionId>" if version_id else "")
        + (f"<ETag>{etag}</ETag>" if etag is not None else "")
        + "</Object>"
        for key, version_id, etag in chosen
    )
    body = f"<Delete><Quiet>{str(quiet).lower()}</Quiet>{rows}</Delete>".encode()
    headers = bypass_header(bypass)
    return Operation(Request("POST", f"/{bucket}?delete", headers, body), effect, between)


def marker_ids(answer: Answer) -> list[str]:
    """The ids of the markers that were made, in the order of their keys; a quiet answer does not
    say them."""
    return [
        one.findtext("DeleteMarkerVersionId") or ""
        for one in answer.xml.findall("Deleted")
        if one.find("VersionId") is None and one.find("DeleteMarker") is not None
    ]


def copy_object(
    source: tuple[str, str, str],
    target: tuple[str, str],
    given: Attributes = PLAIN,
    directives: tuple[bool, bool] = (False, False),
    source_condition: Condition = ALWAYS,
    condition: Condition = ALWAYS,
) -> Operation:
    """CopyObject of (bucket, key, version id); ``directives``: REPLACE metadata, tags."""

    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        made = Version(given_id(answer), now_s)
        original, version = model.copy(
            source, target, source_condition, condition, given, directives, made
        )
        headers = {
            VERSION: shown(model, target[0], version),
            "x-amz-copy-source-version-id": shown(model, source[0], original),
        }
        return Expected(200, headers, texts={"ETag": [f'"{version.etag}"']})

    headers = attribute_headers(given) | condition_headers(condition)
    headers |= condition_headers(source_condition, "x-amz-copy-source-")
    headers |= copy_source(source)
    for name, replaced in zip(("metadata", "tagging"), directives, strict=True):
        if replaced:
            headers[f"x-amz-{name}-directive"] = "REPLACE"
    return Operation(Request("PUT", path_of(*target), headers), effect)


def copy_source(source: tuple[str, str, str]) -> dict[str, str]:
    bucket, key, version_id = source
    text = quote(f"/{bucket}/{key}") + (f"?versionId={version_id}" if version_id else "")
    return {"x-amz-copy-source": text}


def put_tags(bucket: str, key: str, version_id: str, tags: Tags | None) -> Operation:
    """PutObjectTagging, or DeleteObjectTagging (None)."""

    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        version = model.set_tags(bucket, key, version_id, tags or ())
        status = 204 if tags is None else 200
        return Expected(status, {VERSION: shown(model, bucket, version)})

    target = path_of(bucket, key, tagging="", **versioned(version_id))
    if tags is None:
        return Operation(Request("DELETE", target), effect)
    return Operation(Request("PUT", target, {}, tagging(tags).encode()), effect)


def name_key(bucket: str, key: str, version_id: str) -> Operation:
    """UpdateObjectEncryption to the key ``orders``."""

    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        model.name_key(bucket, key, version_id)
        return Expected(200)

    arn = "arn:aws:kms:us-east-1:000000000000:key/orders"
    inner = f"<SSE-KMS><KMSKeyArn>{arn}</KMSKeyArn></SSE-KMS>"
    document = f"<ObjectEncryption>{inner}</ObjectEncryption>".encode()
    target = path_of(bucket, key, encryption="", **versioned(version_id))
    return Operation(Request("PUT", target, {}, document), effect)


def tagging(tags: Tags) -> str:
    """The document of some tags."""
    rows = "".join(
        f"<Tag><Key>{xml(name)}</Key><Value>{xml(value)}</Value></Tag>" for name, value in tags
    )
    return f"<Tagging><TagSet>{rows}</TagSet></Tagging>"


def get_tags(bucket: str, key: str, version_id: str) -> Operation:
    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        version = model.find(bucket, key, version_id)
        texts = {
            "TagSet/Tag/Key": [name for name, _ in version.attributes.tags],
            "TagSet/Tag/Value": [value for _, value in version.attributes.tags],
        }
        return Expected(200, {VERSION: shown(model, bucket, version)}, texts=texts)

    target = path_of(bucket, key, tagging="", **versioned(version_id))
    return Operation(Request("GET", target), effect)


# Multipart uploads


def create_upload(bucket: str, key: str, given: Attributes = PLAIN) -> Operation:
    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        id = None if answer is None or answer.error else answer.text("UploadId") or "(lacking)"
        model.create_upload(bucket, id, Upload(key, given))
        return Expected(200, texts={"Bucket": [bucket], "Key": [key]})

    return Operation(
        Request("POST", path_of(bucket, key, uploads=""), attribute_headers(given)), effect
    )


def upload_part(bucket: str, key: str, id: str, number: int, body: bytes) -> Operation:
    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        part = model.put_part(bucket, key, id, number, body)
        return Expected(200, {"etag": f'"{part.etag}"'})

    target = path_of(bucket, key, partNumber=str(number), uploadId=id)
    return Operation(Request("PUT", target, {}, body), effect)


def upload_part_copy(
    bucket: str,
    key: str,
    id: str,
    number: int,
    source: tuple[str, str, str],
    wanted: tuple[int, int] | None = None,
) -> Operation:
    """UploadPartCopy of a whole version, or of the bytes from first to last."""

    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        model.upload(bucket, key, id)
        original = model.source(source, ALWAYS)
        body = original.body
        if wanted is not None:
            if not wanted[0] <= wanted[1] < len(body):
                raise Refused("InvalidArgument")
            body = body[wanted[0] : wanted[1] + 1]
        part = model.put_part(bucket, key, id, number, body)
        headers = {"x-amz-copy-source-version-id": shown(model, source[0], original)}
        return Expected(200, headers, texts={"ETag": [f'"{part.etag}"']})

    headers = copy_source(source)
    if wanted is not None:
        headers["x-amz-copy-source-range"] = f"bytes={wanted[0]}-{wanted[1]}"
    target = path_of(bucket, key, partNumber=str(number), uploadId=id)
    return Operation(Request("PUT", target, headers), effect)


def complete_upload(
    bucket: str,
    key: str,
    id: str,
    asked: Iterable[tuple[int, str]],
    condition: Condition = ALWAYS,
) -> Operation:
    """CompleteMultipartUpload with a list of (number, ETag)."""
    chosen = tuple(asked)

    def perform(
        model: Model, answer: Answer | None, now_s: int | None, to_the_end: bool
    ) -> Expected:
        made = Version(given_id(answer), now_s)
        version = model.complete(bucket, key, id, chosen, condition, made, to_the_end)
        named = model.bucket(bucket).uploads[id].named
        headers = {VERSION: version.id or "(lacking)" if named else None}
        return Expected(
            200, headers, texts={"ETag": [f'"{version.etag}"'], "Key": [key], "Bucket": [bucket]}
        )

    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        return perform(model, answer, now_s, True)

    def between(model: Model) -> list[Model]:
        """The version is there, and the upload is not closed yet: a repeat closes it."""
        state = deepcopy(model)
        try:
            perform(state, None, None, False)
        except Refused:
            return []
        return [state]

    rows = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{etag}&quot;</ETag></Part>"
        for number, etag in chosen
    )
    body = f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()
    target = path_of(bucket, key, uploadId=id)
    return Operation(Request("POST", target, condition_headers(condition), body), effect, between)


def abort_upload(bucket: str, key: str, id: str) -> Operation:
    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        model.abort(bucket, key, id)
        return Expected(204)

    return Operation(Request("DELETE", path_of(bucket, key, uploadId=id)), effect)


def list_parts(bucket: str, key: str, id: str, after: int, most: int) -> Operation:
    def effect(model: Model, answer: Answer | None, now_s: int | None) -> Expected:
        parts = model.upload(bucket, key, id).parts
        numbers = sorted(number for number in parts if number > after)
        page = numbers[:most]
        texts = {
            "Part/PartNumber": [str(number) for number in page],
            "Part/ETag": [f'"{parts[number].etag}"' for number in page],
            "Part/Size": [str(len(parts[number].body)) for number in page],
            "IsTruncated": ["true" if len(numbers) > most > 0 else "false"],
            "NextPartNumberMarker": [str(page[-1] if page else after)],
        }
        return Expected(200, texts=texts)

    query: dict[str, Any] = {"max_parts": str(most), "uploadId": id}
    if after:
        query["part_number_marker"] = str(after)
    return Operation(Request("GET", path_of(bucket, key, **query)), effect)
