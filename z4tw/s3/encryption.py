"""The headers of server-side encryption: what a request asks for, and the key that it brings.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import NamedTuple

from z4tw import errors
from z4tw.errors import InvalidArgument, InvalidEncryptionAlgorithmError
from z4tw.model.objects import SSE_KMS, SSE_S3

SSE = "x-amz-server-side-encryption"
KMS_KEY = f"{SSE}-aws-kms-key-id"
KMS_CONTEXT = f"{SSE}-context"
BUCKET_KEY = f"{SSE}-bucket-key-enabled"
CUSTOMER = f"{SSE}-customer-"
COPY_CUSTOMER = "x-amz-copy-source-server-side-encryption-customer-"
CUSTOMER_ALGORITHM = f"{CUSTOMER}algorithm"
CUSTOMER_KEY = f"{CUSTOMER}key"
CUSTOMER_MD5 = f"{CUSTOMER}key-md5"
SECRET_HEADERS = frozenset({CUSTOMER_KEY, f"{COPY_CUSTOMER}key"})
"""Headers that hold a customer's key: their values go nowhere."""

MANAGED_KEY = "aws/s3"
"""The name by which requests may call the store's own key; no other key can have it."""
KEY_ACCOUNT = "000000000000"
"""The account in the ARNs of keys: they belong to the store."""
KEY_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_CONTEXT_BYTES = 8192
_LACKING = frozenset({"aws:kms:dsse", "aws:fsx", "aws:backup"})


class Wish(NamedTuple):
    """The encryption that a request or a bucket's configuration asks for. ``key_id`` is the text of
    a KMS key, empty for the store's own; ``context`` is base64; ``bucket_key`` None: not said."""

    method: str
    key_id: str = ""
    context: str = ""
    bucket_key: bool | None = None


def parse_wish(headers: Mapping[str, str]) -> Wish | None:
    """The encryption by the server that a write asks for, None when it asks for none.

    Raises ``InvalidArgument``; ``NotImplemented`` for methods that are not there.
    """
    method = headers.get(SSE)
    if method is None:
        for name in (KMS_KEY, KMS_CONTEXT):
            if name in headers:
                raise _needs_kms(name, headers[name])
        return None
    check_method(method, SSE)
    bucket_key = _parse_bucket_key(headers.get(BUCKET_KEY))
    if method != SSE_KMS:
        for name in (KMS_KEY, KMS_CONTEXT):
            if name in headers:
                raise _needs_kms(name, headers[name])
        return Wish(method, bucket_key=bucket_key)
    context = headers.get(KMS_CONTEXT, "")
    if context:
        _check_context(context)
    return Wish(method, headers.get(KMS_KEY, ""), context, bucket_key)


def check_method(method: str, name: str) -> None:
    """Raise ``InvalidArgument`` for a method that S3 does not have, ``NotImplemented`` for one that
    is not there."""
    if method in (SSE_S3, SSE_KMS):
        return
    if method in _LACKING:
        raise errors.NotImplemented(f"The encryption method {method} is not implemented.")
    raise InvalidArgument(
        "The encryption method specified is not supported",
        ArgumentName=name,
        ArgumentValue=method[:256],
    )


def parse_bucket_key(headers: Mapping[str, str]) -> bool | None:
    """``x-amz-server-side-encryption-bucket-key-enabled``, None without it. Raises
    ``InvalidArgument``."""
    return _parse_bucket_key(headers.get(BUCKET_KEY))


def _parse_bucket_key(value: str | None) -> bool | None:
    if value is None:
        return None
    if value.lower() not in ("true", "false"):
        raise InvalidArgument(ArgumentName=BUCKET_KEY, ArgumentValue=value[:256])
    return value.lower() == "true"


def _needs_kms(name: str, value: str) -> InvalidArgument:
    return InvalidArgument(
        "Server Side Encryption with AWS KMS managed key requires HTTP header "
        "x-amz-server-side-encryption : aws:kms",
        ArgumentName=name,
        ArgumentValue=value[:256],
    )


def _check_context(context: str) -> None:
    """An encryption context is base64 of a JSON object of texts."""
    good = len(context) <= _MAX_CONTEXT_BYTES
    if good:
        try:
            value = json.loads(base64.b64decode(context, validate=True))
        except (ValueError, RecursionError):
            value = None
        good = isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
    if not good:
        raise InvalidArgument(
            "The header x-amz-server-side-encryption-context shall be Base64-encoded UTF-8 string "
            "holding JSON which represents a string-string map",
            ArgumentName=KMS_CONTEXT,
            ArgumentValue=context[:256],
        )


def parse_customer_key(headers: Mapping[str, str], prefix: str = CUSTOMER) -> bytes:
    """The key that a request brings (32 bytes), empty when it brings none. ``prefix`` is
    ``COPY_CUSTOMER`` for that of a copy's source.

    Raises ``InvalidArgument``, ``InvalidEncryptionAlgorithmError``; none of them quotes a key.
    """
    algorithm = headers.get(f"{prefix}algorithm")
    text = headers.get(f"{prefix}key")
    digest = headers.get(f"{prefix}key-md5")
    if algorithm is None and text is None and digest is None:
        return b""
    must = "Requests specifying Server Side Encryption with Customer provided keys must provide "
    if algorithm is None:
        raise _invalid(f"{must}a valid encryption algorithm.", prefix)
    if algorithm != SSE_S3:
        raise InvalidEncryptionAlgorithmError(
            "The encryption request you specified is not valid. Supported value: AES256.",
            ArgumentName=f"{prefix}algorithm",
            ArgumentValue=algorithm[:256],
        )
    if text is None:
        raise _invalid(f"{must}an appropriate secret key.", prefix)
    if digest is None:
        raise _invalid(f"{must}the client calculated MD5 of the secret key.", prefix)
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise _invalid("The secret key was invalid for the specified algorithm.", prefix)
    if not hmac.compare_digest(key_md5(key).encode(), digest.encode("latin-1")):
        raise _invalid(
            "The calculated MD5 hash of the key did not match the hash that was provided.", prefix
        )
    if prefix == CUSTOMER and SSE in headers:
        raise InvalidArgument(
            "Server Side Encryption with Customer provided key is incompatible with the encryption "
            "method specified",
            ArgumentName=SSE,
            ArgumentValue=headers[SSE][:256],
        )
    return key


def key_md5(key: bytes) -> str:
    """The MD5 (base64) by which requests and answers name a customer's key."""
    return base64.b64encode(hashlib.md5(key, usedforsecurity=False).digest()).decode("ascii")


def _invalid(message: str, prefix: str) -> InvalidArgument:
    return InvalidArgument(message, ArgumentName=f"{prefix}algorithm", ArgumentValue="null")


def key_name(key_id: str, region: str) -> str | None:
    """The keyring's name of a KMS key that a request names by its name, its alias or its ARN; empty
    for the store's own key, None for what cannot be one of this store.

    https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id
    """
    arn = f"arn:aws:kms:{region}:{KEY_ACCOUNT}:"
    name = key_id.removeprefix("alias/")
    if key_id.startswith("arn:"):
        if not key_id.startswith((f"{arn}key/", f"{arn}alias/")):
            return None
        name = key_id.removeprefix(arn).partition("/")[2]
    if name == MANAGED_KEY or not key_id:
        return ""
    return name if KEY_NAME.fullmatch(name) else None


def canonical_key(key_id: str, region: str) -> str:
    """A KMS key as policies compare it: its ARN however a request spells it, and the text itself
    when it can name no key of this store."""
    name = key_name(key_id, region)
    return key_id if name is None else key_arn(name, region)


def key_arn(name: str, region: str) -> str:
    """The ARN by which answers name a key of the keyring."""
    return f"arn:aws:kms:{region}:{KEY_ACCOUNT}:key/{name or MANAGED_KEY}"
