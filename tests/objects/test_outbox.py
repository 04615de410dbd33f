"""What a command announces, and when."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.metadata.values import OWNER, delete, file_body, put, put_file, stamp
from tests.objects.views import PageView
from z4tw.model.notices import Notice, Occurrence, Target
from z4tw.model.objects import Head
from z4tw.model.registers import Kind
from z4tw.objects import apply, records
from z4tw.objects.commands import Condition, DeleteVersion, Replace, SetTags
from z4tw.objects.outbox import EMPTY_ETAG

NOTICE = Notice(
    Occurrence("s3:ObjectCreated:Put", "bucket", OWNER, "us-east-1", "key"),
    (Target("one", "a"), Target("two", "b")),
)


def with_notice(command: Any) -> Any:
    return msgspec.structs.replace(command, notice=NOTICE)


def test_a_put_tells_of_its_version_to_every_target() -> None:
    command = with_notice(put_file(1, size=7, versioning="Enabled"))
    change = apply(Kind.OBJECT, None, command, PageView(Kind.OBJECT))
    assert [(one.sink, one.configuration) for one in change.outbox] == [("one", "a"), ("two", "b")]
    (event, _) = change.outbox
    version = change.value.versions[0]
    assert (event.stamp, event.version_id) == (stamp(1), version.version_id)
    assert (event.size, event.etag) == (7, version.etag)
    assert event.occurrence == NOTICE.occurrence


def test_a_delete_marker_has_the_etag_of_nothing_and_no_size() -> None:
    command = with_notice(delete(2, "Enabled"))
    change = apply(Kind.OBJECT, None, command, PageView(Kind.OBJECT))
    assert {(one.size, one.etag) for one in change.outbox} == {(-1, EMPTY_ETAG)}
    assert change.outbox[0].version_id == change.value.versions[0].version_id


def test_a_removal_tells_neither_size_nor_etag() -> None:
    head: Head = apply(Kind.OBJECT, None, put(1), PageView(Kind.OBJECT)).value
    for command in (delete(2), DeleteVersion(stamp(2), "null")):
        change = apply(Kind.OBJECT, head, with_notice(command), PageView(Kind.OBJECT))
        assert {(one.size, one.etag) for one in change.outbox} == {(-1, "")}


def test_tags_tell_of_the_version_that_has_them() -> None:
    head: Head = apply(Kind.OBJECT, None, put_file(1, size=7), PageView(Kind.OBJECT)).value
    command = with_notice(SetTags(stamp(5), "", {"a": "1"}))
    change = apply(Kind.OBJECT, head, command, PageView(Kind.OBJECT))
    assert {(one.size, one.stamp) for one in change.outbox} == {(7, stamp(5))}


@pytest.mark.parametrize(
    "command",
    [
        msgspec.structs.replace(put(1), condition=Condition(if_match="x")),
        delete(2),
        DeleteVersion(stamp(2), "null"),
        SetTags(stamp(2), "", {}),
    ],
)
def test_what_has_no_effect_tells_of_nothing(command: Any) -> None:
    assert apply(Kind.OBJECT, None, with_notice(command), PageView(Kind.OBJECT)).outbox == ()


def test_a_command_without_a_notice_tells_of_nothing() -> None:
    assert apply(Kind.OBJECT, None, put(1), PageView(Kind.OBJECT)).outbox == ()


def test_a_control_record_can_be_announced() -> None:
    from tests.metadata.values import create_account

    created: Replace = with_notice(create_account("a", 3))
    change = apply(Kind.ACCOUNT, None, created, PageView(Kind.OBJECT))
    assert [one.sink for one in change.outbox] == ["one", "two"]


def test_an_event_and_its_command_cross_a_wire() -> None:
    command = with_notice(put_file(1))
    assert records.decode_command(records.encode_command(command)) == command
    (event, _) = apply(Kind.OBJECT, None, command, PageView(Kind.OBJECT)).outbox
    assert records.decode_outgoing(records.encode(event)) == event
    assert file_body(1) == command.version.body
