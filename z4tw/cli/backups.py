"""``z4 backup`` and ``z4 restore``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any

from z4tw.cli.output import amount, fields, moment, show
from z4tw.cli.parsing import Commands, configuration
from z4tw.cli.progress import Progress
from z4tw.cli.reach import perform
from z4tw.cli.reports import check_directory, report_text
from z4tw.node.failures import CommandError


def register(commands: Commands) -> None:
    """Add the commands."""
    parser = commands.add(
        "backup", backup, "copy everything to a new directory, while the node runs or not"
    )
    parser.add_argument("destination", metavar="DEST", help="a directory that is new or empty")
    parser.add_argument(
        "--verify", action="store_true", help="read the whole backup again afterwards"
    )
    parser.epilog = (
        "On the same file system blobs are linked, which takes no room. The master key of an "
        "encrypted store (Z4_ENCRYPTION_KEY) is not in a backup: keep it elsewhere."
    )
    parser = commands.add("restore", restore, "make a data directory from a backup")
    parser.add_argument("source", metavar="SRC", help="the directory of a backup")
    parser.add_argument(
        "--link", action="store_true", help="share files with the backup instead of copying them"
    )
    parser.add_argument(
        "--quick", action="store_true", help="do not read the restored files again to verify them"
    )


def backup(arguments: argparse.Namespace) -> int:
    """``z4 backup DEST``; 1 when something of the store was missing or is damaged."""
    destination = os.path.abspath(arguments.destination)
    made = perform(arguments, "backup", destination=destination)
    pairs = [("backup", made["destination"]), *_contents(made["record"])]
    pairs.append(("files", f"{made['linked']} linked, {made['copied']} copied"))
    text = fields(pairs)
    bad = bool(made["record"]["missing"])
    if bad:
        text += f"\n{made['record']['missing']} blobs of the store are missing: z4 fsck says more"
    if arguments.verify:
        _compare_digests(destination)
        report = check_directory(destination, frozen=True, deep=True, show=_progress())
        made["verified"] = report.as_dict()
        text += "\n" + report_text(report)
        bad = bad or bool(report.left)
    show(made, arguments.json, text)
    return 1 if bad else 0


def _compare_digests(destination: str) -> None:
    from z4tw.recovery import RecoveryError
    from z4tw.recovery.backup import read_backup

    try:
        read_backup(destination)
    except RecoveryError as error:
        raise CommandError(str(error)) from error


def restore(arguments: argparse.Namespace) -> int:
    """``z4 restore SRC --data DEST``; 1 when what was restored has a problem."""
    import msgspec

    from z4tw.errors import Z4Error
    from z4tw.recovery.restore import restore_store

    config = configuration(arguments, os.environ, os.getcwd())
    progress = _progress()
    try:
        restored = restore_store(
            os.path.abspath(arguments.source),
            config.data,
            link=arguments.link,
            now_ms=lambda: time.time_ns() // 1_000_000,
            random_bytes=os.urandom,
            show=progress,
        )
    except Z4Error as error:
        raise CommandError(str(error)) from error
    finally:
        progress.clear()
    report = check_directory(config.data, frozen=False, deep=not arguments.quick, show=progress)
    answer: dict[str, Any] = msgspec.to_builtins(restored)
    answer["check"] = report.as_dict()
    pairs = [
        ("restored", restored.destination),
        ("backup of", moment(restored.record.made_ms)),
        *_contents(answer["record"]),
        ("files", f"{restored.linked} linked, {restored.copied} copied"),
        ("new store uuid", restored.store_uuid),
    ]
    text = fields(pairs) + "\n" + report_text(report)
    if restored.record.encrypted:
        text += "\nThe store is encrypted: start it with its master key (Z4_ENCRYPTION_KEY)."
    show(answer, arguments.json, text)
    return 1 if report.left else 0


def _contents(record: dict[str, Any]) -> list[tuple[str, object]]:
    return [
        ("buckets", record["buckets"]),
        ("objects", f"{record['objects']} ({amount(record['object_bytes'])})"),
        ("open uploads", record["uploads"]),
        ("blobs", f"{record['blobs']} ({amount(record['blob_bytes'])})"),
        ("encrypted", record["encrypted"]),
    ]


def _progress() -> Progress:
    return Progress(sys.stderr, time.monotonic)
