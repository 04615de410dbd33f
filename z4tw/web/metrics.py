"""Counts of what the server did, in Prometheus' text format.

Counting is a few dict increments. Every process counts for itself; ``snapshot`` is plain data
that crosses a process boundary, ``merge`` adds snapshots up and ``render`` writes them.
Source: Prometheus exposition format, text 0.0.4.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Any

BOUNDS_S = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
)  # fmt: skip
"""Upper bounds of the latency buckets in seconds; one more bucket has no bound."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_COUNTERS = (
    ("bytes_received", "z4_bytes_received_total", "counter", "Bytes read from clients."),
    ("bytes_sent", "z4_bytes_sent_total", "counter", "Bytes of answers, heads included."),
    ("open_connections", "z4_open_connections", "gauge", "Client connections that are open."),
    ("in_flight", "z4_requests_in_flight", "gauge", "Requests that are being served."),
)


class Metrics:
    """The counts of one process. The plain attributes are written by channel and responder."""

    __slots__ = (
        "_durations", "_requests", "bytes_received", "bytes_sent", "in_flight", "open_connections",
    )  # fmt: skip

    def __init__(self) -> None:
        self.bytes_received = 0
        self.bytes_sent = 0
        self.open_connections = 0
        self.in_flight = 0
        self._requests: dict[tuple[str, int], int] = {}
        self._durations: dict[str, list[float]] = {}

    def observe(self, operation: str, status: int, duration_s: float) -> None:
        """Count an answered request. ``operation`` must come from a closed set of names."""
        key = (operation, status)
        requests = self._requests
        if key in requests:
            requests[key] += 1
        else:
            requests[key] = 1
        durations = self._durations.get(operation)
        if durations is None:
            # One count per bucket, then the sum of seconds.
            durations = self._durations[operation] = [0.0] * (len(BOUNDS_S) + 2)
        durations[bisect_left(BOUNDS_S, duration_s)] += 1
        durations[-1] += duration_s

    def snapshot(self) -> dict[str, Any]:
        """All counts as dicts, lists, strings and numbers."""
        counts: dict[str, Any] = {name: getattr(self, name) for name, _, _, _ in _COUNTERS}
        counts["requests"] = [[op, status, n] for (op, status), n in self._requests.items()]
        counts["durations"] = {op: list(values) for op, values in self._durations.items()}
        return counts


def merge(snapshots: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The sum of the snapshots of several processes."""
    total: dict[str, Any] = {name: 0 for name, _, _, _ in _COUNTERS}
    requests: dict[tuple[str, int], int] = {}
    durations: dict[str, list[float]] = {}
    for snapshot in snapshots:
        for name, _, _, _ in _COUNTERS:
            total[name] += snapshot[name]
        for operation, status, count in snapshot["requests"]:
            requests[operation, status] = requests.get((operation, status), 0) + count
        for operation, values in snapshot["durations"].items():
            have = durations.get(operation)
            durations[operation] = (
                list(values) if have is None else [a + b for a, b in zip(have, values, strict=True)]
            )
    total["requests"] = [[op, status, n] for (op, status), n in requests.items()]
    total["durations"] = durations
    return total


def _label(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def render(snapshot: Mapping[str, Any], extra_gauges: Mapping[str, float] | None = None) -> str:
    """A snapshot as text; ``extra_gauges`` (full metric names, such as ``z4_objects``) are
    appended as they are."""
    lines = [
        "# HELP z4_requests_total Answered requests by operation and status.",
        "# TYPE z4_requests_total counter",
    ]
    for operation, status, count in sorted(snapshot["requests"]):
        labels = f'operation="{_label(operation)}",status="{status}"'
        lines.append(f"z4_requests_total{{{labels}}} {count}")
    name = "z4_request_duration_seconds"
    lines.append(f"# HELP {name} Seconds from a request's head to its answer.")
    lines.append(f"# TYPE {name} histogram")
    bounds = [*map(_number, BOUNDS_S), "+Inf"]
    for operation, values in sorted(snapshot["durations"].items()):
        label = f'operation="{_label(operation)}"'
        count = 0.0
        for bound, inside in zip(bounds, values[:-1], strict=True):
            count += inside
            lines.append(f'{name}_bucket{{{label},le="{bound}"}} {_number(count)}')
        lines.append(f"{name}_sum{{{label}}} {float(values[-1])!r}")
        lines.append(f"{name}_count{{{label}}} {_number(count)}")
    for field, metric, kind, text in _COUNTERS:
        lines.append(f"# HELP {metric} {text}")
        lines.append(f"# TYPE {metric} {kind}")
        lines.append(f"{metric} {snapshot[field]}")
    for metric, value in sorted((extra_gauges or {}).items()):
        lines.append(f"# TYPE {metric} gauge")
        lines.append(f"{metric} {_number(value)}")
    return "\n".join(lines) + "\n"
