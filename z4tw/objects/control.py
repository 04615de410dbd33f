"""The one command of control registers: compare-and-set."""

from __future__ import annotations

from typing import Any

from z4tw.model.registers import CONTROL_KINDS, Change, Done, Refused
from z4tw.objects import records
from z4tw.objects.commands import Replace


def replace(kind: int, value: Any, command: Replace) -> Change:
    """Store or remove a control record if the present one is the expected one."""
    if kind not in CONTROL_KINDS:
        raise TypeError(f"Replace is no command for registers of kind {kind}")
    present = None if value is None else value.stamp
    if present != command.expected:
        refused = Refused("ConditionalRequestConflict", "The record was changed at the same time.")
        return Change(value, refused, write=False)
    if command.record is None:
        return Change(None, Done(changed=value is not None), write=value is not None)
    record = records.decode(kind, command.record)
    return Change(record, Done(stamp=record.stamp))
