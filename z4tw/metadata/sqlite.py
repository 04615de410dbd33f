"""The metadata store over SQLite: the one writer of a database, with group commit.

Commands queue; a batch is what arrived in one turn of the event loop and during the former
commit. Its row statements run on the event loop, where they cost microseconds and need no
locks; only COMMIT, which waits for the disk, is offloaded (``_commit`` is the one place where that
is decided: beside a busy Python thread, statements in a thread of their own lose the GIL at every
row). Answers are given after COMMIT returned.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import apsw
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from z4tw.errors import ServiceUnavailable
from z4tw.interfaces import IMetadataHousekeeping, IMetadataStore, IOffload, Steps, no_steps
from z4tw.metadata.cache import RegisterCache
from z4tw.metadata.generations import Generations
from z4tw.metadata.reads import SqliteReads
from z4tw.metadata.schema import BUSY_MS, FATAL, StoreFacts, open_reader, open_writer
from z4tw.metadata.snapshot import copy_database
from z4tw.metadata.writes import RowWriter
from z4tw.model.objects import BlobInfo
from z4tw.model.registers import Outcome, Register
from z4tw.objects import Command

BATCH = 512
"""Commands in one transaction at most."""
CHECKPOINT_PAGES = 4_000
"""Pages in the WAL (16 MiB) after which it is copied into the database."""
TRUNCATE_PAGES = 10 * CHECKPOINT_PAGES
"""A WAL that readers let grow so far is cut, waiting for them up to ``CUT_WAIT_MS``."""
CUT_WAIT_MS = 200
IDLE_CHECKPOINT_S = 10.0
PURGE_AT_ONCE = 500


class _Job(NamedTuple):
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    waiter: Deferred[Any]


@implementer(IMetadataStore, IMetadataHousekeeping)
class SqliteStore(SqliteReads):
    """A store in a file, opened for writing by this process alone.

    ``offload`` waits for COMMIT, ``copying`` (default: the same) makes snapshots, which may take
    minutes. ``clock`` None commits every command at once, for command-line tools without an event
    loop.
    ``now_ms`` gives Unix milliseconds; ``random_bytes`` is ``os.urandom`` or a seeded one.
    ``on_fatal`` is called once when the database cannot be trusted any more: the process must
    end with a non-zero status. ``vfs`` with ``exclusive`` is for simulated disks. ``store_uuid``
    (None: random), ``vnodes`` and ``replicas`` are used when the store is created; ``facts`` says
    what it has. Raises
    ``StoreFormatError``, ``apsw.Error``.
    """

    _log = Logger()

    def __init__(
        self,
        path: str,
        *,
        clock: IReactorTime | None,
        offload: IOffload,
        copying: IOffload | None = None,
        now_ms: Callable[[], int],
        random_bytes: Callable[[int], bytes],
        on_fatal: Callable[[BaseException], None],
        generations: Generations | None = None,
        steps: Steps = no_steps,
        cache: RegisterCache | None = None,
        vfs: str | None = None,
        exclusive: bool = False,
        store_uuid: bytes | None = None,
        vnodes: int = 150,
        replicas: int = 3,
    ) -> None:
        def new_facts() -> StoreFacts:
            seed = int.from_bytes(random_bytes(8), "big")
            uuid = random_bytes(16) if store_uuid is None else store_uuid
            return StoreFacts(uuid, seed, vnodes=vnodes, replicas=replicas)

        self.path = path
        self._writer = open_writer(path, new_facts, vfs=vfs, exclusive=exclusive)
        self.generations = Generations() if generations is None else generations
        reader = self._writer if exclusive else open_reader(path)
        super().__init__(reader, self.generations, on_fatal, cache)
        self._exclusive = exclusive
        self._rows = RowWriter(self._writer, self.facts, now_ms, random_bytes)
        self._clock = clock
        self._offload = offload
        self._copying = offload if copying is None else copying
        self._steps = steps
        self._queue: deque[_Job] = deque()
        self._busy = False
        self._scheduled = False
        self._closing = False
        self._wal_pages = 0
        self._copied_pages = 0
        self._idle: IDelayedCall | None = None
        self._announced: Callable[[], None] | None = None
        self._writer.set_wal_hook(self._note_wal)

    # IMetadataStore

    def change(self, register: Register, command: Command) -> Deferred[Outcome]:
        """Queue a command; its outcome comes after the COMMIT of its batch."""
        return self._submit(self._rows.change, register, command)

    def close_incarnation(self, incarnation: int) -> Deferred[None]:
        """Refuse changes from now on: commands queued later than this one."""
        return self._submit(self._rows.set_closed, incarnation, True)

    def reopen_incarnation(self, incarnation: int) -> Deferred[None]:
        """Accept changes again."""
        return self._submit(self._rows.set_closed, incarnation, False)

    async def purge_incarnation(self, incarnation: int) -> None:
        """Remove uploads and parts, some hundred per transaction."""
        while await self._submit(self._rows.purge, incarnation, PURGE_AT_ONCE):
            pass

    # IMetadataHousekeeping

    def garbage(self, before_ms: int, limit: int) -> Deferred[list[BlobInfo]]:
        """Blobs to be unlinked; durably marked dying when this fires."""
        return self._submit(self._rows.garbage, before_ms, limit)

    def forget(self, ids: list[bytes]) -> Deferred[None]:
        """Remove the rows of dying blobs."""
        return self._submit(self._rows.forget, ids)

    def expire(self, now_ms: int, limit: int) -> Deferred[int]:
        """Remove records whose time has come."""
        return self._submit(self._rows.expire, now_ms, limit)

    def outbox_remove(self, numbers: list[int]) -> Deferred[None]:
        """Remove events that were delivered."""
        return self._submit(self._rows.outbox_remove, numbers)

    def outbox_trim(self, sink: str, keep: int) -> Deferred[int]:
        """Remove all but the newest events of a sink."""
        return self._submit(self._rows.outbox_trim, sink, keep)

    def watch_outbox(self, announced: Callable[[], None] | None) -> None:
        """Call a function after every commit that adds events."""
        self._announced = announced

    async def snapshot(self, path: str) -> None:
        """Copy the database while it is used. Raises ``FileExistsError``, ``OSError``."""
        if self._exclusive:
            while self._blocked:
                await self._unblock()
            copy_database(self._writer, path)
        else:
            await self._copying.run(_copy_file, self.path, path)

    # Batches

    def _submit(self, function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        if self._closed or self._closing:
            return fail(ServiceUnavailable())
        waiter: Deferred[Any] = Deferred()
        self._queue.append(_Job(function, arguments, waiter))
        self._kick()
        return waiter

    def _kick(self) -> None:
        """Have a batch run when this turn of the event loop ends, unless one is under way."""
        if self._busy or self._scheduled or not self._queue:
            return
        if self._clock is None:
            self._start()
        else:
            self._scheduled = True
            self._clock.callLater(0, self._start)

    def _start(self) -> None:
        self._scheduled = False
        if not self._failed:
            self._busy = True
            Deferred.fromCoroutine(self._run_batch()).addErrback(self._defect)

    async def _run_batch(self) -> None:
        queue = self._queue
        jobs = [queue.popleft() for _ in range(min(len(queue), BATCH))]
        try:
            results = self._apply(jobs)
            if self._rows.save():
                marked = self._generations.begin(self._rows.touched)
                await self._commit()
                self._generations.end(marked)
            else:
                # What the outcomes rest on was committed before; nothing waits for the disk.
                self._writer.execute("COMMIT")
        except Exception as error:
            self._die(error, jobs)
            return
        announced = self._rows.announced
        for job, result in zip(jobs, results, strict=True):
            job.waiter.callback(result)
        if announced and self._announced is not None:
            self._announced()
        # When the last answer made ``close`` go on, the log is its business already.
        if not self._closing and self._uncopied() >= CHECKPOINT_PAGES:
            await self._checkpoint(self._wal_pages >= TRUNCATE_PAGES)
        self._busy = False
        self._arm_idle()
        self._kick()

    async def _commit(self) -> None:
        self._blocked = self._exclusive
        await self._offload.run(self._commit_now)
        self._release_reads()

    def _commit_now(self) -> None:
        """(offloaded) The wait for the disk."""
        self._steps("store.before-commit")
        self._writer.execute("COMMIT")
        self._steps("store.after-commit")

    def _apply(self, jobs: list[_Job]) -> list[Any]:
        """Run the jobs in a transaction; an exception of one is its result and no other's."""
        rows = self._rows
        rows.begin()
        results: list[Any] = []
        for job in jobs:
            try:
                results.append(job.function(*job.arguments))
            except FATAL:
                raise
            except Exception:
                results.append(Failure())
                if rows.midway:
                    # It left rows behind: undo the batch, and do it again with every job in a
                    # savepoint. No answer was given, so doing it again is safe.
                    rows.rollback()
                    return self._apply_guarded(jobs)
        return results

    def _apply_guarded(self, jobs: list[_Job]) -> list[Any]:
        self._rows.begin()
        results: list[Any] = []
        for job in jobs:
            try:
                results.append(self._rows.guarded(job.function, job.arguments))
            except FATAL:
                raise
            except Exception:
                results.append(Failure())
        return results

    def _die(self, error: BaseException, jobs: list[_Job]) -> None:
        """The database failed: nobody knows what it has, so nothing is tried again."""
        self._log.failure("The metadata database failed.", Failure(error))
        self._fail(error)
        waiting = [*jobs, *self._queue]
        self._queue.clear()
        self._disarm_idle()
        self._release_reads()
        for job in waiting:
            job.waiter.errback(ServiceUnavailable())

    def _defect(self, failure: Failure) -> None:
        """An exception of this class itself: going on could answer wrongly."""
        self._log.failure("Defect in the metadata store.", failure)
        self._fail(failure.value or RuntimeError("no exception"))

    # The write-ahead log

    def _note_wal(self, connection: apsw.Connection, name: str, pages: int) -> int:
        """SQLite says after every commit how many pages the WAL has."""
        if pages < self._copied_pages:
            self._copied_pages = 0  # it began again from its start
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _uncopied(self) -> int:
        """Pages of the WAL that the database file does not have yet."""
        return self._wal_pages - self._copied_pages

    async def _checkpoint(self, cut: bool) -> None:
        self._blocked = self._exclusive
        try:
            await self._offload.run(self._checkpoint_now, cut)
        except Exception as error:
            self._die(error, [])
        self._release_reads()

    def _checkpoint_now(self, cut: bool) -> None:
        """(offloaded) Copy the WAL into the database; ``cut`` also empties its file, unless a
        reader needs it for longer than a moment."""
        writer = self._writer
        mode = apsw.SQLITE_CHECKPOINT_TRUNCATE if cut else apsw.SQLITE_CHECKPOINT_PASSIVE
        writer.set_busy_timeout(CUT_WAIT_MS)
        try:
            self._wal_pages, self._copied_pages = writer.wal_checkpoint(mode=mode)
        except apsw.BusyError:
            # A reader holds an old snapshot; the pages are tried again with later ones.
            self._copied_pages = self._wal_pages
        finally:
            writer.set_busy_timeout(BUSY_MS)

    def _arm_idle(self) -> None:
        if self._clock is None or self._closing or self._idle is not None:
            return
        if self._wal_pages:
            self._idle = self._clock.callLater(IDLE_CHECKPOINT_S, self._tidy)

    def _disarm_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _tidy(self) -> None:
        """Some seconds after a write: leave little for the next start to replay."""
        self._idle = None
        if self._busy or self._scheduled:
            self._arm_idle()
        else:
            self._busy = True
            Deferred.fromCoroutine(self._run_tidy()).addErrback(self._defect)

    async def _run_tidy(self) -> None:
        await self._checkpoint(True)
        self._busy = False
        self._kick()

    async def close(self) -> None:
        """Finish what is queued, checkpoint, and close the database; safe to call twice."""
        if not self._closing and not self._failed:
            last = self._submit(self._rows.save)
            self._closing = True
            await last
            self._disarm_idle()
            await self._checkpoint(True)
        self._closing = self._closed = True
        self._cursor.close(True)
        self._reader.close(True)
        self._writer.close(True)


def _copy_file(source: str, path: str) -> None:
    """(offloaded) Copy through a connection of its own, which holds one snapshot."""
    connection = open_reader(source)
    try:
        copy_database(connection, path)
    finally:
        connection.close()
