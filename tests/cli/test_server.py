"""``z4 server``: what it says when it serves, and when it does not."""

from __future__ import annotations

from pathlib import Path

from tests.node.support import make_config
from tests.processes import running, z4
from z4tw.cli.server import describe
from z4tw.node.started import Started


def test_scripts_are_told_where_it_serves(tmp_path: Path) -> None:
    config = make_config(tmp_path / "d")
    started = Started(config, "http://127.0.0.1:1", "", 2, True, None, {"secret_access_key": "s"})
    assert describe(started) == {
        "endpoint": "http://127.0.0.1:1",
        "metrics_endpoint": "",
        "data": str(tmp_path / "d"),
        "workers": 2,
        "has_keys": True,
    }


def test_a_node_without_keys_prints_one_hint(tmp_path: Path) -> None:
    with running(tmp_path / "d", "--workers", "1") as server:
        server.stop()
        text = server.log.read_text()
    assert f"z4: serving {tmp_path / 'd'} at {server.endpoint}\n" in text
    assert text.count("z4 key create NAME") == 1


def test_a_fixed_setting_that_differs_is_one_line(tmp_path: Path) -> None:
    z4("key", "create", "alice", "--data", str(tmp_path / "d"))
    refused = z4(
        "server", "--data", str(tmp_path / "d"), "--port", "0", "--replicas", "2", check=False
    )
    assert refused.returncode == 2
    assert refused.stderr == (
        f"z4: replicas: 3 was fixed when the store in {tmp_path / 'd'} was made, not 2\n"
    )


def test_a_certificate_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    refused = z4(
        "server", "--data", str(tmp_path / "d"), "--port", "0",
        "--tls-cert", "/nowhere/c.pem", "--tls-key", "/nowhere/k.pem", check=False,
    )  # fmt: skip
    assert (refused.returncode, refused.stderr) == (2, "z4: /nowhere/c.pem cannot be read\n")
