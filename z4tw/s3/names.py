"""The names that S3 allows: buckets, keys, version ids.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
"""

from __future__ import annotations

import re
from functools import lru_cache

from z4tw.errors import InvalidArgument, InvalidBucketName, InvalidURI, KeyTooLongError
from z4tw.model.objects import NULL_VERSION_ID
from z4tw.model.stamps import parse_version_id

MAX_KEY_BYTES = 1024

_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_BUCKET = re.compile(rf"(?=.{{3,63}}\Z){_LABEL}(?:\.{_LABEL})*\Z")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+\Z")
_RESERVED_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


@lru_cache(maxsize=4096)
def is_bucket_name(name: str) -> bool:
    """Whether a name follows all of AWS's rules for general purpose buckets."""
    return (
        _BUCKET.match(name) is not None
        and _ADDRESS.match(name) is None
        and not name.startswith(_RESERVED_STARTS)
        and not name.endswith(_RESERVED_ENDS)
    )


def check_bucket_name(name: str) -> None:
    """Raise ``InvalidBucketName`` unless the name may be a bucket's."""
    if not is_bucket_name(name):
        raise InvalidBucketName(BucketName=name[:255])


def check_key(key: str) -> None:
    """Raise ``KeyTooLongError`` above 1,024 bytes of UTF-8, ``InvalidURI`` for a key that is not
    Unicode text or is empty."""
    if not key:
        raise InvalidURI(URI="")
    if len(key) * 4 > MAX_KEY_BYTES or not key.isascii():
        try:
            size = len(key.encode("utf-8"))
        except UnicodeEncodeError:
            raise InvalidURI() from None
        if size > MAX_KEY_BYTES:
            raise KeyTooLongError(Size=str(size), MaxSizeAllowed=str(MAX_KEY_BYTES))


def is_version_id(text: str) -> bool:
    """Whether text can be a version's id (``null`` is one)."""
    return text == NULL_VERSION_ID or parse_version_id(text) is not None


def check_version_id(text: str) -> None:
    """Raise ``InvalidArgument`` for text that no version's id can be."""
    if is_version_id(text):
        return
    message = "Invalid version id specified" if text else "Version id cannot be the empty string"
    raise InvalidArgument(message, ArgumentName="versionId", ArgumentValue=text[:1024])
