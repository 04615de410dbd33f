"""Annotations of objects: their names, and the documents that tell of them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/annotations-overview.html
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

from z4tw.errors import (
    AnnotationNameTooLong,
    InvalidAnnotationName,
    InvalidArgument,
    InvalidPrefix,
)
from z4tw.model.annotations import Annotation
from z4tw.model.stamps import stamp_ms
from z4tw.s3.dates import iso_date
from z4tw.s3.xml_text import document, element, optional

MAX_NAME_BYTES = 512
MAX_BYTES = 1024 * 1024
DIRECTIVE = "x-amz-object-annotation-directive"
_RESERVED = ("aws", "s3")
_PUNCTUATION = frozenset("_.-")


def check_annotation_name(name: str) -> None:
    """Raise ``AnnotationNameTooLong`` above 512 bytes, and ``InvalidAnnotationName`` for an empty
    name, one that begins with ``aws`` or ``s3``, and for anything but letters, digits, marks,
    ``_``, ``.`` and ``-``."""
    if _size(name) > MAX_NAME_BYTES:
        raise AnnotationNameTooLong()
    if not name or name.lower().startswith(_RESERVED) or not _allowed(name):
        raise InvalidAnnotationName(AnnotationName=name)


def check_annotation_prefix(prefix: str) -> None:
    """Raise ``InvalidPrefix`` for what no name can begin with."""
    if _size(prefix) > MAX_NAME_BYTES or not _allowed(prefix):
        raise InvalidPrefix()


def copies_annotations(headers: Mapping[str, str]) -> bool:
    """Whether a copy takes its source's annotations along: unless the directive header says
    EXCLUDE. Raises ``InvalidArgument`` for other values than that and COPY."""
    value = headers.get(DIRECTIVE) or "COPY"
    if value not in ("COPY", "EXCLUDE"):
        raise InvalidArgument(
            "Unknown annotation directive.", ArgumentName=DIRECTIVE, ArgumentValue=value[:256]
        )
    return value == "COPY"


def put_annotation_result(key: str, name: str) -> bytes:
    """PutObjectAnnotationOutput."""
    return document(
        "PutObjectAnnotationOutput", element("Key", key), element("AnnotationName", name)
    )


def list_annotations(
    bucket: str,
    key: str,
    page: Sequence[Annotation],
    *,
    prefix: str,
    limit: int,
    token: str,
    next_token: str,
) -> bytes:
    """ListObjectAnnotationsOutput."""
    entries = "".join([_entry(annotation) for annotation in page])
    return document(
        "ListObjectAnnotationsOutput",
        f"<Annotations>{entries}</Annotations>",
        element("Bucket", bucket),
        element("Key", key),
        optional("AnnotationPrefix", prefix),
        element("MaxAnnotationResults", str(limit)),
        element("AnnotationCount", str(len(page))),
        optional("ContinuationToken", token),
        optional("NextContinuationToken", next_token),
    )


def _entry(annotation: Annotation) -> str:
    checksum = annotation.checksum
    return "".join(
        [
            "<AnnotationEntry>",
            element("AnnotationName", annotation.name),
            element("LastModified", iso_date(stamp_ms(annotation.stamp))),
            element("ETag", f'"{annotation.etag}"'),
            optional("ChecksumAlgorithm", checksum.algorithm if checksum else ""),
            element("Size", str(annotation.body.size)),
            "</AnnotationEntry>",
        ]
    )


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _allowed(text: str) -> bool:
    return all(char in _PUNCTUATION or unicodedata.category(char)[0] in "LNM" for char in text)
