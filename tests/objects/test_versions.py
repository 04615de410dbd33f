"""Object registers: S3's version semantics, checked rule by rule and against a naive list."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.objects.views import PageView
from z4tw.model.access import Acl, AclGrant
from z4tw.model.objects import (
    EMPTY_BODY,
    HEAD_VERSIONS,
    PAGE_VERSIONS,
    BlobInfo,
    Body,
    BodyKind,
    Head,
    PageRef,
    Version,
)
from z4tw.model.registers import Done, Kind, Refused
from z4tw.model.stamps import pack_stamp, parse_version_id, version_id_of
from z4tw.objects import records, rows
from z4tw.objects.commands import (
    Condition,
    DeleteObject,
    DeleteVersion,
    PutVersion,
    SetAcl,
    SetTags,
)
from z4tw.objects.versions import find_version

NODE = b"node-001"


def stamp(number: int) -> bytes:
    return pack_stamp(number << 16, NODE, number)


def version(number: int, etag: str = "", body: Body = EMPTY_BODY, origin: str = "") -> Version:
    return Version(
        stamp(number), False, body.size, etag or f"e{number}", body, "a" * 64, origin=origin
    )


def put(
    number: int, versioning: str = "", condition: Condition | None = None, origin: str = ""
) -> PutVersion:
    return PutVersion(version(number, origin=origin), versioning, condition)


def view() -> PageView:
    return PageView(Kind.OBJECT)


class TestUnversioned:
    def test_a_put_replaces_the_null_version_and_answers_no_id(self) -> None:
        key = view()
        key.change(put(1))
        outcome = key.change(put(2)).outcome
        assert outcome == Done(stamp(2), "")
        assert [v.etag for v in key.value.versions] == ["e2"]
        assert key.value.current.version_id == "null"

    def test_a_delete_removes_the_row_and_repeats_without_effect(self) -> None:
        key = view()
        key.change(put(1))
        assert key.change(DeleteObject(stamp(2), "o")).outcome.changed
        assert key.value is None
        assert not key.change(DeleteObject(stamp(3), "o")).outcome.changed

    def test_a_clock_that_went_back_still_gets_a_later_stamp(self) -> None:
        key = view()
        key.change(put(9))
        outcome = key.change(put(3)).outcome
        assert outcome.stamp > stamp(9)
        assert key.value.current.stamp == outcome.stamp


class TestConditions:
    def test_if_none_match_refuses_a_present_object_and_changes_nothing(self) -> None:
        key = view()
        key.change(put(1))
        change = key.change(put(2, condition=Condition(if_none_match=True)))
        assert change.outcome.code == "PreconditionFailed"
        assert key.value.current.etag == "e1"

    def test_if_none_match_passes_over_a_delete_marker(self) -> None:
        key = view()
        key.change(put(1, "Enabled"))
        key.change(DeleteObject(stamp(2), "o", "Enabled"))
        outcome = key.change(put(3, "Enabled", Condition(if_none_match=True))).outcome
        assert isinstance(outcome, Done)

    def test_if_match_compares_the_current_etag(self) -> None:
        key = view()
        key.change(put(1))
        assert key.change(put(2, condition=Condition("e7"))).outcome.code == "PreconditionFailed"
        assert isinstance(key.change(put(3, condition=Condition("e1"))).outcome, Done)
        assert isinstance(key.change(put(4, condition=Condition("*"))).outcome, Done)

    def test_if_match_on_an_absent_object_is_no_such_key(self) -> None:
        assert view().change(put(1, condition=Condition("e1"))).outcome.code == "NoSuchKey"
        delete = DeleteObject(stamp(1), "o", condition=Condition("*"))
        assert view().change(delete).outcome.code == "NoSuchKey"

    def test_a_conditional_delete_of_another_etag_is_refused(self) -> None:
        key = view()
        key.change(put(1))
        delete = DeleteObject(stamp(2), "o", condition=Condition("e9"))
        assert key.change(delete).outcome.code == "PreconditionFailed"
        one = DeleteVersion(stamp(2), "null", condition=Condition("e9"))
        assert key.change(one).outcome.code == "PreconditionFailed"
        assert key.value.current.etag == "e1"

    def test_time_and_size_are_compared_if_there_is_something(self) -> None:
        def answer(**fields: int) -> Any:
            key = view()
            key.change(put(2001))
            delete = DeleteObject(stamp(9000), "o", condition=Condition(None, **fields))
            return key.change(delete).outcome

        assert isinstance(answer(size=0, modified_s=2), Done)
        assert answer(size=1).code == "PreconditionFailed"
        assert answer(modified_s=1).code == "PreconditionFailed"
        absent = DeleteObject(stamp(1), "o", condition=Condition(size=1, modified_s=1))
        assert isinstance(view().change(absent).outcome, Done)

    def test_a_stamp_names_the_very_version(self) -> None:
        key = view()
        key.change(put(1))
        assert key.change(put(3, condition=Condition(stamp=stamp(2)))).outcome.code == (
            "PreconditionFailed"
        )
        assert isinstance(key.change(put(4, condition=Condition(stamp=stamp(1)))).outcome, Done)
        other = put(5, condition=Condition(stamp=stamp(1)))
        assert view().change(other).outcome == Refused("PreconditionFailed")

    def test_a_last_stamp_says_that_nothing_was_changed(self) -> None:
        key = view()
        conflict = Refused("ConditionalRequestConflict")
        key.change(put(1))
        assert key.change(put(2, condition=Condition(last=b""))).outcome == conflict
        key.change(SetTags(stamp(3), "", {"a": "1"}))
        assert key.change(put(4, condition=Condition(last=stamp(1)))).outcome == conflict
        assert isinstance(key.change(put(5, condition=Condition(last=stamp(3)))).outcome, Done)
        assert isinstance(view().change(put(1, condition=Condition(last=b""))).outcome, Done)


class TestVersioning:
    def test_a_suspended_delete_replaces_the_null_version_by_a_null_marker(self) -> None:
        key = view()
        key.change(put(1, "Enabled"))
        key.change(put(2, "Suspended"))
        outcome = key.change(DeleteObject(stamp(3), "o", "Suspended")).outcome
        assert outcome == Done(stamp(3), "null", delete_marker=True)
        assert [(v.version_id, v.delete_marker) for v in key.value.versions] == [
            ("null", True),
            (version_id_of(stamp(1)), False),
        ]

    def test_an_enabled_delete_of_an_absent_key_makes_a_marker(self) -> None:
        key = view()
        outcome = key.change(DeleteObject(stamp(1), "o", "Enabled")).outcome
        assert outcome.delete_marker
        assert rows.live_row(Kind.OBJECT, b"k", key.value) is None

    def test_deleting_the_marker_shows_the_object_again(self) -> None:
        key = view()
        key.change(put(1, "Enabled"))
        marker = key.change(DeleteObject(stamp(2), "o", "Enabled")).outcome
        undone = key.change(DeleteVersion(stamp(3), marker.version_id)).outcome
        assert undone.delete_marker
        assert undone.version_id == marker.version_id
        assert rows.live_row(Kind.OBJECT, b"k", key.value).tag == "e1"

    def test_an_unknown_version_is_deleted_without_effect(self) -> None:
        key = view()
        key.change(put(1, "Enabled"))
        outcome = key.change(DeleteVersion(stamp(2), version_id_of(stamp(7)))).outcome
        assert not outcome.changed
        assert not key.change(DeleteVersion(stamp(2), "rubbish")).outcome.changed

    def test_a_repeated_completion_finds_its_version(self) -> None:
        key = view()
        key.change(put(1, "Enabled", origin="upload"))
        again = key.change(put(1, "Enabled", origin="upload"))
        assert not again.write
        assert again.outcome == Done(stamp(1), version_id_of(stamp(1)), changed=False)

    def test_ten_thousand_versions_are_the_limit(self) -> None:
        key = view()
        key.value = Head(stamp(1), (version(1),), (PageRef(b"p", stamp(0), stamp(0), 9_999),))
        assert key.change(put(2, "Enabled")).outcome == Refused("TooManyVersions")


class TestTags:
    def test_tags_change_and_last_modified_stays(self) -> None:
        key = view()
        key.change(put(1))
        key.change(SetTags(stamp(5), "", {"a": "1"}))
        assert key.value.current.tags == {"a": "1"}
        assert key.value.current.stamp == stamp(1)

    def test_tags_of_what_is_not_there(self) -> None:
        key = view()
        assert key.change(SetTags(stamp(1), "", {})).outcome.code == "NoSuchKey"
        assert key.change(SetTags(stamp(1), "null", {})).outcome.code == "NoSuchVersion"
        key.change(DeleteObject(stamp(2), "o", "Enabled"))
        assert key.change(SetTags(stamp(3), "", {})).outcome.code == "MethodNotAllowed"


class TestAcls:
    def test_an_acl_changes_and_last_modified_stays(self) -> None:
        key = view()
        key.change(put(1))
        acl = Acl((AclGrant("a" * 64, "READ"),))
        assert key.change(SetAcl(stamp(5), "null", acl, stamp(1))).outcome.version_id == "null"
        assert key.value.current.acl == acl
        assert key.value.current.stamp == stamp(1)
        assert key.value.last == stamp(5)
        key.change(SetAcl(stamp(6), "null", None, stamp(1)))
        assert key.value.current.acl is None

    def test_another_version_than_the_expected_one_keeps_its_acl(self) -> None:
        key = view()
        acl = Acl((AclGrant("a" * 64, "READ"),))
        aborted = Refused("OperationAborted")
        assert key.change(SetAcl(stamp(5), "null", acl, stamp(1))).outcome == aborted
        key.change(put(1))
        key.change(put(2))
        assert key.change(SetAcl(stamp(5), "null", acl, stamp(1))).outcome == aborted
        assert key.value.current.acl is None


class TestBodies:
    def test_a_new_file_is_acquired_and_the_replaced_one_released(self) -> None:
        key = view()
        for number, id in ((1, b"one"), (2, b"two")):
            body = Body(BodyKind.FILE, id, 9000)
            key.change(PutVersion(version(number, body=body), blob=BlobInfo(id, "p", 9000, 9100)))
        assert key.references == {b"one": 0, b"two": 1}

    def test_an_inline_row_goes_with_its_version(self) -> None:
        key = view()
        for number, id in ((1, b"one"), (2, b"two")):
            body = Body(BodyKind.INLINE, id, 3)
            key.change(PutVersion(version(number, body=body), inline=b"abc"))
        assert key.inline == {b"two": b"abc"}


class TestUnchanged:
    """The condition of decisions that rest on a whole head."""

    def test_it_holds_until_anything_changes(self) -> None:
        for change in (put(2, "Enabled"), SetTags(stamp(2), "", {"a": "1"})):
            key = view()
            key.change(put(1, "Enabled"))
            seen = Condition(last=key.value.last)
            key.change(change)
            for command in (
                DeleteObject(stamp(5), "o", "Enabled", seen),
                DeleteVersion(stamp(5), version_id_of(stamp(1)), seen),
                put(5, "Enabled", seen),
            ):
                assert key.change(command).outcome.code == "ConditionalRequestConflict"
            now = Condition(last=key.value.last)
            assert isinstance(key.change(DeleteObject(stamp(5), "o", "", now)).outcome, Done)

    def test_what_is_gone_is_not_unchanged(self) -> None:
        command = DeleteObject(stamp(5), "o", "", Condition(last=stamp(1)))
        assert view().change(command).outcome.code == "ConditionalRequestConflict"


@dataclass
class Naive:
    """All versions of a key in one plain list, newest first."""

    versions: list[tuple[str, bool, str]] = field(default_factory=list)  # id, marker, etag

    def drop_null(self) -> None:
        self.versions = [v for v in self.versions if v[0] != "null"]


class VersionsMachine(RuleBasedStateMachine):
    """Random histories of one key, long enough to fill pages, against a plain list."""

    @initialize(start=st.sampled_from([0, 60, 70, 400]))
    def begin(self, start: int) -> None:
        self.key = view()
        self.naive = Naive()
        self.now = 0
        for _ in range(start):
            self.put("Enabled", None)

    def tick(self) -> int:
        self.now += 1
        return self.now

    @rule(versioning=st.sampled_from(["Enabled", "Suspended"]), burst=st.none())
    def put(self, versioning: str, burst: None) -> None:
        number = self.tick()
        outcome = self.key.change(put(number, versioning)).outcome
        if versioning == "Suspended":
            self.naive.drop_null()
        self.naive.versions.insert(0, (outcome.version_id, False, f"e{number}"))

    @rule(versioning=st.sampled_from(["Enabled", "Suspended"]))
    def delete(self, versioning: str) -> None:
        outcome = self.key.change(DeleteObject(stamp(self.tick()), "o", versioning)).outcome
        if versioning == "Suspended":
            self.naive.drop_null()
        self.naive.versions.insert(0, (outcome.version_id, True, ""))

    @rule(data=st.data())
    def delete_one(self, data: st.DataObject) -> None:
        if self.naive.versions:
            at = data.draw(st.integers(0, len(self.naive.versions) - 1))
            id = self.naive.versions.pop(at)[0]
            assert self.key.change(DeleteVersion(stamp(self.tick()), id)).outcome.changed

    @rule(count=st.integers(1, 80))
    def delete_newest(self, count: int) -> None:
        for _ in range(min(count, len(self.naive.versions))):
            id = self.naive.versions.pop(0)[0]
            self.key.change(DeleteVersion(stamp(self.tick()), id))

    @rule(data=st.data())
    def tag_one(self, data: st.DataObject) -> None:
        live = [v for v in self.naive.versions if not v[1]]
        if live:
            id = data.draw(st.sampled_from(live))[0]
            self.key.change(SetTags(stamp(self.tick()), id, {"n": str(self.now)}))
            found = find_version(self.key.value, id, self.key)
            assert found is not None
            assert found.tags == {"n": str(self.now)}

    @invariant()
    def same_versions(self) -> None:
        head = self.key.value
        if head is None:
            assert self.naive.versions == []
            assert self.key.pages == {}
            return
        assert 0 < len(head.versions) <= HEAD_VERSIONS
        stored = list(head.versions)
        for page in head.pages:
            versions = self.key.pages[page.id]
            assert page.count == len(versions) <= PAGE_VERSIONS
            assert (page.newest, page.oldest) == (versions[0].stamp, versions[-1].stamp)
            assert page.has_null == any(v.is_null for v in versions)
            stored += versions
        assert [(v.version_id, v.delete_marker, v.etag) for v in stored] == self.naive.versions
        assert [v.stamp for v in stored] == sorted((v.stamp for v in stored), reverse=True)
        assert set(self.key.pages) == {page.id for page in head.pages}
        assert head.count == len(stored)
        assert records.decode(Kind.OBJECT, records.encode(head)) == head


TestVersionsMachine = VersionsMachine.TestCase
TestVersionsMachine.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_version_ids_are_stamps() -> None:
    assert parse_version_id(version_id_of(stamp(5))) == stamp(5)
    assert parse_version_id("null") is None
    assert parse_version_id("Z" * 32) is None
