"""Where a copy or a rename takes its object from, and which of the source's metadata a copy keeps.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from z4tw.errors import InvalidArgument, S3Error
from z4tw.s3.names import check_key, check_version_id, is_bucket_name


class CopySource(NamedTuple):
    """The object that is copied; ``version_id`` is empty for its current version."""

    bucket: str
    key: str
    version_id: str


def parse_copy_source(value: str) -> CopySource:
    """Read ``x-amz-copy-source``: ``[/]bucket/key[?versionId=id]``, percent-encoded.

    Raises ``InvalidArgument`` for what does not name a bucket and a key, ``KeyTooLongError``.
    """
    path, question, version_id = value.rpartition("?versionId=")
    if not question:
        path, version_id = value, ""
    elif not version_id:
        check_version_id(version_id)
    try:
        text = unquote_to_bytes(path.encode("latin-1")).decode("utf-8")
    except ValueError:
        raise _malformed(value) from None
    bucket, _, key = text.removeprefix("/").partition("/")
    if not bucket or not key or bucket.startswith("arn:"):
        raise _malformed(value)
    if not is_bucket_name(bucket):
        raise InvalidArgument(
            "Invalid copy source bucket name",
            ArgumentName="x-amz-copy-source",
            ArgumentValue=value[:1024],
        )
    check_key(key)
    if version_id:
        check_version_id(version_id)
    return CopySource(bucket, key, version_id)


def replaces(headers: Mapping[str, str], name: str) -> bool:
    """Whether a directive header (``x-amz-metadata-directive``, ``x-amz-tagging-directive``) says
    REPLACE; absent or COPY: False. Raises ``InvalidArgument`` for other values."""
    value = headers.get(name)
    if not value or value == "COPY":
        return False
    if value != "REPLACE":
        kind = "metadata" if "metadata" in name else "tagging"
        raise InvalidArgument(
            f"Unknown {kind} directive.", ArgumentName=name, ArgumentValue=value[:256]
        )
    return True


def _malformed(value: str) -> S3Error:
    return InvalidArgument(
        "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
        ArgumentName="x-amz-copy-source",
        ArgumentValue=value[:1024],
    )


def parse_rename_source(value: str, bucket: str) -> str:
    """Read ``x-amz-rename-source``: ``[/]bucket/key`` with the request's own bucket, or a key
    alone, percent-encoded. A key that begins with the bucket's name and a slash is given with the
    bucket. Raises ``InvalidArgument``, ``KeyTooLongError``.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_RenameObject.html
    """
    try:
        text = unquote_to_bytes(value.encode("latin-1")).decode("utf-8")
    except ValueError:
        text = ""
    key = text.removeprefix("/").removeprefix(f"{bucket}/")
    if not key:
        raise InvalidArgument(
            "Rename Source must mention the source key",
            ArgumentName="x-amz-rename-source",
            ArgumentValue=value[:1024],
        )
    check_key(key)
    return key
