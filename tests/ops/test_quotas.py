"""Quotas: writes that do not fit are refused before their body, and what is deleted gives room."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ops.harness import Answer, Harness, run
from z4tw.ops.context import Settings

SETTINGS = Settings(inline_limit_bytes=16, min_part_bytes=1)


@pytest.fixture
def harness() -> Harness:
    harness = Harness(settings=SETTINGS)
    harness.bucket()
    return harness


def limit(harness: Harness, **limits: Any) -> dict[str, Any]:
    return run(harness.admin.bucket_quota("bucket", **limits))


def refused(answer: Answer) -> bool:
    assert answer.error in ("", "QuotaExceeded"), answer
    if answer.error:
        assert answer.status == 403
        assert not answer.exchange.body.touched
    return answer.error == "QuotaExceeded"


@pytest.mark.parametrize("size", [8, 40])
def test_a_write_that_does_not_fit_is_refused_before_its_body(harness: Harness, size: int) -> None:
    limit(harness, max_bytes=2 * size)
    for key in ("a", "b"):
        harness.put(f"/bucket/{key}", b"x" * size)
    assert refused(harness.request("PUT", "/bucket/c", body=b"x"))
    assert not refused(harness.request("PUT", "/bucket/c", body=b""))
    assert not refused(harness.request("PUT", "/bucket/a", body=b"y" * size))
    assert refused(harness.request("PUT", "/bucket/a", body=b"y" * (size + 1)))
    harness.request("DELETE", "/bucket/b")
    assert not refused(harness.request("PUT", "/bucket/c", body=b"x" * size))


def test_versions_count_each_and_delete_markers_do_not(harness: Harness) -> None:
    harness.bucket("bucket", versioning="Enabled")
    limit(harness, max_objects=2)
    first = harness.put("/bucket/a").headers["x-amz-version-id"]
    harness.put("/bucket/a")
    assert refused(harness.request("PUT", "/bucket/a", body=b"x"))
    assert harness.request("DELETE", "/bucket/a").status == 204
    assert refused(harness.request("PUT", "/bucket/a", body=b"x"))
    harness.request("DELETE", f"/bucket/a?versionId={first}")
    assert not refused(harness.request("PUT", "/bucket/a", body=b"x"))


def test_the_null_version_in_place_of_a_marker_is_one_more(harness: Harness) -> None:
    harness.bucket("bucket", versioning="Suspended")
    limit(harness, max_objects=1)
    harness.request("DELETE", "/bucket/a")
    harness.put("/bucket/b")
    assert refused(harness.request("PUT", "/bucket/a", body=b"x"))


def test_copies_are_held_to_the_quota(harness: Harness) -> None:
    harness.put("/bucket/a", b"x" * 40)
    limit(harness, max_bytes=79)
    copy = {"x-amz-copy-source": "/bucket/a"}
    assert refused(harness.request("PUT", "/bucket/b", headers=copy))
    limit(harness, max_bytes=80)
    assert not refused(harness.request("PUT", "/bucket/b", headers=copy))


def test_parts_count_and_a_completion_needs_no_further_room(harness: Harness) -> None:
    limit(harness, max_bytes=100)
    upload = harness.request("POST", "/bucket/up?uploads").text("UploadId")
    part = f"/bucket/up?uploadId={upload}&partNumber="
    etag = harness.put(f"{part}1", b"x" * 60).headers["etag"]
    assert refused(harness.request("PUT", f"{part}2", body=b"x" * 41))
    assert not refused(harness.request("PUT", f"{part}1", body=b"x" * 60))
    assert refused(harness.request("PUT", "/bucket/other", body=b"x" * 41))
    document = (
        f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
        "</CompleteMultipartUpload>"
    )
    done = harness.request("POST", f"/bucket/up?uploadId={upload}", body=document.encode())
    assert done.status == 200
    assert limit(harness)["usage"] == {"bytes": 60, "objects": 1}
    copying = harness.request("POST", "/bucket/copy?uploads").text("UploadId")
    target = f"/bucket/copy?uploadId={copying}&partNumber=1"
    headers = {"x-amz-copy-source": "/bucket/up"}
    assert refused(harness.request("PUT", target, headers=headers))
    headers["x-amz-copy-source-range"] = "bytes=0-39"
    assert not refused(harness.request("PUT", target, headers=headers))
    harness.request("DELETE", f"/bucket/copy?uploadId={copying}")
    assert limit(harness)["usage"] == {"bytes": 60, "objects": 1}


def test_a_quota_is_shown_changed_and_removed(harness: Harness) -> None:
    harness.put("/bucket/a", b"x" * 40)
    assert limit(harness, max_bytes=50)["quota"] == {"bytes": 50, "objects": 0}
    assert limit(harness, max_objects=1) == {
        "name": "bucket",
        "quota": {"bytes": 50, "objects": 1},
        "usage": {"bytes": 40, "objects": 1},
    }
    info = run(harness.admin.bucket_info("bucket"))
    assert (info["quota"], info["usage"]["objects"]) == ({"bytes": 50, "objects": 1}, 1)
    assert refused(harness.request("PUT", "/bucket/b", body=b"x"))
    assert limit(harness, remove=True)["quota"] == {"bytes": 0, "objects": 0}
    assert not refused(harness.request("PUT", "/bucket/b", body=b"x"))


def test_a_bucket_above_a_lowered_quota_can_be_emptied_and_read(harness: Harness) -> None:
    harness.put("/bucket/a", b"x" * 40)
    limit(harness, max_bytes=1)
    assert harness.request("GET", "/bucket/a").status == 200
    assert not refused(harness.request("PUT", "/bucket/a", body=b"x" * 30))
    assert harness.request("DELETE", "/bucket/a").status == 204
    assert limit(harness)["usage"] == {"bytes": 0, "objects": 0}
