"""LifecycleConfiguration documents, read within bounds and checked as AWS does.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import lru_cache

from z4tw.errors import InvalidArgument, InvalidRequest, MalformedXML, MissingRequestBodyError
from z4tw.lifecycle.checks import check_rule
from z4tw.lifecycle.rules import (
    ALL_128K,
    AWS_CLASSES,
    DEFAULT_MINIMUMS,
    DISABLED,
    ENABLED,
    Configuration,
    Expiration,
    Filter,
    NoncurrentExpiration,
    NoncurrentTransition,
    Rule,
    Transition,
)
from z4tw.lifecycle.xml_out import MINIMUM, ROOT
from z4tw.s3.tagging import OBJECT_TAGS, check_tags
from z4tw.s3.xml_in import Node, parse_document

LIFECYCLE_BYTES = 1024 * 1024
MAX_RULES = 1000
MAX_ID_LENGTH = 255
_ELEMENTS_PER_RULE = 64
_MAX_DIGITS = 19
_MAX_NUMBER = 2**31 - 1
_MAX_SIZE = 2**63 - 1
_RULE_FIELDS = frozenset(
    {
        "AbortIncompleteMultipartUpload",
        "Expiration",
        "Filter",
        "ID",
        "NoncurrentVersionExpiration",
        "Prefix",
        "Status",
    }
)
_FILTER_FIELDS = frozenset({"ObjectSizeGreaterThan", "ObjectSizeLessThan", "Prefix", "Tag"})
NewId = Callable[[], str]


def parse_lifecycle(
    body: bytes, minimum: str, plugin_classes: Collection[str], new_id: NewId
) -> Configuration:
    """The rules of a request's document; a rule without an ID gets one of ``new_id``.

    ``minimum`` is the header's value (empty: the default); ``plugin_classes`` are storage classes
    beside S3's own. Raises ``MissingRequestBodyError``, ``MalformedXML``, ``InvalidArgument``,
    ``InvalidRequest``, ``InvalidTag``.
    """
    if not body:
        raise MissingRequestBodyError()
    if minimum and minimum not in DEFAULT_MINIMUMS:
        raise InvalidArgument(
            "Invalid TransitionDefaultMinimumObjectSize found: " + minimum[:64],
            ArgumentName="x-amz-transition-default-minimum-object-size",
            ArgumentValue=minimum[:256],
        )
    root = parse_document(body, ROOT, LIFECYCLE_BYTES, MAX_RULES * _ELEMENTS_PER_RULE)
    classes = frozenset(AWS_CLASSES) | frozenset(plugin_classes)
    rules = _rules(root.children, classes, new_id)
    for rule in rules:
        check_rule(rule)
    return Configuration(rules, minimum or ALL_128K)


@lru_cache(maxsize=256)
def stored_lifecycle(stored: bytes) -> Configuration:
    """The rules of a stored document."""
    root = parse_document(stored, ROOT, 2 * LIFECYCLE_BYTES, MAX_RULES * _ELEMENTS_PER_RULE)
    rules = [node for node in root.children if node.name == "Rule"]
    minimum = next((node.text for node in root.children if node.name == MINIMUM), ALL_128K)
    return Configuration(_rules(rules, None, str), minimum)


def _rules(nodes: list[Node], classes: frozenset[str] | None, new_id: NewId) -> tuple[Rule, ...]:
    if not 1 <= len(nodes) <= MAX_RULES:
        raise MalformedXML()
    rules = []
    seen: set[str] = set()
    for node in nodes:
        if node.name != "Rule":
            raise MalformedXML()
        rule = _rule(node, classes, new_id)
        if rule.id in seen:
            raise InvalidArgument(
                "Rule ID must be unique. Found same ID for more than one rule",
                ArgumentName="ID",
                ArgumentValue=rule.id,
            )
        seen.add(rule.id)
        rules.append(rule)
    return tuple(rules)


def _rule(node: Node, classes: frozenset[str] | None, new_id: NewId) -> Rule:
    found: dict[str, Node] = {}
    transitions = []
    noncurrent = []
    for child in node.children:
        if child.name == "Transition":
            transitions.append(_transition(child, classes))
        elif child.name == "NoncurrentVersionTransition":
            noncurrent.append(_noncurrent_transition(child, classes))
        elif child.name in _RULE_FIELDS and child.name not in found:
            found[child.name] = child
        else:
            raise MalformedXML()
    status = _text(found["Status"]).strip() if "Status" in found else ""
    if status not in (ENABLED, DISABLED) or ("Prefix" in found) == ("Filter" in found):
        raise MalformedXML()
    id = _text(found["ID"]) if "ID" in found else ""
    if len(id) > MAX_ID_LENGTH:
        raise InvalidArgument(
            f"ID length should not exceed allowed limit of {MAX_ID_LENGTH}",
            ArgumentName="ID",
            ArgumentValue=id[: MAX_ID_LENGTH + 1],
        )
    if "Prefix" in found:
        filter = Filter(prefix=_text(found["Prefix"]), old=True)
    else:
        filter = _filter(found["Filter"])
    expiration = found.get("Expiration")
    older = found.get("NoncurrentVersionExpiration")
    abort = found.get("AbortIncompleteMultipartUpload")
    return Rule(
        id=id or new_id(),
        enabled=status == ENABLED,
        filter=filter,
        expiration=None if expiration is None else _expiration(expiration),
        transitions=tuple(transitions),
        noncurrent_expiration=None if older is None else _noncurrent_expiration(older),
        noncurrent_transitions=tuple(noncurrent),
        abort_days=0 if abort is None else _abort(abort),
    )


def _filter(node: Node) -> Filter:
    if len(node.children) > 1:
        raise MalformedXML()
    if not node.children:
        if node.text.strip():
            raise MalformedXML()
        return Filter()
    child = node.children[0]
    if child.name == "And":
        if not child.children:
            raise MalformedXML()
        return _predicates(child.children, joined=True)
    return _predicates(node.children, joined=False)


def _predicates(nodes: list[Node], joined: bool) -> Filter:
    pairs = []
    texts: dict[str, str] = {}
    for node in nodes:
        if node.name not in _FILTER_FIELDS or node.name in texts:
            raise MalformedXML()
        if node.name == "Tag":
            fields = _texts(node, {"Key", "Value"})
            if len(fields) != 2:
                raise MalformedXML()
            pairs.append((fields["Key"], fields["Value"]))
        else:
            texts[node.name] = _text(node)
    if len({key for key, _ in pairs}) < len(pairs):
        raise InvalidRequest("Duplicate Tag Keys are not allowed.")
    return Filter(
        prefix=texts.get("Prefix"),
        tags=tuple(check_tags(pairs, OBJECT_TAGS).items()),
        greater=_size(texts, "ObjectSizeGreaterThan"),
        less=_size(texts, "ObjectSizeLessThan"),
        joined=joined,
    )


def _size(texts: dict[str, str], name: str) -> int | None:
    return _number(texts[name], _MAX_SIZE) if name in texts else None


def _expiration(node: Node) -> Expiration:
    fields = _texts(node, {"Date", "Days", "ExpiredObjectDeleteMarker"})
    if len(fields) != 1:
        raise MalformedXML()
    if "Days" in fields:
        return Expiration(days=_positive(fields["Days"], "Days", "Expiration"))
    if "Date" in fields:
        return Expiration(date_ms=_midnight(fields["Date"]))
    marker = fields["ExpiredObjectDeleteMarker"].strip().lower()
    if marker not in ("true", "false"):
        raise MalformedXML()
    return Expiration(markers=marker == "true")


def _transition(node: Node, classes: frozenset[str] | None) -> Transition:
    fields = _texts(node, {"Date", "Days", "StorageClass"})
    storage_class = _storage_class(fields, classes)
    if len(fields) != 2:
        raise MalformedXML()
    if "Date" in fields:
        return Transition(storage_class, date_ms=_midnight(fields["Date"]))
    return Transition(storage_class, days=_natural(fields["Days"], "Days", "Transition"))


def _noncurrent_transition(node: Node, classes: frozenset[str] | None) -> NoncurrentTransition:
    fields = _texts(node, {"NewerNoncurrentVersions", "NoncurrentDays", "StorageClass"})
    action = "NoncurrentVersionTransition"
    if "NoncurrentDays" not in fields:
        raise MalformedXML()
    days = _natural(fields["NoncurrentDays"], "NoncurrentDays", action)
    return NoncurrentTransition(_storage_class(fields, classes), days, _newer(fields, action))


def _noncurrent_expiration(node: Node) -> NoncurrentExpiration:
    fields = _texts(node, {"NewerNoncurrentVersions", "NoncurrentDays"})
    action = "NoncurrentVersionExpiration"
    if "NoncurrentDays" not in fields:
        raise MalformedXML()
    days = _positive(fields["NoncurrentDays"], "NoncurrentDays", action)
    return NoncurrentExpiration(days, _newer(fields, action))


def _newer(fields: dict[str, str], action: str) -> int:
    if "NewerNoncurrentVersions" not in fields:
        return 0
    return _positive(fields["NewerNoncurrentVersions"], "NewerNoncurrentVersions", action)


def _abort(node: Node) -> int:
    fields = _texts(node, {"DaysAfterInitiation"})
    if not fields:
        raise MalformedXML()
    action = "AbortIncompleteMultipartUpload"
    return _positive(fields["DaysAfterInitiation"], "DaysAfterInitiation", action)


def _storage_class(fields: dict[str, str], classes: frozenset[str] | None) -> str:
    name = fields.get("StorageClass", "")
    if classes is not None and name not in classes:
        raise MalformedXML()
    return name


def _positive(text: str, name: str, action: str) -> int:
    number = _number(text, _MAX_NUMBER)
    if number <= 0:
        raise InvalidArgument(
            f"'{name}' for {action} action must be a positive integer",
            ArgumentName=name,
            ArgumentValue=text.strip()[:64],
        )
    return number


def _natural(text: str, name: str, action: str) -> int:
    number = _number(text, _MAX_NUMBER)
    if number < 0:
        raise InvalidArgument(
            f"'{name}' in {action} action must be nonnegative",
            ArgumentName=name,
            ArgumentValue=text.strip()[:64],
        )
    return number


def _number(text: str, greatest: int) -> int:
    digits = text.strip()
    bare = digits.removeprefix("-")
    if not (bare.isascii() and bare.isdecimal()) or len(bare) > _MAX_DIGITS:
        raise MalformedXML()
    number = int(digits)
    if number > greatest:
        raise MalformedXML()
    return number


def _midnight(text: str) -> int:
    """Unix milliseconds of an ISO 8601 time, which has to be midnight UTC."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise MalformedXML() from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise MalformedXML() from None
    if (moment.hour, moment.minute, moment.second, moment.microsecond) != (0, 0, 0, 0):
        raise InvalidArgument(
            "'Date' must be at midnight GMT", ArgumentName="Date", ArgumentValue=text.strip()[:64]
        )
    return int(moment.timestamp()) * 1000


def _texts(node: Node, allowed: set[str]) -> dict[str, str]:
    """The texts of an element's children, each at most once and of an allowed name."""
    texts: dict[str, str] = {}
    for child in node.children:
        if child.name not in allowed or child.name in texts:
            raise MalformedXML()
        texts[child.name] = _text(child)
    return texts


def _text(node: Node) -> str:
    if node.children:
        raise MalformedXML()
    return node.text
