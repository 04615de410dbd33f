"""Intervals of processes and rounds add up to one measure."""

from __future__ import annotations

from z4tw.bench.job import Operation
from z4tw.bench.measured import MAX_POINTS, Measured
from z4tw.bench.recorder import Counted, Interval

OPERATIONS = [Operation("PutObject", "PUT", 10), Operation("whole upload", "", whole=True)]


def interval(at_s: float, count: int = 1, moved: int = 0, **errors: int) -> Interval:
    return Interval(at_s, [Counted({100: count}, moved), Counted({500: 1})], errors, 1)


def test_processes_add_up_second_by_second() -> None:
    measured = Measured(OPERATIONS)
    for at_s in (1.01, 2.02, 2.6):
        for _ in range(2):
            measured.take(interval(at_s, 3, 5, SlowDown=1))
    assert measured.requests == 18
    assert measured.moved_bytes == 18 * 10 + 6 * 5
    assert measured.errors == {"SlowDown": 6}
    assert measured.reconnects == 6
    assert measured.seconds == 2.6
    assert [(at, s.histogram.count, s.errors) for at, s in measured.timeline.items()] == [
        (0, 6, 2), (1, 6, 2), (2, 6, 2),
    ]  # fmt: skip
    assert [s.end_s for s in measured.timeline.values()] == [1.01, 2.02, 2.6]


def test_whole_uploads_are_no_requests() -> None:
    measured = Measured(OPERATIONS)
    measured.take(interval(1.0))
    assert measured.requests == measured.histogram().count == 1
    assert measured.kinds[1].histogram.count == 1


def test_rounds_follow_each_other() -> None:
    rounds = []
    for count in (10, 30):
        measured = Measured(OPERATIONS)
        measured.take(interval(1.0, count))
        measured.rates.append(measured.rate)
        rounds.append(measured)
    first, second = rounds
    first.absorb(second)
    assert first.requests == 40
    assert first.seconds == 2.0
    assert first.rates == [10, 30]
    assert first.rate == 20
    assert [s.end_s for s in first.timeline.values()] == [1.0, 2.0]


def test_a_long_run_has_a_coarser_timeline() -> None:
    measured = Measured(OPERATIONS)
    for second in range(1, 10 * MAX_POINTS):
        measured.take(interval(float(second), 1, SlowDown=1))
    assert MAX_POINTS // 2 <= len(measured.timeline) <= MAX_POINTS
    ends = [s.end_s for _, s in sorted(measured.timeline.items())]
    assert ends == sorted(set(ends))
    assert ends[-1] == 10 * MAX_POINTS - 1
    assert sum(s.histogram.count for s in measured.timeline.values()) == measured.requests
    assert sum(s.errors for s in measured.timeline.values()) == measured.errors.total()


def test_nothing_is_no_division_by_zero() -> None:
    assert Measured(OPERATIONS).rate == 0
