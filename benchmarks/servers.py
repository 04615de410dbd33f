"""The servers that are measured, each pinned to a core: z4tw, nginx; their CPU and memory."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def processes(root: int) -> list[int]:
    """A process and all its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            parents.setdefault(int(stat.rsplit(")", 1)[1].split()[1]), []).append(int(entry))
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue += parents.get(pid, [])
    return found


class Server:
    """A running server process tree."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], port: int) -> None:
        self.name = name
        self.process = process
        self.port = port

    def cpu_s(self) -> float:
        """CPU time of all processes of the tree so far: utime + stime, in seconds."""
        return sum(map(_cpu_s, processes(self.process.pid)))

    def own_cpu_s(self) -> float:
        """CPU time of the first process alone."""
        return _cpu_s(self.process.pid)

    def pss_mb(self) -> float:
        """Proportional set size of all processes, in MB."""
        total = 0
        for pid in processes(self.process.pid):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        return total / 1000

    def stop(self) -> None:
        """SIGTERM, and wait."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def wait_for_port(port: int, timeout_s: float = 20) -> None:
    """Return when something accepts connections on a loopback port."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def start_nginx(work: Path, core: int | None) -> Server:
    """nginx with one worker serving the files below ``work/www``."""
    port = free_port()
    (work / "www").mkdir(parents=True, exist_ok=True)
    (work / "nginx.conf").write_text(
        f"""daemon off; master_process off; pid {work}/nginx.pid; error_log {work}/nginx.log;
events {{ worker_connections 1024; use epoll; multi_accept on; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
  client_body_temp_path {work}/t1; proxy_temp_path {work}/t2; fastcgi_temp_path {work}/t3;
  uwsgi_temp_path {work}/t4; scgi_temp_path {work}/t5;
  server {{ listen 127.0.0.1:{port} reuseport; root {work}/www; }}
}}
"""
    )
    command = [*_pin(core), "nginx", "-p", str(work), "-c", str(work / "nginx.conf")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    wait_for_port(port)
    return Server("nginx", process, port)


def z4(*arguments: str) -> list[str]:
    """The command line of the installed ``z4`` of this interpreter."""
    return [sys.executable, "-m", "z4tw.cli", *arguments]


def start_z4(
    data: Path,
    core: int | None,
    *options: str,
    port: int = 0,
    environ: dict[str, str] | None = None,
) -> Server:
    """``z4 server`` on a data directory, access log and metrics on."""
    port = port or free_port()
    command = [*_pin(core), *z4("server", "--data", str(data), "--port", str(port), *options)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=(data.parent / "server.err").open("ab"),
        env={**os.environ, **(environ or {})},
    )
    wait_for_port(port)
    return Server("z4tw", process, port)


def make_key(data: Path, name: str = "bench") -> tuple[str, str]:
    """A new access key of a stopped or running server: (id, secret)."""
    done = subprocess.run(
        z4("key", "create", name, "--admin", "--data", str(data), "--json"),
        check=True,
        capture_output=True,
    )
    made = json.loads(done.stdout)
    return made["access_key_id"], made["secret_access_key"]


def _pin(core: int | None) -> list[str]:
    return [] if core is None else ["taskset", "-c", str(core)]
