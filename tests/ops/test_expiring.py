"""Doing what is due of single keys: with the commands of clients, and never to what was changed."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from tests.ops.harness import Harness, run
from z4tw.lifecycle.due import Judge
from z4tw.lifecycle.rules import (
    VARIES,
    Configuration,
    Expiration,
    NoncurrentExpiration,
    Rule,
    Transition,
)
from z4tw.model.control import Bucket
from z4tw.model.objects import Head, Version
from z4tw.model.registers import Kind, Refused, Register
from z4tw.objects.commands import DeleteObject, DeleteVersion
from z4tw.ops.context import Settings
from z4tw.ops.expiring import Executor, Looked, Tally

DAY_MS = 1000
EXPIRES = Rule("r", True, expiration=Expiration(days=1))
OLDER = Rule("o", True, noncurrent_expiration=NoncurrentExpiration(1))
MOVES = Rule("m", True, transitions=(Transition("GLACIER", 0),))


class World(Harness):
    """A bucket; ``look`` judges a key ten days later."""

    def __init__(self, versioning: str = "") -> None:
        super().__init__(settings=Settings(event_sinks=("hook",)))
        super().bucket(versioning=versioning)
        self.moved: list[tuple[str, str]] = []
        self.record: Bucket = run(self.service._directory.bucket("bucket"))

    async def move(self, bucket: Bucket, key: str, version: Version, storage_class: str) -> bool:
        self.moved.append((key, storage_class))
        return key != "gone"

    def executor(self, **options: Any) -> Executor:
        return Executor(self.store, self.stamps.stamp, self.clock.now_ms, self.move, **options)

    def judge(self, *rules: Rule) -> Judge:
        return Judge(Configuration(rules, VARIES), self.clock.ms + 10 * DAY_MS, DAY_MS, True)

    def look(self, key: str, *rules: Rule, **options: Any) -> Looked:
        executor = self.executor(**options)
        looked: Looked = run(executor.look_at(self.record, key.encode(), self.judge(*rules)))
        return looked

    def versions(self) -> list[tuple[str, bool]]:
        page = self.request("GET", "/bucket?versions").xml
        found = [one for one in page if one.tag in ("Version", "DeleteMarker")]
        return [(one.findtext("Key") or "", one.tag == "DeleteMarker") for one in found]


def test_an_object_of_a_plain_bucket_is_gone_for_good() -> None:
    world = World()
    world.put("/bucket/key")
    assert world.look("key", EXPIRES).tally == Tally(expired=1)
    assert world.versions() == []
    assert world.look("key", EXPIRES).tally == Tally()


def test_in_a_versioned_bucket_a_marker_of_the_buckets_owner_comes() -> None:
    world = World("Enabled")
    world.put("/bucket/key")
    assert world.look("key", EXPIRES).tally == Tally(expired=1)
    assert world.versions() == [("key", True), ("key", False)]
    head: Head = run(world.store.read(Register(Kind.OBJECT, world.record.incarnation, b"key")))
    assert head.versions[0].owner == world.record.owner
    assert world.look("key", EXPIRES).tally == Tally(), "a marker with versions stays"


def test_old_versions_go_and_then_the_marker_that_is_left() -> None:
    world = World("Enabled")
    for _ in range(3):
        world.put("/bucket/key")
    world.request("DELETE", "/bucket/key")
    assert world.look("key", EXPIRES, OLDER).tally == Tally(removed=3)
    assert world.versions() == [("key", True)]
    assert world.look("key", EXPIRES, OLDER).tally == Tally(removed=1)
    assert world.versions() == []


def test_versions_in_pages_are_looked_at_too() -> None:
    world = World("Enabled")
    for _ in range(200):
        world.put("/bucket/key")
    world.put("/bucket/key2")
    assert world.look("key", OLDER).tally == Tally(removed=199)
    assert world.versions() == [("key", False), ("key2", False)]


@pytest.mark.parametrize("change", ["put", "tags", "delete"])
def test_what_was_changed_after_the_decision_is_never_hit(change: str) -> None:
    world = World("Suspended")
    world.put("/bucket/key", b"old")
    register = Register(Kind.OBJECT, world.record.incarnation, b"key")
    head = run(world.store.read(register))
    if change == "put":
        world.put("/bucket/key", b"new")
    elif change == "tags":
        body = b"<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"
        assert world.request("PUT", "/bucket/key?tagging", body=body).status == 200
    else:
        world.request("DELETE", "/bucket/key")
        world.put("/bucket/key", b"again")
    looked = run(world.executor().look_at(world.record, b"key", world.judge(EXPIRES), head))
    assert looked.tally == Tally(skipped=1)
    content = {"put": b"new", "tags": b"old", "delete": b"again"}[change]
    assert world.request("GET", "/bucket/key").body == content


@pytest.mark.parametrize("dry", [False, True])
def test_locked_versions_are_not_removed_but_may_get_a_marker(dry: bool) -> None:
    world = World("Enabled")
    lock = (
        b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>"
        b"</ObjectLockConfiguration>"
    )
    assert world.request("PUT", "/bucket?object-lock", body=lock).status == 200
    digest = {"content-md5": base64.b64encode(hashlib.md5(b"1").digest()).decode()}
    world.put("/bucket/key", b"1", headers={"x-amz-object-lock-legal-hold": "ON", **digest})
    world.put("/bucket/key", b"2")
    world.put("/bucket/key", b"3")
    looked = world.look("key", EXPIRES, OLDER, dry=dry)
    assert looked.tally == Tally(expired=1, removed=1, skipped=1)
    assert len(world.versions()) == 3, "one went and a marker came"


@pytest.mark.parametrize(
    ("code", "tally"),
    [("AccessDenied", Tally(removed=1, skipped=1)), ("PreconditionFailed", Tally(skipped=1))],
)
def test_a_version_that_is_locked_stays_and_a_key_that_was_changed_waits(
    code: str, tally: Tally
) -> None:
    world = World("Enabled")
    first = world.put("/bucket/key").headers["x-amz-version-id"]
    for _ in range(2):
        world.put("/bucket/key")
    change = world.store.change

    async def refusing(register: Any, command: Any) -> Any:
        if command.version_id == first:
            return Refused(code)
        return await change(register, command)

    world.store.change = refusing
    assert world.look("key", OLDER).tally == tally


def test_every_command_says_what_it_rests_on() -> None:
    world = World("Enabled")
    for _ in range(3):
        world.put("/bucket/key")
    seen: list[Any] = []
    change = world.store.change

    async def noting(register: Any, command: Any) -> Any:
        seen.append(command)
        return await change(register, command)

    world.store.change = noting
    assert world.look("key", EXPIRES, OLDER).tally == Tally(expired=1, removed=2)
    assert [type(one) for one in seen] == [DeleteVersion, DeleteVersion, DeleteObject]
    assert all(one.condition is not None and one.condition.last for one in seen)


def test_moves_are_told_and_carried_out_one_by_one() -> None:
    world = World()
    for key in ("key", "gone"):
        world.put(f"/bucket/{key}")
        looked = world.look(key, MOVES)
        assert looked.tally == Tally()
        ((name, action),) = looked.moves
        tally = run(world.executor().move(world.record, name, action))
        assert tally == (Tally(transitioned=1) if key == "key" else Tally(skipped=1))
    assert world.moved == [("key", "GLACIER"), ("gone", "GLACIER")]


def test_a_dry_run_counts_and_changes_nothing() -> None:
    world = World("Enabled")
    world.put("/bucket/key")
    world.put("/bucket/key")
    before = world.request("GET", "/bucket?versions").body
    assert world.look("key", EXPIRES, OLDER, dry=True).tally == Tally(expired=1, removed=1)
    moves = world.look("key", MOVES, dry=True).moves
    assert run(world.executor(dry=True).move(world.record, *moves[0])) == Tally(transitioned=1)
    assert run(world.executor(dry=True).abort(world.record, b"x")) == Tally(aborted=1)
    assert world.request("GET", "/bucket?versions").body == before
    assert world.moved == []


def test_uploads_are_aborted() -> None:
    world = World()
    world.request("POST", "/bucket/key?uploads")
    ((key, _),) = run(world.store.scan(Kind.UPLOAD, world.record.incarnation, b"", b"", 9))
    assert run(world.executor().abort(world.record, key)) == Tally(aborted=1)
    assert run(world.executor().abort(world.record, key)) == Tally(skipped=1)
    assert world.request("GET", "/bucket?uploads").texts("Upload/Key") == []


def test_tallies_add_up() -> None:
    tally = Tally(1, 2, 3, 4, 5)
    tally.add(Tally(1, 1, 1, 1, 1))
    assert tally == Tally(2, 3, 4, 5, 6)
