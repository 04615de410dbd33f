"""``z4 key``: made, imported, listed, shown and deleted, the secret shown once."""

from __future__ import annotations

import io

import pytest

from tests.cli.support import Z4


def test_a_key_is_made_and_its_secret_shown_once(z4: Z4) -> None:
    ran = z4.run("key", "create", "alice", "--data", str(z4.data))
    assert ran.status == 0
    assert ran.err == f"z4: making a new store in {z4.data}\n"
    shown = dict(line.split("  ", 1) for line in ran.out.splitlines() if "  " in line)
    secret = shown["secret access key"].strip()
    assert len(secret) == 40
    assert "The secret is not shown again." in ran.out
    for arguments in (
        ("key", "info", "alice"),
        ("key", "list"),
        ("key", "info", "alice", "--json"),
    ):
        assert secret not in z4(*arguments)


def test_scripts_get_json(z4: Z4) -> None:
    key = z4.json("key", "create", "alice")
    assert {"name", "access_key_id", "secret_access_key"} <= set(key)
    assert [found["name"] for found in z4.json("key", "list")] == ["alice"]
    assert z4.json("key", "info", "alice")["owned_buckets"] == []
    assert z4.json("key", "delete", "alice")["deleted"] is True
    assert z4.json("key", "list") == []


@pytest.mark.parametrize(
    ("flags", "rights"),
    [((), "create buckets"), (("--admin",), "admin"), (("--no-create-bucket",), "granted only")],
)
def test_rights_are_given_and_shown(z4: Z4, flags: tuple[str, ...], rights: str) -> None:
    z4("key", "create", "alice", *flags)
    assert rights in z4("key", "list")
    assert rights in z4("key", "info", "alice")


def test_a_list_is_aligned(z4: Z4) -> None:
    assert z4("key", "create", "a")
    z4("key", "create", "a-long-name")
    heading, first, second = z4("key", "list").splitlines()
    column = heading.index("ACCESS KEY ID")
    assert first[column - 2 :].startswith("  Z4")
    assert second[column - 2 :].startswith("  Z4")


def test_an_empty_list_says_what_to_do(z4: Z4) -> None:
    z4("key", "create", "a")
    z4("key", "delete", "a")
    assert z4("key", "list") == "There is no key; z4 key create NAME makes one.\n"


def test_a_name_that_is_taken_is_refused(z4: Z4) -> None:
    z4("key", "create", "alice")
    assert z4.refused("key", "create", "alice") == "z4: there is a key named alice already"


def test_an_unknown_key_is_refused(z4: Z4) -> None:
    z4("key", "create", "alice")
    for command in ("info", "delete"):
        assert z4.refused("key", command, "bob") == "z4: there is no key named bob"


def test_a_key_is_imported_from_the_environment(z4: Z4, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDIMPORTED")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "imported-secret")
    assert z4("key", "import", "bob") == "imported key bob (AKIDIMPORTED)\n"
    assert z4.json("key", "info", "AKIDIMPORTED")["name"] == "bob"


def test_a_secret_is_imported_from_standard_input(z4: Z4, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("imported-secret\n"))
    imported = z4.json("key", "import", "bob", "--access-key-id", "AKIDIMPORTED")
    assert "secret_access_key" not in imported
    assert imported["access_key_id"] == "AKIDIMPORTED"


def test_an_import_needs_both_halves(z4: Z4, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "AWS_ACCESS_KEY_ID is needed" in z4.refused("key", "import", "bob")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    refused = z4.refused("key", "import", "bob", "--access-key-id", "AKIDIMPORTED")
    assert "AWS_SECRET_ACCESS_KEY" in refused
