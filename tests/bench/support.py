"""A target that nobody listens on, canned answers, and a server in a thread that gives them."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from z4tw.bench.job import Job
from z4tw.bench.target import Target, parse_target
from z4tw.web.tls import write_self_signed

ID, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def make_target(port: int = 9670, **more: Any) -> Target:
    return parse_target(f"http://127.0.0.1:{port}", ID, SECRET, **more)


def make_job(**changes: Any) -> Job:
    values: dict[str, Any] = {
        "target": make_target(),
        "bucket": "bucket",
        "prefix": "z4-bench-1/",
        "workload": "get",
        "objects": 10,
        "size": 100,
        "concurrency": 2,
        "duration_s": 0.2,
    }
    return Job(**(values | changes))


def read_request(file: Any) -> tuple[str, dict[str, str], bytes] | None:
    """The request line, the headers, and the body; None at the end of the connection."""
    line = file.readline()
    if not line:
        return None
    headers = {}
    while (field := file.readline()) not in (b"\r\n", b""):
        name, _, value = field.decode().partition(":")
        headers[name.lower()] = value.strip()
    return line.decode().strip(), headers, file.read(int(headers.get("content-length", 0)))


Reply = Callable[[str, dict[str, str], bytes], bytes | None]


def make_certificate(folder: Path) -> tuple[str, ssl.SSLContext]:
    """A self-signed certificate for the loopback address, and a context that has its key."""
    certificate, key = str(folder / "tls.crt"), str(folder / "tls.key")
    write_self_signed(certificate, key, ["127.0.0.1"], datetime.datetime.now(datetime.UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context


@contextmanager
def serving(reply: Reply, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A port where every request is answered with the bytes that ``reply`` returns; with None the
    connection is closed. A reply that says ``Connection: close`` is the last one."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                if context is not None:
                    connection = context.wrap_socket(connection, server_side=True)
                file = connection.makefile("rb")
                while (request := read_request(file)) is not None:
                    answer = reply(*request)
                    if answer is None:
                        return
                    connection.sendall(answer)
                    if b"connection: close" in answer.lower():
                        return
            except OSError:
                return
            finally:
                connection.close()

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def ok(body: bytes = b"", status: str = "200 OK", *headers: str) -> bytes:
    """An answer with Content-Length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body
