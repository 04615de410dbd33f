"""Object lock inside the commands: what a lock forbids, whoever asks and on whatever path."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.objects.views import PageView
from z4tw.model.objects import EMPTY_BODY, Lock, Version
from z4tw.model.registers import Done, Kind, Refused
from z4tw.model.stamps import pack_stamp
from z4tw.objects import Command
from z4tw.objects.commands import (
    DeleteObject,
    DeleteVersion,
    PutVersion,
    SetLegalHold,
    SetRetention,
    SetTags,
)
from z4tw.objects.locks import COMPLIANCE, GOVERNANCE, LOCKED, NOT_IN_FUTURE, OFF, ON, protects

NODE = b"node-001"
UNTIL = 1000
STATES = ("", "Enabled", "Suspended")


def stamp(ms: int) -> bytes:
    return pack_stamp(ms << 16, NODE, ms)


def put(ms: int, versioning: str = "Enabled", lock: Lock | None = None) -> PutVersion:
    version = Version(stamp(ms), False, 0, f"e{ms}", EMPTY_BODY, "a" * 64, lock=lock)
    return PutVersion(version, versioning)


def locked(lock: Lock | None, versioning: str = "Enabled") -> tuple[PageView, str]:
    """A key with one version that has a lock, and that version's id."""
    key = PageView(Kind.OBJECT)
    key.change(put(1, versioning, lock))
    return key, key.value.current.version_id


def lock_of(key: PageView) -> Lock | None:
    found: Lock | None = key.value.current.lock
    return found


class TestProtects:
    @pytest.mark.parametrize("mode", [GOVERNANCE, COMPLIANCE])
    def test_retention_holds_until_its_end_and_no_longer(self, mode: str) -> None:
        assert protects(Lock(mode, UNTIL), stamp(UNTIL - 1))
        assert not protects(Lock(mode, UNTIL), stamp(UNTIL))

    def test_the_bypass_passes_governance_only(self) -> None:
        assert not protects(Lock(GOVERNANCE, UNTIL), stamp(1), bypass=True)
        assert protects(Lock(COMPLIANCE, UNTIL), stamp(1), bypass=True)
        assert protects(Lock(GOVERNANCE, UNTIL, ON), stamp(1), bypass=True)

    def test_a_hold_has_no_end_and_an_ended_one_protects_nothing(self) -> None:
        assert protects(Lock("", 0, ON), stamp(1 << 40))
        assert not protects(Lock("", 0, OFF), stamp(1))
        assert not protects(None, stamp(1))


class TestRemoving:
    @pytest.mark.parametrize("lock", [Lock(GOVERNANCE, UNTIL), Lock("", 0, ON)])
    def test_a_locked_version_is_not_deleted(self, lock: Lock) -> None:
        key, id = locked(lock)
        change = key.change(DeleteVersion(stamp(2), id))
        assert change.outcome == LOCKED
        assert not change.write

    def test_governance_gives_way_to_the_bypass_and_compliance_does_not(self) -> None:
        key, id = locked(Lock(GOVERNANCE, UNTIL))
        assert isinstance(key.change(DeleteVersion(stamp(2), id, bypass=True)).outcome, Done)
        key, id = locked(Lock(COMPLIANCE, UNTIL))
        assert key.change(DeleteVersion(stamp(2), id, bypass=True)).outcome == LOCKED

    def test_it_is_deleted_when_its_time_has_come(self) -> None:
        key, id = locked(Lock(COMPLIANCE, UNTIL))
        assert isinstance(key.change(DeleteVersion(stamp(UNTIL), id)).outcome, Done)
        assert key.value is None

    def test_a_plain_delete_adds_a_marker_over_it_that_can_be_deleted(self) -> None:
        key, _ = locked(Lock(COMPLIANCE, UNTIL))
        marker = key.change(DeleteObject(stamp(2), "o", "Enabled")).outcome
        assert marker.delete_marker
        assert isinstance(key.change(DeleteVersion(stamp(3), marker.version_id)).outcome, Done)
        assert lock_of(key) == Lock(COMPLIANCE, UNTIL)

    def test_one_in_a_page_is_protected_too(self) -> None:
        key, id = locked(Lock(COMPLIANCE, UNTIL))
        for ms in range(2, 200):
            key.change(put(ms))
        assert all(version.version_id != id for version in key.value.versions)
        assert key.change(DeleteVersion(stamp(500), id)).outcome == LOCKED

    @pytest.mark.parametrize("versioning", ["", "Suspended"])
    def test_a_locked_null_version_is_not_replaced(self, versioning: str) -> None:
        key, _ = locked(Lock(COMPLIANCE, UNTIL), versioning)
        for command in (put(2, versioning), DeleteObject(stamp(2), "o", versioning)):
            change = key.change(command)
            assert change.outcome == LOCKED
            assert not change.write
        assert isinstance(key.change(put(2, "Enabled")).outcome, Done)
        assert key.change(DeleteObject(stamp(3), "o", versioning)).outcome == LOCKED

    def test_the_bypass_holds_for_the_null_version_of_a_delete(self) -> None:
        key, _ = locked(Lock(GOVERNANCE, UNTIL), "Suspended")
        deleted = key.change(DeleteObject(stamp(2), "o", "Suspended", bypass=True)).outcome
        assert deleted.delete_marker

    def test_tags_of_a_locked_version_can_be_changed(self) -> None:
        key, id = locked(Lock(COMPLIANCE, UNTIL, ON))
        assert isinstance(key.change(SetTags(stamp(2), id, {"a": "1"})).outcome, Done)


class TestRetention:
    def test_it_must_end_in_the_future(self) -> None:
        key, id = locked(None)
        refused = key.change(SetRetention(stamp(UNTIL), id, GOVERNANCE, UNTIL)).outcome
        assert (refused.code, refused.message) == ("InvalidArgument", NOT_IN_FUTURE)
        assert isinstance(
            key.change(SetRetention(stamp(UNTIL), id, GOVERNANCE, UNTIL + 1)).outcome, Done
        )

    @pytest.mark.parametrize("mode", [GOVERNANCE, COMPLIANCE])
    def test_who_may_set_it_may_make_it_longer(self, mode: str) -> None:
        key, id = locked(Lock(mode, UNTIL, ON))
        key.change(SetRetention(stamp(2), id, mode, UNTIL + 5))
        assert lock_of(key) == Lock(mode, UNTIL + 5, ON)

    CHANGES: Any = [(GOVERNANCE, UNTIL - 1), (COMPLIANCE, UNTIL + 1), ("", 0)]

    @pytest.mark.parametrize(("mode", "until"), CHANGES)
    def test_governance_is_weakened_with_the_bypass_only(self, mode: str, until: int) -> None:
        key, id = locked(Lock(GOVERNANCE, UNTIL))
        assert key.change(SetRetention(stamp(2), id, mode, until)).outcome == LOCKED
        assert isinstance(key.change(SetRetention(stamp(2), id, mode, until, True)).outcome, Done)
        assert lock_of(key) == (Lock(mode, until) if mode else None)

    @pytest.mark.parametrize(
        ("mode", "until"), [(COMPLIANCE, UNTIL - 1), (GOVERNANCE, UNTIL + 1), ("", 0)]
    )
    def test_compliance_is_never_weakened(self, mode: str, until: int) -> None:
        key, id = locked(Lock(COMPLIANCE, UNTIL))
        for bypass in (False, True):
            assert key.change(SetRetention(stamp(2), id, mode, until, bypass)).outcome == LOCKED
        assert lock_of(key) == Lock(COMPLIANCE, UNTIL)

    def test_one_that_has_ended_binds_nobody(self) -> None:
        key, id = locked(Lock(COMPLIANCE, UNTIL))
        key.change(SetRetention(stamp(UNTIL), id, GOVERNANCE, UNTIL + 1))
        assert lock_of(key) == Lock(GOVERNANCE, UNTIL + 1)
        key.change(SetRetention(stamp(UNTIL + 1), id, "", 0))
        assert lock_of(key) is None

    def test_of_what_is_not_there(self) -> None:
        key, _ = locked(None)
        command = SetRetention(stamp(2), "0" * 32, GOVERNANCE, UNTIL)
        assert key.change(command).outcome == Refused("NoSuchVersion")
        key.change(DeleteObject(stamp(3), "o", "Enabled"))
        command = SetRetention(stamp(4), "", GOVERNANCE, UNTIL)
        assert key.change(command).outcome == Refused("MethodNotAllowed")


def test_a_hold_is_placed_and_ended_beside_retention() -> None:
    key, id = locked(Lock(COMPLIANCE, UNTIL))
    key.change(SetLegalHold(stamp(2), id, ON))
    assert lock_of(key) == Lock(COMPLIANCE, UNTIL, ON)
    assert key.change(DeleteVersion(stamp(UNTIL + 1), id)).outcome == LOCKED
    key.change(SetLegalHold(stamp(UNTIL + 1), id, OFF))
    assert isinstance(key.change(DeleteVersion(stamp(UNTIL + 2), id)).outcome, Done)


def commands(ids: st.SearchStrategy[str], ms: int) -> st.SearchStrategy[Command]:
    at = st.just(stamp(ms))
    flags = st.booleans()
    modes = st.sampled_from(["", GOVERNANCE, COMPLIANCE])
    ends = st.integers(ms - 5, ms + 60)
    locks = st.none() | st.builds(Lock, modes, ends, st.sampled_from(["", ON, OFF]))
    return st.one_of(
        st.builds(put, st.just(ms), st.sampled_from(STATES), locks),
        st.builds(DeleteObject, at, st.just("o"), st.sampled_from(STATES), bypass=flags),
        st.builds(DeleteVersion, at, ids, bypass=flags),
        st.builds(SetRetention, at, ids, modes, ends, flags),
        st.builds(SetLegalHold, at, ids, st.sampled_from([ON, OFF])),
        st.builds(SetTags, at, ids, st.just({"a": "1"})),
    )


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_history_removes_or_weakens_what_compliance_or_a_hold_protects(data: Any) -> None:
    """Whatever commands come, a version in compliance mode is there until the latest time that it
    was ever given, one under governance until then unless somebody bypassed it, and one on hold as
    long as it is."""
    key = PageView(Kind.OBJECT)
    ms = 10
    promised: dict[bytes, int] = {}  # version's stamp -> compliance until
    for _ in range(data.draw(st.integers(1, 40))):
        ms += data.draw(st.integers(0, 30))
        held = {} if key.value is None else {v.stamp: v for v in everything(key)}
        ids = st.sampled_from(["", "null", *[v.version_id for v in held.values()]])
        command = data.draw(commands(ids, ms))
        key.change(command)
        now = {v.stamp: v for v in everything(key)} if key.value is not None else {}
        for mark, version in held.items():
            lock = version.lock
            gone = mark not in now
            bypass = getattr(command, "bypass", False)
            if promised.get(mark, 0) > ms or (lock is not None and lock.legal_hold == ON):
                assert not gone
            if lock is not None and lock.mode == GOVERNANCE and lock.until_ms > ms and not bypass:
                assert not gone
                kept = now[mark].lock
                assert kept is not None
                assert kept.until_ms >= lock.until_ms
                assert kept.mode == GOVERNANCE
        for mark, version in now.items():
            lock = version.lock
            if promised.get(mark, 0) > ms:
                assert lock is not None
                assert (lock.mode, lock.until_ms >= promised[mark]) == (COMPLIANCE, True)
            if lock is not None and lock.mode == COMPLIANCE:
                promised[mark] = max(promised.get(mark, 0), lock.until_ms)


def everything(key: PageView) -> list[Version]:
    pages = [version for page in key.value.pages for version in key.pages[page.id]]
    return [*key.value.versions, *pages]
