"""The node's part in lifecycles: the expirer, its figures, and a walk as a command."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from twisted.internet.interfaces import IReactorTime

from z4tw.config import Config
from z4tw.daemons.expirer import Expirer, FromTheBeginning
from z4tw.model.control import Bucket
from z4tw.node.commands import Command
from z4tw.node.failures import CommandError
from z4tw.node.openings import Outside
from z4tw.node.storage import Storage
from z4tw.node.walked import FilePositions
from z4tw.ops.aliases import target_of
from z4tw.ops.control import bucket_register
from z4tw.ops.expiring import Executor
from z4tw.ops.lifecycle import lifecycle_of
from z4tw.ops.moving import Mover


def make_executor(now_ms: Callable[[], int], storage: Storage, dry: bool = False) -> Executor:
    """What does that which is due in an opened storage."""
    mover = Mover(storage.store, storage.blobs, storage.offload, storage.stamp, storage.actions)
    return Executor(storage.store, storage.stamp, now_ms, mover.move, dry=dry)


def make_expirer(outside: Outside, config: Config, storage: Storage) -> Expirer:
    """The daemon of the store process."""
    return Expirer(
        storage.store,
        make_executor(outside.now_ms, storage),
        FilePositions(config.meta, storage.offload),
        outside.reactor,
        outside.now_ms,
        day_ms=storage.settings.lifecycle_day_ms,
        interval_s=config.lifecycle_interval,
        cpu_s=time.process_time,
        read_only=lambda: storage.blobs.read_only,
    )


def lifecycle_commands(
    storage: Storage, clock: IReactorTime, now_ms: Callable[[], int]
) -> dict[str, Command]:
    """The command ``lifecycle_run`` on an opened storage."""

    async def run(bucket: str = "", dry_run: bool = False) -> dict[str, Any]:
        return await walk_once(storage, clock, now_ms, bucket, dry_run)

    return {"lifecycle_run": run}


async def walk_once(
    storage: Storage, clock: IReactorTime, now_ms: Callable[[], int], bucket: str, dry_run: bool
) -> dict[str, Any]:
    """One whole walk over all buckets with rules, or one of them; what was done, and of a dry run
    what would be. Raises ``CommandError``."""
    if bucket:
        found: Bucket | None = await storage.store.read(bucket_register(bucket))
        if found is not None and found.alias_of:
            found = await target_of(storage.store, found)
        if found is None:
            raise CommandError(f"there is no bucket {bucket!r}")
        if lifecycle_of(found) is None:
            raise CommandError(f"bucket {bucket!r} has no lifecycle rules")
        bucket = found.name
    expirer = Expirer(
        storage.store,
        make_executor(now_ms, storage, dry_run),
        FromTheBeginning(),
        clock,
        now_ms,
        day_ms=storage.settings.lifecycle_day_ms,
        interval_s=storage.config.lifecycle_interval,
        cpu_s=time.process_time,
        read_only=lambda: storage.blobs.read_only,
        only=bucket,
    )
    walking: Awaitable[None] = expirer.walk()
    await walking
    if not expirer.completed_ms:
        raise CommandError("the store is read-only after a disk error: the walk was given up")
    counts = msgspec.structs.asdict(expirer.tally)
    return {"examined": expirer.examined, **counts, "errors": expirer.errors, "dry_run": dry_run}


def lifecycle_gauges(expirer: Expirer | None) -> dict[str, float]:
    """What the metrics say of the expirer."""
    if expirer is None:
        return {}
    tally = expirer.tally
    return {
        "z4_lifecycle_examined": expirer.examined,
        "z4_lifecycle_expired": tally.expired,
        "z4_lifecycle_removed": tally.removed,
        "z4_lifecycle_transitioned": tally.transitioned,
        "z4_lifecycle_aborted_uploads": tally.aborted,
        "z4_lifecycle_skipped": tally.skipped,
        "z4_lifecycle_errors": expirer.errors + expirer.task.failures,
        "z4_lifecycle_completed_seconds": expirer.completed_ms / 1000,
    }
