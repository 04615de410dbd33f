"""The sink that posts, against a receiver of Twisted Web on the loopback."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import error
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.ssl import DefaultOpenSSLContextFactory
from twisted.trial.unittest import TestCase
from twisted.web.client import RequestTransmissionFailed, ResponseNeverReceived
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site
from zope.interface.verify import verifyObject

from z4tw.interfaces import IEventSink, IPluginFactory
from z4tw.plugins.registry import Ports
from z4tw.plugins.webhook import ANSWER_BYTES, DeliveryRefused, webhook
from z4tw.testing.offload import InlineOffload
from z4tw.web.tls import write_self_signed

reactor: Any = global_reactor


class Receiver(Resource):
    """Notes requests, and answers with what ``answer`` does to them."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.got: list[tuple[str, Any, dict[str, str]]] = []
        self.answer: Callable[[Request], Any] = lambda request: b""

    def render(self, request: Request) -> Any:
        headers = {
            name.decode().lower(): values[0].decode()
            for name, values in request.requestHeaders.getAllRawHeaders()
        }
        body = request.content.read()
        self.got.append((request.method.decode(), json.loads(body), headers))
        return self.answer(request)


class WebhookTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.receiver = Receiver()
        self.site = Site(self.receiver)
        self.site.noisy = False
        self.directory = Path(tempfile.mkdtemp(prefix="z4tw-test-"))
        self.port = reactor.listenTCP(0, self.site, interface="127.0.0.1")
        self.url = f"http://127.0.0.1:{self.port.getHost().port}/hook?a=b"
        self.sinks: list[Any] = []

    async def tearDown(self) -> None:
        for sink in self.sinks:
            await sink._agent._pool.closeCachedConnections()
        await self.port.stopListening()

    def make(self, **options: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in options.items()}
        ports = Ports(reactor, str(self.directory), {}, InlineOffload())
        sink = webhook.make({"url": self.url, **named}, ports)
        assert verifyObject(IEventSink, sink)
        self.sinks.append(sink)
        return sink

    async def test_a_message_is_a_post_of_json(self) -> None:
        await self.make().deliver([{"Records": ["ü"]}])
        ((method, message, headers),) = self.receiver.got
        assert (method, message) == ("POST", {"Records": ["ü"]})
        assert headers["content-type"] == "application/json"
        assert "authorization" not in headers

    async def test_the_authorization_is_read_for_each_delivery(self) -> None:
        path = self.directory / "token"
        path.write_text("Bearer one\n")
        sink = self.make(authorization_file=str(path))
        await sink.deliver([{}])
        path.write_text("Bearer two\nX-Other: header\n")
        await sink.deliver([{}])
        sent = [headers["authorization"] for _, _, headers in self.receiver.got]
        assert sent == ["Bearer one", "Bearer two"]
        path.write_text("")
        with self.assertRaises(ValueError):
            await sink.deliver([{}])

    async def test_any_answer_but_success_is_a_failure(self) -> None:
        sink = self.make()
        for code in (301, 302, 307, 400, 401, 404, 500, 503):
            self.receiver.got.clear()

            def answer(request: Request, code: int = code) -> bytes:
                request.setResponseCode(code)
                request.setHeader("Location", self.url)
                return b"no"

            self.receiver.answer = answer
            with self.assertRaises(DeliveryRefused):
                await sink.deliver([{}])
            assert len(self.receiver.got) == 1  # no redirect is followed

        def accepted(request: Request) -> bytes:
            request.setResponseCode(204)
            return b""

        self.receiver.answer = accepted
        await sink.deliver([{}])

    async def test_an_answer_that_does_not_come_is_given_up(self) -> None:
        self.receiver.answer = lambda request: NOT_DONE_YET
        with self.assertRaises(DeliveryRefused):
            await self.make(timeout="0.2").deliver([{}])

    async def test_an_answer_that_does_not_end_is_given_up(self) -> None:
        def begun(request: Request) -> int:
            request.write(b"x")
            return NOT_DONE_YET

        self.receiver.answer = begun
        with self.assertRaises(DeliveryRefused):
            await self.make(timeout="0.2").deliver([{}])

    async def test_a_long_answer_is_not_read_to_its_end(self) -> None:
        written: list[int] = []

        def endless(request: Request) -> Any:
            gone: list[Any] = []
            request.notifyFinish().addErrback(gone.append)

            def more() -> None:
                if not gone:
                    request.write(b"x" * 65536)
                    written.append(65536)
                    reactor.callLater(0, more)

            more()
            return NOT_DONE_YET

        self.receiver.answer = endless
        await self.make(timeout="10").deliver([{}])
        assert sum(written) >= ANSWER_BYTES
        assert sum(written) < 512 * ANSWER_BYTES

    async def test_nobody_listens(self) -> None:
        await self.port.stopListening()
        with self.assertRaises(error.ConnectionRefusedError):
            await self.make(timeout="5").deliver([{}])
        self.port.startListening()

    async def test_certificates_are_verified(self) -> None:
        certificate, key = self.directory / "c.pem", self.directory / "k.pem"
        write_self_signed(str(certificate), str(key), ["localhost"], datetime.now(UTC))
        context = DefaultOpenSSLContextFactory(str(key), str(certificate))
        port = reactor.listenSSL(0, self.site, context, interface="127.0.0.1")
        try:
            self.url = f"https://localhost:{port.getHost().port}/"
            with pytest.raises(
                (ResponseNeverReceived, RequestTransmissionFailed),
                match="certificate verify failed",
            ):
                await self.make(timeout="5").deliver([{}])
            assert self.receiver.got == []
            await self.make(ca_file=str(certificate), timeout="5").deliver([{}])
            assert len(self.receiver.got) == 1
            for sink in self.sinks:
                await sink._agent._pool.closeCachedConnections()
        finally:
            await port.stopListening()

    async def test_a_delivery_can_be_cancelled(self) -> None:
        self.receiver.answer = lambda request: NOT_DONE_YET
        delivery: Deferred[None] = self.make().deliver([{}])
        delivery.cancel()
        with self.assertRaises(error.DNSLookupError):  # it had come no further
            await delivery


def test_it_is_an_events_plugin() -> None:
    assert verifyObject(IPluginFactory, webhook)
    assert (webhook.kind, webhook.name) == ("events", "webhook")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "url is needed"),
        ({"url": "ftp://host/"}, "url is needed"),
        ({"url": "http:///path"}, "url is needed"),
        ({"url": "http://me:pw@host/"}, "authorization-file"),
        ({"url": "http://host/", "speed": "1"}, "no option 'speed'"),
        ({"url": "http://host/", "timeout": "0"}, "timeout"),
        ({"url": "http://host/", "timeout": "nan"}, "timeout"),
        ({"url": "http://host/", "timeout": "soon"}, "timeout"),
        ({"url": "http://host/", "authorization-file": "/absent"}, "No such file"),
        ({"url": "http://host/", "ca-file": "/absent"}, "No such file"),
        ({"url": "http://host/", "ca-file": __file__}, "no certificate in PEM"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        webhook.make(options, Ports(reactor, "/srv", {}, InlineOffload()))
