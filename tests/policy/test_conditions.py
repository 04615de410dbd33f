"""The condition operators, each with what it lets through and what it does not."""

from __future__ import annotations

from typing import Any

import pytest

from z4tw.policy.conditions import OPERATORS, network_of, parse_condition
from z4tw.policy.patterns import Values

B64 = "aGVsbG8="
USER = "arn:aws:iam::123456789012:user/alice"

TABLE = [
    # operator, the policy's values, values of requests that meet it, and that do not
    ("StringEquals", ["a", "b"], ["a", "b"], ["A", "ab", ""]),
    ("StringNotEquals", ["a", "b"], ["A", "c"], ["a", "b"]),
    ("StringEquals", ["a*"], ["a*"], ["ab"]),
    ("StringEquals", ["${*}"], ["*"], ["${*}", "a"]),
    ("StringEqualsIgnoreCase", ["Ab"], ["aB", "AB"], ["a"]),
    ("StringEqualsIgnoreCase", ["X${me}"], ["xalice", "xALICE"], ["alice"]),
    ("StringNotEqualsIgnoreCase", ["Ab"], ["c"], ["AB"]),
    ("StringLike", ["home/*", "?"], ["home/", "home/x", "y"], ["home", "", "HOME/x"]),
    ("StringLike", ["${me}/*"], ["alice/x"], ["bob/x"]),
    ("StringNotLike", ["home/*"], ["root"], ["home/x"]),
    ("NumericEquals", ["10"], ["10", "10.0", "+1e1"], ["11", "ten", ""]),
    ("NumericNotEquals", ["10"], ["11", "ten"], ["10.0"]),
    ("NumericLessThan", ["10"], ["9.9", "-1"], ["10", "11", "x"]),
    ("NumericLessThanEquals", ["10"], ["10"], ["10.1"]),
    ("NumericGreaterThan", ["10"], ["10.1"], ["10", "x"]),
    ("NumericGreaterThanEquals", ["10"], ["10"], ["9"]),
    ("DateEquals", ["2026-01-02T03:04:05Z"], ["1767323045", "2026-01-02T04:04:05+01:00"], ["1"]),
    ("DateNotEquals", ["2026-01-02"], ["2026-01-03"], ["2026-01-02T00:00:00Z"]),
    ("DateLessThan", ["2026-01-02"], ["2026-01-01T23:59:59.9Z", "0"], ["2026-01-02", "x"]),
    ("DateLessThanEquals", ["1767312000"], ["2026-01-02"], ["2026-01-02T00:00:01Z"]),
    ("DateGreaterThan", ["2026"], ["2026-01-02", "2027"], ["2026-01", "2025-12-31T23:59Z"]),
    ("DateGreaterThanEquals", ["2026-01-01T00:00:00-0100"], ["2026-01-01T01:00:00Z"], ["2026"]),
    ("Bool", ["true"], ["true", "TRUE"], ["false", "1", ""]),
    ("Bool", ["False"], ["false"], ["true"]),
    ("BinaryEquals", [B64], [B64], ["aGVsbG8", "hello", "aGVsbG9v"]),
    ("IpAddress", ["10.0.0.0/8", "::1"], ["10.1.2.3", "::1", "::ffff:10.0.0.1"], ["11.0.0.1"]),
    ("IpAddress", ["192.0.2.1"], ["192.0.2.1"], ["192.0.2.2", "nonsense", ""]),
    ("IpAddress", ["2001:db8::/32"], ["2001:db8::1", "2001:DB8:1::"], ["2001:db9::1", "10.0.0.1"]),
    ("NotIpAddress", ["10.0.0.0/8"], ["11.0.0.1", "nonsense"], ["10.9.9.9"]),
    ("ArnEquals", [USER, "arn:aws:s3:::b"], [USER], [USER + "x", "alice"]),
    ("ArnLike", ["arn:aws:iam::*:user/*"], [USER], ["arn:aws:iam::1:role/x", "arn:aws:iam"]),
    ("ArnLike", ["arn:aws:iam::123456789012:*"], [USER, USER + ":x"], ["arn:aws:s3:::b"]),
    ("ArnLike", ["*"], [USER], ["arn:aws"]),
    ("ArnLike", ["arn:aws:iam::*:user/${me}"], [USER], ["arn:aws:iam::1:user/bob"]),
    ("ArnNotEquals", [USER], ["arn:aws:s3:::b"], [USER]),
    ("ArnNotLike", ["arn:aws:iam::*:user/*"], ["arn:aws:s3:::b", "x"], [USER]),
]


def holds(operator: str, policy: list[str], found: Values, variables: bool = True) -> bool:
    condition = parse_condition(operator, "aws:Key", policy, variables)
    keys: dict[str, Values] = {"aws:key": found, "me": "alice"}
    return condition.holds(keys.get)


@pytest.mark.parametrize(("operator", "policy", "met", "unmet"), TABLE)
def test_an_operator(operator: str, policy: list[str], met: list[str], unmet: list[str]) -> None:
    for value in met:
        assert holds(operator, policy, value), value
        assert holds(operator, policy, (value,)), value
    for value in unmet:
        assert not holds(operator, policy, value), value


def test_the_table_has_every_operator() -> None:
    assert {row[0] for row in TABLE} == set(OPERATORS)


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_an_absent_key_meets_negations_only(operator: str) -> None:
    policy = next(row[1] for row in TABLE if row[0] == operator)
    negated = "Not" in operator
    for absent in (None, ()):
        assert holds(operator, policy, absent) == negated
        assert holds(f"{operator}IfExists", policy, absent)
        assert holds(f"ForAllValues:{operator}", policy, absent)
        assert not holds(f"ForAnyValue:{operator}", policy, absent)
        assert holds(f"ForAnyValue:{operator}IfExists", policy, absent)


@pytest.mark.parametrize(("operator", "policy", "met", "unmet"), TABLE)
def test_if_exists_judges_what_exists(
    operator: str, policy: list[str], met: list[str], unmet: list[str]
) -> None:
    assert holds(f"{operator}IfExists", policy, met[0])
    assert not holds(f"{operator}IfExists", policy, unmet[0])


@pytest.mark.parametrize(
    ("operator", "found", "expected"),
    [
        ("ForAllValues:StringEquals", ("a", "b"), True),
        ("ForAllValues:StringEquals", ("a", "c"), False),
        ("ForAllValues:StringEquals", "c", False),
        ("ForAnyValue:StringEquals", ("c", "b"), True),
        ("ForAnyValue:StringEquals", ("c", "d"), False),
        ("ForAllValues:StringNotEquals", ("c", "d"), True),
        ("ForAllValues:StringNotEquals", ("a", "d"), False),
        ("ForAnyValue:StringNotEquals", ("a", "d"), True),
        ("ForAnyValue:StringNotEquals", ("a", "b"), False),
        ("StringEquals", ("c", "a"), True),
        ("StringEquals", ("c", "d"), False),
        ("StringNotEquals", ("c", "a"), False),
        ("StringNotEquals", ("c", "d"), True),
    ],
)
def test_keys_with_several_values(operator: str, found: Values, expected: bool) -> None:
    assert holds(operator, ["a", "b"], found) == expected


def test_null_asks_whether_a_key_is_there() -> None:
    assert holds("Null", ["true"], None)
    assert holds("Null", ["true"], ())
    assert not holds("Null", ["true"], "")
    assert holds("Null", ["False"], "x")
    assert not holds("Null", ["false"], None)


def test_a_variable_without_a_value_equals_nothing() -> None:
    assert not holds("StringEquals", ["${nobody}"], "x")
    assert not holds("StringLike", ["${nobody}*"], "x")
    assert holds("StringNotEquals", ["${nobody}"], "x")
    assert holds("StringEquals", ["${nobody, 'x'}"], "x")
    assert not holds("ArnLike", ["arn:aws:iam::*:user/${nobody}"], USER)


def test_the_older_version_takes_variables_for_text() -> None:
    assert holds("StringEquals", ["${me}"], "${me}", variables=False)
    assert not holds("StringEquals", ["${me}"], "alice", variables=False)


def test_keys_and_variables_do_not_distinguish_case() -> None:
    condition = parse_condition("StringEquals", "AWS:SourceVPC", ["${AWS:UserName}"], True)
    assert condition.key == "aws:sourcevpc"
    assert condition.variables == ("aws:username",)


@pytest.mark.parametrize(
    "operator",
    ["Equals", "stringequals", "NullIfExists", "ForSomeValues:StringEquals", "IfExists", ""],
)
def test_operators_that_there_are_not(operator: str) -> None:
    with pytest.raises(LookupError):
        parse_condition(operator, "aws:Key", ["true"], True)


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("NumericEquals", "ten"),
        ("NumericEquals", "nan"),
        ("NumericEquals", "inf"),
        ("NumericEquals", "1e999"),
        ("NumericEquals", "1" * 100),
        ("NumericEquals", "\u0661"),
        ("DateEquals", "yesterday"),
        ("DateEquals", "2026-13-01"),
        ("DateEquals", "0000-01-01"),
        ("Bool", "yes"),
        ("Null", "maybe"),
        ("BinaryEquals", "?"),
        ("IpAddress", "10.0.0.0/33"),
        ("IpAddress", "example.com"),
        ("NotIpAddress", ""),
        ("ArnLike", "arn:aws"),
        ("StringEquals", "${"),
        ("StringLike", "${a b c, d}"),
    ],
)
def test_values_that_an_operator_cannot_take(operator: str, value: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_condition(operator, "aws:Key", [value], True)


def test_null_cannot_ask_for_both() -> None:
    with pytest.raises(ValueError, match="Null"):
        parse_condition("Null", "aws:Key", ["true", "false"], True)


def test_a_network_may_have_bits_beyond_its_length() -> None:
    assert network_of("10.1.2.3/8") == network_of("10.0.0.0/8")


def test_nothing_of_a_request_raises() -> None:
    strange: list[Any] = [
        "",
        "\x00",
        "x" * 70_000,
        "\u0661",
        "1" * 5_000,
        "::%eth0",
        "${",
        "9" * 19,
    ]
    for operator, policy, _, _ in TABLE:
        for value in strange:
            holds(operator, policy, value)
