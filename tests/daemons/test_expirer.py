"""The expirer's walk: it comes by everything once, goes on where it was, and yields to others."""

from __future__ import annotations

import itertools
import os
import tempfile
from random import Random
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.ops.harness import Harness, run
from z4tw.daemons.expirer import OBJECTS, UPLOADS, Expirer, Position
from z4tw.metadata.memory import MemoryStore
from z4tw.metadata.sqlite import SqliteStore
from z4tw.model.control import Bucket
from z4tw.model.objects import Version
from z4tw.ops.expiring import Executor, Tally
from z4tw.testing.offload import InlineOffload

DAYS = "<Expiration><Days>{}</Days></Expiration>"
ABORT = (
    "<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation>"
    "</AbortIncompleteMultipartUpload>"
)


class Kept:
    """Positions in memory; ``saved`` has all of them."""

    def __init__(self) -> None:
        self.position = Position()
        self.saved: list[Position] = []

    async def load(self) -> Position:
        return self.position

    async def save(self, position: Position) -> None:
        self.position = position
        self.saved.append(position)


class Turning(Clock):
    """A clock whose every call is one of a later turn."""

    def callLater(self, delay: float, callable: Any, *args: Any, **kw: Any) -> Any:
        return super().callLater(max(delay, 0.001), callable, *args, **kw)


class World(Harness):
    """Stores with an expirer over them, whose days have a second."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__()
        self.reactor: Clock = Turning()
        self.kept = Kept()
        self.ticks = itertools.count()  # the process has always other work
        self.moved: list[tuple[str, str]] = []
        self.expirer = self.make()

    def make_store(self) -> Any:
        if self.kind == "memory":
            return MemoryStore(self.clock.now_ms, self.random.randbytes)
        folder = tempfile.mkdtemp(prefix="z4-expirer-")
        return SqliteStore(
            os.path.join(folder, "meta.db"),
            clock=None,
            offload=InlineOffload(),
            now_ms=self.clock.now_ms,
            random_bytes=Random(1).randbytes,
            on_fatal=pytest.fail,
        )

    def make(self, batch: int = 8) -> Expirer:
        async def move(bucket: Bucket, key: str, version: Version, storage_class: str) -> bool:
            if key.startswith("bad"):
                raise OSError("the disk")
            self.moved.append((key, storage_class))
            return True

        return Expirer(
            self.store,
            Executor(self.store, self.stamps.stamp, self.clock.now_ms, move),
            self.kept,
            self.reactor,
            self.clock.now_ms,
            day_ms=1000,
            interval_s=10,
            cpu_s=lambda: float(next(self.ticks)),
            batch=batch,
            save_s=0,
        )

    def rules(self, bucket: str, *rules: str) -> None:
        body = "".join(
            f"<Rule><ID>{n}</ID>{rule}<Status>Enabled</Status></Rule>"
            for n, rule in enumerate(rules)
        )
        document = f"<LifecycleConfiguration>{body}</LifecycleConfiguration>".encode()
        answer = self.request("PUT", f"/{bucket}?lifecycle", body=document)
        assert answer.status == 200, answer

    def fill(self, bucket: str, prefix: str, count: int) -> None:
        for number in range(count):
            self.put(f"/{bucket}/{prefix}{number:03d}")

    def keys(self, bucket: str) -> list[str]:
        return self.request("GET", f"/{bucket}").texts("Contents/Key")

    def walk(self, turns: int = 10_000) -> Deferred[None]:
        """Have the expirer walk for so many turns of the loop."""
        done: Deferred[None] = Deferred.fromCoroutine(self.expirer.walk())
        for _ in range(turns):
            if done.called:
                break
            self.reactor.advance(0.001)
        return done

    def finish(self) -> None:
        done = self.walk()
        assert done.called
        failures: list[Any] = []
        done.addErrback(failures.append)
        assert not failures, failures


@pytest.fixture(params=["memory", "sqlite"])
def world(request: pytest.FixtureRequest) -> Any:
    made = World(request.param)
    yield made
    if request.param == "sqlite":
        run(made.store.close())


@pytest.mark.parametrize("versioning", ["", "Enabled"])
def test_a_walk_comes_by_every_key_of_the_rules_and_no_other(world: World, versioning: str) -> None:
    world.bucket("first", versioning=versioning)
    world.bucket("other")
    world.fill("first", "a/", 20)
    world.fill("first", "b/", 20)
    world.fill("first", "c/", 9)
    world.fill("other", "", 5)
    world.rules("first", "<Filter><Prefix>a/</Prefix></Filter>" + DAYS.format(2),
                "<Filter><Prefix>c/</Prefix></Filter>" + DAYS.format(2))  # fmt: skip
    world.finish()
    assert world.expirer.examined == 29
    assert world.expirer.tally == Tally()
    world.clock.advance(5)
    world.finish()
    assert world.keys("first") == [f"b/{number:03d}" for number in range(20)]
    assert len(world.keys("other")) == 5
    assert world.expirer.tally == Tally(expired=29)
    assert world.clock.ms - 10 < world.expirer.completed_ms <= world.clock.ms
    assert world.expirer.errors == 0


def test_versions_markers_and_uploads(world: World) -> None:
    world.bucket("bucket", versioning="Enabled")
    for number in range(30):
        for _ in range(3):
            world.put(f"/bucket/{number:02d}")
        world.request("POST", f"/bucket/{number:02d}?uploads")
    world.rules(
        "bucket",
        "<Filter/><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>"
        "</NoncurrentVersionExpiration>" + DAYS.format(2) + ABORT,
    )
    world.clock.advance(10)
    world.finish()
    assert world.expirer.tally == Tally(expired=30, removed=60, aborted=30)
    world.clock.advance(10)
    world.finish()
    world.clock.advance(10)
    world.finish()
    assert world.expirer.tally == Tally(expired=30, removed=120, aborted=30)
    assert (
        run(world.store.has_versions(run(world.service._directory.bucket("bucket")).incarnation))
        is False
    )
    assert world.request("GET", "/bucket?uploads").texts("Upload/Key") == []


def test_uploads_of_the_rules_prefixes_only(world: World) -> None:
    world.bucket("bucket")
    for key in ("a/1", "a/2", "b/1", "c/1", "c/2"):
        for _ in range(5):
            world.request("POST", f"/bucket/{key}?uploads")
    world.rules("bucket", "<Filter><Prefix>a/</Prefix></Filter>" + ABORT,
                "<Filter><Prefix>c/</Prefix></Filter>" + ABORT)  # fmt: skip
    world.clock.advance(10)
    world.finish()
    assert set(world.request("GET", "/bucket?uploads").texts("Upload/Key")) == {"b/1"}
    assert world.expirer.tally.aborted == 20


@pytest.mark.parametrize("versioning", ["", "Enabled"])
def test_a_walk_goes_on_where_a_stopped_one_was(world: World, versioning: str) -> None:
    world.bucket("aaa")
    world.bucket("bbb", versioning=versioning)
    world.fill("aaa", "", 20)
    world.fill("bbb", "", 60)
    world.request("POST", "/bbb/up?uploads")
    for bucket in ("aaa", "bbb"):
        world.rules(bucket, "<Filter/>" + DAYS.format(1) + ABORT)
    world.clock.advance(10)
    done = world.walk(turns=12 if versioning else 7)
    assert not done.called
    world.expirer.stopService()
    world.reactor.advance(0.001)
    assert done.called
    position = world.kept.position
    assert (position.bucket, position.phase) == ("bbb", OBJECTS)
    assert position.key
    first = world.expirer.examined
    assert 20 < first < 80
    world.expirer = world.make()
    world.finish()
    assert world.expirer.examined == 81 - first
    assert world.keys("aaa") == world.keys("bbb") == []
    assert world.kept.position == Position()


def test_a_position_in_the_uploads_is_kept_too(world: World) -> None:
    world.bucket("bucket")
    for _ in range(40):
        world.request("POST", "/bucket/key?uploads")
    world.rules("bucket", "<Filter/>" + ABORT)
    done = world.walk(turns=3)
    assert not done.called
    assert world.kept.position.phase == UPLOADS
    world.clock.advance(10)
    world.expirer = world.make()
    world.finish()
    assert 0 < world.expirer.tally.aborted < 40
    world.finish()
    assert world.expirer.tally.aborted == 40


def test_rules_that_are_removed_meanwhile_count_no_more(world: World) -> None:
    world.bucket("bucket")
    world.fill("bucket", "", 50)
    world.rules("bucket", "<Filter/>" + DAYS.format(1))
    world.clock.advance(10)
    done = world.walk(turns=2)
    assert not done.called
    left = len(world.keys("bucket"))
    assert 0 < left < 50
    world.request("DELETE", "/bucket?lifecycle")
    for _ in range(100):
        world.reactor.advance(0.001)
    assert done.called
    assert len(world.keys("bucket")) == left


def test_a_bucket_that_is_made_again_is_another_one(world: World) -> None:
    world.bucket("bucket")
    world.fill("bucket", "", 10)
    world.rules("bucket", "<Filter/>" + DAYS.format(1))
    world.clock.advance(10)
    done = world.walk(turns=1)
    for key in world.keys("bucket"):
        world.request("DELETE", f"/bucket/{key}")
    assert world.request("DELETE", "/bucket").status == 204
    world.bucket("bucket")
    world.fill("bucket", "", 10)
    for _ in range(100):
        world.reactor.advance(0.001)
    assert done.called
    assert len(world.keys("bucket")) == 10


def test_an_error_with_one_key_ends_nothing(world: World) -> None:
    world.bucket("bucket")
    for key in ("a", "bad1", "bad2", "c"):
        world.put(f"/bucket/{key}", b"x" * 200_000)
    move = "<Transition><Days>0</Days><StorageClass>GLACIER</StorageClass></Transition>"
    world.rules("bucket", "<Filter/>" + move)
    world.clock.advance(10)
    world.finish()
    assert world.moved == [("a", "GLACIER"), ("c", "GLACIER")]
    assert world.expirer.errors == 2
    assert world.expirer.tally == Tally(transitioned=2)
    assert world.kept.position == Position(), "the walk came to its end"


def test_the_service_walks_by_its_clock_and_saves_its_position_when_it_stops(world: World) -> None:
    world.bucket("bucket")
    world.fill("bucket", "", 100)
    world.rules("bucket", "<Filter/>" + DAYS.format(1))
    world.clock.advance(10)
    world.expirer.startService()
    world.reactor.advance(9.9)
    assert world.expirer.examined == 0
    world.reactor.advance(0.1)
    assert 0 < world.expirer.examined < 100
    stopped = world.expirer.stopService()
    world.reactor.advance(0.001)
    assert stopped.called
    assert world.kept.position.bucket == "bucket"
    looked = world.expirer.examined
    world.reactor.advance(100)
    assert world.expirer.examined == looked
    world.expirer.startService()
    for _ in range(30):
        world.reactor.advance(1)
    assert world.keys("bucket") == []


def test_a_store_that_is_read_only_is_left_alone(world: World) -> None:
    world.bucket("bucket")
    world.fill("bucket", "", 40)
    world.rules("bucket", "<Filter/>" + DAYS.format(1))
    world.clock.advance(10)
    broken = [False]
    world.expirer._read_only = lambda: broken[0]
    done = world.walk(turns=2)
    assert not done.called
    broken[0] = True
    world.reactor.advance(1)
    assert done.called
    left = world.keys("bucket")
    assert 0 < len(left) < 40
    world.finish()
    assert world.keys("bucket") == left
    assert world.expirer.completed_ms == 0
    broken[0] = False
    world.finish()
    assert world.keys("bucket") == []


class Slow(Turning):
    """A clock that shows later times the more often it is looked at."""

    looks = 0.0

    def seconds(self) -> float:
        self.looks += 0.0005
        return super().seconds() + self.looks


def test_it_rests_shortly_while_nobody_wants_the_process_and_long_while_others_do() -> None:
    world = World("memory")
    world.reactor = Slow()
    world.expirer = world.make()
    used = [0.0]
    world.expirer._cpu_s = lambda: used[0]
    world.bucket("bucket")
    world.fill("bucket", "", 300)
    world.rules("bucket", "<Filter/>" + DAYS.format(99))
    Deferred.fromCoroutine(world.expirer.walk())

    def rest() -> float:
        """How long the rest is that has begun."""
        (call,) = world.reactor.getDelayedCalls()
        return call.getTime() - world.reactor.rightNow - world.reactor.looks

    def step(cpu: float) -> int:
        """How many keys the step after this rest looks at; ``cpu`` is used meanwhile."""
        before = world.expirer.examined
        used[0] += cpu
        world.reactor.advance(rest() + 0.0001)
        return world.expirer.examined - before

    assert rest() > 0.005, "it takes others for busy until it has seen them rest"
    assert step(0) == 32
    assert rest() < 0.003
    assert step(0) == 32
    assert rest() < 0.003
    assert step(0.5) == 8
    assert rest() > 0.005
    assert step(0.5) == 8
