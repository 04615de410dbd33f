"""The programs of the manual do what it says, against a real server."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from z4tw.testing.server import LocalServer

ROOT = Path(os.environ.get("Z4_SOURCE_TREE") or Path(__file__).parents[2])
EXAMPLES = ROOT / "doc" / "examples"
PRINTED = {
    "boto3": "b'hello'\n['hello.txt']\nb'hello'\nPreconditionFailed\n",
    "minio": "b'hello'\n['hello.txt']\n",
    "obstore": "only one of them can create it\nb'three'\n",
    "pyarrow": "1000\n",
    "s3fs": "b'hello' ['recipes-s3fs/hello.txt']\n",
}


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as started:
        yield started


def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python with this process's import path and without a configuration of AWS tools."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environ["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, sys.path))
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        timeout=120,
        env={**environ, "AWS_EC2_METADATA_DISABLED": "true", **variables},
    )


@pytest.mark.parametrize("client", sorted(PRINTED))
def test_the_recipe_of_a_client(client: str, server: LocalServer) -> None:
    if importlib.util.find_spec(client) is None:
        pytest.skip(f"{client} is not installed")
    if client == "s3fs" and importlib.metadata.version("s3fs").startswith("0."):
        pytest.skip("this s3fs is one of before 2021, which had other arguments")
    if client == "obstore":
        server.make_bucket("recipes-obstore")
    done = run(str(EXAMPLES / f"{client}_client.py"), **server.environ)
    assert done.stdout == PRINTED[client], done.stderr


def test_every_recipe_is_in_the_manual() -> None:
    page = (ROOT / "doc" / "clients.rst").read_text()
    programs = {path.name for path in EXAMPLES.glob("*_client.py")}
    assert programs == {f"{client}_client.py" for client in PRINTED}
    assert all(f"examples/{name}" in page for name in programs)


def test_the_server_without_pytest() -> None:
    done = run(str(EXAMPLES / "local_server.py"))
    assert done.stdout == "1\n", done.stderr


def test_the_fixtures_in_a_test_module(tmp_path: Path) -> None:
    done = run(
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "z4tw.testing.plugin",
        f"--rootdir={tmp_path}",
        "--config-file=/dev/null",
        str(EXAMPLES / "test_uploads.py"),
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
        PYTEST_ADDOPTS="",
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr
