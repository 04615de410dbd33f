"""A small chart of costs against counts, as SVG: the counts on a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from z4tw.bench.svg import COLORS, nice_step

WIDTH, PANEL, LEFT, RIGHT, TOP, GAP = 820, 190, 80, 150, 40, 60

Panel = tuple[str, Mapping[str, Sequence[tuple[float, float]]]]
"""A heading, and named lines of (count, value)."""


def chart(title: str, panels: Sequence[Panel]) -> str:
    """The whole picture, one panel below the other."""
    height = TOP + len(panels) * (PANEL + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="20" y="24" font-size="15">{escape(title)}</text>',
    ]
    for at, (heading, lines) in enumerate(panels):
        parts += _panel(TOP + 24 + at * (PANEL + GAP), heading, lines)
    return "\n".join([*parts, "</svg>", ""])


def _panel(
    top: float, heading: str, lines: Mapping[str, Sequence[tuple[float, float]]]
) -> list[str]:
    every = [point for points in lines.values() for point in points]
    width, bottom = WIDTH - LEFT - RIGHT, top + PANEL - 24
    least, most = (math.log10(pick(x for x, _ in every)) for pick in (min, max))
    step = nice_step(1.1 * max(y for _, y in every))

    def place(x: float, y: float) -> tuple[float, float]:
        share = (math.log10(x) - least) / ((most - least) or 1)
        return LEFT + width * share, bottom - (bottom - top) * y / (4 * step)

    parts = [f'<text x="{LEFT}" y="{top - 8}" font-size="13">{escape(heading)}</text>']
    for tick in range(5):
        _, y = place(10**least, step * tick)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{LEFT + width}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{step * tick:,.6g}</text>'
        )
    for count in sorted({x for x, _ in every}):
        x, _ = place(count, 0)
        parts.append(
            f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{count:,.0f}</text>'
        )
    for at, (name, points) in enumerate(lines.items()):
        color = COLORS[at % len(COLORS)]
        places = [place(x, y) for x, y in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in places]
        parts.append(
            f'<text x="{LEFT + width + 10}" y="{top + 10 + 16 * at}" fill="{color}">'
            f"{escape(name)}</text>"
        )
    return parts
