"""``z4 fsck``: check a store, mend it, or rebuild its database."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from z4tw.cli.output import fields, moment, plain, show
from z4tw.cli.parsing import Commands, configuration
from z4tw.cli.progress import Progress
from z4tw.cli.reports import check_directory, open_blobs, report_text
from z4tw.config import Config
from z4tw.node.failures import CommandError, StoreError, StoreInUse

if TYPE_CHECKING:
    from z4tw.recovery.rebuild import Rebuilt

_ONLINE_RATE_BYTES = 64 << 20
_LOST = """\
What footers cannot give back, newer than the snapshot: objects of up to the inline limit, empty
objects, copies, completed multipart uploads (they are open uploads again: complete them), changed
tags, deletions and delete markers, bucket settings, keys and grants. doc/operations says more."""


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add("fsck", run, "check a store whose node is stopped, and mend it")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--repair", action="store_true", help="mend counts, totals, and rows and files of nobody"
    )
    what.add_argument(
        "--rebuild",
        action="store_true",
        help="make the database again from its last good snapshot and the blobs' footers",
    )
    what.add_argument(
        "--online", action="store_true", help="only look, while the node runs, and read slowly"
    )
    parser.add_argument(
        "--quick", action="store_true", help="do not read the contents of blob files"
    )
    parser.add_argument(
        "--rate",
        metavar="SIZE",
        type=_size,
        help="read at most so many bytes per second [no limit; with --online: 64MiB]",
    )
    parser.add_argument(
        "--force", action="store_true", help="with --rebuild: even a database that is sound"
    )
    parser.epilog = "Exit status: 0 the store is clean, 1 it has problems."


def _size(text: str) -> int:
    from z4tw.config.parsers import size

    try:
        return size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(arguments: argparse.Namespace) -> int:
    """Perform it."""
    config = configuration(arguments, os.environ, os.getcwd())
    progress = Progress(sys.stderr, time.monotonic)
    if arguments.online:
        _require_store(config)
        return _check(arguments, config, progress, _ONLINE_RATE_BYTES)
    if arguments.rebuild:
        _adopt(config)
    else:
        _require_store(config)
    directory = _lock(config)
    try:
        if arguments.rebuild:
            return _rebuild(arguments, config, progress)
        return _check(arguments, config, progress, 0)
    finally:
        directory.close()


def _require_store(config: Config) -> None:
    from z4tw.node.directory import exists

    if not exists(config):
        raise StoreError(f"there is no store in {config.data}; name one with --data")


def _lock(config: Config) -> Any:
    from z4tw.node.directory import DataDirectory

    try:
        return DataDirectory.open(config, os.urandom)
    except StoreInUse as error:
        raise StoreError(f"{error}: stop the node, or give --online to look only") from None


def _check(
    arguments: argparse.Namespace, config: Config, progress: Progress, rate_bytes: int
) -> int:
    rate_bytes = arguments.rate or rate_bytes
    report = check_directory(
        config.data,
        deep=not arguments.quick,
        repair=arguments.repair,
        orphan_grace_s=config.orphan_grace_seconds,
        show=progress,
        pace=Rate(rate_bytes, time.monotonic, time.sleep) if rate_bytes else None,
    )
    text = report_text(report)
    if report.found and arguments.repair and not report.references_known:
        text += "; nothing was repaired, since not every reference could be read"
    if report.found["database"]:
        text += "\nz4 fsck --rebuild makes the database again."
    show(report.as_dict(), arguments.json, text)
    return 1 if report.left else 0


class Rate:
    """A ``pace`` that holds reading to so many bytes per second, by sleeping."""

    def __init__(
        self, rate_bytes: int, seconds: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._rate_bytes = rate_bytes
        self._seconds = seconds
        self._sleep = sleep
        self._due = seconds()

    async def __call__(self, size: int) -> None:
        """Wait as long as reading ``size`` bytes should have taken."""
        self._due += size / self._rate_bytes
        ahead_s = self._due - self._seconds()
        if ahead_s > 0:
            self._sleep(ahead_s)


# Rebuilding


def _adopt(config: Config) -> None:
    """Let a directory whose ``_z4meta`` was lost as a whole be one of a store again, if there are
    blob files in it."""
    from z4tw.node.directory import exists

    if exists(config):
        return
    if not any(id is not None for id, *_ in open_blobs(config.data, None).files()):
        raise StoreError(f"there is neither a store nor a blob file in {config.data}")
    os.makedirs(config.meta, mode=0o700, exist_ok=True)


def _rebuild(arguments: argparse.Namespace, config: Config, progress: Progress) -> int:
    import apsw
    import msgspec

    from z4tw.errors import Z4Error
    from z4tw.recovery.place import Place
    from z4tw.recovery.rebuild import RebuildOptions, is_sound, rebuild_store

    place = Place(config.data)
    if is_sound(place) and not arguments.force:
        raise CommandError(
            "the database is sound, so that a rebuild could only lose something: z4 fsck checks "
            "it, and --force rebuilds it all the same"
        )
    options = RebuildOptions(
        vnodes=config.vnodes,
        replicas=config.replicas,
        region=config.region,
        object_ownership=config.object_ownership,
    )
    try:
        rebuilt = rebuild_store(
            place,
            open_blobs(place.root, _envelope(config)),
            options,
            lambda: time.time_ns() // 1_000_000,
            os.urandom,
            progress,
        )
    except (Z4Error, apsw.Error) as error:
        raise CommandError(f"the database could not be rebuilt: {error}") from error
    except OSError as error:
        raise CommandError(f"{error.filename or config.data}: {error.strerror}") from error
    finally:
        progress.clear()
    report = check_directory(
        config.data,
        deep=not arguments.quick,
        orphan_grace_s=config.orphan_grace_seconds,
        show=progress,
    )
    answer = {"rebuilt": msgspec.to_builtins(rebuilt), "check": report.as_dict()}
    show(answer, arguments.json, rebuilt_text(rebuilt) + "\n\n" + report_text(report))
    return 1 if report.left else 0


def _envelope(config: Config) -> Any:
    """The store's keys: footers of an encrypted store are encrypted too."""
    from z4tw.cli.keyring import quiet_outside
    from z4tw.node.offline import drive
    from z4tw.node.offload import InlineOffload
    from z4tw.node.openings import open_envelope
    from z4tw.plugins.registry import discover

    opening = open_envelope(quiet_outside(), config, discover(), InlineOffload(), encrypt_new=False)
    return drive(opening)


def rebuilt_text(rebuilt: Rebuilt) -> str:
    """What a rebuild did, as a person reads it."""
    snapshot = "none was good"
    if rebuilt.snapshot:
        snapshot = f"{os.path.basename(rebuilt.snapshot)} ({moment(rebuilt.snapshot_ms)})"
    pairs: list[tuple[str, object]] = [
        ("snapshot", snapshot),
        ("blob files", rebuilt.examined),
        ("versions put back", rebuilt.versions),
        ("annotations put back", rebuilt.annotations),
        ("parts put back", rebuilt.parts),
        ("uploads opened again", rebuilt.uploads),
        ("files left out", rebuilt.left_out),
    ]
    if rebuilt.damaged:
        pairs.append(("old database", rebuilt.damaged))
    lines = [fields(pairs)]
    lines += [f"snapshot not used: {plain(line)}" for line in rebuilt.rejected]
    lines += [f"bucket made again: {plain(name)}" for name in rebuilt.buckets]
    lines += [
        f"bucket made again under its name, the former one kept: {plain(line)}"
        for line in rebuilt.renamed
    ]
    lines += [f"versioning changed: {plain(line)}" for line in rebuilt.versioning]
    lines += [
        f"account for an owner known by id only: {name} (z4 key create {name} makes a key for it)"
        for name in rebuilt.accounts
    ]
    lines += [
        f"left out, now in _z4meta/quarantine: {count} files {plain(reason)}"
        for reason, count in sorted(rebuilt.reasons.items())
    ]
    return "\n".join([*lines, _LOST])
