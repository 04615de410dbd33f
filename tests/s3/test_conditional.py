"""Conditions on reads, copies' sources and writes."""

from __future__ import annotations

import pytest

from z4tw import errors
from z4tw.errors import InvalidArgument, NotModified, PreconditionFailed
from z4tw.objects.commands import Condition
from z4tw.s3.conditional import (
    UNCONDITIONAL,
    Preconditions,
    check_read,
    delete_condition,
    matches,
    parse_http_date,
    range_applies,
    write_condition,
)

ETAG = "d41d8cd98f00b204e9800998ecf8427e"
MODIFIED = "Wed, 21 Oct 2015 07:28:00 GMT"
MODIFIED_MS = 1445412480_999
BEFORE = "Wed, 21 Oct 2015 07:27:59 GMT"
AFTER = "Thu, 22 Oct 2015 07:28:00 GMT"


def judge(prefix: str = "", **headers: str) -> str:
    names = {prefix + name.replace("_", "-"): value for name, value in headers.items()}
    try:
        check_read(Preconditions.from_headers(names, prefix), ETAG, MODIFIED_MS)
    except (NotModified, PreconditionFailed) as error:
        return error.code
    return "read"


# RFC 9110 section 13.2.2: which condition decides.
CASES: list[tuple[dict[str, str], str]] = [
    ({}, "read"),
    ({"if_match": f'"{ETAG}"'}, "read"),
    ({"if_match": ETAG}, "read"),
    ({"if_match": "*"}, "read"),
    ({"if_match": f'"x", "{ETAG}"'}, "read"),
    ({"if_match": '"x"'}, "PreconditionFailed"),
    ({"if_match": f'W/"{ETAG}"'}, "PreconditionFailed"),
    ({"if_match": ""}, "PreconditionFailed"),
    ({"if_unmodified_since": MODIFIED}, "read"),
    ({"if_unmodified_since": AFTER}, "read"),
    ({"if_unmodified_since": BEFORE}, "PreconditionFailed"),
    ({"if_unmodified_since": "soon"}, "read"),
    ({"if_match": f'"{ETAG}"', "if_unmodified_since": BEFORE}, "read"),
    ({"if_match": '"x"', "if_unmodified_since": AFTER}, "PreconditionFailed"),
    ({"if_none_match": f'"{ETAG}"'}, "NotModified"),
    ({"if_none_match": f'W/"{ETAG}"'}, "NotModified"),
    ({"if_none_match": "*"}, "NotModified"),
    ({"if_none_match": '"x"'}, "read"),
    ({"if_modified_since": MODIFIED}, "NotModified"),
    ({"if_modified_since": AFTER}, "NotModified"),
    ({"if_modified_since": BEFORE}, "read"),
    ({"if_modified_since": "yesterday"}, "read"),
    ({"if_none_match": '"x"', "if_modified_since": AFTER}, "read"),
    ({"if_none_match": f'"{ETAG}"', "if_modified_since": BEFORE}, "NotModified"),
    ({"if_match": f'"{ETAG}"', "if_none_match": f'"{ETAG}"'}, "NotModified"),
    ({"if_match": '"x"', "if_none_match": f'"{ETAG}"'}, "PreconditionFailed"),
    ({"if_unmodified_since": BEFORE, "if_modified_since": AFTER}, "PreconditionFailed"),
]


@pytest.mark.parametrize(("headers", "answer"), CASES)
def test_reads_follow_the_order_of_the_rfc(headers: dict[str, str], answer: str) -> None:
    assert judge(**headers) == answer


@pytest.mark.parametrize(("headers", "answer"), CASES)
def test_a_copys_source_is_refused_where_a_read_is_not_modified(
    headers: dict[str, str], answer: str
) -> None:
    expected = "PreconditionFailed" if answer == "NotModified" else answer
    assert judge("x-amz-copy-source-", **headers) == expected


def test_conditions_of_the_source_and_of_the_request_are_apart() -> None:
    headers = {"if-match": '"x"'}
    assert Preconditions.from_headers(headers, "x-amz-copy-source-") is UNCONDITIONAL
    assert Preconditions.from_headers({"x-amz-copy-source-if-match": "x"}) is UNCONDITIONAL


def test_not_modified_carries_the_validators() -> None:
    with pytest.raises(NotModified) as caught:
        check_read(Preconditions(if_none_match="*"), ETAG, MODIFIED_MS)
    assert caught.value.headers == [("Last-Modified", MODIFIED), ("ETag", f'"{ETAG}"')]


def test_a_failed_condition_is_named() -> None:
    with pytest.raises(PreconditionFailed) as caught:
        check_read(Preconditions(if_match="x"), ETAG, MODIFIED_MS)
    assert caught.value.details == {"Condition": "If-Match"}


@pytest.mark.parametrize(
    ("value", "applies"),
    [
        (None, True),
        (f'"{ETAG}"', True),
        (f'W/"{ETAG}"', False),
        ('"x"', False),
        ("*", False),
        (MODIFIED, True),
        (AFTER, False),
        (BEFORE, False),
    ],
)
def test_if_range_holds_only_for_the_same_object(value: str | None, applies: bool) -> None:
    headers = {} if value is None else {"if-range": value}
    assert range_applies(headers, ETAG, MODIFIED_MS) is applies


@pytest.mark.parametrize(
    ("headers", "condition"),
    [
        ({}, None),
        ({"if-none-match": "*"}, Condition(None, True)),
        ({"if-match": f'"{ETAG}"'}, Condition(ETAG, False)),
        ({"if-match": ETAG}, Condition(ETAG, False)),
        ({"if-match": "*"}, Condition("*", False)),
        ({"if-match": ETAG, "if-none-match": "*"}, Condition(ETAG, True)),
    ],
)
def test_conditions_of_writes(headers: dict[str, str], condition: Condition | None) -> None:
    assert write_condition(headers) == condition


@pytest.mark.parametrize("name", ["if-none-match", "if-modified-since", "if-unmodified-since"])
def test_writes_refuse_the_conditions_that_aws_refuses(name: str) -> None:
    with pytest.raises(errors.NotImplemented) as caught:
        write_condition({name: f'"{ETAG}"'})
    assert caught.value.details["Header"].lower() == name
    with pytest.raises(errors.NotImplemented):
        delete_condition({name: "*"})


def test_deletes_take_if_match() -> None:
    assert delete_condition({}) is None
    assert delete_condition({"if-match": f'"{ETAG}"'}) == Condition(ETAG)


def test_deletes_take_a_time_and_a_size() -> None:
    time, size = "x-amz-if-match-last-modified-time", "x-amz-if-match-size"
    assert delete_condition({size: "12"}) == Condition(size=12)
    headers = {time: "Fri, 02 Jan 1970 00:00:00 GMT", size: "0", "if-match": "*"}
    assert delete_condition(headers) == Condition("*", modified_s=86_400, size=0)
    for name, text in ((size, "many"), (size, "-1"), (size, "9" * 20), (time, "now"), (time, "")):
        with pytest.raises(InvalidArgument) as caught:
            delete_condition({name: text})
        assert caught.value.details["ArgumentName"] == name


def test_matching_is_of_whole_tags() -> None:
    assert matches('"a","b"', "b")
    assert not matches('"ab"', "b")
    assert not matches("", "b")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (MODIFIED, 1445412480),
        ("Wednesday, 21-Oct-15 07:28:00 GMT", 1445412480),
        ("Wed Oct 21 07:28:00 2015", None),
        ("", None),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
        ("9" * 200, None),
    ],
)
def test_http_dates(text: str, seconds: int | None) -> None:
    if "Oct 21" in text:
        assert parse_http_date(text) == 1445412480
    else:
        assert parse_http_date(text) == seconds
