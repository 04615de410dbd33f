"""What an operation costs, and what memory a server takes, against the number of objects.

Usage: python benchmarks/scale.py [--counts N ...] [--out scale.json] [--work DIR]
       python benchmarks/scale.py --plot scale.json

One bucket grows from count to count (empty objects, put through the store's own interface); at each
count a server with one worker is started and asked for objects, pages and versions all over the
bucket. The second form writes the chart and the table of the manual. Needs ``wrk`` and ``taskset``,
an otherwise idle machine, and some 600 bytes of disk for each object.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.harness import HERE, load, median, send_all
from benchmarks.plot import chart
from benchmarks.servers import make_key, start_z4
from benchmarks.signing import Signer, write_requests

BUCKET = "scale"
COUNTS = [10_000, 100_000, 1_000_000, 10_000_000]
RUNS = 3
REQUESTS = 30_000
"""Requests of a run; one of a second does not get through them, so no new key is put twice."""
SMALL = {"get": "GET", "put-again": "PUT, replacing", "put-new": "PUT, a new key"} | {
    "delete-version": "DELETE of a version"
}
PAGES = {
    "list": "LIST, 1,000 keys",
    "versions": "LIST, 1,000 versions",
    "folders": "LIST, 1 folder",
}
DOC = Path(__file__).parents[1] / "doc"


def requests_of(signer: Signer, name: str, count: int, seed: int) -> Iterator[bytes]:
    """The signed requests of a scenario, over all of the bucket."""
    rng = random.Random(f"{name} {seed}")
    now = time.time()
    for number in range(REQUESTS):
        key = f"k/{rng.randrange(count):09d}"
        path, query, method = f"/{BUCKET}/{key}", "", "GET"
        if name == "put-again":
            method = "PUT"
        elif name == "put-new":
            method, path = "PUT", f"/{BUCKET}/new/{seed}/{number:06d}"
        elif name == "delete-version":
            method, path, query = "DELETE", f"/{BUCKET}/new/{seed}/{number:06d}", "versionId=null"
        elif name != "get":
            path = f"/{BUCKET}"
            marker = f"k%2F{rng.randrange(max(count - 1000, 1)):09d}"
            query = {
                "list": f"list-type=2&start-after={marker}",
                "versions": f"key-marker={marker}&versions=",
                "folders": "delimiter=%2F&list-type=2&max-keys=1",
            }[name]
        yield signer.request(method, path, query, at=now - number % 600 - seed / 10)


def measure(data: Path, credentials: tuple[str, str], count: int) -> dict[str, Any]:
    """CPU per request (µs) of every scenario, and the memory of the server afterwards."""
    server = start_z4(data, 0, "--workers", "1")
    signer = Signer(*credentials, f"127.0.0.1:{server.port}")
    file = data.parent / "scale.requests"
    figures: dict[str, Any] = {"objects": count}
    try:
        for name in (*SMALL, *PAGES):
            runs = []
            for run in range(RUNS):
                write_requests(file, _some(requests_of(signer, name, count, run), name))
                if name == "delete-version":
                    puts = requests_of(signer, "put-new", count, run)
                    send_all(server.port, list(puts))
                seconds = 1 if name in ("put-new", "delete-version") else 3
                runs.append(load(server, file, 4 if name in PAGES else 32, seconds))
            figures[name] = round(median(runs, "cpu_us"), 1)
            print(f"{count:,}: {name} {figures[name]} us", flush=True)
        figures["memory_mb"] = round(server.pss_mb(), 1)
    finally:
        server.stop()
        file.unlink(missing_ok=True)
    figures["database_bytes"] = (data / "_z4meta" / "meta.db").stat().st_size
    return figures


def _some(requests: Iterable[bytes], name: str) -> Iterator[bytes]:
    for number, request in enumerate(requests):
        if name in PAGES and number == 2_000:
            return
        yield request


def grow(counts: list[int], work: Path) -> dict[str, Any]:
    """Measure at every count."""
    data = work / "data"
    credentials = make_key(data)
    results = []
    former = 0
    for count in counts:
        fill = [str(HERE / "generate.py"), str(data), BUCKET, str(count), str(former)]
        started = time.monotonic()
        subprocess.run([sys.executable, *fill], check=True)
        print(f"{count:,} objects after {time.monotonic() - started:.0f} s", flush=True)
        results.append(measure(data, credentials, count))
        former = count
    facts = f"Python {platform.python_version()}, Linux {platform.release()}"
    return {"date": time.strftime("%Y-%m-%d", time.gmtime()), "facts": facts, "results": results}


def write_manual(measured: dict[str, Any], machine: str) -> None:
    """``doc/scale.svg`` and ``doc/scale_results.inc``."""
    rows = measured["results"]

    def line(name: str, factor: float = 1) -> list[tuple[float, float]]:
        return [(row["objects"], row[name] * factor) for row in rows]

    panels = [
        ("CPU per request, µs", {text: line(name) for name, text in SMALL.items()}),
        ("CPU per page, ms", {text: line(name, 0.001) for name, text in PAGES.items()}),
        ("Memory of the server (PSS), MB", {"after the runs": line("memory_mb")}),
        ("Database, MB", {"meta.db": line("database_bytes", 1e-6)}),
    ]
    (DOC / "scale.svg").write_text(chart("Cost against the number of objects", panels), "utf-8")
    head = ["Objects", *SMALL.values(), *PAGES.values(), "Memory"]
    text = ".. Made by benchmarks/scale.py.\n\n"
    facts = ", ".join(part for part in (machine, measured["facts"]) if part)
    text += f"Measured on {measured['date']}, {facts}.\n\n.. list-table::\n   :header-rows: 1\n\n"
    cells = [head]
    for row in rows:
        small = [f"{row[name]} µs" for name in SMALL]
        pages = [f"{row[name] / 1000:.2f} ms" for name in PAGES]
        cells.append([f"{row['objects']:,}", *small, *pages, f"{row['memory_mb']:.0f} MB"])
    for one in cells:
        text += "   * - " + "\n     - ".join(one) + "\n"
    (DOC / "scale_results.inc").write_text(text, "utf-8")


def main() -> int:
    """Measure, or write what was measured into the manual."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--out", type=Path, default=Path("scale.json"))
    parser.add_argument("--work", type=Path, help="a directory on the disk to be measured")
    parser.add_argument("--plot", type=Path, help="a file that was measured earlier")
    parser.add_argument("--machine", default="", help="what it ran on, such as the processor")
    arguments = parser.parse_args()
    if arguments.plot:
        write_manual(json.loads(arguments.plot.read_text()), arguments.machine)
        return 0
    work = Path(tempfile.mkdtemp(prefix="z4-scale-", dir=arguments.work))
    try:
        arguments.out.write_text(json.dumps(grow(arguments.counts, work), indent=1))
    finally:
        shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
