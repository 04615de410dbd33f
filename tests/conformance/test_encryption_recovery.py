"""Encrypted objects are checked, backed up, restored and rebuilt like all others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError

from tests.conformance.encrypted import (
    FILE,
    INLINE,
    MARKER,
    MASTER,
    MIB,
    customer,
    files_with,
    kms,
    refused,
    source_customer,
)
from tests.processes import Key, ServerProcess, boto3_client, make_key, z4

PARTS = [MARKER * (5 * MIB // len(MARKER) + 1), MARKER]
OPTIONS = ("--workers", "1", "--snapshot-seconds", "3600")


class Filled:
    """A stopped store; ``bodies`` maps a key to its body and the arguments that open it."""

    def __init__(self, data: Path, environ: dict[str, str]) -> None:
        self.data = data
        self.environ = environ
        self.alice: Key = make_key(data, "alice", environ=environ)
        self.bodies: dict[str, tuple[bytes, dict[str, Any]]] = {}
        if environ:
            z4("keyring", "create", "orders", "--data", str(data), environ=environ)
        with ServerProcess(data, *OPTIONS, environ=environ) as server:
            self._fill(boto3_client(server, self.alice))

    def _fill(self, s3: Any) -> None:
        s3.create_bucket(Bucket="bucket")
        for name, body in (("inline", INLINE), ("file", FILE), ("empty", b"")):
            s3.put_object(Bucket="bucket", Key=name, Body=body, **customer())
            self.bodies[name] = (body, customer())
        s3.copy_object(
            Bucket="bucket", Key="copy", CopySource="bucket/file", **customer(), **source_customer()
        )
        self.bodies["copy"] = (FILE, customer())
        made = s3.create_multipart_upload(Bucket="bucket", Key="parts", **customer())["UploadId"]
        where = {"Bucket": "bucket", "Key": "parts", "UploadId": made}
        tags = [
            s3.upload_part(**where, PartNumber=number, Body=part, **customer())["ETag"]
            for number, part in enumerate(PARTS, 1)
        ]
        listed = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]
        s3.complete_multipart_upload(**where, MultipartUpload={"Parts": listed})
        self.bodies["parts"] = (b"".join(PARTS), customer())
        if self.environ:
            s3.put_object(Bucket="bucket", Key="named", Body=FILE, **kms("orders"))
            s3.put_object(Bucket="bucket", Key="changed", Body=FILE)
            arn = "arn:aws:kms:us-east-1:000000000000:key/orders"
            s3.update_object_encryption(
                Bucket="bucket", Key="changed", ObjectEncryption={"SSEKMS": {"KMSKeyArn": arn}}
            )
            self.bodies |= {"named": (FILE, {}), "changed": (FILE, {})}

    def run(self, *arguments: str, check: bool = True) -> Any:
        return z4(*arguments, environ=self.environ, check=check)

    def read(self, data: Path, keys: set[str] | None = None) -> None:
        """All (or these) read back, and a customer's key is still needed for what had one."""
        with ServerProcess(data, *OPTIONS, environ=self.environ) as server:
            s3 = boto3_client(server, self.alice)
            for key, (body, opening) in self.bodies.items():
                if keys is None or key in keys:
                    got = s3.get_object(Bucket="bucket", Key=key, **opening)["Body"].read()
                    assert got == body, key
                    if opening:
                        refused(400, "InvalidRequest", s3.get_object, Bucket="bucket", Key=key)


@pytest.fixture(params=[{}, MASTER], ids=["plain", "encrypted"])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Filled:
    return Filled(tmp_path / "data", request.param)


def test_a_check_and_a_backup_need_no_customers_key(filled: Filled, tmp_path: Path) -> None:
    checked = json.loads(filled.run("fsck", "--data", str(filled.data), "--json").stdout)
    assert checked["notes"]["bodies that only their customer's key can open"] == 1
    backup, restored = tmp_path / "backup", tmp_path / "restored"
    filled.run("backup", str(backup), "--data", str(filled.data))
    filled.run("restore", str(backup), "--data", str(restored))
    assert files_with(backup, MARKER[:24]) == []
    filled.read(restored)


def test_damage_is_found_without_a_key(filled: Filled) -> None:
    (path,) = (filled.data / "bucket").rglob("file~*")
    stored = bytearray(path.read_bytes())
    stored[100_000] ^= 1
    path.chmod(0o600)
    path.write_bytes(stored)
    checked = filled.run("fsck", "--data", str(filled.data), check=False)
    assert checked.returncode == 1
    assert "file-damaged" in checked.stdout
    with ServerProcess(filled.data, *OPTIONS, environ=filled.environ) as server:
        s3 = boto3_client(server, filled.alice)
        with pytest.raises((ClientError, HTTPClientError, IncompleteReadError)):
            s3.get_object(Bucket="bucket", Key="file", **customer())["Body"].read()


def test_an_index_is_rebuilt_from_footers(filled: Filled) -> None:
    for path in (filled.data / "_z4meta" / "snapshots").glob("*.db"):
        path.unlink()
    filled.run("fsck", "--rebuild", "--force", "--data", str(filled.data))
    filled.alice = make_key(filled.data, "admin", "--admin", environ=filled.environ)
    # Inline bodies, copies and completions are rows only; a changed key is one of its footer's.
    filled.read(filled.data, {"file", "named", "changed"})
