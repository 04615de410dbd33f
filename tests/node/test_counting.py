"""Counters never fall when a worker ends; gauges do."""

from __future__ import annotations

from z4tw.node.counting import WorkerCounts
from z4tw.web.metrics import Metrics


def snapshot(requests: int, open_connections: int) -> dict[str, object]:
    metrics = Metrics()
    metrics.open_connections = open_connections
    for _ in range(requests):
        metrics.observe("GetObject", 200, 0.001)
    return metrics.snapshot()


def test_workers_are_added_up() -> None:
    counts = WorkerCounts()
    counts.update(1, snapshot(2, 1))
    counts.update(2, snapshot(3, 4))
    total = counts.total()
    assert total["requests"] == [["GetObject", 200, 5]]
    assert total["open_connections"] == 5


def test_a_later_snapshot_replaces_the_former() -> None:
    counts = WorkerCounts()
    counts.update(1, snapshot(2, 1))
    counts.update(1, snapshot(3, 1))
    assert counts.total()["requests"] == [["GetObject", 200, 3]]


def test_what_an_ended_worker_had_counted_stays_but_its_connections_do_not() -> None:
    counts = WorkerCounts()
    counts.update(1, snapshot(2, 7))
    counts.gone(1)
    counts.gone(1)
    counts.update(2, snapshot(1, 1))
    total = counts.total()
    assert total["requests"] == [["GetObject", 200, 3]]
    assert total["open_connections"] == 1


def test_nobody_has_counted_anything() -> None:
    assert WorkerCounts().total()["requests"] == []
