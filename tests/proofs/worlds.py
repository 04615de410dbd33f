"""Whole servers of operations for the proofs, on each kind of store; and what must hold in them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.metadata.recount import recount
from tests.ops.harness import REGION, Answer, Harness
from tests.ops.post_forms import CONTENT_TYPE, signed_body
from tests.proofs.model import MIN_PART_BYTES, Model
from tests.proofs.operations import Operation, Request
from z4tw.blobs.disk import OsDisk
from z4tw.blobs.files import FileBlobStore
from z4tw.daemons.reaper import Reaper
from z4tw.interfaces import ITransition
from z4tw.metadata.memory import MemoryStore
from z4tw.metadata.sqlite import SqliteStore
from z4tw.model.objects import BodyKind
from z4tw.model.registers import Kind, Register
from z4tw.objects.rows import references
from z4tw.ops.context import Settings
from z4tw.ops.directory import Directory
from z4tw.ops.moving import Mover
from z4tw.sse.envelope import Envelope, NamedKey, key_id
from z4tw.testing.offload import InlineOffload

INLINE_BYTES = 16
SETTINGS = Settings(
    region=REGION,
    inline_limit_bytes=INLINE_BYTES,
    min_part_bytes=MIN_PART_BYTES,
    max_put_bytes=1 << 20,
    max_part_bytes=1 << 20,
)
KEK, NAMED_KEK = bytes(range(32)), bytes(range(1, 33))


def in_memory() -> str | None:
    """A directory of a file system in memory, where there is one."""
    return "/dev/shm" if os.path.isdir("/dev/shm") else None


def now(awaitable: Any) -> Any:
    """The result of what is ready at once."""
    deferred = awaitable if isinstance(awaitable, Deferred) else Deferred.fromCoroutine(awaitable)
    results: list[Any] = []
    deferred.addBoth(results.append)
    assert results, "it waits"
    if hasattr(results[0], "raiseException"):
        results[0].raiseException()
    return results[0]


class Packing:
    """The storage class that packs everything."""

    storage_class = "ZSTD"

    async def act(self, transition: ITransition) -> None:
        await transition.pack(1)


class MemoryWorld(Harness):
    """Operations over the stores in memory."""

    encrypts = False

    def __init__(self) -> None:
        super().__init__(settings=SETTINGS)

    def request(self, method: str, target: str, *arguments: Any, **named: Any) -> Answer:
        """A request of the user; a form is signed by its fields."""
        headers = arguments[0] if arguments else {}
        if headers.get("content-type") != CONTENT_TYPE:
            return super().request(method, target, *arguments, **named)
        now_s = self.clock.ms / 1000
        body = signed_body(self.user, target.removeprefix("/"), arguments[1], now_s)
        if named.get("pieces") is not None:
            named["pieces"] = [body[at : at + 5000] for at in range(0, len(body), 5000)]
        return super().request(method, target, headers, body, sign=False, **named)

    def perform(self, operation: Operation, model: Model, pieces: int = 0) -> Answer:
        """Send a request (its body in ``pieces``, 0: at once) and compare with the model."""
        method, target, headers, body = operation.request
        cut = max(len(body) // pieces, 1) if pieces else 0
        parts = [body[at : at + cut] for at in range(0, len(body), cut)] if cut else None
        answer = self.request(method, target, headers, body, pieces=parts)
        operation.settle(model, answer, self.clock.ms // 1000)
        return answer

    def send(self, request: Request) -> Answer:
        return self.request(*request)

    def move(self, bucket: str, key: str, version_id: str, storage_class: str) -> None:
        """A transition of a version, as the expirer does it."""
        record = now(Directory(self.store).bucket(bucket))
        register = Register(Kind.OBJECT, record.incarnation, key.encode())
        version = now(self.store.find_version(register, version_id))
        actions = {"ZSTD": Packing()}
        mover = Mover(self.store, self.blobs, InlineOffload(), self.stamps.stamp, actions)
        with mock.patch("z4tw.ops.packing.WORTH", 1000):  # what is random is packed too
            assert now(mover.move(record, key, version, storage_class))

    def reap(self) -> None:
        """Remove all garbage at once, in as many rounds as manifests need."""
        clock = Clock()
        for _ in range(3):
            self.clock.ms += 1
            reaper = Reaper(
                self.store, self.blobs, InlineOffload(), clock, self.clock.now_ms,
                grace_s=0, orphan_grace_s=0,
            )  # fmt: skip
            self.clock.ms += 1
            turn(clock, reaper.reap())
            turn(clock, reaper.sweep())

    def check(self, model: Model) -> None:
        """Counts are right, and nothing is kept that nothing names."""
        self.recount()
        self.check_sizes(model)
        self.reap()
        self.recount()
        self.check_files()

    def check_sizes(self, model: Model) -> None:
        sizes = now(self.store.sizes())
        live = [
            len(versions[0].body)
            for bucket in model.buckets.values()
            for versions in bucket.keys.values()
            if not versions[0].marker
        ]
        opened = sum(
            upload.answer is None
            for bucket in model.buckets.values()
            for upload in bucket.uploads.values()
        )
        assert (sizes.objects, sizes.object_bytes) == (len(live), sum(live))
        assert sizes.uploads == opened
        infos = now(self.store.blobs_after(b"", 1_000_000))
        assert sizes.blobs == len(infos)
        assert sizes.blob_bytes == sum(info.stored_size for info in infos)

    def check_files(self) -> None:
        """After the reaper: exactly the files of the rows, all whole."""
        infos = now(self.store.blobs_after(b"", 1_000_000))
        files = {id: (path, size) for id, path, size, _ in self.blobs.files()}
        assert files == {info.id: (info.path, info.stored_size) for info in infos}
        for info in infos:
            now(self.blobs.verify(info))

    def recount(self) -> None:
        recount_memory(self.store)

    def close(self) -> None:
        """End of the world."""


class FileWorld(MemoryWorld):
    """Operations over SQLite and files, in a directory of their own."""

    envelope: Envelope | None = None

    def __init__(self) -> None:
        # What a disk loses has its own proof.
        self.root = tempfile.mkdtemp(prefix="z4tw-proof-", dir=in_memory())
        self.fatal: list[BaseException] = []
        super().__init__()

    def make_store(self) -> Any:
        return SqliteStore(
            f"{self.root}/metadata.db",
            clock=None,
            offload=InlineOffload(),
            now_ms=self.clock.now_ms,
            random_bytes=self.random.randbytes,
            on_fatal=self.fatal.append,
        )

    def make_blobs(self) -> Any:
        os.mkdir(f"{self.root}/blobs")
        return FileBlobStore(
            OsDisk(f"{self.root}/blobs", self.random.randbytes),
            InlineOffload(),
            self.envelope,
            min_free_bytes=0,
            now_ms=self.clock.now_ms,
            random_bytes=self.random.randbytes,
        )

    def reap(self) -> None:
        # Files have the times of the real clock, which the model's does not follow.
        for path, _, files in os.walk(f"{self.root}/blobs"):
            for name in files:
                os.utime(f"{path}/{name}", (0, 0))
        super().reap()

    def check(self, model: Model) -> None:
        super().check(model)
        assert not self.fatal
        assert self.blobs.streams == 0

    def recount(self) -> None:
        recount(self.store)

    def close(self) -> None:
        now(self.store.close())
        shutil.rmtree(self.root)


class EncryptedWorld(FileWorld):
    """The same with encryption at rest, and a named key."""

    encrypts = True
    envelope = Envelope(
        (KEK, NAMED_KEK),
        key_id(KEK),
        os.urandom,
        named={"orders": NamedKey(key_id(NAMED_KEK), True)},
    )


def turn(clock: Clock, coroutine: Any) -> Any:
    """Run something that gives way to a clock."""
    done: Deferred[Any] = Deferred.fromCoroutine(coroutine)
    for _ in range(10_000):
        if done.called:
            return now(done)
        clock.advance(0)
    raise AssertionError("it does not end")


def recount_memory(store: MemoryStore) -> None:
    """Count every reference again and compare with what a store in memory has."""
    named: Counter[tuple[int, bytes]] = Counter()
    pages: Counter[bytes] = Counter()
    for register, value in store._values.items():
        bodies = references(register.kind, value, store._pages.__getitem__)
        named.update((body.kind, body.id) for body in bodies)
        pages.update(page.id for page in getattr(value, "pages", ()))
    for id, shared in store._shared[BodyKind.MANIFEST].items():
        assert shared.refs == named.pop((BodyKind.MANIFEST, id), 0)
        named.update((part.body.kind, part.body.id) for part in shared.content.parts)
    named = Counter({body: count for body, count in named.items() if body[0] != BodyKind.EMPTY})
    for id, shared in store._shared[BodyKind.FILE].items():
        assert shared.refs == named.pop((BodyKind.FILE, id), 0)
    for id in store._inline:
        assert named.pop((BodyKind.INLINE, id)) == 1
    assert not named
    assert pages.keys() == store._pages.keys()
