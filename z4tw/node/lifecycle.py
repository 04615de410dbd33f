"""The node's part in lifecycles: the storage classes of plugins, and the expirer."""

from __future__ import annotations

import time

from z4tw.config import Config
from z4tw.daemons.expirer import Expirer
from z4tw.node.openings import Outside
from z4tw.node.storage import Storage
from z4tw.node.walked import FilePositions
from z4tw.ops.expiring import Executor
from z4tw.ops.moving import Mover


def make_expirer(outside: Outside, config: Config, storage: Storage) -> Expirer:
    """The daemon of the store process."""
    mover = Mover(storage.store, storage.blobs, storage.offload, storage.stamp, storage.actions)
    return Expirer(
        storage.store,
        Executor(storage.store, storage.stamp, outside.now_ms, mover.move),
        FilePositions(config.meta, storage.offload),
        outside.reactor,
        outside.now_ms,
        day_ms=storage.settings.lifecycle_day_ms,
        interval_s=config.lifecycle_interval,
        cpu_s=time.process_time,
        read_only=lambda: storage.blobs.read_only,
    )


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
