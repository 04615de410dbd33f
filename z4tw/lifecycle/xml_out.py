"""LifecycleConfiguration documents, written.

What is stored is the answer's document with one more element, for the size that a header sets.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLifecycleConfiguration.html
"""

from __future__ import annotations

from z4tw.lifecycle.rules import DISABLED, ENABLED, Configuration, Expiration, Filter, Rule
from z4tw.s3.dates import iso_date
from z4tw.s3.xml_text import boolean, document, element

ROOT = "LifecycleConfiguration"
MINIMUM = "TransitionDefaultMinimumObjectSize"


def lifecycle_document(configuration: Configuration) -> bytes:
    """The document of an answer."""
    return document(ROOT, *map(_rule_xml, configuration.rules))


def to_be_stored(configuration: Configuration) -> bytes:
    """The document that ``stored_lifecycle`` reads."""
    minimum = element(MINIMUM, configuration.minimum)
    return document(ROOT, minimum, *map(_rule_xml, configuration.rules))


def _rule_xml(rule: Rule) -> str:
    pieces = [element("ID", rule.id), _filter_xml(rule.filter)]
    pieces.append(element("Status", ENABLED if rule.enabled else DISABLED))
    pieces += [
        f"<Transition>{_when_xml(one.days, one.date_ms)}"
        f"{element('StorageClass', one.storage_class)}</Transition>"
        for one in rule.transitions
    ]
    if rule.expiration is not None:
        pieces.append(f"<Expiration>{_expiration_xml(rule.expiration)}</Expiration>")
    pieces += [
        f"<NoncurrentVersionTransition>{_noncurrent_xml(one.days, one.newer)}"
        f"{element('StorageClass', one.storage_class)}</NoncurrentVersionTransition>"
        for one in rule.noncurrent_transitions
    ]
    if rule.noncurrent_expiration is not None:
        older = rule.noncurrent_expiration
        pieces.append(
            f"<NoncurrentVersionExpiration>{_noncurrent_xml(older.days, older.newer)}"
            "</NoncurrentVersionExpiration>"
        )
    if rule.abort_days:
        pieces.append(
            "<AbortIncompleteMultipartUpload><DaysAfterInitiation>"
            f"{rule.abort_days}</DaysAfterInitiation></AbortIncompleteMultipartUpload>"
        )
    return f"<Rule>{''.join(pieces)}</Rule>"


def _filter_xml(filter: Filter) -> str:
    pieces = []
    if filter.prefix is not None:
        pieces.append(element("Prefix", filter.prefix))
    pieces += [
        f"<Tag>{element('Key', key)}{element('Value', value)}</Tag>" for key, value in filter.tags
    ]
    if filter.greater is not None:
        pieces.append(f"<ObjectSizeGreaterThan>{filter.greater}</ObjectSizeGreaterThan>")
    if filter.less is not None:
        pieces.append(f"<ObjectSizeLessThan>{filter.less}</ObjectSizeLessThan>")
    inner = "".join(pieces)
    if filter.old:
        return inner
    return f"<Filter><And>{inner}</And></Filter>" if filter.joined else f"<Filter>{inner}</Filter>"


def _expiration_xml(expiration: Expiration) -> str:
    if expiration.markers is not None:
        marker = boolean(expiration.markers)
        return f"<ExpiredObjectDeleteMarker>{marker}</ExpiredObjectDeleteMarker>"
    return _when_xml(expiration.days, expiration.date_ms)


def _when_xml(days: int | None, date_ms: int | None) -> str:
    if date_ms is not None:
        return f"<Date>{iso_date(date_ms)}</Date>"
    return f"<Days>{days}</Days>"


def _noncurrent_xml(days: int, newer: int) -> str:
    kept = f"<NewerNoncurrentVersions>{newer}</NewerNoncurrentVersions>" if newer else ""
    return f"<NoncurrentDays>{days}</NoncurrentDays>{kept}"
