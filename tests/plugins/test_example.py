"""The example of the documentation: a package of its own, installed by pip, found and used."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ServerProcess, boto3_client, clean_environ, make_key, running, z4

ROOT = Path(os.environ.get("Z4_SOURCE_TREE") or Path(__file__).parents[2])
BUILDS_WHEELS = (70, 1)
"""The setuptools from which no other package is needed to build a wheel."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that pip installed the example into."""
    source = tmp_path_factory.mktemp("source") / "example_plugin"
    shutil.copytree(ROOT / "doc" / "example_plugin", source)
    target = tmp_path_factory.mktemp("installed")
    version = importlib.metadata.version("setuptools").split(".")
    here = tuple(int(number) for number in version[:2]) >= BUILDS_WHEELS
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target),
         *(["--no-build-isolation"] if here else []), str(source)],
        check=True, timeout=240, env=clean_environ(),
    )  # fmt: skip
    return target


def environ(installed: Path) -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join([str(installed), os.getcwd()])}


def configuration(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "z4.toml"
    path.write_text("\n".join(["[plugins.policy.office-hours]", *lines]) + "\n")
    return str(path)


def serve(tmp_path: Path, installed: Path, *lines: str, workers: str = "1") -> ServerProcess:
    return ServerProcess(
        tmp_path / "d", "--workers", workers, "--config", configuration(tmp_path, *lines),
        environ=environ(installed),
    )  # fmt: skip


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_closed_office_takes_no_changes(tmp_path: Path, installed: Path, workers: str) -> None:
    data = tmp_path / "d"
    key = make_key(data, "alice")
    with running(data, "--workers", "1") as server:
        s3 = boto3_client(server, key)
        s3.create_bucket(Bucket="photos")
        s3.put_object(Bucket="photos", Key="a", Body=b"hello")
    with serve(tmp_path, installed, "opens = 0", "closes = 0", workers=workers) as server:
        s3 = boto3_client(server, key)
        assert s3.get_object(Bucket="photos", Key="a")["Body"].read() == b"hello"
        with pytest.raises(Exception, match="AccessDenied"):
            s3.put_object(Bucket="photos", Key="b", Body=b"hello")


def test_an_open_one_does(tmp_path: Path, installed: Path) -> None:
    key = make_key(tmp_path / "d", "alice")
    with serve(tmp_path, installed, "opens = 0", "closes = 24") as server:
        s3 = boto3_client(server, key)
        s3.create_bucket(Bucket="photos")
        s3.put_object(Bucket="photos", Key="b", Body=b"hello")


def refusal(tmp_path: Path, installed: Path | None, *lines: str) -> str:
    refused = z4(
        "server", "--data", str(tmp_path / "d"), "--port", "0",
        "--config", configuration(tmp_path, *lines),
        environ=environ(installed) if installed else None, check=False,
    )  # fmt: skip
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    return refused.stderr


def test_a_wrong_option_keeps_the_server_from_starting(tmp_path: Path, installed: Path) -> None:
    line = refusal(tmp_path, installed, 'opens = "dawn"')
    assert line == (
        "z4: plugins.policy.office-hours: opens: an hour from 0 to 24 is needed, not 'dawn'\n"
    )


def test_it_is_missing_where_it_is_not_installed(tmp_path: Path) -> None:
    line = refusal(tmp_path, None)
    found = "acl, bucket-policy, grants"
    assert line == f"z4: there is no policy plugin 'office-hours'; found: {found}\n"
