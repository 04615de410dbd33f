"""boto3: objects, metadata, ranges, conditions, copies, tags."""

from __future__ import annotations

import base64
import datetime
import hashlib
import io
import os
from collections.abc import Callable
from typing import Any

import pytest
import xxhash
from botocore.exceptions import ClientError

BIG = os.urandom(300_000)


def code_of(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("body", [b"", b"x" * 1024, BIG], ids=["empty", "inline", "file"])
def test_an_object_comes_back_as_it_was_put(s3: Any, bucket: str, body: bytes) -> None:
    put = s3.put_object(
        Bucket=bucket,
        Key="a/b",
        Body=body,
        ContentType="text/x",
        Metadata={"colour": "blue"},
        CacheControl="no-store",
    )
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="a/b")
    assert got["Body"].read() == body
    assert got["ContentLength"] == len(body)
    assert got["ContentType"] == "text/x"
    assert got["Metadata"] == {"colour": "blue"}
    assert got["CacheControl"] == "no-store"
    assert got["ETag"] == put["ETag"]
    age = datetime.datetime.now(datetime.UTC) - got["LastModified"]
    assert abs(age.total_seconds()) < 60
    head = s3.head_object(Bucket=bucket, Key="a/b", ChecksumMode="ENABLED")
    assert head["ContentLength"] == len(body)
    assert head["ChecksumCRC32"] == put["ChecksumCRC32"]


KEYS = [
    "plain",
    "with space",
    "ünï/cödé",
    "a//b",
    "a/../b",
    "./x",
    "plus+sign",
    "per%25cent",
    "per%cent",
    "q?uery=1&x",
    "hash#tag",
    "emoji-😀",
    "x" * 1024,
    "tab\there",
    "quote'\"<>&",
    "trailing/",
    "/leading",
    "=urn:oid:1",
    "~tilde*(star)!",
]


def test_empty_files_and_others_share_a_connection(s3: Any, bucket: str) -> None:
    """Every file is announced with ``Expect``; each answer must be taken for its own request."""
    for number in range(3):
        empty = s3.put_object(Bucket=bucket, Key=f"empty-{number}", Body=io.BytesIO())
        assert empty["ETag"] == '"d41d8cd98f00b204e9800998ecf8427e"'
        full = s3.put_object(Bucket=bucket, Key=f"full-{number}", Body=io.BytesIO(b"hello"))
        assert full["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_kept_to_the_letter(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    listed = s3.list_objects_v2(Bucket=bucket)
    assert [item["Key"] for item in listed["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize(
    ("value", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=65530-65545", 65530, 65546),
        ("bytes=299990-", 299_990, 300_000),
        ("bytes=-5", 299_995, 300_000),
        ("bytes=100-9999999", 100, 300_000),
    ],
)
def test_ranges(s3: Any, bucket: str, value: str, start: int, stop: int) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BIG)
    got = s3.get_object(Bucket=bucket, Key="k", Range=value)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert got["ContentRange"] == f"bytes {start}-{stop - 1}/300000"
    assert got["Body"].read() == BIG[start:stop]


def test_a_range_beyond_the_end_is_refused(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"12345")
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=5-")
    assert code_of(error) == ("InvalidRange", 416)
    assert error.value.response["Error"]["ActualObjectSize"] == "5"


def test_response_headers_can_be_overridden(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    got = s3.get_object(
        Bucket=bucket,
        Key="k",
        ResponseContentType="image/png",
        ResponseContentDisposition='attachment; filename="x"',
    )
    assert got["ContentType"] == "image/png"
    assert got["ContentDisposition"] == 'attachment; filename="x"'


def test_read_conditions(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    s3.get_object(Bucket=bucket, Key="k", IfMatch=etag)
    s3.get_object(Bucket=bucket, Key="k", IfModifiedSince=datetime.datetime(2001, 1, 1))
    for arguments, expected in (
        ({"IfMatch": '"no"'}, ("PreconditionFailed", 412)),
        ({"IfNoneMatch": etag}, ("304", 304)),
        ({"IfModifiedSince": datetime.datetime(2099, 1, 1)}, ("304", 304)),
        ({"IfUnmodifiedSince": datetime.datetime(2001, 1, 1)}, ("PreconditionFailed", 412)),
    ):
        with pytest.raises(ClientError) as error:
            s3.get_object(Bucket=bucket, Key="k", **arguments)
        assert code_of(error) == expected


def test_write_conditions(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    assert code_of(error) == ("PreconditionFailed", 412)
    s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=etag)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=etag)
    assert code_of(error) == ("PreconditionFailed", 412)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="absent", Body=b"3", IfMatch=etag)
    assert code_of(error) == ("NoSuchKey", 404)
    with pytest.raises(ClientError) as error:
        s3.delete_object(Bucket=bucket, Key="k", IfMatch=etag)
    assert code_of(error) == ("PreconditionFailed", 412)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfNoneMatch=etag)
    assert code_of(error) == ("NotImplemented", 501)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
@pytest.mark.parametrize("body", [b"small", BIG], ids=["inline", "file"])
def test_checksums(s3: Any, bucket: str, algorithm: str, body: bytes) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=body, ChecksumAlgorithm=algorithm)
    name = f"Checksum{algorithm}"
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == body
    assert got[name] == put[name]
    assert got["ChecksumType"] == "FULL_OBJECT"
    attributes = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ETag", "Checksum", "ObjectSize", "StorageClass"]
    )
    assert attributes["Checksum"][name] == put[name]
    assert attributes["ObjectSize"] == len(body)
    assert attributes["StorageClass"] == "STANDARD"


NEW_CHECKSUMS: dict[str, Callable[[bytes], Any]] = {
    "MD5": hashlib.md5,
    "SHA512": hashlib.sha512,
    "XXHASH128": xxhash.xxh3_128,
    "XXHASH3": xxhash.xxh3_64,
    "XXHASH64": xxhash.xxh64,
}


@pytest.mark.parametrize("algorithm", sorted(NEW_CHECKSUMS))
@pytest.mark.parametrize("body", [b"small", BIG], ids=["inline", "file"])
def test_checksums_that_the_client_has_computed(
    s3: Any, bucket: str, algorithm: str, body: bytes
) -> None:
    name = f"Checksum{algorithm}"
    value = base64.b64encode(NEW_CHECKSUMS[algorithm](body).digest()).decode()
    wrong = base64.b64encode(NEW_CHECKSUMS[algorithm](b"other").digest()).decode()
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k", Body=body, **{name: wrong})
    assert code_of(error) == ("BadDigest", 400)
    assert s3.put_object(Bucket=bucket, Key="k", Body=body, **{name: value})[name] == value
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head[name], head["ChecksumType"]) == (value, "FULL_OBJECT")
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum"])
    assert attributes["Checksum"][name] == value
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"][0]
    assert listed["ChecksumAlgorithm"] == [algorithm]
    s3.put_object(Bucket=bucket, Key="source", Body=body)
    copied = s3.copy_object(
        Bucket=bucket, Key="copy", CopySource=f"{bucket}/source", ChecksumAlgorithm=algorithm
    )
    assert copied["CopyObjectResult"][name] == value


@pytest.mark.parametrize(
    "arguments",
    [
        {"ContentMD5": "1B2M2Y8AsgTpgAmY7PhCfg=="},
        {"ChecksumSHA256": "4" * 43 + "="},
        {"ChecksumCRC32": "AAAAAA=="},
    ],
    ids=["md5", "sha256", "crc32"],
)
def test_a_wrong_digest_stores_nothing(s3: Any, bucket: str, arguments: Any) -> None:
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k", Body=b"other", **arguments)
    assert code_of(error)[0] in ("BadDigest", "InvalidRequest")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_copies(s3: Any, bucket: str) -> None:
    s3.put_object(
        Bucket=bucket,
        Key="src ö",
        Body=BIG,
        Metadata={"a": "1"},
        ContentType="text/a",
        Tagging="t=1",
    )
    source = {"Bucket": bucket, "Key": "src ö"}
    s3.copy_object(Bucket=bucket, Key="same", CopySource=source)
    same = s3.get_object(Bucket=bucket, Key="same")
    assert (same["Body"].read(), same["Metadata"], same["ContentType"]) == (
        BIG,
        {"a": "1"},
        "text/a",
    )
    assert same["TagCount"] == 1
    s3.copy_object(
        Bucket=bucket,
        Key="new",
        CopySource=source,
        MetadataDirective="REPLACE",
        Metadata={"b": "2"},
        TaggingDirective="REPLACE",
        Tagging="u=2&v=3",
    )
    new = s3.head_object(Bucket=bucket, Key="new")
    assert new["Metadata"] == {"b": "2"}
    assert len(s3.get_object_tagging(Bucket=bucket, Key="new")["TagSet"]) == 2
    s3.delete_object(Bucket=bucket, Key="src ö")
    assert s3.get_object(Bucket=bucket, Key="same")["Body"].read() == BIG


def test_a_copy_onto_itself_needs_a_change(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"a": "1"})
    with pytest.raises(ClientError) as error:
        s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k")
    assert code_of(error) == ("InvalidRequest", 400)
    s3.copy_object(
        Bucket=bucket,
        Key="k",
        CopySource=f"{bucket}/k",
        MetadataDirective="REPLACE",
        Metadata={"mtime": "5"},
    )
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"mtime": "5"}


def test_copy_conditions(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    source = f"{bucket}/k"
    s3.copy_object(Bucket=bucket, Key="c", CopySource=source, CopySourceIfMatch=etag)
    for arguments in (
        {"CopySourceIfMatch": '"no"'},
        {"CopySourceIfNoneMatch": etag},
        {"IfNoneMatch": "*"},
    ):
        with pytest.raises(ClientError) as error:
            s3.copy_object(Bucket=bucket, Key="c", CopySource=source, **arguments)
        assert code_of(error) == ("PreconditionFailed", 412)


def test_deleting_many_keys(s3: Any, bucket: str) -> None:
    keys = [f"k{n:04d}" for n in range(1000)]
    for key in keys[:20]:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    assert len(done["Deleted"]) == 1000
    assert "Errors" not in done
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}], "Quiet": True})
    assert "Deleted" not in quiet


def test_object_tags(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1&b=two%20words")
    tags = s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert {t["Key"]: t["Value"] for t in tags} == {"a": "1", "b": "two words"}
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "c", "Value": "3"}]})
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "c", "Value": "3"}]
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    with pytest.raises(ClientError) as error:
        s3.put_object(
            Bucket=bucket, Key="k", Body=b"x", Tagging="&".join(f"k{n}=v" for n in range(11))
        )
    assert code_of(error)[1] == 400


def test_storage_classes_are_echoed_and_checked(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="STANDARD_IA")
    assert s3.head_object(Bucket=bucket, Key="k")["StorageClass"] == "STANDARD_IA"
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["StorageClass"] == "STANDARD_IA"
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="SHOE_BOX")
    assert code_of(error) == ("InvalidStorageClass", 400)


def test_what_is_not_there(s3: Any, bucket: str) -> None:
    for call in (s3.get_object, s3.get_object_tagging):
        with pytest.raises(ClientError) as error:
            call(Bucket=bucket, Key="absent")
        assert code_of(error) == ("NoSuchKey", 404)
    with pytest.raises(ClientError) as error:
        s3.head_object(Bucket=bucket, Key="absent")
    assert code_of(error) == ("404", 404)
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket="no-such-bucket-here", Key="k")
    assert code_of(error) == ("NoSuchBucket", 404)


@pytest.mark.parametrize(
    "arguments",
    [
        {"ServerSideEncryption": "AES256"},
        {"ServerSideEncryption": "aws:kms:dsse"},
    ],
)
def test_a_header_that_asks_for_what_is_not_there_is_refused(
    s3: Any, bucket: str, arguments: Any
) -> None:
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", **arguments)
    assert code_of(error) == ("NotImplemented", 501)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_deletion_names_the_object_that_it_means(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"four")
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    earlier = modified - datetime.timedelta(seconds=1)
    for wrong in ({"IfMatchSize": 3}, {"IfMatchLastModifiedTime": earlier}, {"IfMatch": '"e"'}):
        with pytest.raises(ClientError) as error:
            s3.delete_object(Bucket=bucket, Key="k", **wrong)
        assert code_of(error) == ("PreconditionFailed", 412)
    wrong = {"Key": "k", "LastModifiedTime": earlier, "Size": 4}
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [wrong]})
    assert [one["Code"] for one in answer["Errors"]] == ["PreconditionFailed"]
    right = {"Key": "k", "LastModifiedTime": modified, "Size": 4}
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [right]})
    assert [one["Key"] for one in answer["Deleted"]] == ["k"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"four")
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    s3.delete_object(
        Bucket=bucket, Key="k", IfMatch="*", IfMatchSize=4, IfMatchLastModifiedTime=modified
    )


def test_a_rename(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="old ü", Body=BIG, Metadata={"colour": "blue"})
    before = s3.head_object(Bucket=bucket, Key="old ü")
    s3.put_object(Bucket=bucket, Key="other", Body=b"x")
    named = {"Bucket": bucket, "Key": "new", "RenameSource": "old%20%C3%BC"}
    for wrong in (
        {"DestinationIfNoneMatch": "*", "Key": "other"},
        {"SourceIfMatch": '"e"'},
        {"DestinationIfUnmodifiedSince": datetime.datetime(2000, 1, 1), "Key": "other"},
    ):
        with pytest.raises(ClientError) as error:
            s3.rename_object(**{**named, **wrong})
        assert code_of(error) == ("PreconditionFailed", 412)
    s3.rename_object(**named, ClientToken="token", SourceIfMatch=before["ETag"])
    s3.rename_object(**named, ClientToken="token", SourceIfMatch=before["ETag"])
    with pytest.raises(ClientError) as error:
        s3.rename_object(**named, ClientToken="token")
    assert code_of(error) == ("IdempotencyParameterMismatch", 400)
    with pytest.raises(ClientError) as error:
        s3.rename_object(**named)
    assert code_of(error) == ("NoSuchKey", 404)
    got = s3.get_object(Bucket=bucket, Key="new")
    assert got["Body"].read() == BIG
    assert (got["Metadata"], got["LastModified"]) == ({"colour": "blue"}, before["LastModified"])
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["new", "other"]


def test_appends(s3: Any, bucket: str) -> None:
    pieces = [b"first", BIG, b"", b"last"]
    size = 0
    for piece in pieces:
        put = s3.put_object(Bucket=bucket, Key="log", Body=piece, WriteOffsetBytes=size)
        assert put.get("Size", len(piece)) == size + len(piece)
        size += len(piece)
    for wrong in (0, size - 1, size + 1):
        with pytest.raises(ClientError) as error:
            s3.put_object(Bucket=bucket, Key="log", Body=b"x", WriteOffsetBytes=wrong)
        assert code_of(error) == ("InvalidWriteOffset", 400)
    got = s3.get_object(Bucket=bucket, Key="log", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"".join(pieces)
    assert got["ETag"].endswith('-3"')
    whole = s3.put_object(Bucket=bucket, Key="whole", Body=b"".join(pieces))
    assert (got["ChecksumCRC32"], got["ChecksumType"]) == (whole["ChecksumCRC32"], "FULL_OBJECT")
