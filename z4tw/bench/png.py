"""The same picture as PNG, with matplotlib, which the extra ``bench`` installs."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from z4tw.bench.svg import COLORS, panels_of, summary_of, title_of
from z4tw.bench.target import UsageError


def demand() -> None:
    """Raises ``UsageError`` when matplotlib is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError(
            "a PNG needs matplotlib: pip install 'z4tw[bench]', or name a file that ends in .svg"
        )


def write(whole: dict[str, Any], path: str) -> None:
    """Write the picture. Raises ``OSError``."""
    # A figure by itself, without pyplot, needs no display and leaves nothing behind.
    figures = importlib.import_module("matplotlib.figure")
    panels = panels_of(whole)
    figure = figures.Figure(figsize=(9, 1.5 + 2.6 * max(1, len(panels))), layout="constrained")
    figure.suptitle("\n".join([title_of(whole), *summary_of(whole)]), fontsize=8)
    every = figure.subplots(max(1, len(panels)), 1, squeeze=False)
    for (heading, unit, lines), axes in zip(panels, every[:, 0], strict=False):
        for at, line in enumerate(lines):
            xs, ys = [x for x, _ in line.points], [y for _, y in line.points]
            axes.plot(xs, ys, color=COLORS[at % len(COLORS)], label=line.name, marker=".")
        axes.set_title(heading, fontsize=9)
        axes.set_xlabel("s")
        axes.set_ylabel(unit)
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=7)
    figure.savefig(path, format="png", dpi=120)
