"""``z4 bucket``: buckets, and which keys may reach them."""

from __future__ import annotations

import argparse
from typing import Any

from z4tw.cli.output import fields, show, table
from z4tw.cli.parsing import Commands
from z4tw.cli.reach import perform


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
        ]
    )
    show(bucket, arguments.json, text)
    return 0
