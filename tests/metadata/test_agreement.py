"""Random commands on the SQLite store and on the in-memory one: they must agree on everything."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from twisted.internet.defer import Deferred

from tests.metadata.recount import recount
from tests.metadata.stores import Opened
from tests.metadata.values import (
    BUCKET,
    AnUpload,
    blob,
    delete,
    file_body,
    identity,
    manifest_of,
    put,
    put_file,
    put_inline,
    put_manifest,
    register,
    share_file,
    stamp,
    version,
)
from z4tw.metadata.memory import MemoryStore
from z4tw.model.annotations import Annotation, NewAnnotation
from z4tw.model.notices import Notice, Occurrence, Target
from z4tw.model.objects import Body, BodyKind
from z4tw.model.registers import (
    Done,
    Kind,
    ListQuery,
    NeedData,
    VersionQuery,
    upload_prefix,
)
from z4tw.objects.commands import (
    AbortUpload,
    BeginCompletion,
    Condition,
    DeleteAnnotation,
    DeleteVersion,
    FinishCompletion,
    PutAnnotation,
    PutVersion,
    SetTags,
)

keys = st.sampled_from([b"a", b"a/1", b"a/2", b"a\x00", b"b/c/d", b"b/c", "é".encode(), b"\xf0"])
versionings = st.sampled_from(["", "Enabled", "Suspended"])
small = st.integers(0, 5)
names = st.sampled_from(["a", "b", "ü"])
NOTICE = Notice(
    Occurrence("s3:ObjectCreated:Put", "bucket", "owner", "region"),
    (Target("one", "c"), Target("two", "c")),
)


class Agreement(RuleBasedStateMachine):
    """Every command goes to both stores."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = Opened(clock=None)
        self.sqlite = self.opened.store
        self.memory = MemoryStore(self.opened.times, self.opened.times.random_bytes)
        self.number = 100
        self.files: list[int] = []
        self.uploads: list[AnUpload] = []
        self.ids: list[str] = ["null", ""]

    def teardown(self) -> None:
        recount(self.sqlite)
        _now(self.sqlite.close())
        self.opened.remove()

    def next(self) -> int:
        self.number += 1
        self.opened.times.now_ms += 10
        return self.number

    def both(self, method: str, *arguments: Any) -> Any:
        expected = _now(getattr(self.memory, method)(*arguments))
        found = _now(getattr(self.sqlite, method)(*arguments))
        if isinstance(found, NeedData) and isinstance(expected, NeedData):
            return found  # of several bodies that are gone, either names one of them
        assert found == expected, (method, arguments)
        return found

    def change(self, where: Any, command: Any) -> Any:
        outcome = self.both("change", where, command)
        if isinstance(outcome, Done) and outcome.version_id:
            self.ids.append(outcome.version_id)
        return outcome

    @rule(key=keys, versioning=versionings, what=small, creating=st.booleans())
    def put(self, key: bytes, versioning: str, what: int, creating: bool) -> None:
        number = self.next()
        if what == 0 and self.files:
            shared = self.files[number % len(self.files)]
            command = share_file(number, shared, versioning=versioning)
        elif what == 1:
            command = put_file(number, number, versioning)
            self.files.append(number)
        elif what == 2:
            command = put_inline(number, b"x" * number, versioning)
        elif creating:
            condition = Condition(if_none_match=True)
            command = PutVersion(version(number), versioning, condition)
        else:
            command = put(number, versioning)
        self.change(register(key), command)

    @rule(key=keys, versioning=versionings)
    def delete(self, key: bytes, versioning: str) -> None:
        self.change(register(key), delete(self.next(), versioning))

    @rule(key=keys, pick=st.integers(0, 1000))
    def delete_version(self, key: bytes, pick: int) -> None:
        id = self.ids[pick % len(self.ids)] or "null"
        self.change(register(key), DeleteVersion(stamp(self.next()), id))

    @rule(key=keys, pick=st.integers(0, 1000))
    def set_tags(self, key: bytes, pick: int) -> None:
        id = self.ids[pick % len(self.ids)]
        self.change(register(key), SetTags(stamp(self.next()), id, {"n": str(self.number)}))

    @rule(key=keys, pick=st.integers(0, 1000), name=names, what=small)
    def annotate(self, key: bytes, pick: int, name: str, what: int) -> None:
        number = self.next()
        notice = NOTICE if what % 2 else None
        id = self.ids[pick % len(self.ids)]
        if what > 3:
            self.change(register(key), DeleteAnnotation(stamp(number), id, name, notice=notice))
            return
        inline, new = None, None
        if what == 0 and self.files:
            body = file_body(self.files[number % len(self.files)])
        elif what == 1:
            body, new = file_body(number), blob(number)
            self.files.append(number)
        else:
            body, inline = Body(BodyKind.INLINE, identity(number), 1), b"x"
        annotation = Annotation(stamp(number), name, "e", body)
        command = PutAnnotation(id, annotation, None, inline, new, notice)
        self.change(register(key), command)

    @rule(key=keys, versioning=versionings, count=st.integers(1, 3))
    def put_with_annotations(self, key: bytes, versioning: str, count: int) -> None:
        number = self.next()
        new = []
        for index in range(count):
            inline = None
            if index % 2 and self.files:
                body = file_body(self.files[(number + index) % len(self.files)])
            else:
                body, inline = Body(BodyKind.INLINE, identity(number * 100 + index), 1), b"x"
            new.append(NewAnnotation(Annotation(stamp(number), f"n{index}", "e", body), inline))
        annotated = msgspec.structs.replace(version(number), annotations=count)
        command = PutVersion(annotated, versioning, notice=NOTICE, annotations=tuple(new))
        self.change(register(key), command)

    @rule(keep=st.integers(0, 3), limit=st.integers(1, 3))
    def deliver(self, keep: int, limit: int) -> None:
        for sink in ("one", "two"):
            events = self.both("outbox", sink, limit)
            self.both("outbox_remove", [number for number, _ in events])
        self.both("outbox_trim", "two", keep)
        self.both("backlog")

    @rule(key=keys)
    def fill_with_versions(self, key: bytes) -> None:
        for _ in range(70):
            self.change(register(key), put(self.next(), "Enabled"))

    @rule(key=keys)
    def create_upload(self, key: bytes) -> None:
        if b"\xf0" in key:
            return  # an upload's record holds the key as text
        upload = AnUpload(key, self.next())
        self.uploads.append(upload)
        self.change(upload.register, upload.create)

    def pick(self, index: int) -> AnUpload:
        if not self.uploads:
            self.uploads.append(AnUpload(b"never-created", self.next()))
        return self.uploads[index % len(self.uploads)]

    @rule(index=small, number=st.sampled_from([1, 2, 256, 10_000]), shared=st.booleans())
    def put_part(self, index: int, number: int, shared: bool) -> None:
        upload, at = self.pick(index), self.next()
        if shared and self.files:
            blob_number = self.files[at % len(self.files)]
            command = upload.put_part(number, at, blob_number, new=False)
        else:
            command = upload.put_part(number, at, at)
            self.files.append(at)
        self.change(upload.part(number), command)

    @rule(index=small, count=st.integers(1, 4))
    def complete(self, index: int, count: int) -> None:
        upload, at = self.pick(index), self.next()
        if not isinstance(self.change(upload.register, BeginCompletion(stamp(at), b"d")), Done):
            return
        chosen = (
            [self.files[(at * (n + 1)) % len(self.files)] for n in range(count)]
            if self.files
            else []
        )
        outcome = self.change(register(upload.key), put_manifest(at, manifest_of(*chosen)))
        if isinstance(outcome, Done):
            finish = FinishCompletion(stamp(at), b"d", "e", "", "", self.opened.times.now_ms + 300)
            self.change(upload.register, finish)

    @rule(index=small)
    def abort(self, index: int) -> None:
        self.change(self.pick(index).register, AbortUpload(stamp(self.next())))

    @rule(age=st.sampled_from([0, 50, 200]), limit=st.integers(1, 5), forgotten=st.booleans())
    def reap(self, age: int, limit: int, forgotten: bool) -> None:
        now_ms = self.opened.times.now_ms
        dying = self.both("garbage", now_ms - age, limit)
        if forgotten:
            self.both("forget", [one.id for one in dying])

    @rule(limit=st.integers(1, 3))
    def expire(self, limit: int) -> None:
        self.both("expire", self.opened.times.now_ms, limit)

    @rule(close=st.booleans())
    def close_or_reopen(self, close: bool) -> None:
        self.both("close_incarnation" if close else "reopen_incarnation", BUCKET)

    @rule()
    def purge(self) -> None:
        self.both("purge_incarnation", BUCKET)
        self.both("reopen_incarnation", BUCKET)

    @rule(
        prefix=st.sampled_from([b"", b"a", b"b/", b"z"]),
        delimiter=st.sampled_from([b"", b"/", b"/c"]),
        after=st.one_of(st.just(b""), keys),
        limit=st.sampled_from([0, 1, 2, 3, 1000]),
    )
    def list_everything(self, prefix: bytes, delimiter: bytes, after: bytes, limit: int) -> None:
        query = ListQuery(prefix, delimiter, after, limit)
        self.both("list_live", Kind.OBJECT, BUCKET, query)
        marker = upload_prefix(after) + b"\xff" if after else b""
        query = ListQuery(prefix, delimiter, marker, limit)
        self.both("list_live", Kind.UPLOAD, BUCKET, query)
        for version_marker in ("", self.ids[-1]):
            marker_query = VersionQuery(prefix, delimiter, after, version_marker, limit)
            self.compare_versions(marker_query)

    def compare_versions(self, query: VersionQuery) -> None:
        expected = _now(self.memory.list_versions(BUCKET, query))
        assert _now(self.sqlite.list_versions(BUCKET, query)) == expected

    @rule(key=keys, pick=st.integers(0, 1000))
    def read_one(self, key: bytes, pick: int) -> None:
        self.both("find_version", register(key), self.ids[pick % len(self.ids)])
        ids = [found.id for found in map(file_body, self.files)]
        self.both("known", ids)
        self.both("blobs_after", b"", 50)
        self.both("has_versions", BUCKET)

    @invariant()
    def heads_and_sizes_agree(self) -> None:
        rows = _now(self.memory.scan(Kind.OBJECT, BUCKET, b"", b"", 100))
        found = _now(self.sqlite.scan(Kind.OBJECT, BUCKET, b"", b"", 100))
        assert [(key, head.versions, head.count) for key, head in rows] == [
            (key, head.versions, head.count) for key, head in found
        ]
        self.both("scan", Kind.ANNOTATION, BUCKET, b"", b"", 1000)
        self.both("outbox", "one", 1000)
        self.both("usage", BUCKET)
        one, other = _now(self.memory.sizes()), _now(self.sqlite.sizes())
        assert (one.objects, one.object_bytes, one.blobs, one.blob_bytes, one.uploads) == (
            other.objects,
            other.object_bytes,
            other.blobs,
            other.blob_bytes,
            other.uploads,
        )


def _now(awaitable: Any) -> Any:
    deferred = awaitable if isinstance(awaitable, Deferred) else Deferred.fromCoroutine(awaitable)
    results: list[Any] = []
    deferred.addBoth(results.append)
    assert results
    if hasattr(results[0], "raiseException"):
        results[0].raiseException()
    return results[0]


Agreement.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestAgreement = Agreement.TestCase
