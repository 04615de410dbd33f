"""Removes what nothing names any more: blobs without references, orphaned and unfinished files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from z4tw.daemons.periodic import Periodic
from z4tw.interfaces import IBlobHousekeeping, IMetadataHousekeeping, IOffload
from z4tw.model.objects import BlobInfo

_FILES_PER_BATCH = 500
_File = tuple[bytes | None, str, int, float]


class Reaper(MultiService):
    """Two periodic tasks over a metadata store and a blob store.

    *Reap*: blobs whose reference count has been zero for ``grace_s`` are unlinked, then forgotten;
    records whose time is over are removed. *Sweep*: a blob file or a temporary that no row names
    and that was last written ``orphan_grace_s`` ago is unlinked. Both work in batches and give way
    to the reactor in between. ``pause`` holds all removal back, for a backup that links files.

    ``now_ms`` is Unix time. ``reaped``, ``swept``, ``reaped_bytes``, ``expired`` and ``failures``
    count for the metrics.
    """

    def __init__(
        self,
        metadata: IMetadataHousekeeping,
        blobs: IBlobHousekeeping,
        offload: IOffload,
        clock: IReactorTime,
        now_ms: Callable[[], int],
        *,
        grace_s: float = 3_600,
        orphan_grace_s: float = 86_400,
        reap_interval_s: float = 60,
        sweep_interval_s: float = 21_600,
        batch: int = 256,
        log: Logger | None = None,
    ) -> None:
        super().__init__()
        self.setName("reaper")
        self.reaped = 0
        self.reaped_bytes = 0
        self.swept = 0
        self.expired = 0
        self.failures = 0
        self._stopping = False
        self._metadata = metadata
        self._blobs = blobs
        self._offload = offload
        self._clock = clock
        self._now_ms = now_ms
        self._grace_ms = int(grace_s * 1000)
        self._orphan_grace_ms = int(orphan_grace_s * 1000)
        self._batch = batch
        self._log = log if log is not None else Logger()
        self._pauses = 0
        self._removing = 0
        self._still: list[Deferred[None]] = []
        self.reap_task = Periodic("reap", self.reap, reap_interval_s, clock, log=self._log)
        self.sweep_task = Periodic("sweep", self.sweep, sweep_interval_s, clock, log=self._log)
        self.reap_task.setServiceParent(self)
        self.sweep_task.setServiceParent(self)

    def startService(self) -> None:
        """Start both tasks."""
        self._stopping = False
        super().startService()

    def stopService(self) -> Deferred[Any]:
        """Stop after the batch under way; fires then."""
        self._stopping = True
        stopped: Deferred[Any] = super().stopService()
        return stopped

    def pause(self) -> Deferred[None]:
        """Remove nothing until ``resume``; fires when no removal is under way. Pauses nest."""
        self._pauses += 1
        if not self._removing:
            return succeed(None)
        still: Deferred[None] = Deferred()
        self._still.append(still)
        return still

    def resume(self) -> None:
        """End one ``pause``. Raises ``ValueError`` when there is none."""
        if not self._pauses:
            raise ValueError("the reaper is not paused")
        self._pauses -= 1

    @property
    def paused(self) -> bool:
        """Whether removal is held back."""
        return self._pauses > 0

    async def reap(self) -> int:
        """Remove all garbage that is old enough; how many blobs went. One that cannot be removed
        is logged and left for the next time."""
        before = self.reaped
        more = True
        while more and not self.paused:
            self._enter()
            try:
                more = await self._reap_batch()
            finally:
                self._leave()
            more = more and not self._stopping
            if more:
                await self._give_way()
        more = not self._stopping
        while more and not self.paused:
            expired = await self._metadata.expire(self._now_ms(), self._batch)
            self.expired += expired
            more = expired >= self._batch and not self._stopping
            if more:
                await self._give_way()
        return self.reaped - before

    async def _reap_batch(self) -> bool:
        """Whether there is more."""
        before_ms = self._now_ms() - self._grace_ms
        garbage: list[BlobInfo] = await self._metadata.garbage(before_ms, self._batch)
        gone: list[bytes] = []
        for blob in garbage:
            if self.paused:
                break
            if await self._remove(blob):
                gone.append(blob.id)
                self.reaped += 1
                self.reaped_bytes += blob.stored_size
        if gone:
            await self._metadata.forget(gone)
        # What could not be removed comes again in the next batch: do not spin on it.
        return len(gone) == self._batch

    async def _remove(self, blob: BlobInfo) -> bool:
        try:
            await self._blobs.remove(blob)
        except OSError:
            self.failures += 1
            self._log.failure("{path} could not be removed", path=blob.path)
            return False
        return True

    async def sweep(self) -> int:
        """Remove all orphans that are old enough; how many went."""
        before_s = (self._now_ms() - self._orphan_grace_ms) / 1000
        files = self._blobs.files()
        count = 0
        while not self.paused:
            found = await self._offload.run(_take, files)
            orphans = [file for file in found if file[3] < before_s]
            if orphans:
                self._enter()
                try:
                    count += await self._remove_orphans(orphans)
                finally:
                    self._leave()
            if len(found) < _FILES_PER_BATCH or self._stopping:
                break
            await self._give_way()
        return count

    async def _remove_orphans(self, files: list[_File]) -> int:
        known = await self._metadata.known([id for id, _, _, _ in files if id is not None])
        count = 0
        for id, path, size, _ in files:
            if id is not None and id in known:
                continue
            if self.paused:
                break
            if not await self._remove(BlobInfo(id or b"", path, 0, size)):
                continue
            self._log.info("removed the orphan {path} ({size} bytes)", path=path, size=size)
            self.swept += 1
            count += 1
        return count

    def _give_way(self) -> Deferred[None]:
        return deferLater(self._clock, 0)

    def _enter(self) -> None:
        self._removing += 1

    def _leave(self) -> None:
        self._removing -= 1
        if not self._removing:
            still, self._still = self._still, []
            for waiting in still:
                waiting.callback(None)


def _take(files: Iterator[_File]) -> list[_File]:
    """(blocking) The next batch of an iterator of files."""
    return list(islice(files, _FILES_PER_BATCH))
