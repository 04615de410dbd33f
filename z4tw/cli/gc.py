"""``z4 gc``: remove now what the reaper would remove later."""

from __future__ import annotations

import argparse
from typing import Any

from z4tw.cli.output import amount, fields, show
from z4tw.cli.parsing import Commands
from z4tw.cli.reach import perform
from z4tw.node.failures import CommandError


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add("gc", run, "remove what nothing names any more and is old enough")
    parser.add_argument(
        "--grace-seconds",
        metavar="SECONDS",
        type=_seconds,
        help="age at which it is removed, instead of the configured ones; on a stopped store only",
    )


def _seconds(text: str) -> float:
    from z4tw.config.parsers import seconds

    try:
        return seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(arguments: argparse.Namespace) -> int:
    """Perform it; 1 when something could not be removed."""
    given: dict[str, Any] = {}
    if arguments.grace_seconds is not None:
        given["grace_seconds"] = arguments.grace_seconds
    removed = perform(arguments, "gc", **given)
    pairs = [
        ("unreferenced blobs removed", f"{removed['blobs']} ({amount(removed['blob_bytes'])})"),
        ("orphaned files removed", removed["orphans"]),
        ("expired records removed", removed["expired"]),
    ]
    show(removed, arguments.json, fields(pairs))
    if removed["failures"]:
        raise CommandError(f"{removed['failures']} files could not be removed: see the log")
    return 0
