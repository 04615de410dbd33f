"""ACLs with boto3: anonymous clients, a second account, canned ACLs, grants and documents."""

from __future__ import annotations

import http.client
from typing import Any

import botocore
import pytest
from botocore.exceptions import ClientError

from tests.conformance.test_boto3_objects import code_of
from tests.processes import Key, ServerProcess, boto3_client

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"


@pytest.fixture(scope="session")
def unsigned(server: ServerProcess, alice: Key) -> Any:
    return boto3_client(server, alice, signature_version=botocore.UNSIGNED)


@pytest.fixture(scope="session")
def other(server: ServerProcess, bob: Key) -> Any:
    return boto3_client(server, bob)


def refused(call: Any, **arguments: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return code_of(error)


def test_a_public_object_is_read_without_a_signature(
    server: ServerProcess, s3: Any, unsigned: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="open", Body=b"hello", ACL="public-read")
    s3.put_object(Bucket=bucket, Key="closed", Body=b"secret")
    assert unsigned.get_object(Bucket=bucket, Key="open")["Body"].read() == b"hello"
    assert unsigned.head_object(Bucket=bucket, Key="open")["ContentLength"] == 5
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", f"/{bucket}/open")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"hello")
    connection.close()
    denied = ("AccessDenied", 403)
    assert refused(unsigned.get_object, Bucket=bucket, Key="closed") == denied
    assert refused(unsigned.get_object, Bucket=bucket, Key="absent") == denied
    assert refused(unsigned.list_objects_v2, Bucket=bucket) == denied
    assert refused(unsigned.put_object, Bucket=bucket, Key="open", Body=b"x") == denied
    assert refused(unsigned.get_object_acl, Bucket=bucket, Key="open") == denied
