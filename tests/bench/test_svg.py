"""The picture is well-formed, whatever the figures and names are."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from tests.bench.test_figures import measured, whole
from z4tw.bench.svg import MAX_POINTS, Line, nice_step, render

NAME = "{http://www.w3.org/2000/svg}"


def drawn(made: dict[str, Any]) -> ElementTree.Element:
    return ElementTree.fromstring(render(made))


def test_two_panels_for_a_workload() -> None:
    picture = drawn(whole(measured()))
    assert len(picture.findall(f"{NAME}polyline")) == 3
    texts = [element.text or "" for element in picture.findall(f"{NAME}text")]
    assert "get: throughput (requests/s)" in texts
    assert "get: latency (ms)" in texts


def test_two_endpoints_share_the_panels() -> None:
    picture = drawn(whole(measured(), measured(500)))
    assert len(picture.findall(f"{NAME}polyline")) == 6


def test_names_are_escaped() -> None:
    made = whole(measured(), measured())
    made["targets"][0]["endpoint"] = "<script>\"&'\x00\x1b"
    shown = render(made)
    assert "<script>" not in shown
    assert "&lt;script&gt;&quot;&amp;&#x27;??" in shown
    ElementTree.fromstring(shown)


def test_nothing_was_measured() -> None:
    drawn(whole(None))
    made = whole(measured())
    made["targets"][0]["results"][0]["timeline"] = []
    drawn(made)


def test_lines_stay_within_the_picture() -> None:
    picture = drawn(whole(measured()))
    for line in picture.findall(f"{NAME}polyline"):
        for point in (line.get("points") or "").split():
            x, _, y = point.partition(",")
            assert 0 <= float(x) <= float(picture.get("width") or 0)
            assert 0 <= float(y) <= float(picture.get("height") or 0)


def test_a_long_line_is_thinned_out() -> None:
    line = Line("x", [(at, 0) for at in range(86_400)])
    assert MAX_POINTS // 2 < len(line.points) <= MAX_POINTS


@pytest.mark.parametrize(
    ("most", "step"), [(4, 1), (5, 2), (9, 2.5), (40, 10), (41, 20), (0.003, 0.001), (1e6, 250_000)]
)
def test_steps_are_round(most: float, step: float) -> None:
    assert nice_step(most) == pytest.approx(step)
