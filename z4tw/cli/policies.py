"""``z4 user policy`` and ``z4 key policy``: identity policies, from files and back."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from z4tw.cli.output import show, table
from z4tw.cli.parsing import Commands
from z4tw.cli.reach import perform
from z4tw.node.failures import CommandError

MOST_BYTES = 64 * 1024
"""What is read of a file: more than any policy may have."""


def register(family: Commands, owner: str) -> None:
    """Add the commands on the policies of a ``user`` or a ``key``."""
    effect = "may do" if owner == "user" else "may not go beyond"
    below = family.family("policy", f"what a {owner} {effect}, as IAM policies")
    for name, run, text in (
        ("put", put, f"give a {owner} a policy, or change the one of that name"),
        ("get", get, "print a policy"),
        ("list", list_, f"list the policies of a {owner}"),
        ("delete", delete, f"take a policy away from a {owner}"),
    ):
        parser = below.add(name, run, text)
        parser.add_argument("owner", metavar=owner.upper(), help=f"the {owner}'s name or id")
        if name != "list":
            parser.add_argument("--name", metavar="N", default="default", help="[default]")
        if name == "put":
            parser.add_argument("--file", metavar="F", required=True, help="JSON; - is stdin")
        parser.set_defaults(kind=owner)


def read_document(path: str) -> str:
    """The text of a file, of standard input for ``-``. Raises ``CommandError``."""
    try:
        if path == "-":
            data = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise CommandError(f"{path} is no policy: it has more than {MOST_BYTES} bytes")
        return data.decode("utf-8")
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not UTF-8") from None


def put(arguments: argparse.Namespace) -> int:
    """``z4 user policy put USER --file F``."""
    document = read_document(arguments.file)
    done = _perform(arguments, "put", name=arguments.name, document=document)
    show(done, arguments.json, f"{done['owner']} has the policy {done['name']}")
    return 0


def get(arguments: argparse.Namespace) -> int:
    """``z4 user policy get USER``."""
    found = _perform(arguments, "get", name=arguments.name)
    show(found, arguments.json, found["document"].rstrip("\n"))
    return 0


def list_(arguments: argparse.Namespace) -> int:
    """``z4 user policy list USER``."""
    found = _perform(arguments, "list")
    rows = [(one["name"], len(one["document"].encode("utf-8"))) for one in found]
    text = table(("NAME", "BYTES"), rows)
    show(found, arguments.json, text if found else f"{arguments.owner} has no policy.")
    return 0


def delete(arguments: argparse.Namespace) -> int:
    """``z4 user policy delete USER``."""
    done = _perform(arguments, "delete", name=arguments.name)
    show(done, arguments.json, f"{done['owner']} has no policy {done['name']} any more")
    return 0


def _perform(arguments: argparse.Namespace, verb: str, **given: Any) -> Any:
    command = f"{arguments.kind}_policy_{verb}"
    return perform(arguments, command, **{arguments.kind: arguments.owner}, **given)
