"""Measure a single z4tw node beside nginx, in one run, and write the table.

Usage: python benchmarks/run.py [--quick] [--only NAME ...] [--out FILE.json]

Server on core 0, load generator on core 1, runs alternating with nginx; the figure is the server's
CPU time per request (utime + stime of all its processes), the median of five runs. Needs ``nginx``,
``wrk`` and ``taskset`` on PATH, and an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.servers import (
    Server,
    free_port,
    make_key,
    start_nginx,
    start_z4,
    wait_for_port,
    z4,
)
from benchmarks.signing import Signer, key_path, small_requests, write_requests

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
        """Run wrk on core 1 with prepared requests; its JSON, with the server's CPU beside it."""
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds or self.seconds}s",
            "-s",
            str(Path(__file__).with_name("requests.lua")),
            f"http://127.0.0.1:{server.port}",
            "--",
            str(file),
        ]
        if file.name.startswith("head-"):
            heads = str(Path(__file__).with_name("heads.py"))
            command = [sys.executable, heads, str(server.port), str(file)]
            command += [str(connections), str(seconds or self.seconds)]
        command = ["taskset", "-c", "1", *command]
        before = server.cpu_s()
        shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        cpu_s = server.cpu_s() - before
        measured: dict[str, Any] = json.loads(shown.strip().splitlines()[-1])
        if measured["errors"] or measured["bad_status"]:
            raise RuntimeError(f"{server.name} answered with errors: {measured}")
        measured["cpu_us"] = cpu_s * 1e6 / measured["requests"]
        measured["rate"] = measured["requests"] * 1e6 / measured["duration_us"]
        measured["bytes_per_s"] = measured["bytes"] * 1e6 / measured["duration_us"]
        return measured

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
            cpu_us=round(_median(mine, "cpu_us"), 1),
            nginx_cpu_us=round(_median(yours, "cpu_us"), 1),
            ratio=round(_median(mine, "cpu_us") / _median(yours, "cpu_us"), 2),
            rate=round(_median(mine, "rate")),
            nginx_rate=round(_median(yours, "rate")),
            p50_us=_median(mine, "p50_us"),
            p99_us=_median(mine, "p99_us"),
            mb_per_s=round(_median(mine, "bytes_per_s") / 1e6),
            nginx_mb_per_s=round(_median(yours, "bytes_per_s") / 1e6),
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

    def get_requests(self) -> list[Path]:
        """GET requests over all small objects, a file for each run."""
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
        _send_all(self.server.port, rest)
        self.note("fill", objects=self.keys, seconds=round(time.monotonic() - started, 1))


def get_small(bench: Bench) -> None:
    """Authenticated GET of 1 KiB over all keys, 32 connections; the first run is the cold one."""
    files = bench.get_requests()
    bench.server.stop()
    bench.server = _restart(bench)
    cold = bench.wrk(bench.server, files[0], 32, 2)
    bench.note("GET 1 KiB, cold start", cpu_us=round(cold["cpu_us"], 1), rate=round(cold["rate"]))
    bench.alternate("GET 1 KiB", lambda run: files[run], lambda run: files[run], 32)


def head_small(bench: Bench) -> None:
    """Authenticated HEAD of 1 KiB objects."""
    files = [
        bench.file(
            f"head-{run}",
            small_requests(bench.signer, "HEAD", BUCKET, bench.keys, bench.requests, 0, 50 + run),
        )
        for run in range(bench.runs)
    ]
    bench.alternate("HEAD 1 KiB", lambda run: files[run], lambda run: files[run], 32)


def put_small(bench: Bench) -> None:
    """Authenticated, fsynced PUT of 1 KiB over all keys, 32 connections."""
    count = bench.requests // 3
    files = [
        bench.file(
            f"put-{run}",
            small_requests(bench.signer, "PUT", BUCKET, bench.keys, count, KIB, 100 + run),
        )
        for run in range(bench.runs)
    ]
    gets = bench.get_requests()
    bench.alternate("PUT 1 KiB", lambda run: files[run], lambda run: gets[run], 32)
    one = bench.wrk(bench.server, files[0], 1, 3)
    bench.note("PUT 1 KiB, 1 connection", p50_us=one["p50_us"], rate=round(one["rate"]))


def delete_small(bench: Bench) -> None:
    """Authenticated DELETE, each of another key (made for it)."""
    bench.call("PUT", "/deletes")
    count = min(bench.keys, 25_000)
    file = bench.work / "delete.requests"
    theirs = bench.get_requests()[0]
    mine, yours = [], []
    for run in range(min(bench.runs, 3)):
        puts = [
            bench.signer.request("PUT", key_path("deletes", n), body=bytes(KIB))
            for n in range(count)
        ]
        _send_all(bench.server.port, puts)
        deletes = (bench.signer.request("DELETE", key_path("deletes", n)) for n in range(count))
        write_requests(file, deletes)
        yours.append(bench.wrk(bench.nginx, theirs, 32, 2))
        mine.append(bench.wrk(bench.server, file, 32, 1 + run % 2))
    bench.note(
        "DELETE",
        cpu_us=round(_median(mine, "cpu_us"), 1),
        ratio=round(_median(mine, "cpu_us") / _median(yours, "cpu_us"), 2),
        rate=round(_median(mine, "rate")),
    )


def list_page(bench: Bench) -> None:
    """ListObjectsV2 pages of 1,000 keys in a small and in a large bucket, and with a delimiter."""
    sizes = {"listed-small": 10_000, "listed-large": bench.many}
    figures: dict[str, float] = {}
    bench.server.stop()
    for bucket, count in sizes.items():
        _generate(bench, bucket, count)
    bench.server = _restart(bench)
    for bucket, count in sizes.items():
        rng_keys = [f"{n:09d}" for n in range(0, count - 1000, max(1, (count - 1000) // 500))]
        file = bench.file(
            f"list-{bucket}",
            (
                bench.signer.request(
                    "GET", f"/{bucket}", f"list-type=2&start-after=k%2F{key}", at=time.time() - n
                )
                for n, key in enumerate(rng_keys)
            ),
        )
        runs = [bench.wrk(bench.server, file, 4, 4) for _ in range(bench.runs)]
        figures[bucket] = _median(runs, "cpu_us")
        bench.note(
            f"LIST 1,000 of {count:,}",
            cpu_ms=round(figures[bucket] / 1000, 2),
            rate=round(_median(runs, "rate")),
        )
        folders = bench.file(
            f"folders-{bucket}",
            (
                bench.signer.request(
                    "GET", f"/{bucket}", "delimiter=%2F&list-type=2", at=time.time() - n
                )
                for n in range(500)
            ),
        )
        runs = [bench.wrk(bench.server, folders, 4, 2) for _ in range(bench.runs)]
        bench.note(
            f"LIST with a delimiter, 1 result of {count:,}",
            cpu_ms=round(_median(runs, "cpu_us") / 1000, 3),
        )
    bench.note(
        "LIST large to small", ratio=round(figures["listed-large"] / figures["listed-small"], 2)
    )


def get_large(bench: Bench) -> None:
    """GET of 10 MiB objects with verification, 8 connections."""
    count = 16
    for number in range(count):
        bench.call("PUT", f"/{BUCKET}/large/{number}", body=bytes([number]) * (10 * MIB))
    file = bench.file(
        "get-large",
        (
            bench.signer.request("GET", f"/{BUCKET}/large/{n % count}", at=time.time() - n // count)
            for n in range(5_000)
        ),
    )
    folder = bench.work / "nginx" / "www" / BUCKET / "large"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / str(number)).write_bytes(bytes([number]) * (10 * MIB))
    bench.alternate("GET 10 MiB", lambda run: file, lambda run: file, 8)


def put_large(bench: Bench) -> None:
    """PUT of 64 MiB by one client on two cores, beside hashlib's MD5 over the same bytes."""
    bench.server.stop()
    server = start_z4(bench.data, None, "--workers", "1")
    signer = Signer(*bench.credentials, f"127.0.0.1:{server.port}")
    body = bytes(range(256)) * (64 * MIB // 256)
    md5, unsigned, signed, cpu = [], [], [], []
    for run in range(max(3, bench.runs)):
        started = time.perf_counter()
        hashlib.md5(body).digest()
        md5.append(time.perf_counter() - started)
        target = signer.presign("PUT", f"/{BUCKET}/huge/{run % 2}")
        head = (
            f"PUT {target} HTTP/1.1\r\nHost: {signer.host}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        before = server.cpu_s()
        unsigned.append(_timed_put(server.port, head.encode(), body))
        cpu.append(server.cpu_s() - before)
        _drop_cached(bench.data / BUCKET)
        raw = signer.request("PUT", f"/{BUCKET}/huge/{run % 2}", body=body)
        signed.append(_timed_put(server.port, raw[: -len(body)], body))
        _drop_cached(bench.data / BUCKET)
    reference = statistics.median(md5)
    bench.note(
        "PUT 64 MiB",
        md5_mb_per_s=round(len(body) / 1e6 / reference),
        unsigned_mb_per_s=round(len(body) / 1e6 / statistics.median(unsigned)),
        signed_mb_per_s=round(len(body) / 1e6 / statistics.median(signed)),
        unsigned_to_md5=round(reference / statistics.median(unsigned), 2),
        signed_to_md5=round(reference / statistics.median(signed), 2),
        cpu_to_md5=round(statistics.median(cpu) / reference, 2),
    )
    server.stop()
    bench.server = _restart(bench)


def memory(bench: Bench) -> None:
    """PSS when idle after a fresh start, and the rise by a PUT and a GET of a 5 GiB object."""
    bench.server.stop()
    bench.server = _restart(bench)
    bench.call("HEAD", f"/{BUCKET}")
    time.sleep(1)
    idle = bench.server.pss_mb()
    peak = idle
    target = bench.signer.presign("PUT", f"/{BUCKET}/giant")
    piece = bytes(MIB)
    with socket.create_connection(("127.0.0.1", bench.server.port)) as connection:
        head = f"PUT {target} HTTP/1.1\r\nHost: {bench.signer.host}\r\nContent-Length: {bench.huge}"
        connection.sendall(head.encode() + b"\r\n\r\n")
        for number in range(bench.huge // MIB):
            connection.sendall(piece)
            if number % 64 == 0:
                peak = max(peak, bench.server.pss_mb())
        response = http.client.HTTPResponse(connection)
        response.begin()
        if response.status != 200:
            raise RuntimeError(f"the giant PUT was answered with {response.status}")
        response.read()
    put_peak, peak = peak, bench.server.pss_mb()
    with socket.create_connection(("127.0.0.1", bench.server.port)) as connection:
        connection.sendall(bench.signer.request("GET", f"/{BUCKET}/giant"))
        response = http.client.HTTPResponse(connection, method="GET")
        response.begin()
        number = 0
        while response.read(MIB):
            number += 1
            if number % 64 == 0:
                peak = max(peak, bench.server.pss_mb())
    bench.call("DELETE", f"/{BUCKET}/giant")
    bench.note(
        "memory (PSS)",
        size_gib=bench.huge / 1024 / MIB,
        idle_mb=round(idle, 1),
        put_rise_mb=round(put_peak - idle, 1),
        get_rise_mb=round(peak - idle, 1),
    )


def startup(bench: Bench) -> None:
    """``z4 dev`` on an empty directory until its first answered request."""
    times = []
    for run in range(bench.runs):
        folder = bench.work / f"dev-{run}"
        folder.mkdir()
        port = free_port()
        started = time.monotonic()
        process = subprocess.Popen(
            z4("dev", "--data", str(folder / "data"), "--port", str(port)),
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        server = Server("z4 dev", process, port)
        wait_for_port(port)
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/")
        connection.getresponse().read()
        times.append(time.monotonic() - started)
        server.stop()
    bench.note("start of z4 dev", seconds=round(statistics.median(times), 2))


SCENARIOS: dict[str, Callable[[Bench], None]] = {
    "get": get_small,
    "head": head_small,
    "put": put_small,
    "delete": delete_small,
    "list": list_page,
    "get-large": get_large,
    "put-large": put_large,
    "memory": memory,
    "startup": startup,
}


def _median(runs: list[dict[str, Any]], name: str) -> float:
    return statistics.median(run[name] for run in runs)


def _restart(bench: Bench) -> Server:
    return start_z4(bench.data, 0, "--workers", "1", port=bench.server.port)


def _timed_put(port: int, head: bytes, body: bytes) -> float:
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


def _drop_cached(folder: Path) -> None:
    """Give the page cache of synced blob files back: memory that a virtual machine has never used
    is made by its host when it is first written, which takes longer than the upload."""
    for path in folder.rglob("*"):
        if path.is_file() and path.stat().st_size > MIB:
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _send_all(port: int, requests: list[bytes], connections: int = 16) -> None:
    """Send requests over some connections, a window of them pipelined on each."""
    import threading

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


def _generate(bench: Bench, bucket: str, count: int) -> None:
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
    versions = {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "nginx": subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr.strip(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    arguments.out.write_text(json.dumps({"versions": versions, "results": bench.results}, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
