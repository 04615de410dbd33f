"""A whole single node whose power goes: one seed, disks that lose what was not synced, no threads.

A ``Machine`` lives several lives on the same disks. In each one several clients send requests
whose bodies come piece by piece; work that a node gives to threads is kept and done in a random
order, so that everything interleaves. At a chosen step the power goes: from then on nothing
reaches a disk, whatever the code still does.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any

import apsw
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.ops.harness import REGION, START_MS, Answer, Harness, Key, PlainSeal
from tests.proofs.operations import Request
from tests.proofs.worlds import SETTINGS
from z4tw.blobs.files import FileBlobStore
from z4tw.errors import S3Error
from z4tw.interfaces import Exchange, IDisk, IDiskFile, IRequestBody
from z4tw.metadata.sqlite import SqliteStore
from z4tw.model.stamps import HybridClock
from z4tw.ops.admin import Admin
from z4tw.ops.bucket_life import resume_deletions
from z4tw.ops.routing import LocalRouter
from z4tw.ops.service import S3Service
from z4tw.ops.table import OPERATIONS
from z4tw.policy.acl import AclEvaluator
from z4tw.policy.grants import GrantsEvaluator
from z4tw.testing.disks import LossyDisk
from z4tw.testing.lossy_vfs import LossyVfs
from z4tw.testing.offload import HeldOffload

STEPS = (
    "blob.write",
    "blob.fsync",
    "blob.link",
    "blob.dirsync",
    "store.before-commit",
    "store.after-commit",
    "reply.before",
)
ANYWHERE = ("disk.operation", "vfs.operation")
DATABASE = "/meta.db"


class PowerLost(Exception):
    """What runs on after the power went meets this at every turn."""


class Power:
    """Goes at the n-th hit of a step; ``hits`` counts all, ``lost_at`` says where it went."""

    def __init__(self) -> None:
        self.on = True
        self.hits: Counter[str] = Counter()
        self.cut: tuple[str, int] | None = None
        self.lost_at = ""

    def cut_at(self, step: str, hit: int) -> None:
        """Go at the ``hit``-th next pass of a step."""
        self.cut = step, self.hits[step] + hit

    def step(self, name: str) -> None:
        """Pass a step, if there is power after it."""
        if self.on:
            self.hits[name] += 1
            if self.cut == (name, self.hits[name]):
                self.lose(name)
        if not self.on:
            raise PowerLost(name)

    def lose(self, name: str) -> None:
        """Go now."""
        self.on, self.lost_at = False, name

    def vfs_operation(self, name: str) -> None:
        """The same for an operation of the database's disk, in SQLite's terms."""
        try:
            if name != "read":
                self.step("vfs.operation")
            elif not self.on:
                raise PowerLost
        except PowerLost:
            raise apsw.IOError("the power is gone") from None


@implementer(IDisk)
class PoweredDisk:
    """A disk that does nothing without power."""

    def __init__(self, disk: IDisk, power: Power) -> None:
        self.disk = disk
        self.power = power

    def pass_on(self, method: Callable[..., Any], *arguments: Any) -> Any:
        self.power.step("disk.operation")
        return method(*arguments)

    def create(self, directory: str) -> IDiskFile:
        return PoweredFile(self, self.pass_on(self.disk.create, directory))

    def link(self, file: Any, path: str) -> None:
        self.pass_on(self.disk.link, file.inner, path)

    def sync_parents(self, path: str) -> None:
        self.pass_on(self.disk.sync_parents, path)

    def open(self, path: str) -> IDiskFile:
        return PoweredFile(self, self.pass_on(self.disk.open, path))

    def unlink(self, path: str) -> None:
        self.pass_on(self.disk.unlink, path)

    def move(self, path: str, to: str) -> None:
        self.pass_on(self.disk.move, path, to)

    def walk(self, directory: str) -> Any:
        return self.pass_on(self.disk.walk, directory)

    def free_bytes(self) -> tuple[int, int]:
        return 1 << 40, 1 << 40


@implementer(IDiskFile)
class PoweredFile:
    """A file of a ``PoweredDisk``."""

    def __init__(self, disk: PoweredDisk, inner: Any) -> None:
        self.disk = disk
        self.inner = inner

    def write(self, *pieces: Any) -> None:
        self.disk.pass_on(self.inner.write, *pieces)

    def read_at(self, offset: int, length: int) -> bytes:
        read: bytes = self.disk.pass_on(self.inner.read_at, offset, length)
        return read

    def read_cached(self, offset: int, length: int) -> None:
        """Nothing is in memory."""

    def size(self) -> int:
        size: int = self.disk.pass_on(self.inner.size)
        return size

    def fsync(self) -> None:
        self.disk.pass_on(self.inner.fsync)

    def close(self) -> None:
        self.inner.close()


@implementer(IRequestBody)
class SlowBody:
    """A request body whose pieces come when the scheduler lets them."""

    def __init__(self, pieces: Sequence[bytes], waiting: list[Deferred[None]]) -> None:
        self._pieces = [piece for piece in pieces if piece]
        self._waiting = waiting

    async def read(self) -> bytes:
        arrived: Deferred[None] = Deferred()
        self._waiting.append(arrived)
        await arrived
        return self._pieces.pop(0) if self._pieces else b""

    def take_all(self) -> bytes | None:
        return None


class PoweredVfs(LossyVfs):
    """The disk of a database; what fails for lack of power is no news."""

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        file: Any = super().xOpen(name, flags)
        file.excepthook = self.excepthook
        return file

    def excepthook(self, etype: Any, evalue: Any, etraceback: Any) -> bool:
        """SQLite ignores some errors, and would print them."""
        return True


class Parts:
    """What a life is made of; planted bugs replace some."""

    store: type[SqliteStore] = SqliteStore
    vfs: type[PoweredVfs] = PoweredVfs

    def disk(self, disk: IDisk, power: Power) -> IDisk:
        """The disk of the blobs."""
        return PoweredDisk(disk, power)

    def steps(self, power: Power) -> Callable[[str], None]:
        """What the stores call at each step."""
        return power.step


class Life(Harness):
    """A node from its start until the power goes. Raises ``PowerLost``, ``apsw.Error`` when it
    does not even start."""

    def __init__(self, machine: Machine, power: Power) -> None:
        self.machine = machine
        self.power = power
        self.rng = machine.rng
        self.clock = machine.clock
        self.reactor = Clock()
        self.held = HeldOffload()
        self.bodies: list[Deferred[None]] = []
        self.fatal: list[BaseException] = []
        self._requests = 0
        parts = machine.parts
        name = f"power-{id(machine)}-{len(machine.old)}"
        self.vfs = parts.vfs(name, power.vfs_operation)
        self.vfs.files = machine.files
        self.store = parts.store(
            DATABASE,
            clock=self.reactor,
            offload=self.held,
            now_ms=self.clock.now_ms,
            random_bytes=self.rng.randbytes,
            on_fatal=self.fatal.append,
            steps=parts.steps(power),
            vfs=name,
            exclusive=True,
        )
        self.disk = parts.disk(machine.disk, power)
        self.blobs = FileBlobStore(
            self.disk,
            self.held,
            None,
            min_free_bytes=0,
            now_ms=self.clock.now_ms,
            random_bytes=self.rng.randbytes,
            steps=parts.steps(power),
            sync_every_bytes=1 << 16,
        )
        self.stamp = HybridClock(self.clock.now_ms, self.rng.randbytes(8)).stamp
        self.admin = Admin(
            store=self.store,
            secrets=PlainSeal(),
            settings=SETTINGS,
            stamp=self.stamp,
            random_bytes=self.rng.randbytes,
        )
        self.service = S3Service(
            store=self.store,
            blobs=self.blobs,
            offload=self.held,
            router=LocalRouter(),
            evaluators=[GrantsEvaluator(), AclEvaluator()],
            secrets=PlainSeal(),
            settings=SETTINGS,
            operations=OPERATIONS,
            stamp=self.stamp,
            random_bytes=self.rng.randbytes,
            partition_of=lambda incarnation, key: len(key),
        )
        self.now(resume_deletions(self.store, self.stamp))

    def end(self) -> None:
        """Whatever ran stops; the disks keep what they have, and a part of the rest."""
        if self.power.on:
            self.power.lose("between")
        store = self.store
        store._failed = True
        Deferred.fromCoroutine(store.close()).addErrback(lambda _: None)
        self.forget()

    def forget(self) -> None:
        """Give up the database's disk, as far as this life has one."""
        self.vfs.crash(self.rng)
        self.machine.files = dict(self.vfs.files)
        self.machine.old.append(self.vfs)
        self.machine.disk.crash(self.rng)

    # Time

    def tick(self) -> bool:
        """Let one thing happen, chosen at random; False when nothing can."""
        if not self.power.on:
            return False
        rng = self.rng
        self.clock.ms += rng.random() < 0.3
        if rng.random() < 0.002:
            self.reactor.advance(11)  # long enough for what waits for a quiet moment
            return True
        due = [
            call
            for call in self.reactor.getDelayedCalls()
            if call.getTime() <= self.reactor.seconds()
        ]
        choices = [
            name
            for name, there in (("body", self.bodies), ("work", self.held.waiting), ("turn", due))
            if there
        ]
        if not choices:
            later = self.reactor.getDelayedCalls()
            if not later:
                return False
            self.reactor.advance(min(call.getTime() for call in later) - self.reactor.seconds())
            return True
        choice = rng.choice(choices)
        if choice == "body":
            self.bodies.pop(rng.randrange(len(self.bodies))).callback(None)
        elif choice == "work":
            self.held.step(rng.randrange(self.held.waiting))
        else:
            self.reactor.advance(0)
        return True

    def now(self, awaitable: Awaitable[Any]) -> Any:
        """Run until something is done; its result."""
        deferred = (
            awaitable if isinstance(awaitable, Deferred) else Deferred.fromCoroutine(awaitable)  # type: ignore[arg-type]
        )
        results: list[Any] = []
        deferred.addBoth(results.append)
        while not results:
            if not self.tick():
                if not self.power.on:
                    raise PowerLost
                raise AssertionError("it waits for ever")
        if isinstance(results[0], Failure):
            if not self.power.on:
                raise PowerLost
            results[0].raiseException()
        return results[0]

    # Requests

    async def serve(self, request: Request, key: Key) -> Answer:
        """One request, from its head to the last byte of its answer."""
        method, target, headers, body = request
        head = self.head_of(method, target, headers, body, key, None, REGION, False, False)
        cut = self.rng.randrange(1, len(body) + 1) if body else 1
        source = SlowBody([body[:cut], body[cut:]], self.bodies)
        exchange = Exchange(head, source)
        try:
            response = await self.service.respond(exchange)
        except S3Error as error:
            # As in Harness.request.
            named = {name.lower(): value for name, value in error.headers}
            answer = Answer(error.status, named, b"", error.code, error.details, error.message,
                            exchange, error.headers)  # fmt: skip
        else:
            data = response.body
            if not isinstance(data, (bytes, bytearray, memoryview)):
                pieces = []
                while piece := await data.next():
                    pieces.append(bytes(piece))
                data.close()
                data = b"".join(pieces)
            named = {name.lower(): value for name, value in response.headers}
            answer = Answer(response.status, named, bytes(data), "", {}, "", exchange,
                            response.headers, response.content_length)  # fmt: skip
        self.power.step("reply.before")
        return answer

    def send(self, request: Request) -> Answer:
        """A request that nothing interrupts."""
        answer: Answer = self.now(self.serve(request, self.machine.user))
        return answer


class TimeOfDay:
    """The wall clock of a machine; it goes on in all its lives, sometimes from a little before."""

    def __init__(self) -> None:
        self.ms = START_MS

    def now_ms(self) -> int:
        return self.ms


class Machine:
    """The disks of a node, and what outlives a loss of power."""

    user: Key

    def __init__(self, seed: int, parts: Parts | None = None) -> None:
        self.rng = Random(seed)
        self.parts = parts or Parts()
        self.clock: Any = TimeOfDay()
        self.files: dict[str, Any] = {}
        # Connections of former lives may still name their disks.
        self.old: list[LossyVfs] = []
        self.disk = LossyDisk(lambda: self.clock.ms / 1000)
        self.hits: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()

    def start(self) -> Life:
        """A new life; the power may go while it starts, and comes back then."""
        while True:
            power = Power()
            if self.rng.random() < 0.1:
                power.cut_at(*self.rng.choice([("vfs.operation", 3), ("store.before-commit", 1)]))
            life = None
            try:
                life = self.born(power)
            except (PowerLost, apsw.Error):
                assert not power.on
            else:
                power.cut = None
                return life

    def born(self, power: Power) -> Life:
        life = Life.__new__(Life)
        try:
            life.__init__(self, power)  # type: ignore[misc]
        except BaseException:
            if hasattr(life, "store"):
                life.end()
            else:
                life.forget()
            raise
        return life

    def close(self) -> None:
        """Take the database's disks away from SQLite."""
        gc.collect()
        for vfs in self.old:
            vfs.unregister()

    def lose_power(self, life: Life) -> None:
        """End a life, and set the clock back sometimes, as a machine's may be after a start."""
        life.end()
        self.hits += life.power.hits
        self.lost[life.power.lost_at] += 1
        self.clock.ms += self.rng.choice([1, 1000, -2000])
