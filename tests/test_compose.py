"""The composition root: one service whose children are the node's parts, and nothing opened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.application.service import IService, MultiService
from twisted.internet import reactor

from tests.node.support import make_config
from tests.processes import clean_environ
from z4tw.compose import build_node, quota_cpus, worker_command
from z4tw.node.service import NodeService


def build(data: Path, **settings: str) -> NodeService:
    config = make_config(data, **settings)
    return build_node(
        config,
        reactor,
        environ={},
        load_config=lambda: config,
        announce=lambda started: None,
        report=lambda line: None,
    )


def names(node: Any) -> list[str]:
    return [IService(child).name for child in node]


def test_one_process_is_one_service_with_web_storage_and_daemons(tmp_path: Path) -> None:
    node = build(tmp_path / "d", workers="1")
    assert isinstance(node, MultiService)
    assert names(node) == [
        "signals", "directory", "listening", "storage", "keys", "daemons", "admin", "web",
    ]  # fmt: skip


def test_with_workers_their_supervision_takes_the_place_of_the_web_service(tmp_path: Path) -> None:
    assert names(build(tmp_path / "d", workers="2"))[-2:] == ["admin", "workers"]


def test_building_opens_nothing(tmp_path: Path) -> None:
    build(tmp_path / "d", workers="1")
    assert os.listdir(tmp_path) == []


def test_a_process_whose_database_fails_ends_at_once_with_a_status_of_its_own() -> None:
    code = "from z4tw.compose import _database_failed; _database_failed(OSError(5, 'I/O error'))"
    ended = subprocess.run([sys.executable, "-c", code], env=clean_environ(), timeout=60)
    assert ended.returncode == 70


def test_workers_run_in_this_python() -> None:
    program, *arguments = worker_command()
    assert os.path.isabs(program)
    assert arguments == ["-P", "-m", "z4tw.worker"]


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("max 100000\n", None),
        ("150000 100000\n", 2),
        ("20000 100000\n", 1),
        ("400000 100000\n", 4),
        ("rubbish\n", None),
        ("1 0\n", None),
    ],
)
def test_a_quota_of_the_control_group_limits_the_workers(
    tmp_path: Path, text: str, cpus: int | None
) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(text)
    assert quota_cpus(str(file)) == cpus
    assert quota_cpus(str(tmp_path / "absent")) is None
