"""``z4 bucket``: buckets, and which keys may reach them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from z4tw.cli.output import fields, show, table
from z4tw.cli.parsing import Commands, Parser
from z4tw.cli.reach import perform
from z4tw.config.parsers import size, whole_number


def register(commands: Commands) -> None:
    """Add the commands."""
    family = commands.family("bucket", "make and remove buckets, allow and deny keys")
    parser = family.add("create", create, "make a bucket")
    parser.add_argument("name", metavar="NAME", help="the bucket's name")
    parser.add_argument("--key", metavar="KEY", help="whose account owns it [the root account]")
    family.add("list", list_, "list the buckets")
    for name, run, text in (
        ("info", info, "show a bucket and who may reach it"),
        ("delete", delete, "delete an empty bucket"),
    ):
        family.add(name, run, text).add_argument("name", metavar="NAME", help="the bucket's name")
    for name, run, text in (
        ("allow", allow, "grant a key rights on a bucket"),
        ("deny", deny, "revoke a key's rights on a bucket; without flags all of them"),
    ):
        parser = family.add(name, run, text)
        parser.add_argument("name", metavar="BUCKET", help="the bucket's name")
        parser.add_argument("--key", metavar="KEY", required=True, help="the key's name or id")
        for right in ("read", "write", "owner"):
            parser.add_argument(f"--{right}", action="store_true", help=f"the right {right}")
    parser = family.add("quota", quota, "show or set what a bucket may hold")
    parser.add_argument("name", metavar="BUCKET", help="the bucket's name")
    parser.add_argument("--bytes", metavar="SIZE", help="bytes of all versions and parts; 0: any")
    parser.add_argument("--objects", metavar="N", help="versions; 0: any")
    parser.add_argument("--remove", action="store_true", help="take all limits away")
    aliases = family.family("alias", "further names of buckets")
    parser = aliases.add("add", alias_add, "give a bucket another name")
    parser.add_argument("bucket", metavar="BUCKET", help="the bucket's own name")
    parser.add_argument("alias", metavar="ALIAS", help="the other name")
    parser = aliases.add("remove", alias_remove, "take an alias away")
    parser.add_argument("alias", metavar="ALIAS", help="the alias")
    parser = aliases.add("list", alias_list, "list the aliases")
    parser.add_argument("bucket", metavar="BUCKET", nargs="?", help="of one bucket only [all]")


def create(arguments: argparse.Namespace) -> int:
    """``z4 bucket create NAME``."""
    bucket = perform(
        arguments, "bucket_create", makes_store=True, name=arguments.name, key=arguments.key
    )
    show(bucket, arguments.json, f"made bucket {bucket['name']}, owned by {bucket['owner']}")
    return 0


def list_(arguments: argparse.Namespace) -> int:
    """``z4 bucket list``."""
    buckets = perform(arguments, "bucket_list")
    rows = [(b["name"], b["owner"], b["versioning"] or "off", b["created"]) for b in buckets]
    text = table(("NAME", "OWNER", "VERSIONING", "CREATED"), rows)
    show(buckets, arguments.json, text if buckets else "There is no bucket.")
    return 0


def info(arguments: argparse.Namespace) -> int:
    """``z4 bucket info NAME``."""
    return _show_details(arguments, perform(arguments, "bucket_info", name=arguments.name))


def delete(arguments: argparse.Namespace) -> int:
    """``z4 bucket delete NAME``."""
    bucket = perform(arguments, "bucket_delete", name=arguments.name)
    show(bucket, arguments.json, f"deleted bucket {bucket['name']}")
    return 0


def allow(arguments: argparse.Namespace) -> int:
    """``z4 bucket allow BUCKET --key KEY``."""
    return _change_rights(arguments, "bucket_allow")


def deny(arguments: argparse.Namespace) -> int:
    """``z4 bucket deny BUCKET --key KEY``."""
    return _change_rights(arguments, "bucket_deny")


def quota(arguments: argparse.Namespace) -> int:
    """``z4 bucket quota BUCKET``."""
    shown = perform(
        arguments,
        "bucket_quota",
        bucket=arguments.name,
        max_bytes=_limit(arguments, "bytes", size),
        max_objects=_limit(arguments, "objects", whole_number(0, 1 << 61)),
        remove=arguments.remove,
    )
    show(shown, arguments.json, fields([("name", shown["name"]), *_room(shown)]))
    return 0


def _limit(arguments: argparse.Namespace, name: str, parse: Callable[[str], int]) -> int | None:
    text = getattr(arguments, name)
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        parser: Parser = arguments.parser
        parser.error(f"--{name}: {error}")


def _room(bucket: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (what, f"{bucket['usage'][what]} of {bucket['quota'][what] or 'any'}")
        for what in ("bytes", "objects")
    ]


def alias_add(arguments: argparse.Namespace) -> int:
    """``z4 bucket alias add BUCKET ALIAS``."""
    made = perform(arguments, "bucket_alias_add", bucket=arguments.bucket, alias=arguments.alias)
    show(made, arguments.json, f"{made['alias']} is another name of {made['bucket']}")
    return 0


def alias_remove(arguments: argparse.Namespace) -> int:
    """``z4 bucket alias remove ALIAS``."""
    gone = perform(arguments, "bucket_alias_remove", alias=arguments.alias)
    show(gone, arguments.json, f"{gone['alias']} is no name of {gone['bucket']} any more")
    return 0


def alias_list(arguments: argparse.Namespace) -> int:
    """``z4 bucket alias list``."""
    found = perform(arguments, "bucket_alias_list", bucket=arguments.bucket)
    text = table(("ALIAS", "BUCKET"), [(one["alias"], one["bucket"]) for one in found])
    show(found, arguments.json, text if found else "There is no alias.")
    return 0


def _change_rights(arguments: argparse.Namespace, command: str) -> int:
    bucket = perform(
        arguments,
        command,
        bucket=arguments.name,
        key=arguments.key,
        read=arguments.read,
        write=arguments.write,
        owner=arguments.owner,
    )
    return _show_details(arguments, bucket)


def _show_details(arguments: argparse.Namespace, bucket: dict[str, Any]) -> int:
    grants = [f"{key} ({', '.join(flags)})" for key, flags in bucket["grants"].items()]
    text = fields(
        [
            ("name", bucket["name"]),
            ("owner", bucket["owner"]),
            ("owner id", bucket["owner_id"]),
            ("region", bucket["region"]),
            ("created", bucket["created"]),
            ("versioning", bucket["versioning"] or "off"),
            ("object ownership", bucket["object_ownership"]),
            ("tags", bucket["tags"]),
            ("grants", grants),
            ("aliases", bucket["aliases"]),
            *_room(bucket),
        ]
    )
    show(bucket, arguments.json, text)
    return 0
