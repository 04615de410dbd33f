"""Annotations of objects: put, read, listed, deleted, copied, and gone with their version."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from tests.ops.encrypted import FILE, EncryptedHarness, customer, kms
from tests.ops.harness import Answer, Harness, run
from tests.ops.test_notifications import queue
from z4tw.model.objects import BodyKind
from z4tw.model.registers import Kind, Register
from z4tw.ops.context import Settings
from z4tw.s3.encryption import SSE

KIB = 1024
MIB = 1024 * KIB
BIG = b"x" * (5 * KIB)


def made(versioning: str = "", **settings: Any) -> Harness:
    harness = Harness(settings=Settings(event_sinks=("hook",), **settings))
    harness.bucket(versioning=versioning)
    harness.put("/bucket/key")
    return harness


def at(name: str, more: str = "", path: str = "/bucket/key") -> str:
    return f"{path}?annotation&annotationName={name}{more}"


def put(harness: Harness, name: str, body: bytes = b"text", **arguments: Any) -> Answer:
    answer = harness.request("PUT", at(name), body=body, **arguments)
    assert answer.status == 200, answer
    return answer


def names(harness: Harness, more: str = "", path: str = "/bucket/key") -> list[str]:
    answer = harness.request("GET", f"{path}?annotation{more}")
    assert answer.status == 200, answer
    return answer.texts("Annotations/AnnotationEntry/AnnotationName")


def rows(harness: Harness, bucket: str = "bucket") -> list[Any]:
    """All annotations that the store keeps of a bucket."""
    record = run(harness.store.read(Register(Kind.BUCKET, 0, bucket.encode())))
    found = run(harness.store.scan(Kind.ANNOTATION, record.incarnation, b"", b"", 5000))
    return [value for _, value in found]


def idle(harness: Harness) -> int:
    """How many blobs nothing names any more."""
    return len(run(harness.store.garbage(harness.clock.ms + 1, 1000)))


@pytest.mark.parametrize("body", [b"a", "ü".encode() * 2000, BIG, b"x" * MIB])
def test_a_text_is_put_and_read(body: bytes) -> None:
    harness = made()
    stored = put(harness, "ai.labels", body)
    etag = f'"{hashlib.md5(body).hexdigest()}"'
    assert stored.headers["etag"] == etag
    assert stored.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    assert "x-amz-checksum-crc64nvme" in stored.headers
    assert "x-amz-object-version-id" not in stored.headers
    assert (stored.text("Key"), stored.text("AnnotationName")) == ("key", "ai.labels")
    got = harness.request("GET", at("ai.labels"))
    assert (got.status, got.body, got.headers["etag"]) == (200, body, etag)
    assert got.headers["last-modified"]
    assert "x-amz-checksum-crc64nvme" not in got.headers
    checked = harness.request("GET", at("ai.labels"), {"x-amz-checksum-mode": "ENABLED"})
    name = "x-amz-checksum-crc64nvme"
    assert checked.headers[name] == stored.headers[name]
    (row,) = rows(harness)
    assert row.body.kind == (BodyKind.INLINE if len(body) <= 4 * KIB else BodyKind.FILE)


def test_the_object_itself_stays_as_it_is() -> None:
    harness = made()
    before = harness.request("GET", "/bucket/key")
    put(harness, "a")
    after = harness.request("GET", "/bucket/key")
    assert (after.body, after.header_list) == (before.body, before.header_list)
    assert harness.request("GET", "/bucket").texts("Contents/Key") == ["key"]


@pytest.mark.parametrize("body", [b"small", BIG])
def test_the_same_name_replaces(body: bytes) -> None:
    harness = made()
    put(harness, "a", body)
    put(harness, "a", b"other")
    assert harness.request("GET", at("a")).body == b"other"
    assert names(harness) == ["a"]
    assert len(rows(harness)) == 1
    assert idle(harness) == (len(body) > 4 * KIB)


def test_a_declared_checksum_is_verified_and_kept() -> None:
    harness = made()
    right = base64.b64encode(hashlib.sha256(b"text").digest()).decode()
    stored = put(harness, "a", headers={"x-amz-checksum-sha256": right})
    assert stored.headers["x-amz-checksum-sha256"] == right
    wrong = {"x-amz-checksum-sha256": base64.b64encode(bytes(32)).decode()}
    assert harness.request("PUT", at("b"), wrong, b"text").error == "BadDigest"
    md5 = {"content-md5": base64.b64encode(bytes(16)).decode()}
    assert harness.request("PUT", at("b"), md5, b"text").error == "BadDigest"
    assert names(harness) == ["a"]
    listed = harness.request("GET", "/bucket/key?annotation")
    assert listed.texts("Annotations/AnnotationEntry/ChecksumAlgorithm") == ["SHA256"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "InvalidAnnotationName"),
        ("aws.x", "InvalidAnnotationName"),
        ("AWSx", "InvalidAnnotationName"),
        ("s3", "InvalidAnnotationName"),
        ("S3.x", "InvalidAnnotationName"),
        ("a%20b", "InvalidAnnotationName"),
        ("a/b", "InvalidAnnotationName"),
        ("a%00", "InvalidAnnotationName"),
        ("x" * 513, "AnnotationNameTooLong"),
        ("%C3%BC" * 257, "AnnotationNameTooLong"),
        ("x" * 512, ""),
        ("%C3%BC" * 256, ""),
        ("a_b.c-9", ""),
    ],
)
def test_names_are_limited(name: str, code: str) -> None:
    harness = made()
    answer = harness.request("PUT", at(name), body=b"text")
    assert answer.error == code
    assert answer.exchange.body.touched == (code == "")


def test_texts_are_limited() -> None:
    harness = made()
    assert harness.request("PUT", at("a"), body=b"").error == "InvalidRequest"
    too_long = harness.request("PUT", at("a"), body=b"x" * (MIB + 1))
    assert too_long.error == "EntityTooLarge"
    assert not too_long.exchange.body.touched
    for body in (b"\xff", b"a" * 5000 + b"\xc3"):
        refused = harness.request("PUT", at("a"), body=body)
        assert (refused.status, refused.error) == (415, "UnsupportedMediaType")
    assert harness.request("PUT", "/bucket/key?annotation", body=b"x").error == "InvalidArgument"
    assert harness.request("DELETE", "/bucket/key?annotation").error == "InvalidArgument"
    assert rows(harness) == []


def test_a_thousand_at_most() -> None:
    harness = made()
    for number in range(1000):
        put(harness, f"n{number:04d}")
    refused = harness.request("PUT", at("more"), body=b"x")
    assert (refused.status, refused.error) == (400, "AnnotationLimitExceeded")
    put(harness, "n0500", b"replaced")
    harness.request("DELETE", at("n0000"))
    put(harness, "more")
    pages, token = [], ""
    while True:
        more = f"&continuation-token={token}" if token else ""
        answer = harness.request("GET", f"/bucket/key?annotation&max-annotation-results=333{more}")
        pages.append(answer.texts("Annotations/AnnotationEntry/AnnotationName"))
        assert answer.text("AnnotationCount") == str(len(pages[-1]))
        token = answer.text("NextContinuationToken") or ""
        if not token:
            break
    assert [len(page) for page in pages] == [333, 333, 333, 1]
    whole = [name for page in pages for name in page]
    assert whole == ["more", *(f"n{number:04d}" for number in range(1, 1000))]
    harness.request("DELETE", "/bucket/key")
    assert rows(harness) == []


def test_listing() -> None:
    harness = made()
    empty = harness.request("GET", "/bucket/key?annotation")
    assert (empty.text("AnnotationCount"), empty.text("Bucket")) == ("0", "bucket")
    for name in ("b.2", "a", "b.1", "c", "%C3%BC"):
        put(harness, name, name.encode())
    assert names(harness) == ["a", "b.1", "b.2", "c", "ü"]
    assert names(harness, "&annotation-prefix=b.") == ["b.1", "b.2"]
    answer = harness.request("GET", "/bucket/key?annotation&max-annotation-results=2")
    assert answer.text("MaxAnnotationResults") == "2"
    assert answer.texts("Annotations/AnnotationEntry/Size") == ["1", "3"]
    assert answer.texts("Annotations/AnnotationEntry/ETag")[0] == (
        f'"{hashlib.md5(b"a").hexdigest()}"'
    )
    token = answer.text("NextContinuationToken")
    rest = harness.request(
        "GET", f"/bucket/key?annotation&annotation-prefix=b.&continuation-token={token}"
    )
    assert rest.texts("Annotations/AnnotationEntry/AnnotationName") == ["b.2"]
    harness.put("/bucket/other")
    for wrong, code in (
        ("&annotation-prefix=a%20", "InvalidPrefix"),
        ("&annotation-prefix=" + "x" * 513, "InvalidPrefix"),
        ("&max-annotation-results=0", "InvalidArgument"),
        ("&max-annotation-results=1001", "InvalidArgument"),
        ("&max-annotation-results=x", "InvalidArgument"),
        ("&continuation-token=rubbish", "InvalidArgument"),
    ):
        assert harness.request("GET", f"/bucket/key?annotation{wrong}").error == code
    strange = harness.request("GET", f"/bucket/other?annotation&continuation-token={token}")
    assert strange.error == "InvalidArgument"


@pytest.mark.parametrize("body", [b"small", BIG])
def test_deleting_is_for_good_and_may_be_repeated(body: bytes) -> None:
    harness = made()
    put(harness, "a", body)
    put(harness, "b", body)
    for _ in range(2):
        assert harness.request("DELETE", at("a")).status == 204
    assert names(harness) == ["b"]
    gone = harness.request("GET", at("a"))
    assert (gone.status, gone.error) == (404, "NoSuchAnnotation")
    assert harness.request("GET", at("rubbish%20%00")).error == "NoSuchAnnotation"
    assert idle(harness) == (len(body) > 4 * KIB)


def test_absent_objects_and_delete_markers_have_none() -> None:
    harness = made("Enabled")
    marker = harness.request("DELETE", "/bucket/key").headers["x-amz-version-id"]
    for method, body in (("PUT", b"x"), ("GET", b""), ("DELETE", b"")):
        for path in ("/bucket/absent", "/bucket/key"):
            assert harness.request(method, at("a", path=path), body=body).error == "NoSuchKey"
        asked = harness.request(method, at("a", f"&versionId={marker}"), body=body)
        assert asked.error == "MethodNotAllowed"
    assert harness.request("GET", "/bucket/absent?annotation").error == "NoSuchKey"


def test_a_condition_on_the_objects_etag() -> None:
    harness = made()
    etag = harness.request("HEAD", "/bucket/key").headers["etag"]
    for method, body in (("PUT", b"x"), ("DELETE", b"")):
        for value, code in (('"0"', "PreconditionFailed"), (etag, ""), ("*", "")):
            answer = harness.request(method, at("a"), {"x-amz-object-if-match": value}, body)
            assert answer.error == code


@pytest.mark.parametrize("body", [b"small", BIG])
def test_annotations_belong_to_their_version(body: bytes) -> None:
    harness = made("Enabled")
    old = harness.request("HEAD", "/bucket/key").headers["x-amz-version-id"]
    stored = put(harness, "a", body)
    assert stored.headers["x-amz-object-version-id"] == old
    new = harness.put("/bucket/key").headers["x-amz-version-id"]
    assert names(harness) == []
    assert names(harness, f"&versionId={old}") == ["a"]
    answer = harness.request("PUT", at("late", f"&versionId={old}"), body=body)
    assert answer.headers["x-amz-object-version-id"] == old
    assert harness.request("GET", at("late", f"&versionId={new}")).error == "NoSuchAnnotation"
    harness.request("DELETE", "/bucket/key")
    assert names(harness, f"&versionId={old}") == ["a", "late"]
    harness.request("DELETE", f"/bucket/key?versionId={old}")
    assert rows(harness) == []
    assert idle(harness) == 2 * (len(body) > 4 * KIB)


@pytest.mark.parametrize("body", [b"small", BIG])
def test_annotations_go_when_their_object_is_replaced_or_deleted(body: bytes) -> None:
    for how in ("replace", "delete", "delete many"):
        harness = made()
        put(harness, "a", body)
        if how == "replace":
            harness.put("/bucket/key")
            assert names(harness) == []
        elif how == "delete":
            harness.request("DELETE", "/bucket/key")
        else:
            many = b"<Delete><Object><Key>key</Key></Object></Delete>"
            harness.request("POST", "/bucket?delete", body=many)
        assert rows(harness) == []
        assert harness.store._inline.keys() == set() or how == "replace"
        assert idle(harness) == (len(body) > 4 * KIB)
        if how != "replace":
            assert harness.request("DELETE", "/bucket").status == 204


def test_annotations_of_versions_in_pages() -> None:
    harness = made("Enabled")
    old = harness.request("HEAD", "/bucket/key").headers["x-amz-version-id"]
    put(harness, "a", BIG)
    for _ in range(70):
        harness.put("/bucket/key")
    target = at("b", f"&versionId={old}")
    assert harness.request("PUT", target, body=b"b").status == 200
    assert names(harness, f"&versionId={old}") == ["a", "b"]
    harness.request("DELETE", target)
    assert names(harness, f"&versionId={old}") == ["a"]
    harness.request("DELETE", f"/bucket/key?versionId={old}")
    assert rows(harness) == []


# Copies


def copy(harness: Harness, to: str = "/bucket/copy", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return harness.request("PUT", to, {"x-amz-copy-source": "/bucket/key", **named})


def test_a_copy_takes_annotations_along_unless_they_are_excluded() -> None:
    harness = made()
    put(harness, "small", b"small")
    put(harness, "big", BIG)
    assert copy(harness, x_amz_object_annotation_directive="EXCLUDE").status == 200
    assert names(harness, path="/bucket/copy") == []
    for directive in ({}, {"x_amz_object_annotation_directive": "COPY"}):
        assert copy(harness, **directive).status == 200
        assert names(harness, path="/bucket/copy") == ["big", "small"]
    assert copy(harness, x_amz_object_annotation_directive="MOVE").error == "InvalidArgument"
    elsewhere = {"x-amz-object-annotation-directive": "EXCLUDE"}
    assert harness.request("PUT", "/bucket/x", elsewhere, b"x").error == "NotImplemented"
    harness.request("DELETE", "/bucket/key")
    for name, body in (("small", b"small"), ("big", BIG)):
        assert harness.request("GET", at(name, path="/bucket/copy")).body == body
    assert idle(harness) == 0
    harness.request("DELETE", "/bucket/copy")
    assert (rows(harness), idle(harness)) == ([], 1)


def test_a_copy_onto_itself_keeps_its_annotations() -> None:
    harness = made()
    put(harness, "small", b"small")
    put(harness, "big", BIG)
    answer = copy(harness, "/bucket/key", x_amz_metadata_directive="REPLACE")
    assert answer.status == 200
    assert names(harness) == ["big", "small"]
    assert harness.request("GET", at("small")).body == b"small"
    assert harness.request("GET", at("big")).body == BIG
    assert (len(rows(harness)), idle(harness)) == (2, 0)


def test_copying_annotations_takes_both_rights() -> None:
    from tests.ops.test_authorize import Noting

    needed = {"s3:GetObject", "s3:PutObject", "s3:GetObjectAnnotation", "s3:PutObjectAnnotation"}
    for lacking in ("", "s3:GetObjectAnnotation", "s3:PutObjectAnnotation"):
        harness = Harness(evaluators=[Noting(needed - {lacking})])
        harness.bucket()
        harness.put("/bucket/key")
        stranger = harness.key("stranger")
        plain = {"x-amz-copy-source": "/bucket/key"}
        assert harness.request("PUT", "/bucket/c", plain, key=stranger).status == 200
        put(harness, "a")
        answer = harness.request("PUT", "/bucket/c", plain, key=stranger)
        assert answer.error == ("AccessDenied" if lacking else "")
        without = {**plain, "x-amz-object-annotation-directive": "EXCLUDE"}
        assert harness.request("PUT", "/bucket/c", without, key=stranger).status == 200


def test_annotations_are_announced() -> None:
    harness = made()
    events = queue("s3:ObjectAnnotation:*")
    body = f"<NotificationConfiguration>{events}</NotificationConfiguration>".encode()
    assert harness.request("PUT", "/bucket?notification", body=body).status == 200
    put(harness, "a")
    harness.request("DELETE", at("a"))
    harness.request("DELETE", at("a"))
    found = run(harness.store.outbox("hook", 10))[1:]
    assert [event.occurrence.event for _, event in found] == [
        "s3:ObjectAnnotation:Put",
        "s3:ObjectAnnotation:Delete",
    ]
    assert found[0][1].size == 4


def test_a_read_only_store_refuses_changes() -> None:
    harness = made()
    put(harness, "a")
    harness.blobs.read_only = True
    assert harness.request("PUT", at("b"), body=b"x").error == "ServiceUnavailable"
    assert harness.request("DELETE", at("a")).error == "ServiceUnavailable"
    assert harness.request("GET", at("a")).body == b"text"


# Encryption


def kept(harness: EncryptedHarness) -> bytes:
    """All bodies that are stored."""
    return harness.stored() + b"".join(harness.store._inline.values())


def put_at(harness: Harness, path: str, name: str, body: bytes) -> Answer:
    answer = harness.request("PUT", at(name, path=path), body=body)
    assert answer.status == 200, answer
    return answer


@pytest.mark.parametrize("body", [FILE, b"inline secret text"])
def test_an_annotation_is_encrypted_as_its_version_is(body: bytes) -> None:
    text = body.hex().encode()
    harness = EncryptedHarness(seals_all=False)
    harness.put("/bucket/plain", b"x")
    assert SSE not in put_at(harness, "/bucket/plain", "a", text).headers
    for headers in ({SSE: "AES256"}, kms("orders")):
        harness.put("/bucket/key", b"x", headers=headers)
        assert put(harness, "a", text).headers[SSE] == headers[SSE]
        got = harness.request("GET", at("a"))
        assert (got.body, got.headers[SSE]) == (text, headers[SSE])


@pytest.mark.parametrize("body", [FILE, b"inline secret text"])
def test_a_copy_with_another_key_has_annotations_with_that_key(body: bytes) -> None:
    text = body.hex().encode()
    harness = EncryptedHarness(seals_all=False)
    harness.put("/bucket/key", b"x")
    put(harness, "a", text)
    assert text[:30] in kept(harness)
    answer = copy(harness, **{name.replace("-", "_"): v for name, v in kms("orders").items()})
    assert answer.status == 200, answer
    got = harness.request("GET", at("a", path="/bucket/copy"))
    assert (got.body, got.headers[SSE]) == (text, "aws:kms")
    harness.request("DELETE", "/bucket/key")
    for blob in run(harness.store.garbage(harness.clock.ms + 1, 1000)):
        run(harness.blobs.remove(blob))
    assert text[:30] not in kept(harness)
    assert harness.request("GET", at("a", path="/bucket/copy")).body == text


def test_a_disabled_key_opens_no_annotation() -> None:
    harness = EncryptedHarness()
    harness.put("/bucket/key", b"x", headers=kms("orders"))
    put(harness, "a", FILE.hex().encode())
    keys = harness.blobs.keys
    keys._named["orders"] = keys._named["orders"]._replace(enabled=False)
    assert harness.request("GET", at("a")).error == "KMS.DisabledException"
    assert harness.request("PUT", at("b"), body=b"x").error == "KMS.DisabledException"


def test_a_version_with_a_customers_key_has_no_annotations() -> None:
    harness = EncryptedHarness()
    harness.put("/bucket/key", b"x", headers=customer())
    refused = harness.request("PUT", at("a"), body=b"x")
    assert (refused.error, refused.exchange.body.touched) == ("InvalidRequest", False)
    harness.put("/bucket/key", b"x")
    put(harness, "a")
    named = {name.replace("-", "_"): value for name, value in customer().items()}
    assert copy(harness, **named).error == "InvalidRequest"
    without = copy(harness, **named, x_amz_object_annotation_directive="EXCLUDE")
    assert without.status == 200


@pytest.mark.parametrize("mode", ["GOVERNANCE", "COMPLIANCE", "hold"])
def test_a_lock_keeps_the_texts_that_are_there(mode: str) -> None:
    harness = made("Enabled")
    lock = (
        b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>"
        b"</ObjectLockConfiguration>"
    )
    assert harness.request("PUT", "/bucket?object-lock", body=lock).status == 200
    put(harness, "kept")
    if mode == "hold":
        document = b"<LegalHold><Status>ON</Status></LegalHold>"
        assert harness.request("PUT", "/bucket/key?legal-hold", body=document).status == 200
    else:
        document = (
            f"<Retention><Mode>{mode}</Mode><RetainUntilDate>2999-01-01T00:00:00Z"
            "</RetainUntilDate></Retention>"
        ).encode()
        assert harness.request("PUT", "/bucket/key?retention", body=document).status == 200
    bypass = {"x-amz-bypass-governance-retention": "true"}
    for headers in ({}, bypass if mode != "GOVERNANCE" else {}):
        assert harness.request("DELETE", at("kept"), headers=headers).error == "AccessDenied"
        answer = harness.request("PUT", at("kept"), body=b"other", headers=headers)
        assert answer.error == "AccessDenied"
    assert harness.request("GET", at("kept")).body == b"text"
    put(harness, "another")
    if mode == "GOVERNANCE":
        assert harness.request("DELETE", at("kept"), headers=bypass).status == 204
