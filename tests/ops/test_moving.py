"""Transitions: what they change, what they leave, and that a crash at any step loses nothing."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from zope.interface import implementer

from tests.ops.harness import Harness, InlineOffload, run
from tests.recovery.stores import filled
from z4tw.errors import CorruptBlob, ServiceUnavailable
from z4tw.interfaces import ILifecycleAction, ITransition
from z4tw.model.control import Bucket
from z4tw.model.objects import BodyKind, Head, Version
from z4tw.model.rebuild import decode_blob_record
from z4tw.model.registers import Kind, Register
from z4tw.ops.context import Settings
from z4tw.ops.moving import Mover
from z4tw.packed.action import ZstdAction
from z4tw.recovery.files import finished

LINES = b"".join(b"one line of %d\n" % number for number in range(50_000))
NOISE = Random(1).randbytes(300_000)
SMALL_PARTS = Settings(min_part_bytes=1, event_sinks=("hook",))


class World(Harness):
    """A bucket, and a mover over its stores."""

    def __init__(self, versioning: str = "") -> None:
        super().__init__(settings=SMALL_PARTS)
        super().bucket(versioning=versioning)
        self.record: Bucket = run(self.service._directory.bucket("bucket"))

    def mover(self, *actions: Any) -> Mover:
        by_class = {action.storage_class: action for action in actions or (ZstdAction(),)}
        return Mover(self.store, self.blobs, self.offload, self.stamps.stamp, by_class)

    def head(self, key: str) -> Head:
        register = Register(Kind.OBJECT, self.record.incarnation, key.encode())
        head: Head = run(self.store.read(register))
        return head

    def version(self, key: str, index: int = 0) -> Version:
        return self.head(key).versions[index]

    def move(self, key: str, storage_class: str = "ZSTD", index: int = 0) -> bool:
        version = self.version(key, index)
        moved: bool = run(self.mover().move(self.record, key, version, storage_class))
        return moved

    def get(self, key: str) -> bytes:
        answer = self.request("GET", f"/bucket/{key}")
        assert answer.status == 200, answer
        return answer.body

    def multipart(self, key: str, *parts: bytes) -> None:
        upload = self.request("POST", f"/bucket/{key}?uploads").text("UploadId")
        items = ""
        for number, part in enumerate(parts, 1):
            etag = self.put(f"/bucket/{key}?uploadId={upload}&partNumber={number}", part).headers[
                "etag"
            ]
            items += f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        body = f"<CompleteMultipartUpload>{items}</CompleteMultipartUpload>".encode()
        answer = self.request("POST", f"/bucket/{key}?uploadId={upload}", body=body)
        assert answer.status == 200, answer


def test_a_class_of_s3_changes_the_label_only() -> None:
    world = World()
    world.put("/bucket/key", LINES)
    before = world.version("key")
    assert world.move("key", "GLACIER")
    after = world.version("key")
    assert after.storage_class == "GLACIER"
    assert (after.body, after.etag, after.stamp) == (before.body, before.etag, before.stamp)
    assert world.request("HEAD", "/bucket/key").headers["x-amz-storage-class"] == "GLACIER"
    assert world.request("GET", "/bucket").texts("Contents/StorageClass") == ["GLACIER"]


def test_a_packed_object_is_what_it_was() -> None:
    world = World()
    world.put("/bucket/key", LINES, headers={"x-amz-meta-a": "b", "x-amz-tagging": "c=d"})
    before = world.request("GET", "/bucket/key")
    assert world.move("key")
    after = world.request("GET", "/bucket/key")
    assert after.body == LINES
    changed = {"x-amz-storage-class"}
    assert {n: v for n, v in after.headers.items() if n not in changed} == before.headers
    blob = run(world.store.read_blob(world.version("key").body.id))
    assert 0 < blob.packed_size < len(LINES) / 3
    record = decode_blob_record(world.blobs.record(blob.path))
    assert record.version == world.version("key")
    ranged = world.request("GET", "/bucket/key", headers={"range": "bytes=270000-270009"})
    assert (ranged.status, ranged.body) == (206, LINES[270_000:270_010])


def test_the_old_body_becomes_garbage_and_the_new_one_does_not() -> None:
    world = World()
    world.put("/bucket/key", LINES)
    old = world.version("key").body.id
    world.move("key")
    world.clock.advance(10)
    garbage = run(world.store.garbage(world.clock.ms, 100))
    assert [blob.id for blob in garbage] == [old]


@pytest.mark.parametrize(("size", "kind"), [(100, BodyKind.INLINE), (0, BodyKind.EMPTY)])
def test_small_bodies_only_get_the_class(size: int, kind: int) -> None:
    world = World()
    world.put("/bucket/key", b"x" * size)
    assert world.version("key").body.kind == kind
    assert world.move("key")
    assert world.version("key").storage_class == "ZSTD"
    assert world.get("key") == b"x" * size


def test_noise_only_gets_the_class_which_marks_it_as_tried() -> None:
    world = World()
    world.put("/bucket/key", NOISE)
    body = world.version("key").body
    assert world.move("key")
    assert world.version("key").body == body
    assert world.version("key").storage_class == "ZSTD"
    assert world.get("key") == NOISE


def test_parts_are_packed_each_by_itself() -> None:
    world = World()
    world.multipart("key", LINES, NOISE, LINES[:100_000], b"end")
    before = world.request("GET", "/bucket/key?partNumber=3")
    etag = world.version("key").etag
    assert world.move("key")
    version = world.version("key")
    assert (version.etag, version.storage_class) == (etag, "ZSTD")
    assert world.get("key") == LINES + NOISE + LINES[:100_000] + b"end"
    after = world.request("GET", "/bucket/key?partNumber=3")
    assert (after.body, after.headers["content-range"]) == (
        before.body,
        before.headers["content-range"],
    )
    manifest = run(world.store.read_manifest(version.body.id))
    blobs = [run(world.store.read_blob(part.body.id)) for part in manifest.parts]
    assert [bool(blob.packed_size) for blob in blobs] == [True, False, True, False]
    record = decode_blob_record(world.blobs.record(blobs[2].path))
    assert record.part is not None
    assert (record.part.number, record.part.body.id) == (3, blobs[2].id)
    world.clock.advance(10)
    run(world.store.garbage(world.clock.ms, 100))
    assert world.get("key") == LINES + NOISE + LINES[:100_000] + b"end"


def test_parts_are_changed_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("z4tw.ops.moving.GROUP_PARTS", 2)
    world = World()
    parts = [LINES[: 20_000 + number] for number in range(5)]
    world.multipart("key", *parts)
    assert world.move("key")
    assert world.version("key").storage_class == "ZSTD"
    assert world.get("key") == b"".join(parts)


def test_copies_and_old_versions_keep_their_bodies() -> None:
    world = World(versioning="Enabled")
    world.put("/bucket/key", LINES)
    world.request("PUT", "/bucket/copy", headers={"x-amz-copy-source": "/bucket/key"})
    world.put("/bucket/key", b"new")
    assert world.move("key", index=1)
    assert world.version("key", 1).storage_class == "ZSTD"
    assert world.get("key") == b"new"
    assert world.get("copy") == LINES
    old = world.version("key", 1).version_id
    assert world.request("GET", f"/bucket/key?versionId={old}").body == LINES
    world.clock.advance(10)
    assert run(world.store.garbage(world.clock.ms, 100)) == []
    answer = world.request("PUT", "/bucket/again", headers={
        "x-amz-copy-source": f"/bucket/key?versionId={old}"})  # fmt: skip
    assert answer.status == 200
    assert world.get("again") == LINES


@pytest.mark.parametrize("change", ["put", "delete"])
def test_a_version_that_is_replaced_meanwhile_is_left_alone(change: str) -> None:
    @implementer(ILifecycleAction)
    class Racing(ZstdAction):
        async def act(self, transition: ITransition) -> None:
            if change == "put":
                world.put("/bucket/key", b"newer")
            else:
                world.request("DELETE", "/bucket/key")
            await super().act(transition)

    world = World()
    world.put("/bucket/key", LINES)
    version = world.version("key")
    assert run(world.mover(Racing()).move(world.record, "key", version, "ZSTD")) is False
    if change == "put":
        assert world.get("key") == b"newer"
        assert world.version("key").storage_class == "STANDARD"
    else:
        assert world.request("GET", "/bucket/key").error == "NoSuchKey"


def test_tags_that_are_set_meanwhile_stay() -> None:
    class Tagging(ZstdAction):
        async def act(self, transition: ITransition) -> None:
            body = b"<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"
            assert world.request("PUT", "/bucket/key?tagging", body=body).status == 200
            await super().act(transition)

    world = World()
    world.put("/bucket/key", LINES)
    assert run(world.mover(Tagging()).move(world.record, "key", world.version("key"), "ZSTD"))
    assert world.version("key").tags == {"a": "1"}
    assert world.version("key").storage_class == "ZSTD"


def test_an_action_may_read_the_bytes_and_its_failure_leaves_the_version() -> None:
    @implementer(ILifecycleAction)
    class Failing:
        storage_class = "AWAY"
        seen = b""

        async def act(self, transition: ITransition) -> None:
            body = await transition.open()
            while piece := await body.next():
                Failing.seen += piece
            body.close()
            raise OSError("the other place does not answer")

    world = World()
    world.put("/bucket/key", LINES)
    with pytest.raises(OSError, match="does not answer"):
        run(world.mover(Failing()).move(world.record, "key", world.version("key"), "AWAY"))
    assert Failing.seen == LINES
    assert world.version("key").storage_class == "STANDARD"


def test_a_transition_is_announced_once() -> None:
    document = (
        b"<NotificationConfiguration><QueueConfiguration>"
        b"<Queue>arn:aws:sqs:us-east-1:1:hook</Queue><Event>s3:LifecycleTransition</Event>"
        b"</QueueConfiguration></NotificationConfiguration>"
    )
    world = World()
    assert world.request("PUT", "/bucket?notification", body=document).status == 200
    world.record = run(world.service._directory.bucket("bucket"))
    world.put("/bucket/file", LINES)
    world.multipart("parts", LINES, LINES)
    world.put("/bucket/small", b"x")
    for key in ("file", "parts", "small"):
        assert world.move(key)
    rows = [event for _, event in run(world.store.outbox("hook", 10))]
    told = [
        (one.occurrence.event, one.occurrence.key, one.size)
        for one in rows
        if one.occurrence.event != "s3:TestEvent"
    ]
    assert told == [
        ("s3:LifecycleTransition", "file", len(LINES)),
        ("s3:LifecycleTransition", "parts", 2 * len(LINES)),
        ("s3:LifecycleTransition", "small", 1),
    ]


# Crashes

STEPS = ("blob.write", "blob.fsync", "blob.link", "blob.dirsync", "change.before", "change.after")


class Crash(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("multipart", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_leaves_the_old_form_or_the_new_one(step: str, multipart: bool) -> None:
    world = World()
    content = LINES + NOISE[:50_000]
    if multipart:
        world.multipart("key", LINES, NOISE[:50_000])
    else:
        world.put("/bucket/key", content)
    old = world.version("key")
    change = world.store.change

    def crash(reached: str) -> None:
        if reached == step:
            raise Crash

    async def changing(register: Any, command: Any) -> Any:
        crash("change.before")
        outcome = await change(register, command)
        crash("change.after")
        return outcome

    world.blobs._steps = crash
    world.store.change = changing
    with pytest.raises(Crash):
        world.move("key")
    world.blobs._steps = lambda step: None
    world.store.change = change
    assert world.get("key") == content
    version = world.version("key")
    assert version.storage_class == ("ZSTD" if step == "change.after" else "STANDARD")
    assert (version.body == old.body) == (step != "change.after")
    # Once more, as the next walk does.
    assert world.move("key")
    assert world.version("key").storage_class == "ZSTD"
    assert world.get("key") == content
    world.clock.advance(10)
    for blob in run(world.store.garbage(world.clock.ms, 100)):
        run(world.blobs.remove(blob))
    assert world.get("key") == content


def test_a_damaged_body_is_an_error_and_stays() -> None:
    world = World()
    world.put("/bucket/key", LINES)
    blob = run(world.store.read_blob(world.version("key").body.id))
    world.blobs.blobs[blob.path].content[9] ^= 1
    with pytest.raises(CorruptBlob):
        world.move("key")
    assert world.version("key").storage_class == "STANDARD"


# On files and SQLite, with a check of the whole store after each crash


class DiskCrash(Exception):
    """The process is gone; the store may not learn of it in any other way than this."""


DISK_STEPS = (
    "blob.write",
    "blob.fsync",
    "blob.link",
    "blob.dirsync",
    "store.before-commit",
    "store.after-commit",
)


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("key", ["text", "multipart"])
@pytest.mark.parametrize("step", DISK_STEPS)
def test_a_store_on_disk_is_sound_after_a_crash(
    step: str, key: str, encrypted: bool, tmp_path: Path
) -> None:
    store = filled(tmp_path / "data", encrypted)
    plain = store.buckets()["plain"]
    store.file(plain, "text", LINES)
    before = store.contents()

    def crash(reached: str) -> None:
        if reached == step:
            raise DiskCrash

    def move() -> bool:
        version = finished(store.store.read(store.at(plain, key))).versions[0]
        actions = {"ZSTD": ZstdAction()}
        mover = Mover(store.store, store.blobs, InlineOffload(), store.stamp, actions)
        return bool(finished(mover.move(plain, key, version, "ZSTD")))

    parts = store.blobs._writer_parts
    store.blobs._writer_parts = msgspec.structs.replace(parts, steps=crash)
    store.store._steps = crash
    store.store._on_fatal = lambda error: None
    with pytest.raises((DiskCrash, ServiceUnavailable)):
        move()
    for connection in (store.store._reader, store.store._writer):
        connection.close(True)
    store.blobs._writer_parts = parts
    store.open()
    for _ in range(2):
        assert store.contents() == before
        store.close()
        problems = {problem["name"] for problem in store.check().as_dict()["problems"]}
        assert problems <= {"file-orphan"}, "at most the new blob, which the sweep removes"
        store.open()
        assert move()
        assert finished(store.store.read(store.at(plain, key))).versions[0].storage_class == "ZSTD"
