"""What is due: each rule of AWS by itself, and all of them against a naive model."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from z4tw.lifecycle.due import (
    Action,
    Judge,
    What,
    abortion_of,
    end_of_day,
    expiry_of,
)
from z4tw.lifecycle.rules import (
    ALL_128K,
    AWS_CLASSES,
    VARIES,
    Configuration,
    Expiration,
    Filter,
    NoncurrentExpiration,
    NoncurrentTransition,
    Rule,
    Transition,
)
from z4tw.model.objects import EMPTY_BODY, Head, Version
from z4tw.model.registers import Kind
from z4tw.model.stamps import pack_stamp
from z4tw.objects.rows import live_row

DAY_MS = 86_400_000
NOON = int(datetime(2030, 3, 10, 12, tzinfo=UTC).timestamp()) * 1000
LARGE = 1 << 20
ANY = Filter()


def version(
    modified_ms: int,
    *,
    marker: bool = False,
    size: int = LARGE,
    storage_class: str = "STANDARD",
    tags: dict[str, str] | None = None,
) -> Version:
    return Version(
        pack_stamp(modified_ms << 16, bytes(8), 1), False, 0 if marker else size, "e", EMPTY_BODY,
        "o", delete_marker=marker, storage_class=storage_class, tags=tags or {},
    )  # fmt: skip


def rule(filter: Filter = ANY, id: str = "r", enabled: bool = True, **fields: Any) -> Rule:
    return Rule(id, enabled, filter, **fields)


def judge(*rules: Rule, now_ms: int = NOON, minimum: str = ALL_128K) -> Judge:
    return Judge(Configuration(rules, minimum), now_ms, DAY_MS, True)


def brief(actions: list[Action]) -> list[tuple[str, int, str]]:
    return [(one.what.value, one.version.modified_ms, one.storage_class) for one in actions]


def ago(days: float) -> int:
    return int(NOON - days * DAY_MS)


# Days


def test_a_days_end_is_the_next_midnight() -> None:
    """AWS's example: an object of 10:30 and a rule of three days ends at the fourth midnight."""
    made = int(datetime(2014, 1, 15, 10, 30, tzinfo=UTC).timestamp()) * 1000
    due = int(datetime(2014, 1, 19, tzinfo=UTC).timestamp()) * 1000
    assert end_of_day(made + 3 * DAY_MS, DAY_MS) == due
    rules = rule(expiration=Expiration(days=3))
    assert expiry_of(Configuration((rules,)), "k", version(made), DAY_MS) == (due, "r")
    assert judge(rules, now_ms=due - 1).due("k", [version(made)]) == []
    assert len(judge(rules, now_ms=due).due("k", [version(made)])) == 1


def test_a_date_in_the_past_takes_all_and_one_in_the_future_nothing() -> None:
    past = judge(rule(expiration=Expiration(date_ms=ago(100))))
    assert brief(past.due("k", [version(NOON)])) == [("expire", NOON, "")]
    future = judge(rule(expiration=Expiration(date_ms=NOON + 1)))
    assert future.due("k", [version(ago(9999))]) == []


def test_rules_that_are_off_or_for_others_do_nothing() -> None:
    old = [version(ago(100), tags={"a": "1"})]
    for harmless in (
        rule(enabled=False, expiration=Expiration(days=1)),
        rule(Filter(prefix="x"), expiration=Expiration(days=1)),
        rule(Filter(tags=(("a", "2"),)), expiration=Expiration(days=1)),
        rule(Filter(greater=LARGE), expiration=Expiration(days=1)),
        rule(Filter(less=LARGE), expiration=Expiration(days=1)),
        rule(expiration=Expiration(markers=True)),
        rule(noncurrent_expiration=NoncurrentExpiration(1)),
        rule(abort_days=1),
    ):
        assert judge(harmless).due("k", old) == [], harmless
        configuration = Configuration((harmless,))
        assert expiry_of(configuration, "k", old[0], DAY_MS) is None


# Conflicts


def test_expiration_wins_over_transition_and_the_earliest_counts() -> None:
    rules = (
        rule(id="move", transitions=(Transition("GLACIER", 1),)),
        rule(id="late", expiration=Expiration(days=5)),
        rule(id="early", expiration=Expiration(days=2)),
    )
    (action,) = judge(*rules).due("k", [version(ago(10))])
    assert (action.what, action.rule_id) == (What.EXPIRE, "early")
    moment, id = expiry_of(Configuration(rules), "k", version(ago(10)), DAY_MS) or (0, "")
    assert (moment, id) == (end_of_day(ago(8), DAY_MS), "early")


def test_of_transitions_the_one_furthest_on_the_way_counts() -> None:
    rules = judge(
        rule(transitions=(Transition("STANDARD_IA", 30), Transition("GLACIER", 60))),
    )
    assert brief(rules.due("k", [version(ago(40))])) == [("move", ago(40), "STANDARD_IA")]
    assert brief(rules.due("k", [version(ago(70))])) == [("move", ago(70), "GLACIER")]
    assert rules.due("k", [version(ago(70), storage_class="GLACIER")]) == []
    assert rules.due("k", [version(ago(40), storage_class="GLACIER")]) == [], "never warmer"


def test_a_class_of_a_plugin_is_reached_from_any_class_of_s3() -> None:
    rules = judge(rule(transitions=(Transition("ZSTD", 0),)))
    for storage_class in ("STANDARD", *AWS_CLASSES):
        there = [version(ago(2), storage_class=storage_class)]
        assert brief(rules.due("k", there)) == [("move", ago(2), "ZSTD")]
    assert rules.due("k", [version(ago(2), storage_class="ZSTD")]) == []


@pytest.mark.parametrize(
    ("minimum", "filter", "storage_class", "moves"),
    [
        (ALL_128K, ANY, "GLACIER", False),
        (ALL_128K, Filter(less=500), "GLACIER", True),
        (VARIES, ANY, "GLACIER", True),
        (VARIES, ANY, "GLACIER_IR", False),
        (VARIES, Filter(greater=1), "GLACIER_IR", True),
    ],
)
def test_small_objects_stay_where_they_are_unless_the_rule_names_sizes(
    minimum: str, filter: Filter, storage_class: str, moves: bool
) -> None:
    rules = judge(rule(filter, transitions=(Transition(storage_class, 0),)), minimum=minimum)
    assert bool(rules.due("k", [version(ago(9), size=100)])) == moves


# Versions


def test_noncurrent_days_count_from_the_replacement_and_newer_ones_are_kept() -> None:
    times = [ago(days) for days in (1, 20, 30, 40)]
    versions = [version(ms) for ms in times]
    by_days = judge(rule(noncurrent_expiration=NoncurrentExpiration(10)))
    assert brief(by_days.due("k", versions)) == [("remove", ms, "") for ms in times[2:]]
    by_count = judge(rule(noncurrent_expiration=NoncurrentExpiration(10, 2)))
    assert brief(by_count.due("k", versions)) == [("remove", times[3], "")]


def test_noncurrent_versions_move_and_markers_do_not() -> None:
    versions = [version(ago(5)), version(ago(10), marker=True), version(ago(20))]
    rules = judge(rule(noncurrent_transitions=(NoncurrentTransition("GLACIER", 1),)))
    assert brief(rules.due("k", versions)) == [("move", ago(20), "GLACIER")]
    gone = judge(rule(noncurrent_expiration=NoncurrentExpiration(1)))
    assert [one[1] for one in brief(gone.due("k", versions))] == [ago(10), ago(20)]


def test_a_marker_expires_when_it_is_alone() -> None:
    alone = [version(ago(10), marker=True)]
    with_others = [*alone, version(ago(20))]
    for expiration in (Expiration(markers=True), Expiration(days=5), Expiration(date_ms=ago(1))):
        rules = judge(rule(expiration=expiration))
        assert brief(rules.due("k", alone)) == [("remove", ago(10), "")]
        assert rules.due("k", with_others) == []
    for harmless in (Expiration(days=15), Expiration(markers=False)):
        assert judge(rule(expiration=harmless)).due("k", alone) == []
    tagged = judge(rule(Filter(tags=(("a", "b"),)), expiration=Expiration(days=1)))
    sized = judge(rule(Filter(less=5), expiration=Expiration(days=1)))
    assert tagged.due("k", alone) == sized.due("k", alone) == []


# Uploads


def test_uploads_are_aborted_by_age_and_prefix() -> None:
    rules = (rule(Filter(prefix="a/"), abort_days=3), rule(id="off", enabled=False, abort_days=1))
    assert judge(*rules).aborted("a/k", ago(4)) == "r"
    assert judge(*rules).aborted("a/k", ago(3)) == ""
    assert judge(*rules).aborted("b/k", ago(4)) == ""
    found = abortion_of(Configuration(rules), "a/k", ago(3), DAY_MS)
    assert found == (end_of_day(NOON, DAY_MS), "r")
    assert abortion_of(Configuration(rules), "b", 0, DAY_MS) is None


# What has to be read


def test_what_has_to_be_read() -> None:
    expires = rule(expiration=Expiration(days=1))
    older = rule(noncurrent_expiration=NoncurrentExpiration(1))
    moves = rule(transitions=(Transition("GLACIER", 1),))

    def needs(one: Rule, versioned: bool) -> bool:
        return Judge(Configuration((one,)), NOON, DAY_MS, versioned).needs_heads

    assert [needs(one, True) for one in (expires, older, moves)] == [True, True, False]
    assert [needs(one, False) for one in (expires, older, moves)] == [False, False, False]
    prefixes = [rule(Filter(prefix=p), expiration=Expiration(days=1)) for p in ("b", "a/", "a/x")]
    assert judge(*prefixes).prefixes == [b"a/", b"b"]
    assert judge(*prefixes, expires).prefixes == [b""]
    assert judge(rule(abort_days=1)).prefixes == []
    assert judge(rule(abort_days=1)).upload_prefixes == [b""]


# A naive model: times as datetimes, every rule spelled out

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(since_ms: int, days: int | None, date_ms: int | None) -> datetime:
    if date_ms is not None:
        return EPOCH + timedelta(milliseconds=date_ms)
    exact = EPOCH + timedelta(milliseconds=since_ms) + timedelta(days=days or 0)
    midnight = exact.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if midnight == exact else midnight + timedelta(days=1)


def naive_takes(one: Rule, key: str, it: Version) -> bool:
    where = one.filter
    if where.prefix and not key.startswith(where.prefix):
        return False
    looks = where.tags or where.greater is not None or where.less is not None
    if it.delete_marker:
        return not looks
    if where.greater is not None and not it.size > where.greater:
        return False
    if where.less is not None and not it.size < where.less:
        return False
    return set(where.tags) <= set(it.tags.items())


def naive_move(
    rules: list[tuple[Rule, str, datetime]], it: Version, now: datetime, minimum: str
) -> str:
    order = list(AWS_CLASSES)
    reached = []
    for one, target, when in rules:
        small = it.size < 131_072 and one.filter.greater is None and one.filter.less is None
        if small and minimum == ALL_128K:
            continue
        if small and target in order and target not in ("GLACIER", "DEEP_ARCHIVE"):
            continue
        both = target in order and it.storage_class in order
        if both and order.index(target) < order.index(it.storage_class):
            continue
        if when <= now:
            rank = order.index(target) if target in order else -1
            reached.append((when, rank, target))
    return max(reached)[2] if reached else it.storage_class


def naive(
    configuration: Configuration, key: str, versions: list[Version], now_ms: int
) -> list[tuple[str, int, str]]:
    now = EPOCH + timedelta(milliseconds=now_ms)
    found = []
    for index, it in enumerate(versions):
        rules = [one for one in configuration.rules if one.enabled and naive_takes(one, key, it)]
        if index == 0:
            ends = [
                moment(it.modified_ms, one.expiration.days, one.expiration.date_ms)
                for one in rules
                if one.expiration and one.expiration.markers is None
            ]
            expires = any(end <= now for end in ends)
            if it.delete_marker:
                asked = any(one.expiration and one.expiration.markers for one in rules)
                if len(versions) == 1 and (expires or asked):
                    found.append(("remove", it.modified_ms, ""))
                continue
            if expires:
                found.append(("expire", it.modified_ms, ""))
                continue
            moves = [
                (one, move.storage_class, moment(it.modified_ms, move.days, move.date_ms))
                for one in rules
                for move in one.transitions
            ]
        else:
            since = versions[index - 1].modified_ms
            gone = [
                one.noncurrent_expiration
                for one in rules
                if one.noncurrent_expiration
                and one.noncurrent_expiration.newer <= index - 1
                and moment(since, one.noncurrent_expiration.days, None) <= now
            ]
            if gone:
                found.append(("remove", it.modified_ms, ""))
                continue
            if it.delete_marker:
                continue
            moves = [
                (one, move.storage_class, moment(since, move.days, None))
                for one in rules
                for move in one.noncurrent_transitions
                if move.newer <= index - 1
            ]
        target = naive_move(moves, it, now, configuration.minimum)
        if target != it.storage_class:
            found.append(("move", it.modified_ms, target))
    return found


CLASSES = st.sampled_from([*AWS_CLASSES, "ZSTD"])
FEW = st.integers(0, 4)
MANY = st.integers(1, 4)
RULES = st.builds(
    Rule,
    st.just("r"),
    st.booleans() | st.just(True),
    st.builds(
        Filter,
        st.sampled_from([None, "", "k", "x"]),
        st.sampled_from([(), (("a", "1"),), (("a", "1"), ("b", "2"))]),
        st.none() | st.sampled_from([0, 100, LARGE]),
        st.none() | st.sampled_from([101, LARGE, LARGE + 1]),
    ),
    st.none()
    | st.builds(Expiration, MANY)
    | st.builds(Expiration, st.just(0), st.integers(-3, 3).map(lambda n: ago(n)))
    | st.builds(Expiration, st.just(0), st.none(), st.booleans()),
    st.lists(st.builds(Transition, CLASSES, FEW), max_size=2).map(tuple),
    st.none() | st.builds(NoncurrentExpiration, MANY, st.integers(0, 2)),
    st.lists(st.builds(NoncurrentTransition, CLASSES, FEW, st.integers(0, 2)), max_size=2).map(
        tuple
    ),
)
VERSIONS = st.lists(
    st.builds(
        lambda half, marker, size, storage_class, tags: (half, marker, size, storage_class, tags),
        st.integers(0, 12),
        st.booleans(),
        st.sampled_from([0, 100, 101, 131_071, 131_072, LARGE]),
        st.sampled_from(["STANDARD"]) | CLASSES,
        st.sampled_from([{}, {"a": "1"}, {"a": "1", "b": "2"}]),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(RULES, min_size=1, max_size=4),
    VERSIONS,
    st.sampled_from([ALL_128K, VARIES]),
    st.integers(-1, 1),
)
def test_decisions_are_those_of_a_naive_model(
    rules: list[Rule], rows: list[Any], minimum: str, shift: int
) -> None:
    midnight = NOON - DAY_MS // 2
    now_ms = midnight + shift
    versions = [
        version(midnight - half * DAY_MS // 2, marker=marker, size=size,
                storage_class="STANDARD" if marker else storage_class, tags=tags)
        for half, marker, size, storage_class, tags in sorted(rows, key=lambda row: row[0])
    ]  # fmt: skip
    configuration = Configuration(tuple(rules), minimum)
    found = Judge(configuration, now_ms, DAY_MS, True)
    due = found.due("key", versions)
    assert brief(due) == naive(configuration, "key", versions, now_ms)
    if due:
        assert not found.nothing_due(versions)
    if len(versions) == 1 and not versions[0].delete_marker:
        row = live_row(Kind.OBJECT, b"key", Head(versions[0].stamp, tuple(versions)))
        assert row is not None
        if due:
            assert found.may_be_due(row)
            assert any(b"key".startswith(prefix) for prefix in found.prefixes)
