"""Commands that alter a version where it stands."""

from __future__ import annotations

import pytest

from tests.objects.test_versions import put, stamp, view
from z4tw.model.registers import Refused
from z4tw.objects import Command
from z4tw.objects.commands import DeleteObject, SetLegalHold, SetRetention, SetTags

FAR_MS = 1 << 40


def commands(number: int, version_id: str) -> list[Command]:
    at = stamp(number)
    return [
        SetTags(at, version_id, {"a": "1"}),
        SetRetention(at, version_id, "GOVERNANCE", FAR_MS),
        SetLegalHold(at, version_id, "ON"),
    ]


@pytest.mark.parametrize("index", range(3))
def test_time_and_place_stay(index: int) -> None:
    key = view()
    for number in range(1, 100):
        key.change(put(number, "Enabled"))
    before = [(v.stamp, v.etag) for v in key.value.versions]
    oldest = [v for page in key.value.pages for v in key.pages[page.id]][-1]
    for number, id in ((200, ""), (201, oldest.version_id)):
        change = key.change(commands(number, id)[index])
        assert change.outcome.changed
        assert change.subject is not None
        assert key.value.last == stamp(number)
    assert [(v.stamp, v.etag) for v in key.value.versions] == before
    again = [v for page in key.value.pages for v in key.pages[page.id]][-1]
    assert (again.stamp, again != oldest) == (oldest.stamp, True)


@pytest.mark.parametrize("index", range(3))
def test_what_is_not_there_is_not_altered(index: int) -> None:
    key = view()
    assert key.change(commands(1, "")[index]).outcome == Refused("NoSuchKey")
    assert key.change(commands(1, "null")[index]).outcome == Refused("NoSuchVersion")
    key.change(DeleteObject(stamp(2), "o", "Enabled"))
    assert key.change(commands(3, "")[index]).outcome == Refused("MethodNotAllowed")
