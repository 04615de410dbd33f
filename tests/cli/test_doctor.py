"""``z4 doctor`` finds what would keep a node from running well."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from tests.cli.support import Z4
from tests.node.support import NOW, make_config
from tests.processes import running
from z4tw.cli.doctor import Finding, examine


def findings(data: Path, now: float = NOW, **settings: str) -> dict[str, Finding]:
    return {found.check: found for found in examine(make_config(data, **settings), now)}


def test_a_good_place_is_told_so(z4: Z4) -> None:
    z4("key", "create", "alice")
    found = {item["check"]: item["state"] for item in z4.json("doctor", "--port", "0")}
    assert set(found) == {
        "python", "sqlite", "libraries", "clock", "running", "data", "space", "permissions", "port",
    }  # fmt: skip
    assert set(found.values()) == {"ok"}


def test_the_table_is_for_people(z4: Z4) -> None:
    z4("key", "create", "alice")
    assert z4("doctor", "--port", "0").splitlines()[0].split() == ["CHECK", "STATE", "DETAIL"]


def test_a_place_without_a_store_is_a_warning(tmp_path: Path) -> None:
    assert findings(tmp_path / "d")["data"].state == "warning"
    (tmp_path / "d").mkdir()
    assert findings(tmp_path / "d")["data"].state == "warning"


def test_a_place_with_other_things_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    assert findings(tmp_path)["data"].state == "problem"
    (tmp_path / "file").touch()
    assert findings(tmp_path / "file")["data"].state == "problem"


def test_a_directory_that_everybody_can_write_is_a_problem(z4: Z4) -> None:
    z4("key", "create", "alice")
    os.chmod(z4.data, 0o777)
    assert findings(z4.data)["permissions"].state == "problem"
    os.chmod(z4.data, 0o755)
    assert findings(z4.data)["permissions"].state == "ok"
    os.chmod(z4.data / "_z4meta", 0o750)
    assert "chmod 700" in findings(z4.data)["permissions"].detail


def test_too_little_space_is_a_problem(tmp_path: Path) -> None:
    found = findings(tmp_path / "d", min_free="1000T")["space"]
    assert found.state == "problem"
    assert "writes are refused" in found.detail


def test_a_clock_that_was_never_set_is_a_problem(tmp_path: Path) -> None:
    assert findings(tmp_path / "d", now=1000.0)["clock"].state == "problem"


def test_a_taken_port_is_a_problem_and_the_exit_status_says_so(z4: Z4) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = z4.run("doctor", "--data", str(z4.data), "--config", write_port(z4.data, port))
    assert ran.status == 1
    assert "Address already in use" in ran.out


def write_port(data: Path, port: str) -> str:
    path = data.parent / "z4.toml"
    path.write_text(f"port = {port}\n")
    return str(path)


def test_a_running_node_is_found(tmp_path: Path) -> None:
    with running(tmp_path / "d", "--workers", "1") as server:
        found = findings(tmp_path / "d", port=str(server.port))
        assert server.process is not None
        assert found["running"].detail == (
            f"yes, at {server.endpoint} (process {server.process.pid})"
        )
        assert "port" not in found
