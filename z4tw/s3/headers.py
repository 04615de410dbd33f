"""The headers of objects: what is stored of a request's, and what an answer carries.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from z4tw.errors import (
    InvalidArgument,
    InvalidRedirectLocation,
    InvalidStorageClass,
    MetadataTooLarge,
)
from z4tw.model.objects import Version
from z4tw.s3.dates import http_date, iso_date
from z4tw.s3.refusals import refuse_unsupported
from z4tw.s3.tagging import parse_tagging_header

__all__ = [
    "DEFAULT_CONTENT_TYPE",
    "http_date",
    "iso_date",
    "object_headers",
    "parse_storage_class",
    "parse_tagging_header",
    "refuse_unsupported",
    "response_overrides",
    "stored_headers",
    "user_metadata",
]

DEFAULT_CONTENT_TYPE = "binary/octet-stream"
MAX_METADATA_BYTES = 2048
META = "x-amz-meta-"
REDIRECT = "x-amz-website-redirect-location"
STORAGE_CLASSES = frozenset(
    {
        "DEEP_ARCHIVE",
        "GLACIER",
        "GLACIER_IR",
        "INTELLIGENT_TIERING",
        "ONEZONE_IA",
        "REDUCED_REDUNDANCY",
        "STANDARD",
        "STANDARD_IA",
    }
)
_STORED = {
    "content-type": "Content-Type",
    "cache-control": "Cache-Control",
    "content-disposition": "Content-Disposition",
    "content-encoding": "Content-Encoding",
    "content-language": "Content-Language",
    "expires": "Expires",
    REDIRECT: REDIRECT,
}
_OVERRIDES = {
    "response-cache-control": "cache-control",
    "response-content-disposition": "content-disposition",
    "response-content-encoding": "content-encoding",
    "response-content-language": "content-language",
    "response-content-type": "content-type",
    "response-expires": "expires",
}


def stored_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The standard headers that are kept with an object, by lower-case name.

    ``aws-chunked`` is a framing, not an encoding of the object, and is left out. Raises
    ``InvalidRedirectLocation``.
    """
    stored = {}
    for name in _STORED:
        value = headers.get(name)
        if value:
            stored[name] = value
    encoding = stored.get("content-encoding")
    if encoding is not None and "aws-chunked" in encoding.lower():
        tokens = [token.strip() for token in encoding.split(",")]
        kept = [token for token in tokens if token and token.lower() != "aws-chunked"]
        if kept:
            stored["content-encoding"] = ",".join(kept)
        else:
            del stored["content-encoding"]
    redirect = stored.get(REDIRECT)
    if redirect is not None and not redirect.startswith(("/", "http://", "https://")):
        raise InvalidRedirectLocation()
    return stored


def user_metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """User metadata by name without ``x-amz-meta-``; values are Latin-1 text, as sent.

    Names and values may have 2 KB of UTF-8 together, otherwise ``MetadataTooLarge``.
    """
    found = {}
    for name, value in headers.items():
        if name.startswith(META):
            found[name[11:]] = value
    if found:
        size = sum(len(name.encode()) + len(value.encode()) for name, value in found.items())
        if size > MAX_METADATA_BYTES:
            raise MetadataTooLarge(Size=str(size), MaxSizeAllowed=str(MAX_METADATA_BYTES))
    return found


def parse_storage_class(headers: Mapping[str, str]) -> str:
    """``x-amz-storage-class``, by default STANDARD. Raises ``InvalidStorageClass``."""
    value = headers.get("x-amz-storage-class")
    if not value:
        return "STANDARD"
    if value not in STORAGE_CLASSES:
        raise InvalidStorageClass(StorageClassRequested=value[:256])
    return value


def response_overrides(query: Mapping[str, str]) -> dict[str, str]:
    """The ``response-*`` parameters of a read, by the lower-case name of the header they replace.

    Values are given as the Latin-1 text of their UTF-8 bytes. Only signed requests may use them:
    the caller checks that. Raises ``InvalidArgument`` for control characters, which would end the
    header. https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    found: dict[str, str] = {}
    if not query:
        return found
    for parameter, name in _OVERRIDES.items():
        value = query.get(parameter)
        if value:
            if not value.isprintable() and any(char < " " or char == "\x7f" for char in value):
                raise InvalidArgument(
                    "Header value cannot be set: it has control characters",
                    ArgumentName=parameter,
                )
            found[name] = value if value.isascii() else value.encode().decode("latin-1")
    return found


def object_headers(
    version: Version, overrides: Mapping[str, str] | None = None, version_id: str = ""
) -> list[tuple[str, str]]:
    """The headers of a GET or HEAD answer that describe a version.

    ``overrides`` are those of ``response_overrides``; ``version_id`` is given where the bucket has
    versioning. Content-Length, Content-Range, checksums and x-amz-mp-parts-count are the
    operation's. User metadata beyond ASCII is written as RFC 2047 says, as AWS does.
    """
    modified = http_date(version.modified_ms)
    answer = [("Last-Modified", modified), ("ETag", f'"{version.etag}"')]
    if version_id:
        answer.append(("x-amz-version-id", version_id))
    answer.append(("Accept-Ranges", "bytes"))
    stored = version.headers
    if overrides:
        stored = {**stored, **overrides}
    if "content-type" not in stored:
        answer.append(("Content-Type", DEFAULT_CONTENT_TYPE))
    for name, value in stored.items():
        answer.append((_STORED[name], value))
    if version.user_metadata:
        for name, value in version.user_metadata.items():
            answer.append((META + name, value if value.isascii() else _encoded_word(value)))
    if version.storage_class != "STANDARD":
        answer.append(("x-amz-storage-class", version.storage_class))
    if version.tags:
        answer.append(("x-amz-tagging-count", str(len(version.tags))))
    return answer


def _encoded_word(text: str) -> str:
    """RFC 2047's encoded word of a text, in UTF-8 and base64."""
    return f"=?UTF-8?B?{base64.b64encode(text.encode('utf-8')).decode('ascii')}?="
