"""From a request's head to an S3Call: addressing, decoding, and which operation it asks for.

A path is percent-decoded exactly once and never normalised: ``//``, ``..`` and ``%2F`` are parts of
keys. A query parameter that names a subresource of S3 is never ignored, so that a request for
something that z4tw lacks cannot be taken for the plain operation; other parameters are.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from z4tw import errors
from z4tw.errors import (
    InvalidArgument,
    InvalidURI,
    MethodNotAllowed,
    PreconditionFailed,
    S3Error,
)
from z4tw.interfaces.http import RequestHead
from z4tw.s3.call import S3Call
from z4tw.s3.names import MAX_KEY_BYTES, check_bucket_name, check_key, is_bucket_name
from z4tw.s3.operations import OPERATIONS

PRESIGN_PARAMETERS = frozenset(
    {
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
    }
)
_MAX_PARAMETERS = 256
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+\Z")  # a token of RFC 9110 section 5.6.2
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NOT_HEADERS = ("x-amz-checksum-", "x-amz-sdk-checksum-", "x-amz-content-sha256", "x-amz-date")
"""Query parameters that do not stand for the header of their name."""

_PLAIN_OBJECT = {"GET": "GetObject", "PUT": "PutObject", "HEAD": "HeadObject"}
_PLAIN = {
    ("GET", "service"): "ListBuckets",
    ("GET", "bucket"): "ListObjects",
    ("PUT", "bucket"): "CreateBucket",
    ("HEAD", "bucket"): "HeadBucket",
    ("DELETE", "bucket"): "DeleteBucket",
    ("GET", "object"): "GetObject",
    ("PUT", "object"): "PutObject",
    ("HEAD", "object"): "HeadObject",
    ("DELETE", "object"): "DeleteObject",
}
_UPLOAD = {
    "GET": "ListParts",
    "PUT": "UploadPart",
    "POST": "CompleteMultipartUpload",
    "DELETE": "AbortMultipartUpload",
}
_REPLACED = frozenset(
    {
        "GetBucketLifecycle",
        "GetBucketNotification",
        "PutBucketLifecycle",
        "PutBucketNotification",
    }
)
"""Old operations that look like their successors on the wire."""
_NO_ITEM = {
    "GetBucketAnalyticsConfiguration": "ListBucketAnalyticsConfigurations",
    "GetBucketIntelligentTieringConfiguration": "ListBucketIntelligentTieringConfigurations",
    "GetBucketInventoryConfiguration": "ListBucketInventoryConfigurations",
    "GetBucketMetricsConfiguration": "ListBucketMetricsConfigurations",
    "GetObjectAnnotation": "ListObjectAnnotations",
}
"""What a request without the parameter that names one item asks for."""

_MARKED = {
    (operation.method, operation.level, operation.marker): operation.name
    for operation in OPERATIONS.values()
    if operation.marker
    and operation.name not in _REPLACED
    and operation.name not in _NO_ITEM.values()
}
_MARKERS = frozenset(marker for _, _, marker in _MARKED) - {"list-type"}


def parse_call(head: RequestHead, domains: tuple[str, ...]) -> S3Call:
    """What a request asks for. ``domains`` are the names under which virtual hosts are buckets.

    An operation that z4tw lacks is a call too (``OPERATIONS`` says so), so that it is refused only
    after authentication; but one without a signature raises ``NotImplemented`` here. Raises
    ``InvalidURI``, ``InvalidBucketName``, ``KeyTooLongError``, ``MethodNotAllowed``,
    ``InvalidArgument``.
    """
    target = head.target
    headers = head.headers
    path, question, query_text = target.partition(b"?")
    if path[:1] != b"/":
        raise InvalidURI(URI=_shown(target))
    bucket = virtual_bucket(headers.get("host", ""), domains) if domains else ""
    virtual_host = bucket != ""
    if virtual_host:
        raw_key = path[1:]
    else:
        raw_bucket, _, raw_key = path[1:].partition(b"/")
        bucket = decoded(raw_bucket, target)
    if not raw_key or (raw_key.isascii() and b"%" not in raw_key):
        key = raw_key.decode("ascii")
        too_long = len(key) > MAX_KEY_BYTES
    else:
        key = decoded(raw_key, target)
        too_long = len(raw_key) > MAX_KEY_BYTES
    if bucket and not is_bucket_name(bucket):
        if path == b"/WriteGetObjectResponse" and "x-amz-request-route" in headers:
            raise _missing("WriteGetObjectResponse")
        check_bucket_name(bucket)
    if too_long:
        check_key(key)
    if not question and key and bucket:
        operation = _PLAIN_OBJECT.get(head.method)
        if operation is not None and not (
            operation == "PutObject" and "x-amz-copy-source" in headers
        ):
            return S3Call(operation, bucket, key, {}, headers, virtual_host)
    if not bucket and (raw_key or path != b"/"):
        check_bucket_name(bucket)
    query = parse_query(query_text, target) if query_text else {}
    if query:
        headers = _hoisted(query, headers)
    level = "object" if key else "bucket" if bucket else "service"
    name = _operation(head.method, level, query, headers)
    return S3Call(name, bucket, key, query, headers, virtual_host)


def named_resource(head: RequestHead, domains: tuple[str, ...]) -> tuple[str, str]:
    """The bucket and key that a request names, whatever it asks for; empty for what is missing or
    can be no name. For answers that are given before, or without, an ``S3Call``."""
    path = head.target.partition(b"?")[0]
    bucket = virtual_bucket(head.headers.get("host", ""), domains) if domains else ""
    raw_key = path[1:]
    try:
        if not bucket:
            raw_bucket, _, raw_key = raw_key.partition(b"/")
            bucket = decoded(raw_bucket, head.target)
        key = decoded(raw_key, head.target)
    except InvalidURI:
        return "", ""
    return (bucket, key) if is_bucket_name(bucket) else ("", "")


def _host_name(host: str) -> str:
    name = host.lower()
    colon = name.rfind(":")
    if colon >= 0 and not name.endswith("]"):
        name = name[:colon]
    return name.rstrip(".")


@lru_cache(maxsize=4096)
def under_domain(host: str, domains: tuple[str, ...]) -> bool:
    """Whether a Host header names one of some domains, or a name below one."""
    name = _host_name(host)
    return any(name == domain or name.endswith("." + domain) for domain in domains)


@lru_cache(maxsize=4096)
def virtual_bucket(host: str, domains: tuple[str, ...]) -> str:
    """The bucket that a Host header names, or empty for path-style addressing."""
    name = _host_name(host)
    if name in domains:
        return ""
    for domain in sorted(domains, key=len, reverse=True):
        if name.endswith("." + domain):
            return name[: -len(domain) - 1]
    return ""


def parse_query(text: bytes, target: bytes = b"") -> dict[str, str]:
    """Decoded query parameters without a presigned URL's; of a repeated one the first counts.

    ``+`` is a space. Raises ``InvalidURI`` for bad escapes, for text that is not UTF-8 and for
    more than 256 parameters.
    """
    query: dict[str, str] = {}
    fields = text.split(b"&", _MAX_PARAMETERS + 1)
    if len(fields) > _MAX_PARAMETERS:
        raise InvalidURI(URI=_shown(target))
    for field in fields:
        if not field:
            continue
        name, _, value = field.replace(b"+", b" ").partition(b"=")
        parameter = decoded(name, target)
        if parameter not in query and parameter not in PRESIGN_PARAMETERS:
            query[parameter] = decoded(value, target)
    return query


def decoded(raw: bytes, target: bytes) -> str:
    """Percent-decoded text. Raises ``InvalidURI`` for a bad escape and for what is not UTF-8."""
    try:
        if b"%" in raw:
            if _BAD_ESCAPE.search(raw):
                raise InvalidURI(URI=_shown(target))
            raw = unquote_to_bytes(raw)
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidURI(URI=_shown(target)) from None


def _shown(target: bytes) -> str:
    return target[:1024].decode("latin-1")


def _hoisted(query: dict[str, str], headers: dict[str, str]) -> dict[str, str]:
    """The headers with the ``x-amz-*`` query parameters over them. Raises ``InvalidArgument`` for
    what no header could carry: it may be stored, and would end the answer's header line."""
    found = {}
    for name, value in query.items():
        lower = name.lower()
        if lower.startswith("x-amz-") and not lower.startswith(_NOT_HEADERS):
            if not _HEADER_NAME.match(lower) or _CONTROL.search(value):
                raise InvalidArgument(
                    "A query parameter that stands for a header cannot be one",
                    ArgumentName=name[:256],
                )
            found[lower] = value
    return {**headers, **found} if found else headers


def _operation(method: str, level: str, query: dict[str, str], headers: dict[str, str]) -> str:
    """The name of the operation."""
    markers = [name for name in query if name in _MARKERS]
    if len(markers) > 1:
        raise InvalidArgument(
            "Conflicting query string parameters: " + ", ".join(sorted(markers)),
            ArgumentName="ResourceType",
            ArgumentValue=markers[0],
        )
    if markers:
        name = _MARKED.get((method, level, markers[0]), "")
        if not name:
            raise _not_allowed(method, level, markers[0])
        if name in _NO_ITEM and not query.keys() >= set(OPERATIONS[name].required):
            name = _NO_ITEM[name]
    else:
        name = _unmarked(method, level, query, headers)
    if "versionId" in query:
        _check_version_parameter(name, query["versionId"])
    return name


def _unmarked(method: str, level: str, query: dict[str, str], headers: dict[str, str]) -> str:
    """The operation of a request without a subresource."""
    if "uploadId" in query or (level == "object" and "partNumber" in query):
        return _of_upload(method, level, query, headers)
    if level == "bucket":
        if method == "GET" and "list-type" in query:
            return _of_list_type(query["list-type"])
        if method == "POST":
            return _of_post(headers)
    if level == "service" and method == "GET" and "max-directory-buckets" in query:
        return "ListDirectoryBuckets"
    name = _PLAIN.get((method, level))
    if name is None:
        raise _not_allowed(method, level, "")
    if name == "PutObject" and "x-amz-copy-source" in headers:
        return "CopyObject"
    return name


def _of_upload(method: str, level: str, query: dict[str, str], headers: dict[str, str]) -> str:
    if "uploadId" not in query:
        if method in ("GET", "HEAD"):
            return _PLAIN_OBJECT[method]
        raise _no_such_parameter("partNumber", query["partNumber"])
    if method == "PUT" and "partNumber" not in query:
        raise _no_such_parameter("uploadId", query["uploadId"])
    name = _UPLOAD.get(method) if level == "object" else None
    if name is None:
        raise _not_allowed(method, level, "uploadId")
    if name == "UploadPart" and "x-amz-copy-source" in headers:
        return "UploadPartCopy"
    return name


def _of_list_type(value: str) -> str:
    if value != "2":
        raise InvalidArgument(
            "Invalid List Type specified in Request",
            ArgumentName="list-type",
            ArgumentValue=value[:1024],
        )
    return "ListObjectsV2"


def _of_post(headers: dict[str, str]) -> str:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return "PostObject"
    raise PreconditionFailed(
        Condition="Bucket POST must be of the enclosure-type multipart/form-data"
    )


def _check_version_parameter(name: str, version_id: str) -> None:
    if not OPERATIONS[name].versioned:
        raise InvalidArgument(
            "This operation does not accept a version-id.",
            ArgumentName="versionId",
            ArgumentValue=version_id[:1024],
        )
    if not version_id:
        raise InvalidArgument(
            "Version id cannot be the empty string", ArgumentName="versionId", ArgumentValue=""
        )


def _no_such_parameter(name: str, value: str) -> S3Error:
    return InvalidArgument(
        "This operation does not accept a query-string.",
        ArgumentName="ResourceType",
        ArgumentValue=name,
        ParameterValue=value[:1024],
    )


def _missing(name: str) -> S3Error:
    return errors.NotImplemented(f"The operation {name} is not implemented.")


def _not_allowed(method: str, level: str, marker: str) -> S3Error:
    """The refusal of a method, with the methods that the resource has."""
    error = MethodNotAllowed(Method=method[:32], ResourceType=(marker or level).upper())
    if marker == "uploadId":
        allowed = set(_UPLOAD) if level == "object" else set()
    elif marker:
        allowed = {m for m, lv, mark in _MARKED if mark == marker and lv == level}
    else:
        allowed = {m for m, lv in _PLAIN if lv == level}
    error.headers.append(("Allow", ", ".join(sorted(allowed))))
    return error
