"""S3's request documents, read within bounds: size, depth, number of elements, no DTD.

The namespace is optional, as on AWS; elements that a document does not have are ``MalformedXML``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from z4tw import errors
from z4tw.errors import (
    InvalidArgument,
    InvalidPartOrder,
    InvalidRequest,
    MalformedXML,
    MaxMessageLengthExceeded,
    MissingRequestBodyError,
)
from z4tw.s3.checksums import DIGEST_BYTES
from z4tw.s3.conditional import parse_size, parse_time
from z4tw.s3.tagging import BUCKET_TAGS, check_tags

KIB = 1024
MIB = 1024 * KIB
DELETE_BYTES = 2 * MIB
COMPLETE_BYTES = 4 * MIB
SETTING_BYTES = 64 * KIB
"""Documents that are settings: versioning, tagging, CreateBucket."""

MAX_DELETES = 1000
MAX_PARTS = 10_000
_MAX_DEPTH = 8
_ELEMENTS_PER_ITEM = 13
"""An object of DeleteObjects has at most 6 elements, a part 13 with all checksums it may have."""

_MAX_NUMBER_DIGITS = 9


class Node:
    """An element: its name without the namespace, its attributes (``{namespace}name``), its
    children, its text."""

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Node] = []
        self.text = ""


class DeleteTarget(NamedTuple):
    """One object of DeleteObjects. Conditions, None when absent: ``etag`` (without quotes, or
    ``*``), ``modified_s`` (Unix seconds), ``size`` (bytes)."""

    key: str
    version_id: str
    etag: str | None
    modified_s: int | None = None
    size: int | None = None


class DeleteRequest(NamedTuple):
    """The document of DeleteObjects; quiet: only failures are answered."""

    objects: tuple[DeleteTarget, ...]
    quiet: bool


class CompletedPart(NamedTuple):
    """One part of CompleteMultipartUpload: ``etag`` without quotes; ``checksums`` maps an
    algorithm to base64."""

    number: int
    etag: str
    checksums: dict[str, str]


class VersioningRequest(NamedTuple):
    """The document of PutBucketVersioning; empty text for what it does not say."""

    status: str
    mfa_delete: str


class CreateBucketRequest(NamedTuple):
    """The document of CreateBucket; ``location_constraint`` is empty when it says none."""

    location_constraint: str
    tags: dict[str, str]


def parse_document(
    body: bytes, root: str, limit_bytes: int = SETTING_BYTES, max_elements: int = 1000
) -> Node:
    """The root element of a document. Raises ``MaxMessageLengthExceeded``, ``MalformedXML``."""
    if len(body) > limit_bytes:
        raise MaxMessageLengthExceeded(MaxMessageLengthBytes=str(limit_bytes))
    builder = _Builder(max_elements)
    try:
        parser = DefusedXMLParser(target=builder, forbid_dtd=True)
        parser.feed(body)
        parser.close()
    except (ParseError, DefusedXmlException, LookupError, ValueError):
        raise MalformedXML() from None
    if builder.root is None or builder.root.name != root:
        raise MalformedXML()
    return builder.root


def parse_delete(body: bytes) -> DeleteRequest:
    """DeleteObjects: 1 to 1,000 objects in at most 2 MiB.

    Raises ``MalformedXML``, ``MissingRequestBodyError``.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
    """
    if not body:
        raise MissingRequestBodyError()
    quiet = False
    objects = []
    for child in parse_document(
        body, "Delete", DELETE_BYTES, MAX_DELETES * _ELEMENTS_PER_ITEM
    ).children:
        if child.name == "Object":
            objects.append(_delete_target(child))
        elif child.name == "Quiet":
            quiet = _truth(child)
        else:
            raise MalformedXML()
    if not 1 <= len(objects) <= MAX_DELETES:
        raise MalformedXML()
    return DeleteRequest(tuple(objects), quiet)


def _delete_target(node: Node) -> DeleteTarget:
    fields = _fields(node, {"Key", "VersionId", "ETag", "LastModifiedTime", "Size"})
    key = fields.get("Key")
    if not key:
        raise MalformedXML()
    etag = fields.get("ETag")
    return DeleteTarget(
        key,
        fields.get("VersionId", ""),
        None if etag is None else etag.strip().strip('"'),
        _condition(fields, "LastModifiedTime", parse_time),
        _condition(fields, "Size", parse_size),
    )


def _condition(fields: dict[str, str], name: str, parse: Callable[[str], int | None]) -> int | None:
    if name not in fields:
        return None
    value = parse(fields[name].strip())
    if value is None:
        raise MalformedXML()
    return value


def parse_complete_multipart(body: bytes) -> list[CompletedPart]:
    """CompleteMultipartUpload: 1 to 10,000 parts in ascending order in at most 4 MiB.

    Raises ``InvalidRequest`` without parts, ``InvalidPartOrder``, ``InvalidArgument`` for numbers
    outside 1 to 10,000, ``MalformedXML``.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
    """
    if not body:
        raise InvalidRequest("You must specify at least one part")
    root = parse_document(
        body, "CompleteMultipartUpload", COMPLETE_BYTES, MAX_PARTS * _ELEMENTS_PER_ITEM
    )
    if not 1 <= len(root.children) <= MAX_PARTS:
        raise MalformedXML()
    parts: list[CompletedPart] = []
    last = 0
    for child in root.children:
        if child.name != "Part":
            raise MalformedXML()
        part = _completed_part(child)
        if part.number <= last:
            raise InvalidPartOrder()
        last = part.number
        parts.append(part)
    return parts


def _completed_part(node: Node) -> CompletedPart:
    fields = _fields(node, _PART_FIELDS)
    etag = fields.pop("ETag", "").strip().strip('"')
    number = _number(fields.pop("PartNumber", ""))
    if not etag:
        raise MalformedXML()
    if not 1 <= number <= MAX_PARTS:
        raise InvalidArgument(
            f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive",
            ArgumentName="partNumber",
            ArgumentValue=str(number),
        )
    return CompletedPart(
        number, etag, {name.removeprefix("Checksum"): text for name, text in fields.items()}
    )


_PART_FIELDS = {
    "ETag",
    "PartNumber",
    *(f"Checksum{algorithm}" for algorithm in DIGEST_BYTES),
}


def parse_tagging(body: bytes, limit: int) -> dict[str, str]:
    """PutObjectTagging and PutBucketTagging: at most ``limit`` tags.

    Raises ``MissingRequestBodyError``, ``MalformedXML``, ``InvalidTag``.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html
    """
    if not body:
        raise MissingRequestBodyError()
    root = parse_document(body, "Tagging")
    if len(root.children) != 1 or root.children[0].name != "TagSet":
        raise MalformedXML()
    return check_tags(_tags(root.children[0]), limit)


def parse_versioning(body: bytes) -> VersioningRequest:
    """PutBucketVersioning. Raises ``MissingRequestBodyError``, ``MalformedXML``.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html
    """
    if not body:
        raise MissingRequestBodyError()
    root = parse_document(body, "VersioningConfiguration")
    fields = _fields(root, {"Status", "MfaDelete"})
    status, mfa_delete = fields.get("Status", ""), fields.get("MfaDelete", "")
    if status not in ("", "Enabled", "Suspended") or mfa_delete not in ("", "Enabled", "Disabled"):
        raise MalformedXML()
    return VersioningRequest(status, mfa_delete)


def parse_create_bucket(body: bytes) -> CreateBucketRequest:
    """CreateBucket; an empty body says nothing. Raises ``MalformedXML``, ``InvalidTag``;
    ``NotImplemented`` for directory buckets.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
    """
    if not body:
        return CreateBucketRequest("", {})
    constraint = ""
    tags: dict[str, str] = {}
    seen: set[str] = set()
    for child in parse_document(body, "CreateBucketConfiguration").children:
        if child.name in seen:
            raise MalformedXML()
        seen.add(child.name)
        if child.name == "LocationConstraint":
            constraint = _text(child).strip()
        elif child.name == "Tags":
            tags = check_tags(_tags(child), BUCKET_TAGS)
        elif child.name in ("Location", "Bucket"):
            raise errors.NotImplemented("Directory buckets are not implemented.")
        else:
            raise MalformedXML()
    return CreateBucketRequest(constraint, tags)


def _tags(node: Node) -> Iterator[tuple[str, str]]:
    for child in node.children:
        if child.name != "Tag":
            raise MalformedXML()
        fields = _fields(child, {"Key", "Value"})
        if len(fields) != 2:
            raise MalformedXML()
        yield fields["Key"], fields["Value"]


def _fields(node: Node, allowed: set[str]) -> dict[str, str]:
    """The texts of an element's children, each at most once and of an allowed name."""
    fields: dict[str, str] = {}
    for child in node.children:
        if child.name not in allowed or child.name in fields:
            raise MalformedXML()
        fields[child.name] = _text(child)
    return fields


def _text(node: Node) -> str:
    if node.children:
        raise MalformedXML()
    return node.text


def _truth(node: Node) -> bool:
    text = _text(node).strip().lower()
    if text not in ("true", "false", "1", "0"):
        raise MalformedXML()
    return text in ("true", "1")


def _number(text: str) -> int:
    digits = text.strip()
    if not digits.removeprefix("-").isdecimal() or len(digits) > _MAX_NUMBER_DIGITS:
        raise MalformedXML()
    return int(digits)


class _Builder:
    """Builds nodes for the parser, and stops it at too many or too deep elements."""

    def __init__(self, max_elements: int) -> None:
        self.root: Node | None = None
        self._open: list[Node] = []
        self._texts: list[str] = []
        self._left = max_elements

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        node = Node(tag.rpartition("}")[2], attributes)
        self._left -= 1
        if self._left < 0 or len(self._open) == _MAX_DEPTH:
            raise ParseError("too many or too deep elements")
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)
        self._texts.clear()

    def data(self, text: str) -> None:
        self._texts.append(text)

    def end(self, _tag: str) -> None:
        node = self._open.pop()
        if not node.children:
            node.text = "".join(self._texts)
        self._texts.clear()

    def close(self) -> None:
        self._texts.clear()
