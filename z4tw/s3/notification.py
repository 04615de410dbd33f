"""A bucket's notification configuration: its document, its rules, and what they ask for.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Collection
from functools import lru_cache

import msgspec

from z4tw.errors import InvalidArgument, MalformedXML, MissingRequestBodyError
from z4tw.model.notices import Target
from z4tw.s3.xml_in import SETTING_BYTES, Node, parse_document
from z4tw.s3.xml_text import document, element

EVENT_BRIDGE = "eventbridge"
"""The sink, and the configuration id, of ``EventBridgeConfiguration``."""
MAX_RULES = 100
MAX_FILTER_BYTES = 1024
_MAX_ID_LENGTH = 255
_MAX_ELEMENTS = MAX_RULES * 48


class Event(enum.StrEnum):
    """S3's events.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
    """

    CREATED_PUT = "s3:ObjectCreated:Put"
    CREATED_POST = "s3:ObjectCreated:Post"
    CREATED_COPY = "s3:ObjectCreated:Copy"
    CREATED_MULTIPART = "s3:ObjectCreated:CompleteMultipartUpload"
    REMOVED_DELETE = "s3:ObjectRemoved:Delete"
    REMOVED_MARKER = "s3:ObjectRemoved:DeleteMarkerCreated"
    TAGGING_PUT = "s3:ObjectTagging:Put"
    TAGGING_DELETE = "s3:ObjectTagging:Delete"
    ANNOTATION_PUT = "s3:ObjectAnnotation:Put"
    ANNOTATION_DELETE = "s3:ObjectAnnotation:Delete"
    ACL_PUT = "s3:ObjectAcl:Put"
    RETENTION_PUT = "s3:ObjectRetention:Put"
    EXPIRED_DELETE = "s3:LifecycleExpiration:Delete"
    EXPIRED_MARKER = "s3:LifecycleExpiration:DeleteMarkerCreated"
    TRANSITION = "s3:LifecycleTransition"
    TIERING = "s3:IntelligentTiering"
    RESTORE_POST = "s3:ObjectRestore:Post"
    RESTORE_COMPLETED = "s3:ObjectRestore:Completed"
    RESTORE_DELETE = "s3:ObjectRestore:Delete"
    REPLICATION_FAILED = "s3:Replication:OperationFailedReplication"
    REPLICATION_NOT_TRACKED = "s3:Replication:OperationNotTracked"
    REPLICATION_MISSED = "s3:Replication:OperationMissedThreshold"
    REPLICATION_LATE = "s3:Replication:OperationReplicatedAfterThreshold"
    LOST = "s3:ReducedRedundancyLostObject"


def _expansions() -> dict[str, frozenset[str]]:
    names: dict[str, set[str]] = {}
    for event in Event:
        names[event] = {event}
        if event.count(":") == 2:
            names.setdefault(event.rpartition(":")[0] + ":*", set()).add(event)
    return {name: frozenset(events) for name, events in names.items()}


EXPANDED = _expansions()
"""The events that each name in a configuration stands for, wildcards too."""


class _Kind(msgspec.Struct, frozen=True):
    """A kind of configuration: the element of its ARN, the service in it, and what that is called
    in errors."""

    arn: str
    service: str
    noun: str


_KINDS = {
    "TopicConfiguration": _Kind("Topic", "sns", "topic"),
    "QueueConfiguration": _Kind("Queue", "sqs", "queue"),
    "CloudFunctionConfiguration": _Kind("CloudFunction", "lambda", "function"),
}
_ARN = re.compile(
    r"arn:[a-z0-9-]{1,32}:(sns|sqs|lambda):[a-z0-9-]{0,63}:[0-9]{0,12}:(?:function:)?"
    r"([A-Za-z0-9][A-Za-z0-9._-]{0,62})"
)


class Rule(msgspec.Struct, frozen=True):
    """One configuration: ``kind`` is its element, ``sink`` the last component of its ARN.
    ``filters`` are its rules as they were written: (name, value)."""

    id: str
    kind: str
    arn: str
    sink: str
    events: tuple[str, ...]
    filters: tuple[tuple[str, str], ...] = ()

    @property
    def prefix(self) -> str:
        """What a key has to begin with."""
        return self._filter("prefix")

    @property
    def suffix(self) -> str:
        """What a key has to end with."""
        return self._filter("suffix")

    def _filter(self, name: str) -> str:
        return next((value for written, value in self.filters if written.lower() == name), "")

    @property
    def expanded(self) -> frozenset[str]:
        """Every event that it asks for."""
        return frozenset().union(*(EXPANDED[event] for event in self.events))


class Configuration(msgspec.Struct, frozen=True):
    """All configurations of a bucket, and whether EventBridge gets every event too."""

    rules: tuple[Rule, ...] = ()
    event_bridge: bool = False

    def targets(self, event: str, key: str) -> tuple[Target, ...]:
        """Where an event on a key goes."""
        found = [
            Target(rule.sink, rule.id)
            for rule in self.rules
            if event in rule.expanded and key.startswith(rule.prefix) and key.endswith(rule.suffix)
        ]
        if self.event_bridge:
            found.append(Target(EVENT_BRIDGE, EVENT_BRIDGE))
        return tuple(found)


def parse_notification(body: bytes, new_id: Callable[[], str]) -> Configuration:
    """PutBucketNotificationConfiguration; an empty document asks for nothing. ``new_id`` makes the
    id of a configuration without one.

    Raises ``MissingRequestBodyError``, ``MalformedXML``; ``InvalidArgument`` for unknown events,
    bad filters, malformed ARNs, repeated ids and configurations that overlap.
    """
    if not body:
        raise MissingRequestBodyError()
    rules: list[Rule] = []
    event_bridge = False
    root = parse_document(body, "NotificationConfiguration", SETTING_BYTES, _MAX_ELEMENTS)
    for child in root.children:
        if child.name in _KINDS:
            rules.append(_rule(child, new_id))
        elif child.name == "EventBridgeConfiguration" and not event_bridge and not child.children:
            event_bridge = True
        else:
            raise MalformedXML()
    if len(rules) > MAX_RULES:
        raise InvalidArgument(
            f"The number of notification configurations cannot be greater than {MAX_RULES}"
        )
    if len({rule.id for rule in rules}) < len(rules):
        raise InvalidArgument("Same ID used for multiple configurations. IDs must be unique")
    _refuse_overlaps(rules)
    return Configuration(tuple(rules), event_bridge)


@lru_cache(maxsize=1024)
def stored_notification(stored: bytes) -> Configuration:
    """The configuration that ``notification_document`` wrote."""
    return parse_notification(stored, str)


def refuse_unknown_sinks(configuration: Configuration, sinks: Collection[str]) -> None:
    """Raise ``InvalidArgument`` when a configuration names a sink that is not there."""
    unknown: dict[str, str] = {}
    lacking = [
        (rule.arn, _KINDS[rule.kind].noun) for rule in configuration.rules if rule.sink not in sinks
    ]
    if configuration.event_bridge and EVENT_BRIDGE not in sinks:
        lacking.append(("EventBridgeConfiguration", "event bus"))
    for number, (arn, noun) in enumerate(lacking, 1):
        unknown[f"ArgumentName{number}"] = arn
        unknown[f"ArgumentValue{number}"] = f"The destination {noun} does not exist"
    if unknown:
        raise InvalidArgument(
            "Unable to validate the following destination configurations", **unknown
        )


def notification_document(configuration: Configuration) -> bytes:
    """NotificationConfiguration."""
    pieces = [_written(rule) for rule in configuration.rules]
    if configuration.event_bridge:
        pieces.append("<EventBridgeConfiguration/>")
    return document("NotificationConfiguration", *pieces)


def _written(rule: Rule) -> str:
    events = "".join([element("Event", event) for event in rule.events])
    filters = "".join(
        [
            f"<FilterRule>{element('Name', name)}{element('Value', value)}</FilterRule>"
            for name, value in rule.filters
        ]
    )
    if filters:
        filters = f"<Filter><S3Key>{filters}</S3Key></Filter>"
    arn = element(_KINDS[rule.kind].arn, rule.arn)
    return f"<{rule.kind}>{element('Id', rule.id)}{arn}{events}{filters}</{rule.kind}>"


def _rule(node: Node, new_id: Callable[[], str]) -> Rule:
    kind = _KINDS[node.name]
    texts: dict[str, str] = {}
    events: list[str] = []
    filters: tuple[tuple[str, str], ...] | None = None
    for child in node.children:
        if child.name == "Filter" and filters is None:
            filters = _filters(child)
        elif child.children or child.name in texts:
            raise MalformedXML()
        elif child.name == "Event":
            events.append(_event(child.text.strip()))
        elif child.name in ("Id", kind.arn):
            texts[child.name] = child.text.strip()
        else:
            raise MalformedXML()
    if not events or kind.arn not in texts:
        raise MalformedXML()
    identity = texts.get("Id") or new_id()
    if len(identity) > _MAX_ID_LENGTH:
        raise InvalidArgument(
            f"The ID of a configuration cannot be longer than {_MAX_ID_LENGTH} characters",
            ArgumentName="Id",
            ArgumentValue=identity[:256],
        )
    arn = texts[kind.arn]
    match = _ARN.fullmatch(arn)
    if match is None or match[1] != kind.service:
        raise InvalidArgument(
            "The ARN is not well formed", ArgumentName=kind.arn, ArgumentValue=arn[:1024]
        )
    return Rule(identity, node.name, arn, match[2], tuple(dict.fromkeys(events)), filters or ())


def _event(name: str) -> str:
    if name not in EXPANDED:
        raise InvalidArgument(
            "The event is not supported for notifications",
            ArgumentName="Event",
            ArgumentValue=name[:256],
        )
    return name


def _filters(node: Node) -> tuple[tuple[str, str], ...]:
    if not node.children:
        return ()
    if len(node.children) != 1 or node.children[0].name != "S3Key":
        raise MalformedXML()
    found: dict[str, tuple[str, str]] = {}
    for child in node.children[0].children:
        fields = {one.name: one.text for one in child.children if not one.children}
        if child.name != "FilterRule" or len(child.children) != 2 or set(fields) != _FILTER_FIELDS:
            raise MalformedXML()
        name, value = fields["Name"].strip(), fields["Value"]
        if name.lower() not in ("prefix", "suffix"):
            raise InvalidArgument(
                "filter rule name must be either prefix or suffix",
                ArgumentName="FilterRule.Name",
                ArgumentValue=name[:256],
            )
        if name.lower() in found:
            raise InvalidArgument(
                f"Cannot specify more than one {name.lower()} rule in a filter.",
                ArgumentName="FilterRule.Name",
                ArgumentValue=name,
            )
        if len(value.encode("utf-8", "surrogatepass")) > MAX_FILTER_BYTES:
            raise InvalidArgument(
                f"Size of filter rule value cannot exceed {MAX_FILTER_BYTES} bytes in UTF-8 "
                "representation",
                ArgumentName="FilterRule.Value",
                ArgumentValue=value[:MAX_FILTER_BYTES],
            )
        found[name.lower()] = (name, value)
    return tuple(found.values())


_FILTER_FIELDS = {"Name", "Value"}


def _refuse_overlaps(rules: list[Rule]) -> None:
    """One event on one key may match one configuration only."""
    by_event: dict[str, list[Rule]] = {}
    for rule in rules:
        for event in sorted(rule.expanded):
            for other in by_event.setdefault(event, []):
                if _either(str.startswith, rule.prefix, other.prefix) and _either(
                    str.endswith, rule.suffix, other.suffix
                ):
                    raise _overlap(rule, other)
            by_event[event].append(rule)


def _overlap(rule: Rule, other: Rule) -> InvalidArgument:
    if rule.filters or other.filters:
        return InvalidArgument(
            "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules "
            "if the prefixes are overlapping for the same event type."
        )
    return InvalidArgument(
        "Configurations overlap. Configurations on the same bucket cannot share a common event "
        "type."
    )


def _either(begins: Callable[[str, str], bool], one: str, other: str) -> bool:
    return begins(one, other) or begins(other, one)
