"""Load at a steady rate, whatever the answers do: what clients that do not wait for others see.

Usage: python benchmarks/steady.py PORT FILE CONNECTIONS SECONDS RATE

Sends the prepared requests of FILE, RATE of them a second, each on a connection that is free then,
and prints a line of JSON as ``requests.lua`` does. A time begins when the request was due, so that
a server that stalls is charged for all that it kept waiting (Tene, "How not to measure latency").
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from collections import deque
from itertools import cycle
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.heads import GOOD, read_requests


def main(port: int, path: Path, connections: int, seconds: float, rate: float) -> None:
    """Send until the time is over, then wait for what is under way."""
    requests = cycle(read_requests(path))
    poll = select.epoll()
    sockets: dict[int, socket.socket] = {}
    for _ in range(connections):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[connection.fileno()] = connection
        poll.register(connection.fileno(), select.EPOLLIN)
    free = deque(sockets)
    due_at: dict[int, float] = {}
    left: dict[int, int] = {}
    times: list[float] = []
    received = errors = bad = 0
    started = now = time.perf_counter()
    sent, count = 0, int(seconds * rate)
    while len(times) + errors < count and now - started < 2 * seconds + 5:
        while sent < count and free and started + sent / rate <= now:
            fd = free.popleft()
            due_at[fd], left[fd] = started + sent / rate, 0
            sockets[fd].sendall(next(requests))
            sent += 1
        wait = started + sent / rate - now if sent < count and free else 1.0
        for fd, _ in poll.poll(max(wait, 0)):
            data = sockets[fd].recv(262144)
            received += len(data)
            if not left[fd]:
                at = data.find(b"\r\n\r\n")
                if at < 0:
                    errors += 1  # closed, or a head in pieces, which no answer here has
                    poll.unregister(fd)
                    continue
                bad += not data.startswith(GOOD)
                left[fd] = at + 4 + _length(data[:at])
            left[fd] -= len(data)
            if not left[fd]:
                times.append(time.perf_counter() - due_at[fd])
                free.append(fd)
        now = time.perf_counter()
    times.sort()
    print(
        json.dumps(
            {
                "requests": len(times), "duration_us": int((now - started) * 1e6),
                "bytes": received, "errors": errors + count - len(times), "bad_status": bad,
                "p50_us": int(times[len(times) // 2] * 1e6),
                "p99_us": int(times[len(times) * 99 // 100] * 1e6),
                "max_us": int(times[-1] * 1e6),
            }
        )
    )  # fmt: skip


def _length(head: bytes) -> int:
    at = head.lower().find(b"\r\ncontent-length:")
    return int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


if __name__ == "__main__":
    main(
        int(sys.argv[1]),
        Path(sys.argv[2]),
        int(sys.argv[3]),
        float(sys.argv[4]),
        float(sys.argv[5]),
    )
