"""The documents of encryption."""

from __future__ import annotations

import pytest

from z4tw.errors import S3Error
from z4tw.s3.encryption import Wish
from z4tw.s3.encryption_xml import (
    EncryptionRule,
    encryption_document,
    parse_encryption,
    parse_object_encryption,
)

ROOT = "ServerSideEncryptionConfiguration"
DEFAULT = "ApplyServerSideEncryptionByDefault"


def rule(inner: str) -> bytes:
    return f"<{ROOT}><Rule>{inner}</Rule></{ROOT}>".encode()


def default(inner: str) -> bytes:
    return rule(f"<{DEFAULT}>{inner}</{DEFAULT}>")


def blocked(*types: str) -> str:
    inner = "".join(f"<EncryptionType>{name}</EncryptionType>" for name in types)
    return f"<BlockedEncryptionTypes>{inner}</BlockedEncryptionTypes>"


AES = "<SSEAlgorithm>AES256</SSEAlgorithm>"
KMS = "<SSEAlgorithm>aws:kms</SSEAlgorithm>"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (default(AES), EncryptionRule(Wish("AES256"))),
        (
            default(f"{KMS}<KMSMasterKeyID>k</KMSMasterKeyID>"),
            EncryptionRule(Wish("aws:kms", "k")),
        ),
        (
            rule(f"<{DEFAULT}>{KMS}</{DEFAULT}><BucketKeyEnabled>true</BucketKeyEnabled>"),
            EncryptionRule(Wish("aws:kms", bucket_key=True)),
        ),
        (rule(blocked("SSE-C")), EncryptionRule(None, ("SSE-C",))),
        (
            rule(f"<{DEFAULT}>{AES}</{DEFAULT}>{blocked('NONE')}"),
            EncryptionRule(Wish("AES256"), ("NONE",)),
        ),
    ],
)
def test_configurations(body: bytes, expected: EncryptionRule) -> None:
    found = parse_encryption(body)
    assert found == expected
    assert found.blocks_customer_keys == ("SSE-C" in expected.blocked)
    again = parse_encryption(encryption_document(found))
    wish = found.wish and found.wish._replace(bucket_key=bool(found.wish.bucket_key))
    assert again == found._replace(wish=wish)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MissingRequestBodyError"),
        (b"<a/>", "MalformedXML"),
        (f"<{ROOT}/>".encode(), "MalformedXML"),
        (f"<{ROOT}><Rule/><Rule/></{ROOT}>".encode(), "MalformedXML"),
        (rule(""), "MalformedXML"),
        (rule("<BucketKeyEnabled>true</BucketKeyEnabled>"), "MalformedXML"),
        (rule(f"<{DEFAULT}>{AES}</{DEFAULT}>" * 2), "MalformedXML"),
        (default(""), "MalformedXML"),
        (default("<SSEAlgorithm>DES</SSEAlgorithm>"), "MalformedXML"),
        (default("<SSEAlgorithm>aws:other</SSEAlgorithm>"), "InvalidArgument"),
        (default("<SSEAlgorithm>aws:kms:dsse</SSEAlgorithm>"), "NotImplemented"),
        (default(f"{AES}<KMSMasterKeyID>k</KMSMasterKeyID>"), "InvalidArgument"),
        (default(f"{KMS}<KMSMasterKeyID>{'k' * 3000}</KMSMasterKeyID>"), "MalformedXML"),
        (default(f"<SSEAlgorithm>{AES}</SSEAlgorithm>"), "MalformedXML"),
        (
            rule(f"<{DEFAULT}>{AES}</{DEFAULT}><BucketKeyEnabled>1</BucketKeyEnabled>"),
            "MalformedXML",
        ),
        (rule(blocked()), "MalformedXML"),
        (rule(blocked("SSE-S3")), "MalformedXML"),
        (rule(blocked("SSE-C", "SSE-C")), "MalformedXML"),
        (rule(blocked("SSE-C", "NONE")), "MalformedXML"),
        (rule("<BlockedEncryptionTypes><Other/></BlockedEncryptionTypes>"), "MalformedXML"),
    ],
)
def test_configurations_that_are_none(body: bytes, code: str) -> None:
    with pytest.raises(S3Error) as caught:
        parse_encryption(body)
    assert caught.value.code == code


ARN = "arn:aws:kms:us-east-1:000000000000:key/orders"


def to_kms(inner: str) -> bytes:
    return f"<ObjectEncryption><SSE-KMS>{inner}</SSE-KMS></ObjectEncryption>".encode()


def test_an_objects_new_key() -> None:
    key = f"<KMSKeyArn>{ARN}</KMSKeyArn>"
    assert parse_object_encryption(to_kms(key)) == Wish("aws:kms", ARN, bucket_key=False)
    asked = to_kms(f"{key}<BucketKeyEnabled>true</BucketKeyEnabled>")
    assert parse_object_encryption(asked) == Wish("aws:kms", ARN, bucket_key=True)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MissingRequestBodyError"),
        (b"<a/>", "MalformedXML"),
        (b"<ObjectEncryption/>", "InvalidRequest"),
        (b"<ObjectEncryption><SSE-S3/></ObjectEncryption>", "InvalidRequest"),
        (b"<ObjectEncryption><Other/></ObjectEncryption>", "MalformedXML"),
        (to_kms(""), "InvalidRequest"),
        (to_kms("<KMSKeyArn>orders</KMSKeyArn>"), "InvalidRequest"),
        (to_kms(f"<KMSKeyArn>{ARN.replace('key/', 'alias/')}</KMSKeyArn>"), "InvalidRequest"),
        (to_kms(f"<KMSKeyArn>{ARN}{'x' * 3000}</KMSKeyArn>"), "InvalidRequest"),
        (
            to_kms(f"<KMSKeyArn>{ARN}</KMSKeyArn><BucketKeyEnabled>x</BucketKeyEnabled>"),
            "MalformedXML",
        ),
    ],
)
def test_new_keys_that_are_none(body: bytes, code: str) -> None:
    with pytest.raises(S3Error) as caught:
        parse_object_encryption(body)
    assert caught.value.code == code
