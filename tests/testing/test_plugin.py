"""The pytest plugin: its fixtures give a server and fresh buckets, and cost nothing unused."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

USE = """
import os
import boto3
import pytest

SEEN = []

@pytest.fixture
def s3(z4_server):
    return boto3.client(
        "s3",
        endpoint_url=z4_server.endpoint_url,
        aws_access_key_id=z4_server.access_key_id,
        aws_secret_access_key=z4_server.secret_access_key,
        region_name=z4_server.region,
    )

@pytest.mark.parametrize("turn", [1, 2])
def test_a_bucket_is_new_for_each_test(turn, s3, z4_bucket, z4_server):
    assert s3.list_objects_v2(Bucket=z4_bucket)["KeyCount"] == 0
    s3.put_object(Bucket=z4_bucket, Key="k", Body=b"hello")
    SEEN.append((z4_bucket, z4_server.endpoint_url, z4_server.data))

def test_the_server_is_the_same_for_all_tests():
    (first, url, data), (second, other_url, _) = SEEN
    assert first != second
    assert url == other_url
    with open("data-directory", "w") as file:
        file.write(str(data))
"""


@pytest.fixture
def alone(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A test folder whose pytest loads this plugin and no other."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(os.path.abspath, sys.path)))
    return pytester


def test_the_fixtures_give_a_server_and_fresh_buckets(alone: pytest.Pytester) -> None:
    alone.makepyfile(USE)
    alone.runpytest_subprocess("-p", "z4tw.testing.plugin").assert_outcomes(passed=3)
    data = (alone.path / "data-directory").read_text()
    assert data.endswith("data")
    assert not os.path.exists(data)


def test_the_fixtures_are_listed_with_what_they_are_for(alone: pytest.Pytester) -> None:
    shown = alone.runpytest_subprocess("-p", "z4tw.testing.plugin", "--fixtures")
    shown.stdout.fnmatch_lines(["z4_server*session scope*", "*S3 server*", "z4_bucket*"])


def test_an_unused_plugin_imports_neither_twisted_nor_the_server() -> None:
    heavy = "{'twisted', 'subprocess', 'z4tw.testing.server', 'z4tw.config', 'apsw'}"
    program = (
        "import pytest, sys; before = set(sys.modules); import z4tw.testing.plugin; "
        f"print(sorted((set(sys.modules) - before) & {heavy}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_an_installed_z4tw_brings_the_plugin() -> None:
    """The entry point names a module that has the fixtures."""
    from importlib import import_module

    import tests.test_style as style

    text = (style.ROOT / "pyproject.toml").read_text()
    assert '[project.entry-points.pytest11]\nz4tw = "z4tw.testing.plugin"' in text
    module = import_module("z4tw.testing.plugin")
    assert hasattr(module, "z4_server")
    assert hasattr(module, "z4_bucket")
