"""Disks that fill up and fail: the right errors, nothing acknowledged lost, never wrong bytes."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import apsw
import pytest
from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure

from tests.metadata.recount import recount
from tests.ops.harness import Answer, Key
from tests.proofs import operations as s3
from tests.proofs.listings import differences, observe
from tests.proofs.model import Model
from tests.proofs.power import Life, Machine
from tests.proofs.worlds import KEK, MemoryWorld, now
from z4tw.blobs.files import FileBlobStore
from z4tw.errors import CorruptBlob, S3Error, ServiceUnavailable
from z4tw.interfaces import IDiskFile
from z4tw.metadata.sqlite import SqliteStore
from z4tw.sse.envelope import Envelope, key_id
from z4tw.testing.disks import Fault, FaultyDisk, FaultyFile, LossyDisk
from z4tw.testing.lossy_vfs import LossyVfs
from z4tw.testing.offload import InlineOffload

SMALL, LONG = Random(1).randbytes(300), Random(2).randbytes(700_000)
WRITING = ("create", "write", "fsync", "link", "sync_parents")
RESERVE_BYTES = 1 << 20
ROOM = 1 << 40


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planned failures are logged."""
    monkeypatch.setattr(type(globalLogPublisher), "__call__", lambda self, event: None)


class WatchedDisk(FaultyDisk):
    """Notes what must not be done with a file after its fsync failed."""

    def __init__(self, disk: Any) -> None:
        super().__init__(disk)
        self.wrong: list[str] = []

    def create(self, directory: str) -> FaultyFile:
        self.meet("create")
        return WatchedFile(self, self._disk.create(directory))

    def link(self, file: IDiskFile, path: str) -> None:
        assert isinstance(file, WatchedFile)
        if file.failed:
            self.wrong.append("a file whose fsync failed got a name")
        super().link(file, path)

    def arm(self, operation: str, number: int, nth: int = 1, times: int = 1) -> None:
        """Fail the nth next call."""
        count = self.counts.get(operation, 0)
        self.faults.append(Fault(operation, count + nth, number, times))

    def hits(self) -> int:
        """How many faults were met."""
        return sum(self.counts.get(fault.operation, 0) >= fault.nth for fault in self.faults)


class WatchedFile(FaultyFile):
    """A file of a ``WatchedDisk``."""

    failed = False
    watched: WatchedDisk

    def __init__(self, disk: WatchedDisk, inner: IDiskFile) -> None:
        super().__init__(disk, inner)
        self.watched = disk

    def fsync(self) -> None:
        if self.failed:
            self.watched.wrong.append("a failed fsync was tried again")
        try:
            super().fsync()
        except OSError:
            self.failed = True
            raise


class BadDiskWorld(MemoryWorld):
    """Operations over SQLite and files on disks in memory that can be told to fail."""

    count = 0

    def __init__(self, envelope: Envelope | None = None) -> None:
        BadDiskWorld.count += 1
        self.vfs_name = f"bad-disk-{BadDiskWorld.count}"
        self.vfs = LossyVfs(self.vfs_name)
        self.lossy = LossyDisk(lambda: self.clock.ms / 1000)
        self.disk = WatchedDisk(self.lossy)
        self.envelope = envelope
        self.fatal: list[BaseException] = []
        self.alarms: list[OSError] = []
        super().__init__()
        self.model = Model()

    def make_store(self) -> Any:
        return SqliteStore(
            "/meta.db",
            clock=None,
            offload=InlineOffload(),
            now_ms=self.clock.now_ms,
            random_bytes=self.random.randbytes,
            on_fatal=self.fatal.append,
            vfs=self.vfs_name,
            exclusive=True,
        )

    def make_blobs(self) -> Any:
        return FileBlobStore(
            self.disk,
            InlineOffload(),
            self.envelope,
            min_free_bytes=RESERVE_BYTES,
            now_ms=self.clock.now_ms,
            random_bytes=self.random.randbytes,
            on_disk_error=self.alarms.append,
            sync_every_bytes=1 << 16,
        )

    def good(self, *operations: s3.Operation) -> Answer:
        """Perform what must succeed."""
        for operation in operations:
            answer = self.perform(operation, self.model, pieces=3)
            assert not answer.error, answer
        return answer

    def refused(self, operation: s3.Operation, code: str, status: int) -> None:
        """Try what must fail and change nothing."""
        answer = self.request(*operation.request)
        assert (answer.error, answer.status) == (code, status), answer

    def wholly_or_not(self, operation: s3.Operation) -> None:
        """What needs no blob disk may succeed on a read-only store, or be refused."""
        answer = self.request(*operation.request)
        if answer.error != "ServiceUnavailable":
            operation.settle(self.model, answer, self.clock.ms // 1000)

    def check_reads(self) -> None:
        """Everything acknowledged can be read, nothing else is there."""
        assert differences(self.model, observe(self.send)) == []
        assert self.disk.wrong == []

    def check_files_named(self) -> None:
        """No file is there that no row names."""
        infos = now(self.store.blobs_after(b"", 1000))
        paths = {path for path, _, _ in self.lossy.walk("")}
        assert paths == {info.path for info in infos}

    def restart(self) -> None:
        """A new process on the same disks, which are well again; the power was lost meanwhile."""
        self.disk.faults.clear()
        self.disk.free = None
        self.stop()
        self.vfs.crash(self.random)
        self.lossy.crash(self.random)
        self.fatal.clear()
        self.alarms.clear()
        self.store, self.blobs = self.make_store(), self.make_blobs()
        self.service = self.over(self.store, self.blobs)

    def stop(self) -> None:
        """End without finishing anything."""
        self.store._failed = True
        now(self.store.close())

    def over(self, store: Any, blobs: Any) -> Any:
        """A service over reopened stores."""
        old = self.service
        return type(old)(
            store=store, blobs=blobs, offload=self.offload, router=old._router,
            evaluators=old._access._evaluators, secrets=self.seal, settings=self.settings,
            operations=old._operations, stamp=self.stamps.stamp,
            random_bytes=self.random.randbytes, partition_of=old._partition_of,
        )  # fmt: skip

    def close(self) -> None:
        self.stop()
        self.vfs.unregister()


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[BadDiskWorld]:
    """A bucket with an inline object, two files, a multipart object and an open upload; encrypted
    when it is asked for with ``both``."""
    envelope = Envelope((KEK,), key_id(KEK), Random(3).randbytes)
    made = BadDiskWorld(envelope if getattr(request, "param", "") == "encrypted" else None)
    made.good(
        s3.create_bucket("bucket"),
        s3.put_object("bucket", "inline", b"tiny"),
        s3.put_object("bucket", "small", SMALL),
        s3.put_object("bucket", "long", LONG),
    )
    for key in ("parts", "opened"):
        id = made.good(s3.create_upload("bucket", key)).text("UploadId") or ""
        made.good(*[s3.upload_part("bucket", key, id, number, SMALL) for number in (1, 2)])
        if key == "parts":
            made.good(s3.complete_upload("bucket", key, id, listed(made, key)))
    yield made
    made.close()


both = pytest.mark.parametrize("world", ["plain", "encrypted"], indirect=True)


def upload_id(world: BadDiskWorld, key: str) -> str:
    uploads = world.model.buckets["bucket"].uploads
    return next(id for id, upload in uploads.items() if upload.key == key) or ""


def listed(world: BadDiskWorld, key: str) -> list[tuple[int, str]]:
    upload = world.model.buckets["bucket"].uploads[upload_id(world, key)]
    return [(number, part.etag) for number, part in sorted(upload.parts.items())]


Make = Callable[[BadDiskWorld], s3.Operation]
STORING: dict[str, Make] = {
    "PutObject": lambda world: s3.put_object("bucket", "small", SMALL[::-1]),
    "PutObject, long": lambda world: s3.put_object("bucket", "new", LONG[::-1]),
    "PostObject": lambda world: s3.post_object("bucket", "new", LONG[::-1]),
    "UploadPart": lambda world: s3.upload_part(
        "bucket", "opened", upload_id(world, "opened"), 2, LONG
    ),
    "UploadPartCopy": lambda world: s3.upload_part_copy(
        "bucket", "opened", upload_id(world, "opened"), 2, ("bucket", "long", ""), (5, 300_000)
    ),
}
"""Requests that write files."""
SHARING: dict[str, Make] = {
    "CopyObject": lambda world: s3.copy_object(("bucket", "long", ""), ("bucket", "copy")),
    "CompleteMultipartUpload": lambda world: s3.complete_upload(
        "bucket", "opened", upload_id(world, "opened"), listed(world, "opened")
    ),
}
"""Requests that make objects of files that are there."""
LIGHT: dict[str, Make] = {
    "PutObject, inline": lambda world: s3.put_object("bucket", "inline", b"other"),
    "CreateBucket": lambda world: s3.create_bucket("second"),
    "PutObjectTagging": lambda world: s3.put_tags("bucket", "small", "", (("k", "v"),)),
    "CreateMultipartUpload": lambda world: s3.create_upload("bucket", "another"),
}
"""Requests that add metadata alone."""


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("operation", WRITING)
@pytest.mark.parametrize("name", STORING)
def test_a_disk_that_is_full_in_the_middle_of_a_write(
    world: BadDiskWorld, name: str, operation: str, nth: int
) -> None:
    request = STORING[name](world)
    world.disk.arm(operation, errno.ENOSPC, nth, times=0)
    answer = world.request(*request.request)
    if not world.disk.hits():
        assert nth == 2
        request.settle(world.model, answer, world.clock.ms // 1000)
    else:
        assert (answer.error, answer.status) == ("InsufficientStorage", 507), answer
    world.check_reads()
    world.check_files_named()
    assert world.alarms == []
    world.disk.faults.clear()
    world.good(STORING[name](world))
    world.check_reads()
    world.restart()
    world.check_reads()


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("operation", WRITING)
@pytest.mark.parametrize("name", STORING)
def test_a_disk_error_in_a_write_makes_the_store_read_only(
    world: BadDiskWorld, name: str, operation: str, nth: int
) -> None:
    request = STORING[name](world)
    world.disk.arm(operation, errno.EIO, nth)
    answer = world.request(*request.request)
    if not world.disk.hits():
        assert nth == 2
        request.settle(world.model, answer, world.clock.ms // 1000)
        return
    assert (answer.error, answer.status) == ("InternalError", 500), answer
    assert [error.errno for error in world.alarms] == [errno.EIO]
    calls = len(world.disk.calls)
    for make in (*STORING.values(), *LIGHT.values(), SHARING["CopyObject"]):
        world.refused(make(world), "ServiceUnavailable", 503)
    assert not set(world.disk.calls[calls:]) & set(WRITING)
    world.check_reads()
    world.check_files_named()
    world.wholly_or_not(SHARING["CompleteMultipartUpload"](world))
    world.wholly_or_not(s3.delete_object("bucket", "inline"))
    world.check_reads()
    assert len(world.alarms) == 1
    world.restart()
    world.check_reads()
    world.good(STORING[name](world) if name.startswith("Put") else LIGHT["CreateBucket"](world))
    world.check_reads()
    recount(world.store)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("name", SHARING)
def test_objects_made_of_stored_files_write_no_file(
    world: BadDiskWorld, name: str, number: int
) -> None:
    for operation in WRITING:
        world.disk.arm(operation, number, times=0)
    world.good(SHARING[name](world))
    assert world.disk.hits() == 0
    world.check_reads()
    world.restart()
    world.check_reads()


@pytest.mark.parametrize("name", [*STORING, *LIGHT, "CopyObject"])
def test_a_disk_without_room_refuses_before_it_writes_and_serves_on(
    world: BadDiskWorld, name: str
) -> None:
    request = (STORING | LIGHT | SHARING)[name](world)
    world.disk.free = RESERVE_BYTES - 1, ROOM
    world.clock.advance(2)
    calls = len(world.disk.calls)
    world.refused(request, "InsufficientStorage", 507)
    assert not set(world.disk.calls[calls:]) & set(WRITING)
    world.check_reads()
    world.good(s3.delete_object("bucket", "long"))
    world.disk.free = None
    world.clock.advance(2)
    world.good(s3.put_object("bucket", "long", SMALL))
    world.check_reads()


def test_a_name_that_cannot_be_taken_away_again_is_left_to_the_sweep(world: BadDiskWorld) -> None:
    world.disk.arm("sync_parents", errno.EIO)
    world.disk.arm("unlink", errno.EIO)
    world.refused(STORING["PutObject"](world), "InternalError", 500)
    world.check_reads()
    world.restart()
    world.reap()
    world.check_files_named()
    world.check_reads()


# Reading


def read(world: BadDiskWorld, operation: s3.Operation) -> bytes | None:
    """The bytes of a GET as far as they came; None when there was no response."""
    method, target, headers, body = operation.request
    head = world.head_of(method, target, headers, body, world.user, None, "us-east-1", False, False)
    exchange = type(world.request("GET", "/").exchange)(head, None)
    try:
        response = now(world.service.respond(exchange))
    except (CorruptBlob, OSError):
        return None
    if isinstance(response.body, bytes):
        return response.body
    pieces = []
    try:
        while piece := now(response.body.next()):
            pieces.append(bytes(piece))
    except (CorruptBlob, OSError):
        return b"".join(pieces)
    finally:
        response.body.close()
    return b"".join(pieces)


READS = (
    ("small", None, SMALL),
    ("long", None, LONG),
    ("long", (70_000, 650_000), LONG[70_000:650_001]),
    ("parts", None, SMALL * 2),
    ("parts", (250, 350), (SMALL * 2)[250:351]),
)


@both
@pytest.mark.parametrize("operation", ["open", "size", "read_at"])
def test_an_error_while_reading_gives_no_wrong_bytes(world: BadDiskWorld, operation: str) -> None:
    met = 0
    for key, span, expected in READS:
        for nth in range(1, 7):
            world.disk.faults.clear()
            world.disk.arm(operation, errno.EIO, nth)
            found = read(world, s3.read_object("GET", "bucket", key, wanted=span))
            if world.disk.hits():
                met += 1
                assert found is None or (expected.startswith(found) and found != expected)
            else:
                assert found == expected
    assert met > 3
    assert world.blobs.streams == 0
    world.disk.faults.clear()
    world.check_reads()


def contents(world: BadDiskWorld) -> dict[str, bytearray]:
    """The files' bytes on the disk, to be damaged."""
    return {path: world.lossy.open(path).inode.content for path, _, _ in world.lossy.walk("")}


def damages(content: bytearray, rng: Random) -> Iterator[None]:
    """One damage after the other, each taken back."""
    sound = bytes(content)
    places = {0, 1, len(sound) - 1, *range(max(len(sound) - 130, 0), len(sound), 7)}
    places |= {place for place in (65_535, 65_536, 65_552, 131_072) if place < len(sound)}
    places |= {rng.randrange(len(sound)) for _ in range(10)}
    for place in sorted(places):
        content[place] ^= 1 << rng.randrange(8)
        yield
        content[place] = sound[place]
    start = rng.randrange(len(sound))
    for damaged in (sound[:-1], sound[: len(sound) // 2], b"", sound + b"\x00",
                    bytes(len(sound)), sound[:start] + bytes(min(512, len(sound) - start))
                    + sound[start + 512 :]):  # fmt: skip
        if damaged != sound:
            content[:] = damaged
            yield
            content[:] = sound


@both
def test_damaged_files_give_no_wrong_bytes_and_are_found(world: BadDiskWorld) -> None:
    rng = Random(7)
    infos = {info.path: info for info in now(world.store.blobs_after(b"", 100))}
    for path, content in contents(world).items():
        for _ in damages(content, rng):
            with pytest.raises(CorruptBlob):
                now(world.blobs.verify(infos[path]))
            for key, span, expected in READS:
                if key not in path:
                    continue
                found = read(world, s3.read_object("GET", "bucket", key, wanted=span))
                assert found is None or expected.startswith(found)
    world.check_reads()


@both
def test_files_that_took_each_others_place_give_no_wrong_bytes(world: BadDiskWorld) -> None:
    world.good(s3.put_object("bucket", "twin", SMALL[::-1]))
    files = contents(world)
    small = next(content for path, content in files.items() if "small" in path)
    twin = next(content for path, content in files.items() if "twin" in path)
    small[:], twin[:] = bytes(twin), bytes(small)
    for key in ("small", "twin"):
        assert read(world, s3.read_object("GET", "bucket", key)) is None


@both
def test_a_damaged_inline_body_is_not_given_out(world: BadDiskWorld) -> None:
    connection = world.store._writer
    for id, data in connection.execute("SELECT id, data FROM inline").fetchall():
        for place in range(len(data)):
            damaged = bytearray(data)
            damaged[place] ^= 1
            connection.execute("UPDATE inline SET data = ? WHERE id = ?", (bytes(damaged), id))
            assert read(world, s3.read_object("GET", "bucket", "inline")) is None


@both
def test_a_copy_of_a_damaged_source_is_refused(world: BadDiskWorld) -> None:
    """Its bytes are read for the new part, so the damage shows, and no part is made of it."""
    files = contents(world)
    next(content for path, content in files.items() if "long" in path)[100_000] ^= 1
    request = STORING["UploadPartCopy"](world).request
    with pytest.raises(CorruptBlob):
        world.request(*request)
    assert world.blobs.streams == 0
    del world.model.buckets["bucket"].keys["long"]
    world.request("DELETE", "/bucket/long")
    world.check_reads()


# The database


class DatabaseCase:
    """A node with an object, whose database's disk fails in the midst of requests."""

    def __init__(self, seed: int) -> None:
        self.machine = Machine(seed)
        self.life = self.machine.start()
        made = self.life.now(self.life.admin.key_create("user"))
        self.machine.user = Key("user", made["access_key_id"], made["secret_access_key"])
        self.model = Model()
        self.do(s3.create_bucket("bucket"), s3.put_object("bucket", "before", SMALL))

    def do(self, *operations: s3.Operation) -> None:
        for operation in operations:
            operation.settle(self.model, self.life.send(operation.request))

    def fail(self, called: str, error: apsw.Error) -> None:
        def on_operation(name: str) -> None:
            if name == called:
                raise error

        self.life.vfs.on_operation = on_operation

    def together(self, *operations: s3.Operation) -> list[Any]:
        """Requests at the same time; their answers (or failures, or None: none came)."""
        ends: list[Any] = [None] * len(operations)
        for index, operation in enumerate(operations):
            serving = self.life.serve(operation.request, self.machine.user)

            def ended(result: Any, index: int = index) -> None:
                ends[index] = result

            Deferred.fromCoroutine(serving).addBoth(ended)
        while self.life.tick():
            pass
        return ends

    def restart(self) -> Life:
        self.machine.lose_power(self.life)
        self.life = self.machine.start()
        return self.life

    def close(self) -> None:
        self.machine.lose_power(self.life)
        self.machine.close()


@pytest.mark.parametrize("error", [apsw.IOError("EIO"), apsw.FullError("ENOSPC")])
@pytest.mark.parametrize("called", ["write", "sync"])
@pytest.mark.parametrize("seed", range(5))
def test_a_database_error_ends_the_node_and_loses_nothing(
    called: str, error: apsw.Error, seed: int
) -> None:
    case = DatabaseCase(seed)
    case.fail(called, error)
    writes = [s3.put_object("bucket", f"new{number}", SMALL) for number in range(5)]
    writes += [s3.put_object("bucket", "tiny", b"tiny"), s3.delete_object("bucket", "before")]
    for end in case.together(*writes):
        assert isinstance(end, Answer), end
        assert (end.error, end.status) == ("ServiceUnavailable", 503)
    assert len(case.life.fatal) == 1
    for end in case.together(s3.read_object("GET", "bucket", "before"), writes[0]):
        assert (end.error, end.status) == ("ServiceUnavailable", 503)
    assert len(case.life.fatal) == 1
    life = case.restart()
    # A request without an answer may have taken effect: nothing else may have.
    found = observe(life.send)
    wholly = Model()
    for operation in (s3.create_bucket("bucket"), s3.put_object("bucket", "before", SMALL),
                      *writes[:-1]):  # fmt: skip
        operation.settle(wholly, None)
    before = found.buckets["bucket"].keys
    for key, versions in before.items():
        expected = wholly.buckets["bucket"].keys[key]
        assert [one.body for one in versions] == [one.body for one in expected]
    # All of a batch, or nothing: the deletion was of the same one.
    assert ("before" in before) == (len(before) == 1), sorted(before)
    recount(life.store)
    case.close()


def test_a_read_error_of_the_database_ends_the_node() -> None:
    case = DatabaseCase(1)
    case.restart()
    case.fail("read", apsw.IOError("EIO"))
    reads = [s3.read_object("GET", "bucket", "before"), s3.create_bucket("bucket")]
    for end in case.together(*reads):
        assert isinstance(end, Answer), end
        assert (end.error, end.status) == ("ServiceUnavailable", 503)
    assert len(case.life.fatal) == 1
    life = case.restart()
    assert differences(case.model, observe(life.send)) == []
    case.close()


def test_every_waiting_command_is_told_when_the_database_fails() -> None:
    """The store itself: what is in the batch, and what waits behind it."""
    case = DatabaseCase(2)
    store = case.life.store
    ends: list[Any] = []
    calls = [store.close_incarnation(number) for number in range(1, 4)]
    case.life.reactor.advance(0)
    calls += [store.close_incarnation(number) for number in range(4, 6)]
    for call in calls:
        call.addBoth(ends.append)
    case.fail("sync", apsw.IOError("EIO"))
    while case.life.tick():
        pass
    assert len(ends) == 5
    assert all(isinstance(end, Failure) and end.check(ServiceUnavailable) for end in ends)
    assert len(case.life.fatal) == 1
    with pytest.raises(S3Error):
        case.life.now(store.close_incarnation(9))
    case.close()
