"""What every metadata store does: one suite, run on each provider.

A provider's test case mixes ``StoreContract`` into a ``SynchronousTestCase`` and sets ``store``,
``housekeeping`` (the same object, or the one behind it) and ``settle``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from tests.metadata.values import (
    BUCKET,
    OWNER,
    AnUpload,
    account,
    account_register,
    blob,
    create_account,
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
from z4tw.errors import InternalError
from z4tw.interfaces import IMetadataHousekeeping, IMetadataStore
from z4tw.model.annotations import Annotation, NewAnnotation, annotation_register
from z4tw.model.control import Quota
from z4tw.model.notices import Backlog, Notice, Occurrence, Target
from z4tw.model.objects import Body, BodyKind, Checksum
from z4tw.model.registers import (
    Done,
    Kind,
    ListQuery,
    LiveRow,
    NeedData,
    Refused,
    VersionQuery,
    upload_prefix,
)
from z4tw.model.stamps import version_id_of
from z4tw.model.uploads import UploadState
from z4tw.objects.commands import (
    AbortUpload,
    BeginCompletion,
    Condition,
    DeleteAnnotation,
    DeleteVersion,
    FinishCompletion,
    PutAnnotation,
    PutVersion,
    Replace,
    SetTags,
)


class Times:
    """A clock in Unix milliseconds that tests set, and seeded random bytes."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000
        self.random_bytes = Random(7).randbytes

    def __call__(self) -> int:
        return self.now_ms


class StoreContract:
    """The suite. ``times`` is what the store under test was given as ``now_ms``."""

    store: Any
    housekeeping: Any
    times: Times
    settle: Callable[[], None]
    successResultOf: Callable[..., Any]
    flushLoggedErrors: Callable[..., Any]

    def result(self, awaitable: Awaitable[Any]) -> Any:
        """Drive an awaitable to its end, as the event loop would."""
        deferred = awaitable if isinstance(awaitable, Deferred) else _from(awaitable)
        for _ in range(100):
            if deferred.called:
                break
            self.settle()
        return self.successResultOf(deferred)

    def error(self, awaitable: Awaitable[Any]) -> BaseException:
        """The exception of an awaitable."""
        deferred = awaitable if isinstance(awaitable, Deferred) else _from(awaitable)
        failure = self.result(deferred.addErrback(lambda failure: failure.value))
        assert isinstance(failure, BaseException), failure
        return failure

    def change(self, where: Any, command: Any) -> Any:
        return self.result(self.store.change(where, command))

    def live(self, **query: Any) -> Any:
        return self.result(self.store.list_live(Kind.OBJECT, BUCKET, ListQuery(**query)))

    def garbage(self) -> list[Any]:
        """What the reaper is given when everything idle is old enough."""
        found = self.result(self.housekeeping.garbage(self.times.now_ms + 1, 1000))
        return sorted(found, key=lambda one: one.id)

    # The outbox

    def announce(self, number: int, *sinks: str, condition: Any = None) -> Any:
        about = Occurrence("s3:ObjectCreated:Put", "bucket", OWNER, "r", f"k{number}")
        notice = Notice(about, tuple(Target(sink, "c") for sink in sinks))
        command = PutVersion(version(number), "Enabled", condition, notice=notice)
        return self.change(register(b"k"), command)

    def waiting(self, sink: str, limit: int = 100) -> list[str]:
        rows = self.result(self.housekeeping.outbox(sink, limit))
        assert [number for number, _ in rows] == sorted({number for number, _ in rows})
        return [event.occurrence.key for _, event in rows]

    def test_events_wait_in_the_order_of_their_changes(self) -> None:
        for number in range(1, 6):
            self.announce(number, *(("one", "two") if number % 2 else ("two",)))
        assert self.waiting("one") == ["k1", "k3", "k5"]
        assert self.waiting("two", 4) == ["k1", "k2", "k3", "k4"]
        assert self.waiting("three") == []
        backlog = self.result(self.housekeeping.backlog())
        assert backlog == {"one": Backlog(3, 1), "two": Backlog(5, 1)}
        ((_, event), *_) = self.result(self.housekeeping.outbox("one", 1))
        assert (event.sink, event.configuration, event.stamp) == ("one", "c", stamp(1))
        assert (event.size, event.etag) == (0, version(1).etag)
        assert event.version_id == version(1).version_id

    def test_a_change_that_is_refused_announces_nothing(self) -> None:
        refused = self.announce(1, "one", condition=Condition(if_match="*"))
        assert isinstance(refused, Refused)
        assert self.result(self.housekeeping.backlog()) == {}

    def test_delivered_events_are_removed_and_numbers_never_come_again(self) -> None:
        seen: set[int] = set()
        for number in range(1, 5):
            self.announce(number, "one")
            ((given, _),) = self.result(self.housekeeping.outbox("one", 10))
            assert given not in seen
            seen.add(given)
            self.result(self.housekeeping.outbox_remove([given, 999_999]))
            assert self.waiting("one") == []
        assert self.result(self.housekeeping.backlog()) == {}

    def test_the_oldest_events_of_a_sink_can_be_dropped(self) -> None:
        for number in range(1, 8):
            self.announce(number, "one", "two")
        trim = self.housekeeping.outbox_trim
        assert self.result(trim("one", 7)) == 0
        assert self.result(trim("one", 3)) == 4
        assert self.result(trim("three", 0)) == 0
        assert self.waiting("one") == ["k5", "k6", "k7"]
        assert len(self.waiting("two")) == 7
        assert self.result(trim("two", 0)) == 7
        assert self.waiting("two") == []

    def test_who_watches_is_told_of_events_and_of_nothing_else(self) -> None:
        told: list[list[str]] = []
        self.housekeeping.watch_outbox(lambda: told.append(self.waiting("one")))
        self.change(register(b"other"), put(1))
        assert told == []
        self.announce(1, "one")
        assert told == [["k1"]]
        self.housekeeping.watch_outbox(None)
        self.announce(2, "one")
        assert told == [["k1"]]

    # Annotations

    def annotate(
        self, name: str, number: int, blob_number: int = 0, version_id: str = "", **more: Any
    ) -> Any:
        """Put an annotation: with a new file, or with an inline text."""
        if blob_number:
            body, inline, info = file_body(blob_number), None, blob(blob_number)
        else:
            body = Body(BodyKind.INLINE, identity(number), 4)
            inline, info = b"text", None
        annotation = Annotation(stamp(number), name, f"{number:032x}", body)
        command = PutAnnotation(version_id, annotation, None, inline, info, **more)
        return self.change(register(b"k"), command)

    def annotation(self, version_number: int, name: str) -> Any:
        at = annotation_register(BUCKET, b"k", stamp(version_number), name)
        return self.result(self.store.read(at))

    def annotation_names(self) -> list[str]:
        rows = self.result(self.store.scan(Kind.ANNOTATION, BUCKET, b"", b"", 100))
        return [value.name for _, value in rows]

    def test_an_annotation_is_stored_beside_its_version(self) -> None:
        self.change(register(b"k"), put(1, "Enabled"))
        for number in range(2, 5):
            assert self.annotate("a", number, blob_number=number) == Done(
                stamp(number), version(1).version_id
            )
            for _ in range(2):  # the second one may come from a cache
                assert self.annotation(1, "a").stamp == stamp(number)
        self.annotate("b", 6)
        head = self.result(self.store.read(register(b"k")))
        assert (head.current.annotations, head.last) == (2, stamp(6))
        assert self.annotation_names() == ["a", "b"]
        assert self.result(self.store.read_inline(identity(6))) == b"text"
        assert [one.id for one in self.garbage()] == [identity(2), identity(3)]

    def test_an_annotation_is_removed_with_its_body(self) -> None:
        self.change(register(b"k"), put(1))
        self.annotate("a", 2, blob_number=2)
        self.annotate("b", 3)
        for name, number in (("a", 4), ("b", 5), ("b", 6)):
            done = self.change(register(b"k"), DeleteAnnotation(stamp(number), "", name))
            assert done.changed == (number < 6)
        assert self.annotation_names() == []
        assert self.annotation(1, "a") is None
        assert self.result(self.store.read_inline(identity(3))) is None
        assert [one.id for one in self.garbage()] == [identity(2)]
        assert self.result(self.store.read(register(b"k"))).current.annotations == 0

    def test_annotations_go_with_their_version_and_with_no_other(self) -> None:
        self.change(register(b"k"), put(1, "Enabled"))
        self.annotate("a", 2, blob_number=2)
        self.annotate("b", 3)
        self.change(register(b"k"), put(4, "Enabled"))
        self.annotate("c", 5)
        assert self.annotation(4, "a") is None
        old = version(1).version_id
        self.change(register(b"k"), DeleteVersion(stamp(6), old))
        assert self.annotation_names() == ["c"]
        assert self.annotation(1, "a") is None
        assert self.result(self.store.read_inline(identity(3))) is None
        assert self.result(self.store.read_inline(identity(5))) == b"text"
        assert [one.id for one in self.garbage()] == [identity(2)]

    def test_a_version_may_come_with_annotations_of_another_one(self) -> None:
        self.change(register(b"k"), put(1))
        self.annotate("a", 2, blob_number=2)
        shared = Annotation(stamp(2), "a", "e", file_body(2))
        text = Annotation(stamp(2), "b", "e", Body(BodyKind.INLINE, identity(9), 4))
        new = msgspec.structs.replace(version(5), annotations=2)
        annotations = (NewAnnotation(shared), NewAnnotation(text, b"text"))
        # In place of the version that has the file, which is not idle in between.
        done = self.change(register(b"k"), PutVersion(new, annotations=annotations))
        assert done == Done(stamp(5))
        assert self.annotation_names() == ["a", "b"]
        assert self.annotation(5, "b").stamp == stamp(5)
        assert self.garbage() == []
        self.change(register(b"k"), delete(6))
        assert (self.annotation_names(), len(self.garbage())) == ([], 1)
        gone = self.change(register(b"k"), PutVersion(new, annotations=annotations))
        assert gone == NeedData(identity(2))

    def test_an_annotation_of_nothing_is_refused(self) -> None:
        assert self.annotate("a", 1) == Refused("NoSuchKey")
        self.change(register(b"k"), put(1, "Enabled"))
        assert self.annotate("a", 2, version_id=version(9).version_id) == Refused("NoSuchVersion")
        assert self.annotation_names() == []

    # Registers

    def test_the_interfaces_are_provided(self) -> None:
        assert verifyObject(IMetadataStore, self.store)
        assert verifyObject(IMetadataHousekeeping, self.housekeeping)

    def test_an_absent_register_reads_as_none(self) -> None:
        assert self.result(self.store.read(register(b"k"))) is None

    def test_an_object_is_read_with_its_inline_body(self) -> None:
        read = self.store.read_object
        assert self.result(read(register(b"k"))) == (None, None)
        for number in range(1, 4):
            self.change(register(b"k"), put_inline(number, b"stored %d" % number, "Enabled"))
            for _ in range(3):  # later ones may come from a cache
                head, inline = self.result(read(register(b"k")))
                assert head.current.stamp == stamp(number)
                assert inline == b"stored %d" % number
        self.change(register(b"k"), delete(9, "Enabled"))
        head, inline = self.result(read(register(b"k")))
        assert (head.current.delete_marker, inline) == (True, None)

    def test_a_change_is_seen_by_the_next_read_each_time(self) -> None:
        for number in range(1, 5):
            outcome = self.change(register(b"k"), put(number))
            assert outcome == Done(stamp(number))
            for _ in range(2):  # the second one may come from a cache
                head = self.result(self.store.read(register(b"k")))
                assert head.versions == (version_of(put(number)),)

    def test_a_refused_command_changes_nothing(self) -> None:
        self.change(register(b"k"), put(1))
        before = self.result(self.store.read(register(b"k")))
        refused = PutVersion(version(2), condition=Condition(if_none_match=True))
        outcome = self.change(register(b"k"), refused)
        assert isinstance(outcome, Refused)
        assert outcome.code == "PreconditionFailed"
        assert self.result(self.store.read(register(b"k"))) == before

    def test_a_defective_command_fails_alone(self) -> None:
        good = self.store.change(register(b"a"), put(1))
        bad = _deferred(self.store.change(register(b"b"), Replace(None, None)))
        bad.addErrback(lambda failure: failure.value)
        also_good = self.store.change(register(b"c"), put(2))
        assert self.result(good) == Done(stamp(1))
        assert isinstance(self.result(bad), (TypeError, InternalError))
        assert self.result(also_good) == Done(stamp(2))
        assert [row.key for row in self.live().rows] == [b"a", b"c"]
        self.flushLoggedErrors(TypeError)  # a process that serves another one logs it

    def test_commands_on_one_register_take_effect_in_the_order_they_came(self) -> None:
        changes = [
            _deferred(self.store.change(register(b"k"), put(n, "Enabled"))) for n in range(1, 6)
        ]
        assert [self.result(change).stamp for change in changes] == [stamp(n) for n in range(1, 6)]
        head = self.result(self.store.read(register(b"k")))
        assert [found.stamp for found in head.versions] == [stamp(n) for n in range(5, 0, -1)]

    def test_of_racing_creations_one_wins(self) -> None:
        command = [
            PutVersion(version(n), condition=Condition(if_none_match=True)) for n in range(1, 9)
        ]
        racing = [_deferred(self.store.change(register(b"k"), one)) for one in command]
        outcomes = [self.result(one) for one in racing]
        assert sum(isinstance(outcome, Done) for outcome in outcomes) == 1

    def test_a_removed_object_leaves_no_register(self) -> None:
        self.change(register(b"k"), put(1))
        self.change(register(b"k"), delete(2))
        assert self.result(self.store.read(register(b"k"))) is None
        assert self.live().rows == []

    # Control registers

    def test_compare_and_set_of_a_control_register(self) -> None:
        where = account_register("root")
        assert self.change(where, create_account("root", 1)) == Done(stamp(1))
        assert self.result(self.store.read(where)) == account("root", 1)
        assert isinstance(self.change(where, create_account("root", 2)), Refused)
        assert isinstance(self.change(where, create_account("root", 3, stamp(1))), Done)
        assert self.result(self.store.read(where)) == account("root", 3)
        assert isinstance(self.change(where, Replace(stamp(3), None)), Done)
        assert self.result(self.store.read(where)) is None

    def test_the_control_generation_moves_with_control_registers_alone(self) -> None:
        first = self.store.control_generation()
        self.change(register(b"k"), put(1))
        assert self.store.control_generation() == first
        self.change(account_register("root"), create_account("root", 1))
        second = self.store.control_generation()
        assert second != first
        self.change(account_register("root"), Replace(stamp(1), None))
        assert self.store.control_generation() not in (first, second)

    def test_scan_gives_a_range_in_byte_order(self) -> None:
        names = ["b", "a", "c", "B", "é", "ab"]
        for number, name in enumerate(names, 1):
            self.change(account_register(name), create_account(name, number))
        ordered = sorted(name.encode() for name in names)

        def scan(start: bytes, end: bytes, limit: int) -> list[bytes]:
            rows = self.result(self.store.scan(Kind.ACCOUNT, 0, start, end, limit))
            assert all(value.name.encode() == key for key, value in rows)
            return [key for key, _ in rows]

        assert scan(b"", b"", 100) == ordered
        assert scan(b"", b"", 2) == ordered[:2]
        assert scan(b"ab", b"c", 100) == [b"ab", b"b"]
        assert scan(b"zz", b"", 100) == ["é".encode()]

    # Bodies

    def test_an_inline_body_lives_as_long_as_its_version(self) -> None:
        self.change(register(b"k"), put_inline(1, b"one"))
        assert self.result(self.store.read_inline(identity(1))) == b"one"
        self.change(register(b"k"), put_inline(2, b"two"))
        assert self.result(self.store.read_inline(identity(1))) is None
        assert self.result(self.store.read_inline(identity(2))) == b"two"
        self.change(register(b"k"), delete(3))
        assert self.result(self.store.read_inline(identity(2))) is None

    def test_a_file_body_is_garbage_when_nothing_names_it(self) -> None:
        self.change(register(b"k"), put_file(1))
        assert self.result(self.store.read_blob(identity(1))) == blob(1)
        assert self.garbage() == []
        self.change(register(b"k"), delete(2))
        assert self.result(self.housekeeping.garbage(self.times.now_ms, 10)) == []
        assert self.garbage() == [blob(1)]
        assert self.garbage() == [blob(1)]  # a reaper that was killed gets it again
        assert self.result(self.housekeeping.known([identity(1), identity(9)])) == {identity(1)}
        self.result(self.housekeeping.forget([identity(1), identity(9)]))
        assert self.result(self.housekeeping.known([identity(1)])) == set()
        assert self.result(self.store.read_blob(identity(1))) is None

    def test_forgetting_spares_bodies_that_are_not_dying(self) -> None:
        self.change(register(b"k"), put_file(1))
        self.result(self.housekeeping.forget([identity(1)]))
        assert self.result(self.store.read_blob(identity(1))) == blob(1)

    def test_a_shared_body_lives_until_its_last_name_goes(self) -> None:
        self.change(register(b"a"), put_file(1))
        assert isinstance(self.change(register(b"b"), share_file(2, 1)), Done)
        self.change(register(b"a"), delete(3))
        assert self.garbage() == []
        self.change(register(b"b"), delete(4))
        assert self.garbage() == [blob(1)]

    def test_an_object_copied_onto_itself_keeps_its_body(self) -> None:
        self.change(register(b"a"), put_file(1))
        assert isinstance(self.change(register(b"a"), share_file(2, 1)), Done)
        assert self.garbage() == []
        self.change(register(b"a"), delete(3))
        assert self.garbage() == [blob(1)]

    def test_sharing_an_absent_or_dying_body_needs_its_data_and_writes_nothing(self) -> None:
        outcome = self.change(register(b"b"), share_file(2, 1))
        assert outcome == NeedData(identity(1))
        self.change(register(b"a"), put_file(1))
        self.change(register(b"a"), delete(3))
        assert self.garbage() == [blob(1)]
        assert self.change(register(b"b"), share_file(4, 1)) == NeedData(identity(1))
        assert self.result(self.store.read(register(b"b"))) is None

    def test_an_idle_body_that_is_not_dying_yet_can_be_shared_again(self) -> None:
        self.change(register(b"a"), put_file(1))
        self.change(register(b"a"), delete(2))
        assert isinstance(self.change(register(b"b"), share_file(3, 1)), Done)
        assert self.garbage() == []

    def test_garbage_is_limited_and_oldest_first(self) -> None:
        for number in (1, 2, 3):
            self.times.now_ms += 1000
            self.change(register(b"k"), put_file(number))
        self.times.now_ms += 1000
        self.change(register(b"k"), delete(4))
        before = self.times.now_ms + 1
        assert self.result(self.housekeeping.garbage(before, 1)) == [blob(1)]
        self.result(self.housekeeping.forget([identity(1)]))
        assert self.result(self.housekeeping.garbage(before, 1)) == [blob(2)]
        assert self.result(self.housekeeping.garbage(self.times.now_ms - 500, 9)) == [blob(2)]

    def test_blobs_are_walked_in_the_order_of_their_ids(self) -> None:
        for number in (3, 1, 2):
            self.change(register(b"%d" % number), put_file(number))
        walk = self.housekeeping.blobs_after
        assert self.result(walk(b"", 10)) == [blob(1), blob(2), blob(3)]
        assert self.result(walk(identity(1), 1)) == [blob(2)]
        assert self.result(walk(identity(3), 10)) == []

    # Multipart

    def complete(self, upload: AnUpload, at: int, *blob_numbers: int) -> None:
        self.change(upload.register, upload.create)
        for number, blob_number in enumerate(blob_numbers, 1):
            new = blob_number not in blob_numbers[: number - 1]
            self.change(upload.part(number), upload.put_part(number, at, blob_number, new))
        assert isinstance(self.change(upload.register, BeginCompletion(stamp(at), b"d")), Done)
        command = put_manifest(at, manifest_of(*blob_numbers))
        assert isinstance(self.change(register(upload.key, upload.bucket), command), Done)
        finish = FinishCompletion(stamp(at), b"d", "e", "", "", self.times.now_ms + 5000)
        assert isinstance(self.change(upload.register, finish), Done)

    def parts(self, upload: AnUpload) -> list[int]:
        rows = self.result(
            self.store.scan(
                Kind.PART, upload.bucket, upload.register.key, upload.register.key + b"\xff", 10_000
            )
        )
        return [part.number for _, part in rows]

    def test_a_part_needs_its_open_upload(self) -> None:
        upload = AnUpload(b"k", 1)
        refused = self.change(upload.part(1), upload.put_part(1, 2, 11))
        assert refused == Refused("NoSuchUpload")
        self.change(upload.register, upload.create)
        assert isinstance(self.change(upload.part(1), upload.put_part(1, 3, 11)), Done)
        assert self.parts(upload) == [1]

    def test_a_replaced_part_gives_up_its_body(self) -> None:
        upload = AnUpload(b"k", 1)
        self.change(upload.register, upload.create)
        self.change(upload.part(1), upload.put_part(1, 2, 11))
        self.change(upload.part(1), upload.put_part(1, 3, 12))
        assert self.parts(upload) == [1]
        assert self.garbage() == [blob(11)]

    def test_an_aborted_upload_gives_up_its_parts_and_no_others(self) -> None:
        upload, other = AnUpload(b"k", 1), AnUpload(b"k", 2)
        for one, first in ((upload, 10), (other, 20)):
            self.change(one.register, one.create)
            for number in (1, 2, 255, 256, 10_000):
                self.change(one.part(number), one.put_part(number, 3, first + number))
        assert isinstance(self.change(upload.register, AbortUpload(stamp(4))), Done)
        assert self.parts(upload) == []
        assert self.parts(other) == [1, 2, 255, 256, 10_000]
        assert self.garbage() == [blob(10 + n) for n in (1, 2, 255, 256, 10_000)]
        assert self.result(self.store.read(upload.register)) is None

    def test_a_completed_object_holds_the_bodies_of_its_parts(self) -> None:
        upload = AnUpload(b"k", 1)
        self.complete(upload, 5, 11, 12, 11)
        assert self.parts(upload) == []
        assert self.garbage() == []
        assert self.result(self.store.read_manifest(identity(5))) == manifest_of(11, 12, 11)
        assert self.result(self.store.read(upload.register)).state == UploadState.DONE
        self.change(register(b"k"), delete(6))
        self.times.now_ms += 1
        # First the manifest goes and releases its parts; they wait for as long themselves.
        assert self.result(self.housekeeping.garbage(self.times.now_ms, 100)) == []
        assert self.result(self.store.read_manifest(identity(5))) is None
        assert self.garbage() == [blob(11), blob(12)]

    def test_a_manifest_needs_every_body_that_it_names(self) -> None:
        self.change(register(b"a"), put_file(11))
        outcome = self.change(register(b"k"), put_manifest(5, manifest_of(11, 12)))
        assert outcome == NeedData(identity(12))
        assert self.result(self.store.read_manifest(identity(5))) is None
        self.change(register(b"a"), delete(6))
        assert self.garbage() == [blob(11)]

    def test_a_manifest_is_shared_by_count(self) -> None:
        self.complete(AnUpload(b"k", 1), 5, 11)
        body = put_manifest(5, manifest_of(11)).version.body
        assert isinstance(self.change(register(b"copy"), PutVersion(version(6, body))), Done)
        self.change(register(b"k"), delete(7))
        self.times.now_ms += 1
        assert self.result(self.housekeeping.garbage(self.times.now_ms, 100)) == []
        assert self.result(self.store.read_manifest(identity(5))) == manifest_of(11)
        self.change(register(b"copy"), delete(8))
        self.garbage()
        outcome = self.change(register(b"late"), PutVersion(version(9, body)))
        assert outcome == NeedData(identity(5))

    def test_a_finished_upload_is_forgotten_in_time(self) -> None:
        upload = AnUpload(b"k", 1)
        self.complete(upload, 5, 11)
        expires_ms = self.times.now_ms + 5000
        assert self.result(self.housekeeping.expire(expires_ms - 1, 10)) == 0
        assert self.result(self.store.read(upload.register)) is not None
        assert self.result(self.housekeeping.expire(expires_ms, 10)) == 1
        assert self.result(self.store.read(upload.register)) is None
        assert self.garbage() == []

    # Buckets' ends

    def test_a_closed_incarnation_refuses_changes_until_it_is_reopened(self) -> None:
        self.change(register(b"k"), put(1))
        self.result(self.store.close_incarnation(BUCKET))
        assert self.change(register(b"k"), put(2)) == Refused("NoSuchBucket")
        assert self.change(register(b"l"), put(3)) == Refused("NoSuchBucket")
        assert isinstance(self.change(register(b"k", bucket=78), put(4)), Done)
        self.result(self.store.reopen_incarnation(BUCKET))
        assert isinstance(self.change(register(b"k"), put(5)), Done)

    def test_has_versions_counts_delete_markers_and_not_uploads(self) -> None:
        upload = AnUpload(b"k", 1)
        self.change(upload.register, upload.create)
        assert self.result(self.store.has_versions(BUCKET)) is False
        self.change(register(b"k"), delete(2, "Enabled"))
        assert self.result(self.store.has_versions(BUCKET)) is True
        assert self.result(self.store.has_versions(78)) is False
        marker = self.result(self.store.read(register(b"k"))).current.version_id
        self.change(register(b"k"), DeleteVersion(stamp(3), marker))
        assert self.result(self.store.has_versions(BUCKET)) is False

    def test_purging_removes_uploads_and_parts_of_one_incarnation(self) -> None:
        mine, other = AnUpload(b"k", 1), AnUpload(b"k", 2, bucket=78)
        for upload, first in ((mine, 10), (other, 20)):
            self.change(upload.register, upload.create)
            for number in (1, 2):
                self.change(upload.part(number), upload.put_part(number, 3, first + number))
        self.result(self.store.close_incarnation(BUCKET))
        self.result(self.store.purge_incarnation(BUCKET))
        assert self.result(self.store.read(mine.register)) is None
        assert self.parts(mine) == []
        assert self.parts(other) == [1, 2]
        assert self.garbage() == [blob(11), blob(12)]
        assert self.change(register(b"k"), put(9)) == Refused("NoSuchBucket")

    # Listings

    def test_a_live_row_says_what_a_listing_shows(self) -> None:
        checksum = Checksum("CRC32C", "FULL_OBJECT", "AAAAAA==")
        command = PutVersion(version(3, file_body(3), checksum), blob=blob(3))
        self.change(register(b"k"), command)
        row = LiveRow(b"k", 5, f"{3:032x}", 3, "STANDARD", OWNER, "CRC32C/FULL_OBJECT")
        assert self.live().rows == [row]

    def test_live_rows_are_current_versions_in_key_order(self) -> None:
        for number, key in enumerate([b"b", b"a/2", b"a/1", b"c", "ü".encode(), b"d"], 1):
            self.change(register(key), put(number, "Enabled"))
        self.change(register(b"c"), delete(9, "Enabled"))
        self.change(register(b"z", bucket=78), put(10))
        page = self.live()
        assert [row.key for row in page.rows] == [b"a/1", b"a/2", b"b", b"d", "ü".encode()]
        assert not page.truncated
        assert [row.key for row in self.live(prefix=b"a/").rows] == [b"a/1", b"a/2"]
        page = self.live(start_after=b"a/2", limit=2)
        assert [row.key for row in page.rows] == [b"b", b"d"]
        assert page.truncated
        assert page.last == b"d"

    def test_common_prefixes_count_as_one_and_are_passed_as_a_whole(self) -> None:
        for number in range(1, 21):
            self.change(register(b"p%d/%d" % (number % 2, number)), put(number))
        self.change(register(b"q"), put(30))
        page = self.live(delimiter=b"/")
        assert page.prefixes == [b"p0/", b"p1/"]
        assert [row.key for row in page.rows] == [b"q"]
        page = self.live(delimiter=b"/", limit=1)
        assert (page.prefixes, page.rows, page.truncated) == ([b"p0/"], [], True)
        page = self.live(delimiter=b"/", start_after=page.last)
        assert page.prefixes == [b"p1/"]

    def test_uploads_are_listed_by_key_and_age_until_they_are_done(self) -> None:
        uploads = [
            AnUpload(key, number)
            for number, key in enumerate([b"b", b"a", b"a", b"dir/x", b"a\x00"], 1)
        ]
        for upload in uploads:
            self.change(upload.register, upload.create)
        self.change(uploads[0].register, BeginCompletion(stamp(8), b"d"))

        def listed(**query: Any) -> Any:
            return self.result(self.store.list_live(Kind.UPLOAD, BUCKET, ListQuery(**query)))

        def keys(page: Any) -> list[bytes]:
            return [row.key for row in page.rows]

        in_order = [uploads[n].register.key for n in (1, 2, 4, 0, 3)]
        assert keys(listed()) == in_order
        assert listed().rows[0].checksum == "CRC32/COMPOSITE"
        assert listed().rows[0].tag == OWNER
        page = listed(delimiter=b"/")
        assert (keys(page), page.prefixes) == (in_order[:4], [b"dir/"])
        assert keys(listed(prefix=b"a", limit=1)) == in_order[:1]
        assert keys(listed(start_after=in_order[0])) == in_order[1:]
        assert keys(listed(start_after=upload_prefix(b"a") + b"\xff")) == in_order[2:]
        finish = FinishCompletion(stamp(9), b"d", "e", "", "", 1)
        self.change(uploads[0].register, finish)
        assert uploads[0].register.key not in keys(listed())

    # Versions

    def many_versions(self, key: bytes, count: int) -> list[str]:
        """Ids of that many versions, newest first; the null version is the oldest."""
        self.change(register(key), put(1))
        ids = ["null"]
        for number in range(2, count + 1):
            ids.append(self.change(register(key), put(number, "Enabled")).version_id)
        return ids[::-1]

    def test_all_versions_are_found_and_listed_wherever_they_lie(self) -> None:
        ids = self.many_versions(b"k", 400)
        self.change(register(b"l"), delete(500, "Enabled"))
        head = self.result(self.store.read(register(b"k")))
        assert head.pages
        for place in (0, 1, 63, 64, 300, 399):
            found = self.result(self.store.find_version(register(b"k"), ids[place]))
            assert found.version_id == ids[place]
        assert self.result(self.store.find_version(register(b"k"), "")).version_id == ids[0]
        assert self.result(self.store.find_version(register(b"k"), "0" * 32)) is None
        assert self.result(self.store.find_version(register(b"n"), "")) is None
        listed: list[tuple[bytes, str, bool]] = []
        query = VersionQuery(limit=90)
        while True:
            page = self.result(self.store.list_versions(BUCKET, query))
            listed += [(key, one.version_id, latest) for key, one, latest in page.versions]
            if not page.truncated:
                break
            query = VersionQuery(
                key_marker=page.next_key, version_marker=page.next_version, limit=90
            )
        assert [id for key, id, _ in listed if key == b"k"] == ids
        assert [latest for _, _, latest in listed] == [True] + [False] * 399 + [True]
        assert listed[-1][0] == b"l"

    def test_versions_in_pages_can_be_changed_and_removed(self) -> None:
        ids = self.many_versions(b"k", 200)
        assert isinstance(
            self.change(register(b"k"), SetTags(stamp(900), ids[150], {"a": "b"})), Done
        )
        found = self.result(self.store.find_version(register(b"k"), ids[150]))
        assert found.tags == {"a": "b"}
        for number, id in enumerate(ids, 1000):
            assert self.result(self.store.find_version(register(b"k"), id)) is not None
            self.change(register(b"k"), DeleteVersion(stamp(number), id))
            assert self.result(self.store.find_version(register(b"k"), id)) is None
        assert self.result(self.store.has_versions(BUCKET)) is False

    # What a bucket holds

    def usage(self) -> tuple[int, int]:
        found = self.result(self.store.usage(BUCKET))
        return found.bytes, found.objects

    def test_a_bucket_is_told_what_it_holds(self) -> None:
        assert self.usage() == (0, 0)
        self.change(register(b"k"), put_file(1, 5, "Enabled"))
        self.change(register(b"k"), put_file(2, 7, "Enabled"))
        assert self.usage() == (12, 2)
        self.change(register(b"k"), delete(3, "Enabled"))
        assert self.usage() == (12, 2)
        self.change(register(b"other"), share_file(4, 1, 5))
        assert self.usage() == (17, 3)
        self.change(register(b"other"), put_file(5, 1))
        assert self.usage() == (13, 3)
        self.change(register(b"other"), delete(6))
        assert self.usage() == (12, 2)
        self.change(register(b"k"), DeleteVersion(stamp(7), version_id_of(stamp(1))))
        assert self.usage() == (7, 1)
        other = self.result(self.store.usage(BUCKET + 1))
        assert (other.bytes, other.objects) == (0, 0)

    def test_what_lies_in_pages_counts_too(self) -> None:
        for number in range(1, 150):
            self.change(register(b"k"), put_file(number, 2, "Enabled"))
        assert self.usage() == (298, 149)
        self.change(register(b"k"), DeleteVersion(stamp(900), version_id_of(stamp(3))))
        assert self.usage() == (296, 148)

    def test_parts_count_while_they_are_there(self) -> None:
        upload = AnUpload(b"k", 1)
        self.change(upload.register, upload.create)
        self.change(upload.part(1), upload.put_part(1, 2, 1))
        self.change(upload.part(2), upload.put_part(2, 3, 2))
        self.change(upload.part(2), upload.put_part(2, 4, 3))
        assert self.usage() == (10, 0)
        held = msgspec.structs.replace(upload.put_part(3, 5, 4), quota=Quota(max_bytes=14))
        assert self.change(upload.part(3), held).code == "QuotaExceeded"
        held = msgspec.structs.replace(upload.put_part(2, 5, 4), quota=Quota(max_bytes=10))
        assert isinstance(self.change(upload.part(2), held), Done)
        self.change(upload.register, AbortUpload(stamp(9)))
        assert self.usage() == (0, 0)

    def test_a_completed_upload_counts_once(self) -> None:
        upload = AnUpload(b"k", 1)
        self.change(upload.register, upload.create)
        for number in (1, 2):
            self.change(upload.part(number), upload.put_part(number, 1 + number, number))
        self.change(upload.register, BeginCompletion(stamp(5), b"d"))
        whole = put_manifest(6, manifest_of(1, 2))
        whole = msgspec.structs.replace(
            whole,
            version=msgspec.structs.replace(whole.version, origin=upload.id),
            quota=Quota(max_bytes=10),
        )
        assert isinstance(self.change(register(b"k"), whole), Done)
        finish = FinishCompletion(stamp(7), b"d", "e", "", "", 1 << 50)
        self.change(upload.register, finish)
        assert self.usage() == (10, 1)

    def test_a_purged_bucket_holds_nothing(self) -> None:
        upload = AnUpload(b"k", 1)
        self.change(upload.register, upload.create)
        self.change(upload.part(1), upload.put_part(1, 2, 1))
        self.result(self.store.close_incarnation(BUCKET))
        self.result(self.store.purge_incarnation(BUCKET))
        assert self.usage() == (0, 0)

    def test_a_quota_is_never_exceeded(self) -> None:
        quota = Quota(max_bytes=10, max_objects=3)

        def put_held(number: int, key: bytes, size: int) -> Any:
            command = msgspec.structs.replace(put_file(number, size), quota=quota)
            return self.change(register(key), command)

        assert isinstance(put_held(1, b"a", 6), Done)
        refused = put_held(2, b"b", 5)
        assert refused.code == "QuotaExceeded"
        assert refused.details == {"MaxBytes": "10", "UsedBytes": "6"}
        assert self.result(self.store.read(register(b"b"))) is None
        assert isinstance(put_held(3, b"a", 10), Done)  # in place of six bytes
        assert put_held(4, b"a", 11).code == "QuotaExceeded"
        assert isinstance(put_held(5, b"b", 0), Done)
        assert isinstance(put_held(6, b"c", 0), Done)
        assert put_held(7, b"d", 0).details == {"MaxObjects": "3", "UsedObjects": "3"}
        self.change(register(b"a"), delete(8))
        assert isinstance(put_held(9, b"d", 9), Done)

    def test_version_listings_fold_common_prefixes(self) -> None:
        for number in range(1, 9):
            self.change(register(b"d/%d" % number), put(number, "Enabled"))
        self.change(register(b"e"), put(20, "Enabled"))
        query = VersionQuery(delimiter=b"/")
        page = self.result(self.store.list_versions(BUCKET, query))
        assert page.prefixes == [b"d/"]
        assert [key for key, _, _ in page.versions] == [b"e"]

    # Sizes

    def test_sizes_follow_every_change(self) -> None:
        def sizes() -> tuple[int, ...]:
            found = self.result(self.store.sizes())
            return (found.objects, found.object_bytes, found.blobs, found.blob_bytes, found.uploads)

        assert sizes() == (0, 0, 0, 0, 0)
        self.change(register(b"a"), put_inline(1, b"four"))
        self.change(register(b"b"), put_file(2, 100))
        assert sizes() == (2, 104, 1, 140, 0)
        self.change(register(b"b"), put_file(3, 10))
        assert sizes() == (2, 14, 2, 190, 0)
        upload = AnUpload(b"k", 4)
        self.change(upload.register, upload.create)
        assert sizes() == (2, 14, 2, 190, 1)
        self.change(upload.register, AbortUpload(stamp(5)))
        self.change(register(b"a"), delete(6, "Enabled"))
        assert sizes() == (1, 10, 2, 190, 0)
        self.result(self.housekeeping.forget([found.id for found in self.garbage()]))
        assert sizes() == (1, 10, 1, 50, 0)


def version_of(command: PutVersion) -> Any:
    """The version that a put makes in a bucket without versioning."""
    return type(command.version)(
        *(
            True if name == "is_null" else getattr(command.version, name)
            for name in command.version.__struct_fields__
        )
    )


def _from(awaitable: Awaitable[Any]) -> Deferred[Any]:
    assert isinstance(awaitable, Coroutine)
    return Deferred.fromCoroutine(awaitable)


def _deferred(awaitable: Awaitable[Any]) -> Deferred[Any]:
    """Start a change without waiting for it."""
    return awaitable if isinstance(awaitable, Deferred) else _from(awaitable)
