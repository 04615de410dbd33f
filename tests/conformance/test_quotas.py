"""Quotas with boto3: exact under writers of both workers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.test_boto3_objects import code_of
from tests.processes import Key, ServerProcess, boto3_client, z4_json

WRITERS = 24


def put(server: ServerProcess, key: Key, bucket: str, number: int, size: int) -> str:
    """The error code of a write, empty when it is stored; each on a connection of its own."""
    client = boto3_client(server, key)
    try:
        client.put_object(Bucket=bucket, Key=f"k{number}", Body=b"x" * size)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    finally:
        client.close()
    return ""


@pytest.mark.parametrize("size", [100, 10_000])
def test_racing_writers_never_exceed_it(
    server: ServerProcess, alice: Key, s3: Any, bucket: str, size: int
) -> None:
    limit = 10 * size + size // 2
    z4_json(server.data, "bucket", "quota", bucket, "--bytes", str(limit))
    with ThreadPoolExecutor(WRITERS) as pool:
        codes = list(pool.map(lambda n: put(server, alice, bucket, n, size), range(WRITERS)))
    assert sorted(codes) == [""] * 10 + ["QuotaExceeded"] * (WRITERS - 10)
    shown = z4_json(server.data, "bucket", "info", bucket)
    assert shown["usage"] == {"bytes": 10 * size, "objects": 10}
    assert shown["quota"] == {"bytes": limit, "objects": 0}
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert sum(one["Size"] for one in listed) == 10 * size
    s3.delete_object(Bucket=bucket, Key=listed[0]["Key"])
    s3.put_object(Bucket=bucket, Key="again", Body=b"x" * size)


def test_a_full_bucket_says_so(server: ServerProcess, s3: Any, bucket: str) -> None:
    z4_json(server.data, "bucket", "quota", bucket, "--objects", "1")
    s3.put_object(Bucket=bucket, Key="one", Body=b"x")
    s3.put_object(Bucket=bucket, Key="one", Body=b"another")
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="two", Body=b"x")
    assert code_of(error) == ("QuotaExceeded", 403)
    z4_json(server.data, "bucket", "quota", bucket, "--remove")
    s3.put_object(Bucket=bucket, Key="two", Body=b"x")
