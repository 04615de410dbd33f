"""``z4 key``: access keys."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from z4tw.cli import policies
from z4tw.cli.output import fields, show, table
from z4tw.cli.parsing import Commands
from z4tw.cli.reach import perform
from z4tw.node.failures import CommandError


def register(commands: Commands) -> None:
    """Add the commands."""
    family = commands.family("key", "make and remove access keys")
    for name, run, text in (
        ("create", create, "make an access key and print its secret, this once"),
        ("import", import_, "make a key of an id and a secret that exist elsewhere"),
    ):
        parser = family.add(name, run, text)
        parser.add_argument("name", metavar="NAME", help="the key's and its account's name")
        parser.add_argument("--admin", action="store_true", help="may do everything")
        parser.add_argument(
            "--no-create-bucket", action="store_true", help="may not create buckets"
        )
        parser.add_argument("--user", metavar="U", help="one more key of a user that is there")
        if name == "import":
            parser.add_argument("--access-key-id", metavar="ID", help="else: AWS_ACCESS_KEY_ID")
            parser.epilog = (
                "The secret is read from AWS_SECRET_ACCESS_KEY, else from the first line of "
                "standard input; never from the command line, which other users can see."
            )
    family.add("list", list_, "list the keys")
    for name, run, text in (
        ("info", info, "show a key, what it owns and may reach"),
        ("delete", delete, "delete a key; with an account's last one go its grants"),
        ("activate", activate, "let a key be used again"),
        ("deactivate", deactivate, "refuse a key and its sessions for now"),
    ):
        family.add(name, run, text).add_argument("name", metavar="NAME", help="a key's name or id")
    policies.register(family, "key")


def create(arguments: argparse.Namespace) -> int:
    """``z4 key create NAME``."""
    key = perform(
        arguments,
        "key_create",
        makes_store=True,
        name=arguments.name,
        admin=arguments.admin,
        may_create_buckets=not arguments.no_create_bucket,
        **_user(arguments),
    )
    show(
        key,
        arguments.json,
        fields(
            [
                ("name", key["name"]),
                ("access key id", key["access_key_id"]),
                ("secret access key", key["secret_access_key"]),
                ("account id", key["account_id"]),
                ("rights", rights(key)),
            ]
        )
        + "\nThe secret is not shown again.",
    )
    return 0


def import_(arguments: argparse.Namespace) -> int:
    """``z4 key import NAME``."""
    access_key_id = arguments.access_key_id or os.environ.get("AWS_ACCESS_KEY_ID", "")
    if not access_key_id:
        raise CommandError("--access-key-id or AWS_ACCESS_KEY_ID is needed")
    secret = os.environ.get("AWS_SECRET_ACCESS_KEY") or sys.stdin.readline().strip()
    if not secret:
        raise CommandError("the secret is needed in AWS_SECRET_ACCESS_KEY or on standard input")
    key = perform(
        arguments,
        "key_import",
        makes_store=True,
        name=arguments.name,
        access_key_id=access_key_id,
        secret=secret,
        admin=arguments.admin,
        may_create_buckets=not arguments.no_create_bucket,
        **_user(arguments),
    )
    key = {field: value for field, value in key.items() if field != "secret_access_key"}
    show(key, arguments.json, f"imported key {key['name']} ({key['access_key_id']})")
    return 0


def list_(arguments: argparse.Namespace) -> int:
    """``z4 key list``."""
    keys = perform(arguments, "key_list")
    rows = [
        (
            key["name"],
            key["access_key_id"],
            f"{key['account']}/{key['user']}",
            rights(key) if key["active"] else "inactive",
            key["created"],
        )
        for key in keys
    ]
    text = table(("NAME", "ACCESS KEY ID", "USER", "RIGHTS", "CREATED"), rows)
    show(keys, arguments.json, text if keys else "There is no key; z4 key create NAME makes one.")
    return 0


def info(arguments: argparse.Namespace) -> int:
    """``z4 key info NAME``."""
    key = perform(arguments, "key_info", name=arguments.name)
    show(
        key,
        arguments.json,
        fields(
            [
                ("name", key["name"]),
                ("access key id", key["access_key_id"]),
                ("account id", key["account_id"]),
                ("account number", key["account_number"]),
                ("user", key["user"]),
                ("active", key["active"]),
                ("rights", rights(key)),
                ("limited by policies", key["policies"]),
                ("created", key["created"]),
                ("owned buckets", key["owned_buckets"]),
                (
                    "granted buckets",
                    [
                        f"{name} ({', '.join(flags)})"
                        for name, flags in key["granted_buckets"].items()
                    ],
                ),
            ]
        ),
    )
    return 0


def delete(arguments: argparse.Namespace) -> int:
    """``z4 key delete NAME``."""
    key = perform(arguments, "key_delete", name=arguments.name)
    show(key, arguments.json, f"deleted key {key['name']} ({key['access_key_id']})")
    return 0


def activate(arguments: argparse.Namespace) -> int:
    """``z4 key activate NAME``."""
    key = perform(arguments, "key_activate", name=arguments.name)
    show(key, arguments.json, f"key {key['name']} ({key['access_key_id']}) can be used")
    return 0


def deactivate(arguments: argparse.Namespace) -> int:
    """``z4 key deactivate NAME``."""
    key = perform(arguments, "key_deactivate", name=arguments.name)
    show(key, arguments.json, f"key {key['name']} ({key['access_key_id']}) is refused from now on")
    return 0


def _user(arguments: argparse.Namespace) -> dict[str, Any]:
    return {} if arguments.user is None else {"user": arguments.user}


def rights(key: dict[str, Any]) -> str:
    """What a key may do besides what it owns and was granted."""
    if key["admin"]:
        return "admin"
    if key["user"] != key["account"]:
        return "by policies"
    return "create buckets" if key["may_create_buckets"] else "granted only"
