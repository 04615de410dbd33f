"""Real server processes for tests: start, ask until ready, stop, kill."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_S = 30.0


def free_port() -> int:
    """A loopback TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environ(**more: str) -> dict[str, str]:
    """The environment without anything that would configure a server or a client."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("Z4_", "AWS_", "MINIO_")) or name == "Z4_SOURCE_TREE"
    }
    return {**kept, **more}


def z4(
    *arguments: str,
    check: bool = True,
    environ: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the ``z4`` command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "z4tw.cli", *arguments],
        check=check,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=cwd,
        env=clean_environ(**(environ or {})),
    )


@dataclass
class Key:
    """An access key that a test made."""

    name: str
    access_key_id: str
    secret_access_key: str


def make_key(data: Path, name: str, *options: str, environ: dict[str, str] | None = None) -> Key:
    """``z4 key create``, while a server runs on the data directory or not."""
    arguments = ("key", "create", name, *options, "--data", str(data), "--json")
    made: dict[str, Any] = json.loads(z4(*arguments, environ=environ).stdout)
    return Key(name, made["access_key_id"], made["secret_access_key"])


def z4_json(data: Path, *arguments: str) -> Any:
    """What a ``z4`` command on a data directory prints with ``--json``."""
    return json.loads(z4(*arguments, "--data", str(data), "--json").stdout)


class ServerProcess:
    """A ``z4 server`` process tree on a data directory."""

    def __init__(
        self,
        data: Path,
        *options: str,
        port: int = 0,
        environ: dict[str, str] | None = None,
        command: list[str] | None = None,
    ) -> None:
        self.data = data
        self.port = port or free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._options = options
        self._environ = environ or {}
        self._command = command or [sys.executable, "-m", "z4tw.cli", "server"]
        self.process: subprocess.Popen[bytes] | None = None
        self.log = data.parent / f"{data.name}.server.log"
        self._served_before = 0

    def start(self, wait: bool = True) -> ServerProcess:
        """Start it in a process group of its own, and wait until it is ready."""
        command = [
            *self._command,
            "--data",
            str(self.data),
            "--port",
            str(self.port),
            *self._options,
        ]
        self._served_before = self.served
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env=clean_environ(**self._environ),
                start_new_session=True,
            )
        if wait:
            self.wait_until_ready()
        return self

    @property
    def served(self) -> int:
        """How many workers have begun to serve, by the log."""
        return self.log.read_text().count("serves (process") if self.log.exists() else 0

    def wait_until_ready(self) -> None:
        """Ask ``/_z4/health/ready`` until it answers 200, and all workers serve."""
        assert self.process is not None
        deadline = time.monotonic() + START_S
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(
                    f"the server ended with {self.process.returncode}:\n"
                    + self.log.read_text()[-3000:]
                )
            try:
                with urllib.request.urlopen(f"{self.endpoint}/_z4/health/ready", timeout=2):
                    if self._workers_ready:
                        return
            except (OSError, urllib.error.URLError):
                pass  # not yet
            if time.monotonic() > deadline:
                raise RuntimeError(self.log.read_text()[-3000:])
            time.sleep(0.02)

    @property
    def _workers_ready(self) -> bool:
        """Whether all workers serve, if their number was given: the first one answers for all."""
        if "--workers" not in self._options:
            return True
        count = self._options[self._options.index("--workers") + 1]
        if not count.isdecimal() or count == "1":
            return True
        return self.served - self._served_before >= int(count)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)

    def kill(self) -> None:
        """SIGKILL the whole process group, and wait until all of it is gone."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)
        deadline = time.monotonic() + 10
        while _group_alive(self.process.pid):
            if time.monotonic() > deadline:
                raise RuntimeError("killed processes are still there")
            time.sleep(0.005)

    def workers(self) -> list[int]:
        """Process ids of the children."""
        assert self.process is not None
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def __enter__(self) -> ServerProcess:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        if self.process is not None and self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        elif self.process is not None:
            self.kill()


def _group_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # Zombies of a dead group answer too until their parent has waited for them.
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] != "Z":
                return True
    return False


@contextlib.contextmanager
def running(data: Path, *options: str, **named: Any) -> Iterator[ServerProcess]:
    """A started server that is stopped at the end."""
    with ServerProcess(data, *options, **named) as server:
        yield server


def boto3_client(server: ServerProcess, key: Key, **config: Any) -> Any:
    """A boto3 S3 client with a key, path-style, few retries."""
    import boto3
    from botocore.config import Config

    options: dict[str, Any] = {
        "s3": {"addressing_style": "path"},
        "retries": {"total_max_attempts": 1},
        "region_name": "us-east-1",
        "signature_version": "s3v4",
        **config,
    }
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
        config=Config(**options),
    )
