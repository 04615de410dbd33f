"""Re-reads every blob against its digests, slowly and for ever, to find bit rot before a client."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from z4tw.daemons.periodic import Periodic
from z4tw.errors import CorruptBlob
from z4tw.interfaces import IBlobHousekeeping, IMetadataHousekeeping, IOffload
from z4tw.model.objects import BlobInfo


class BadBlob(msgspec.Struct, frozen=True):
    """A blob that failed twice. ``reason`` is one line; ``missing``: its file is not there;
    ``quarantined``: its file was moved away."""

    blob: BlobInfo
    reason: str
    missing: bool
    quarantined: bool


def _ignore(bad: BadBlob) -> None:
    """The ``on_bad`` of an auditor that only logs and counts."""


class Auditor(Service):
    """Walks all blobs in id order, again every ``interval_s`` after a round has ended.

    Reading is held to ``bytes_per_s``. A blob that fails is looked at again ``recheck_s`` later,
    since it may have been reaped meanwhile, or misread; what fails twice is logged, counted in
    ``bad`` and told to ``on_bad``. With ``quarantine`` its file is moved away as well: right only
    where another copy exists, because the good blocks of a damaged file can still be read.
    An error with one blob never ends the round. ``position`` is the id last looked at; a stored
    one, given back, makes the walk go on there.
    """

    def __init__(
        self,
        metadata: IMetadataHousekeeping,
        blobs: IBlobHousekeeping,
        offload: IOffload,
        clock: IReactorTime,
        *,
        bytes_per_s: float = 10_000_000,
        interval_s: float = 3_600,
        recheck_s: float = 60,
        quarantine: bool = False,
        on_bad: Callable[[BadBlob], None] = _ignore,
        position: bytes = b"",
        batch: int = 128,
        log: Logger | None = None,
    ) -> None:
        self.setName("auditor")
        self.position = position
        self.audited = 0
        self.audited_bytes = 0
        self.bad = 0
        self.errors = 0
        self.rounds = 0
        self._metadata = metadata
        self._blobs = blobs
        self._offload = offload
        self._clock = clock
        self._bytes_per_s = bytes_per_s
        self._recheck_s = recheck_s
        self._quarantine = quarantine
        self._on_bad = on_bad
        self._batch = batch
        self._log = log if log is not None else Logger()
        self._stopping = False
        self._pause: Deferred[None] | None = None
        self._task = Periodic("audit", self.round, interval_s, clock, log=self._log)

    def startService(self) -> None:
        """Start the first round after ``interval_s``."""
        super().startService()
        self._stopping = False
        self._task.startService()

    def stopService(self) -> Deferred[None]:
        """Stop after the piece being read; fires then."""
        super().stopService()
        self._stopping = True
        ended = self._task.stopService()
        if self._pause is not None:
            self._pause.cancel()
        return ended

    async def round(self) -> None:
        """Look at every blob from ``position`` to the end once."""
        while not self._stopping:
            blobs: list[BlobInfo] = await self._metadata.blobs_after(self.position, self._batch)
            suspects = []
            for blob in blobs:
                failure = await self._failure(blob)
                if self._stopping:
                    return
                if failure is not None:
                    suspects.append(blob)
                self.position = blob.id
            if suspects:
                await self._sleep(self._recheck_s)
                await self._recheck(suspects)
            if len(blobs) < self._batch:
                self.position = b""
                self.rounds += 1
                return

    async def _failure(self, blob: BlobInfo) -> CorruptBlob | FileNotFoundError | None:
        """What is wrong with a blob, None when it is well or when that could not be found out."""
        try:
            await self._blobs.verify(blob, self._pace)
        except (CorruptBlob, FileNotFoundError) as error:
            return error
        except _Stopped:
            return None
        except Exception:
            self.errors += 1
            self._log.failure("auditing {path} failed; the walk goes on", path=blob.path)
            return None
        self.audited += 1
        self.audited_bytes += blob.stored_size
        return None

    async def _recheck(self, suspects: list[BlobInfo]) -> None:
        known = await self._metadata.known([blob.id for blob in suspects])
        for blob in suspects:
            if self._stopping:
                return
            if blob.id not in known:
                continue
            failure = await self._failure(blob)
            if failure is not None:
                await self._report(blob, failure)

    async def _report(self, blob: BlobInfo, failure: CorruptBlob | FileNotFoundError) -> None:
        missing = isinstance(failure, FileNotFoundError)
        reason = "the file is missing" if missing else str(failure)
        quarantined = False
        if self._quarantine and not missing:
            try:
                await self._offload.run(self._blobs.quarantine, blob.path)
                quarantined = True
            except OSError:
                self.errors += 1
                self._log.failure("{path} could not be quarantined", path=blob.path)
        self.bad += 1
        self._log.error("bad blob {path}: {reason}", path=blob.path, reason=reason)
        self._on_bad(BadBlob(blob, reason, missing, quarantined))

    async def _pace(self, size: int) -> None:
        await self._sleep(size / self._bytes_per_s)
        if self._stopping:
            raise _Stopped

    async def _sleep(self, delay_s: float) -> None:
        if self._stopping:
            return
        self._pause = deferLater(self._clock, delay_s)
        try:
            # ``stopService`` cancels it; the sleeper then looks at ``_stopping`` itself.
            with suppress(CancelledError):
                await self._pause
        finally:
            self._pause = None


class _Stopped(Exception):
    """The auditor is stopping in the middle of a blob."""
