"""Writing the bytes of a version once more."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ops.encrypted import FILE, ONE, TWO, EncryptedHarness, customer, kms
from z4tw.s3.encryption import COPY_CUSTOMER, SSE

SOURCE = {"x-amz-copy-source": "/bucket/from"}
WISHES: dict[str, dict[str, str]] = {
    "server": {},
    "named": kms("bills"),
    "one": customer(ONE),
    "two": customer(TWO),
}


def opening(name: str) -> dict[str, str]:
    return WISHES[name] if name in ("one", "two") else {}


def opening_source(name: str) -> dict[str, str]:
    return {"one": customer(ONE, COPY_CUSTOMER), "two": customer(TWO, COPY_CUSTOMER)}.get(name, {})


@pytest.mark.parametrize("wanted", WISHES)
@pytest.mark.parametrize("present", WISHES)
@pytest.mark.parametrize("body", [FILE, b"inline", b""], ids=["file", "inline", "empty"])
def test_a_copy_has_the_bytes_under_the_key_that_was_asked_for(
    present: str, wanted: str, body: bytes
) -> None:
    harness = EncryptedHarness()
    harness.put("/bucket/from", body, headers=WISHES[present])
    before = len(harness.blobs.blobs)
    asked = {**SOURCE, **opening_source(present), **WISHES[wanted]}
    copied = harness.request("PUT", "/bucket/key", asked)
    assert copied.status == 200
    shared = len(harness.blobs.blobs) == before
    assert shared == (present == wanted or body != FILE)
    got = harness.request("GET", "/bucket/key", opening(wanted))
    assert got.body == body
    if wanted in ("server", "named") and body:
        etag = copied.text("ETag")
        if present in ("server", "named") or not shared:
            assert etag == f'"{hashlib.md5(body).hexdigest()}"'
    harness.request("DELETE", "/bucket/from")
    assert harness.request("GET", "/bucket/key", opening(wanted)).body == body
    assert FILE[:50] not in harness.stored()


@given(data=st.data())
def test_any_range_can_become_a_part_under_another_key(data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(FILE) - 1))
    last = data.draw(st.integers(first, len(FILE) - 1))
    present = data.draw(st.sampled_from(sorted(WISHES)))
    wanted = data.draw(st.sampled_from(sorted(WISHES)))
    harness = EncryptedHarness()
    harness.put("/bucket/from", FILE, headers=WISHES[present])
    made = harness.request("POST", "/bucket/key?uploads", WISHES[wanted]).text("UploadId")
    headers = {
        **SOURCE,
        **opening_source(present),
        **opening(wanted),
        "x-amz-copy-source-range": f"bytes={first}-{last}",
    }
    part = harness.request("PUT", f"/bucket/key?uploadId={made}&partNumber=1", headers)
    assert part.status == 200
    document = (
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
        f"<ETag>{part.text('ETag')}</ETag></Part></CompleteMultipartUpload>"
    ).encode()
    done = harness.request("POST", f"/bucket/key?uploadId={made}", opening(wanted), document)
    assert done.status == 200
    got = harness.request("GET", "/bucket/key", opening(wanted))
    assert got.body == FILE[first : last + 1]
    start = data.draw(st.integers(0, last - first))
    ranged = {**opening(wanted), "range": f"bytes={start}-"}
    assert harness.request("GET", "/bucket/key", ranged).body == FILE[first + start : last + 1]


def test_a_multipart_source_becomes_one_object() -> None:
    harness = EncryptedHarness()
    made = harness.request("POST", "/bucket/from?uploads").text("UploadId")
    etag = harness.put(f"/bucket/from?uploadId={made}&partNumber=1", FILE).headers["etag"]
    document = (
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
        f"<ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    ).encode()
    harness.request("POST", f"/bucket/from?uploadId={made}", body=document)
    copied = harness.request("PUT", "/bucket/key", {**SOURCE, **kms()})
    assert copied.text("ETag") == etag
    head = harness.request("HEAD", "/bucket/key?partNumber=1").headers
    assert (head[SSE], "x-amz-mp-parts-count" in head) == ("aws:kms", False)
    assert harness.request("GET", "/bucket/key").body == FILE
