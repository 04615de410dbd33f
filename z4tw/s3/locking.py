"""The documents and headers of object lock.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from z4tw import errors
from z4tw.errors import InvalidArgument, MalformedXML
from z4tw.model.objects import Lock
from z4tw.objects.locks import MODES, NOT_IN_FUTURE, OFF, ON
from z4tw.s3.call import S3Call
from z4tw.s3.dates import iso_date, parse_iso_date
from z4tw.s3.xml_fields import children_of, text_of
from z4tw.s3.xml_in import Node, parse_document
from z4tw.s3.xml_text import document, element

CONFIGURATION = "object-lock"
"""The name of the document among a bucket's configurations."""
ENABLED = "x-amz-bucket-object-lock-enabled"
MODE = "x-amz-object-lock-mode"
UNTIL = "x-amz-object-lock-retain-until-date"
HOLD = "x-amz-object-lock-legal-hold"
BYPASS = "x-amz-bypass-governance-retention"
DAY_MS = 86_400_000
MAX_DAYS = 36_500
MAX_YEARS = 100
DAYS_OF_A_YEAR = 365
"""As S3 counts them."""
_MAX_DIGITS = 10


class DefaultRetention(NamedTuple):
    """The retention of new versions that ask for none: a mode, and ``days`` or ``years``, of
    which the other is 0."""

    mode: str
    days: int
    years: int

    def until_ms(self, now_ms: int) -> int:
        """When the retention of a version made at ``now_ms`` (Unix milliseconds) ends."""
        return now_ms + (self.days + self.years * DAYS_OF_A_YEAR) * DAY_MS


def parse_lock_configuration(body: bytes) -> DefaultRetention | None:
    """PutObjectLockConfiguration: the default retention, None without a rule.

    Raises ``MalformedXML``, ``InvalidArgument`` for a period that is too short or too long, and
    ``NotImplemented`` for event holds.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectLockConfiguration.html
    """
    root = children_of(
        parse_document(body, "ObjectLockConfiguration"), ("ObjectLockEnabled", "Rule")
    )
    if "ObjectLockEnabled" not in root or text_of(root["ObjectLockEnabled"]).strip() != "Enabled":
        raise MalformedXML()
    if "Rule" not in root:
        return None
    rule = children_of(root["Rule"], ("DefaultRetention",))
    if "DefaultRetention" not in rule:
        raise MalformedXML()
    fields = children_of(rule["DefaultRetention"], ("Mode", "Days", "Years", "DefaultEventHold"))
    _refuse_event_hold(fields, "DefaultEventHold")
    if "Mode" not in fields or ("Days" in fields) == ("Years" in fields):
        raise MalformedXML()
    mode = text_of(fields["Mode"]).strip()
    if mode not in MODES:
        raise MalformedXML()
    days = _period(fields["Days"], MAX_DAYS) if "Days" in fields else 0
    years = _period(fields["Years"], MAX_YEARS) if "Years" in fields else 0
    return DefaultRetention(mode, days, years)


def lock_configuration(default: DefaultRetention | None) -> bytes:
    """ObjectLockConfiguration, as it is stored and answered."""
    rule = ""
    if default is not None:
        name, count = ("Days", default.days) if default.days else ("Years", default.years)
        rule = (
            f"<Rule><DefaultRetention>{element('Mode', default.mode)}<{name}>{count}</{name}>"
            "</DefaultRetention></Rule>"
        )
    return document("ObjectLockConfiguration", element("ObjectLockEnabled", "Enabled"), rule)


def creates_locked(call: S3Call) -> bool:
    """Whether a CreateBucket asks for object lock. Raises ``InvalidArgument``.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
    """
    value = call.headers.get(ENABLED)
    if value is None or value.lower() == "false":
        return False
    if value.lower() != "true":
        raise _wrong("Invalid Argument", ENABLED, value)
    return True


@lru_cache(maxsize=256)
def stored_default(stored: bytes) -> DefaultRetention | None:
    """The default retention of a stored configuration."""
    return parse_lock_configuration(stored)


def parse_retention(body: bytes) -> tuple[str, int]:
    """PutObjectRetention: mode and end (Unix milliseconds), ``("", 0)`` to end the retention.

    Raises ``MalformedXML``, and ``NotImplemented`` for event holds.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectRetention.html
    """
    names = ("Mode", "RetainUntilDate", "EventHold", "EventHoldDuration")
    fields = children_of(parse_document(body, "Retention"), names)
    _refuse_event_hold(fields, "EventHold", "EventHoldDuration")
    if not fields:
        return "", 0
    if len(fields) != 2:
        raise MalformedXML()
    mode = text_of(fields["Mode"]).strip()
    until_ms = parse_iso_date(text_of(fields["RetainUntilDate"]).strip())
    if mode not in MODES or until_ms is None:
        raise MalformedXML()
    return mode, until_ms


def retention(lock: Lock) -> bytes:
    """Retention of a version that has some."""
    until = element("RetainUntilDate", iso_date(lock.until_ms))
    return document("Retention", element("Mode", lock.mode), until)


def parse_legal_hold(body: bytes) -> str:
    """PutObjectLegalHold: ON or OFF. Raises ``MalformedXML``.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectLegalHold.html
    """
    fields = children_of(parse_document(body, "LegalHold"), ("Status",))
    status = text_of(fields["Status"]).strip() if fields else ""
    if status not in (ON, OFF):
        raise MalformedXML()
    return status


def legal_hold(lock: Lock) -> bytes:
    """LegalHold of a version that has or had one."""
    return document("LegalHold", element("Status", lock.legal_hold))


def asked_lock(headers: Mapping[str, str], now_ms: int) -> Lock | None:
    """The lock that the headers of a write ask for, None without any. Raises ``InvalidArgument``.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
    """
    mode, until, status = headers.get(MODE), headers.get(UNTIL), headers.get(HOLD)
    if mode is None and until is None and status is None:
        return None
    if (mode is None) != (until is None):
        lacking = MODE if mode is None else UNTIL
        raise InvalidArgument(f"{UNTIL} and {MODE} must both be supplied", ArgumentName=lacking)
    until_ms = 0
    if mode is not None and until is not None:
        if mode not in MODES:
            raise _wrong("Unknown wormMode directive.", MODE, mode)
        parsed = parse_iso_date(until)
        if parsed is None:
            raise _wrong("The retain until date must be provided in ISO 8601 format", UNTIL, until)
        if parsed <= now_ms:
            raise _wrong(NOT_IN_FUTURE, UNTIL, until)
        until_ms = parsed
    if status is not None and status not in (ON, OFF):
        raise _wrong("Legal Hold must be either of 'ON' or 'OFF'", HOLD, status)
    return Lock(mode or "", until_ms, status or "")


def retention_headers(lock: Lock) -> list[tuple[str, str]]:
    """The headers that tell a version's retention, none without."""
    return [(MODE, lock.mode), (UNTIL, iso_date(lock.until_ms))] if lock.mode else []


def hold_headers(lock: Lock) -> list[tuple[str, str]]:
    """The header that tells a version's legal hold, none when it never had one."""
    return [(HOLD, lock.legal_hold)] if lock.legal_hold else []


def _wrong(message: str, name: str, value: str) -> InvalidArgument:
    return InvalidArgument(message, ArgumentName=name, ArgumentValue=value[:256])


def _refuse_event_hold(fields: Mapping[str, Node], *names: str) -> None:
    for name in names:
        if name in fields:
            raise errors.NotImplemented(f"The element {name} of object lock is not implemented.")


def _period(node: Node, most: int) -> int:
    text = text_of(node).strip()
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > _MAX_DIGITS:
        raise MalformedXML()
    if int(text) <= 0:
        raise _wrong("Default retention period must be a positive integer value.", node.name, text)
    if int(text) > most:
        raise _wrong("Default retention period too large.", node.name, text)
    return int(text)
