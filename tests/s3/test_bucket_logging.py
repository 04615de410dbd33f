"""Access logging of buckets: the document, and the keys of log objects."""

from __future__ import annotations

import pytest

from z4tw.errors import MalformedXML, S3Error
from z4tw.s3.bucket_logging import (
    DELIVERY_TIME,
    EVENT_TIME,
    Logging,
    logging_document,
    parse_logging,
    stored_logging,
)

AT_MS = 1_760_000_000_123  # 2025-10-09T08:53:20.123Z


def body(inner: str) -> bytes:
    return f"<BucketLoggingStatus>{inner}</BucketLoggingStatus>".encode()


def enabled(more: str = "", bucket: str = "logs", prefix: str = "p/") -> bytes:
    return body(
        f"<LoggingEnabled><TargetBucket>{bucket}</TargetBucket>"
        f"<TargetPrefix>{prefix}</TargetPrefix>{more}</LoggingEnabled>"
    )


def formatted(inner: str) -> bytes:
    return enabled(f"<TargetObjectKeyFormat>{inner}</TargetObjectKeyFormat>")


@pytest.mark.parametrize(
    ("document", "logging"),
    [
        (body(""), None),
        (enabled(), Logging("logs", "p/")),
        (enabled(prefix=""), Logging("logs", "")),
        (enabled("<TargetGrants/>"), Logging("logs", "p/")),
        (formatted("<SimplePrefix/>"), Logging("logs", "p/", "", True)),
        (formatted("<PartitionedPrefix/>"), Logging("logs", "p/", DELIVERY_TIME, True)),
        (
            formatted(
                "<PartitionedPrefix><PartitionDateSource>EventTime</PartitionDateSource>"
                "</PartitionedPrefix>"
            ),
            Logging("logs", "p/", EVENT_TIME, True),
        ),
    ],
)
def test_a_document_is_read_and_written(document: bytes, logging: Logging | None) -> None:
    assert parse_logging(document) == logging
    written = logging_document(logging)
    assert parse_logging(written) == logging
    if logging is not None:
        assert stored_logging(written) == logging


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"", "MissingRequestBodyError"),
        (b"<Logging/>", "MalformedXML"),
        (body("<Other/>"), "MalformedXML"),
        (body("<LoggingEnabled/>"), "MalformedXML"),
        (body("<LoggingEnabled><TargetBucket>a</TargetBucket></LoggingEnabled>"), "MalformedXML"),
        (enabled("<TargetPrefix>q</TargetPrefix>"), "MalformedXML"),
        (enabled(bucket="<a/>"), "MalformedXML"),
        (enabled("<More/>"), "MalformedXML"),
        (enabled(prefix="ü" * 257), "InvalidArgument"),
        (enabled("<TargetGrants><Grant/></TargetGrants>"), "NotImplemented"),
        (formatted(""), "MalformedXML"),
        (formatted("<OtherPrefix/>"), "MalformedXML"),
        (formatted("<SimplePrefix/><PartitionedPrefix/>"), "MalformedXML"),
        (formatted("<SimplePrefix><a/></SimplePrefix>"), "MalformedXML"),
        (formatted("<PartitionedPrefix><Other/></PartitionedPrefix>"), "MalformedXML"),
        (
            formatted(
                "<PartitionedPrefix><PartitionDateSource>Now</PartitionDateSource>"
                "</PartitionedPrefix>"
            ),
            "MalformedXML",
        ),
    ],
)
def test_a_wrong_document_is_refused(document: bytes, code: str) -> None:
    with pytest.raises(S3Error) as caught:
        parse_logging(document)
    assert caught.value.code == code


def test_logging_that_is_off_is_never_stored() -> None:
    with pytest.raises(MalformedXML):
        stored_logging(body(""))


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ("", "p/2025-10-09-08-53-20-0123456789ABCDEF"),
        (
            DELIVERY_TIME,
            "p/123456789012/eu-west-1/source/2025/10/09/2025-10-09-08-53-20-0123456789ABCDEF",
        ),
        (
            EVENT_TIME,
            "p/123456789012/eu-west-1/source/2025/10/09/2025-10-09-00-00-00-0123456789ABCDEF",
        ),
    ],
)
def test_the_keys_of_log_objects(source: str, key: str) -> None:
    logging = Logging("logs", "p/", source)
    assert logging.key("source", "123456789012", "eu-west-1", AT_MS, "0123456789ABCDEF") == key
    longest = Logging("logs", "p" * 512, source)
    made = longest.key("b" * 63, "123456789012", "r" * 63, AT_MS, "0123456789ABCDEF")
    assert len(made) <= 1024
