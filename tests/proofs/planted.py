"""Bugs that a proof of durability must find; each replaces a part of a life."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from tests.proofs.power import Parts, Power, PoweredDisk, PoweredFile, PoweredVfs
from z4tw.interfaces import IDisk, IDiskFile
from z4tw.metadata.sqlite import SqliteStore


class _LazyFile(PoweredFile):
    def fsync(self) -> None:
        self.disk.power.step("disk.operation")


class _NoFsyncDisk(PoweredDisk):
    def create(self, directory: str) -> IDiskFile:
        return _LazyFile(self, self.pass_on(self.disk.create, directory))


class NoFsync(Parts):
    """Files get their names without being synced."""

    def disk(self, disk: IDisk, power: Power) -> IDisk:
        return _NoFsyncDisk(disk, power)


class _NoDirsyncDisk(PoweredDisk):
    def sync_parents(self, path: str) -> None:
        self.power.step("disk.operation")


class NoDirectorySync(Parts):
    """Files get names that are never synced."""

    def disk(self, disk: IDisk, power: Power) -> IDisk:
        return _NoDirsyncDisk(disk, power)


class _TopOnlyDisk(PoweredDisk):
    def sync_parents(self, path: str) -> None:
        self.pass_on(self.disk.sync_parents, path.partition("/")[0])


class TopDirectoryOnly(Parts):
    """Of the directories that a new file needs, only the first level is synced."""

    def disk(self, disk: IDisk, power: Power) -> IDisk:
        return _TopOnlyDisk(disk, power)


class _LateFile(PoweredFile):
    def fsync(self) -> None:
        assert isinstance(self.disk, _LateDisk)
        self.disk.later.append(self.inner.fsync)


class _LateDisk(PoweredDisk):
    def __init__(self, disk: IDisk, power: Power, later: list[Callable[[], None]]) -> None:
        super().__init__(disk, power)
        self.later = later

    def create(self, directory: str) -> IDiskFile:
        return _LateFile(self, self.pass_on(self.disk.create, directory))

    def sync_parents(self, path: str) -> None:
        self.later.append(lambda: self.disk.sync_parents(path))


class MetadataFirst(Parts):
    """Blobs become durable when the commit after the one that names them is done."""

    def __init__(self) -> None:
        self.named: list[Callable[[], None]] = []
        self.later: list[Callable[[], None]] = []

    def disk(self, disk: IDisk, power: Power) -> IDisk:
        self.named.clear()
        self.later.clear()
        return _LateDisk(disk, power, self.later)

    def steps(self, power: Power) -> Callable[[str], None]:
        def step(name: str) -> None:
            power.step(name)
            if name == "store.after-commit":
                for sync in self.named:
                    sync()
                self.named[:] = self.later
                self.later.clear()

        return step


class _EarlyStore(SqliteStore):
    def _apply(self, jobs: list[Any]) -> list[Any]:
        results = super()._apply(jobs)
        for index, (job, result) in enumerate(zip(jobs, results, strict=True)):
            jobs[index] = job._replace(waiter=Deferred())
            job.waiter.callback(result)
        return results


class AnswersBeforeCommit(Parts):
    """The store answers when it has changed its rows, before they are durable."""

    store = _EarlyStore


class _NoSyncVfs(PoweredVfs):
    def sync(self, file: Any) -> None:
        self.on_operation("sync")
        file.synced_once = True


class NoLogSync(Parts):
    """The database's log is never synced."""

    vfs = _NoSyncVfs


PLANTED: list[type[Parts]] = [
    NoFsync, NoDirectorySync, TopDirectoryOnly, MetadataFirst, AnswersBeforeCommit, NoLogSync,
]  # fmt: skip
