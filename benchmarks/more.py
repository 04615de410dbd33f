"""Scenarios beyond one worker and one request at a time: versions, half load, two workers,
encryption at rest, idle connections."""

from __future__ import annotations

import http.client
import resource
import socket
import time
import urllib.request

from benchmarks.harness import BUCKET, KIB, MIB, Bench, load, median, restart, send_all
from benchmarks.servers import Server, make_key, processes, start_z4
from benchmarks.signing import Signer, key_path, small_requests, write_requests


def version_pages(bench: Bench) -> None:
    """ListObjectVersions of 1,000, and deletes of single versions, each of a key of its own."""
    bench.call("PUT", "/versions")
    enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    bench.call("PUT", "/versions", "versioning=", enabled)
    count = 5_000
    for _ in range(4):
        puts = [
            bench.signer.request("PUT", key_path("versions", n), body=b"") for n in range(count)
        ]
        send_all(bench.server.port, puts)
    file = bench.file(
        "list-versions",
        (
            bench.signer.request(
                "GET", "/versions", f"key-marker=small%2F{n % 10}&versions=", at=time.time() - n
            )
            for n in range(500)
        ),
    )
    runs = [bench.wrk(bench.server, file, 4, 4) for _ in range(bench.runs)]
    bench.note(
        "LIST 1,000 versions",
        cpu_ms=round(median(runs, "cpu_us") / 1000, 2),
        rate=round(median(runs, "rate")),
    )


def half_rate(bench: Bench) -> None:
    """Latency of a small GET at half of what the server can do, sent without waiting."""
    files = bench.get_requests(anew=True)
    most = median([bench.wrk(bench.server, file, 32, 4) for file in files[:3]], "rate")
    runs = [load(bench.server, file, 64, bench.seconds, most / 2) for file in files]
    bench.note(
        "GET 1 KiB at half of the greatest rate",
        rate=round(most / 2),
        p50_us=median(runs, "p50_us"),
        p99_us=median(runs, "p99_us"),
        p99_to_p50=round(median(runs, "p99_us") / median(runs, "p50_us"), 1),
    )


def beside_the_expirer(bench: Bench) -> None:
    """The latency of GETs at half of the greatest rate while the expirer walks the bucket, again
    and again, and while it does not."""
    rules = (
        b"<LifecycleConfiguration><Rule><ID>r</ID><Filter><Tag><Key>none</Key><Value>x</Value></Tag>"
        b"</Filter><Status>Enabled</Status><Expiration><Days>3650</Days></Expiration></Rule>"
        b"</LifecycleConfiguration>"
    )
    bench.call("PUT", f"/{BUCKET}", "lifecycle=", rules)
    files = bench.get_requests(anew=True)
    most = median([bench.wrk(bench.server, file, 32, 4) for file in files[:2]], "rate")
    runs: dict[str, list[dict[str, float]]] = {"86400": [], "1": []}
    for file in files[:4]:
        for interval in runs:
            bench.server.stop()
            bench.server = start_z4(
                bench.data, 0, "--workers", "1", "--lifecycle-interval", interval,
                port=bench.server.port,
            )  # fmt: skip
            bench.wrk(bench.server, file, 32, 2)
            runs[interval].append(load(bench.server, file, 64, bench.seconds, most / 2))
    bench.server.stop()
    bench.server = restart(bench)
    without, beside = (median(runs[interval], "p99_us") for interval in runs)
    bench.note(
        "GET 1 KiB beside the expirer",
        p99_us=beside,
        p99_without_us=without,
        rise=round(beside / without, 2),
    )


def two_workers(bench: Bench) -> None:
    """CPU per request with one worker and with two, on all cores beside the load generator. What a
    PUT waits for the store process is what its latency at one connection gains by a worker."""
    files = {"GET": bench.get_requests(anew=True)[0]}
    puts = small_requests(bench.signer, "PUT", BUCKET, bench.keys, bench.requests // 3, KIB, 900)
    files["PUT"] = bench.file("put-workers", puts)
    bench.server.stop()
    figures: dict[tuple[str, str], list[dict[str, float]]] = {}
    for _ in range(min(bench.runs, 3)):
        for workers in ("1", "2"):
            # A server on all cores: a worker's figure must not depend on sharing one with another.
            server = start_z4(bench.data, None, "--workers", workers, port=bench.server.port)
            _wait_for_workers(server, int(workers))
            for method, file in files.items():
                before = server.own_cpu_s()
                run = load(server, file, 32, 4)
                run["own_us"] = (server.own_cpu_s() - before) * 1e6 / run["requests"]
                run["one_us"] = load(server, file, 1, 2)["p50_us"]
                figures.setdefault((method, workers), []).append(run)
            server.stop()
    for method in files:
        one, two = figures[method, "1"], figures[method, "2"]
        bench.note(
            f"{method} 1 KiB with two workers",
            cpu_us=round(median(two, "cpu_us"), 1),
            one_worker_cpu_us=round(median(one, "cpu_us"), 1),
            ratio=round(median(two, "cpu_us") / median(one, "cpu_us"), 2),
            store_process_us=round(median(two, "own_us"), 1),
            latency_us=median(two, "one_us"),
            one_worker_latency_us=median(one, "one_us"),
        )
    server = start_z4(bench.data, None, "--workers", "2", port=bench.server.port)
    _wait_for_workers(server, 2)
    time.sleep(1)
    bench.note("memory of the store process and two workers", idle_mb=round(server.pss_mb(), 1))
    server.stop()
    bench.server = restart(bench)


def encrypted(bench: Bench) -> None:
    """GETs of a store that encrypts at rest: 1 KiB, and 10 MiB over 8 connections."""
    data = bench.work / "encrypted"
    credentials = make_key(data)
    server = start_z4(data, 0, "--workers", "1", environ={"Z4_ENCRYPTION_KEY": "5a" * 32})
    signer = Signer(*credentials, f"127.0.0.1:{server.port}")
    send_all(server.port, [signer.request("PUT", f"/{BUCKET}")])
    count = min(bench.keys, 20_000)
    puts = [
        signer.request("PUT", key_path(BUCKET, n), body=bytes([n % 256]) * KIB)
        for n in range(count)
    ]
    send_all(server.port, puts)
    large = [signer.request("PUT", f"/{BUCKET}/large/{n}", body=bytes(10 * MIB)) for n in range(16)]
    send_all(server.port, large, 1)
    file = bench.work / "encrypted-get.requests"
    write_requests(
        file, small_requests(signer, "GET", BUCKET, count, min(bench.requests, 100_000), 0, 5)
    )
    runs = [load(server, file, 32, 4) for _ in range(bench.runs)]
    bench.note(
        "GET 1 KiB, encrypted",
        cpu_us=round(median(runs, "cpu_us"), 1),
        rate=round(median(runs, "rate")),
    )
    gets = (
        signer.request("GET", f"/{BUCKET}/large/{n % 16}", at=time.time() - n // 16)
        for n in range(5_000)
    )
    write_requests(file, gets)
    runs = [load(server, file, 8, 4) for _ in range(bench.runs)]
    bench.note(
        "GET 10 MiB, encrypted",
        cpu_us=round(median(runs, "cpu_us"), 1),
        mb_per_s=round(median(runs, "bytes_per_s") / 1e6),
    )
    server.stop()


def idle_connections(bench: Bench) -> None:
    """The memory that 10,000 idle keep-alive connections take, each after one request."""
    wanted = 10_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    bench.server.stop()
    bench.server = start_z4(
        bench.data, 0, "--workers", "1", "--max-connections", "20000", port=bench.server.port
    )
    bench.call("HEAD", f"/{BUCKET}")
    time.sleep(1)
    before = bench.server.pss_mb()
    request = bench.signer.request("GET", key_path(BUCKET, 1))
    connections: list[socket.socket] = []
    try:
        while len(connections) < min(wanted, hard - 100):
            connection = socket.create_connection(("127.0.0.1", bench.server.port))
            connection.sendall(request)
            response = http.client.HTTPResponse(connection)
            response.begin()
            response.read()
            connections.append(connection)
        bench.note(
            "idle connections",
            count=len(connections),
            rise_mb=round(bench.server.pss_mb() - before, 1),
        )
    finally:
        for connection in connections:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    bench.server.stop()
    bench.server = restart(bench)


def _wait_for_workers(server: Server, count: int) -> None:
    """Until all workers serve: a connection of each is counted in the metrics then."""
    deadline = time.monotonic() + 20
    while len(processes(server.process.pid)) < (1 if count == 1 else 1 + count):
        if time.monotonic() > deadline:
            raise RuntimeError("the workers do not start")
        time.sleep(0.05)
    url = f"http://127.0.0.1:{server.port}/_z4/health/ready"
    for _ in range(20):
        with urllib.request.urlopen(url, timeout=5):
            time.sleep(0.05)
