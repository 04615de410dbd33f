"""Notification configurations: what is parsed, refused, matched, and written again."""

from __future__ import annotations

import pytest

from z4tw.errors import InvalidArgument, MalformedXML, MissingRequestBodyError, S3Error
from z4tw.model.notices import Target
from z4tw.s3.notification import (
    EXPANDED,
    Configuration,
    Event,
    notification_document,
    parse_notification,
    refuse_unknown_sinks,
    stored_notification,
)

QUEUE = "<Queue>arn:aws:sqs:eu-west-1:123456789012:hook</Queue>"
PUT = "<Event>s3:ObjectCreated:Put</Event>"
CREATED = "<Event>s3:ObjectCreated:*</Event>"


def rule(*pieces: str) -> str:
    return f"<QueueConfiguration>{''.join(pieces)}</QueueConfiguration>"


def filtered(prefix: str = "", suffix: str = "") -> str:
    rules = ""
    for name, value in (("prefix", prefix), ("suffix", suffix)):
        if value:
            rules += f"<FilterRule><Name>{name}</Name><Value>{value}</Value></FilterRule>"
    return f"<Filter><S3Key>{rules}</S3Key></Filter>"


def parse(*pieces: str) -> Configuration:
    numbers = iter(range(1000))
    document = f"<NotificationConfiguration>{''.join(pieces)}</NotificationConfiguration>"
    return parse_notification(document.encode(), lambda: f"id-{next(numbers)}")


def refusal(*pieces: str) -> S3Error:
    with pytest.raises(S3Error) as caught:
        parse(*pieces)
    return caught.value


def test_wildcards_stand_for_all_events_of_their_family() -> None:
    assert EXPANDED["s3:ObjectCreated:*"] == {
        Event.CREATED_PUT, Event.CREATED_POST, Event.CREATED_COPY, Event.CREATED_MULTIPART,
    }  # fmt: skip
    assert EXPANDED["s3:ObjectAcl:Put"] == {Event.ACL_PUT}
    assert EXPANDED["s3:LifecycleExpiration:*"] == {Event.EXPIRED_DELETE, Event.EXPIRED_MARKER}
    assert "s3:*" not in EXPANDED


@pytest.mark.parametrize(
    ("kind", "element", "arn", "sink"),
    [
        ("QueueConfiguration", "Queue", "arn:z4:sqs:::hook", "hook"),
        ("QueueConfiguration", "Queue", "arn:aws:sqs:us-east-1:123456789012:a.b-c_d", "a.b-c_d"),
        ("TopicConfiguration", "Topic", "arn:aws-cn:sns:cn-north-1:123456789012:t", "t"),
        (
            "CloudFunctionConfiguration",
            "CloudFunction",
            "arn:aws:lambda:us-east-1:123456789012:function:f",
            "f",
        ),
    ],
)
def test_the_last_component_of_an_arn_is_the_sink(
    kind: str, element: str, arn: str, sink: str
) -> None:
    (one,) = parse(f"<{kind}><{element}>{arn}</{element}>{PUT}</{kind}>").rules
    assert (one.kind, one.arn, one.sink, one.id) == (kind, arn, sink, "id-0")


@pytest.mark.parametrize(
    "arn",
    ["", "hook", "arn:aws:sns:us-east-1:1:hook", "arn:aws:sqs:us-east-1:1:", "arn:aws:sqs:::a/b",
     "arn:aws:sqs:us-east-1:x:hook", "arn:aws:s3:::hook", "arn:aws:sqs:::..", "arn:aws:sqs:::a\nb"],
)  # fmt: skip
def test_a_malformed_arn_is_refused(arn: str) -> None:
    error = refusal(rule(f"<Queue>{arn}</Queue>", PUT))
    assert (error.code, error.message) == ("InvalidArgument", "The ARN is not well formed")


@pytest.mark.parametrize(
    "event", ["s3:ObjectCreated", "s3:*", "s3:ObjectCreated:put", "", "ObjectCreated:Put", "x"]
)
def test_an_unknown_event_is_refused(event: str) -> None:
    error = refusal(rule(QUEUE, f"<Event>{event}</Event>"))
    assert error.message == "The event is not supported for notifications"


@pytest.mark.parametrize(
    "document",
    [
        "<NotificationConfiguration>",
        "<Notification/>",
        "<NotificationConfiguration><Other/></NotificationConfiguration>",
        f"<NotificationConfiguration>{rule(QUEUE)}</NotificationConfiguration>",
        f"<NotificationConfiguration>{rule(PUT)}</NotificationConfiguration>",
        f"<NotificationConfiguration>{rule(QUEUE, QUEUE, PUT)}</NotificationConfiguration>",
        f"<NotificationConfiguration>{rule(QUEUE, PUT, '<More/>')}</NotificationConfiguration>",
        "<NotificationConfiguration><EventBridgeConfiguration/><EventBridgeConfiguration/>"
        "</NotificationConfiguration>",
        '<!DOCTYPE a [<!ENTITY b "c">]><NotificationConfiguration/>',
    ],
)
def test_a_malformed_document_is_refused(document: str) -> None:
    with pytest.raises(MalformedXML):
        parse_notification(document.encode(), str)
    with pytest.raises(MissingRequestBodyError):
        parse_notification(b"", str)


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ("<FilterRule><Name>infix</Name><Value>a</Value></FilterRule>", "either prefix or suffix"),
        (
            "<FilterRule><Name>prefix</Name><Value>a</Value></FilterRule>"
            "<FilterRule><Name>Prefix</Name><Value>b</Value></FilterRule>",
            "more than one prefix rule",
        ),
        (
            f"<FilterRule><Name>suffix</Name><Value>{'ü' * 513}</Value></FilterRule>",
            "cannot exceed 1024 bytes",
        ),
    ],
)
def test_a_bad_filter_is_refused(filters: str, said: str) -> None:
    error = refusal(rule(QUEUE, PUT, f"<Filter><S3Key>{filters}</S3Key></Filter>"))
    assert isinstance(error, InvalidArgument)
    assert said in error.message


def test_a_malformed_filter_is_refused() -> None:
    for inner in ("<Key/>", "<S3Key><Rule/></S3Key>", "<S3Key/><S3Key/>",
                  "<S3Key><FilterRule><Name>prefix</Name></FilterRule></S3Key>"):  # fmt: skip
        assert refusal(rule(QUEUE, PUT, f"<Filter>{inner}</Filter>")).code == "MalformedXML"


@pytest.mark.parametrize(
    ("one", "other", "overlaps"),
    [
        (("", ""), ("", ""), True),
        (("a", ""), ("", ""), True),
        (("a", ""), ("ab", ""), True),
        (("a", ""), ("b", ""), False),
        (("", ".jpg"), ("", ".png"), False),
        (("", ".jpg"), ("", "g"), True),
        (("a", ".jpg"), ("a", ".png"), False),
        (("a", ".jpg"), ("b", ".jpg"), False),
        (("a", ".jpg"), ("ab", "g"), True),
        (("a", ""), ("", ".jpg"), True),
    ],
)
def test_one_event_of_one_key_may_match_one_configuration(
    one: tuple[str, str], other: tuple[str, str], overlaps: bool
) -> None:
    pieces = rule(QUEUE, PUT, filtered(*one)), rule(QUEUE, CREATED, filtered(*other))
    if not overlaps:
        assert len(parse(*pieces).rules) == 2
        return
    error = refusal(*pieces)
    assert error.code == "InvalidArgument"
    plain = not any((*one, *other))
    assert error.message.startswith("Configurations overlap" if plain else "Configuration is amb")
    apart = rule(QUEUE, "<Event>s3:ObjectRemoved:*</Event>", filtered(*other))
    assert len(parse(pieces[0], apart).rules) == 2


def test_ids_are_unique_and_bounded() -> None:
    twice = [rule("<Id>a</Id>", QUEUE, PUT, filtered(prefix)) for prefix in "xy"]
    assert refusal(*twice).message.startswith("Same ID used for multiple configurations")
    assert refusal(rule(f"<Id>{'a' * 256}</Id>", QUEUE, PUT)).code == "InvalidArgument"


def test_their_number_is_bounded() -> None:
    many = [rule(QUEUE, PUT, filtered(f"{number:03d}/")) for number in range(101)]
    assert len(parse(*many[:100]).rules) == 100
    assert refusal(*many).code == "InvalidArgument"


def test_targets_are_those_whose_rules_match() -> None:
    found = parse(rule(QUEUE, CREATED, filtered("in/", ".jpg")), "<EventBridgeConfiguration/>")
    bridge = Target("eventbridge", "eventbridge")
    assert found.targets(Event.CREATED_COPY, "in/a.jpg") == (Target("hook", "id-0"), bridge)
    for event, key in (
        (Event.CREATED_COPY, "in/a.png"),
        (Event.CREATED_COPY, "out/a.jpg"),
        (Event.REMOVED_DELETE, "in/a.jpg"),
    ):
        assert found.targets(event, key) == (bridge,)
    assert parse().targets(Event.CREATED_PUT, "a") == ()


def test_what_is_written_is_read_again() -> None:
    found = parse(
        rule("<Id>a&lt;b</Id>", QUEUE, PUT, CREATED, filtered("&amp;", ".&lt;")),
        "<EventBridgeConfiguration/>",
    )
    assert stored_notification(notification_document(found)) == found
    assert stored_notification(notification_document(Configuration())) == Configuration()


def test_sinks_that_are_not_there_are_refused_each_by_its_arn() -> None:
    found = parse(
        rule(QUEUE, PUT),
        "<TopicConfiguration><Topic>arn:aws:sns:::t</Topic><Event>s3:ObjectAcl:Put</Event>"
        "</TopicConfiguration>",
        "<EventBridgeConfiguration/>",
    )
    refuse_unknown_sinks(found, {"hook", "t", "eventbridge"})
    with pytest.raises(InvalidArgument) as caught:
        refuse_unknown_sinks(found, {"hook"})
    assert caught.value.details == {
        "ArgumentName1": "arn:aws:sns:::t",
        "ArgumentValue1": "The destination topic does not exist",
        "ArgumentName2": "EventBridgeConfiguration",
        "ArgumentValue2": "The destination event bus does not exist",
    }
