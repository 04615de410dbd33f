"""The tables of actions agree with the operations that need them."""

from __future__ import annotations

from z4tw.ops.authorize import VERSION_ACTIONS
from z4tw.policy.actions import (
    BUCKET_ACTIONS,
    EXISTING_TAG_ACTIONS,
    OBJECT_ACTIONS,
    POLICY_ACTIONS,
    SERVICE_ACTIONS,
)
from z4tw.policy.grants import READ_ACTIONS, WRITE_ACTIONS
from z4tw.s3.operations import OPERATIONS


def test_every_action_of_an_operation_is_of_its_level() -> None:
    for row in OPERATIONS.values():
        if not row.action.startswith("s3:"):
            continue
        if row.level == "object" or row.name in ("DeleteObjects", "PostObject"):
            assert row.action in OBJECT_ACTIONS, row
        elif row.level == "bucket":
            assert row.action in BUCKET_ACTIONS, row
        else:
            assert row.action in SERVICE_ACTIONS, row


def test_other_tables_name_known_actions() -> None:
    known = OBJECT_ACTIONS | BUCKET_ACTIONS | SERVICE_ACTIONS
    assert set(VERSION_ACTIONS.values()) <= OBJECT_ACTIONS
    assert known >= READ_ACTIONS | WRITE_ACTIONS
    assert EXISTING_TAG_ACTIONS <= OBJECT_ACTIONS
    assert POLICY_ACTIONS <= BUCKET_ACTIONS


def test_an_action_is_of_one_kind() -> None:
    assert not OBJECT_ACTIONS & BUCKET_ACTIONS
    assert not SERVICE_ACTIONS & (OBJECT_ACTIONS | BUCKET_ACTIONS)
