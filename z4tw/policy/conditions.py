"""The condition operators of the policy language.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import base64
import binascii
import datetime
import ipaddress
import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from z4tw.policy.patterns import Lookup, Pattern

Test = Callable[[str, Lookup], bool]
"""Whether one value of the request is what one value of the policy says."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?"
    r"(Z|[+-]\d\d:?\d\d)?)?)?)?",
    re.ASCII,
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_NUMBER_LENGTH = 64
_ARN_PARTS = 6


class Operator(NamedTuple):
    """``compile(value, variables)`` makes the test of one value of a policy, and raises
    ``ValueError`` for a value that the operator cannot take; ``negated``: the condition holds
    when no test does."""

    compile: Callable[[str, bool], Test]
    negated: bool


class Condition(NamedTuple):
    """One key under one operator. ``key`` is in lower case; ``quantifier`` is ``""``, ``all`` or
    ``any``; ``null`` is what the operator Null says, None for the other operators; ``values`` are
    the policy's texts, ``variables`` the names of the variables in them."""

    operator: str
    key: str
    values: tuple[str, ...]
    tests: tuple[Test, ...]
    negated: bool
    quantifier: str
    if_exists: bool
    null: bool | None
    variables: tuple[str, ...]

    def holds(self, lookup: Lookup) -> bool:
        """Whether a request fulfils it."""
        found = lookup(self.key)
        values = (found,) if isinstance(found, str) else found or ()
        if self.null is not None:
            return (not values) == self.null
        if not values:
            if self.if_exists or self.quantifier == "all":
                return True
            return self.negated and self.quantifier != "any"
        if self.quantifier == "all":
            return all(self._meets(value, lookup) != self.negated for value in values)
        if self.quantifier == "any":
            return any(self._meets(value, lookup) != self.negated for value in values)
        return any(self._meets(value, lookup) for value in values) != self.negated

    def _meets(self, value: str, lookup: Lookup) -> bool:
        return any(test(value, lookup) for test in self.tests)


def parse_condition(operator: str, key: str, values: list[str], variables: bool) -> Condition:
    """A condition of a policy. Raises ``LookupError`` for an operator that there is not, and
    ``ValueError`` for values that it cannot take. ``variables``: the policy's version has them."""
    quantifier, name = "", operator
    for prefix, short in (("ForAllValues:", "all"), ("ForAnyValue:", "any")):
        if operator.startswith(prefix):
            quantifier, name = short, operator.removeprefix(prefix)
    if name == "Null":
        truths = {_truth(value) for value in values}
        if len(truths) != 1:
            raise ValueError("Null takes true or false")
        null = truths.pop()
        return Condition(
            operator, key.lower(), tuple(values), (), False, quantifier, False, null, ()
        )
    if_exists = name.endswith("IfExists")
    found = OPERATORS.get(name.removesuffix("IfExists"))
    if found is None:
        raise LookupError(operator)
    tests = tuple(found.compile(value, variables) for value in values)
    named = _variables_in(name, values) if variables else ()
    return Condition(
        operator,
        key.lower(),
        tuple(values),
        tests,
        found.negated,
        quantifier,
        if_exists,
        None,
        named,
    )


def _variables_in(name: str, values: list[str]) -> tuple[str, ...]:
    if not name.startswith(("String", "Arn")):
        return ()
    return tuple(
        variable for value in values for variable in Pattern(value, variables=True).variables
    )


def _string(value: str, variables: bool) -> Test:
    pattern = Pattern(value, variables=variables, wildcards=False)
    if pattern.fixed and "${" not in value:
        return lambda given, lookup: given == value
    return pattern.matches


def _folded(value: str, variables: bool) -> Test:
    pattern = Pattern(value, variables=variables, wildcards=False)
    if pattern.fixed and "${" not in value:
        folded = value.lower()
        return lambda given, lookup: given.lower() == folded
    # A default is folded with the rest; names of variables do not distinguish case anyway.
    small = Pattern(value.lower(), variables=variables, wildcards=False)
    return lambda given, lookup: small.matches(given.lower(), _folding(lookup))


def _folding(lookup: Lookup) -> Lookup:
    def folded(name: str) -> str | tuple[str, ...] | None:
        found = lookup(name)
        return found.lower() if isinstance(found, str) else found

    return folded


def _like(value: str, variables: bool) -> Test:
    return Pattern(value, variables=variables).matches


def _arn(value: str, variables: bool) -> Test:
    """Each of the six parts of an ARN is matched by itself."""
    parts = [Pattern(part, variables=variables) for part in _split_arn(value, variables)]

    def test(given: str, lookup: Lookup) -> bool:
        found = given.split(":", _ARN_PARTS - 1)
        return len(found) == len(parts) and all(
            part.matches(text, lookup) for part, text in zip(parts, found, strict=True)
        )

    return test


def _split_arn(value: str, variables: bool) -> list[str]:
    """The parts of an ARN; a colon within a variable's braces does not part it."""
    parts: list[str] = []
    start, inside = 0, False
    for place, char in enumerate(value):
        if variables and value.startswith("${", place):
            inside = True
        elif char == "}":
            inside = False
        elif char == ":" and not inside and len(parts) < _ARN_PARTS - 1:
            parts.append(value[start:place])
            start = place + 1
    parts.append(value[start:])
    if len(parts) == 1 and value == "*":
        return ["*"] * _ARN_PARTS
    if len(parts) != _ARN_PARTS:
        raise ValueError("an ARN has six parts")
    return parts


def _number(value: str) -> float:
    if len(value) > _NUMBER_LENGTH or _NUMBER.fullmatch(value) is None:
        raise ValueError("no number")
    number = float(value)
    if math.isinf(number):
        raise ValueError("no number")
    return number


def _date(value: str) -> float:
    """Seconds since 1970 of an ISO 8601 date (UTC where it has no zone) or of a number."""
    found = _DATE.fullmatch(value)
    if found is None or (value.isdigit() and len(value) > len("2026")):
        return _number(value)
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    moment = datetime.datetime(
        int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0),
        min(int(second or 0), 59), tzinfo=datetime.UTC,
    )  # fmt: skip
    shift = 0
    if zone is not None and zone != "Z":
        digits = zone[1:].replace(":", "")
        shift = int(digits[:2]) * 3600 + int(digits[2:]) * 60
        shift = -shift if zone[0] == "-" else shift
    return moment.timestamp() - shift + (float(f"0.{fraction}") if fraction else 0.0)


def _ordered(read: Callable[[str], float], compare: Callable[[float, float], bool]) -> Any:
    """An operator on what has an order; a request's value that cannot be read meets nothing."""

    def make(value: str, variables: bool) -> Test:
        wanted = read(value)

        def test(given: str, lookup: Lookup) -> bool:
            try:
                return compare(read(given), wanted)
            except ValueError:
                return False

        return test

    return make


def _truth(value: str) -> bool:
    folded = value.lower()
    if folded not in ("true", "false"):
        raise ValueError("neither true nor false")
    return folded == "true"


def _bool(value: str, variables: bool) -> Test:
    wanted = "true" if _truth(value) else "false"
    return lambda given, lookup: given.lower() == wanted


def _binary(value: str, variables: bool) -> Test:
    wanted = _unbase64(value)

    def test(given: str, lookup: Lookup) -> bool:
        try:
            return _unbase64(given) == wanted
        except ValueError:
            return False

    return test


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("no base64") from None


def network_of(value: str) -> Network:
    """A range of addresses, as ``10.0.0.0/8``; a single address without a length. Raises
    ``ValueError``."""
    return ipaddress.ip_network(value, strict=False)


@lru_cache(maxsize=1024)
def _address_of(value: str) -> Address:
    address = ipaddress.ip_address(value.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped


def _ip(value: str, variables: bool) -> Test:
    network = network_of(value)

    def test(given: str, lookup: Lookup) -> bool:
        try:
            return _address_of(given) in network
        except ValueError:
            return False

    return test


def _pairs(prefix: str, make: Callable[[str, bool], Test]) -> dict[str, Operator]:
    """``StringEquals`` and ``StringNotEquals`` of ``String{}Equals``."""
    return {
        prefix.format(""): Operator(make, False),
        prefix.format("Not"): Operator(make, True),
    }


def _comparisons(kind: str, read: Callable[[str], float]) -> dict[str, Operator]:
    equal = _ordered(read, lambda given, wanted: given == wanted)
    return {
        **_pairs(kind + "{}Equals", equal),
        f"{kind}LessThan": Operator(_ordered(read, lambda a, b: a < b), False),
        f"{kind}LessThanEquals": Operator(_ordered(read, lambda a, b: a <= b), False),
        f"{kind}GreaterThan": Operator(_ordered(read, lambda a, b: a > b), False),
        f"{kind}GreaterThanEquals": Operator(_ordered(read, lambda a, b: a >= b), False),
    }


OPERATORS: dict[str, Operator] = {
    **_pairs("String{}Equals", _string),
    **_pairs("String{}EqualsIgnoreCase", _folded),
    **_pairs("String{}Like", _like),
    **_comparisons("Numeric", _number),
    **_comparisons("Date", _date),
    "Bool": Operator(_bool, False),
    "BinaryEquals": Operator(_binary, False),
    **_pairs("{}IpAddress", _ip),
    **_pairs("Arn{}Equals", _arn),
    **_pairs("Arn{}Like", _arn),
}
"""All operators but Null, without quantifiers and IfExists."""
