"""POST policies: the conditions under which somebody lets others upload by a form.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from z4tw.errors import AccessDenied, InvalidPolicyDocument

_MAX_SIZE = 1 << 63
_NEED_NO_CONDITION = frozenset({"file", "policy", "x-amz-signature"})
_NOT_VALID = "Invalid according to Policy: "


class Condition(NamedTuple):
    """``operator`` is ``eq`` or ``starts-with``, ``name`` a field's, in lower case."""

    operator: str
    name: str
    value: str

    def __str__(self) -> str:
        return json.dumps([self.operator, f"${self.name}", self.value], ensure_ascii=False)


class PostPolicy(NamedTuple):
    """``expires`` is Unix seconds; the file's size in bytes lies in ``least`` to ``most``."""

    expires: float
    conditions: tuple[Condition, ...]
    least: int
    most: int


def parse_policy(text: str) -> PostPolicy:
    """The policy of a form's ``policy`` field: base64 of JSON. Raises ``InvalidPolicyDocument``."""
    try:
        document: Any = json.loads(b64decode(text, validate=True))
    except (ValueError, RecursionError):
        raise _invalid("Invalid JSON.") from None
    if not isinstance(document, dict):
        raise _invalid("Invalid JSON.")
    for name in document:
        if name not in ("expiration", "conditions"):
            raise _invalid(f"Unexpected: '{name[:64]}'")
    for name in ("expiration", "conditions"):
        if name not in document:
            raise _invalid(f"Policy missing {name}.")
    if not isinstance(document["conditions"], list):
        raise _invalid("Conditions must be a list.")
    conditions: list[Condition] = []
    least, most = 0, _MAX_SIZE
    for item in document["conditions"]:
        if isinstance(item, list) and item and str(item[0]).lower() == "content-length-range":
            first, last = _range(item)
            least, most = max(least, first), min(most, last)
        else:
            conditions.append(_condition(item))
    return PostPolicy(_expiration(document["expiration"]), tuple(conditions), least, most)


def _condition(item: Any) -> Condition:
    if isinstance(item, dict):
        if len(item) != 1:
            raise _invalid(
                "Invalid Simple-Condition: Simple-Conditions must have exactly one property "
                "specified."
            )
        [(name, value)] = item.items()
        if not isinstance(value, str) or not name:
            raise _invalid("Invalid Simple-Condition: value must be a string.")
        return Condition("eq", name.lower(), value)
    if not isinstance(item, list) or not all(isinstance(text, str) for text in item):
        raise _invalid("Invalid Condition: a condition is an object or a list of strings.")
    if len(item) != 3:
        raise _invalid("Invalid Condition: wrong number of arguments.")
    operator, name, value = item[0].lower(), item[1], item[2]
    if operator not in ("eq", "starts-with"):
        raise _invalid(f"Invalid Condition: unknown operation '{operator[:64]}'.")
    if not name.startswith("$") or len(name) < 2:
        raise _invalid(f"Invalid Condition: a field is named as $field, not '{name[:64]}'.")
    return Condition(operator, name[1:].lower(), value)


def _range(item: list[Any]) -> tuple[int, int]:
    if len(item) != 3:
        raise _invalid("Invalid content-length-range: wrong number of arguments.")
    sizes = []
    for size in item[1:]:
        if isinstance(size, str) and size.isascii() and size.isdecimal() and len(size) < 19:
            size = int(size)
        if type(size) is not int or not 0 <= size < _MAX_SIZE:
            raise _invalid("Invalid content-length-range: sizes are whole numbers of bytes.")
        sizes.append(size)
    if sizes[0] > sizes[1]:
        raise _invalid("Invalid content-length-range: the first size is above the second.")
    return sizes[0], sizes[1]


def _expiration(text: Any) -> float:
    """The Unix time of ``2007-12-01T12:00:00.000Z``, with or without the fraction."""
    if isinstance(text, str) and text.isascii() and text.endswith("Z") and len(text) <= 27:
        form = "%Y-%m-%dT%H:%M:%S.%fZ" if "." in text else "%Y-%m-%dT%H:%M:%SZ"
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
        except ValueError:
            pass
    raise _invalid(f"Invalid 'expiration' value: '{str(text)[:64]}'")


def check_policy(policy: PostPolicy, fields: Mapping[str, str], bucket: str, now: float) -> None:
    """Demand that a form meets a policy at the time ``now``, and that the policy says something of
    each of its fields (by lower-case name) and of the bucket.

    ``file``, ``policy``, ``x-amz-signature`` and ``x-ignore-...`` need no condition. The file's
    size is not known yet. Raises ``AccessDenied``.
    """
    if now > policy.expires:
        raise AccessDenied(_NOT_VALID + "Policy expired.")
    given = {**fields, "bucket": bucket}
    for condition in policy.conditions:
        if not _holds(condition, given.get(condition.name)):
            raise AccessDenied(f"{_NOT_VALID}Policy Condition failed: {condition}")
    extra = given.keys() - {condition.name for condition in policy.conditions}
    names = sorted(
        name
        for name in extra
        if name not in _NEED_NO_CONDITION and not name.startswith("x-ignore-")
    )
    if names:
        raise AccessDenied(f"{_NOT_VALID}Extra input fields: {', '.join(names)[:1024]}")


def _holds(condition: Condition, value: str | None) -> bool:
    if condition.operator == "eq":
        return value == condition.value
    text = value or ""
    if condition.name == "content-type":
        # A list of types must meet the condition with each of them.
        return all(part.strip().startswith(condition.value) for part in text.split(","))
    return text.startswith(condition.value)


def _invalid(why: str) -> InvalidPolicyDocument:
    return InvalidPolicyDocument(f"Invalid Policy: {why}")
