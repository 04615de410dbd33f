"""Dispatch: a command reaches the family of its register, and no other."""

from __future__ import annotations

import pytest

from tests.objects.test_versions import put, stamp
from tests.objects.views import PageView
from z4tw.model.registers import Done, Kind
from z4tw.objects import apply
from z4tw.objects.commands import AbortUpload, Replace


def test_a_command_of_another_kind_is_a_defect_of_the_caller() -> None:
    view = PageView(Kind.OBJECT)
    with pytest.raises(TypeError, match="PutVersion"):
        apply(Kind.UPLOAD, None, put(1), view)
    with pytest.raises(TypeError, match="AbortUpload"):
        apply(Kind.PART, None, AbortUpload(stamp(1)), view)
    with pytest.raises(TypeError, match="Replace"):
        apply(Kind.OBJECT, None, Replace(None, None), view)


def test_a_command_of_the_kind_is_applied_and_the_old_value_stays_as_it_was() -> None:
    view = PageView(Kind.OBJECT)
    first = apply(Kind.OBJECT, None, put(1, "Enabled"), view).value
    kept = first.versions
    change = apply(Kind.OBJECT, first, put(2, "Enabled"), view)
    assert isinstance(change.outcome, Done)
    assert first.versions is kept
    assert len(kept) == 1
