"""One real server with two workers, its keys, and a bucket for each test."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Key, ServerProcess, boto3_client, clean_environ, make_key

_numbers = itertools.count()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    data: Path = tmp_path_factory.mktemp("conformance") / "data"
    config = data.parent / "z4.toml"
    events = data.parent / "events.jsonl"
    config.write_text(f'[plugins.events.hook]\nkind = "jsonlines"\npath = "{events}"\n')
    options = ("--workers", "2", "--domain", "s3.local", "--website-domain", "web.localhost")
    with ServerProcess(data, "--config", str(config), *options) as started:
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


@pytest.fixture
def aws(server: ServerProcess, alice: Key, tmp_path: Path) -> Callable[..., str]:
    """The AWS command line, with a configuration of its own."""
    environ = clean_environ(
        AWS_ACCESS_KEY_ID=alice.access_key_id,
        AWS_SECRET_ACCESS_KEY=alice.secret_access_key,
        AWS_DEFAULT_REGION="us-east-1",
        AWS_CONFIG_FILE=str(tmp_path / "config"),
        AWS_ENDPOINT_URL=server.endpoint,
        AWS_EC2_METADATA_DISABLED="true",
    )

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [str(Path(sys.executable).with_name("aws")), *arguments],
            capture_output=True,
            text=True,
            env=environ,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
