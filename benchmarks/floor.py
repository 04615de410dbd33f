"""The least that a GET of a small object can cost in Python: a protocol with nothing but the work.

Usage: python benchmarks/floor.py [--objects N] [--seconds S]

Servers that do more and more of what a GET has to, each measured by ``wrk`` beside nginx with the
same signed requests: a fixed answer; one with the signature verified; the row read from a database
of the store's form; an answer's head made from it; a line for the log and a count. They skip
whatever only other requests need, so no server that serves those can be as fast. Needs ``nginx``,
``wrk``, ``taskset``, and an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import os
import subprocess
import sys
import tempfile
import time
from email.utils import formatdate
from functools import lru_cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import apsw
import httptools
import msgspec

from benchmarks.harness import BUCKET, load, median
from benchmarks.servers import Server, free_port, start_nginx, wait_for_port
from benchmarks.signing import REGION, Signer, key_path, small_requests, write_requests

CREDENTIALS = ("Z4FLOORFLOORFLOORFLOO", "floor-floor-floor-floor-floor-floor-flo")
BODY = bytes(1024)
STEPS = ("fixed answer", "signature", "row and body", "answer's head", "log and count")
RUNS = 3
_HEADS = """CREATE TABLE heads(key BLOB PRIMARY KEY, inline_id BLOB, value BLOB) WITHOUT ROWID;
CREATE TABLE inline(id BLOB NOT NULL UNIQUE, data BLOB NOT NULL);"""
_READ = """SELECT value, (SELECT data FROM inline WHERE id = heads.inline_id) FROM heads
    WHERE key = ?"""


class Version(msgspec.Struct, frozen=True, array_like=True):
    """As little of a version as an answer needs."""

    etag: str
    modified: int
    headers: dict[str, str]


@lru_cache(1024)
def http_date(seconds: int) -> str:
    """A date as HTTP writes it."""
    return formatdate(seconds, usegmt=True)


def make_database(path: str, objects: int) -> None:
    """Rows and bodies of the size of real ones."""
    connection = apsw.Connection(path)
    connection.pragma("journal_mode", "WAL")
    connection.execute(_HEADS)
    with connection:
        for number in range(objects):
            key, body_id = key_path(BUCKET, number).encode(), os.urandom(16)
            version = Version(hashlib.md5(key).hexdigest(), 1_700_000_000, {"content-type": "x/y"})
            value = msgspec.msgpack.encode(version) + bytes(150)
            connection.execute("INSERT INTO heads VALUES(?, ?, ?)", (key, body_id, value[:]))
            connection.execute("INSERT INTO inline(id, data) VALUES(?, ?)", (body_id, BODY))
    connection.close()


def serve(port: int, path: str, step: int) -> None:
    """Serve until killed, doing what the steps up to ``step`` ask for."""
    from twisted.internet import epollreactor

    epollreactor.install()
    from twisted.internet import reactor
    from twisted.internet.protocol import Factory, Protocol

    access_key_id, secret = CREDENTIALS
    day = time.strftime("%Y%m%d", time.gmtime())
    key = ("AWS4" + secret).encode()
    for part in (day, REGION, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    connection.pragma("cache_size", -64 * 1024)
    cursor = connection.cursor()
    decode = msgspec.msgpack.Decoder(Version).decode
    log = open(os.devnull, "ab", buffering=65536)  # noqa: SIM115 (open as long as the process)
    counts = {"requests": 0, "bytes": 0}
    fixed = b"HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n" + BODY

    def verified(path: bytes, headers: dict[bytes, bytes]) -> bool:
        text = headers[b"authorization"].decode("ascii")
        signature = text[text.rindex("=") + 1 :]
        names = text[text.index("SignedHeaders=") + 14 : text.rindex(",")]
        if access_key_id not in text:
            return False
        digest = headers[b"x-amz-content-sha256"].decode("ascii")
        signed = "".join(
            f"{name}:{headers[name.encode()].decode('ascii')}\n" for name in names.split(";")
        )
        canonical = f"GET\n{path.decode('ascii')}\n\n{signed}\n{names}\n{digest}"
        date = headers[b"x-amz-date"].decode("ascii")
        to_sign = (
            f"AWS4-HMAC-SHA256\n{date}\n{date[:8]}/{REGION}/s3/aws4_request\n"
            f"{hashlib.sha256(canonical.encode()).hexdigest()}"
        )
        expected = hmac.digest(key, to_sign.encode(), "sha256").hex()
        return hmac.compare_digest(expected, signature)

    class Least(Protocol):
        transport: Any

        def connectionMade(self) -> None:
            self.parser = httptools.HttpRequestParser(self)
            self.transport.setTcpNoDelay(True)

        def dataReceived(self, data: bytes) -> None:
            self.parser.feed_data(data)

        def on_message_begin(self) -> None:
            self.headers: dict[bytes, bytes] = {}

        def on_url(self, url: bytes) -> None:
            self.url = url

        def on_header(self, name: bytes, value: bytes) -> None:
            self.headers[name.lower()] = value

        def on_message_complete(self) -> None:
            if step >= 1 and not verified(self.url, self.headers):
                self.transport.loseConnection()
                return
            if step < 2:
                self.transport.write(fixed)
                return
            value, body = cursor.execute(_READ, (self.url,)).get
            if step < 3:
                self.transport.write(fixed[:-1024] + body)
                return
            version = decode(value[:-150])
            head = (
                f"HTTP/1.1 200 OK\r\nServer: floor\r\nDate: {http_date(int(time.time()))}\r\n"
                f"Content-Length: {len(body)}\r\nAccept-Ranges: bytes\r\n"
                f'ETag: "{version.etag}"\r\n'
                f"Content-Type: {version.headers['content-type']}\r\n"
                f"Last-Modified: {http_date(version.modified)}\r\n\r\n"
            )
            self.transport.write(head.encode("ascii") + body)
            if step >= 4:
                counts["requests"] += 1
                counts["bytes"] += len(body)
                line = f'{time.time()} GET {self.url!r} 200 {len(body)} "{access_key_id}"\n'
                log.write(line.encode())

    reactor.listenTCP(port, Factory.forProtocol(Least), interface="127.0.0.1")
    reactor.run()


def main() -> int:
    """Measure every step beside nginx."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(int(arguments.serve[0]), arguments.serve[1], int(arguments.serve[2]))
        return 0
    with tempfile.TemporaryDirectory(prefix="z4-floor-") as folder:
        work = Path(folder)
        path = str(work / "floor.db")
        make_database(path, arguments.objects)
        nginx = start_nginx(work / "nginx", 0)
        target = work / "nginx" / "www"
        for number in range(arguments.objects):
            file = target / key_path(BUCKET, number)[1:]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(BODY)
        requests = work / "floor.requests"
        costs: dict[str, list[dict[str, Any]]] = {}
        try:
            for run in range(RUNS):
                for step, name in enumerate(STEPS):
                    port = free_port()
                    command = [__file__, "--serve", str(port), path, str(step)]
                    process = subprocess.Popen(["taskset", "-c", "0", sys.executable, *command])
                    wait_for_port(port)
                    server = Server(name, process, port)
                    signer = Signer(*CREDENTIALS, f"127.0.0.1:{port}")
                    gets = small_requests(signer, "GET", BUCKET, arguments.objects, 50_000, 0, run)
                    write_requests(requests, gets)
                    costs.setdefault(name, []).append(load(server, requests, 32, arguments.seconds))
                    server.stop()
                costs.setdefault("nginx", []).append(load(nginx, requests, 32, arguments.seconds))
        finally:
            nginx.stop()
    theirs = median(costs["nginx"], "cpu_us")
    for name, runs in costs.items():
        cost = median(runs, "cpu_us")
        print(f"{name}: {cost:.1f} us, {cost / theirs:.2f} times nginx")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
