"""Whether a write fits into a quota."""

from __future__ import annotations

import pytest

from z4tw.model.control import Quota
from z4tw.model.registers import BucketUsage
from z4tw.objects.quotas import exceeded


def held() -> BucketUsage:
    return BucketUsage(90, 9)


def never() -> BucketUsage:
    raise AssertionError("the usage was asked for")


@pytest.mark.parametrize(
    ("quota", "more_bytes", "more_objects", "fits"),
    [
        (Quota(100, 0), 10, 1, True),
        (Quota(100, 0), 11, 1, False),
        (Quota(0, 10), 10**12, 1, True),
        (Quota(0, 10), 0, 2, False),
        (Quota(100, 9), 1, 1, False),
        (Quota(50, 5), 0, 0, True),
        (Quota(50, 5), -10, 0, True),
        (Quota(50, 5), 1, 0, False),
    ],
)
def test_what_fits(quota: Quota, more_bytes: int, more_objects: int, fits: bool) -> None:
    refused = exceeded(quota, held, more_bytes, more_objects)
    assert (refused is None) == fits
    if refused is not None:
        assert refused.code == "QuotaExceeded"


def test_without_a_quota_nothing_is_counted() -> None:
    assert exceeded(None, never, 10**15, 1) is None
    assert exceeded(Quota(1, 1), never, -1, 0) is None
