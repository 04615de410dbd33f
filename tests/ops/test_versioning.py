"""GetBucketVersioning and PutBucketVersioning."""

from __future__ import annotations

import pytest

from tests.ops.harness import NS, Harness


def document(inner: str) -> bytes:
    return f'<VersioningConfiguration xmlns="{NS[1:-1]}">{inner}</VersioningConfiguration>'.encode()


def test_a_bucket_never_versioned_has_no_status() -> None:
    harness = Harness()
    harness.bucket()
    answer = harness.request("GET", "/bucket?versioning")
    assert answer.status == 200
    assert answer.xml.tag == "VersioningConfiguration"
    assert answer.text("Status") is None


def test_versioning_is_enabled_suspended_and_enabled_again() -> None:
    harness = Harness()
    harness.bucket()
    for status in ("Enabled", "Suspended", "Enabled", "Enabled"):
        answer = harness.request(
            "PUT", "/bucket?versioning", body=document(f"<Status>{status}</Status>")
        )
        assert (answer.status, answer.body) == (200, b"")
        assert harness.request("GET", "/bucket?versioning").text("Status") == status


def test_the_next_put_sees_the_new_state() -> None:
    harness = Harness()
    harness.bucket()
    assert "x-amz-version-id" not in harness.put("/bucket/key").headers
    harness.request("PUT", "/bucket?versioning", body=document("<Status>Enabled</Status>"))
    assert len(harness.put("/bucket/key").headers["x-amz-version-id"]) == 32
    harness.request("PUT", "/bucket?versioning", body=document("<Status>Suspended</Status>"))
    assert harness.put("/bucket/key").headers["x-amz-version-id"] == "null"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "MissingRequestBodyError"),
        (b"<not xml", "MalformedXML"),
        (b"<Other/>", "MalformedXML"),
        (document("<Status>enabled</Status>"), "MalformedXML"),
        (document("<Status>Disabled</Status>"), "MalformedXML"),
        (document(""), "IllegalVersioningConfigurationException"),
        (document("<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>"), "NotImplemented"),
    ],
)
def test_a_wrong_document_changes_nothing(body: bytes, error: str) -> None:
    harness = Harness()
    harness.bucket()
    assert harness.request("PUT", "/bucket?versioning", body=body).error == error
    assert harness.request("GET", "/bucket?versioning").text("Status") is None


def test_mfa_delete_disabled_is_what_there_is() -> None:
    harness = Harness()
    harness.bucket()
    body = document("<Status>Enabled</Status><MfaDelete>Disabled</MfaDelete>")
    assert harness.request("PUT", "/bucket?versioning", body=body).status == 200


def test_the_mfa_header_is_not_implemented() -> None:
    harness = Harness()
    harness.bucket()
    answer = harness.request(
        "PUT",
        "/bucket?versioning",
        headers={"x-amz-mfa": "serial 123456"},
        body=document("<Status>Enabled</Status>"),
    )
    assert (answer.status, answer.error) == (501, "NotImplemented")
