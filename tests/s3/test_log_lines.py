"""Log lines have AWS's fields, and nothing that a client sends can break one."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.s3.log_lines import LogEntry, log_line, operation_text
from z4tw.s3.operations import OPERATIONS

OWNER = "ab" * 32
PLAIN: dict[str, Any] = {
    "owner": OWNER, "bucket": "bucket", "time_s": 1_549_411_238.7, "peer": "192.0.2.3",
    "requester": "cd" * 32, "request_id": "3E57427F33A59F07", "operation": "GetObject",
    "key": "photos/a b.jpg", "method": "GET", "target": b"/bucket/photos/a%20b.jpg?versionId=v",
    "protocol": "HTTP/1.1", "status": 200, "error": "", "bytes_sent": 113, "object_size": 2662,
    "total_ms": 17, "turnaround_ms": 10, "referer": "http://a/", "user_agent": "curl/7.15 (x)",
    "version_id": "v", "host_id": "node1-x", "signed": True, "cipher": "TLS_AES_128_GCM_SHA256",
    "auth_type": "AuthHeader", "host": "localhost:9670", "tls_version": "TLSv1.3",
}  # fmt: skip


def line(**fields: Any) -> str:
    return log_line(LogEntry(**{**PLAIN, **fields})).decode("ascii")


def test_a_line_with_everything() -> None:
    assert line() == (
        f"{OWNER} bucket [06/Feb/2019:00:00:38 +0000] 192.0.2.3 {'cd' * 32} 3E57427F33A59F07 "
        'REST.GET.OBJECT photos/a%20b.jpg "GET /bucket/photos/a%20b.jpg?versionId=v HTTP/1.1" 200 '
        '- 113 2662 17 10 "http://a/" "curl/7.15 (x)" v node1-x SigV4 TLS_AES_128_GCM_SHA256 '
        "AuthHeader localhost:9670 TLSv1.3 - - -\n"
    )


def test_a_line_with_nothing() -> None:
    nothing = line(
        owner="", peer="", requester="", operation="", key="", error="AccessDenied", bytes_sent=0,
        object_size=-1, turnaround_ms=-1, referer="", user_agent="", version_id="", host_id="",
        signed=False, cipher="", auth_type="", host="", tls_version="", status=403,
    )  # fmt: skip
    assert nothing == (
        "- bucket [06/Feb/2019:00:00:38 +0000] - - 3E57427F33A59F07 REST.GET.OTHER - "
        '"GET /bucket/photos/a%20b.jpg?versionId=v HTTP/1.1" 403 AccessDenied - - 17 - "-" "-" - - '
        "- - - - - - - -\n"
    )


TEXT = st.text(st.characters(max_codepoint=0x2FF), max_size=30) | st.sampled_from(
    ['" 200 -\n', "\r\n", "\\", "'", "\x00", "\ud800", "a b", '"']
)


@given(TEXT, TEXT, TEXT, TEXT, TEXT, TEXT)
def test_no_line_can_be_forged(
    key: str, target: str, referer: str, agent: str, version: str, host: str
) -> None:
    written = line(
        key=key, target=target.encode("utf-8", "surrogatepass"), referer=referer,
        user_agent=agent, version_id=version, host=host,
    )  # fmt: skip
    assert written.count("\n") == 1
    assert written.isascii()
    assert written[:-1].isprintable()
    assert written.count('"') == 6
    fields = re.findall(r'\[[^]]*\]|"[^"]*"|[^ ]+', written[:-1])
    assert len(fields) == 27
    assert fields[9] == "200"


def test_a_presigned_urls_signature_is_left_out() -> None:
    written = line(
        target=b"/b/k?X-Amz-Credential=AK&X-Amz-Signature=0123abcd&x-amz-security-token=T%3D&a=b",
        auth_type="QueryString",
    )
    assert "?X-Amz-Credential=AK&X-Amz-Signature=-&x-amz-security-token=-&a=b " in written
    assert shlex.split(written)


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        ("GetObject", "REST.GET.OBJECT"),
        ("HeadObject", "REST.HEAD.OBJECT"),
        ("PutObject", "REST.PUT.OBJECT"),
        ("CopyObject", "REST.COPY.OBJECT"),
        ("DeleteObjects", "REST.POST.MULTI_OBJECT_DELETE"),
        ("ListObjects", "REST.GET.BUCKET"),
        ("ListObjectsV2", "REST.GET.BUCKET"),
        ("ListObjectVersions", "REST.GET.BUCKETVERSIONS"),
        ("CreateMultipartUpload", "REST.POST.UPLOADS"),
        ("CompleteMultipartUpload", "REST.POST.UPLOAD"),
        ("UploadPart", "REST.PUT.PART"),
        ("GetBucketVersioning", "REST.GET.VERSIONING"),
        ("GetBucketLogging", "REST.GET.LOGGING_STATUS"),
        ("GetBucketNotificationConfiguration", "REST.GET.NOTIFICATION"),
        ("GetObjectTagging", "REST.GET.OBJECT_TAGGING"),
        ("GetPublicAccessBlock", "REST.GET.PUBLIC_ACCESS_BLOCK"),
        ("Preflight", "REST.OPTIONS.PREFLIGHT"),
        ("Website", "WEBSITE.PATCH.OBJECT"),
        ("", "REST.PATCH.OTHER"),
    ],
)
def test_operations_are_named_as_on_aws(operation: str, text: str) -> None:
    assert operation_text(operation, "PATCH") == text


def test_every_operation_has_a_name_of_capitals() -> None:
    for name in OPERATIONS:
        assert re.fullmatch(r"REST\.[A-Z]+\.[A-Z_]+", operation_text(name, "GET")), name
    assert operation_text("", "G\nT") == "REST.OTHER.OTHER"
