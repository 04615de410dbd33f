"""Documents and headers of object lock."""

from __future__ import annotations

import pytest

from z4tw import errors
from z4tw.errors import InvalidArgument, MalformedXML
from z4tw.model.objects import Lock
from z4tw.s3.call import S3Call
from z4tw.s3.locking import (
    DAY_MS,
    ENABLED,
    HOLD,
    MODE,
    UNTIL,
    DefaultRetention,
    asked_lock,
    creates_locked,
    hold_headers,
    legal_hold,
    lock_configuration,
    parse_legal_hold,
    parse_lock_configuration,
    parse_retention,
    retention,
    retention_headers,
    stored_default,
)

NEW_YEAR_MS = 1_893_456_000_000
NEW_YEAR = "2030-01-01T00:00:00Z"
ON = "<ObjectLockEnabled>Enabled</ObjectLockEnabled>"


def configuration(content: str) -> bytes:
    return f"<ObjectLockConfiguration>{content}</ObjectLockConfiguration>".encode()


def rule(content: str) -> bytes:
    default = f"<DefaultRetention>{content}</DefaultRetention>"
    return configuration(f"{ON}<Rule>{default}</Rule>")


@pytest.mark.parametrize(
    "default",
    [None, DefaultRetention("GOVERNANCE", 1, 0), DefaultRetention("COMPLIANCE", 0, 100)],
)
def test_a_configuration_comes_back_as_it_was_written(default: DefaultRetention | None) -> None:
    assert parse_lock_configuration(lock_configuration(default)) == default
    assert stored_default(lock_configuration(default)) == default


def test_the_end_of_a_default_is_counted_in_days_of_which_a_year_has_365() -> None:
    assert DefaultRetention("GOVERNANCE", 3, 0).until_ms(5) == 5 + 3 * DAY_MS
    assert DefaultRetention("GOVERNANCE", 0, 2).until_ms(5) == 5 + 730 * DAY_MS


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        configuration(""),
        configuration("<ObjectLockEnabled>Disabled</ObjectLockEnabled>"),
        configuration(ON + ON),
        configuration(f"{ON}<Rule/>"),
        configuration(f"{ON}<Other/>"),
        rule(""),
        rule("<Mode>GOVERNANCE</Mode>"),
        rule("<Days>1</Days>"),
        rule("<Mode>governance</Mode><Days>1</Days>"),
        rule("<Mode>GOVERNANCE</Mode><Days>1</Days><Years>1</Years>"),
        rule("<Mode>GOVERNANCE</Mode><Days>one</Days>"),
        rule("<Mode>GOVERNANCE</Mode><Days></Days>"),
        rule("<Mode>GOVERNANCE</Mode><Days>٣</Days>"),
        rule("<Mode>GOVERNANCE</Mode><Days>11111111111</Days>"),
        rule("<Mode><A/></Mode><Days>1</Days>"),
    ],
)
def test_a_malformed_configuration(body: bytes) -> None:
    with pytest.raises(MalformedXML):
        parse_lock_configuration(body)


@pytest.mark.parametrize(
    ("period", "name"),
    [
        ("<Days>0</Days>", "Days"),
        ("<Days>-1</Days>", "Days"),
        ("<Days>36501</Days>", "Days"),
        ("<Years>0</Years>", "Years"),
        ("<Years>101</Years>", "Years"),
    ],
)
def test_a_period_that_cannot_be(period: str, name: str) -> None:
    with pytest.raises(InvalidArgument, match="Default retention period") as caught:
        parse_lock_configuration(rule(f"<Mode>COMPLIANCE</Mode>{period}"))
    assert caught.value.details["ArgumentName"] == name


def test_event_holds_are_refused_by_name() -> None:
    with pytest.raises(errors.NotImplemented, match="DefaultEventHold"):
        parse_lock_configuration(rule("<DefaultEventHold><Days>1</Days></DefaultEventHold>"))
    with pytest.raises(errors.NotImplemented, match="EventHold"):
        parse_retention(b"<Retention><EventHold>ON</EventHold></Retention>")


def test_retention_comes_back_as_it_was_written() -> None:
    lock = Lock("COMPLIANCE", NEW_YEAR_MS)
    assert parse_retention(retention(lock)) == ("COMPLIANCE", NEW_YEAR_MS)
    assert parse_retention(b"<Retention/>") == ("", 0)


@pytest.mark.parametrize(
    "content",
    [
        "<Mode>GOVERNANCE</Mode>",
        f"<RetainUntilDate>{NEW_YEAR}</RetainUntilDate>",
        f"<Mode>gov</Mode><RetainUntilDate>{NEW_YEAR}</RetainUntilDate>",
        "<Mode>GOVERNANCE</Mode><RetainUntilDate>tomorrow</RetainUntilDate>",
        "<Mode>GOVERNANCE</Mode><RetainUntilDate>2030-02-30T00:00:00Z</RetainUntilDate>",
        "<Mode>GOVERNANCE</Mode><Mode>GOVERNANCE</Mode>",
    ],
)
def test_a_malformed_retention(content: str) -> None:
    with pytest.raises(MalformedXML):
        parse_retention(f"<Retention>{content}</Retention>".encode())


def test_a_legal_hold_comes_back_as_it_was_written() -> None:
    for status in ("ON", "OFF"):
        assert parse_legal_hold(legal_hold(Lock("", 0, status))) == status
    for content in ("", "<Status>on</Status>", "<Status/>", "<Other>ON</Other>"):
        with pytest.raises(MalformedXML):
            parse_legal_hold(f"<LegalHold>{content}</LegalHold>".encode())


def test_the_lock_that_headers_ask_for() -> None:
    assert asked_lock({"content-type": "x"}, 0) is None
    asked = {MODE: "GOVERNANCE", UNTIL: NEW_YEAR}
    assert asked_lock(asked, 0) == Lock("GOVERNANCE", NEW_YEAR_MS)
    assert asked_lock({**asked, HOLD: "OFF"}, 0) == Lock("GOVERNANCE", NEW_YEAR_MS, "OFF")
    assert asked_lock({HOLD: "ON"}, 0) == Lock("", 0, "ON")


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({MODE: "GOVERNANCE"}, UNTIL),
        ({UNTIL: NEW_YEAR}, MODE),
        ({MODE: "governance", UNTIL: NEW_YEAR}, MODE),
        ({MODE: "GOVERNANCE", UNTIL: "2030"}, UNTIL),
        ({MODE: "GOVERNANCE", UNTIL: "2029-12-31T23:59:59Z"}, UNTIL),
        ({HOLD: "yes"}, HOLD),
    ],
)
def test_headers_that_ask_for_no_lock_that_there_is(headers: dict[str, str], name: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        asked_lock(headers, NEW_YEAR_MS - 1000)
    assert caught.value.details["ArgumentName"] == name


def test_the_headers_that_tell_a_lock() -> None:
    lock = Lock("GOVERNANCE", NEW_YEAR_MS, "OFF")
    told = [(MODE, "GOVERNANCE"), (UNTIL, "2030-01-01T00:00:00.000Z")]
    assert retention_headers(lock) == told
    assert hold_headers(lock) == [(HOLD, "OFF")]
    assert retention_headers(Lock("", 0, "ON")) == []
    assert hold_headers(Lock("GOVERNANCE", 1)) == []


def test_a_bucket_with_object_lock_is_asked_for_by_true() -> None:
    def asks(**headers: str) -> bool:
        return creates_locked(S3Call("CreateBucket", "b", "", {}, headers, False))

    answers = [asks(), *[asks(**{ENABLED: value}) for value in ("true", "True", "false")]]
    assert answers == [False, True, True, False]
    with pytest.raises(InvalidArgument):
        asks(**{ENABLED: "yes"})
