"""``z4 user``: made, shown, trusted and deleted."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.support import Z4

TRUST = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}}


def test_a_user_goes_through_its_life(z4: Z4) -> None:
    z4("key", "create", "acme")
    assert "made user bob (arn:aws:iam::" in z4("user", "create", "bob", "--account", "acme")
    key = z4.json("key", "create", "laptop", "--user", "bob")
    assert key["user"] == "bob"
    assert key["secret_access_key"]
    assert [one["name"] for one in z4.json("user", "list", "--account", "acme")] == ["acme", "bob"]
    assert "acme/bob" in z4("key", "list")
    assert "by policies" in z4("key", "list")
    shown = z4("user", "info", "acme/bob")
    assert f"laptop ({key['access_key_id']})" in shown
    z4("key", "deactivate", "laptop")
    assert "inactive" in z4("user", "info", "bob")
    assert "inactive" in z4("key", "list")
    z4("key", "activate", "laptop")
    assert "inactive" not in z4("key", "list")
    assert "deleted user bob" in z4("user", "delete", "bob")
    assert z4.refused("user", "info", "bob") == "z4: there is no user named bob"


def test_a_role_is_trusted_from_a_file(z4: Z4, tmp_path: Path) -> None:
    z4("key", "create", "acme")
    z4("user", "create", "reader", "--account", "acme", "--role")
    assert "whom the account allows to" in z4("user", "info", "reader")
    file = tmp_path / "trust.json"
    file.write_text(json.dumps(TRUST))
    assert "its trust policy names" in z4("user", "trust", "reader", "--file", str(file))
    assert z4.json("user", "info", "reader")["trust"] == json.dumps(TRUST)
    z4("user", "trust", "reader", "--none")
    assert z4.json("user", "info", "reader")["trust"] == ""
    assert "role" in z4("user", "list")


def test_no_user_is_said(z4: Z4) -> None:
    z4("bucket", "create", "some")
    assert "root" in z4("user", "list")
    line = z4.refused("user", "list", "--acount", "b", status=2)
    assert line == "z4 user list: unknown option --acount, did you mean --account?"
