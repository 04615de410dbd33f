"""A store of which the master key lies in (a fake of) Vault, as an operator runs it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.keyring.fake_vault import TOKEN, FakeVault, token_file
from tests.processes import ServerProcess, boto3_client, make_key, z4

MARKER = b"A marker that must not lie on the disk. " * 500


@pytest.fixture
def vault() -> Iterator[tuple[FakeVault, str]]:
    """The fake, and its address."""
    fake = FakeVault()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.title(): value for name, value in self.headers.items()}
            answer = fake.answer(self.path, headers, body)
            assert answer is not None
            self.send_response(answer[0])
            self.send_header("Content-Length", str(len(answer[1])))
            self.end_headers()
            self.wfile.write(answer[1])

        def log_message(self, *arguments: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield fake, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def config(vault: tuple[FakeVault, str], tmp_path: Path) -> str:
    path = tmp_path / "z4.toml"
    path.write_text(
        "[plugins.encryption.vault]\n"
        f'address = "{vault[1]}"\nkey = "z4tw"\ntoken-file = "{token_file(tmp_path)}"\n'
    )
    return str(path)


def test_a_server_that_asks_vault(
    vault: tuple[FakeVault, str], config: str, tmp_path: Path
) -> None:
    fake, data = vault[0], tmp_path / "data"
    environ = {"Z4_CONFIG": config}
    key = make_key(data, "alice", environ=environ)
    z4("keyring", "create", "orders", "--data", str(data), environ=environ)
    named = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "orders"}
    with ServerProcess(data, "--workers", "2", environ=environ) as server:
        s3 = boto3_client(server, key)
        s3.create_bucket(Bucket="bucket")
        asked = len(fake.seen)
        for name, wish in (("own", {}), ("named", named)):
            s3.put_object(Bucket="bucket", Key=name, Body=MARKER, **wish)
            assert s3.get_object(Bucket="bucket", Key=name)["Body"].read() == MARKER
        assert len(fake.seen) == asked, "it is asked at the start only"
    fake.rotate()
    done = z4("keyring", "rotate", "--data", str(data), "--json", environ=environ)
    assert json.loads(done.stdout) == {"rewrapped": 2}
    stored = json.loads((data / "_z4meta" / "keyring.json").read_text())
    assert {one["master"] for one in stored["keys"]} == {"vault:transit/z4tw"}
    with ServerProcess(data, "--workers", "2", environ=environ) as server:
        s3 = boto3_client(server, key)
        assert s3.get_object(Bucket="bucket", Key="named")["Body"].read() == MARKER
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.name != "token":
            content = path.read_bytes()
            assert MARKER[:30] not in content
            assert TOKEN.encode() not in content


def test_a_server_without_vaults_leave_does_not_start(
    vault: tuple[FakeVault, str], config: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    environ = {"Z4_CONFIG": config}
    make_key(data, "alice", environ=environ)
    vault[0].tokens = {"another"}
    arguments = ("server", "--data", str(data), "--port", "0")
    refused = z4(*arguments, check=False, environ=environ)
    assert refused.returncode != 0
    lines = refused.stderr.strip().splitlines()
    assert len(lines) == 1
    assert "refuses the token" in lines[0]
    assert TOKEN not in refused.stdout + refused.stderr
    vault[0].tokens = {TOKEN}
    vault[0].keys = {"z4tw": [bytes(32)]}
    refused = z4(*arguments, check=False, environ=environ)
    assert refused.returncode != 0
    assert "cannot open a wrapped key" in refused.stderr
