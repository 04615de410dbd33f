"""``z4 bench`` against a real server: every workload, both forms of output, and what it refuses."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.cli.support import Z4
from tests.processes import Key, ServerProcess, clean_environ, make_key
from tests.processes import z4 as run_z4
from z4tw.bench.job import WORKLOADS

QUICK = ("--duration", "0.2", "--objects", "20", "--concurrency", "4")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    data = tmp_path_factory.mktemp("bench") / "d"
    with ServerProcess(data, "--workers", "1") as started:
        yield started


@pytest.fixture(scope="module")
def key(server: ServerProcess) -> Key:
    return make_key(server.data, "bench")


def environ(server: ServerProcess, key: Key) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
    }


def bench(server: ServerProcess, key: Key, *options: str) -> subprocess.CompletedProcess[str]:
    return run_z4("bench", *QUICK, *options, check=False, environ=environ(server, key))


def names(server: ServerProcess, what: str) -> list[str]:
    listed: Any = json.loads(run_z4(what, "list", "--data", str(server.data), "--json").stdout)
    return [item["name"] for item in listed]


def test_every_workload_is_measured_and_nothing_is_left(
    server: ServerProcess, key: Key, tmp_path: Path
) -> None:
    picture = tmp_path / "r.svg"
    ran = bench(
        server, key, "--workload", ",".join(WORKLOADS), "--processes", "2", "--json",
        "--report", str(picture),
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    report = json.loads(ran.stdout)
    (target,) = report["targets"]
    assert target["endpoint"] == server.endpoint
    results = {result["workload"]: result for result in target["results"]}
    assert list(results) == list(WORKLOADS)
    for result in results.values():
        assert result["requests"] > 0
        assert result["errors"] == {}
        assert result["latency_ms"]["p50"] > 0
    assert results["delete"]["requests"] == 20
    found = {operation["operation"] for operation in results["multipart"]["operations"]}
    assert {"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"} <= found
    assert names(server, "bucket") == []
    assert ElementTree.fromstring(picture.read_text()).tag.endswith("svg")


def test_people_get_a_table(server: ServerProcess, key: Key) -> None:
    ran = bench(server, key, "--workload", "head", server.endpoint)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith(f"head at {server.endpoint}, 0.")
    assert "P99.9 MS" in ran.stdout


def test_two_endpoints_side_by_side(server: ServerProcess, key: Key) -> None:
    ran = bench(
        server, key, "--workload", "get", "--compare", f"localhost:{server.port}", "--rounds", "2",
        "--json",
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    report = json.loads(ran.stdout)
    assert [t["endpoint"] for t in report["targets"]] == [
        server.endpoint, f"http://localhost:{server.port}",
    ]  # fmt: skip
    (compared,) = report["compared"]
    assert compared["requests_per_s"] > 0
    assert len(compared["rounds"]) == 2
    assert names(server, "bucket") == []


def test_the_node_of_a_data_directory(server: ServerProcess) -> None:
    ran = run_z4("bench", *QUICK, "--workload", "put", "--data", str(server.data), check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert server.endpoint in ran.stdout
    assert names(server, "bucket") == []
    assert not any(name.startswith("z4-bench") for name in names(server, "key"))


def test_in_a_bucket_that_exists_only_its_own_objects_are_removed(
    server: ServerProcess, key: Key
) -> None:
    from tests.processes import boto3_client

    client = boto3_client(server, key)
    client.create_bucket(Bucket="mine")
    client.put_object(Bucket="mine", Key="kept", Body=b"x")
    ran = bench(server, key, "--workload", "multipart,put", "--bucket", "mine")
    assert (ran.returncode, ran.stderr) == (0, "")
    listed = client.list_objects_v2(Bucket="mine")
    assert [item["Key"] for item in listed["Contents"]] == ["kept"]
    client.delete_object(Bucket="mine", Key="kept")
    client.delete_bucket(Bucket="mine")


def test_an_interrupt_reports_and_cleans_up(server: ServerProcess, key: Key) -> None:
    process = subprocess.Popen(
        [
            sys.executable, "-m", "z4tw.cli", "bench", "--workload", "get", "--duration", "3600",
            "--objects", "5", "--json",
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=clean_environ(**environ(server, key)), start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    while not names(server, "bucket"):
        assert process.poll() is None
    # As a terminal does: to the whole process group.
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert json.loads(out)["interrupted"]
    assert names(server, "bucket") == []


def test_a_wrong_secret_is_one_line(server: ServerProcess, key: Key) -> None:
    wrong = Key("x", key.access_key_id, "wrong")
    ran = bench(server, wrong)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.count("\n") == 1
    assert "SignatureDoesNotMatch" in ran.stderr


KEYS = ("--access-key", "a", "--secret-key", "b")
HERE = ("http://127.0.0.1:1", *KEYS)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ((), "an endpoint is needed"),
        (("http://127.0.0.1:1",), "a key is needed"),
        (("http://127.0.0.1:1/bucket", *KEYS), "more than scheme, host and port"),
        ((*HERE, "--endpoint", "http://127.0.0.1:2"), "given twice"),
        ((*HERE, "--workload", "fetch"), "unknown workload 'fetch'"),
        ((*HERE, "--size", "big"), "'big'"),
        ((*HERE, "--duration", "0"), "--duration"),
        ((*HERE, "--objects", "0"), "--objects"),
        ((*HERE, "--report", "r.pdf"), "must end in .svg or .png"),
        ((*HERE, "--report", "/nowhere/r.svg"), "cannot be written"),
        ((*HERE, "--compare", "ftp://x"), "no endpoint"),
        ((*HERE, "--compare", "http://x", "--compare-access-key", "c"), "belong together"),
        ((*HERE, "--concurency", "3"), "--concurrency"),
    ],
)
def test_a_wrong_command_line_is_one_line(z4: Z4, options: tuple[str, ...], word: str) -> None:
    ran = z4.run("bench", *options)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert word in ran.err


def test_a_png_without_matplotlib_is_refused_before_any_load(
    z4: Z4, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    ran = z4.run("bench", *HERE, "--report", "r.png")
    assert (ran.status, ran.out) == (2, "")
    assert "pip install 'z4tw[bench]'" in ran.err


def test_a_data_directory_without_a_node(z4: Z4) -> None:
    assert "no node runs" in z4.refused("bench", status=2)


def test_nobody_listens(z4: Z4) -> None:
    ran = z4.run("bench", *HERE)
    assert ran.status == 1
    assert ran.err == "z4: cannot reach http://127.0.0.1:1: Connection refused\n"
