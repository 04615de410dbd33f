"""Lifecycle configurations of buckets, and the headers that tell when something ends."""

from __future__ import annotations

import pytest

from tests.ops.harness import START_MS, Harness
from z4tw.ops.context import Settings
from z4tw.s3.dates import http_date

DAY_MS = 86_400_000
FIRST_DAY_MS = (START_MS // DAY_MS + 1) * DAY_MS
RULE = (
    "<Rule><ID>the rule/1</ID><Filter>{}</Filter><Status>Enabled</Status>"
    "<Expiration><Days>1</Days></Expiration></Rule>"
)
ABORT = (
    "<Rule><ID>up</ID><Filter/><Status>Enabled</Status><AbortIncompleteMultipartUpload>"
    "<DaysAfterInitiation>2</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>"
)
TOLD = f'expiry-date="{http_date(FIRST_DAY_MS + DAY_MS)}", rule-id="the%20rule%2F1"'


def put_rules(harness: Harness, *rules: str, **headers: str) -> None:
    body = f"<LifecycleConfiguration>{''.join(rules)}</LifecycleConfiguration>".encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = harness.request("PUT", "/bucket?lifecycle", headers=named, body=body)
    assert answer.status == 200, answer


def test_rules_are_put_read_replaced_and_removed() -> None:
    harness = Harness()
    harness.bucket()
    assert harness.request("GET", "/bucket?lifecycle").error == "NoSuchLifecycleConfiguration"
    put_rules(harness, RULE.format("<Prefix>a</Prefix>"), ABORT)
    answer = harness.request("GET", "/bucket?lifecycle")
    header = "x-amz-transition-default-minimum-object-size"
    assert answer.headers[header] == "all_storage_classes_128K"
    assert answer.texts("Rule/ID") == ["the rule/1", "up"]
    put_rules(harness, ABORT, **{header: "varies_by_storage_class"})
    answer = harness.request("GET", "/bucket?lifecycle")
    assert answer.headers[header] == "varies_by_storage_class"
    assert answer.texts("Rule/ID") == ["up"]
    for _ in range(2):
        assert harness.request("DELETE", "/bucket?lifecycle").status == 204
    assert harness.request("GET", "/bucket?lifecycle").error == "NoSuchLifecycleConfiguration"


def test_a_made_up_id_stays_the_same() -> None:
    harness = Harness()
    harness.bucket()
    put_rules(harness, ABORT.replace("<ID>up</ID>", ""))
    (id,) = harness.request("GET", "/bucket?lifecycle").texts("Rule/ID")
    assert len(id) == 48
    assert harness.request("GET", "/bucket?lifecycle").texts("Rule/ID") == [id]


def test_classes_of_plugins_are_taken_where_they_are() -> None:
    move = (
        "<Rule><Filter/><Status>Enabled</Status><Transition><Days>1</Days>"
        "<StorageClass>ZSTD</StorageClass></Transition></Rule>"
    )
    body = f"<LifecycleConfiguration>{move}</LifecycleConfiguration>".encode()
    without = Harness()
    without.bucket()
    assert without.request("PUT", "/bucket?lifecycle", body=body).error == "MalformedXML"
    harness = Harness(settings=Settings(plugin_storage_classes=("ZSTD",)))
    harness.bucket()
    put_rules(harness, move)


def test_answers_say_when_a_version_expires() -> None:
    harness = Harness()
    harness.bucket()
    assert "x-amz-expiration" not in harness.put("/bucket/a1").headers
    put_rules(harness, RULE.format("<Prefix>a</Prefix>"))
    assert harness.put("/bucket/a2").headers["x-amz-expiration"] == TOLD
    assert "x-amz-expiration" not in harness.put("/bucket/b").headers
    for method in ("GET", "HEAD"):
        assert harness.request(method, "/bucket/a1").headers["x-amz-expiration"] == TOLD
        assert "x-amz-expiration" not in harness.request(method, "/bucket/b").headers
    copy = {"x-amz-copy-source": "/bucket/b"}
    answer = harness.request("PUT", "/bucket/a3", headers=copy)
    assert answer.headers["x-amz-expiration"] == TOLD
    upload = harness.request("POST", "/bucket/a4?uploads").text("UploadId")
    part = harness.put(f"/bucket/a4?uploadId={upload}&partNumber=1")
    body = (
        f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{part.headers['etag']}"
        "</ETag></Part></CompleteMultipartUpload>"
    ).encode()
    answer = harness.request("POST", f"/bucket/a4?uploadId={upload}", body=body)
    assert answer.headers["x-amz-expiration"] == TOLD


def test_the_header_looks_at_tags_and_sizes_and_only_at_current_versions() -> None:
    harness = Harness()
    harness.bucket(versioning="Enabled")
    put_rules(
        harness,
        RULE.format(
            "<And><Tag><Key>k</Key><Value>v</Value></Tag>"
            "<ObjectSizeGreaterThan>3</ObjectSizeGreaterThan></And>"
        ),
    )
    assert "x-amz-expiration" not in harness.put("/bucket/key").headers
    assert (
        "x-amz-expiration"
        not in harness.put("/bucket/key", b"abc", headers={"x-amz-tagging": "k=v"}).headers
    )
    put = harness.put("/bucket/key", b"abcd", headers={"x-amz-tagging": "k=v"})
    assert put.headers["x-amz-expiration"] == TOLD
    version = put.headers["x-amz-version-id"]
    assert (
        "x-amz-expiration" not in harness.request("GET", f"/bucket/key?versionId={version}").headers
    )
    assert "x-amz-expiration" in harness.request("GET", "/bucket/key").headers


def test_an_upload_says_when_it_is_aborted() -> None:
    harness = Harness()
    harness.bucket()
    assert "x-amz-abort-date" not in harness.request("POST", "/bucket/key?uploads").headers
    put_rules(harness, ABORT)
    answer = harness.request("POST", "/bucket/key?uploads")
    assert answer.headers["x-amz-abort-date"] == http_date(FIRST_DAY_MS + 2 * DAY_MS)
    assert answer.headers["x-amz-abort-rule-id"] == "up"


def test_the_length_of_a_day_is_a_setting() -> None:
    harness = Harness(settings=Settings(lifecycle_day_ms=1000))
    harness.bucket()
    put_rules(harness, RULE.format(""))
    told = harness.put("/bucket/key").headers["x-amz-expiration"]
    assert http_date(START_MS + 2000) in told or http_date(START_MS + 1000) in told


@pytest.mark.parametrize("minimum", ["", "none", "ALL_STORAGE_CLASSES_128K"])
def test_a_wrong_minimum_is_refused_and_nothing_is_stored(minimum: str) -> None:
    harness = Harness()
    harness.bucket()
    body = f"<LifecycleConfiguration>{ABORT}</LifecycleConfiguration>".encode()
    headers = {"x-amz-transition-default-minimum-object-size": minimum}
    answer = harness.request("PUT", "/bucket?lifecycle", headers=headers, body=body)
    assert answer.error == ("InvalidArgument" if minimum else "")
    after = harness.request("GET", "/bucket?lifecycle").error
    assert after == ("NoSuchLifecycleConfiguration" if minimum else "")
