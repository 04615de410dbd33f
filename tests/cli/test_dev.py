"""``z4 dev``: ready at once, with a key, a bucket and lines to paste that work."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.node.support import make_config
from tests.processes import clean_environ, z4
from z4tw.cli.dev import welcome
from z4tw.node.started import Started

KEY = {"access_key_id": "Z4KEY", "secret_access_key": "s3cret"}


def started(tmp_path: Path, **changes: Any) -> Started:
    values: dict[str, Any] = {
        "config": make_config(tmp_path / "d"),
        "endpoint": "http://127.0.0.1:9670",
        "metrics_endpoint": "",
        "workers": 1,
        "has_keys": True,
        "certificate": None,
        "dev_key": KEY,
    }
    return Started(**(values | changes))


def test_the_first_start_shows_key_endpoint_and_lines_to_paste(tmp_path: Path) -> None:
    text = welcome(started(tmp_path))
    for line in (
        "  export AWS_ACCESS_KEY_ID=Z4KEY",
        "  export AWS_SECRET_ACCESS_KEY=s3cret",
        "  export AWS_DEFAULT_REGION=us-east-1",
        "  export AWS_ENDPOINT_URL=http://127.0.0.1:9670",
        "  import boto3",
    ):
        assert line in text.splitlines()


def test_with_a_certificate_the_lines_trust_it(tmp_path: Path) -> None:
    text = welcome(started(tmp_path, certificate="/d/tls.crt"))
    assert "  export AWS_CA_BUNDLE=/d/tls.crt" in text.splitlines()
    assert 'verify="/d/tls.crt"' in text


def test_later_starts_say_how_to_get_another_key(tmp_path: Path) -> None:
    text = welcome(started(tmp_path, dev_key=None))
    assert "shown at the first start, and only then" in text
    assert f"z4 key create NAME --data {tmp_path / 'd'}" in text


@contextmanager
def dev(cwd: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "z4tw.cli", "dev", "--port", "0", *arguments],
        stdout=subprocess.PIPE, text=True,
        env=clean_environ(PYTHONPATH=":".join(p or str(Path.cwd()) for p in sys.path)), cwd=cwd,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_a_closed_terminal_ends_it(tmp_path: Path) -> None:
    with dev(tmp_path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        assert process.wait(20) == 0


def test_the_printed_boto3_lines_work(tmp_path: Path) -> None:
    with dev(tmp_path) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or lines[-1] != "Stop with Ctrl-C.":
            lines.append(process.stdout.readline().rstrip("\n"))
        at = lines.index("boto3:")
        script = "\n".join(line.removeprefix("  ") for line in lines[at + 1 : -1])
        ran = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True, text=True, env=clean_environ(), timeout=60, check=True,
        )  # fmt: skip
        assert ran.stdout == "b'hello'\n"
        listed = json.loads(z4("bucket", "list", "--data", str(tmp_path / "data"), "--json").stdout)
        assert [(bucket["name"], bucket["owner"]) for bucket in listed] == [("dev", "dev")]


def test_the_secret_is_shown_at_the_first_start_only(tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        with dev(tmp_path, "--json") as process:
            assert process.stdout is not None
            seen.append(json.loads(process.stdout.readline()))
    assert "secret_access_key" in seen[0]
    assert "secret_access_key" not in seen[1]
    assert seen[1]["has_keys"]
