"""The whole front on real sockets, with clients of the standard library in a thread."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import socket
import ssl
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.web.support import Service, Source, document, get, parse_answers
from z4tw.errors import AccessDenied
from z4tw.interfaces import Exchange, S3Response
from z4tw.web.limits import HttpLimits
from z4tw.web.metrics import Metrics
from z4tw.web.resources import RootResource, S3Leaf
from z4tw.web.responder import Responder
from z4tw.web.site import Z4Site
from z4tw.web.tls import ReloadableContext, write_self_signed

reactor: Any = global_reactor
KIB = 1024
MIB = 1024 * KIB
TIMEOUT_S = 20


def raw_exchange(port: int, data: bytes, half_close: bool = False) -> bytes:
    """Send bytes and read until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as client:
        client.sendall(data)
        if half_close:
            client.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := client.recv(65536):
            answer += piece
        return answer


class SocketTestCase(TestCase):
    def setUp(self) -> None:
        self.service = Service()
        self.metrics = Metrics()
        responder = Responder(
            metrics=self.metrics, access_log=None, now=reactor.seconds, host_id="node1",
            error_document=document,
        )  # fmt: skip
        root = RootResource(S3Leaf(self.service, responder), responder, ready=lambda: True)
        self.site = Z4Site(
            root, responder, self.metrics, reactor=reactor, now=reactor.seconds,
            request_id_seed=1, limits=HttpLimits(),
        )  # fmt: skip
        self.listen()
        self.addCleanup(self.close)

    def listen(self) -> None:
        self.port = reactor.listenTCP(0, self.site, interface="127.0.0.1")

    async def close(self) -> None:
        await self.port.stopListening()
        drained = self.site.begin_drain()
        self.site.abort_all()
        await drained

    def client(self, port: int) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)

    def in_thread(self, work: Callable[[int], Any]) -> Deferred[Any]:
        return deferToThread(work, self.port.getHost().port)


class TransferTests(SocketTestCase):
    async def test_many_requests_on_one_connection(self) -> None:
        def work(port: int) -> list[bytes]:
            bodies = []
            with contextlib.closing(self.client(port)) as client:
                for number in range(50):
                    client.request("GET", f"/b/{number}")
                    bodies.append(client.getresponse().read())
            return bodies

        self.assertEqual(await self.in_thread(work), [b"/b/%d" % n for n in range(50)])

    async def test_a_large_body_comes_in_whole(self) -> None:
        async def answer(exchange: Exchange) -> S3Response:
            digest = hashlib.sha256()
            while piece := await exchange.body.read():
                self.assertLessEqual(len(piece), 1280 * KIB)
                digest.update(piece)
            sizes.append({channel.transport.bufferSize for channel in self.site._channels})
            return S3Response(200, [], digest.hexdigest().encode())

        sizes: list[set[int]] = []
        self.service.answer = answer
        data = bytes(range(256)) * (32 * KIB)

        def work(port: int) -> list[bytes]:
            with contextlib.closing(self.client(port)) as client:
                client.request("PUT", "/b/k", data)
                first = client.getresponse().read()
                chunks = [data[at : at + 99_999] for at in range(0, len(data), 99_999)]
                client.request("PUT", "/b/k", iter(chunks), encode_chunked=True)
                second = client.getresponse().read()
                client.request("GET", "/b/k")
                return [first, second, client.getresponse().read()]

        expected = hashlib.sha256(data).hexdigest().encode()
        none = hashlib.sha256().hexdigest().encode()
        self.assertEqual(await self.in_thread(work), [expected, expected, none])
        # Much is read at a time, but only of long bodies.
        self.assertEqual(sizes, [{MIB}, {MIB}, {64 * KIB}])

    async def test_a_large_answer_goes_out_whole(self) -> None:
        pieces = [bytes([number]) * (256 * KIB) for number in range(64)]
        source = Source(16 * MIB, list(pieces))

        async def answer(exchange: Exchange) -> S3Response:
            return S3Response(200, [], source)

        self.service.answer = answer

        def work(port: int) -> bytes:
            with contextlib.closing(self.client(port)) as client:
                client.request("GET", "/b/k")
                return client.getresponse().read()

        received = await self.in_thread(work)
        self.assertEqual(
            hashlib.sha256(received).digest(), hashlib.sha256(b"".join(pieces)).digest()
        )
        self.assertEqual(source.closed, 1)

    async def test_a_client_that_does_not_read_stops_the_source(self) -> None:
        source = Source(1000 * MIB, [b"x" * MIB] * 1000)
        stalled: Deferred[None] = Deferred()

        async def answer(exchange: Exchange) -> S3Response:
            return S3Response(200, [], source)

        self.service.answer = answer
        with contextlib.closing(socket.socket()) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * KIB)
            client.connect(("127.0.0.1", self.port.getHost().port))
            client.sendall(get())

            def look(asked: int) -> None:
                if asked and source.asked == asked:
                    stalled.callback(None)
                else:
                    reactor.callLater(0.05, look, source.asked)

            look(0)
            await stalled
            self.assertLess(source.asked, 50)
            self.assertEqual(source.closed, 0)
            [channel] = self.site._channels
            self.assertTrue(channel.write_paused)
        while not source.closed:
            turn: Deferred[None] = Deferred()
            reactor.callLater(0.01, turn.callback, None)
            await turn

    async def test_expect_is_answered_before_the_body_is_sent(self) -> None:
        self.service.answer = self.service.echo_body
        head = get(b"/b/k", b"Content-Length: 5", b"Expect: 100-continue", method=b"PUT")

        def work(port: int) -> tuple[bytes, bytes]:
            with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as client:
                client.sendall(head)
                first = client.recv(65536)
                client.sendall(b"hello")
                return first, client.recv(65536)

        first, second = await self.in_thread(work)
        self.assertEqual(first, b"HTTP/1.1 100 Continue\r\n\r\n")
        self.assertEqual(parse_answers(second)[0][2], b"hello")


class EndTests(SocketTestCase):
    async def test_hostile_bytes_are_answered_and_the_answer_arrives(self) -> None:
        """More is sent than the server reads: the answer must not be lost to a reset."""
        raw = b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + b"x" * 200_000
        answer = await self.in_thread(lambda port: raw_exchange(port, raw, half_close=True))
        self.assertEqual(parse_answers(answer)[0][0], 400)

    async def test_a_half_closed_client_gets_all_answers(self) -> None:
        raw = get(b"/1") + get(b"/2")
        answer = await self.in_thread(lambda port: raw_exchange(port, raw, half_close=True))
        self.assertEqual([body for _, _, body in parse_answers(answer)], [b"/1", b"/2"])

    async def test_a_refused_body_does_not_cost_the_answer_or_the_connection(self) -> None:
        async def answer(exchange: Exchange) -> S3Response:
            raise AccessDenied

        self.service.answer = answer

        def work(port: int) -> list[int]:
            statuses = []
            with contextlib.closing(self.client(port)) as client:
                for _ in range(3):
                    client.request("PUT", "/b/k", b"x" * (500 * KIB))
                    response = client.getresponse()
                    response.read()
                    statuses.append(response.status)
            return statuses

        self.assertEqual(await self.in_thread(work), [403, 403, 403])
        self.assertEqual(len(self.service.exchanges), 3)

    async def test_a_broken_source_gives_the_client_an_incomplete_answer(self) -> None:
        source = Source(4 * MIB, [b"x" * MIB, OSError(5, "I/O error")])

        async def answer(exchange: Exchange) -> S3Response:
            return S3Response(200, [], source)

        self.service.answer = answer

        def work(port: int) -> str:
            with contextlib.closing(self.client(port)) as client:
                client.request("GET", "/b/k")
                try:
                    client.getresponse().read()
                except (http.client.IncompleteRead, ConnectionError) as error:
                    return type(error).__name__
            return "complete"

        self.assertNotEqual(await self.in_thread(work), "complete")
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)


class TlsTests(SocketTestCase):
    def listen(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.certificate = str(Path(directory.name, "cert.pem"))
        key = str(Path(directory.name, "key.pem"))
        write_self_signed(self.certificate, key, [], datetime.now(UTC))
        context = ReloadableContext(self.certificate, key)
        self.port = reactor.listenSSL(0, self.site, context, interface="127.0.0.1")

    def client(self, port: int) -> http.client.HTTPConnection:
        context = ssl.create_default_context(cafile=self.certificate)
        return http.client.HTTPSConnection("127.0.0.1", port, timeout=TIMEOUT_S, context=context)

    async def test_requests_over_tls(self) -> None:
        names: list[tuple[str, str]] = []

        async def answer(exchange: Exchange) -> S3Response:
            names.append(next(iter(self.site._channels)).tls_names)
            if exchange.head.method == "GET":
                return S3Response(200, [], Source(4 * MIB, [b"x" * MIB] * 4))
            return await self.service.echo_body(exchange)

        self.service.answer = answer

        def work(port: int) -> list[int]:
            sizes = []
            with contextlib.closing(self.client(port)) as client:
                for method, body in (("PUT", b"x" * (3 * MIB)), ("GET", None), ("PUT", b"y")):
                    client.request(method, "/b/k", body)
                    sizes.append(len(client.getresponse().read()))
            return sizes

        self.assertEqual(await self.in_thread(work), [3 * MIB, 4 * MIB, 1])
        self.assertTrue(all(exchange.head.secure for exchange in self.service.exchanges))
        self.assertTrue(names[0][0].startswith("TLS_"), names)
        self.assertEqual(names[0][1], "TLSv1.3")
        self.assertEqual(self.service.exchanges[0].head.peer, "127.0.0.1")

    async def test_a_refused_body_over_tls_does_not_cost_the_answer(self) -> None:
        async def answer(exchange: Exchange) -> S3Response:
            raise AccessDenied

        self.service.answer = answer

        def work(port: int) -> int:
            with contextlib.closing(self.client(port)) as client:
                client.putrequest("PUT", "/b/k")
                client.putheader("Content-Length", str(2 * MIB))
                client.endheaders()
                client.send(b"x" * (600 * KIB))
                response = client.getresponse()
                response.read()
                return response.status

        self.assertEqual(await self.in_thread(work), 403)

    async def test_an_idle_tls_client_does_not_hold_the_drain_up(self) -> None:
        def work(port: int) -> http.client.HTTPConnection:
            client = self.client(port)
            client.request("GET", "/b/k")
            client.getresponse().read()
            return client

        client = await self.in_thread(work)
        self.assertEqual(self.site.open_connections, 1)
        await self.site.begin_drain()
        self.assertEqual(self.site.open_connections, 0)
        client.close()
