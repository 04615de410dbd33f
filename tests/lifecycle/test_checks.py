"""Rules that contradict themselves."""

from __future__ import annotations

import pytest

from z4tw.errors import InvalidArgument, InvalidRequest
from z4tw.lifecycle.checks import check_rule
from z4tw.lifecycle.rules import (
    Expiration,
    Filter,
    NoncurrentExpiration,
    NoncurrentTransition,
    Rule,
    Transition,
)

TAGGED = Filter(tags=(("k", "v"),))
SIZED = Filter(greater=1)
DAYS = Expiration(days=10)


def rule(filter: Filter = Filter(), **fields: object) -> Rule:
    return Rule("id", True, filter, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "good",
    [
        rule(expiration=DAYS),
        rule(TAGGED, expiration=DAYS),
        rule(SIZED, transitions=(Transition("GLACIER", 0),)),
        rule(abort_days=1),
        rule(expiration=Expiration(markers=False)),
        rule(Filter(prefix="", old=True), noncurrent_expiration=NoncurrentExpiration(1)),
        rule(expiration=DAYS, transitions=(Transition("GLACIER", 9),)),
        rule(transitions=(Transition("STANDARD_IA", 30), Transition("GLACIER", 60))),
        rule(noncurrent_expiration=NoncurrentExpiration(1, 100)),
    ],
)
def test_rules_that_are_sound(good: Rule) -> None:
    assert check_rule(good) is None


@pytest.mark.parametrize(
    ("bad", "error", "said"),
    [
        (rule(), InvalidRequest, "At least one action"),
        (rule(TAGGED, abort_days=1), InvalidRequest, "with Tags"),
        (rule(SIZED, abort_days=1), InvalidRequest, "with Object Size"),
        (rule(TAGGED, expiration=Expiration(markers=True)), InvalidRequest, "with Tags"),
        (rule(Filter(greater=-1), expiration=DAYS), InvalidArgument, "ObjectSizeGreaterThan"),
        (rule(Filter(less=-1), expiration=DAYS), InvalidArgument, "ObjectSizeLessThan"),
        (rule(Filter(greater=5, less=5), expiration=DAYS), InvalidRequest, "greater than"),
        (
            rule(noncurrent_expiration=NoncurrentExpiration(1, 101)),
            InvalidArgument,
            "NewerNoncurrentVersions",
        ),
        (
            rule(
                Filter(prefix="", old=True),
                noncurrent_transitions=(NoncurrentTransition("GLACIER", 1, 1),),
            ),
            InvalidRequest,
            "Filter",
        ),
        (
            rule(transitions=(Transition("GLACIER", 1), Transition("GLACIER", 2))),
            InvalidRequest,
            "'StorageClass' must be different",
        ),
        (rule(transitions=(Transition("STANDARD_IA", 29),)), InvalidArgument, "equal to 30"),
        (
            rule(noncurrent_transitions=(NoncurrentTransition("ONEZONE_IA", 1),)),
            InvalidArgument,
            "equal to 30",
        ),
        (
            rule(expiration=Expiration(date_ms=1), transitions=(Transition("GLACIER", 1),)),
            InvalidRequest,
            "mixed 'Date' and 'Days'",
        ),
        (
            rule(expiration=DAYS, transitions=(Transition("GLACIER", 10),)),
            InvalidArgument,
            "must be greater than",
        ),
        (
            rule(
                expiration=Expiration(date_ms=5),
                transitions=(Transition("GLACIER", date_ms=5),),
            ),
            InvalidArgument,
            "must be later",
        ),
        (
            rule(
                noncurrent_expiration=NoncurrentExpiration(5),
                noncurrent_transitions=(NoncurrentTransition("GLACIER", 5),),
            ),
            InvalidArgument,
            "NoncurrentDays",
        ),
    ],
)
def test_rules_that_are_not(bad: Rule, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        check_rule(bad)
