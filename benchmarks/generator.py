"""Measure the load generator of ``z4 bench`` itself: what one core of it can ask for.

Usage: python benchmarks/generator.py [--seconds S] [--workload get] [--responder python|nginx]

The figure is requests per second of CPU time of the generator's process. The responder is a process
of its own that reads a request and sends the same canned answer (1 KiB), or nginx with files of 1
KiB when that is installed: neither needs to be fast, since the responder's time is not counted.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import select
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.servers import start_nginx
from z4tw.bench.crew import Crew
from z4tw.bench.figures import latency
from z4tw.bench.job import Job
from z4tw.bench.target import parse_target

GOAL = 15_000
BODY = b"x" * 1024
ANSWER = b"HTTP/1.1 200 OK\r\nServer: canned\r\nContent-Length: 1024\r\n\r\n" + BODY


def respond(listening: socket.socket, body_size: int) -> None:
    """Answer every request, all of whose bytes are waited for."""
    epoll = select.epoll()
    listening.setblocking(False)
    epoll.register(listening.fileno(), select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    rest: dict[int, bytes] = {}
    while True:
        for fd, _ in epoll.poll():
            if fd == listening.fileno():
                sock, _ = listening.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connections[sock.fileno()] = sock
                epoll.register(sock.fileno(), select.EPOLLIN)
                continue
            try:
                data = connections[fd].recv(1 << 20)
            except ConnectionResetError:
                data = b""
            if not data:
                epoll.unregister(fd)
                connections.pop(fd).close()
                rest.pop(fd, None)
                continue
            data = rest.pop(fd, b"") + data
            end = data.find(b"\r\n\r\n")
            if end < 0 or len(data) < end + 4 + body_size:
                rest[fd] = data
                continue
            connections[fd].sendall(ANSWER)


def measure(port: int, workload: str, seconds: float, concurrency: int) -> dict[str, Any]:
    """Run one generator process against the responder."""
    target = parse_target(f"http://127.0.0.1:{port}", "AKIDEXAMPLE", "secret")
    job = Job(target, "bench", "p/", workload, 1000, len(BODY), concurrency, seconds)
    measured = Crew(lambda measured: False).run([job])
    return {
        "workload": workload,
        "connections": concurrency,
        "requests": measured.requests,
        "errors": dict(measured.errors),
        "requests_per_s": round(measured.rate),
        "cpu_s": round(measured.cpu_s, 3),
        "requests_per_cpu_s": round(measured.requests / measured.cpu_s),
        "latency_ms": latency(measured.histogram()),
    }


def files(root: Path) -> None:
    """The objects as files, for nginx."""
    for number in range(1000):
        path = root / f"bench/p/objects/{number % 100:02d}/{number:07d}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(BODY)


def main() -> int:
    """Print the figures; 1 when the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--workload", choices=("get", "put"), default="get")
    parser.add_argument("--responder", choices=("python", "nginx"), default="python")
    parser.add_argument("--connections", type=int, default=32)
    arguments = parser.parse_args()
    if arguments.responder == "nginx":
        work = Path(tempfile.mkdtemp(prefix="z4-generator-"))
        files(work / "www")
        nginx = start_nginx(work, None)
        try:
            figures = measure(
                nginx.port, arguments.workload, arguments.seconds, arguments.connections
            )
        finally:
            nginx.stop()
            shutil.rmtree(work)
    else:
        listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        body_size = len(BODY) if arguments.workload == "put" else 0
        responder = multiprocessing.get_context("fork").Process(
            target=respond, args=(listening, body_size), daemon=True
        )
        responder.start()
        try:
            port = listening.getsockname()[1]
            figures = measure(port, arguments.workload, arguments.seconds, arguments.connections)
        finally:
            responder.terminate()
            responder.join()
    print(json.dumps(figures, indent=1))
    return 0 if figures["requests_per_cpu_s"] >= GOAL and not figures["errors"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
