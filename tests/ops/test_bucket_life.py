"""A bucket's life: empty ones go, others stay, and any interrupted deletion is ended."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.ops.harness import Harness, run
from z4tw.errors import OperationAborted
from z4tw.model.control import Bucket, BucketState
from z4tw.model.registers import Done, Kind, Refused, Register
from z4tw.objects.commands import DeleteObject, Replace
from z4tw.ops.bucket_life import create_bucket, new_bucket, remove_bucket, resume_deletions
from z4tw.ops.context import Settings
from z4tw.ops.control import bucket_register, replace


def record_of(harness: Harness, name: str = "bucket") -> Bucket:
    record = run(harness.store.read(bucket_register(name)))
    assert record is not None
    return record


def mark_deleting(harness: Harness, name: str = "bucket") -> Bucket:
    """Leave a bucket as a crash right after the first step of its deletion does."""
    record = record_of(harness, name)
    marked = msgspec.structs.replace(
        record, state=BucketState.DELETING, stamp=harness.stamps.stamp()
    )
    assert run(replace(harness.store, bucket_register(name), record, marked))
    return marked


class Crash(Exception):
    """The process ended here."""


class CrashingStore:
    """A store whose process dies before its n-th step that changes something."""

    STEPS = ("change", "close_incarnation", "reopen_incarnation", "purge_incarnation")

    def __init__(self, store: Any, at: int) -> None:
        self._store = store
        self.left = at

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name not in self.STEPS:
            return method

        async def step(*arguments: Any) -> Any:
            if self.left == 0:
                raise Crash
            self.left -= 1
            return await method(*arguments)

        return step


def test_a_new_bucket_has_the_settings_defaults() -> None:
    settings = Settings(region="eu-west-1", object_ownership="BucketOwnerEnforced")
    record = new_bucket("b", "o" * 64, settings, (5 << 112).to_bytes(20, "big"), bytes)
    assert (record.region, record.object_ownership) == ("eu-west-1", "BucketOwnerEnforced")
    assert record.created_ms == 5
    assert record.state == BucketState.ACTIVE
    assert record.tags == {}


def test_incarnations_have_63_random_bits_and_are_never_zero() -> None:
    for data, expected in ((b"\xff" * 8, 2**63 - 1), (bytes(8), 1)):
        record = new_bucket("b", "o", Settings(), bytes(20), lambda _, data=data: data)
        assert record.incarnation == expected


def test_an_empty_bucket_goes_and_its_incarnation_stays_closed() -> None:
    harness = Harness()
    harness.bucket()
    record = record_of(harness)
    assert run(remove_bucket(harness.store, record, harness.stamps.stamp))
    assert run(harness.store.read(bucket_register("bucket"))) is None
    late = run(
        harness.store.change(
            Register(Kind.OBJECT, record.incarnation, b"key"),
            DeleteObject(harness.stamps.stamp(), "o" * 64, "Enabled"),
        )
    )
    assert late == Refused("NoSuchBucket") or late.code == "NoSuchBucket"


def test_a_bucket_with_an_object_or_only_a_delete_marker_stays() -> None:
    for versioning, method in (("", "PUT"), ("Enabled", "DELETE")):
        harness = Harness()
        harness.bucket(versioning=versioning)
        harness.request(method, "/bucket/key")
        before = record_of(harness)
        assert not run(remove_bucket(harness.store, before, harness.stamps.stamp))
        assert record_of(harness) == before


def test_a_removed_and_created_bucket_is_another_incarnation() -> None:
    harness = Harness()
    harness.bucket()
    first = record_of(harness)
    assert harness.request("DELETE", "/bucket").status == 204
    harness.bucket()
    assert record_of(harness).incarnation != first.incarnation


@pytest.mark.parametrize("empty", [True, False])
@pytest.mark.parametrize("resume", ["start", "delete", "create"])
def test_a_bucket_found_in_deleting_is_finished_or_reopened(empty: bool, resume: str) -> None:
    harness = Harness()
    harness.bucket()
    if not empty:
        harness.put("/bucket/key")
    marked = mark_deleting(harness)
    assert harness.request("GET", "/bucket/key").error == "NoSuchBucket"
    if resume == "start":
        assert run(resume_deletions(harness.store, harness.stamps.stamp)) == 1
    elif resume == "delete":
        answer = harness.request("DELETE", "/bucket")
        assert answer.error == ("" if empty else "BucketNotEmpty")
    else:
        assert harness.request("PUT", "/bucket").status == 200
    present = run(harness.store.read(bucket_register("bucket")))
    if not empty:
        assert present.state == BucketState.ACTIVE
        assert present.incarnation == marked.incarnation
        assert harness.request("GET", "/bucket/key").body == b"data"
        harness.put("/bucket/other")
    elif resume == "create":
        assert present.incarnation != marked.incarnation
    else:
        assert present is None


def test_resume_leaves_active_buckets_alone() -> None:
    harness = Harness()
    harness.bucket()
    before = record_of(harness)
    assert run(resume_deletions(harness.store, harness.stamps.stamp)) == 0
    assert record_of(harness) == before


def test_somebody_else_cannot_create_over_a_deletion_that_found_objects() -> None:
    harness = Harness()
    other = harness.key("other")
    harness.bucket()
    harness.put("/bucket/key")
    mark_deleting(harness)
    assert harness.request("PUT", "/bucket", key=other).error == "BucketAlreadyExists"
    assert harness.request("GET", "/bucket/key").body == b"data"


@pytest.mark.parametrize("empty", [True, False])
@pytest.mark.parametrize("at", range(6))
def test_a_crash_at_any_step_leaves_a_bucket_that_can_be_resumed(empty: bool, at: int) -> None:
    """In the middle of a removal, whatever the step, a resumption ends in gone or in a bucket that
    works, never in a record whose incarnation refuses writes."""
    harness = Harness()
    harness.bucket()
    record = mark_deleting(harness)
    if not empty:
        run(harness.store.reopen_incarnation(record.incarnation))
        active = msgspec.structs.replace(
            record, state=BucketState.ACTIVE, stamp=harness.stamps.stamp()
        )
        run(replace(harness.store, bucket_register("bucket"), record, active))
        harness.put("/bucket/key")
        record = mark_deleting(harness)
    try:
        run(remove_bucket(CrashingStore(harness.store, at), record, harness.stamps.stamp))
    except Crash:
        run(resume_deletions(harness.store, harness.stamps.stamp))
    if empty:
        assert run(harness.store.read(bucket_register("bucket"))) is None
        harness.bucket()
    harness.put("/bucket/again")
    assert harness.request("GET", "/bucket/again").body == b"data"


class Interfering:
    """A store in which something else happens before the n-th compare-and-set."""

    def __init__(self, store: Any, at: int, happening: Any) -> None:
        self._store = store
        self.left = at
        self._happening = happening

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def change(self, register: Register, command: Any) -> Any:
        if isinstance(command, Replace):
            if self.left == 0:
                self.left = -1
                await self._happening()
            elif self.left > 0:
                self.left -= 1
        return await self._store.change(register, command)


@pytest.mark.parametrize("at", range(4))
def test_two_deletions_at_once_both_find_the_bucket_gone(at: int) -> None:
    harness = Harness()
    harness.bucket()
    record = record_of(harness)

    async def other() -> None:
        present = await harness.store.read(bucket_register("bucket"))
        if present is not None:
            assert await remove_bucket(harness.store, present, harness.stamps.stamp)

    store = Interfering(harness.store, at, other)
    assert run(remove_bucket(store, record, harness.stamps.stamp))
    assert run(harness.store.read(bucket_register("bucket"))) is None


def test_a_deletion_overtaken_by_a_new_bucket_leaves_the_new_one() -> None:
    harness = Harness()
    harness.bucket()
    record = record_of(harness)

    async def other() -> None:
        await remove_bucket(harness.store, record, harness.stamps.stamp)
        made = new_bucket(
            "bucket", "o" * 64, Settings(), harness.stamps.stamp(), harness.random.randbytes
        )
        await create_bucket(harness.store, made, harness.stamps.stamp)

    store = Interfering(harness.store, 0, other)
    assert run(remove_bucket(store, record, harness.stamps.stamp))
    assert record_of(harness).owner == "o" * 64


def test_creating_gives_up_when_the_record_never_rests() -> None:
    class Restless:
        async def read(self, register: Register) -> None:
            return None

        async def change(self, register: Register, command: Any) -> Refused:
            return Refused("ConditionalRequestConflict")

    record = new_bucket("b", "o", Settings(), bytes(20), bytes)
    with pytest.raises(OperationAborted):
        run(create_bucket(Restless(), record, lambda: bytes(20)))


def test_removing_gives_up_when_the_record_never_rests() -> None:
    harness = Harness()
    harness.bucket()
    record = record_of(harness)

    class Restless:
        async def has_versions(self, incarnation: int) -> bool:
            return False

        async def read(self, register: Register) -> Bucket:
            return record

        async def change(self, register: Register, command: Any) -> Done | Refused:
            return Refused("ConditionalRequestConflict")

    with pytest.raises(OperationAborted):
        run(remove_bucket(Restless(), record, harness.stamps.stamp))
