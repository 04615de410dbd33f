"""Load for HEAD, which wrk cannot make: it waits for the body that an answer's length announces.

Usage: python benchmarks/heads.py PORT FILE CONNECTIONS SECONDS

Sends the prepared requests of FILE in turn and prints a line of JSON as ``requests.lua`` does.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time
from itertools import cycle
from pathlib import Path

GOOD = b"HTTP/1.1 200 "


def read_requests(path: Path) -> list[bytes]:
    """The requests of a file of ``benchmarks.signing.write_requests``."""
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def main(port: int, path: Path, connections: int, seconds: float) -> None:
    """One request at a time on each connection, until the time is over."""
    requests = cycle(read_requests(path))
    poll = select.epoll()
    sockets, sent_at = {}, {}
    for _ in range(connections):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[connection.fileno()] = connection
        poll.register(connection.fileno(), select.EPOLLIN)
    started = time.perf_counter()
    for fd, connection in sockets.items():
        sent_at[fd] = started
        connection.sendall(next(requests))
    times: list[float] = []
    received = errors = bad = 0
    now = started
    while now - started < seconds:
        for fd, _ in poll.poll(1):
            answer = sockets[fd].recv(65536)
            now = time.perf_counter()
            if not answer.endswith(b"\r\n\r\n"):
                errors += 1  # closed, or not whole: an answer without a body comes in one piece
                poll.unregister(fd)
                continue
            bad += not answer.startswith(GOOD)
            received += len(answer)
            times.append(now - sent_at[fd])
            sent_at[fd] = now
            sockets[fd].sendall(next(requests))
    times.sort()
    print(
        json.dumps(
            {
                "requests": len(times), "duration_us": int((now - started) * 1e6),
                "bytes": received, "errors": errors, "bad_status": bad,
                "p50_us": int(times[len(times) // 2] * 1e6),
                "p99_us": int(times[len(times) * 99 // 100] * 1e6),
                "max_us": int(times[-1] * 1e6),
            }
        )
    )  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
