"""Server-side encryption as boto3 asks for it, on a server that has keys."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.conformance.encrypted import (
    FILE,
    INLINE,
    MARKER,
    MIB,
    ONE,
    TWO,
    World,
    arn,
    customer,
    encoded,
    encrypted_world,
    files_with,
    kms,
    md5_of,
    refused,
    source_customer,
)
from tests.processes import ServerProcess, boto3_client, make_key
from z4tw.testing.server import LocalServer

BODIES = {"inline": INLINE, "file": FILE, "empty": b""}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    data = tmp_path_factory.mktemp("encrypted") / "data"
    with encrypted_world(data, "--workers", "2") as made:
        yield made


@pytest.fixture
def bucket(world: World) -> str:
    return world.bucket()


def upload(s3: Any, bucket: str, key: str, parts: list[bytes], **asked: Any) -> dict[str, Any]:
    """A multipart upload; the answer to its completion."""
    same = {name: value for name, value in asked.items() if "Customer" in name}
    made = s3.create_multipart_upload(Bucket=bucket, Key=key, **asked)
    names = {"Bucket": bucket, "Key": key, "UploadId": made["UploadId"]}
    listed = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(**names, PartNumber=number, Body=part, **same)["ETag"],
        }
        for number, part in enumerate(parts, 1)
    ]
    done: dict[str, Any] = s3.complete_multipart_upload(
        **names, MultipartUpload={"Parts": listed}, **same
    )
    return done


# SSE-S3


@pytest.mark.parametrize("key", BODIES)
def test_every_answer_says_that_the_server_encrypts(world: World, bucket: str, key: str) -> None:
    s3, body = world.s3, BODIES[key]
    put = s3.put_object(Bucket=bucket, Key=key, Body=body, ServerSideEncryption="AES256")
    assert put["ServerSideEncryption"] == "AES256"
    assert s3.head_object(Bucket=bucket, Key=key)["ServerSideEncryption"] == "AES256"
    got = s3.get_object(Bucket=bucket, Key=key)
    assert (got["ServerSideEncryption"], got["Body"].read()) == ("AES256", body)
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/{key}")
    assert copied["ServerSideEncryption"] == "AES256"
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == body


def test_a_store_with_keys_encrypts_what_asks_for_nothing(world: World, bucket: str) -> None:
    assert (
        world.s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ServerSideEncryption"] == "AES256"
    )
    rules = world.s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    assert rules["Rules"][0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_parts_are_encrypted_too(world: World, bucket: str) -> None:
    parts = [MARKER * (5 * MIB // len(MARKER) + 1), MARKER]
    done = upload(world.s3, bucket, "k", parts, ServerSideEncryption="AES256")
    assert done["ServerSideEncryption"] == "AES256"
    assert world.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"".join(parts)
    assert files_with(world.server.data, MARKER[:24]) == []


@pytest.mark.parametrize(
    ("status", "code", "asked"),
    [
        (400, "InvalidArgument", {"ServerSideEncryption": "AES512"}),
        (501, "NotImplemented", {"ServerSideEncryption": "aws:kms:dsse"}),
        (400, "InvalidArgument", {"SSEKMSKeyId": "orders"}),
        (400, "InvalidArgument", {"ServerSideEncryption": "AES256", "SSEKMSKeyId": "orders"}),
        (400, "InvalidArgument", {"ServerSideEncryption": "AES256", **customer()}),
        (
            400,
            "InvalidArgument",
            {"ServerSideEncryption": "aws:kms", "SSEKMSEncryptionContext": "x"},
        ),
        (400, "KMS.NotFoundException", {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "none"}),
        (400, "KMS.NotFoundException", {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "a/b"}),
        (
            400,
            "KMS.NotFoundException",
            {
                "ServerSideEncryption": "aws:kms",
                "SSEKMSKeyId": "arn:aws:kms:eu-west-1:000000000000:key/orders",
            },
        ),
        (
            400,
            "KMS.DisabledException",
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "frozen"},
        ),
    ],
)
def test_what_cannot_be_had_is_refused_by_every_write(
    world: World, bucket: str, status: int, code: str, asked: dict[str, Any]
) -> None:
    s3 = world.s3
    s3.put_object(Bucket=bucket, Key="there", Body=b"x")
    refused(status, code, s3.put_object, Bucket=bucket, Key="k", Body=b"x", **asked)
    refused(status, code, s3.create_multipart_upload, Bucket=bucket, Key="k", **asked)
    source = f"{bucket}/there"
    refused(status, code, s3.copy_object, Bucket=bucket, Key="k", CopySource=source, **asked)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="k")


# SSE-KMS


@pytest.mark.parametrize("named", ["orders", "alias/orders", arn("orders")])
def test_a_named_key(world: World, bucket: str, named: str) -> None:
    s3 = world.s3
    context = base64.b64encode(json.dumps({"shop": "one"}).encode()).decode()
    asked = kms(named, SSEKMSEncryptionContext=context, BucketKeyEnabled=True)
    for key, body in BODIES.items():
        put = s3.put_object(Bucket=bucket, Key=key, Body=body, **asked)
        assert put["SSEKMSEncryptionContext"] == context
        got = s3.get_object(Bucket=bucket, Key=key)
        assert got["Body"].read() == body
        for answer in (put, got, s3.head_object(Bucket=bucket, Key=key)):
            assert answer["ServerSideEncryption"] == "aws:kms"
            assert answer["SSEKMSKeyId"] == arn("orders")
            assert answer["BucketKeyEnabled"] is True


def test_the_managed_key_is_the_stores_own(world: World, bucket: str) -> None:
    managed = "arn:aws:kms:us-east-1:000000000000:key/aws/s3"
    put = world.s3.put_object(Bucket=bucket, Key="k", Body=FILE, ServerSideEncryption="aws:kms")
    assert put["SSEKMSKeyId"] == managed
    assert world.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == FILE


def test_a_multipart_object_with_a_named_key(world: World, bucket: str) -> None:
    parts = [MARKER * (5 * MIB // len(MARKER) + 1), MARKER]
    asked = kms("bills")
    done = upload(world.s3, bucket, "k", parts, **asked)
    assert (done["ServerSideEncryption"], done["SSEKMSKeyId"]) == ("aws:kms", arn("bills"))
    got = world.s3.get_object(Bucket=bucket, Key="k", Range="bytes=5242800-5242990")
    assert got["Body"].read() == b"".join(parts)[5242800:5242991]
    copied = world.s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k", **asked)
    assert copied["CopyObjectResult"]["ETag"] == done["ETag"]


# The default encryption of buckets


def rule(**default: Any) -> dict[str, Any]:
    more = {name: default.pop(name) for name in list(default) if name.startswith(("Bu", "Bl"))}
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": default, **more}]}


def test_a_buckets_default_is_for_what_asks_for_nothing(world: World, bucket: str) -> None:
    s3 = world.s3
    wanted = rule(SSEAlgorithm="aws:kms", KMSMasterKeyID=arn("bills"), BucketKeyEnabled=True)
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=wanted)
    told = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    assert told == wanted
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert (put["SSEKMSKeyId"], put["BucketKeyEnabled"]) == (arn("bills"), True)
    explicit = s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="AES256")
    assert (explicit["ServerSideEncryption"], "SSEKMSKeyId" in explicit) == ("AES256", False)
    assert upload(s3, bucket, "m", [b"x"])["SSEKMSKeyId"] == arn("bills")
    s3.delete_bucket_encryption(Bucket=bucket)
    s3.delete_bucket_encryption(Bucket=bucket)
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ServerSideEncryption"] == "AES256"


def test_a_default_with_a_key_that_is_not_there_fails_the_writes(world: World, bucket: str) -> None:
    s3 = world.s3
    wanted = rule(SSEAlgorithm="aws:kms", KMSMasterKeyID="none")
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=wanted)
    refused(400, "KMS.NotFoundException", s3.put_object, Bucket=bucket, Key="k", Body=b"x")


def test_a_bucket_can_block_customers_keys(world: World, bucket: str) -> None:
    s3 = world.s3
    s3.put_object(Bucket=bucket, Key="old", Body=b"x", **customer())
    wanted = rule(SSEAlgorithm="AES256", BlockedEncryptionTypes={"EncryptionType": ["SSE-C"]})
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=wanted)
    told = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    assert told["Rules"][0]["BlockedEncryptionTypes"] == {"EncryptionType": ["SSE-C"]}
    where = {"Bucket": bucket, "Key": "new"}
    refused(403, "AccessDenied", s3.put_object, **where, Body=b"x", **customer())
    refused(403, "AccessDenied", s3.create_multipart_upload, **where, **customer())
    source = {"CopySource": f"{bucket}/old", **source_customer()}
    refused(403, "AccessDenied", s3.copy_object, **where, **source, **customer())
    assert s3.get_object(Bucket=bucket, Key="old", **customer())["Body"].read() == b"x"


# SSE-C


@pytest.mark.parametrize("key", BODIES)
def test_a_customers_key(world: World, bucket: str, key: str) -> None:
    s3, body = world.s3, BODIES[key]
    where = {"Bucket": bucket, "Key": key}
    put = s3.put_object(**where, Body=body, **customer())
    got = s3.get_object(**where, **customer())
    assert got["Body"].read() == body
    head = s3.head_object(**where, **customer())
    assert head["ContentLength"] == len(body)
    for answer in (put, got, head):
        assert answer["SSECustomerAlgorithm"] == "AES256"
        assert answer["SSECustomerKeyMD5"] == md5_of(ONE)
        assert "ServerSideEncryption" not in answer
    plain = s3.put_object(Bucket=bucket, Key="plain", Body=body)
    assert put["ETag"] != plain["ETag"]
    assert s3.put_object(**where, Body=body, **customer())["ETag"] != put["ETag"]


def test_without_the_right_key_nothing_is_given_out(world: World, bucket: str) -> None:
    s3 = world.s3
    for key, body in BODIES.items():
        where = {"Bucket": bucket, "Key": key}
        s3.put_object(**where, Body=body, **customer())
        message = refused(400, "InvalidRequest", s3.get_object, **where)
        assert message == (
            "The object was stored using a form of Server Side Encryption. The correct parameters "
            "must be provided to retrieve the object."
        )
        refused(403, "AccessDenied", s3.get_object, **where, **customer(TWO))
        refused(400, "400", s3.head_object, **where)
        refused(403, "403", s3.head_object, **where, **customer(TWO))
        asked = {"ObjectAttributes": ["ETag"]}
        refused(400, "InvalidRequest", s3.get_object_attributes, **where, **asked)
        refused(403, "AccessDenied", s3.get_object_attributes, **where, **asked, **encoded(TWO))
        assert s3.get_object_attributes(**where, **asked, **encoded())["ETag"]
    s3.put_object(Bucket=bucket, Key="open", Body=b"x")
    refused(400, "InvalidRequest", s3.get_object, Bucket=bucket, Key="open", **customer())


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("InvalidArgument", {**encoded(), "SSECustomerKeyMD5": md5_of(TWO)}),
        ("InvalidArgument", customer(b"short")),
        ("InvalidEncryptionAlgorithmError", {**customer(), "SSECustomerAlgorithm": "AES128"}),
    ],
)
def test_malformed_keys(world: World, bucket: str, code: str, asked: dict[str, Any]) -> None:
    refused(400, code, world.s3.put_object, Bucket=bucket, Key="k", Body=b"x", **asked)


def test_a_multipart_object_with_a_customers_key(world: World, bucket: str) -> None:
    s3 = world.s3
    parts = [MARKER * (5 * MIB // len(MARKER) + 1), MARKER]
    upload(s3, bucket, "k", parts, **customer())
    whole = b"".join(parts)
    for first, last in ((0, 10), (5 * MIB - 9, 5 * MIB + 70), (len(whole) - 5, len(whole) - 1)):
        got = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={first}-{last}", **customer())
        assert got["Body"].read() == whole[first : last + 1]
    got = s3.get_object(Bucket=bucket, Key="k", PartNumber=2, **customer())
    assert got["Body"].read() == parts[1]
    refused(403, "AccessDenied", s3.get_object, Bucket=bucket, Key="k", **customer(TWO))
    assert files_with(world.server.data, MARKER[:24]) == []


def test_parts_take_the_uploads_key(world: World, bucket: str) -> None:
    s3 = world.s3
    where = {"Bucket": bucket, "Key": "k"}
    made = s3.create_multipart_upload(**where, **customer())
    assert made["SSECustomerKeyMD5"] == md5_of(ONE)
    part = {**where, "UploadId": made["UploadId"], "PartNumber": 1}
    refused(400, "InvalidRequest", s3.upload_part, **part, Body=b"x")
    refused(400, "InvalidRequest", s3.upload_part, **part, Body=b"x", **customer(TWO))
    s3.put_object(Bucket=bucket, Key="source", Body=FILE, **customer(TWO))
    source = {"CopySource": f"{bucket}/source"}
    refused(400, "InvalidRequest", s3.upload_part_copy, **part, **source, **customer())
    refused(
        403,
        "AccessDenied",
        s3.upload_part_copy,
        **part,
        **source,
        **customer(),
        **source_customer(),
    )
    copied = s3.upload_part_copy(**part, **source, **customer(), **source_customer(TWO))
    done = s3.complete_multipart_upload(
        **where,
        UploadId=made["UploadId"],
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]}]},
    )
    assert done["ETag"]
    assert s3.get_object(**where, **customer())["Body"].read() == FILE
    plain = s3.create_multipart_upload(Bucket=bucket, Key="p")["UploadId"]
    part = {"Bucket": bucket, "Key": "p", "UploadId": plain, "PartNumber": 1}
    refused(400, "InvalidRequest", s3.upload_part, **part, Body=b"x", **customer())


@pytest.mark.parametrize("key", BODIES)
def test_copies_between_kinds_of_encryption(world: World, bucket: str, key: str) -> None:
    s3, body = world.s3, BODIES[key]
    s3.put_object(Bucket=bucket, Key="from", Body=body, **customer())
    copy = {"Bucket": bucket, "CopySource": f"{bucket}/from"}
    refused(400, "InvalidRequest", s3.copy_object, **copy, Key="k")
    refused(403, "AccessDenied", s3.copy_object, **copy, Key="k", **source_customer(TWO))
    kinds: dict[str, dict[str, Any]] = {
        "server": {},
        "named": kms("bills"),
        "same": customer(),
        "other": customer(TWO),
    }
    for name, asked in kinds.items():
        s3.copy_object(**copy, Key=name, **source_customer(), **asked)
        opened = {k: v for k, v in asked.items() if "Customer" in k}
        assert s3.get_object(Bucket=bucket, Key=name, **opened)["Body"].read() == body
    refused(403, "AccessDenied", s3.get_object, Bucket=bucket, Key="other", **customer())
    s3.delete_object(Bucket=bucket, Key="from")
    assert s3.get_object(Bucket=bucket, Key="same", **customer())["Body"].read() == body
    assert s3.head_object(Bucket=bucket, Key="named")["SSEKMSKeyId"] == arn("bills")


def test_a_copy_onto_itself_may_change_the_encryption(world: World, bucket: str) -> None:
    s3 = world.s3
    put = s3.put_object(Bucket=bucket, Key="k", Body=FILE)
    itself = {"Bucket": bucket, "Key": "k", "CopySource": f"{bucket}/k"}
    refused(400, "InvalidRequest", s3.copy_object, **itself)
    named = kms("orders")
    assert s3.copy_object(**itself, **named)["SSEKMSKeyId"] == arn("orders")
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["ETag"]) == (FILE, put["ETag"])


def test_a_customers_key_over_tls() -> None:
    """What travels without TLS, and not on the loopback interface, is refused: see tests/ops."""
    with LocalServer(("--tls", "self-signed")) as server:
        s3 = boto3.client(
            "s3",
            endpoint_url=server.endpoint_url,
            aws_access_key_id=server.access_key_id,
            aws_secret_access_key=server.secret_access_key,
            region_name=server.region,
            verify=str(server.data / "_z4meta" / "tls.crt"),
        )
        where = {"Bucket": server.make_bucket(), "Key": "k"}
        s3.put_object(**where, Body=FILE, **customer())
        assert s3.get_object(**where, **customer())["Body"].read() == FILE
        refused(403, "AccessDenied", s3.get_object, **where, **customer(TWO))


def test_a_customers_key_is_neither_stored_nor_logged(world: World, bucket: str) -> None:
    secret = bytes(range(100, 132))
    s3 = world.s3
    for name, body in BODIES.items():
        s3.put_object(Bucket=bucket, Key=name, Body=body, **customer(secret))
        s3.get_object(Bucket=bucket, Key=name, **customer(secret))["Body"].read()
    refused(
        400, "InvalidArgument", s3.get_object, Bucket=bucket, Key="file",
        **{**encoded(secret), "SSECustomerKeyMD5": "wrong"},
    )  # fmt: skip
    folder = world.server.data.parent
    for form in (secret, base64.b64encode(secret), secret.hex().encode(), md5_of(secret).encode()):
        assert files_with(folder, form) == []


def test_a_server_without_keys_says_so(tmp_path: Any) -> None:
    data = tmp_path / "data"
    key = make_key(data, "alice")
    with ServerProcess(data) as server:
        s3 = boto3_client(server, key)
        s3.create_bucket(Bucket="bucket")
        where = {"Bucket": "bucket", "Key": "k", "Body": FILE}
        message = refused(
            501, "NotImplemented", s3.put_object, **where, ServerSideEncryption="AES256"
        )
        assert "Z4_ENCRYPTION_KEY" in message
        refused(
            501, "NotImplemented", s3.put_bucket_encryption, Bucket="bucket",
            ServerSideEncryptionConfiguration=rule(SSEAlgorithm="AES256"),
        )  # fmt: skip
        refused(
            404, "ServerSideEncryptionConfigurationNotFoundError",
            s3.get_bucket_encryption, Bucket="bucket",
        )  # fmt: skip
        s3.put_object(**where, **customer())
        assert s3.get_object(Bucket="bucket", Key="k", **customer())["Body"].read() == FILE
        assert files_with(data, MARKER[:24]) == []


# UpdateObjectEncryption


def to_key(name: str, **more: Any) -> dict[str, Any]:
    return {"ObjectEncryption": {"SSEKMS": {"KMSKeyArn": arn(name), **more}}}


def test_another_key_without_moving_a_byte(world: World, bucket: str) -> None:
    s3 = world.s3
    parts = [MARKER * (5 * MIB // len(MARKER) + 1), MARKER]
    bodies = {**BODIES, "parts": b"".join(parts)}
    for key, body in BODIES.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    upload(s3, bucket, "parts", parts)
    files = sorted(world.server.data.glob(f"{bucket}/*/*/*"))
    for key, body in bodies.items():
        before = s3.head_object(Bucket=bucket, Key=key)
        s3.copy_object(Bucket=bucket, Key=f"{key}-copy", CopySource=f"{bucket}/{key}")
        for name in ("orders", "bills"):
            s3.update_object_encryption(
                Bucket=bucket, Key=key, **to_key(name, BucketKeyEnabled=True)
            )
            got = s3.get_object(Bucket=bucket, Key=key)
            assert got["Body"].read() == body
            assert (got["SSEKMSKeyId"], got["BucketKeyEnabled"]) == (arn(name), True)
            assert (got["ETag"], got["LastModified"]) == (before["ETag"], before["LastModified"])
        copy = s3.get_object(Bucket=bucket, Key=f"{key}-copy")
        assert (copy["ServerSideEncryption"], copy["Body"].read()) == ("AES256", body)
        shared = s3.copy_object(
            Bucket=bucket, Key=f"{key}-again", CopySource=f"{bucket}/{key}", **kms("bills")
        )
        assert shared["SSEKMSKeyId"] == arn("bills")
        assert s3.get_object(Bucket=bucket, Key=f"{key}-again")["Body"].read() == body
    assert sorted(world.server.data.glob(f"{bucket}/*/*/*")) == files


def test_what_update_object_encryption_refuses(world: World, bucket: str) -> None:
    s3 = world.s3
    where = {"Bucket": bucket, "Key": "k"}
    refused(404, "NoSuchKey", s3.update_object_encryption, **where, **to_key("orders"))
    s3.put_object(**where, Body=b"x")
    update = s3.update_object_encryption
    refused(400, "KMS.NotFoundException", update, **where, **to_key("none"))
    refused(400, "KMS.DisabledException", update, **where, **to_key("frozen"))
    asked = {"ObjectEncryption": {"SSEKMS": {"KMSKeyArn": "orders-and-nothing-else"}}}
    refused(400, "InvalidRequest", update, **where, **asked)
    s3.put_object(**where, Body=b"x", **customer())
    refused(400, "InvalidRequest", update, **where, **to_key("orders"))


def test_a_policy_can_demand_a_key(world: World, bucket: str) -> None:
    s3 = world.s3
    name = "s3:x-amz-server-side-encryption-aws-kms-key-id"
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"StringNotEquals": {name: arn("orders")}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    where = {"Bucket": bucket, "Key": "k", "Body": b"x"}
    for asked in ({}, {"ServerSideEncryption": "AES256"}, kms(arn("bills")), customer()):
        refused(403, "AccessDenied", s3.put_object, **where, **asked)
    for spelled in (arn("orders"), "alias/orders", "orders"):
        assert s3.put_object(**where, **kms(spelled))["SSEKMSKeyId"] == arn("orders")
