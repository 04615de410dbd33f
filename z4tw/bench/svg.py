"""A report as an SVG picture, written without any library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

WIDTH, PANEL, LEFT, RIGHT, TOP = 900, 220, 70, 20, 70
GAP = 50
COLORS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd")
MAX_POINTS = 600
"""A line has no more points than this: longer runs are thinned out."""


class Line:
    """A named line of points; ``y`` values are plain numbers."""

    def __init__(self, name: str, points: Sequence[tuple[float, float]]) -> None:
        step = max(1, math.ceil(len(points) / MAX_POINTS))
        self.name, self.points = name, list(points)[::step]


def panels_of(whole: dict[str, Any]) -> list[tuple[str, str, list[Line]]]:
    """The panels of a report: heading, unit, lines."""
    panels: list[tuple[str, str, list[Line]]] = []
    several = len(whole["targets"]) > 1
    for workload in whole["settings"]["workloads"]:
        rates: list[Line] = []
        times: list[Line] = []
        for target in whole["targets"]:
            for result in target["results"]:
                if result["workload"] != workload:
                    continue
                name = f" {target['endpoint']}" if several else ""
                rows = result["timeline"]
                # The first point stands for the time since the start.
                rows = [{**row, "at_s": 0.0} for row in rows[:1]] + rows
                rates.append(
                    Line("requests/s" + name, [(r["at_s"], r["requests_per_s"]) for r in rows])
                )
                for share in ("p50", "p99"):
                    points = [(r["at_s"], r[f"{share}_ms"]) for r in rows]
                    times.append(Line(share + name, points))
        if rates:
            panels.append((f"{workload}: throughput", "requests/s", rates))
            panels.append((f"{workload}: latency", "ms", times))
    return panels


def summary_of(whole: dict[str, Any]) -> list[str]:
    """A line for each workload and target."""
    lines = []
    for target in whole["targets"]:
        for result in target["results"]:
            times = ", ".join(f"{n} {v:g}" for n, v in result["latency_ms"].items())
            errors = sum(result["errors"].values())
            lines.append(
                f"{result['workload']} at {target['endpoint']}: {result['requests']:,} requests, "
                f"{result['requests_per_s']:,.0f}/s, {result['mb_per_s']:,.1f} MB/s, "
                f"ms: {times}, {errors:,} errors"
            )
    for compared in whole.get("compared", ()):
        factor = compared["requests_per_s"]
        lines.append(f"{compared['workload']}: requests/s, second to first: {factor}")
    return lines


def title_of(whole: dict[str, Any]) -> str:
    """What the picture shows."""
    settings = whole["settings"]
    return (
        f"z4 bench: {settings['size_bytes']:,} bytes, {settings['objects']:,} objects, "
        f"{settings['concurrency']} connections"
    )


def render(whole: dict[str, Any]) -> str:
    """The whole picture."""
    panels, summary = panels_of(whole), summary_of(whole)
    top = TOP + 18 * len(summary)
    height = top + len(panels) * (PANEL + GAP) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        _text(20, 28, title_of(whole), size=16),
    ]
    parts += [_text(20, 50 + 18 * at, line) for at, line in enumerate(summary)]
    for at, (heading, unit, lines) in enumerate(panels):
        parts += _panel(top + at * (PANEL + GAP), heading, unit, lines)
    return "\n".join([*parts, "</svg>", ""])


def _panel(top: float, heading: str, unit: str, lines: list[Line]) -> list[str]:
    every = [point for line in lines for point in line.points]
    width, bottom = WIDTH - LEFT - RIGHT, top + PANEL
    x_most = max([x for x, _ in every] + [1.0])
    # A quarter of the room is left to the names.
    y_step = nice_step(1.3 * max([y for _, y in every] + [1e-9]))
    y_most = y_step * 4
    parts = [_text(LEFT, top - 8, f"{heading} ({unit})", size=13)]
    for tick in range(5):
        y = bottom - PANEL * tick / 4
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(_text(LEFT - 6, y + 4, f"{y_step * tick:,.6g}", anchor="end"))
        x = LEFT + width * tick / 4
        parts.append(_text(x, bottom + 16, f"{x_most * tick / 4:.3g} s", anchor="middle"))
    for at, line in enumerate(lines):
        color = COLORS[at % len(COLORS)]
        points = " ".join(
            f"{LEFT + width * x / x_most:.1f},{bottom - PANEL * y / y_most:.1f}"
            for x, y in line.points
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.5"/>'
        )
        parts.append(_text(WIDTH - RIGHT - 4, top + 14 + 15 * at, line.name, "end", color))
    return parts


def nice_step(most: float) -> float:
    """A round step of which four reach ``most``."""
    step = float(10 ** math.floor(math.log10(most / 4)))
    return next(step * factor for factor in (1, 2, 2.5, 5, 10) if step * factor * 4 >= most)


def _text(
    x: float, y: float, text: str, anchor: str = "start", color: str = "#222", size: int = 12
) -> str:
    shown = "".join(c if c.isprintable() else "?" for c in text)
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}" '
        f'font-size="{size}">{escape(shown)}</text>'
    )
