"""A bucket's access logging: its document, and the keys of log objects.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLogging.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from z4tw import errors
from z4tw.errors import InvalidArgument, MalformedXML, MissingRequestBodyError
from z4tw.s3.dates import iso_date
from z4tw.s3.xml_in import Node, parse_document
from z4tw.s3.xml_text import document, element

EVENT_TIME = "EventTime"
DELIVERY_TIME = "DeliveryTime"
MAX_PREFIX_BYTES = 512
"""What is left of a key's 1,024 bytes for the longest partitioned key, with room to spare."""


class Logging(msgspec.Struct, frozen=True):
    """Where a bucket's access log goes. ``date_source`` is empty for simple keys, else what the
    dates in partitioned keys are."""

    bucket: str
    prefix: str
    date_source: str = ""
    states_format: bool = False

    def key(self, source: str, account: str, region: str, ms: int, unique: str) -> str:
        """The key of a log object of bucket ``source``, which belongs to the account of number
        ``account``. ``ms`` is the time of delivery, or with ``EventTime`` of the requests;
        ``unique`` are 16 characters that no other log object has."""
        time = iso_date(ms)
        day = time[:10]
        clock = "00-00-00" if self.date_source == EVENT_TIME else time[11:19].replace(":", "-")
        name = f"{day}-{clock}-{unique}"
        if not self.date_source:
            return f"{self.prefix}{name}"
        return f"{self.prefix}{account}/{region}/{source}/{day.replace('-', '/')}/{name}"


def parse_logging(body: bytes) -> Logging | None:
    """PutBucketLogging; None turns logging off. Raises ``MissingRequestBodyError``,
    ``MalformedXML``, ``InvalidArgument``; ``NotImplemented`` for target grants."""
    if not body:
        raise MissingRequestBodyError()
    root = parse_document(body, "BucketLoggingStatus")
    if not root.children:
        return None
    if len(root.children) != 1 or root.children[0].name != "LoggingEnabled":
        raise MalformedXML()
    texts: dict[str, str] = {}
    date_source: str | None = None
    for child in root.children[0].children:
        if child.name in ("TargetBucket", "TargetPrefix") and child.name not in texts:
            if child.children:
                raise MalformedXML()
            texts[child.name] = child.text
        elif child.name == "TargetGrants":
            if child.children:
                raise errors.NotImplemented(
                    "TargetGrants are not implemented: permit readers by the policy of the target."
                )
        elif child.name == "TargetObjectKeyFormat" and date_source is None:
            date_source = _date_source(child)
        else:
            raise MalformedXML()
    if not texts.get("TargetBucket") or "TargetPrefix" not in texts:
        raise MalformedXML()
    prefix = texts["TargetPrefix"]
    if len(prefix.encode("utf-8", "surrogatepass")) > MAX_PREFIX_BYTES:
        raise InvalidArgument(
            f"The TargetPrefix cannot be longer than {MAX_PREFIX_BYTES} bytes",
            ArgumentName="TargetPrefix",
            ArgumentValue=prefix[:256],
        )
    return Logging(texts["TargetBucket"], prefix, date_source or "", date_source is not None)


@lru_cache(maxsize=1024)
def stored_logging(stored: bytes) -> Logging:
    """The logging of a document that ``logging_document`` wrote. Raises ``MalformedXML``."""
    logging = parse_logging(stored)
    if logging is None:
        raise MalformedXML()
    return logging


def logging_document(logging: Logging | None) -> bytes:
    """BucketLoggingStatus; an empty one without logging."""
    if logging is None:
        return document("BucketLoggingStatus")
    pieces = element("TargetBucket", logging.bucket) + element("TargetPrefix", logging.prefix)
    if logging.date_source:
        source = element("PartitionDateSource", logging.date_source)
        pieces += (
            f"<TargetObjectKeyFormat><PartitionedPrefix>{source}</PartitionedPrefix>"
            "</TargetObjectKeyFormat>"
        )
    elif logging.states_format:
        pieces += "<TargetObjectKeyFormat><SimplePrefix/></TargetObjectKeyFormat>"
    return document("BucketLoggingStatus", f"<LoggingEnabled>{pieces}</LoggingEnabled>")


def _date_source(node: Node) -> str:
    """The source of dates of partitioned keys, empty for simple ones."""
    if len(node.children) != 1:
        raise MalformedXML()
    (chosen,) = node.children
    if chosen.name == "SimplePrefix" and not chosen.children:
        return ""
    if chosen.name != "PartitionedPrefix" or len(chosen.children) > 1:
        raise MalformedXML()
    if not chosen.children:
        return DELIVERY_TIME
    (source,) = chosen.children
    text = source.text.strip()
    if source.name != "PartitionDateSource" or text not in (EVENT_TIME, DELIVERY_TIME):
        raise MalformedXML()
    return text
