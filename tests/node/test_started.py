"""What a node says when it serves."""

from __future__ import annotations

from pathlib import Path

from tests.node.support import make_config
from z4tw.node.started import Started


def test_a_node_without_keys_gives_a_hint(tmp_path: Path) -> None:
    config = make_config(tmp_path / "d")
    started = Started(config, "http://127.0.0.1:1", "", 1, False, None, None)
    assert started.hint is not None
    assert f"z4 key create NAME --data {tmp_path / 'd'}" in started.hint
    assert Started(config, "http://127.0.0.1:1", "", 1, True, None, None).hint is None
