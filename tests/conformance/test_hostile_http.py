"""Hostile HTTP over raw sockets: smuggling, malformed heads, floods, and clients that go away.

Class "request smuggling" (Twisted CVE-2020-10108, CVE-2020-10109, CVE-2022-24801, CVE-2023-46137,
CVE-2024-41671), class "crash or loop on malformed input" (Ceph CVE-2020-12059, Swift
CVE-2026-49017).
"""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.conformance.raw import UNSIGNED, Closed, Reply, Request, Wire
from tests.conformance.world import OBJECT, World, altered, build_world, unharmed
from tests.processes import Key, ServerProcess

HOST = b"Host: 127.0.0.1\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
HEADER_DEADLINE_S = 10.0


@pytest.fixture(scope="module", autouse=True)
def _nothing_breaks(server: ServerProcess) -> Iterator[None]:
    yield from unharmed(server)


@pytest.fixture(scope="module", autouse=True)
def slow(server: ServerProcess) -> Iterator[dict[str, tuple[Wire, float]]]:
    """Connections that begin a head and never end it; they are looked at by the last test."""
    wires = {}
    starts = {"a line": b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", "a word": b"GET"}
    for name, start in starts.items():
        wires[name] = (Wire(server.port, 40.0), time.monotonic())
        wires[name][0].send(start)
    yield wires
    for wire, _ in wires.values():
        wire.close()


@pytest.fixture(scope="module")
def world(server: ServerProcess, alice: Key, bob: Key) -> World:
    return build_world(server, alice, bob)


def put_head(*lines: bytes) -> bytes:
    """The head of an anonymous PUT with further lines."""
    return b"PUT /bucket/key HTTP/1.1\r\n" + HOST + b"".join(lines) + b"\r\n"


def get_head(*lines: bytes) -> bytes:
    return b"GET /bucket/key HTTP/1.1\r\n" + HOST + b"".join(lines) + b"\r\n"


CHUNKED = b"Transfer-Encoding: chunked\r\n"
MALFORMED: dict[str, bytes] = {
    # Two opinions on where the body ends.
    "CL.CL, different": put_head(b"Content-Length: 0\r\n", b"Content-Length: 48\r\n") + SMUGGLED,
    "CL.CL, the same": put_head(b"Content-Length: 5\r\n", b"Content-Length: 5\r\n") + b"hello",
    "CL as a list": put_head(b"Content-Length: 0, 48\r\n") + SMUGGLED,
    "CL.TE": put_head(b"Content-Length: 6\r\n", CHUNKED) + b"0\r\n\r\n" + SMUGGLED,
    "TE.CL": put_head(CHUNKED, b"Content-Length: 4\r\n") + b"5c\r\n" + SMUGGLED + b"0\r\n\r\n",
    "TE.TE": put_head(CHUNKED, b"Transfer-Encoding: identity\r\n") + b"0\r\n\r\n" + SMUGGLED,
    "TE twice": put_head(CHUNKED, CHUNKED) + b"0\r\n\r\n" + SMUGGLED,
    "TE chunked, chunked": put_head(b"Transfer-Encoding: chunked, chunked\r\n") + SMUGGLED,
    "TE chunked, not last": put_head(b"Transfer-Encoding: chunked, gzip\r\n") + SMUGGLED,
    "TE with a space before the colon": put_head(b"Transfer-Encoding : chunked\r\n") + SMUGGLED,
    "TE in a folded line": put_head(b"Transfer-Encoding:\r\n chunked\r\n") + SMUGGLED,
    "TE after a bare LF": put_head(b"X: y\nTransfer-Encoding: chunked\r\n") + SMUGGLED,
    "TE after a bare CR": put_head(b"X: y\rTransfer-Encoding: chunked\r\n") + SMUGGLED,
    # Lengths that are none.
    "CL +10": put_head(b"Content-Length: +10\r\n") + b"0123456789",
    "CL 0x10": put_head(b"Content-Length: 0x10\r\n") + b"0123456789abcdef",
    "CL -1": put_head(b"Content-Length: -1\r\n"),
    "CL 1e1": put_head(b"Content-Length: 1e1\r\n") + b"0123456789",
    "CL with a space inside": put_head(b"Content-Length: 1 0\r\n") + b"0123456789",
    "CL empty": put_head(b"Content-Length:\r\n"),
    "CL above 64 bits": put_head(b"Content-Length: 18446744073709551617\r\n") + b"0",
    "CL of 200 digits": put_head(b"Content-Length: " + b"9" * 200 + b"\r\n"),
    # Chunks that are none: the head is refused already, but nothing of the rest is served.
    "a chunk size with a sign": put_head(CHUNKED) + b"+5\r\nhello\r\n0\r\n\r\n" + SMUGGLED,
    "a chunk size with 0x": put_head(CHUNKED) + b"0x5\r\nhello\r\n0\r\n\r\n" + SMUGGLED,
    "a chunk size above 64 bits": put_head(CHUNKED) + b"1" + b"0" * 16 + b"5\r\nhello" + SMUGGLED,
    "a chunk without its end": put_head(CHUNKED) + b"5\r\nhelloGET / HTTP/1.1\r\n" + SMUGGLED,
    "a chunk line with LF alone": put_head(CHUNKED) + b"5\nhello\r\n0\r\n\r\n" + SMUGGLED,
    # Heads that are none.
    "a folded line": get_head(b"X-One: 1\r\n 2\r\n"),
    "a line folded by a tab": get_head(b"X-One: 1\r\n\t2\r\n"),
    "lines with LF alone": b"GET / HTTP/1.1\nHost: x\n\n",
    "a NUL in a value": get_head(b"X-One: a\0b\r\n"),
    "a NUL in a name": get_head(b"X-\0One: a\r\n"),
    "a NUL in the target": b"GET /bucket/a\0b HTTP/1.1\r\n" + HOST + b"\r\n",
    "an escape in a value": get_head(b"X-One: a\x1b[2Jb\r\n"),
    "a bare CR in a value": get_head(b"X-One: a\rb\r\n"),
    "a space in a name": get_head(b"X One: a\r\n"),
    "an empty name": get_head(b": a\r\n"),
    "a line without a colon": get_head(b"X-One\r\n"),
    "a space in the target": b"GET /bucket/a b HTTP/1.1\r\n" + HOST + b"\r\n",
    "a control character in the target": b"GET /bucket/\x01 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a fragment": b"GET /bucket/key#part HTTP/1.1\r\n" + HOST + b"\r\n",
    "a target without a slash": b"GET bucket/key HTTP/1.1\r\n" + HOST + b"\r\n",
    "an empty target": b"GET  HTTP/1.1\r\n" + HOST + b"\r\n",
    "a target with another scheme": b"GET ftp://127.0.0.1/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "a target with a password": b"GET http://u:p@127.0.0.1/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": get_head(HOST),
    "a Host with a path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a Host with a user": b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
    "a Host with a space": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "two spaces in the request line": b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\n" + HOST + b"\r\n",
    "HTTP/2.0": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/11": b"GET / HTTP/11\r\n" + HOST + b"\r\n",
    "no version": b"GET / FTP/1.1\r\n" + HOST + b"\r\n",
    "a lower-case method": b"get / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method that does not exist": b"FETCH / HTTP/1.1\r\n" + HOST + b"\r\n",
    "CONNECT": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n" + HOST + b"\r\n" + SMUGGLED,
    "an upgrade": get_head(b"Connection: Upgrade\r\n", b"Upgrade: websocket\r\n") + SMUGGLED,
    "an upgrade to HTTP/2": get_head(
        b"Connection: Upgrade, HTTP2-Settings\r\n",
        b"Upgrade: h2c\r\n",
        b"HTTP2-Settings: AAMAAABk\r\n",
    ),
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 500,
    "blank lines without end": b"\r\n" * 100,
    "noise": bytes(range(256)) * 4,
    "a header of 1 MB": get_head(b"X-One: " + b"a" * 1_000_000 + b"\r\n"),
    "a header name of 1 MB": get_head(b"X" * 1_000_000 + b": a\r\n"),
    "a target of 1 MB": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method of 1 MB": b"G" * 1_000_000,
    "10,000 headers": get_head(b"".join(b"X-%d: 1\r\n" % n for n in range(10_000))),
    "10,000 short headers": get_head(b"a:\r\n" * 10_000),
    "101 headers": get_head(b"".join(b"a%d:\r\n" % n for n in range(101))),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_http_is_refused_once_and_the_connection_ends(
    name: str, server: ServerProcess
) -> None:
    """One 400 (501 for transfer codings that are not there), as XML, and nothing after it: what
    was smuggled behind it is not served."""
    with Wire(server.port) as wire:
        wire.send_what_it_takes(MALFORMED[name])
        try:
            reply = wire.reply()
        except Closed:
            # A flood may be cut off by a reset that overtakes the answer.
            assert len(MALFORMED[name]) > 500_000
            return
        assert reply.status in (400, 403, 501), reply
        # 403: it is the anonymous request that is refused, before its body is looked at.
        assert reply.status != 403 or name.startswith("a chunk"), reply
        assert reply.headers["content-type"] == "application/xml"
        assert reply.field("RequestId") == reply.headers["x-amz-request-id"]
        assert reply.code in (
            "BadRequest",
            "NotImplemented",
            "RequestHeaderSectionTooLarge",
            "AccessDenied",
            "InvalidURI",
        )
        assert wire.ended()


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize(
    "name", ["CL.TE", "TE.CL", "TE after a bare LF", "a folded line", "CL +10"]
)
def test_smuggling_in_small_pieces_is_refused_too(
    name: str, size: int, server: ServerProcess
) -> None:
    with Wire(server.port) as wire:
        data = MALFORMED[name]
        for at in range(0, len(data), size):
            wire.send_what_it_takes(data[at : at + size])
        assert wire.reply().status == 400
        assert wire.ended()


def test_the_body_of_a_put_is_never_the_next_request(world: World) -> None:
    """A body that looks like a request is a body, whole or in pieces, and with chunked coding."""
    path = f"/{world.names['bucket']}/looks"
    signed = world.alice.signer.sign(Request("PUT", path, body=SMUGGLED)).request
    with Wire(world.server.port) as wire:
        assert wire.ask(signed).status == 200
        chunked = world.alice.signer.sign(
            Request(
                "PUT",
                path,
                headers={"Transfer-Encoding": "chunked"},
                body=b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n",
            ),
            UNSIGNED,
        ).request
        assert wire.ask(chunked).code == "MissingContentLength"
        got = wire.ask(world.alice.signer.sign(Request("GET", path)).request)
        assert got.body == SMUGGLED


def test_a_get_with_a_body_does_not_confuse_what_follows(world: World) -> None:
    path = f"/{world.names['bucket']}/object"
    signed = world.alice.signer.sign(Request("GET", path, body=SMUGGLED)).request
    with Wire(world.server.port) as wire:
        wire.send(signed.wire() + world.alice.signer.sign(Request("GET", path)).request.wire())
        assert [wire.reply().body, wire.reply().body] == [OBJECT, OBJECT]


@pytest.mark.parametrize(
    "method", ["TRACE", "PATCH", "PROPFIND", "MKCOL", "LINK", "SEARCH", "PURGE", "LOCK", "M-SEARCH"]
)
def test_other_methods_are_not_allowed(method: str, world: World) -> None:
    """TRACE in particular does not send back what it was sent (cross-site tracing)."""
    for path in ("/", f"/{world.names['bucket']}", f"/{world.names['bucket']}/object"):
        request = world.alice.signer.sign(Request(method, path).with_headers(x_amz_meta_s="secret"))
        reply = world.alice.send(request.request)
        assert (reply.status, reply.code) == (405, "MethodNotAllowed")
        assert reply.headers["allow"]
        assert b"secret" not in reply.body


def test_a_method_override_changes_nothing(world: World) -> None:
    path = f"/{world.names['bucket']}/object"
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        assert world.alice.ask("GET", path, **{name: "DELETE"}).status == 200
    assert world.alice.ask("GET", path, "_method=DELETE").status == 200


def test_pipelined_requests_are_answered_in_their_order(world: World) -> None:
    """Mixed operations in one piece: each sees what those before it did."""
    bucket = f"/{world.names['bucket']}"
    requests: list[Request] = []
    expected: list[tuple[int, bytes | None]] = []

    def add(
        method: str,
        path: str,
        status: int,
        body: bytes | None = None,
        query: str = "",
        data: bytes = b"",
    ) -> None:
        requests.append(world.alice.signer.sign(Request(method, path, query, body=data)).request)
        expected.append((status, body))

    for number in range(12):
        key = f"{bucket}/pipelined{number}"
        data = f"{number}".encode() * (1 if number % 3 else 9000)
        add("GET", key, 404)
        add("PUT", key, 200, b"", data=data)
        add("HEAD", key, 200, b"")
        add("GET", key, 200, data)
        add("GET", f"{bucket}", 200, query="list-type=2&max-keys=1")
        add("POST", f"{bucket}", 400, query="delete", data=b"<bad")
        add("DELETE", key, 204, b"")
        add("GET", key, 404)
    with Wire(world.server.port) as wire:
        sender = threading.Thread(
            target=wire.send, args=(b"".join(request.wire() for request in requests),)
        )
        sender.start()
        for request, (status, body) in zip(requests, expected, strict=True):
            reply = wire.reply(request.method)
            assert reply.status == status, (request, reply)
            assert body is None or reply.body == body
        sender.join()


def test_what_follows_a_malformed_request_is_not_served(world: World) -> None:
    bucket = f"/{world.names['bucket']}"
    good = world.alice.signer.sign(Request("GET", f"{bucket}/object")).request.wire()
    harm = world.alice.signer.sign(Request("DELETE", f"{bucket}/object")).request.wire()
    with Wire(world.server.port) as wire:
        wire.send(good + b"GET / HTTP/1.1\r\nHost: x\r\nBad Name: 1\r\n\r\n" + harm)
        assert wire.reply().body == OBJECT
        assert wire.reply().status == 400
        assert wire.ended()
    assert world.alice.do("GET", f"{bucket}/object").body == OBJECT


def test_a_half_closed_client_gets_all_its_answers(world: World) -> None:
    path = f"/{world.names['bucket']}/object"
    request = world.alice.signer.sign(Request("GET", path)).request.wire()
    with Wire(world.server.port) as wire:
        wire.send(request * 20)
        wire.socket.shutdown(socket.SHUT_WR)
        assert [wire.reply().body for _ in range(20)] == [OBJECT] * 20
        assert wire.ended()


def test_a_half_closed_client_in_the_middle_of_a_head_gets_nothing(server: ServerProcess) -> None:
    with Wire(server.port) as wire:
        wire.send(b"GET / HTTP/1.1\r\nHost")
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.ended()


def gauge(world: World, name: str) -> int:
    """A gauge of the server's metrics."""
    with Wire(world.server.port) as wire:
        text = wire.ask(Request("GET", "/_z4/metrics", headers={"Host": "x"})).body.decode()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name} ")))


def test_clients_that_go_away_in_the_middle_of_an_answer_cost_nothing(world: World) -> None:
    """Their requests end, and their connections are gone."""
    path = f"/{world.names['bucket']}/large"
    body = b"large" * 2_000_000
    world.alice.do("PUT", path, body=body)
    request = world.alice.signer.sign(Request("GET", path)).request.wire()
    before = gauge(world, "z4_open_connections")
    for number in range(20):
        with Wire(world.server.port) as wire:
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            wire.send(request)
            if number % 2:
                wire.socket.recv(1000)
    assert world.alice.do("GET", path).body == body
    deadline = time.monotonic() + 10
    while gauge(world, "z4_requests_in_flight") > 1 or (
        gauge(world, "z4_open_connections") > before + 2
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("length", [10**7, 10**12, 2**62])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
def test_a_giant_content_length_is_not_waited_for(
    method: str, length: int, server: ServerProcess
) -> None:
    """A refused request whose body is too long to be thrown away ends its connection."""
    head = f"{method} /bucket/key HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()
    with Wire(server.port) as wire:
        wire.send(head + b"some")
        reply = wire.reply(method)
        assert reply.status in (403, 405)
        assert reply.closes


@pytest.mark.parametrize("value", [
    "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 2000, 2)),
    "bytes=" + "0-," * 4000,
    "bytes=0-9,0-9,0-9,0-9",
    "bytes=" + "9" * 12_000 + "-",
    "bytes=-" + "9" * 12_000,
    "bytes=0-" + "9" * 12_000,
    "bytes=" + "0" * 12_000 + "1-" + "0" * 100 + "2",
    "bytes=1-0", "bytes=--1", "bytes=a-b", "bytes=\u00b2-", "bytes=0x0-0x1", "bytes", "=",
    "items=0-1", "bytes=0 - 1", "bytes=+0-1",
])  # fmt: skip
def test_range_floods_cost_one_body_at_most(value: str, world: World) -> None:
    """Several ranges and bad ones are ignored; there is never more than the object."""
    request = world.alice.signer.sign(
        Request("GET", f"/{world.names['bucket']}/object", headers={"Range": value}),
    ).request
    reply = world.alice.send(request)
    assert reply.status in (200, 206, 416)
    if reply.status < 300:
        assert len(reply.body) <= len(OBJECT)
        assert reply.body in OBJECT


def test_http_1_0(world: World) -> None:
    """Answered, without chunked coding, and closed unless it asks for more."""
    path = f"/{world.names['bucket']}/object"
    request = world.alice.signer.sign(Request("GET", path)).request
    old = request.wire().replace(b"HTTP/1.1", b"HTTP/1.0")
    with Wire(world.server.port) as wire:
        reply = wire.ask(old, "GET")
        assert (reply.status, reply.body, reply.closes) == (200, OBJECT, True)
        assert wire.ended()
    kept = altered(request, connection="keep-alive").wire().replace(b"HTTP/1.1", b"HTTP/1.0")
    with Wire(world.server.port) as wire:
        for _ in range(2):
            reply = wire.ask(kept, "GET")
            assert (reply.body, reply.headers["connection"]) == (OBJECT, "keep-alive")
    with Wire(world.server.port) as wire:
        assert wire.ask(b"GET / HTTP/1.0\r\n\r\n").code == "AccessDenied"
    with Wire(world.server.port) as wire:
        reply = wire.ask(b"PUT /bucket/key HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        assert reply.status == 400


def test_the_absolute_form_names_the_host(world: World) -> None:
    """RFC 9112 section 3.2.2: its authority counts, whatever the Host header says."""
    path = f"/{world.names['bucket']}/object"
    request = world.alice.signer.sign(Request("GET", path)).request
    target = f"http://{world.alice.host}{path}".encode()
    data = request.wire().replace(f"GET {path} ".encode(), b"GET " + target + b" ")
    with Wire(world.server.port) as wire:
        assert wire.ask(data, "GET").body == OBJECT
        other = data.replace(f"Host: {world.alice.host}".encode(), b"Host: elsewhere")
        assert wire.ask(other).body == OBJECT
        moved = data.replace(target, b"http://elsewhere" + path.encode())
        assert wire.ask(moved).code == "SignatureDoesNotMatch"


def test_a_server_wide_options_request_tells_nothing(server: ServerProcess) -> None:
    with Wire(server.port) as wire:
        reply = wire.ask(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (reply.status, reply.body) == (200, b"")


def test_idle_connections_keep_nobody_out(world: World) -> None:
    wires = [Wire(world.server.port) for _ in range(200)]
    try:
        for wire in wires[::2]:
            wire.send(b"GET /")
        assert world.alice.do("GET", f"/{world.names['bucket']}/object").body == OBJECT
    finally:
        for wire in wires:
            wire.close()


def test_the_server_says_nothing_of_its_software_versions(server: ServerProcess) -> None:
    with Wire(server.port) as wire:
        reply: Reply = wire.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert reply.headers["server"] == "z4tw"


def test_a_body_arrives_whole_however_it_is_cut(world: World) -> None:
    path = f"/{world.names['bucket']}/pieces"
    body = bytes(range(256)) * 40
    data = world.alice.signer.sign(Request("PUT", path, body=body)).request.wire()
    for size in (1, 13, 1460):
        with Wire(world.server.port) as wire:
            for at in range(0, len(data), size):
                wire.send(data[at : at + size])
            assert wire.reply("PUT").headers["etag"] == f'"{hashlib.md5(body).hexdigest()}"'


def test_a_head_that_does_not_end_is_given_up(slow: dict[str, tuple[Wire, float]]) -> None:
    """Class "slowloris": the deadline counts from the first byte, not from the last one. The
    connections were opened when this module began, so that little is waited for here."""
    for wire, since in slow.values():
        reply = wire.reply()
        assert (reply.status, reply.code) == (400, "RequestTimeout")
        assert wire.ended()
        assert time.monotonic() - since < HEADER_DEADLINE_S + 25
