"""Commands are plain values: equal by content, and what they leave out has S3's defaults."""

from __future__ import annotations

import pytest

from tests.objects.test_versions import stamp, version
from z4tw.model.access import Acl, AclGrant
from z4tw.model.control import Quota
from z4tw.model.objects import EMPTY_BODY, Encryption
from z4tw.objects import records
from z4tw.objects.commands import (
    AbortUpload,
    BeginCompletion,
    Command,
    Condition,
    DeleteObject,
    DeleteVersion,
    FinishCompletion,
    PutVersion,
    SetAcl,
    SetEncryption,
    SetTags,
)

COMMANDS: list[Command] = [
    PutVersion(version(1)),
    PutVersion(version(1), "Suspended", Condition(if_none_match=True), inline=b"x"),
    DeleteObject(stamp(1), "owner"),
    DeleteVersion(stamp(1), "null", Condition("*")),
    SetTags(stamp(1), "", {"a": "b"}),
    SetAcl(stamp(1), "null", Acl((AclGrant("a" * 64, "READ"),)), stamp(2)),
    PutVersion(version(1), quota=Quota(5, 0)),
    SetEncryption(stamp(1), "", b"id", Encryption("aws:kms", "orders"), EMPTY_BODY),
    BeginCompletion(stamp(1), b"digest"),
    FinishCompletion(stamp(1), b"digest", "e", "v", "c", 5),
    AbortUpload(stamp(1)),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: type(c).__name__)
def test_a_command_crosses_a_process(command: Command) -> None:
    assert records.decode_command(records.encode_command(command)) == command


def test_without_a_condition_nothing_is_demanded() -> None:
    assert PutVersion(version(1)).condition is None
    assert Condition() == Condition(if_match=None, if_none_match=False)
