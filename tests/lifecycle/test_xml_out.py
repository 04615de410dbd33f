"""Lifecycle documents as they are written."""

from __future__ import annotations

from z4tw.lifecycle.rules import VARIES, Configuration, Expiration, Filter, Rule
from z4tw.lifecycle.xml_out import lifecycle_document, to_be_stored

CONFIGURATION = Configuration(
    (
        Rule("a<b", True, Filter(prefix="p&"), Expiration(days=3)),
        Rule("date", False, Filter(old=True, prefix=""), Expiration(date_ms=1_893_456_000_000)),
        Rule("marker", True, Filter(), Expiration(markers=True)),
    ),
    VARIES,
)


def test_the_answers_document() -> None:
    assert lifecycle_document(CONFIGURATION).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        "<Rule><ID>a&lt;b</ID><Filter><Prefix>p&amp;</Prefix></Filter><Status>Enabled</Status>"
        "<Expiration><Days>3</Days></Expiration></Rule>"
        "<Rule><ID>date</ID><Prefix></Prefix><Status>Disabled</Status>"
        "<Expiration><Date>2030-01-01T00:00:00.000Z</Date></Expiration></Rule>"
        "<Rule><ID>marker</ID><Filter></Filter><Status>Enabled</Status>"
        "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>"
        "</Rule></LifecycleConfiguration>"
    )


def test_the_stored_document_keeps_the_minimum_too() -> None:
    assert VARIES.encode() in to_be_stored(CONFIGURATION)
    assert VARIES.encode() not in lifecycle_document(CONFIGURATION)
