"""Lifecycle documents: what is read, and what is refused with which error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.errors import (
    InvalidArgument,
    MalformedXML,
    MaxMessageLengthExceeded,
    MissingRequestBodyError,
    S3Error,
)
from z4tw.lifecycle.rules import (
    ALL_128K,
    VARIES,
    Configuration,
    Expiration,
    Filter,
    NoncurrentExpiration,
    NoncurrentTransition,
    Rule,
    Transition,
)
from z4tw.lifecycle.xml_in import LIFECYCLE_BYTES, parse_lifecycle, stored_lifecycle
from z4tw.lifecycle.xml_out import lifecycle_document, to_be_stored

DAYS = "<Expiration><Days>1</Days></Expiration>"


def parse(rules: str, minimum: str = "", classes: tuple[str, ...] = ()) -> Configuration:
    body = f"<LifecycleConfiguration>{rules}</LifecycleConfiguration>".encode()
    return parse_lifecycle(body, minimum, classes, lambda: "made")


def rule(content: str, filter: str = "<Filter/>") -> Rule:
    (found,) = parse(f"<Rule>{filter}<Status>Enabled</Status>{content}</Rule>").rules
    return found


def test_every_element_is_read() -> None:
    found = rule(
        "<ID>all</ID><Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass>"
        "</Transition><Transition><StorageClass>GLACIER</StorageClass><Days>60</Days></Transition>"
        "<Expiration><Days>365</Days></Expiration>"
        "<NoncurrentVersionTransition><NoncurrentDays>30</NoncurrentDays>"
        "<StorageClass>GLACIER</StorageClass></NoncurrentVersionTransition>"
        "<NoncurrentVersionExpiration><NoncurrentDays>90</NoncurrentDays>"
        "<NewerNoncurrentVersions>5</NewerNoncurrentVersions></NoncurrentVersionExpiration>"
        "<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation>"
        "</AbortIncompleteMultipartUpload>",
        "<Filter><Prefix>a/&amp;</Prefix></Filter>",
    )
    assert found == Rule(
        "all",
        True,
        Filter("a/&"),
        Expiration(days=365),
        (Transition("STANDARD_IA", 30), Transition("GLACIER", 60)),
        NoncurrentExpiration(90, 5),
        (NoncurrentTransition("GLACIER", 30),),
        7,
    )


@pytest.mark.parametrize(
    ("text", "filter"),
    [
        ("<Filter/>", Filter()),
        ("<Filter><Prefix></Prefix></Filter>", Filter(prefix="")),
        ("<Prefix>old</Prefix>", Filter(prefix="old", old=True)),
        ("<Prefix/>", Filter(prefix="", old=True)),
        (
            "<Filter><Tag><Key>k</Key><Value/></Tag></Filter>",
            Filter(tags=(("k", ""),)),
        ),
        (
            "<Filter><ObjectSizeGreaterThan>0</ObjectSizeGreaterThan></Filter>",
            Filter(greater=0),
        ),
        (
            "<Filter><And><Prefix>p</Prefix><Tag><Key>k</Key><Value>v</Value></Tag>"
            "<Tag><Key>l</Key><Value>w</Value></Tag>"
            "<ObjectSizeLessThan>5497558138880</ObjectSizeLessThan></And></Filter>",
            Filter("p", (("k", "v"), ("l", "w")), None, 5_497_558_138_880, joined=True),
        ),
    ],
)
def test_filters(text: str, filter: Filter) -> None:
    assert rule(DAYS, text).filter == filter


@pytest.mark.parametrize(
    ("date", "ms"),
    [
        ("2030-01-01T00:00:00.000Z", 1_893_456_000_000),
        ("2030-01-01T00:00:00Z", 1_893_456_000_000),
        ("2030-01-01", 1_893_456_000_000),
        ("2030-01-01T01:00:00+01:00", 1_893_456_000_000),
    ],
)
def test_dates_are_midnights_in_utc(date: str, ms: int) -> None:
    expiration = rule(f"<Expiration><Date>{date}</Date></Expiration>").expiration
    assert expiration == Expiration(date_ms=ms)


def test_a_rule_without_an_id_gets_one() -> None:
    assert rule(DAYS).id == "made"
    assert rule("<ID></ID>" + DAYS).id == "made"


def test_a_plugins_class_is_one_while_the_plugin_is_there() -> None:
    text = (
        "<Rule><Filter/><Status>Enabled</Status><Transition><Days>0</Days>"
        "<StorageClass>ZSTD</StorageClass></Transition></Rule>"
    )
    stored = to_be_stored(parse(text, classes=("ZSTD",)))
    with pytest.raises(MalformedXML):
        parse(text)
    assert stored_lifecycle(stored).rules[0].transitions == (Transition("ZSTD", 0),)


def test_the_header_sets_the_minimum() -> None:
    text = f"<Rule><Filter/><Status>Enabled</Status>{DAYS}</Rule>"
    assert parse(text).minimum == ALL_128K
    assert parse(text, VARIES).minimum == VARIES
    with pytest.raises(InvalidArgument):
        parse(text, "other")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<Other/>",
        "<Rule/>",
        "<Rule><Filter/><Status>enabled</Status></Rule>",
        "<Rule><Status>Enabled</Status></Rule>",
        "<Rule><Filter/><Filter/><Status>Enabled</Status></Rule>",
        "<Rule><Filter>text</Filter><Status>Enabled</Status></Rule>",
        "<Rule><Filter><And/></Filter><Status>Enabled</Status></Rule>",
        "<Rule><Filter><And><And/></And></Filter><Status>Enabled</Status></Rule>",
        "<Rule><Filter/><Status>Enabled</Status><Expiration/></Rule>",
        "<Rule><Filter/><Status>Enabled</Status><Expiration><Days>1e3</Days></Expiration></Rule>",
        "<Rule><Filter/><Status>Enabled</Status><Expiration><Days>٣</Days></Expiration></Rule>",
        "<Rule><Filter/><Status>Enabled</Status><Expiration><Days>9999999999</Days></Expiration>"
        "</Rule>",
        "<Rule><Filter/><Status>Enabled</Status><Expiration><Date>0001-01-01T00:00:00+14:00"
        "</Date></Expiration></Rule>",
        "<Rule><Filter/><Status>Enabled</Status><Transition><Days>1</Days></Transition></Rule>",
        "<Rule><Filter/><Status>Enabled</Status><NoncurrentVersionExpiration>"
        "<NewerNoncurrentVersions>1</NewerNoncurrentVersions></NoncurrentVersionExpiration></Rule>",
        "<Rule><Filter/><Status>Enabled</Status><AbortIncompleteMultipartUpload/></Rule>",
        "<TransitionDefaultMinimumObjectSize>x</TransitionDefaultMinimumObjectSize>",
    ],
)
def test_malformed_documents(text: str) -> None:
    with pytest.raises(MalformedXML):
        parse(text)


def test_documents_are_bounded() -> None:
    with pytest.raises(MissingRequestBodyError):
        parse_lifecycle(b"", "", (), str)
    with pytest.raises(MaxMessageLengthExceeded):
        parse_lifecycle(b" " * (LIFECYCLE_BYTES + 1), "", (), str)
    one = "<Rule><ID>{}</ID><Filter/><Status>Enabled</Status>" + DAYS + "</Rule>"
    assert len(parse("".join(one.format(n) for n in range(1000))).rules) == 1000
    with pytest.raises(MalformedXML):
        parse("".join(one.format(n) for n in range(1001)))


@given(st.text(alphabet="<>/RuleIDStatusFilter &;1", max_size=80))
def test_rubbish_is_refused_with_an_s3_error(text: str) -> None:
    with pytest.raises(S3Error):
        parse(text)


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)
FILTERS = st.builds(
    Filter,
    st.none() | TEXTS.map(str.strip),
    st.lists(st.sampled_from("abc"), unique=True).map(lambda keys: tuple((k, "v") for k in keys)),
    st.none() | st.integers(0, 50),
    st.none() | st.integers(51, 1 << 50),
    joined=st.just(True),
)
RULES = st.builds(
    Rule,
    st.text(alphabet="abc<&>", min_size=1, max_size=5),
    st.booleans(),
    FILTERS,
    st.none() | st.builds(Expiration, st.integers(100, 900)),
    st.sampled_from([(), (Transition("GLACIER", 0),), (Transition("STANDARD_IA", 40),)]),
    st.none() | st.builds(NoncurrentExpiration, st.integers(50, 90), st.integers(0, 100)),
    st.sampled_from([(), (NoncurrentTransition("ONEZONE_IA", 31, 3),)]),
)


@given(st.lists(RULES, min_size=1, max_size=4, unique_by=lambda one: one.id))
def test_what_is_written_is_read_again(rules: list[Rule]) -> None:
    for minimum in (ALL_128K, VARIES):
        known = [
            one
            for one in rules
            if one.filter.prefix is not None or one.filter.tags or one.filter.sized
        ]
        if not known:
            return
        configuration = Configuration(tuple(known), minimum)
        assert stored_lifecycle(to_be_stored(configuration)) == configuration
        answered = lifecycle_document(configuration)
        assert b"Default" not in answered
        assert stored_lifecycle(answered).rules == configuration.rules
