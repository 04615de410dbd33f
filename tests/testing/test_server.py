"""The server for other people's tests: it starts, serves, and leaves nothing behind."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from z4tw.node.failures import CommandError
from z4tw.testing.server import LocalServer


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(region="eu-central-1") as started:
        yield started


def client(server: LocalServer, key: tuple[str, str] | None = None) -> Any:
    import boto3

    access_key_id, secret = key or (server.access_key_id, server.secret_access_key)
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        region_name=server.region,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret,
    )


def test_its_key_may_make_buckets_and_use_them(server: LocalServer) -> None:
    s3 = client(server)
    s3.create_bucket(
        Bucket="mine", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    s3.put_object(Bucket="mine", Key="k", Body=b"hello")
    assert s3.get_object(Bucket="mine", Key="k")["Body"].read() == b"hello"
    assert s3.get_bucket_location(Bucket="mine")["LocationConstraint"] == "eu-central-1"


def test_a_made_bucket_is_new_and_there_at_once(server: LocalServer) -> None:
    first, second = server.make_bucket(), server.make_bucket()
    assert first != second
    assert client(server).list_objects_v2(Bucket=first)["KeyCount"] == 0
    assert server.make_bucket("by-name") == "by-name"
    with pytest.raises(CommandError, match="already"):
        server.make_bucket("by-name")
    with pytest.raises(CommandError, match="No"):
        server.make_bucket("No")


def test_a_further_key_has_no_rights_on_the_buckets_of_others(server: LocalServer) -> None:
    from botocore.exceptions import ClientError

    bob = client(server, server.make_key("bob", may_create_buckets=False))
    bucket = server.make_bucket()
    for attempt in (
        lambda: bob.list_objects_v2(Bucket=bucket),
        lambda: bob.create_bucket(Bucket="bobs"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()
    with pytest.raises(CommandError, match="already"):
        server.make_key("bob")


def test_the_environment_configures_boto3(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3

    for name, value in server.environ.items():
        monkeypatch.setenv(name, value)
    bucket = server.make_bucket()
    names = [
        found["Name"] for found in boto3.session.Session().client("s3").list_buckets()["Buckets"]
    ]
    assert bucket in names


def test_nothing_is_left_after_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of another server in the environment do not reach this one either."""
    monkeypatch.setenv("Z4_PORT", "1")
    monkeypatch.setenv("Z4_DATA", "/nonexistent/z4")
    monkeypatch.setenv("MINIO_ROOT_USER", "somebody")
    with LocalServer() as server:
        folder = server.data.parent
        ready = f"{server.endpoint_url}/_z4/health/ready"
        with urllib.request.urlopen(ready, timeout=10) as answer:
            assert answer.status == 200
    assert not folder.exists()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(ready, timeout=10)
    for use in (lambda: server.data, lambda: server.log, server.make_bucket):
        with pytest.raises(RuntimeError, match="not running"):
            use()
    server.stop()


def test_options_reach_the_server_and_its_log_can_be_read() -> None:
    with LocalServer(("--debug", "--tls", "self-signed")) as server:
        assert server.endpoint_url.startswith("https://127.0.0.1:")
        assert (server.data / "_z4meta" / "tls.crt").exists()
        assert "starting on" in server.log
        with pytest.raises(RuntimeError, match="already"):
            server.start()


def test_a_start_that_fails_says_why_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    made: list[str] = []
    make = tempfile.mkdtemp

    def noted(*args: Any, **options: Any) -> str:
        made.append(make(*args, **options))
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", noted)
    with pytest.raises(RuntimeError, match=r"status 2:\n.*--no-such-option"):
        LocalServer(("--no-such-option",)).start()
    assert len(made) == 1
    assert not os.path.exists(made[0])
