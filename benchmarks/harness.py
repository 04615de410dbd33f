"""What the scenarios share: servers, sizes, prepared requests, and load on them."""

from __future__ import annotations

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.servers import Server, make_key, start_nginx, start_z4
from benchmarks.signing import Signer, key_path, small_requests, write_requests

HERE = Path(__file__).parent
KIB = 1024
MIB = 1024 * KIB
BUCKET = "bench"


class Bench:
    """One run: the servers, the sizes, and what was measured."""

    def __init__(self, work: Path, quick: bool, seconds: int = 8) -> None:
        self.work = work
        self.keys = 5_000 if quick else 100_000
        self.runs = 1 if quick else 5
        self.seconds = 2 if quick else seconds
        self.requests = 30_000 if quick else 250_000
        self.many = 20_000 if quick else 1_000_000
        self.huge = 256 * MIB if quick else 5 * 1024 * MIB
        self.data = work / "data"
        self.results: dict[str, dict[str, Any]] = {}
        access_key_id, secret = make_key(self.data)
        self.credentials = (access_key_id, secret)
        self.server = start_z4(self.data, 0, "--workers", "1")
        self.signer = Signer(access_key_id, secret, f"127.0.0.1:{self.server.port}")
        self.nginx = start_nginx(work / "nginx", 0)

    def note(self, name: str, **figures: Any) -> None:
        """Keep and show a result."""
        self.results[name] = figures
        shown = ", ".join(f"{key} {value}" for key, value in figures.items())
        print(f"{name}: {shown}", flush=True)

    def call(self, method: str, path: str, query: str = "", body: bytes = b"") -> tuple[int, bytes]:
        """One signed request, on a connection of its own."""
        raw = self.signer.request(method, path, query, body)
        with socket.create_connection(("127.0.0.1", self.server.port)) as connection:
            connection.sendall(raw)
            response = http.client.HTTPResponse(connection, method=method)
            response.begin()
            return response.status, response.read()

    def wrk(
        self, server: Server, file: Path, connections: int, seconds: int | None = None
    ) -> dict[str, Any]:
        """Load on core 1 with prepared requests; what it measured, with the server's CPU."""
        return load(server, file, connections, seconds or self.seconds)

    def alternate(
        self,
        name: str,
        ours: Callable[[int], Path],
        theirs: Callable[[int], Path],
        connections: int,
    ) -> None:
        """Runs of z4tw and nginx in turn; medians and their ratio."""
        mine, yours = [], []
        for run in range(self.runs):
            yours.append(self.wrk(self.nginx, theirs(run), connections))
            mine.append(self.wrk(self.server, ours(run), connections))
        self.note(
            name,
            cpu_us=round(median(mine, "cpu_us"), 1),
            nginx_cpu_us=round(median(yours, "cpu_us"), 1),
            ratio=round(median(mine, "cpu_us") / median(yours, "cpu_us"), 2),
            rate=round(median(mine, "rate")),
            nginx_rate=round(median(yours, "rate")),
            p50_us=median(mine, "p50_us"),
            p99_us=median(mine, "p99_us"),
            mb_per_s=round(median(mine, "bytes_per_s") / 1e6),
            nginx_mb_per_s=round(median(yours, "bytes_per_s") / 1e6),
        )

    def file(self, name: str, requests: Any) -> Path:
        """Write prepared requests, once."""
        path = self.work / f"{name}.requests"
        if not path.exists():
            write_requests(path, requests)
        return path

    def nginx_tree(self) -> None:
        """The small objects again as files below nginx's root: it is sent the very requests that
        z4tw is sent, signatures and all, and finds a file for each."""
        root = self.work / "nginx" / "www"
        for number in range(self.keys):
            path = root / key_path(BUCKET, number)[1:]
            if number < 10:
                path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes([number % 256]) * KIB)

    def get_requests(self, anew: bool = False) -> list[Path]:
        """GET requests over all small objects, a file for each run. ``anew``: sign them again,
        since signatures are good for a quarter of an hour."""
        if anew:
            for path in self.work.glob("get-*.requests"):
                path.unlink()
        return [
            self.file(
                f"get-{run}",
                small_requests(self.signer, "GET", BUCKET, self.keys, self.requests, 0, run),
            )
            for run in range(self.runs)
        ]

    def fill(self) -> None:
        """The bucket and its small objects, put by the load generator itself."""
        self.call("PUT", f"/{BUCKET}")
        rest = [
            self.signer.request("PUT", key_path(BUCKET, n), body=bytes([n % 256]) * KIB)
            for n in range(self.keys)
        ]
        self.nginx_tree()
        started = time.monotonic()
        send_all(self.server.port, rest)
        self.note("fill", objects=self.keys, seconds=round(time.monotonic() - started, 1))


def load(
    server: Server, file: Path, connections: int, seconds: float, rate: float = 0
) -> dict[str, Any]:
    """Send the prepared requests of a file from core 1: by ``wrk`` as fast as the answers come, by
    ``heads.py`` for files named ``head-...``, or by ``steady.py`` at a steady ``rate`` a second.
    Raises ``RuntimeError`` when an answer was an error."""
    url = f"http://127.0.0.1:{server.port}"
    script = str(HERE / "requests.lua")
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script, url, "--"]
    command.append(str(file))
    own = [str(server.port), str(file), str(connections), str(seconds)]
    if rate:
        command = [sys.executable, str(HERE / "steady.py"), *own, str(rate)]
    elif file.name.startswith("head-"):
        command = [sys.executable, str(HERE / "heads.py"), *own]
    before = server.cpu_s()
    done = subprocess.run(["taskset", "-c", "1", *command], check=True, stdout=subprocess.PIPE)
    cpu_s = server.cpu_s() - before
    measured: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    if measured["errors"] or measured["bad_status"]:
        raise RuntimeError(f"{server.name} answered with errors: {measured}")
    measured["cpu_us"] = cpu_s * 1e6 / measured["requests"]
    measured["rate"] = measured["requests"] * 1e6 / measured["duration_us"]
    measured["bytes_per_s"] = measured["bytes"] * 1e6 / measured["duration_us"]
    return measured


def median(runs: list[dict[str, Any]], name: str) -> float:
    return statistics.median(run[name] for run in runs)


def restart(bench: Bench) -> Server:
    return start_z4(bench.data, 0, "--workers", "1", port=bench.server.port)


def timed_put(port: int, head: bytes, body: bytes) -> float:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        started = time.perf_counter()
        connection.sendall(head)
        connection.sendall(body)
        response = http.client.HTTPResponse(connection)
        response.begin()
        response.read()
        took = time.perf_counter() - started
    if response.status != 200:
        raise RuntimeError(f"a large PUT was answered with {response.status}")
    return took


def drop_cached(folder: Path) -> None:
    """Give the page cache of synced blob files back: memory that a virtual machine has never used
    is made by its host when it is first written, which takes longer than the upload."""
    for path in folder.rglob("*"):
        if path.is_file() and path.stat().st_size > MIB:
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def send_all(port: int, requests: list[bytes], connections: int = 16) -> None:
    """Send requests over some connections, a window of them pipelined on each."""
    failures: list[str] = []

    def send(mine: list[bytes]) -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            file = connection.makefile("rb")
            for raw in mine:
                connection.sendall(raw)
                status = file.readline().split()[1]
                length = 0
                while (line := file.readline()) not in (b"\r\n", b""):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                file.read(length)
                if status not in (b"200", b"204"):
                    failures.append(status.decode())
                    return

    threads = [
        threading.Thread(target=send, args=(requests[n::connections],)) for n in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(f"requests failed with {failures[0]}")


def generate(bench: Bench, bucket: str, count: int) -> None:
    """Fill a bucket with empty objects through the store's own interface, the server stopped."""
    subprocess.run(
        [
            sys.executable,
            str(Path(__file__).with_name("generate.py")),
            str(bench.data),
            bucket,
            str(count),
        ],
        check=True,
    )
