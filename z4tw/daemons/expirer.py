"""Walks the buckets that have lifecycle rules, and does what is due, in small steps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from z4tw.daemons.periodic import Periodic
from z4tw.interfaces import IMetadataStore
from z4tw.lifecycle.due import Judge
from z4tw.lifecycle.rules import Configuration
from z4tw.model.control import Bucket, BucketState
from z4tw.model.registers import Kind, ListPage, ListQuery, split_upload_key, upload_prefix
from z4tw.ops.control import bucket_register
from z4tw.ops.expiring import Executor, Looked, Tally
from z4tw.ops.lifecycle import lifecycle_of
from z4tw.ops.started import outcomes
from z4tw.s3.listing import prefix_successor

OBJECTS = "objects"
UPLOADS = "uploads"
HEAD_COST = 4
"""A head takes as long as so many rows of a listing."""
FEW_RULES = 20
LEAST_KEYS = 8
"""With more than ``FEW_RULES`` rules a step looks at fewer keys, down to this many."""
IDLE_FACTOR = 4
"""Steps are so much longer while nobody else wants the process."""
BUSY_REST = 19
"""Rests as multiples of a step while the process has other work."""
BUSY_SHARE = 0.1
"""A process that uses this part of a rest's time has other work."""
LATE_S = 0.003
"""And so has one, or its machine, that wakes the expirer later than this."""
LONGEST_REST_S = 1.0
T = TypeVar("T")
_BUCKETS_AT_ONCE = 100


class Position(msgspec.Struct, frozen=True):
    """How far a walk is: everything before ``key`` in a phase of a bucket was looked at. The
    empty position is the beginning."""

    bucket: str = ""
    phase: str = ""
    key: bytes = b""


class PositionStore(Protocol):
    """Where the position outlives the process."""

    async def load(self) -> Position:
        """What was saved last; the beginning when nothing was."""

    async def save(self, position: Position) -> None:
        """Keep a position in place of the former one."""


class FromTheBeginning:
    """The ``PositionStore`` of a single walk."""

    async def load(self) -> Position:
        """The beginning."""
        return Position()

    async def save(self, position: Position) -> None:
        """Nobody goes on there."""


class Expirer(Service):
    """Walks all buckets with lifecycle rules, again ``interval_s`` after a walk has ended.

    A step looks at ``batch`` keys, a quarter of it where rules look into heads, which takes some
    tenths of a millisecond. After each it rests: while the process has other work, which it sees
    by what CPU time was used meanwhile (``cpu_s``) and by how late it is woken, for so long that
    it takes a twentieth of the process; else it takes half of it, in steps that are longer.

    The position is saved every ``save_s`` and when the service stops, and the next walk goes on
    there. An error with one key is logged and counted, and leaves it for the next walk; one of the
    store ends the walk until its next turn.

    With ``only``, the name of a bucket, a walk is of that one.

    ``day_ms`` is the length of a rule's day; while ``read_only()`` nothing is done. ``examined``,
    ``tally``, ``errors`` and ``completed_ms`` (Unix milliseconds of the end of the last whole walk,
    0: none) are for the metrics.
    """

    def __init__(
        self,
        store: IMetadataStore,
        executor: Executor,
        positions: PositionStore,
        clock: IReactorTime,
        now_ms: Callable[[], int],
        *,
        day_ms: int,
        interval_s: float,
        cpu_s: Callable[[], float] = lambda: 0.0,
        read_only: Callable[[], bool] = lambda: False,
        only: str = "",
        batch: int = 256,
        save_s: float = 5.0,
        log: Logger | None = None,
    ) -> None:
        self.setName("expirer")
        self.examined = 0
        self.tally = Tally()
        self.errors = 0
        self.completed_ms = 0
        self._store: Any = store
        self._executor = executor
        self._positions = positions
        self._clock = clock
        self._now_ms = now_ms
        self._day_ms = day_ms
        self._cpu_s = cpu_s
        self._busy = True
        self._read_only = read_only
        self._only = only
        self._batch = batch
        self._save_s = save_s
        self._log = log if log is not None else Logger()
        self._judge: tuple[int, int, bytes, Judge | None] = (0, 0, b"", None)
        self._saved_at = 0.0
        self._began = 0.0
        self._stopping = False
        self._pause: Deferred[None] | None = None
        first_s = min(interval_s, 60.0)
        self.task = Periodic("lifecycle", self.walk, interval_s, clock, first_s=first_s, log=log)

    def startService(self) -> None:
        """Plan the first walk."""
        super().startService()
        self._stopping = False
        self.task.startService()

    def stopService(self) -> Deferred[None]:
        """Stop after the step under way, and save the position; fires then."""
        super().stopService()
        self._stopping = True
        ended = self.task.stopService()
        if self._pause is not None:
            self._pause.cancel()
        return ended

    async def walk(self) -> None:
        """Look at everything from the saved position to the end once."""
        position = await self._positions.load()
        start = position.bucket.encode("utf-8")
        while not self._stopping and not self._read_only():
            self._began = self._clock.seconds()
            rows = await self._store.scan(Kind.BUCKET, 0, start, b"", _BUCKETS_AT_ONCE)
            for name, bucket in rows:
                if self._is_walked(bucket):
                    resumed = position if position.bucket == bucket.name else Position()
                    await self._bucket(bucket, resumed)
                    if self._stopping or self._read_only():
                        return
                start = name + b"\x00"
            if len(rows) < _BUCKETS_AT_ONCE:
                await self._positions.save(Position())
                self.completed_ms = self._now_ms()
                return
            await self._rest()

    def _is_walked(self, bucket: Bucket) -> bool:
        wanted = not self._only or bucket.name == self._only
        return wanted and bucket.state == BucketState.ACTIVE and lifecycle_of(bucket) is not None

    async def _bucket(self, bucket: Bucket, position: Position) -> None:
        """Both phases of one bucket."""
        if position.phase != UPLOADS:
            await self._phase(bucket, OBJECTS, position.key, self._step_objects)
            position = Position()
        if not self._stopping and not self._read_only():
            await self._phase(bucket, UPLOADS, position.key, self._step_uploads)

    async def _phase(self, bucket: Bucket, phase: str, key: bytes, step: _Step) -> None:
        """Take steps until there is nothing after ``key``. The bucket is read again before each:
        rules that were changed or removed count at once."""
        register = bucket_register(bucket.name)
        incarnation = bucket.incarnation
        following: bytes | None = key
        while following is not None:
            self._began = self._clock.seconds()
            present: Bucket | None = await self._store.read(register)
            if present is None or present.incarnation != incarnation:
                return
            configuration = lifecycle_of(present)
            if configuration is None or present.state != BucketState.ACTIVE:
                return
            judge = self._judge_of(present, configuration)
            position = Position(bucket.name, phase, following)
            following = await step(present, judge, following)
            if following is not None:
                position = Position(bucket.name, phase, following)
                await self._save(position)
                await self._rest()
            if self._stopping or self._read_only():
                await self._positions.save(position)
                return

    def _judge_of(self, bucket: Bucket, configuration: Configuration) -> Judge:
        """The rules at this time, made anew when a day began or the bucket was changed."""
        now_ms = self._now_ms()
        until_ms, incarnation, stamp, judge = self._judge
        if (
            judge is None
            or now_ms >= until_ms
            or (incarnation, stamp) != (bucket.incarnation, bucket.stamp)
        ):
            judge = Judge(configuration, now_ms, self._day_ms, bucket.versioning != "")
            until_ms = now_ms - now_ms % self._day_ms + self._day_ms
            self._judge = (until_ms, bucket.incarnation, bucket.stamp, judge)
        return judge

    async def _step_objects(self, bucket: Bucket, judge: Judge, key: bytes) -> bytes | None:
        """Look at the next keys at or after ``key``; where the following step begins, None when
        there is nothing more."""
        found = _range(judge.prefixes, key)
        if found is None:
            return None
        start, end, prefix = found
        work: list[Awaitable[Looked]]
        limit = self._limit(judge)
        if judge.needs_heads:
            limit = max(1, limit // HEAD_COST)
            heads = await self._store.scan(Kind.OBJECT, bucket.incarnation, start, end, limit)
            count = len(heads)
            last = heads[-1][0] if heads else b""
            look_at = self._executor.look_at
            work = [
                look_at(bucket, name, judge, head)
                for name, head in heads
                if not judge.nothing_due(head.versions)
            ]
        else:
            page: ListPage = await self._store.list_live(
                Kind.OBJECT, bucket.incarnation, _query(prefix, start, limit)
            )
            count = len(page.rows)
            last = page.last
            work = [
                self._executor.look_at(bucket, row.key, judge)
                for row in page.rows
                if judge.may_be_due(row)
            ]
        self.examined += count
        for looked in await self._all(bucket, work):
            self.tally.add(looked.tally)
            for name, action in looked.moves:
                if self._stopping:
                    return key
                self._began = self._clock.seconds()
                for moved in await self._all(bucket, [self._executor.move(bucket, name, action)]):
                    self.tally.add(moved)
                await self._rest()
        if count == limit:
            return last + b"\x00"
        return end or None

    async def _step_uploads(self, bucket: Bucket, judge: Judge, key: bytes) -> bytes | None:
        """The same for uploads, whose positions are register keys."""
        plain = split_upload_key(key)[0] if key else b""
        found = _range(judge.upload_prefixes, plain)
        if found is None:
            return None
        _, end, prefix = found
        query = ListQuery(prefix=prefix, start_after=key, limit=self._limit(judge))
        page: ListPage = await self._store.list_live(Kind.UPLOAD, bucket.incarnation, query)
        self.examined += len(page.rows)
        work = [
            self._executor.abort(bucket, row.key)
            for row in page.rows
            if judge.aborted(split_upload_key(row.key)[0].decode("utf-8"), row.modified_ms)
        ]
        for tally in await self._all(bucket, work):
            self.tally.add(tally)
        if page.truncated:
            return page.last
        return upload_prefix(end) if end else None

    def _limit(self, judge: Judge) -> int:
        """How many keys the next step looks at: fewer when there are many rules."""
        limit = self._batch if self._busy else self._batch * IDLE_FACTOR
        return max(LEAST_KEYS, limit * FEW_RULES // max(judge.weight, FEW_RULES))

    async def _all(self, bucket: Bucket, work: Sequence[Awaitable[T]]) -> list[T]:
        """Do the work of one step together, so that it shares commits; what came of it, without
        what failed."""
        done: list[T] = []
        for end in await outcomes(work):
            if isinstance(end, Exception):
                self.errors += 1
                self._log.error(
                    "a key of bucket {bucket} is left for the next walk: {error!r}",
                    bucket=bucket.name,
                    error=end,
                )
            else:
                done.append(end)
        return done

    async def _save(self, position: Position) -> None:
        now = self._clock.seconds()
        if now - self._saved_at >= self._save_s:
            self._saved_at = now
            await self._positions.save(position)

    async def _rest(self) -> None:
        """Leave the loop to others after a step, and see what they do with it."""
        if self._stopping:
            return
        began, cpu = self._clock.seconds(), self._cpu_s()
        taken_s = max(0.0, began - self._began)
        rest_s = min(taken_s * (BUSY_REST if self._busy else 1), LONGEST_REST_S)
        self._pause = deferLater(self._clock, rest_s)
        try:
            await self._pause
        except CancelledError:
            return  # ``stopService`` cancels it; the walk looks at ``_stopping`` itself
        finally:
            self._pause = None
        rested_s = self._clock.seconds() - began
        used_s = self._cpu_s() - cpu
        self._busy = used_s > rested_s * BUSY_SHARE or rested_s - rest_s > LATE_S


def _query(prefix: bytes, start: bytes, limit: int) -> ListQuery:
    """Live rows at or after ``start``, which is a key that was looked at and a zero byte, or
    where a prefix begins."""
    after = start[:-1] if start.endswith(b"\x00") else b""
    return ListQuery(prefix=prefix, start_after=after, limit=limit)


_Step = Callable[[Bucket, Judge, bytes], Awaitable[bytes | None]]


def _range(prefixes: list[bytes], key: bytes) -> tuple[bytes, bytes, bytes] | None:
    """(start, end, prefix) of the first prefix's keys that are at or after ``key``; an empty end
    is none. None when all prefixes end before it."""
    for prefix in prefixes:
        end = prefix_successor(prefix)
        if not end or key < end:
            return max(prefix, key), end, prefix
    return None
