"""A store with a master key: no body lies in its folder, and damage never comes out as bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError

from tests.processes import Key, ServerProcess, boto3_client, make_key, z4

MASTER = {"Z4_ENCRYPTION_KEY": "11" * 32}
MARKER = b"The quick brown marker jumps over the lazy disk. "
MIB = 1024 * 1024


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "data", "--workers", "2", environ=MASTER) as started:
        yield started


def files_with(folder: Path, marker: bytes) -> list[str]:
    """Files below a folder that hold the marker, write-ahead log and temporary ones included."""
    return [p.name for p in folder.rglob("*") if p.is_file() and marker in p.read_bytes()]


def write_marked(s3: Any) -> dict[str, bytes]:
    """Objects that hold the marker inline, in a file, in parts, and in a copy."""
    s3.create_bucket(Bucket="sealed")
    bodies = {"inline": MARKER, "file": MARKER * 5000}
    for key, body in bodies.items():
        s3.put_object(Bucket="sealed", Key=key, Body=body)
    parts = [(MARKER * (5 * MIB // len(MARKER) + 1))[: 5 * MIB], MARKER * 3]
    upload = s3.create_multipart_upload(Bucket="sealed", Key="parts")["UploadId"]
    tags = [
        s3.upload_part(Bucket="sealed", Key="parts", UploadId=upload, PartNumber=n, Body=part)
        for n, part in enumerate(parts, 1)
    ]
    listed = [{"PartNumber": n, "ETag": tag["ETag"]} for n, tag in enumerate(tags, 1)]
    s3.complete_multipart_upload(
        Bucket="sealed", Key="parts", UploadId=upload, MultipartUpload={"Parts": listed}
    )
    open_upload = s3.create_multipart_upload(Bucket="sealed", Key="open")["UploadId"]
    s3.upload_part(Bucket="sealed", Key="open", UploadId=open_upload, PartNumber=1, Body=MARKER * 9)
    s3.copy_object(Bucket="sealed", Key="copy", CopySource="sealed/file")
    return {**bodies, "parts": b"".join(parts), "copy": bodies["file"]}


def test_a_marker_is_found_nowhere(server: ServerProcess) -> None:
    key = make_key(server.data, "alice", environ=MASTER)
    s3 = boto3_client(server, key)
    bodies = write_marked(s3)
    assert files_with(server.data, MARKER[:24]) == []
    for name, body in bodies.items():
        assert s3.get_object(Bucket="sealed", Key=name)["Body"].read() == body
    server.kill()
    assert files_with(server.data, MARKER[:24]) == []
    server.start()
    s3 = boto3_client(server, key)
    for name, body in bodies.items():
        assert s3.get_object(Bucket="sealed", Key=name)["Body"].read() == body


def test_without_the_key_or_with_another_one_the_server_does_not_start(
    server: ServerProcess,
) -> None:
    server.stop()
    for environ in ({}, {"Z4_ENCRYPTION_KEY": "22" * 32}):
        refused = z4("server", "--data", str(server.data), "--port", "0", check=False,
                     environ=environ)  # fmt: skip
        assert refused.returncode != 0
        assert len(refused.stderr.strip().splitlines()) == 1
        assert "Traceback" not in refused.stderr
    server.start()


@pytest.mark.parametrize("damage", ["flip", "swap", "cut"])
def test_damaged_segments_give_an_error_and_no_wrong_bytes(
    server: ServerProcess, damage: str
) -> None:
    key: Key = make_key(server.data, "alice", environ=MASTER)
    s3 = boto3_client(server, key)
    s3.create_bucket(Bucket="sealed")
    body = os.urandom(300_000)
    s3.put_object(Bucket="sealed", Key="k", Body=body)
    (path,) = (server.data / "sealed").rglob("k~*")
    stored = bytearray(path.read_bytes())
    segment = 64 * 1024 + 16
    if damage == "flip":
        stored[segment + 5] ^= 1
    elif damage == "swap":
        first, second = stored[:segment], stored[segment : 2 * segment]
        stored[: 2 * segment] = second + first
    else:
        del stored[2 * segment :]
    path.chmod(0o600)
    path.write_bytes(stored)
    got: list[bytes] = []

    def read() -> None:
        stream = s3.get_object(Bucket="sealed", Key="k")["Body"]
        got.extend(iter(lambda: stream.read(4096), b""))

    with pytest.raises((ClientError, HTTPClientError, IncompleteReadError)) as error:
        read()
    whole = b"".join(got)
    assert body.startswith(whole)
    assert len(whole) < len(body)
    if isinstance(error.value, ClientError):
        assert error.value.response["Error"]["Code"] == "InternalError"
