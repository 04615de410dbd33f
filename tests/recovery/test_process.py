"""Backup, restore, checks and removal with real server processes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Key, ServerProcess, boto3_client, clean_environ, make_key, running, z4

MASTER = "5a" * 32
ENVIRON = {"Z4_ENCRYPTION_KEY": MASTER}


def run(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return z4(*arguments, check=check, environ=ENVIRON)


def everything(client: Any, bucket: str) -> dict[str, str]:
    """The digest of every version of every key, as a client reads them."""
    found = {}
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket)
    for page in pages:
        for version in page.get("Versions", []):
            body = client.get_object(
                Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"]
            )["Body"].read()
            found[f"{version['Key']}?{version['VersionId']}"] = hashlib.md5(body).hexdigest()
    return found


def fill(client: Any) -> None:
    client.create_bucket(Bucket="photos")
    client.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
    for number in range(20):
        client.put_object(Bucket="photos", Key=f"small/{number}", Body=b"%d" % number)
        client.put_object(Bucket="photos", Key=f"large/{number}", Body=os.urandom(20_000))
    client.put_object(Bucket="photos", Key="large/0", Body=os.urandom(300_000))
    client.copy_object(
        Bucket="photos", Key="copied", CopySource={"Bucket": "photos", "Key": "large/1"}
    )
    upload = client.create_multipart_upload(Bucket="photos", Key="parts")["UploadId"]
    parts = []
    for number in (1, 2):
        body = os.urandom(5 << 20 if number == 1 else 1000)
        part = client.upload_part(
            Bucket="photos", Key="parts", UploadId=upload, PartNumber=number, Body=body
        )
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    client.complete_multipart_upload(
        Bucket="photos", Key="parts", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    client.delete_object(Bucket="photos", Key="large/2")


class Writing:
    """A client that writes and deletes until it is told to stop."""

    def __init__(self, server: ServerProcess, key: Key) -> None:
        self._client = boto3_client(server, key)
        self._stop = threading.Event()
        self.count = 0
        self.errors: list[Exception] = []
        self._thread = threading.Thread(target=self._write)

    def _write(self) -> None:
        try:
            while not self._stop.is_set():
                name = f"busy/{self.count % 10}"
                self._client.put_object(Bucket="busy", Key=name, Body=os.urandom(10_000))
                if self.count % 3 == 0:
                    self._client.delete_object(Bucket="busy", Key=name)
                self.count += 1
        except Exception as error:
            self.errors.append(error)

    def __enter__(self) -> Writing:
        self._client.create_bucket(Bucket="busy")
        self._thread.start()
        while self.count < 20:
            assert not self.errors
            time.sleep(0.01)
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()
        assert not self.errors


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_backup_of_a_busy_server_is_restored_and_served(tmp_path: Path, workers: str) -> None:
    data, backup, restored = tmp_path / "d", tmp_path / "b", tmp_path / "r"
    key = make_key(data, "alice", environ=ENVIRON)
    # The reaper would remove within a second what is overwritten and deleted meanwhile.
    graces = ("--blob-grace-seconds", "0", "--orphan-grace-seconds", "1")
    with running(data, "--workers", workers, *graces, environ=ENVIRON) as server:
        client = boto3_client(server, key)
        fill(client)
        before = everything(client, "photos")
        with Writing(server, key) as writing:
            made = json.loads(run("backup", str(backup), "--data", str(data), "--json").stdout)
            online = run("fsck", "--online", "--data", str(data), check=False)
            count = writing.count
            while writing.count < count + 20:
                time.sleep(0.01)
        assert made["record"]["missing"] == 0
        assert made["record"]["encrypted"] is True
        assert online.returncode == 0, online.stdout + online.stderr
    ran = run("restore", str(backup), "--data", str(restored))
    assert "no problem was found" in ran.stdout
    with running(restored, "--workers", "1", environ=ENVIRON) as server:
        client = boto3_client(server, key)
        assert everything(client, "photos") == before
        # All that the backup's moment shows reads back, whatever became of it since.
        assert len(everything(client, "busy")) >= 1
    assert run("fsck", "--data", str(restored)).returncode == 0
    assert run("fsck", "--data", str(data)).returncode == 0
    everywhere = b"".join(path.read_bytes() for path in backup.rglob("*") if path.is_file())
    assert MASTER.encode() not in everywhere
    assert bytes.fromhex(MASTER) not in everywhere


def test_a_rebuilt_server_serves_what_came_back(tmp_path: Path) -> None:
    data = tmp_path / "d"
    key = make_key(data, "alice")
    with running(data, "--workers", "1", "--snapshot-seconds", "1") as server:
        client = boto3_client(server, key)
        fill(client)
        snapshots = data / "_z4meta" / "snapshots"
        filled = time.time()
        deadline = time.monotonic() + 30
        while not any(path.stat().st_mtime > filled for path in snapshots.glob("*.db")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        before = everything(client, "photos")
    for path in sorted(snapshots.glob("*.db"))[:-1]:
        path.unlink()
    with running(data, "--workers", "1", "--snapshot-seconds", "3600") as server:
        client = boto3_client(server, key)
        client.put_object(Bucket="photos", Key="after", Body=b"a" * 30_000)
        client.put_object(Bucket="photos", Key="after", Body=b"tiny")
        server.kill()
    (data / "_z4meta" / "meta.db").write_bytes(b"damaged")
    refused = z4("fsck", "--data", str(data), check=False)
    assert refused.returncode == 1
    rebuilt = json.loads(z4("fsck", "--rebuild", "--data", str(data), "--json").stdout)
    assert rebuilt["rebuilt"]["versions"] == 1
    with running(data, "--workers", "1") as server:
        client = boto3_client(server, key)
        after = everything(client, "photos")
        assert {label: after[label] for label in before} == before
        new = {label for label in after if label not in before}
        assert [label.split("?")[0] for label in new] == ["after"]
        assert client.get_object(Bucket="photos", Key="after")["Body"].read() == b"a" * 30_000


def test_commands_beside_a_running_server(tmp_path: Path) -> None:
    data = tmp_path / "d"
    key = make_key(data, "alice")
    with running(data, "--workers", "1", "--blob-grace-seconds", "0") as server:
        client = boto3_client(server, key)
        client.create_bucket(Bucket="photos")
        line = z4("fsck", "--data", str(data), check=False)
        assert line.returncode == 1
        assert line.stderr.count("\n") == 1
        assert "stop the node, or give --online" in line.stderr
        client.put_object(Bucket="photos", Key="k", Body=b"1" * 9000)
        client.put_object(Bucket="photos", Key="k", Body=b"2" * 9000)
        files = [path for path in data.glob("photos/*/*/*") if path.is_file()]
        removed = json.loads(z4("gc", "--data", str(data), "--json").stdout)
        assert removed["failures"] == 0
        left = [path for path in files if path.exists()]
        assert len(left) == 1
        refused = z4("gc", "--grace-seconds", "1", "--data", str(data), check=False)
        assert "a node runs, with grace periods of 0 and 86400 seconds" in refused.stderr
        assert client.get_object(Bucket="photos", Key="k")["Body"].read() == b"2" * 9000


def test_a_killed_server_leaves_a_clean_store(tmp_path: Path) -> None:
    data = tmp_path / "d"
    key = make_key(data, "alice")
    with running(data, "--workers", "2") as server:
        client = boto3_client(server, key)
        client.create_bucket(Bucket="busy")
        written: list[int] = []

        def write() -> None:
            mine = boto3_client(server, key)
            for number in range(1000):
                try:
                    mine.put_object(Bucket="busy", Key=f"{number % 7}", Body=b"x" * 20_000)
                except Exception:
                    return  # The server is gone, as it should be.
                written.append(number)

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 30
        while len(written) < 40:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        server.kill()
        for thread in threads:
            thread.join()
    ran = z4("fsck", "--data", str(data), check=False)
    assert ran.returncode == 0, ran.stdout


def test_a_server_that_stops_leaves_an_unfinished_backup(tmp_path: Path) -> None:
    """It does not wait for the end of the backup, and nobody takes the rest for one."""
    data, backup = tmp_path / "d", tmp_path / "b"
    key = make_key(data, "alice")
    with running(data, "--workers", "1") as server:
        client = boto3_client(server, key)
        client.create_bucket(Bucket="photos")
        for number in range(600):
            client.put_object(Bucket="photos", Key=str(number), Body=b"x" * 5000)
        command = [sys.executable, "-m", "z4tw.cli", "backup", str(backup), "--data", str(data)]
        with subprocess.Popen(
            command, env=clean_environ(), stderr=subprocess.PIPE, text=True
        ) as asking:
            deadline = time.monotonic() + 20
            while not backup.exists():
                assert time.monotonic() < deadline
                time.sleep(0.001)
            assert server.stop() == 0
            assert asking.stderr is not None
            told = asking.stderr.read()
            status = asking.wait(20)
    if (backup / "backup.json").exists():
        assert status == 0  # It was quicker than the signal.
    else:
        assert status == 1
        assert "incomplete" in told
        refused = z4("restore", str(backup), "--data", str(tmp_path / "r"), check=False)
        assert "no complete backup" in refused.stderr
