"""Backup and removal of garbage as commands: of a running node, and of a store that is stopped."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import msgspec
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from z4tw.daemons.reaper import Reaper
from z4tw.node.commands import Command
from z4tw.node.failures import StoreError
from z4tw.node.storage import Storage
from z4tw.recovery.backup import BackupMade, make_backup
from z4tw.recovery.place import Place


class Upkeep:
    """The commands ``backup`` and ``gc`` on an opened storage.

    ``running`` says that a node serves meanwhile: its graces are then as they were configured.
    ``stopping()`` is True when the node is to stop, which interrupts a backup.
    """

    def __init__(
        self,
        storage: Storage,
        reaper: Reaper,
        now_ms: Callable[[], int],
        *,
        running: bool,
        stopping: Callable[[], bool],
    ) -> None:
        self._storage = storage
        self._reaper = reaper
        self._now_ms = now_ms
        self._running = running
        self._stopping = stopping
        self._backing_up = False

    def commands(self) -> dict[str, Command]:
        """The commands by name."""
        return {"backup": self.backup, "gc": self.gc}

    async def backup(self, destination: str) -> dict[str, Any]:
        """Back everything up to a new or empty directory, an absolute path. Raises
        ``RecoveryError``, ``StoreError``."""
        if not os.path.isabs(destination):
            raise StoreError("the destination of a backup is an absolute path")
        if self._backing_up:
            raise StoreError("another backup is being made: wait for its end")
        self._backing_up = True
        try:
            await self._reaper.pause()
            try:
                made = await make_backup(
                    Place(self._storage.config.data),
                    destination,
                    snapshot=self._storage.store.snapshot,
                    offload=self._storage.offload,
                    now_ms=self._now_ms,
                    stopping=self._stopping,
                )
            finally:
                self._reaper.resume()
        finally:
            self._backing_up = False
        return backup_answer(made)

    async def gc(self, grace_seconds: float | None = None) -> dict[str, Any]:
        """Remove now what is old enough to be removed; ``grace_seconds`` replaces both grace
        periods, on a stopped store only. Raises ``StoreError``."""
        reaper = self._reaper
        if reaper.paused:
            raise StoreError("a backup is being made, and nothing is removed before its end")
        if grace_seconds is not None and self._running:
            config = self._storage.config
            raise StoreError(
                "a node runs, with grace periods of "
                f"{config.blob_grace_seconds:g} and {config.orphan_grace_seconds:g} seconds: "
                "stop it to remove with another one"
            )
        before = _counts(reaper)
        if self._running:
            # As the periodic tasks, so that two never run at once.
            await reaper.reap_task.run_now()
            await reaper.sweep_task.run_now()
        else:
            await reaper.reap()
            await reaper.sweep()
        return {name: count - before[name] for name, count in _counts(reaper).items()}


def backup_answer(made: BackupMade) -> dict[str, Any]:
    """A backup's result as JSON can hold it."""
    answer: dict[str, Any] = msgspec.to_builtins(made)
    return answer


def stopped_upkeep(
    storage: Storage, now_ms: Callable[[], int], grace_seconds: float | None = None
) -> Upkeep:
    """The commands on a store that this process alone has open, without an event loop.
    ``grace_seconds`` replaces both grace periods."""
    config = storage.config
    grace_s, orphan_grace_s = config.blob_grace_seconds, config.orphan_grace_seconds
    if grace_seconds is not None:
        grace_s = orphan_grace_s = grace_seconds
    reaper = Reaper(
        storage.store,
        storage.blobs,
        storage.offload,
        AtOnce(),
        now_ms,
        grace_s=grace_s,
        orphan_grace_s=orphan_grace_s,
    )
    return Upkeep(storage, reaper, now_ms, running=False, stopping=lambda: False)


def stopped_commands(storage: Storage, now_ms: Callable[[], int]) -> dict[str, Command]:
    """``backup`` and ``gc`` on a store that this process alone has open."""

    async def gc(grace_seconds: float | None = None) -> dict[str, Any]:
        return await stopped_upkeep(storage, now_ms, grace_seconds).gc(grace_seconds)

    async def backup(destination: str) -> dict[str, Any]:
        return await stopped_upkeep(storage, now_ms).backup(destination)

    return {"backup": backup, "gc": gc}


@implementer(IReactorTime)
class AtOnce:
    """A clock without an event loop: work that gives way to others goes on at once."""

    def seconds(self) -> float:
        """No time passes."""
        return 0.0

    def callLater(self, delay: float, callable: Callable[..., Any], *args: Any, **kw: Any) -> Any:
        """Call now. Raises ``ValueError`` for work that wants to wait."""
        if delay:
            raise ValueError("there is no event loop to wait in")
        callable(*args, **kw)

    def getDelayedCalls(self) -> list[Any]:
        """Nothing is ever delayed."""
        return []


def _counts(reaper: Reaper) -> dict[str, int]:
    return {
        "blobs": reaper.reaped,
        "blob_bytes": reaper.reaped_bytes,
        "orphans": reaper.swept,
        "expired": reaper.expired,
        "failures": reaper.failures + reaper.reap_task.failures + reaper.sweep_task.failures,
    }
