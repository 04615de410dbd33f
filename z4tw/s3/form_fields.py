"""What the fields of an upload form mean: the key, the headers that they stand for, the answer.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from z4tw.errors import InvalidArgument, MalformedPOSTRequest
from z4tw.s3.names import check_key
from z4tw.s3.refusals import lacking
from z4tw.s3.tagging import OBJECT_TAGS
from z4tw.s3.xml_in import parse_tagging

_NOT_EXPANDED = frozenset({"policy", "x-amz-signature"})
_AUTHENTICATION = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-signature",
    }
)
_HEADERS = {
    "acl": "x-amz-acl",
    "cache-control": "cache-control",
    "content-disposition": "content-disposition",
    "content-encoding": "content-encoding",
    "content-language": "content-language",
    "content-md5": "content-md5",
    "content-type": "content-type",
    "expires": "expires",
    "tagging": "x-amz-tagging",
}
_AMZ_HEADERS = frozenset(
    {
        "x-amz-acl",
        "x-amz-expected-bucket-owner",
        "x-amz-sdk-checksum-algorithm",
        "x-amz-storage-class",
        "x-amz-tagging",
        "x-amz-website-redirect-location",
    }
)
_AMZ_PREFIXES = (
    "x-amz-checksum-",
    "x-amz-grant-",
    "x-amz-meta-",
    "x-amz-object-lock-",
    "x-amz-server-side-encryption",
)
_NO_HEADERS = frozenset({"if-match", "if-none-match"})
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def field_texts(raw: Mapping[str, bytes], filename: str) -> dict[str, str]:
    """The texts of a form's fields with ``${filename}`` put in: the last part of the path that the
    client gave. Conditions of a policy are about these. Raises ``MalformedPOSTRequest`` for text
    that is not UTF-8."""
    name = filename.replace("\\", "/").rpartition("/")[2]
    texts = {}
    for field, value in raw.items():
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError:
            raise MalformedPOSTRequest() from None
        texts[field] = text if field in _NOT_EXPANDED else text.replace("${filename}", name)
    return texts


def form_key(fields: Mapping[str, str]) -> str:
    """The key to upload to. Raises ``InvalidArgument``, ``KeyTooLongError``."""
    key = fields.get("key", "")
    if not key:
        raise InvalidArgument(
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the "
            "order of the fields.",
            ArgumentName="key",
        )
    check_key(key)
    return key


def form_headers(fields: Mapping[str, str]) -> dict[str, str]:
    """The headers of a PutObject that would ask for what the form's fields do.

    ``tagging`` is XML in forms. Fields that mean nothing to S3 are left out; an ``x-amz-...`` field
    that no form has raises ``NotImplemented``. Raises ``InvalidArgument`` for text that no header
    could carry, and as ``parse_tagging``.
    """
    headers: dict[str, str] = {}
    for name, value in fields.items():
        if name in _AUTHENTICATION or not value:
            continue
        if name == "tagging":
            tags = parse_tagging(value.encode(), OBJECT_TAGS)
            value = urlencode(tags)
        header = _HEADERS.get(name, name)
        if header == name and name.startswith("x-amz-") and not _is_form_header(name):
            raise lacking(name)
        if name in _HEADERS or name.startswith("x-amz-"):
            if not _NAME.match(name) or _CONTROL.search(value):
                raise InvalidArgument(
                    "A form field that stands for a header cannot be one", ArgumentName=name[:256]
                )
            if header in headers:
                raise InvalidArgument(
                    "POST must contain each field once.", ArgumentName=header[:256]
                )
            headers[header] = value.encode().decode("latin-1")
    return headers


def _is_form_header(name: str) -> bool:
    return name in _AMZ_HEADERS or name.startswith(_AMZ_PREFIXES)


def check_request_headers(headers: Mapping[str, str]) -> None:
    """Refuse headers of a form's request that ask for something: policies say nothing of them, so
    only fields may. Raises ``InvalidArgument``, ``NotImplemented``."""
    for name in headers:
        if name in _NO_HEADERS:
            raise lacking(name)
        if name.startswith("x-amz-") and _is_form_header(name):
            raise InvalidArgument(
                "In a form this must be a field, not a header", ArgumentName=name[:256]
            )


def success_status(fields: Mapping[str, str]) -> int:
    """``success_action_status``: 200, 201 or 204, which is the default for anything else."""
    wanted = fields.get("success_action_status", "")
    return int(wanted) if wanted in ("200", "201") else 204


def success_redirect(fields: Mapping[str, str], bucket: str, key: str, etag: str) -> str:
    """Where to send the browser after an upload, with the object added to the query; empty when
    the form names no URL of http or https. ``etag`` has its quotes."""
    url = fields.get("success_action_redirect") or fields.get("redirect", "")
    if not url or _CONTROL.search(url) or " " in url:
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        return ""
    more = urlencode({"bucket": bucket, "key": key, "etag": etag}, quote_via=quote)
    query = f"{parts.query}&{more}" if parts.query else more
    return quote(parts._replace(query=query).geturl(), safe="!#$%&'()*+,/:;=?@[]~-._")
