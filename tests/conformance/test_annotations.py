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
    with ServerProcess(restored, *options, environ=environ) as server:
        s3 = boto3_client(server, key)
        for name, payload in payloads.items():
            assert read(s3, "notes", name) == payload
