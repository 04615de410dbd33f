"""``z4 user policy`` and ``z4 key policy``: from a file and back."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.cli.support import Z4

READ = json.dumps({"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}})


@pytest.mark.parametrize("kind", ["user", "key"])
def test_a_policy_is_put_shown_listed_and_deleted(z4: Z4, tmp_path: Path, kind: str) -> None:
    z4("key", "create", "acme")
    z4("user", "create", "bob", "--account", "acme")
    z4("key", "create", "bobs", "--user", "bob")
    owner = "bob" if kind == "user" else "bobs"
    file = tmp_path / "policy.json"
    file.write_text(READ)
    assert "has no policy" in z4(kind, "policy", "list", owner)
    z4(kind, "policy", "put", owner, "--file", str(file), "--name", "read")
    assert z4(kind, "policy", "get", owner, "--name", "read") == READ + "\n"
    assert "read" in z4(kind, "policy", "list", owner)
    assert z4.json(kind, "policy", "list", owner) == [{"name": "read", "document": READ}]
    assert "read" in z4(kind, "info", owner)
    z4(kind, "policy", "delete", owner, "--name", "read")
    assert z4.json(kind, "policy", "list", owner) == []
    line = z4.refused(kind, "policy", "get", owner)
    assert line == f"z4: {owner} has no policy named default"


def test_a_policy_comes_from_standard_input(z4: Z4, monkeypatch: pytest.MonkeyPatch) -> None:
    z4("key", "create", "acme")
    stdin = SimpleNamespace(buffer=io.BytesIO(READ.encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    z4("key", "policy", "put", "acme", "--file", "-")
    assert z4.json("key", "info", "acme")["policies"] == ["default"]


def test_what_is_wrong_is_said_in_one_line(z4: Z4, tmp_path: Path) -> None:
    z4("key", "create", "acme")
    file = tmp_path / "policy.json"

    def put() -> str:
        return z4.refused("key", "policy", "put", "acme", "--file", str(file))

    assert put() == f"z4: cannot read {file}: No such file or directory"
    file.write_text("{")
    assert put().startswith("z4: malformed policy: ")
    file.write_bytes(b"\xff")
    assert put() == f"z4: {file} is not UTF-8"
    file.write_bytes(b" " * 70_000)
    assert "more than 65536 bytes" in put()
