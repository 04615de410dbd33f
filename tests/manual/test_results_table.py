"""The table of results says what was measured, in the order and units of the manual."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(os.environ.get("Z4_SOURCE_TREE") or Path(__file__).parents[2])
TOOL = ROOT / "benchmarks" / "table.py"
SMALL = {
    "cpu_us": 98.5,
    "nginx_cpu_us": 18.1,
    "ratio": 5.44,
    "rate": 10150,
    "nginx_rate": 55200,
    "p50_us": 3000,
    "p99_us": 5000,
    "mb_per_s": 10,
    "nginx_mb_per_s": 56,
}
MEASURED: dict[str, Any] = {
    "versions": {
        "python": "3.12.1",
        "kernel": "6.1",
        "nginx": "nginx/1.22.1",
        "date": "2026-01-31",
    },
    "results": {
        "fill": {"objects": 100_000, "seconds": 20},
        "start of z4 dev": {"seconds": 0.71},
        "GET 1 KiB, cold start": {"cpu_us": 120.0, "rate": 8000},
        "GET 1 KiB": SMALL,
        "HEAD 1 KiB": SMALL,
        "PUT 1 KiB": SMALL,
        "PUT 1 KiB, 1 connection": {"p50_us": 900, "rate": 1100},
        "DELETE": {"cpu_us": 150.0, "ratio": 8.1, "rate": 6000},
        "LIST 1,000 of 10,000": {"cpu_ms": 4.1, "rate": 240},
        "LIST with a delimiter, 1 result of 10,000": {"cpu_ms": 0.31},
        "LIST 1,000 of 1,000,000": {"cpu_ms": 4.5, "rate": 220},
        "LIST large to small": {"ratio": 1.1},
        "GET 10 MiB": {**SMALL, "cpu_us": 8100.0, "mb_per_s": 1500, "nginx_mb_per_s": 2000},
        "PUT 64 MiB": {
            "md5_mb_per_s": 600,
            "unsigned_mb_per_s": 480,
            "signed_mb_per_s": 330,
            "unsigned_to_md5": 0.8,
            "signed_to_md5": 0.55,
            "cpu_to_md5": 1.6,
        },
        "memory (PSS)": {
            "size_gib": 5.0,
            "idle_mb": 61.0,
            "put_rise_mb": 12.0,
            "get_rise_mb": 14.5,
        },
    },
}


def cells() -> dict[str, list[str]]:
    """The lines of the table by their first cell."""
    page: str = runpy.run_path(str(TOOL))["page"](MEASURED, "2 cores")
    rows = page.split("   * - ")[2:]
    split = [[cell.strip() for cell in row.split("\n     -")] for row in rows]
    return {row[0]: row[1:] for row in split}


def test_all_results_are_in_the_table() -> None:
    assert set(cells()) == set(MEASURED["results"]) - {"fill"}
    assert all(len(row) == 3 for row in cells().values())


def test_small_requests_stand_beside_nginx_and_their_goal() -> None:
    assert cells()["GET 1 KiB"] == [
        "98.5 µs (5.44 times nginx), 10,150/s",
        "at most 2.6 times nginx",
        "18.1 µs, 55,200/s",
    ]
    assert cells()["GET 1 KiB, cold start"] == ["120.0 µs, 8,000/s", "", ""]


def test_sizes_and_ratios_have_the_units_of_their_goals() -> None:
    shown = cells()
    assert shown["GET 10 MiB"][0] == "8.1 ms, 1,500 MB/s (0.75 of nginx)"
    assert shown["LIST 1,000 of 1,000,000"][:2] == ["4.5 ms, 220/s", "at most 3.5 ms"]
    assert shown["LIST with a delimiter, 1 result of 10,000"][0] == "0.31 ms"
    assert shown["PUT 64 MiB"][0].startswith("unsigned 480 MB/s (0.8 of MD5 alone), signed 330")
    assert shown["memory (PSS)"][0] == "idle 61.0 MB; 5 GiB: PUT +12.0 MB, then GET +14.5 MB"


def test_the_command_writes_the_file_with_when_and_where(tmp_path: Path) -> None:
    measured, out = tmp_path / "bench.json", tmp_path / "out.inc"
    measured.write_text(json.dumps(MEASURED))
    command = [sys.executable, str(TOOL), str(measured), "--machine", "2 cores", "--out", str(out)]
    subprocess.run(command, check=True)
    text = out.read_text("utf-8")
    assert (
        "Measured on 2026-01-31, 2 cores, Python 3.12.1, Linux 6.1, nginx/1.22.1, "
        "100,000 objects of 1 KiB." in text
    )
    assert not [line for line in text.splitlines() if line != line.rstrip()]
