"""A real z4tw server for tests of programs that use S3: a process of its own on a free port."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

START_SECONDS = 30.0
"""How long a start may take."""
STOP_SECONDS = 10.0
"""How long a stop may take; then the server is killed."""
_POLL_SECONDS = 0.01
_LOG_TAIL = 3000
_OPTIONS = (
    "--workers",
    "1",
    "--port",
    "0",
    "--access-log",
    "off",
    "--min-free",
    "0",
    "--audit-bytes-per-second",
    "0",
    "--drain-seconds",
    "2",
)


class LocalServer:
    """A context manager around ``z4 server``, with a key that may do everything.

    Its data lies in a temporary directory, which goes when the server stops; it stops with the
    process that started it, however that ends. ``options`` are
    further options of ``z4 server``; the later of two wins. After the start, ``endpoint_url`` is
    where it listens (loopback only), ``access_key_id`` and ``secret_access_key`` are its admin
    key, made anew for each object, and ``region`` is what requests are signed for.
    """

    def __init__(self, options: Sequence[str] = (), *, region: str = "us-east-1") -> None:
        self.region = region
        self.access_key_id = "TEST" + secrets.token_hex(8).upper()
        self.secret_access_key = secrets.token_hex(20)
        self.endpoint_url = ""
        self._options = tuple(options)
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """The data directory. Raises ``RuntimeError`` while the server is not there."""
        return self._running_folder() / "data"

    @property
    def environ(self) -> dict[str, str]:
        """The variables that point the AWS SDKs and the AWS command line at this server."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL": self.endpoint_url,
        }

    @property
    def log(self) -> str:
        """What the server has logged so far."""
        return (self._running_folder() / "log").read_text("utf-8", "replace")

    def start(self) -> LocalServer:
        """Start the server, and return when it serves. Raises ``RuntimeError`` with the end of
        its log when it does not come up."""
        if self._process is not None:
            raise RuntimeError("the server has been started already")
        folder = self._folder = Path(tempfile.mkdtemp(prefix="z4-test-"))
        command = [sys.executable, "-P", "-m", "z4tw.testing.attached", str(folder), "--json"]
        command += [*_OPTIONS, "--region", self.region, *self._options]
        command += ["--data", str(folder / "data")]
        with (folder / "out").open("wb") as out, (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 (our own command line)
                command,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=log,
                env=self._environment(),
                # A Ctrl-C in the terminal is for the tests, which stop the server themselves.
                start_new_session=True,
            )
        try:
            self.endpoint_url = self._wait()["endpoint"]
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop the server and remove its data; safe to call twice."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process is not None and process.stdin is not None:
            process.stdin.close()
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder)

    def __enter__(self) -> LocalServer:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def make_bucket(self, name: str | None = None) -> str:
        """Make a bucket (None: with a new random name); its name. It needs no S3 client. Raises
        ``CommandError`` for a name that is taken or not allowed."""
        name = name or f"test-{secrets.token_hex(8)}"
        self._command("bucket_create", {"name": name})
        return name

    def make_key(self, name: str, *, may_create_buckets: bool = True) -> tuple[str, str]:
        """Make a further key, with an account and rights of its own: its id and its secret.
        Raises ``CommandError`` for a name that is taken."""
        made = self._command("key_create", {"name": name, "may_create_buckets": may_create_buckets})
        return made["access_key_id"], made["secret_access_key"]

    def _command(self, command: str, arguments: Mapping[str, Any]) -> Any:
        from z4tw.cli.reach import ask
        from z4tw.node.failures import StoreError
        from z4tw.node.sockets import connect_admin

        connection = connect_admin(str(self.data / "_z4meta"))
        if connection is None:
            raise StoreError("the test server is not running")
        with connection:
            connection.settimeout(START_SECONDS)
            return ask(connection, command, arguments)

    def _environment(self) -> dict[str, str]:
        """The caller's environment without settings of another server, with its import path."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("Z4_", "MINIO_"))
        }
        kept["PYTHONPATH"] = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
        kept["Z4_ROOT_ACCESS_KEY"] = self.access_key_id
        kept["Z4_ROOT_SECRET_KEY"] = self.secret_access_key
        return kept

    def _wait(self) -> dict[str, str]:
        """What the server announces in its first line."""
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while True:
            ended = self._process.poll()
            line, newline, _ = (self._running_folder() / "out").read_bytes().partition(b"\n")
            if newline:
                announced: dict[str, str] = json.loads(line)
                return announced
            if ended is not None:
                raise RuntimeError(f"the server ended with status {ended}:\n{self._tail()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start in time:\n{self._tail()}")
            time.sleep(_POLL_SECONDS)

    def _tail(self) -> str:
        return self.log[-_LOG_TAIL:]

    def _running_folder(self) -> Path:
        if self._folder is None:
            raise RuntimeError("the server is not running")
        return self._folder
