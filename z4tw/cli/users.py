"""``z4 user``: users and roles below an account."""

from __future__ import annotations

import argparse
from typing import Any

from z4tw.cli import policies
from z4tw.cli.output import fields, show, table
from z4tw.cli.parsing import Commands
from z4tw.cli.reach import perform


def register(commands: Commands) -> None:
    """Add the commands."""
    family = commands.family("user", "make users and roles of an account, and their policies")
    parser = family.add("create", create, "make a user that may do what its policies allow")
    parser.add_argument("name", metavar="NAME", help="the user's name, unique in its account")
    parser.add_argument("--account", metavar="A", required=True, help="the account's name")
    parser.add_argument(
        "--role", action="store_true", help="a role: it has no keys, STS assumes it"
    )
    parser = family.add("list", list_, "list the users")
    parser.add_argument("--account", metavar="A", help="only of this account")
    for name, run, text in (
        ("info", info, "show a user, its keys, policies and grants"),
        ("delete", delete, "delete a user with its keys; its sessions end"),
        ("trust", trust, "say who may assume a role"),
    ):
        parser = family.add(name, run, text)
        parser.add_argument("name", metavar="NAME", help="a user's name, ACCOUNT/NAME or id")
        if name == "trust":
            what = parser.add_mutually_exclusive_group(required=True)
            what.add_argument("--file", metavar="F", help="a trust policy; - is stdin")
            what.add_argument("--none", action="store_true", help="whom the account allows to")
    policies.register(family, "user")


def create(arguments: argparse.Namespace) -> int:
    """``z4 user create NAME --account A``."""
    user = perform(
        arguments,
        "user_create",
        name=arguments.name,
        account=arguments.account,
        role=arguments.role,
    )
    show(user, arguments.json, f"made {_kind(user)} {user['name']} ({user['arn']})")
    return 0


def list_(arguments: argparse.Namespace) -> int:
    """``z4 user list``."""
    users = perform(arguments, "user_list", account=arguments.account)
    rows = [(u["account"], u["name"], _kind(u), u["policies"], u["created"]) for u in users]
    text = table(("ACCOUNT", "NAME", "KIND", "POLICIES", "CREATED"), rows)
    show(users, arguments.json, text if users else "There is no user.")
    return 0


def info(arguments: argparse.Namespace) -> int:
    """``z4 user info NAME``."""
    user = perform(arguments, "user_info", name=arguments.name)
    keys = [
        f"{key['name']} ({key['access_key_id']}{'' if key['active'] else ', inactive'})"
        for key in user["keys"]
    ]
    granted = [f"{name} ({', '.join(flags)})" for name, flags in user["granted_buckets"].items()]
    rows = [
        ("name", user["name"]),
        ("account", user["account"]),
        ("kind", _kind(user)),
        ("arn", user["arn"]),
        ("user id", user["user_id"]),
        ("created", user["created"]),
        ("keys", keys),
        ("policies", user["policies"]),
        ("granted buckets", granted),
    ]
    if user["role"]:
        rows.append(("trust", user["trust"] or "whom the account allows to"))
    show(user, arguments.json, fields(rows))
    return 0


def delete(arguments: argparse.Namespace) -> int:
    """``z4 user delete NAME``."""
    user = perform(arguments, "user_delete", name=arguments.name)
    show(user, arguments.json, f"deleted user {user['name']} of account {user['account']}")
    return 0


def trust(arguments: argparse.Namespace) -> int:
    """``z4 user trust ROLE --file F``."""
    document = "" if arguments.none else policies.read_document(arguments.file)
    done = perform(arguments, "role_trust", role=arguments.name, document=document)
    who = "those that its trust policy names" if document else "whom the account allows to"
    show(done, arguments.json, f"{done['name']} can be assumed by {who}")
    return 0


def _kind(user: dict[str, Any]) -> str:
    if user["root"]:
        return "root"
    return "role" if user["role"] else "user"
