"""Real processes: one, two workers, signals, a worker that is killed, twistd."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.processes import (
    Key,
    ServerProcess,
    boto3_client,
    clean_environ,
    free_port,
    make_key,
    running,
    z4,
)

WAIT_S = 20.0


def wait_for(what: str, condition: Any) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def round_trip(server: ServerProcess, key: Key, bucket: str = "photos") -> None:
    s3 = boto3_client(server, key)
    s3.create_bucket(Bucket=bucket)
    for size in (0, 100, 100_000):
        body = os.urandom(size)
        s3.put_object(Bucket=bucket, Key=f"a/{size}", Body=body)
        assert s3.get_object(Bucket=bucket, Key=f"a/{size}")["Body"].read() == body
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [item["Key"] for item in listed] == ["a/0", "a/100", "a/100000"]
    for item in listed:
        s3.delete_object(Bucket=bucket, Key=item["Key"])
    s3.delete_bucket(Bucket=bucket)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_serves_and_stops(tmp_path: Path, workers: str) -> None:
    data = tmp_path / "d"
    key = make_key(data, "alice")
    with running(data, "--workers", workers) as server:
        round_trip(server, key)
        assert len(server.workers()) == (0 if workers == "1" else 2)
        assert server.stop() == 0
    assert not (data / "_z4meta/admin.sock").exists()
    assert "Traceback" not in server.log.read_text()


def test_port_0_is_announced(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "z4tw.cli", "server", "--data", str(tmp_path / "d"),
         "--port", "0", "--workers", "1", "--json"],
        stdout=subprocess.PIPE, env=clean_environ(), text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        started = json.loads(process.stdout.readline())
        port = int(started["endpoint"].rpartition(":")[2])
        socket.create_connection(("127.0.0.1", port)).close()
        assert started["has_keys"] is False
    finally:
        process.terminate()
        process.communicate(timeout=WAIT_S)
    assert process.returncode == 0


def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    with running(tmp_path / "d", "--workers", "1") as server:
        assert server.process is not None
        second = z4("server", "--data", str(tmp_path / "d"), "--port", "0", check=False)
        assert second.returncode == 1
        line = f"z4: {tmp_path / 'd'} is in use by process {server.process.pid}\n"
        assert second.stderr == line


def test_a_taken_port_is_refused_and_nothing_is_left_running(tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        refused = z4(
            "dev", "--data", str(tmp_path / "d"), "--port", str(port), "--workers", "2",
            check=False,
        )  # fmt: skip
    assert refused.returncode == 1
    assert refused.stderr == f"z4: cannot listen on 127.0.0.1 port {port}: Address already in use\n"
    assert json.loads(z4("key", "list", "--data", str(tmp_path / "d"), "--json").stdout) == []


def test_commands_reach_a_server_with_workers(tmp_path: Path) -> None:
    data = tmp_path / "d"
    with running(data, "--workers", "2") as server:
        key = make_key(data, "alice")
        round_trip(server, key)
        z4("key", "delete", "alice", "--data", str(data))
        # Both workers have to know at once: enough connections to meet each of them.
        for _ in range(8):
            with pytest.raises(Exception, match="InvalidAccessKeyId"):
                boto3_client(server, key).list_buckets()


def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    data = tmp_path / "d"
    key = make_key(data, "alice")
    with running(data, "--workers", "2") as server:
        wait_for("both workers", lambda: server.served == 2)
        before = server.workers()
        os.kill(before[0], signal.SIGKILL)
        wait_for(
            "a new worker",
            lambda: len(server.workers()) == 2 and before[0] not in server.workers(),
        )
        wait_for("it serves", lambda: server.served == 3)
        round_trip(server, key)
        assert server.stop() == 0


def test_a_disk_error_in_one_worker_makes_the_whole_node_read_only(tmp_path: Path) -> None:
    data = tmp_path / "d"
    key = make_key(data, "alice")
    with running(data, "--workers", "2") as server:
        s3 = boto3_client(server, key)
        s3.create_bucket(Bucket="photos")
        (data / "photos").write_bytes(b"in the way of the bucket's directory")
        with pytest.raises(ClientError) as failed:
            s3.put_object(Bucket="photos", Key="k", Body=b"x" * 100_000)
        assert failed.value.response["Error"]["Code"] == "InternalError"

        def refused(attempts: int) -> bool:
            codes = set()
            for _ in range(attempts):
                client = boto3_client(server, key)  # a connection of its own, to any worker
                try:
                    client.put_object(Bucket="photos", Key="small", Body=b"x")
                    codes.add("")
                except ClientError as error:
                    codes.add(error.response["Error"]["Code"])
            return codes == {"ServiceUnavailable"}

        wait_for("every worker refuses writes", lambda: refused(8))
        for worker in server.workers():
            os.kill(worker, signal.SIGKILL)
        wait_for("new workers", lambda: server.served == 4)
        wait_for("they refuse writes too", lambda: refused(8))
        assert [b["Name"] for b in s3.list_buckets()["Buckets"]] == ["photos"]


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    with running(tmp_path / "d", "--workers", "2") as server:
        assert server.process is not None
        workers = server.workers()
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait(WAIT_S)

        def alive(pid: int) -> bool:
            try:
                return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
            except OSError:
                return False

        wait_for("workers to end", lambda: not any(map(alive, workers)))


@contextlib.contextmanager
def slow_upload(server: ServerProcess, key: Key) -> Iterator[tuple[socket.socket, bytes]]:
    """A presigned PUT whose last byte has not been sent; and that byte."""
    s3 = boto3_client(server, key, signature_version="s3v4")
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "photos", "Key": "slow"})
    target = url.removeprefix(server.endpoint)
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.settimeout(WAIT_S)
        connection.sendall(
            f"PUT {target} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            "Content-Length: 5\r\n\r\nhell".encode("ascii")
        )
        wait_for("the request", lambda: "z4_requests_in_flight 1" in metrics(server))
        yield connection, b"o"


def metrics(server: ServerProcess) -> str:
    """The metrics page, whose own request is not counted."""
    import urllib.request

    with urllib.request.urlopen(f"{server.endpoint}/_z4/metrics", timeout=WAIT_S) as answer:
        text: str = answer.read().decode()
    return text


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_stop_lets_requests_finish_and_takes_no_new_ones(tmp_path: Path, workers: str) -> None:
    data = tmp_path / "d"
    key = make_key(data, "alice")
    with running(data, "--workers", workers) as server:
        assert server.process is not None
        boto3_client(server, key).create_bucket(Bucket="photos")
        with slow_upload(server, key) as (connection, last):
            server.process.send_signal(signal.SIGTERM)

            def refused() -> bool:
                try:
                    socket.create_connection(("127.0.0.1", server.port)).close()
                except ConnectionRefusedError:
                    return True
                return False

            wait_for("new connections to be refused", refused)
            assert server.process.poll() is None
            connection.sendall(last)
            answer = connection.recv(1000)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"Connection: close" in answer
        assert server.process.wait(WAIT_S) == 0
    with running(data, "--workers", "1") as server:
        body = boto3_client(server, key).get_object(Bucket="photos", Key="slow")["Body"].read()
        assert body == b"hello"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_second_signal_ends_the_drain(tmp_path: Path, workers: str) -> None:
    data = tmp_path / "d"
    key = make_key(data, "alice")
    with running(data, "--workers", workers, "--drain-seconds", "1000") as server:
        assert server.process is not None
        boto3_client(server, key).create_bucket(Bucket="photos")
        with slow_upload(server, key):
            server.process.send_signal(signal.SIGTERM)
            wait_for("the drain", lambda: "stopping: no new" in server.log.read_text())
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(WAIT_S) == 0, server.log.read_text()


def test_a_signal_to_every_process_lets_requests_finish(tmp_path: Path) -> None:
    data = tmp_path / "d"
    key = make_key(data, "alice")
    with running(data, "--workers", "2") as server:
        assert server.process is not None
        boto3_client(server, key).create_bucket(Bucket="photos")
        with slow_upload(server, key) as (connection, last):
            os.killpg(server.process.pid, signal.SIGTERM)  # as systemd does
            wait_for("the drain", lambda: "stopping: no new" in server.log.read_text())
            for pid in server.workers():  # as the store process did, or is about to do
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            connection.sendall(last)
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        assert server.process.wait(WAIT_S) == 0


def serials(server: ServerProcess, count: int) -> set[str]:
    """The certificates that so many new connections are shown."""
    import ssl

    return {ssl.get_server_certificate(("127.0.0.1", server.port)) for _ in range(count)}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_hang_up_reloads_certificates_and_keeps_connections(tmp_path: Path, workers: str) -> None:
    import datetime
    import ssl

    from z4tw.web.tls import make_self_signed

    certificate, private = tmp_path / "c.pem", tmp_path / "k.pem"

    def renew() -> None:
        texts = make_self_signed(["node.example"], datetime.datetime.now(datetime.UTC))
        certificate.write_bytes(texts[0])
        private.write_bytes(texts[1])

    renew()
    server = ServerProcess(
        tmp_path / "d", "--workers", workers,
        "--tls-cert", str(certificate), "--tls-key", str(private),
    )  # fmt: skip
    server.start(wait=False)
    try:
        assert server.process is not None
        wait_for("the server", lambda: "serving" in server.log.read_text())
        context = ssl.create_default_context(cafile=str(certificate))
        with (
            socket.create_connection(("127.0.0.1", server.port)) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as old,
        ):
            first = certificate.read_text()
            assert serials(server, 4) == {first}
            renew()
            server.process.send_signal(signal.SIGHUP)
            wait_for("the reload", lambda: "were reloaded" in server.log.read_text())
            wait_for("all workers", lambda: serials(server, 8) == {certificate.read_text()})
            old.sendall(b"GET /_z4/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert old.recv(1000).startswith(b"HTTP/1.1 200 ")
        private.write_text("broken")
        server.process.send_signal(signal.SIGHUP)
        wait_for("the refusal", lambda: "nothing was reloaded" in server.log.read_text())
        assert serials(server, 4) == {certificate.read_text()}
        assert server.stop() == 0
    finally:
        server.kill()


def test_metrics_add_up_over_workers(tmp_path: Path) -> None:
    data = tmp_path / "d"
    key = make_key(data, "alice")
    with running(data, "--workers", "2") as server:
        threads = [
            threading.Thread(target=lambda: boto3_client(server, key).list_buckets())
            for _ in range(10)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        text = metrics(server)
        assert 'z4_requests_total{operation="ListBuckets",status="200"} 10' in text
        assert "z4_workers 2" in text


def test_the_root_key_of_the_environment_is_let_in(tmp_path: Path) -> None:
    environ = {"MINIO_ROOT_USER": "rootuser", "MINIO_ROOT_PASSWORD": "rootpassword"}
    with running(tmp_path / "d", "--workers", "2", environ=environ) as server:
        round_trip(server, Key("root", "rootuser", "rootpassword"))
        for pid in server.workers():
            assert b"rootpassword" not in Path(f"/proc/{pid}/environ").read_bytes()
            assert b"rootpassword" not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_an_encrypted_node_serves_with_its_key_only(tmp_path: Path) -> None:
    data = tmp_path / "d"
    environ = {"Z4_ENCRYPTION_KEY": "42" * 32}
    key = make_key(data, "alice", environ=environ)
    with running(data, "--workers", "2", environ=environ) as server:
        round_trip(server, key)
    refused = z4("server", "--data", str(data), "--port", "0", check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith("z4: this store is encrypted: ")
    assert refused.stderr.count("\n") == 1


class TestTwistd:
    def twistd(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        environ = clean_environ(PYTHONPATH=os.pathsep.join(p or os.getcwd() for p in sys.path))
        script = "from twisted.scripts.twistd import run; run()"
        return subprocess.run(
            [sys.executable, "-c", script, *arguments],
            cwd=cwd, env=environ, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def test_it_lists_z4_from_any_folder(self, tmp_path: Path) -> None:
        listed = self.twistd("--help", cwd=tmp_path)
        assert "z4 " in listed.stdout
        assert "An S3-compatible object store." in listed.stdout

    def test_a_mistake_is_one_line_and_status_2(self, tmp_path: Path) -> None:
        refused = self.twistd("-n", "z4", "--prt", "1", cwd=tmp_path)
        assert refused.returncode == 2
        assert refused.stderr == "twistd z4: unknown option --prt, did you mean --port?\n"

    def test_data_in_use_is_one_line_and_status_1(self, tmp_path: Path) -> None:
        with running(tmp_path / "d", "--workers", "1"):
            refused = self.twistd("-n", "z4", "--data", "d", "--port", "0", cwd=tmp_path)
        assert refused.returncode == 1
        assert refused.stderr.count("\n") == 1
        assert "is in use by process" in refused.stderr

    def test_a_daemon_serves_and_stops(self, tmp_path: Path) -> None:
        port = str(free_port())
        started = self.twistd("z4", "--data", "d", "--port", port, "--workers", "2", cwd=tmp_path)
        assert started.returncode == 0, started.stderr
        pid_file = tmp_path / "twistd.pid"
        wait_for("the pid file", pid_file.exists)
        pid = int(pid_file.read_text())
        try:
            wait_for("the daemon", lambda: "serving" in (tmp_path / "twistd.log").read_text())
            made = z4("key", "create", "alice", "--data", str(tmp_path / "d"), "--json")
            assert json.loads(made.stdout)["name"] == "alice"
        finally:
            os.kill(pid, signal.SIGTERM)
        wait_for("the end", lambda: not pid_file.exists())
