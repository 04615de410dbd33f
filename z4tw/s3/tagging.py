"""Tags of objects and buckets: their limits, and the header that carries them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from urllib.parse import unquote_plus

from z4tw.errors import InvalidArgument, InvalidTag

OBJECT_TAGS = 10
BUCKET_TAGS = 50
MAX_KEY_LENGTH = 128
MAX_VALUE_LENGTH = 256
_PUNCTUATION = frozenset("+-=._:/@")


def check_tags(pairs: Iterable[tuple[str, str]], limit: int) -> dict[str, str]:
    """Tags as a dict in their order. Raises ``InvalidTag`` for more than ``limit``, for keys that
    repeat, are empty, too long or begin with ``aws:``, and for characters that S3 refuses.

    Lengths count UTF-16 code units, as AWS does.
    """
    tags: dict[str, str] = {}
    for key, value in pairs:
        if not 1 <= _length(key) <= MAX_KEY_LENGTH or not _allowed(key):
            raise InvalidTag("The TagKey you have provided is invalid", TagKey=key[:256])
        if key.lower().startswith("aws:"):
            raise InvalidTag("System tags cannot be added/updated by requester", TagKey=key)
        if _length(value) > MAX_VALUE_LENGTH or not _allowed(value):
            raise InvalidTag(
                "The TagValue you have provided is invalid", TagKey=key, TagValue=value[:512]
            )
        if key in tags:
            raise InvalidTag("Cannot provide multiple Tags with the same key", TagKey=key)
        tags[key] = value
    if len(tags) > limit:
        kind = "Object" if limit == OBJECT_TAGS else "Bucket"
        raise InvalidTag(f"{kind} tags cannot be greater than {limit}")
    return tags


def parse_tagging_header(value: str) -> dict[str, str]:
    """The tags of an ``x-amz-tagging`` header, ``k1=v1&k2=v2`` percent-encoded; a key without a
    value has the empty one. Raises ``InvalidArgument`` for bad encoding, ``InvalidTag``."""
    pairs = []
    try:
        for field in value.split("&") if value else ():
            name, _, text = field.partition("=")
            pairs.append((unquote_plus(name, errors="strict"), unquote_plus(text, errors="strict")))
    except UnicodeDecodeError:
        raise InvalidArgument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query "
            "parameters without tag name duplicates.",
            ArgumentName="x-amz-tagging",
            ArgumentValue=value[:1024],
        ) from None
    return check_tags(pairs, OBJECT_TAGS)


def _length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _allowed(text: str) -> bool:
    """Letters, marks, numbers and white space of any script, and ``+ - = . _ : / @``."""
    return all(
        char in _PUNCTUATION or char == " " or unicodedata.category(char)[0] in "LMNZ"
        for char in text
    )
