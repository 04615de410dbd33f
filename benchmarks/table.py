"""Make the table of results in the manual from what ``benchmarks/run.py`` measured.

Usage: python benchmarks/table.py BENCH.json [--machine TEXT] [--out doc/performance_results.inc]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

TARGET = Path(__file__).parents[1] / "doc" / "performance_results.inc"
HEAD = """.. Made by benchmarks/table.py from the output of benchmarks/run.py.

{facts}

.. list-table::
   :header-rows: 1
   :widths: 28 30 22 20

   * - What
     - z4tw
     - Goal
     - nginx beside it
"""

Figures = Mapping[str, Any]


class Row(NamedTuple):
    """One line of the table. ``result`` is the result's name, or the beginning of it; ``ours`` and
    ``theirs`` say its figures."""

    result: str
    ours: Callable[[Figures], str]
    goal: str = ""
    theirs: Callable[[Figures], str] = lambda figures: ""


def _request(figures: Figures) -> str:
    text = f"{figures['cpu_us']} µs"
    if "ratio" in figures:
        text += f" ({figures['ratio']} times nginx)"
    return f"{text}, {figures['rate']:,}/s"


def _nginx_request(figures: Figures) -> str:
    return f"{figures['nginx_cpu_us']} µs, {figures['nginx_rate']:,}/s"


def _latency(figures: Figures) -> str:
    return f"{figures['p50_us']} µs from request to answer, {figures['rate']:,}/s"


def _large(figures: Figures) -> str:
    share = figures["mb_per_s"] / figures["nginx_mb_per_s"]
    return f"{figures['cpu_us'] / 1000:.1f} ms, {figures['mb_per_s']:,} MB/s ({share:.2f} of nginx)"


def _nginx_large(figures: Figures) -> str:
    return f"{figures['nginx_cpu_us'] / 1000:.1f} ms, {figures['nginx_mb_per_s']:,} MB/s"


def _upload(figures: Figures) -> str:
    return (
        f"unsigned {figures['unsigned_mb_per_s']:,} MB/s ({figures['unsigned_to_md5']} of MD5 "
        f"alone), signed {figures['signed_mb_per_s']:,} MB/s ({figures['signed_to_md5']}); CPU of "
        f"an unsigned one {figures['cpu_to_md5']} times that of MD5"
    )


def _memory(figures: Figures) -> str:
    return (
        f"idle {figures['idle_mb']} MB; {figures['size_gib']:g} GiB: PUT +{figures['put_rise_mb']} "
        f"MB, then GET +{figures['get_rise_mb']} MB"
    )


def _two(figures: Figures) -> str:
    return (
        f"{figures['cpu_us']} µs, {figures['ratio']} times one worker; 1 connection: "
        f"{figures['latency_us']} µs, with one worker {figures['one_worker_latency_us']} µs"
    )


def _half(figures: Figures) -> str:
    return (
        f"p50 {figures['p50_us']} µs, p99 {figures['p99_us']} µs ({figures['p99_to_p50']} times) "
        f"at {figures['rate']:,}/s"
    )


def _beside(figures: Figures) -> str:
    return (
        f"p99 {figures['p99_us']} µs, without a walk {figures['p99_without_us']} µs "
        f"({figures['rise']} times)"
    )


def _large_alone(figures: Figures) -> str:
    return f"{figures['cpu_us'] / 1000:.1f} ms, {figures['mb_per_s']:,} MB/s"


ROWS = (
    Row("GET 1 KiB", _request, "at most 2.6 times nginx", _nginx_request),
    Row("GET 1 KiB, cold start", _request),
    Row("GET 1 KiB, encrypted", _request),
    Row("GET 1 KiB at half of the greatest rate", _half, "p99 under 5 times p50"),
    Row("GET 1 KiB beside the expirer", _beside, "p99 at most 1.25 times that without"),
    Row("GET 1 KiB with two workers", _two, "at most 1.1 times"),
    Row("HEAD 1 KiB", _request, "at most 0.95 of GET", _nginx_request),
    Row("PUT 1 KiB", _request, "at most 120 µs", _nginx_request),
    Row("PUT 1 KiB, 1 connection", _latency),
    Row("PUT 1 KiB with two workers", _two, "at most 1.1 times"),
    Row("DELETE", _request, "at most 100 µs"),
    Row("LIST 1,000 of ", lambda f: f"{f['cpu_ms']} ms, {f['rate']:,}/s", "at most 3.5 ms"),
    Row("LIST large to small", lambda f: f"{f['ratio']}", "at most 1.3"),
    Row("LIST with a delimiter, 1 result of ", lambda f: f"{f['cpu_ms']} ms"),
    Row("LIST 1,000 versions", lambda f: f"{f['cpu_ms']} ms, {f['rate']:,}/s"),
    Row("GET 10 MiB", _large, "at most 4 ms, 0.85 of nginx's MB/s", _nginx_large),
    Row("GET 10 MiB, encrypted", _large_alone, "at most 7 ms"),
    Row("PUT 64 MiB", _upload, "CPU at most 1.5 times MD5"),
    Row("memory (PSS)", _memory, "idle 60 MB, rise 64 MB"),
    Row(
        "memory of the store process and two workers",
        lambda f: f"idle {f['idle_mb']} MB",
        "at most 120 MB",
    ),
    Row("idle connections", lambda f: f"{f['count']:,}: +{f['rise_mb']} MB", "10,000: +200 MB"),
    Row("start of z4 dev", lambda f: f"{f['seconds']} s", "at most 1.5 s"),
)


def lines(results: Mapping[str, Figures]) -> Iterator[tuple[str, str, str, str]]:
    """Name, figure, goal and nginx of every result that the table has a row for, in its order."""
    for row in ROWS:
        for name, figures in results.items():
            if name == row.result or (row.result.endswith(" ") and name.startswith(row.result)):
                yield name, row.ours(figures), row.goal, row.theirs(figures)


def page(measured: Mapping[str, Any], machine: str = "") -> str:
    """The whole table, under a line that says when and on what it was measured."""
    versions, results = measured["versions"], measured["results"]
    facts = [f"Measured on {versions['date']}"]
    facts += [machine] if machine else []
    facts += [f"Python {versions['python']}", f"Linux {versions['kernel']}", versions["nginx"]]
    if "fill" in results:
        facts.append(f"{results['fill']['objects']:,} objects of 1 KiB")
    text = HEAD.format(facts=", ".join(facts) + ".")
    for cells in lines(results):
        rows = ("   * - " + "\n     - ".join(cells)).splitlines()
        text += "".join(f"{line.rstrip()}\n" for line in rows)
    return text


def main(arguments: list[str]) -> int:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("measured", type=Path, help="the JSON file that run.py wrote")
    parser.add_argument("--machine", default="", help="what it ran on, such as the processor")
    parser.add_argument("--out", type=Path, default=TARGET)
    parsed = parser.parse_args(arguments)
    parsed.out.write_text(page(json.loads(parsed.measured.read_text()), parsed.machine), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
