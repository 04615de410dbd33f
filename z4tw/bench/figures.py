"""What was measured, as plain values for JSON and as text for people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from z4tw.bench.histogram import Histogram
from z4tw.bench.measured import Measured
from z4tw.bench.run import Result
from z4tw.bench.settings import Settings
from z4tw.bench.target import Target

SHARES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}
BUSY = 0.9
"""A generator that is busier than this may be what is measured."""


def report(
    settings: Settings, targets: Sequence[Target], results: Sequence[Result], interrupted: bool
) -> dict[str, Any]:
    """All figures of a run; times in milliseconds where the name says so, else in seconds."""
    described = {
        "workloads": list(settings.workloads),
        "size_bytes": settings.size,
        "objects": settings.objects,
        "concurrency": settings.concurrency,
        "duration_s": settings.duration_s,
        "processes": settings.processes,
        "rounds": settings.rounds,
        "part_size_bytes": settings.part_size,
    }
    whole: dict[str, Any] = {"version": 1, "interrupted": interrupted, "settings": described}
    whole["targets"] = [
        {
            "endpoint": target.endpoint,
            "results": [
                _figures(result.workload, measured)
                for result in results
                if (measured := result.measured[at]) is not None
            ],
        }
        for at, target in enumerate(targets)
    ]
    if len(targets) == 2:
        whole["compared"] = [
            ratios(result.workload, *result.measured) for result in results if all(result.measured)
        ]
    return whole


def errors_of(results: Sequence[Result]) -> int:
    """How many requests failed."""
    return sum(sum(m.errors.values()) for result in results for m in result.measured if m)


def ratios(workload: str, first: Measured | None, second: Measured | None) -> dict[str, Any]:
    """The second target's figures divided by the first one's; None where that makes no sense."""
    assert first is not None
    assert second is not None
    one, two = latency(first.histogram()), latency(second.histogram())
    return {
        "workload": workload,
        "requests_per_s": _ratio(second.rate, first.rate),
        "latency": {name: _ratio(two[name], one[name]) for name in SHARES},
        "rounds": [_ratio(b, a) for a, b in zip(first.rates, second.rates, strict=False)],
    }


def latency(histogram: Histogram) -> dict[str, float]:
    """The percentiles in milliseconds."""
    values = histogram.percentiles(list(SHARES.values()))
    return {name: _round(value / 1e6) for name, value in zip(SHARES, values, strict=True)}


def _figures(workload: str, measured: Measured) -> dict[str, Any]:
    seconds = measured.seconds
    operations = []
    for kind in measured.kinds:
        count = kind.histogram.count
        if count:
            operations.append(
                {
                    "operation": kind.operation.name,
                    "requests": count,
                    "requests_per_s": _round(count / seconds),
                    "latency_ms": latency(kind.histogram),
                }
            )
    return {
        "workload": workload,
        "seconds": _round(seconds),
        "requests": measured.requests,
        "requests_per_s": _round(measured.rate),
        "mb_per_s": _round(measured.moved_bytes / 1e6 / seconds) if seconds else 0.0,
        "latency_ms": latency(measured.histogram()),
        "operations": operations,
        "errors": dict(measured.errors.most_common()),
        "reconnects": measured.reconnects,
        "rounds_requests_per_s": [_round(rate) for rate in measured.rates],
        "generator_busy": _round(_ratio(measured.cpu_s, measured.process_s) or 0.0),
        "generator_cpu_s": _round(measured.cpu_s),
        "timeline": _timeline(measured),
    }


def _timeline(measured: Measured) -> list[dict[str, Any]]:
    rows, before = [], 0.0
    for _, second in sorted(measured.timeline.items()):
        span = second.end_s - before
        before = second.end_s
        if span <= 0:
            continue
        times = latency(second.histogram)
        rows.append(
            {
                "at_s": _round(second.end_s),
                "requests_per_s": _round(second.histogram.count / span),
                "mb_per_s": _round(second.moved_bytes / 1e6 / span),
                "errors": second.errors,
                "p50_ms": times["p50"],
                "p99_ms": times["p99"],
                "max_ms": times["max"],
            }
        )
    return rows


def text(whole: dict[str, Any]) -> str:
    """A report as people read it."""
    lines: list[str] = []
    headings = ("OPERATION", "REQUESTS", "REQ/S", "MB/S", *(f"{n} MS".upper() for n in SHARES))
    for target in whole["targets"]:
        for result in target["results"]:
            lines += [f"{result['workload']} at {target['endpoint']}, {result['seconds']:g} s"]
            rows = [_row(result["workload"], result, result["mb_per_s"])]
            operations = result["operations"]
            if len(operations) > 1:
                rows += [_row(f"  {kind['operation']}", kind, None) for kind in operations]
            lines += ["  " + line for line in _columns([headings, *rows])]
            for code, count in result["errors"].items():
                lines.append(f"  {count:,} errors: {code}")
            if result["generator_busy"] > BUSY:
                lines.append("  The generator itself was busy all the time: try more --processes.")
            lines.append("")
    for compared in whole.get("compared", ()):
        one, two = (target["endpoint"] for target in whole["targets"])
        shown = [f"requests/s x {_factor(compared['requests_per_s'])}"]
        shown += [f"{n} x {_factor(v)}" for n, v in compared["latency"].items()]
        lines.append(f"{compared['workload']}, {two} to {one}: {', '.join(shown)}")
    if whole["interrupted"]:
        lines.append("Interrupted: these are the figures up to then.")
    return "\n".join(lines).rstrip() or "Nothing was measured."


def _row(name: str, figures: dict[str, Any], mb_per_s: float | None) -> tuple[str, ...]:
    times = figures["latency_ms"]
    return (
        name,
        f"{figures['requests']:,}",
        f"{figures['requests_per_s']:,.0f}"
        if figures["requests_per_s"] >= 100
        else f"{figures['requests_per_s']:,.1f}",
        "" if mb_per_s is None else f"{mb_per_s:,.1f}",
        *(f"{times[share]:,.2f}" for share in SHARES),
    )


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        f"{row[0]:<{widths[0]}}  "
        + "  ".join(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]


def _ratio(value: float, by: float) -> float | None:
    return _round(value / by) if by else None


def _factor(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _round(value: float) -> float:
    """Four significant digits, and whole numbers in full."""
    if value == 0 or not math.isfinite(value):
        return 0.0
    return round(value, max(0, 3 - math.floor(math.log10(abs(value)))))
