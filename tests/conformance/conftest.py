"""One real server with two workers, its keys, and a bucket for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Key, ServerProcess, boto3_client, make_key

_numbers = itertools.count()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    data: Path = tmp_path_factory.mktemp("conformance") / "data"
    with ServerProcess(data, "--workers", "2", "--domain", "s3.local") as started:
        yield started


@pytest.fixture(scope="session")
def alice(server: ServerProcess) -> Key:
    return make_key(server.data, "alice")


@pytest.fixture(scope="session")
def bob(server: ServerProcess) -> Key:
    return make_key(server.data, "bob", "--no-create-bucket")


@pytest.fixture(scope="session")
def s3(server: ServerProcess, alice: Key) -> Any:
    return boto3_client(server, alice)


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"bucket-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def versioned(s3: Any, bucket: str) -> str:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket
