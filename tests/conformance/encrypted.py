"""A server with a master key and named keys, and boto3 clients of it."""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from tests.processes import Key, ServerProcess, boto3_client, make_key, z4

MASTER = {"Z4_ENCRYPTION_KEY": "11" * 32}
MARKER = b"The quick brown marker jumps over the lazy disk. "
MIB = 1024 * 1024
INLINE = MARKER * 20
FILE = MARKER * 5000
ONE = bytes(range(32))
TWO = bytes(range(1, 33))

_numbers = itertools.count()


class World(NamedTuple):
    """A running server, its first user, and that user's client."""

    server: ServerProcess
    alice: Key
    s3: Any

    def bucket(self) -> str:
        """A new bucket."""
        name = f"encrypted-{next(_numbers)}"
        self.s3.create_bucket(Bucket=name)
        return name


@contextmanager
def encrypted_world(data: Path, *options: str) -> Iterator[World]:
    """A world with the keys ``orders`` and ``bills``, and ``frozen``, which is disabled."""
    key = make_key(data, "alice", environ=MASTER)
    for name in ("orders", "bills", "frozen"):
        z4("keyring", "create", name, "--data", str(data), environ=MASTER)
    z4("keyring", "disable", "frozen", "--data", str(data))
    with ServerProcess(data, *options, environ=MASTER) as server:
        yield World(server, key, boto3_client(server, key))


def customer(key: bytes = ONE) -> dict[str, Any]:
    """The arguments of a request with a customer's key."""
    return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}


def encoded(key: bytes = ONE) -> dict[str, Any]:
    """The same where botocore encodes nothing by itself."""
    text = base64.b64encode(key).decode()
    return {
        "SSECustomerAlgorithm": "AES256",
        "SSECustomerKey": text,
        "SSECustomerKeyMD5": md5_of(key),
    }


def source_customer(key: bytes = ONE) -> dict[str, Any]:
    """The arguments for the source of a copy."""
    return {"CopySourceSSECustomerAlgorithm": "AES256", "CopySourceSSECustomerKey": key}


def md5_of(key: bytes) -> str:
    return base64.b64encode(hashlib.md5(key).digest()).decode()


def kms(key_id: str, **more: Any) -> dict[str, Any]:
    """The arguments of a write with a key of the keyring."""
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id, **more}


def arn(name: str) -> str:
    return f"arn:aws:kms:us-east-1:000000000000:key/{name}"


def refused(status: int, code: str, call: Any, *arguments: Any, **named: Any) -> str:
    """Call what must be refused so; the error's message."""
    with pytest.raises(ClientError) as caught:
        call(*arguments, **named)
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status, response
    assert response["Error"]["Code"] == code, response
    message: str = response["Error"].get("Message", "")
    return message


def files_with(folder: Path, marker: bytes) -> list[str]:
    """Files below a folder that hold the marker."""
    return [p.name for p in folder.rglob("*") if p.is_file() and marker in p.read_bytes()]
