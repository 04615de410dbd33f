"""Control registers: compare-and-set on the record's stamp."""

from __future__ import annotations

import pytest

from tests.objects.test_versions import stamp
from tests.objects.views import PageView
from z4tw.model.control import Bucket
from z4tw.model.registers import Done, Kind
from z4tw.objects import records
from z4tw.objects.commands import Replace


def bucket(number: int) -> Bucket:
    return Bucket(stamp(number), "b", number, "o", 0, "us-east-1")


def test_only_the_expected_record_is_replaced() -> None:
    view = PageView(Kind.BUCKET)
    made = view.change(Replace(None, records.encode(bucket(1)))).outcome
    assert made == Done(stamp(1))
    late = view.change(Replace(None, records.encode(bucket(2)))).outcome
    assert late.code == "ConditionalRequestConflict"
    assert view.value == bucket(1)
    view.change(Replace(stamp(1), records.encode(bucket(3))))
    assert view.value == bucket(3)


def test_a_record_is_removed_and_an_absent_one_stays_absent() -> None:
    view = PageView(Kind.BUCKET)
    assert not view.change(Replace(None, None)).outcome.changed
    view.change(Replace(None, records.encode(bucket(1))))
    assert view.change(Replace(stamp(1), None)).outcome.changed
    assert view.value is None


def test_objects_are_not_replaced_blindly() -> None:
    with pytest.raises(TypeError):
        PageView(Kind.OBJECT).change(Replace(None, None))
