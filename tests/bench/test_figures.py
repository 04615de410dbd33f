"""The report: its shape for scripts, and its text for people."""

from __future__ import annotations

import json
from typing import Any

from tests.bench.support import make_target
from z4tw.bench.figures import errors_of, ratios, report, text
from z4tw.bench.job import Operation
from z4tw.bench.measured import Measured
from z4tw.bench.recorder import Counted, Interval
from z4tw.bench.run import Result
from z4tw.bench.settings import Settings

MS = 1_000_000


def measured(count: int = 1000, latency_ms: int = 2, **errors: int) -> Measured:
    from z4tw.bench.histogram import bucket_of

    made = Measured([Operation("GetObject", "GET"), Operation("PutObject", "PUT", 10)])
    for at_s in (1.0, 2.0):
        kinds = [Counted({bucket_of(latency_ms * MS): count}, count * 1000), Counted({})]
        made.take(Interval(at_s, kinds, errors))
    made.rates.append(made.rate)
    made.cpu_s, made.process_s = 1.0, 2.0
    return made


def whole(*measures: Measured | None, interrupted: bool = False) -> dict[str, Any]:
    result = Result("get", len(measures))
    result.measured = list(measures)
    targets = [make_target(port) for port in range(1, len(measures) + 1)]
    made = report(Settings(workloads=("get",)), targets, [result], interrupted)
    assert json.loads(json.dumps(made)) == made
    return made


def test_the_shape_of_a_report() -> None:
    made = whole(measured(SlowDown=1))
    assert set(made) == {"version", "interrupted", "settings", "targets"}
    assert set(made["settings"]) == {
        "workloads", "size_bytes", "objects", "concurrency", "duration_s", "processes", "rounds",
        "part_size_bytes",
    }  # fmt: skip
    (target,) = made["targets"]
    assert target["endpoint"] == "http://127.0.0.1:1"
    (result,) = target["results"]
    assert set(result) == {
        "workload", "seconds", "requests", "requests_per_s", "mb_per_s", "latency_ms",
        "operations", "errors", "reconnects", "rounds_requests_per_s", "generator_busy",
        "generator_cpu_s", "timeline",
    }  # fmt: skip
    assert result["requests"] == 2000
    assert result["requests_per_s"] == 1000
    assert result["mb_per_s"] == 1
    assert result["errors"] == {"SlowDown": 2}
    assert result["generator_busy"] == 0.5
    assert list(result["latency_ms"]) == ["p50", "p90", "p99", "p99.9", "max"]
    assert all(abs(value - 2) < 0.02 for value in result["latency_ms"].values())
    (operation,) = result["operations"]
    assert operation["operation"] == "GetObject"
    assert [row["at_s"] for row in result["timeline"]] == [1, 2]
    assert set(result["timeline"][0]) == {
        "at_s", "requests_per_s", "mb_per_s", "errors", "p50_ms", "p99_ms", "max_ms",
    }  # fmt: skip


def test_two_endpoints_are_compared() -> None:
    made = whole(measured(), measured(3000, 4))
    (compared,) = made["compared"]
    assert compared["workload"] == "get"
    assert compared["requests_per_s"] == 3
    assert compared["rounds"] == [3]
    assert abs(compared["latency"]["p99"] - 2) < 0.02
    assert "requests/s x 3.00" in text(made)


def test_a_ratio_to_nothing_is_none() -> None:
    empty = Measured([Operation("GetObject", "GET")])
    assert ratios("get", empty, measured())["requests_per_s"] is None
    assert "x -" in text(whole(empty, measured()))


def test_what_did_not_come_to_be_measured_is_not_there() -> None:
    made = whole(measured(), None, interrupted=True)
    assert made["targets"][1]["results"] == []
    assert made["compared"] == []
    assert "Interrupted" in text(made)


def test_text_for_people() -> None:
    shown = text(whole(measured(SlowDown=1)))
    assert "get at http://127.0.0.1:1" in shown
    assert "2 errors: SlowDown" in shown
    assert "P99.9 MS" in shown
    assert "busy" not in shown


def test_a_busy_generator_is_told() -> None:
    busy = measured()
    busy.cpu_s = 1.95
    assert "--processes" in text(whole(busy))


def test_errors_are_counted_over_all() -> None:
    result = Result("get", 2)
    result.measured = [measured(A=1), None]
    assert errors_of([result]) == 2


def test_nothing_at_all() -> None:
    made = report(Settings(), [make_target()], [], False)
    assert text(made) == "Nothing was measured."
