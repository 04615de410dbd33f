"""Object annotations by boto3, on a server with workers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.processes import ServerProcess, boto3_client, make_key, z4

BIG = ("ü" * 300_000).encode()


def put(s3: Any, bucket: str, name: str, payload: bytes, **more: Any) -> Any:
    return s3.put_object_annotation(
        Bucket=bucket, Key="key", AnnotationName=name, AnnotationPayload=payload, **more
    )


def read(s3: Any, bucket: str, name: str, **more: Any) -> bytes:
    got = s3.get_object_annotation(Bucket=bucket, Key="key", AnnotationName=name, **more)
    data: bytes = got["AnnotationPayload"].read()
    return data


def names(s3: Any, bucket: str, key: str = "key", **more: Any) -> list[str]:
    pages = s3.get_paginator("list_object_annotations").paginate(
        Bucket=bucket, Key=key, PaginationConfig={"PageSize": 2}, **more
    )
    return [one["AnnotationName"] for page in pages for one in page.get("Annotations", [])]


def test_annotations_are_put_read_listed_and_deleted(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="key", Body=b"object")["ETag"]
    stored = put(s3, bucket, "ai.labels", BIG, ChecksumAlgorithm="SHA256")
    assert (stored["Key"], stored["AnnotationName"]) == ("key", "ai.labels")
    assert stored["ChecksumType"] == "FULL_OBJECT"
    put(s3, bucket, "note", b"small", ObjectIfMatch=etag)
    for name in ("b", "c", "d"):
        put(s3, bucket, name, name.encode())
    got = s3.get_object_annotation(
        Bucket=bucket, Key="key", AnnotationName="ai.labels", ChecksumMode="ENABLED"
    )
    assert got["AnnotationPayload"].read() == BIG
    assert (got["ETag"], got["ContentLength"]) == (stored["ETag"], len(BIG))
    assert got["ChecksumSHA256"] == stored["ChecksumSHA256"]
    assert names(s3, bucket) == ["ai.labels", "b", "c", "d", "note"]
    assert names(s3, bucket, AnnotationPrefix="n") == ["note"]
    listed = s3.list_object_annotations(Bucket=bucket, Key="key")
    first = listed["Annotations"][0]
    assert (first["Size"], first["ETag"]) == (len(BIG), stored["ETag"])
    assert first["ChecksumAlgorithm"] == ["SHA256"]
    assert listed["AnnotationCount"] == 5
    s3.delete_object_annotation(Bucket=bucket, Key="key", AnnotationName="note")
    with pytest.raises(s3.exceptions.NoSuchAnnotation):
        read(s3, bucket, "note")
    for name, payload, error in (
        ("aws-x", b"x", s3.exceptions.InvalidAnnotationName),
        ("x" * 513, b"x", s3.exceptions.AnnotationNameTooLong),
        ("x", b"\xff", s3.exceptions.UnsupportedMediaType),
    ):
        with pytest.raises(error):
            put(s3, bucket, name, payload)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        put(s3, bucket, "x", b"x", ObjectIfMatch='"0"')


def test_copies_and_versions(s3: Any, versioned: str) -> None:
    old = s3.put_object(Bucket=versioned, Key="key", Body=b"one")["VersionId"]
    assert put(s3, versioned, "note", BIG)["ObjectVersionId"] == old
    s3.put_object(Bucket=versioned, Key="key", Body=b"two")
    assert names(s3, versioned) == []
    assert read(s3, versioned, "note", VersionId=old) == BIG
    source = {"Bucket": versioned, "Key": "key", "VersionId": old}
    s3.copy_object(Bucket=versioned, Key="copy", CopySource=source)
    s3.copy_object(Bucket=versioned, Key="bare", CopySource=source, AnnotationDirective="EXCLUDE")
    assert (names(s3, versioned, "copy"), names(s3, versioned, "bare")) == (["note"], [])
    s3.delete_object(Bucket=versioned, Key="key", VersionId=old)
    got = s3.get_object_annotation(Bucket=versioned, Key="copy", AnnotationName="note")
    assert got["AnnotationPayload"].read() == BIG
    with pytest.raises(ClientError, match="NoSuchVersion"):
        read(s3, versioned, "note", VersionId=old)


def test_annotations_are_encrypted_outlive_a_kill_and_go_into_a_backup(tmp_path: Path) -> None:
    data = tmp_path / "data"
    environ = {"Z4_ENCRYPTION_KEY": "ab" * 32}
    options = ("--workers", "2", "--blob-grace-seconds", "0")
    key = make_key(data, "alice", environ=environ)
    server = ServerProcess(data, *options, environ=environ).start()
    s3 = boto3_client(server, key)
    s3.create_bucket(Bucket="notes")
    s3.put_object(Bucket="notes", Key="key", Body=b"object")
    payloads = {"small": b"visible-mark", "big": b"visible-mark" * 1000}
    for name, payload in payloads.items():
        put(s3, "notes", name, payload)
    server.kill()
    with ServerProcess(data, *options, environ=environ) as server:
        s3 = boto3_client(server, key)
        for name, payload in payloads.items():
            assert read(s3, "notes", name) == payload
        z4("backup", str(tmp_path / "backup"), "--data", str(data))
    for path in data.rglob("*"):
        if path.is_file():
            assert b"visible-mark" not in path.read_bytes(), path
    restored = tmp_path / "restored"
    z4("restore", str(tmp_path / "backup"), "--data", str(restored), environ=environ)
    z4("fsck", "--data", str(restored), environ=environ)
    with ServerProcess(restored, *options, environ=environ) as server:
        s3 = boto3_client(server, key)
        for name, payload in payloads.items():
            assert read(s3, "notes", name) == payload
