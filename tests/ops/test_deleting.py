"""DeleteObject and DeleteObjects."""

from __future__ import annotations

import hashlib
from typing import Any
from xml.sax.saxutils import escape

import pytest

from tests.ops.harness import Answer, Harness
from tests.ops.hooks import base64
from z4tw.errors import ServiceUnavailable
from z4tw.interfaces import Decision, Effect
from z4tw.model.registers import Register

DATA = b"data"
MD5 = hashlib.md5(DATA).hexdigest()


def document(*objects: tuple[str, ...], quiet: bool = False) -> bytes:
    """The request's document; an object is (key[, version id])."""
    rows = []
    for key, *version in objects:
        versions = "".join(f"<VersionId>{one}</VersionId>" for one in version)
        rows.append(f"<Object><Key>{escape(key)}</Key>{versions}</Object>")
    told = "<Quiet>true</Quiet>" if quiet else ""
    return f"<Delete>{told}{''.join(rows)}</Delete>".encode()


@pytest.fixture
def harness() -> Harness:
    harness = Harness()
    harness.bucket()
    return harness


def delete(harness: Harness, target: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return harness.request("DELETE", target, named)


def test_an_object_without_versioning_is_gone_for_good(harness: Harness) -> None:
    harness.put("/bucket/key", DATA)
    for _ in range(2):
        answer = delete(harness, "/bucket/key")
        assert (answer.status, answer.body, answer.headers) == (204, b"", {})
        assert harness.request("GET", "/bucket/key").error == "NoSuchKey"


def test_with_versioning_a_delete_marker_is_added_and_may_be_removed() -> None:
    harness = Harness()
    harness.bucket(versioning="Enabled")
    version_id = harness.put("/bucket/key", DATA).headers["x-amz-version-id"]
    answer = delete(harness, "/bucket/key")
    assert answer.status == 204
    assert answer.headers["x-amz-delete-marker"] == "true"
    marker = answer.headers["x-amz-version-id"]
    assert answer.exchange.version_id == marker
    removed = delete(harness, f"/bucket/key?versionId={marker}")
    assert removed.headers == {"x-amz-delete-marker": "true", "x-amz-version-id": marker}
    assert harness.request("GET", "/bucket/key").body == DATA
    removed = delete(harness, f"/bucket/key?versionId={version_id}")
    assert removed.headers == {"x-amz-version-id": version_id}
    assert harness.request("GET", "/bucket/key").error == "NoSuchKey"


def test_when_suspended_the_null_version_becomes_a_marker() -> None:
    harness = Harness()
    harness.bucket(versioning="Suspended")
    harness.put("/bucket/key", DATA)
    answer = delete(harness, "/bucket/key")
    assert answer.headers == {"x-amz-delete-marker": "true", "x-amz-version-id": "null"}


def test_a_version_that_is_not_there_is_deleted_too(harness: Harness) -> None:
    version_id = "0" * 32
    answer = delete(harness, f"/bucket/absent?versionId={version_id}")
    assert (answer.status, answer.headers) == (204, {"x-amz-version-id": version_id})
    assert delete(harness, "/bucket/absent?versionId=zzz").error == "InvalidArgument"


def test_conditions(harness: Harness) -> None:
    harness.put("/bucket/key", DATA)
    refused = delete(harness, "/bucket/key", if_match='"other"')
    assert (refused.error, refused.details) == ("PreconditionFailed", {"Condition": "If-Match"})
    assert delete(harness, "/bucket/absent", if_match="*").error == "NoSuchKey"
    assert delete(harness, "/bucket/key", if_none_match="*").error == "NotImplemented"
    assert harness.request("GET", "/bucket/key").status == 200
    assert delete(harness, "/bucket/key", if_match=f'"{MD5}"').status == 204
    assert harness.request("GET", "/bucket/key").error == "NoSuchKey"


def test_time_and_size_are_conditions_too(harness: Harness) -> None:
    modified = (
        harness.put("/bucket/k", DATA)
        and harness.request("HEAD", "/bucket/k").headers["last-modified"]
    )
    time, size = "x_amz_if_match_last_modified_time", "x_amz_if_match_size"
    other = "Thu, 01 Jan 1970 00:00:00 GMT"
    for headers in ({size: "3"}, {time: other}, {size: "4", time: other}):
        assert delete(harness, "/bucket/k", **headers).error == "PreconditionFailed"
    assert delete(harness, "/bucket/k", **{size: "four"}).error == "InvalidArgument"
    assert delete(harness, "/bucket/k", **{size: "4", time: modified}).status == 204
    # They hold for what is not there, as the API reference says.
    assert delete(harness, "/bucket/k", **{size: "4", time: modified}).status == 204


def test_times_and_sizes_in_the_document_are_conditions(harness: Harness) -> None:
    for key in ("a", "b"):
        harness.put(f"/bucket/{key}", DATA)
    sizes = (("a", 4), ("b", 3))
    rows = "".join(f"<Object><Key>{key}</Key><Size>{n}</Size></Object>" for key, n in sizes)
    answer = harness.request("POST", "/bucket?delete", body=f"<Delete>{rows}</Delete>".encode())
    assert answer.texts("Deleted/Key") == ["a"]
    assert answer.texts("Error/Code") == ["PreconditionFailed"]


def test_deleting_works_on_a_full_disk(harness: Harness) -> None:
    harness.put("/bucket/key", DATA)
    harness.blobs.capacity_bytes = 0
    assert delete(harness, "/bucket/key").status == 204


def delete_many(harness: Harness, body: bytes, **arguments: Any) -> Answer:
    return harness.request("POST", "/bucket?delete", body=body, **arguments)


def test_many_are_deleted_each_on_its_own(harness: Harness) -> None:
    keys = ["a", "b/c", "<&>", "absent"]
    for key in keys[:3]:
        harness.put("/bucket/" + key.replace("<&>", "%3C%26%3E"))
    answer = delete_many(harness, document(*[(key,) for key in keys]))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/xml"
    assert answer.texts("Deleted/Key") == keys
    assert answer.texts("Error") == []
    assert harness.request("GET", "/bucket?list-type=2").texts("Contents/Key") == []


def test_quiet_answers_failures_only(harness: Harness) -> None:
    harness.put("/bucket/a")
    answer = delete_many(harness, document(("a",), ("k" * 1025,), quiet=True))
    assert answer.texts("Deleted") == []
    assert answer.texts("Error/Key") == ["k" * 1025]
    assert answer.texts("Error/Code") == ["KeyTooLongError"]
    assert harness.request("GET", "/bucket/a").error == "NoSuchKey"


def test_versions_and_markers_in_the_document() -> None:
    harness = Harness()
    harness.bucket(versioning="Enabled")
    old = harness.put("/bucket/a").headers["x-amz-version-id"]
    harness.put("/bucket/b")
    marker = delete(harness, "/bucket/b").headers["x-amz-version-id"]
    answer = delete_many(harness, document(("a", old), ("b", marker), ("c",), ("d", "nonsense")))
    a, b, c = answer.xml.findall("Deleted")
    assert [(e.tag, e.text) for e in a] == [("Key", "a"), ("VersionId", old)]
    assert [(e.tag, e.text) for e in b] == [
        ("Key", "b"),
        ("VersionId", marker),
        ("DeleteMarker", "true"),
        ("DeleteMarkerVersionId", marker),
    ]
    assert [e.tag for e in c] == ["Key", "DeleteMarker", "DeleteMarkerVersionId"]
    assert answer.texts("Error/Code") == ["NoSuchVersion"]
    assert answer.texts("Error/VersionId") == ["nonsense"]


def test_etags_in_the_document_are_conditions(harness: Harness) -> None:
    for key in "ab":
        harness.put(f"/bucket/{key}", DATA)
    rows = "".join(
        f"<Object><Key>{key}</Key><ETag>&quot;{etag}&quot;</ETag></Object>"
        for key, etag in (("a", MD5), ("b", "other"))
    )
    answer = delete_many(harness, f"<Delete>{rows}</Delete>".encode())
    assert answer.texts("Deleted/Key") == ["a"]
    assert answer.texts("Error/Code") == ["PreconditionFailed"]
    assert harness.request("GET", "/bucket/b").status == 200


def test_each_key_is_authorized() -> None:
    harness = Harness(evaluators=[DenyPrivate()])
    harness.bucket()
    for key in ("public", "private"):
        harness.put(f"/bucket/{key}")
    answer = delete_many(harness, document(("public",), ("private",)))
    assert answer.texts("Deleted/Key") == ["public"]
    assert answer.texts("Error/Key") == ["private"]
    assert answer.texts("Error/Code") == ["AccessDenied"]
    assert harness.request("GET", "/bucket/private").status == 200


class DenyPrivate:
    """A policy that forbids deleting one key."""

    def evaluate(self, request: Any) -> Any:
        denied = request.key == "private" and request.action == "s3:DeleteObject"
        return Decision(Effect.DENY if denied else Effect.ABSTAIN, "test")


def test_strangers_delete_nothing(harness: Harness) -> None:
    harness.put("/bucket/key")
    stranger = harness.key("stranger")
    assert harness.request("DELETE", "/bucket/key", key=stranger).error == "AccessDenied"
    answer = delete_many(harness, document(("key",)), key=stranger)
    assert answer.texts("Error/Code") == ["AccessDenied"]
    assert delete_many(harness, document(("key",)), sign=False).error == "AccessDenied"
    assert harness.request("GET", "/bucket/key").status == 200


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, ""),
        ({"content-md5": "right"}, ""),
        ({"x-amz-checksum-sha256": "right"}, ""),
        ({"content-md5": base64(bytes(16))}, "BadDigest"),
        ({"x-amz-checksum-sha256": base64(bytes(32))}, "BadDigest"),
        ({"content-md5": "x"}, "InvalidDigest"),
    ],
)
def test_digests_are_checked_if_they_are_sent(
    harness: Harness, headers: dict[str, str], code: str
) -> None:
    harness.put("/bucket/key")
    body = document(("key",))
    right = {
        "content-md5": base64(hashlib.md5(body).digest()),
        "x-amz-checksum-sha256": base64(hashlib.sha256(body).digest()),
    }
    sent = {name: right[name] if value == "right" else value for name, value in headers.items()}
    assert delete_many(harness, body, headers=sent).error == code
    assert harness.request("GET", "/bucket/key").status == (200 if code else 404)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MissingRequestBodyError"),
        (b"<Delete/>", "MalformedXML"),
        (b"<Delete><Object/></Delete>", "MalformedXML"),
        (b"<Delete><Object><Key>a</Key><Size>x</Size></Object></Delete>", "MalformedXML"),
        (document(*[("key",)] * 1001), "MalformedXML"),
        (b" " * (3 << 20), "MaxMessageLengthExceeded"),
    ],
)
def test_documents_that_are_refused(harness: Harness, body: bytes, code: str) -> None:
    assert delete_many(harness, body).error == code


def test_a_thousand_keys_are_under_way_together(harness: Harness) -> None:
    keys = [f"k{number:04d}" for number in range(1000)]
    for key in keys:
        harness.put(f"/bucket/{key}", b"")
    assert delete_many(harness, document(*[(key,) for key in keys])).texts("Deleted/Key") == keys


def test_a_store_that_fails_for_one_key_fails_that_key(harness: Harness) -> None:
    for key in "abc":
        harness.put(f"/bucket/{key}")
    present = harness.store.change

    async def change(register: Register, command: Any) -> Any:
        if register.key == b"b":
            raise ServiceUnavailable
        return await present(register, command)

    harness.store.change = change
    answer = delete_many(harness, document(("a",), ("b",), ("c",)))
    assert answer.texts("Deleted/Key") == ["a", "c"]
    assert answer.texts("Error/Code") == ["ServiceUnavailable"]


def test_a_defect_is_not_hidden_in_the_document(harness: Harness) -> None:
    async def change(register: Register, command: Any) -> Any:
        raise ZeroDivisionError

    harness.put("/bucket/a")
    harness.store.change = change
    with pytest.raises(ZeroDivisionError):
        delete_many(harness, document(("a",)))
