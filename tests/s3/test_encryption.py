"""The headers of encryption."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw import errors
from z4tw.errors import InvalidArgument, S3Error
from z4tw.s3.encryption import (
    BUCKET_KEY,
    COPY_CUSTOMER,
    CUSTOMER,
    KMS_CONTEXT,
    KMS_KEY,
    SSE,
    Wish,
    canonical_key,
    key_arn,
    key_name,
    parse_bucket_key,
    parse_customer_key,
    parse_wish,
)

KEY = bytes(range(32))
REGION = "us-east-1"


def customer(secret: bytes = KEY, prefix: str = CUSTOMER, **changed: str | None) -> dict[str, str]:
    headers: dict[str, Any] = {
        "algorithm": "AES256",
        "key": base64.b64encode(secret).decode(),
        "key-md5": base64.b64encode(hashlib.md5(secret).digest()).decode(),
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    return {prefix + name: value for name, value in headers.items() if value is not None}


def context(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def test_what_a_write_asks_for() -> None:
    assert parse_wish({}) is None
    assert parse_wish({SSE: "AES256"}) == Wish("AES256")
    assert parse_wish({SSE: "AES256", BUCKET_KEY: "true"}) == Wish("AES256", bucket_key=True)
    asked = {SSE: "aws:kms", KMS_KEY: "k", KMS_CONTEXT: context({"a": "b"}), BUCKET_KEY: "False"}
    assert parse_wish(asked) == Wish("aws:kms", "k", context({"a": "b"}), False)
    assert parse_wish({SSE: "aws:kms"}) == Wish("aws:kms")


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({SSE: ""}, InvalidArgument),
        ({SSE: "aes256"}, InvalidArgument),
        ({SSE: "aws:kms:dsse"}, errors.NotImplemented),
        ({SSE: "aws:fsx"}, errors.NotImplemented),
        ({KMS_KEY: "k"}, InvalidArgument),
        ({KMS_CONTEXT: context({})}, InvalidArgument),
        ({SSE: "AES256", KMS_KEY: "k"}, InvalidArgument),
        ({SSE: "AES256", KMS_CONTEXT: context({})}, InvalidArgument),
        ({SSE: "aws:kms", BUCKET_KEY: "yes"}, InvalidArgument),
        ({SSE: "aws:kms", KMS_CONTEXT: "{}"}, InvalidArgument),
        ({SSE: "aws:kms", KMS_CONTEXT: context([])}, InvalidArgument),
        ({SSE: "aws:kms", KMS_CONTEXT: context({"a": 1})}, InvalidArgument),
        ({SSE: "aws:kms", KMS_CONTEXT: context({"a": "b" * 9000})}, InvalidArgument),
        (
            {SSE: "aws:kms", KMS_CONTEXT: base64.b64encode(b"[" * 6000).decode()},
            InvalidArgument,
        ),
    ],
)
def test_wishes_that_make_no_sense(headers: dict[str, str], error: type[S3Error]) -> None:
    with pytest.raises(error):
        parse_wish(headers)


def test_the_bucket_key_header() -> None:
    assert parse_bucket_key({}) is None
    assert parse_bucket_key({BUCKET_KEY: "TRUE"}) is True
    with pytest.raises(InvalidArgument):
        parse_bucket_key({BUCKET_KEY: "1"})


@pytest.mark.parametrize("prefix", [CUSTOMER, COPY_CUSTOMER])
def test_a_customers_key(prefix: str) -> None:
    assert parse_customer_key({}, prefix) == b""
    assert parse_customer_key(customer(prefix=prefix), prefix) == KEY


@pytest.mark.parametrize(
    ("headers", "code", "message"),
    [
        (customer(algorithm=None), "InvalidArgument", "valid encryption algorithm"),
        (customer(algorithm="AES128"), "InvalidEncryptionAlgorithmError", "AES256"),
        (customer(key=None), "InvalidArgument", "appropriate secret key"),
        (customer(key_md5=None), "InvalidArgument", "client calculated MD5"),
        (customer(algorithm=None, key=None), "InvalidArgument", "valid encryption algorithm"),
        (customer(b"short"), "InvalidArgument", "secret key was invalid"),
        (customer(KEY + KEY), "InvalidArgument", "secret key was invalid"),
        (customer(key="!" * 44), "InvalidArgument", "secret key was invalid"),
        (customer(key="\xe9" * 44), "InvalidArgument", "secret key was invalid"),
        (customer(key_md5="AAAA"), "InvalidArgument", "calculated MD5 hash"),
        (customer(key_md5="\xe9"), "InvalidArgument", "calculated MD5 hash"),
        ({**customer(), SSE: "AES256"}, "InvalidArgument", "incompatible"),
    ],
)
def test_keys_that_make_no_sense(headers: dict[str, str], code: str, message: str) -> None:
    with pytest.raises(S3Error, match=message) as caught:
        parse_customer_key(headers)
    assert caught.value.code == code
    shown = f"{caught.value.message} {caught.value.details}"
    assert base64.b64encode(KEY).decode() not in shown


def test_a_keys_names() -> None:
    arn = key_arn("orders", REGION)
    assert arn == "arn:aws:kms:us-east-1:000000000000:key/orders"
    own = key_arn("", REGION)
    assert own == "arn:aws:kms:us-east-1:000000000000:key/aws/s3"
    for text in ("orders", "alias/orders", arn, arn.replace("key/", "alias/")):
        assert key_name(text, REGION) == "orders"
    for text in ("", "aws/s3", "alias/aws/s3", own, own.replace("key/", "alias/")):
        assert key_name(text, REGION) == ""


@pytest.mark.parametrize(
    "text",
    [
        "a/b", "alias/", "a b", "x" * 65, "aws/s4", "\n", "orders\n", "key/orders",
        "arn:aws:kms:eu-west-1:000000000000:key/orders",
        "arn:aws:kms:us-east-1:111122223333:key/orders",
        "arn:aws:kms:us-east-1:000000000000:orders",
        "arn:aws:s3:us-east-1:000000000000:key/orders",
    ],
)  # fmt: skip
def test_what_cannot_name_a_key(text: str) -> None:
    assert key_name(text, REGION) is None


def test_a_key_is_compared_by_its_arn() -> None:
    arn = key_arn("orders", REGION)
    for text in ("orders", "alias/orders", arn, arn.replace("key/", "alias/")):
        assert canonical_key(text, REGION) == arn
    assert canonical_key("", REGION) == key_arn("", REGION)
    assert canonical_key("a/b", REGION) == "a/b"


@given(name=st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True))
def test_every_name_comes_back_from_its_arn(name: str) -> None:
    assert key_name(key_arn(name, REGION), REGION) == name
