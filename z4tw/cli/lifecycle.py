"""``z4 lifecycle``: carry out lifecycle rules now, or see what they would do."""

from __future__ import annotations

import argparse

from z4tw.cli.output import fields, show
from z4tw.cli.parsing import Commands
from z4tw.cli.reach import perform
from z4tw.node.failures import CommandError


def register(commands: Commands) -> None:
    """Add the command."""
    family = commands.family("lifecycle", "carry out lifecycle rules")
    parser = family.add("run", run, "do now what lifecycle rules say is due")
    parser.add_argument("--bucket", metavar="NAME", help="in this bucket only")
    parser.add_argument("--dry-run", action="store_true", help="change nothing, only count")


def run(arguments: argparse.Namespace) -> int:
    """Perform it; 1 when something failed."""
    done = perform(
        arguments, "lifecycle_run", bucket=arguments.bucket or "", dry_run=arguments.dry_run
    )
    pairs = [
        ("keys and uploads examined", done["examined"]),
        ("current versions expired", done["expired"]),
        ("versions and markers removed", done["removed"]),
        ("versions moved", done["transitioned"]),
        ("uploads aborted", done["aborted"]),
        ("left alone", done["skipped"]),
    ]
    text = fields(pairs)
    show(done, arguments.json, f"Nothing was changed.\n{text}" if done["dry_run"] else text)
    if done["errors"]:
        raise CommandError(f"{done['errors']} keys failed: see the log")
    return 0
