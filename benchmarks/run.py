"""Measure a single z4tw node beside nginx, in one run, and write the table.

Usage: python benchmarks/run.py [--quick] [--only NAME ...] [--out FILE.json]

Server on core 0, load generator on core 1, runs alternating with nginx; the figure is the server's
CPU time per request (utime + stime of all its processes), the median of five runs. Needs ``nginx``,
``wrk`` and ``taskset`` on PATH, and an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import more, scenarios
from benchmarks.harness import Bench

SCENARIOS: dict[str, Callable[[Bench], None]] = {
    "get": scenarios.get_small,
    "head": scenarios.head_small,
    "put": scenarios.put_small,
    "delete": scenarios.delete_small,
    "list": scenarios.list_page,
    "get-large": scenarios.get_large,
    "put-large": scenarios.put_large,
    "memory": scenarios.memory,
    "startup": scenarios.startup,
    "versions": more.version_pages,
    "half-rate": more.half_rate,
    "expirer": more.beside_the_expirer,
    "workers": more.two_workers,
    "encrypted": more.encrypted,
    "connections": more.idle_connections,
}


def write(path: Path, bench: Bench) -> None:
    """Write the figures, with the versions of what was measured."""
    versions = {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "nginx": subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr.strip(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    path.write_text(json.dumps({"versions": versions, "results": bench.results}, indent=1))


def main() -> int:
    """Run the chosen scenarios; print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    parser.add_argument("--only", nargs="+", choices=list(SCENARIOS), default=list(SCENARIOS))
    parser.add_argument("--seconds", type=int, default=8, help="length of a run [8]")
    parser.add_argument("--out", type=Path, default=Path("bench.json"))
    parser.add_argument("--work", type=Path, help="a directory on the disk to be measured")
    arguments = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="z4-bench-", dir=arguments.work))
    bench = Bench(work, arguments.quick, arguments.seconds)
    try:
        bench.fill()
        for name in arguments.only:
            SCENARIOS[name](bench)
    finally:
        bench.server.stop()
        bench.nginx.stop()
        shutil.rmtree(work)
        write(arguments.out, bench)  # also what was measured before a failure
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
