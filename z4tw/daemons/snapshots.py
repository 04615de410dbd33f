"""Keeps recent copies of the metadata database, for ``z4 fsck --rebuild``."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from z4tw.daemons.periodic import Periodic
from z4tw.interfaces import IMetadataHousekeeping, IOffload

KEPT = 3
"""Snapshots that are kept; older ones are removed after a new one is complete."""
_NAME = re.compile(r"meta-[0-9]{8}T[0-9]{9}Z\.db")


class Snapshots(Service):
    """Writes ``meta-<UTC time>.db`` into a directory every ``interval_s`` and keeps three.

    The first one is due ``interval_s`` after the newest that is there, so that a node that is
    often restarted makes them too. ``now_ms`` is Unix time in milliseconds.
    """

    def __init__(
        self,
        store: IMetadataHousekeeping,
        directory: str,
        offload: IOffload,
        clock: IReactorTime,
        now_ms: Callable[[], int],
        interval_s: float,
    ) -> None:
        self.setName("snapshots")
        self._store = store
        self._directory = directory
        self._offload = offload
        self._clock = clock
        self._now_ms = now_ms
        self._interval_s = interval_s
        self._task: Periodic | None = None

    def startService(self) -> None:
        """Plan the first snapshot."""
        super().startService()
        newest = max((os.path.getmtime(path) for path in self._paths()), default=None)
        first_s = self._interval_s
        if newest is not None:
            first_s -= min(max(0.0, self._now_ms() / 1000 - newest), self._interval_s)
        self._task = Periodic("snapshot", self.take, self._interval_s, self._clock, first_s=first_s)
        self._task.startService()

    def stopService(self) -> Deferred[None] | None:
        """Plan no more; fires when the one being written is complete."""
        super().stopService()
        task, self._task = self._task, None
        return None if task is None else task.stopService()

    async def take(self) -> str:
        """Write one now and remove those that are too many; its path."""
        path = os.path.join(self._directory, _name(self._now_ms()))
        await self._store.snapshot(path)
        await self._offload.run(self._thin_out)
        return path

    def _thin_out(self) -> None:
        """(offloaded) Remove all but the newest, and what an interrupted copy left."""
        for path in self._paths()[:-KEPT]:
            os.unlink(path)
        for name in os.listdir(self._directory):
            if name.endswith(".partial"):
                os.unlink(os.path.join(self._directory, name))

    def _paths(self) -> list[str]:
        """The snapshots that are there, oldest first."""
        names = sorted(name for name in os.listdir(self._directory) if _NAME.fullmatch(name))
        return [os.path.join(self._directory, name) for name in names]


def _name(now_ms: int) -> str:
    moment = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now_ms / 1000))
    return f"meta-{moment}{now_ms % 1000:03d}Z.db"
