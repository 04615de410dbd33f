"""The scenarios of small requests, listings, large bodies, memory and start, beside nginx."""

from __future__ import annotations

import hashlib
import http.client
import socket
import statistics
import subprocess
import time

from benchmarks.harness import (
    BUCKET,
    KIB,
    MIB,
    Bench,
    drop_cached,
    generate,
    median,
    restart,
    send_all,
    timed_put,
)
from benchmarks.servers import Server, free_port, start_z4, wait_for_port, z4
from benchmarks.signing import Signer, key_path, small_requests, write_requests


def get_small(bench: Bench) -> None:
    """Authenticated GET of 1 KiB over all keys, 32 connections; the first run is the cold one."""
    files = bench.get_requests()
    bench.server.stop()
    bench.server = restart(bench)
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
        send_all(bench.server.port, puts)
        deletes = (bench.signer.request("DELETE", key_path("deletes", n)) for n in range(count))
        write_requests(file, deletes)
        yours.append(bench.wrk(bench.nginx, theirs, 32, 2))
        mine.append(bench.wrk(bench.server, file, 32, 1 + run % 2))
    bench.note(
        "DELETE",
        cpu_us=round(median(mine, "cpu_us"), 1),
        ratio=round(median(mine, "cpu_us") / median(yours, "cpu_us"), 2),
        rate=round(median(mine, "rate")),
    )


def list_page(bench: Bench) -> None:
    """ListObjectsV2 pages of 1,000 keys in a small and in a large bucket, and with a delimiter."""
    sizes = {"listed-small": 10_000, "listed-large": bench.many}
    figures: dict[str, float] = {}
    bench.server.stop()
    for bucket, count in sizes.items():
        generate(bench, bucket, count)
    bench.server = restart(bench)
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
        figures[bucket] = median(runs, "cpu_us")
        bench.note(
            f"LIST 1,000 of {count:,}",
            cpu_ms=round(figures[bucket] / 1000, 2),
            rate=round(median(runs, "rate")),
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
            cpu_ms=round(median(runs, "cpu_us") / 1000, 3),
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
        unsigned.append(timed_put(server.port, head.encode(), body))
        cpu.append(server.cpu_s() - before)
        drop_cached(bench.data / BUCKET)
        raw = signer.request("PUT", f"/{BUCKET}/huge/{run % 2}", body=body)
        signed.append(timed_put(server.port, raw[: -len(body)], body))
        drop_cached(bench.data / BUCKET)
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
    bench.server = restart(bench)


def memory(bench: Bench) -> None:
    """PSS when idle after a fresh start, and the rise by a PUT and a GET of a 5 GiB object."""
    bench.server.stop()
    bench.server = restart(bench)
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
