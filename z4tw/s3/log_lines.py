"""The lines of a bucket's access log.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from z4tw.s3.operations import OPERATIONS

_UNSAFE = re.compile("[^!#-~ ]")
_SIGNATURE = re.compile(r"(?i)(x-amz-(?:signature|security-token)=)[^& ]*")
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_NOTHING = "-"
_RESOURCES = {
    "AbortMultipartUpload": "DELETE.UPLOAD",
    "CompleteMultipartUpload": "POST.UPLOAD",
    "CopyObject": "COPY.OBJECT",
    "CreateMultipartUpload": "POST.UPLOADS",
    "DeleteObjects": "POST.MULTI_OBJECT_DELETE",
    "GetBucketLogging": "GET.LOGGING_STATUS",
    "GetBucketPolicy": "GET.BUCKETPOLICY",
    "GetObjectLegalHold": "GET.OBJECT_LOCK_LEGALHOLD",
    "GetObjectLockConfiguration": "GET.OBJECT_LOCK_CONFIGURATION",
    "GetObjectRetention": "GET.OBJECT_LOCK_RETENTION",
    "ListMultipartUploads": "GET.UPLOADS",
    "ListObjectVersions": "GET.BUCKETVERSIONS",
    "ListParts": "GET.UPLOAD",
    "PostObject": "POST.OBJECT",
    "Preflight": "OPTIONS.PREFLIGHT",
    "PutBucketLogging": "PUT.LOGGING_STATUS",
    "PutBucketPolicy": "PUT.BUCKETPOLICY",
    "DeleteBucketPolicy": "DELETE.BUCKETPOLICY",
    "PutObjectLegalHold": "PUT.OBJECT_LOCK_LEGALHOLD",
    "PutObjectLockConfiguration": "PUT.OBJECT_LOCK_CONFIGURATION",
    "PutObjectRetention": "PUT.OBJECT_LOCK_RETENTION",
    "UploadPart": "PUT.PART",
    "UploadPartCopy": "COPY.PART",
}
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|-")


def operation_text(operation: str, method: str) -> str:
    """An operation as the log names it (``REST.GET.OBJECT``); ``method`` is for requests that
    are none."""
    if operation == "Website":
        return f"WEBSITE.{_safe(method)}.OBJECT"
    if operation in _RESOURCES:
        return f"REST.{_RESOURCES[operation]}"
    row = OPERATIONS.get(operation)
    if row is None:
        return f"REST.{_safe(method)}.OTHER"
    resource = _WORDS.sub("_", row.marker).upper()
    if not resource or resource == "LIST_TYPE":
        resource = row.level.upper()
    elif row.level == "object" and not resource.startswith("OBJECT"):
        resource = f"OBJECT_{resource}"
    return f"REST.{row.method}.{resource}"


def _safe(method: str) -> str:
    return method if method.isalpha() and method.isascii() else "OTHER"


class LogEntry(msgspec.Struct):
    """One answered request. Times are in milliseconds, ``time_s`` is the Unix time of the request.
    Negative numbers and empty text are not known; sizes of 0 are written where AWS does."""

    owner: str
    bucket: str
    time_s: float
    peer: str
    requester: str
    request_id: str
    operation: str
    key: str
    method: str
    target: bytes
    protocol: str
    status: int
    error: str
    bytes_sent: int
    object_size: int
    total_ms: int
    turnaround_ms: int
    referer: str
    user_agent: str
    version_id: str
    host_id: str
    signed: bool
    cipher: str
    auth_type: str
    host: str
    tls_version: str


def log_line(entry: LogEntry) -> bytes:
    """One record with the 27 fields that AWS writes, space-delimited. Whatever a client sent is
    printable ASCII without quotes; signatures of presigned URLs are left out."""
    target = _SIGNATURE.sub(r"\1-", _quoted(entry.target.decode("latin-1")))
    fields = (
        entry.owner or _NOTHING,
        entry.bucket,
        f"[{_time(entry.time_s)}]",
        entry.peer or _NOTHING,
        entry.requester or _NOTHING,
        entry.request_id,
        operation_text(entry.operation, entry.method),
        quote(entry.key, safe="/-_.~", errors="replace") or _NOTHING,
        f'"{_quoted(entry.method)} {target.replace(" ", "%20")} {entry.protocol}"',
        str(entry.status),
        entry.error or _NOTHING,
        _number(entry.bytes_sent, least=1),
        _number(entry.object_size),
        _number(entry.total_ms),
        _number(entry.turnaround_ms),
        f'"{_quoted(entry.referer) or _NOTHING}"',
        f'"{_quoted(entry.user_agent) or _NOTHING}"',
        _word(entry.version_id),
        entry.host_id or _NOTHING,
        "SigV4" if entry.signed else _NOTHING,
        entry.cipher or _NOTHING,
        entry.auth_type or _NOTHING,
        _word(entry.host),
        entry.tls_version or _NOTHING,
        _NOTHING,  # access point
        _NOTHING,  # whether an ACL was required
        _NOTHING,  # region of the requester
    )
    return (" ".join(fields) + "\n").encode("ascii")


def _number(value: int, least: int = 0) -> str:
    return str(value) if value >= least else _NOTHING


def _quoted(text: str) -> str:
    """Text between quotes: printable ASCII, everything else percent-encoded as UTF-8."""
    return _UNSAFE.sub(_percent, text)


def _word(text: str) -> str:
    return _quoted(text).replace(" ", "%20") or _NOTHING


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass"))


def _time(seconds: float) -> str:
    at = datetime.fromtimestamp(int(seconds), UTC)
    return f"{at.day:02d}/{_MONTHS[at.month - 1]}/{at.year:04d}:{at:%H:%M:%S} +0000"
