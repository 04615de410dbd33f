"""The redirect layer on real sockets, with a fake owner: two front ends of one store, of which one
sends the clients of some keys to the other.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from tests.conformance.raw import Request, Secret, Signer, Wire
from tests.ops.harness import Harness
from z4tw.interfaces import IRouter, Route
from z4tw.s3.xml_out import error_document
from z4tw.web.metrics import Metrics
from z4tw.web.resources import RootResource, S3Leaf
from z4tw.web.responder import Responder
from z4tw.web.site import Z4Site

reactor: Any = global_reactor
DATA = b"far away " * 10_000


@implementer(IRouter)
class FakeOwner:
    """Keys that begin with ``far`` are served at ``endpoint`` only."""

    alone = False
    endpoint = ""

    async def route(self, head: Any, call: Any, partition: int | None) -> Route | None:
        if head.headers["host"] == self.endpoint or not call.key.startswith("far"):
            return None
        target = head.target.decode("latin-1")
        return Route(f"http://{self.endpoint}{target}", self.endpoint)


class RedirectTests(TestCase):
    """At the port ``near`` requests are redirected, at ``owner`` served; the store is the same."""

    def setUp(self) -> None:
        self.router = FakeOwner()
        self.harness = Harness(router=self.router)
        self.harness.bucket()
        self.owner = self.serve()
        self.near = self.serve()
        self.router.endpoint = f"127.0.0.1:{self.owner}"

    def serve(self) -> int:
        """The port of a new front end."""
        metrics = Metrics()
        responder = Responder(
            metrics=metrics, access_log=None, now=time.time, host_id="node",
            error_document=error_document,
        )  # fmt: skip
        root = RootResource(S3Leaf(self.harness.service, responder), responder, ready=lambda: True)
        site = Z4Site(root, responder, metrics, reactor=reactor, now=time.time, request_id_seed=7)
        port = reactor.listenTCP(0, site, interface="127.0.0.1")

        async def close() -> None:
            await port.stopListening()
            drained = site.begin_drain()
            site.abort_all()
            await drained

        self.addCleanup(close)
        return int(port.getHost().port)

    def signer(self, port: int, name: str = "user") -> Signer:
        key = self.harness.user if name == "user" else self.harness.key(name)
        return Signer(Secret(key.access_key_id, key.secret), f"127.0.0.1:{port}")

    async def in_thread(self, work: Callable[[], None]) -> None:
        await deferToThread(work)

    async def test_a_client_that_follows_is_served_by_the_owner(self) -> None:
        """The body is never asked for where it does not belong."""

        def work() -> None:
            put = Request("PUT", "/bucket/far%20off", body=DATA, headers={"Expect": "100-continue"})
            with Wire(self.near) as wire:
                wire.send(self.signer(self.near).sign(put).request.head())
                reply = wire.reply("PUT")
            self.assertEqual((reply.status, reply.interim), (307, ()))
            self.assertEqual(reply.code, "TemporaryRedirect")
            location = f"http://127.0.0.1:{self.owner}/bucket/far%20off"
            self.assertEqual(reply.headers["location"], location)
            self.assertEqual(reply.field("Endpoint"), f"127.0.0.1:{self.owner}")
            self.assertEqual(reply.field("Bucket"), "bucket")
            with Wire(self.owner) as wire:
                request = self.signer(self.owner).sign(put).request
                wire.send(request.head())
                self.assertEqual(wire.head()[0], 100)
                wire.send(request.body)
                self.assertEqual(wire.reply("PUT").status, 200)
                get = self.signer(self.owner).sign(Request("GET", "/bucket/far%20off")).request
                self.assertEqual(wire.ask(get).body, DATA)

        await self.in_thread(work)

    async def test_every_method_of_a_key_is_redirected_and_keeps_its_query(self) -> None:
        def work() -> None:
            with Wire(self.near) as wire:
                for method, query in (
                    ("GET", ""),
                    ("HEAD", "versionId=null"),
                    ("DELETE", ""),
                    ("POST", "uploads"),
                    ("GET", "tagging"),
                    ("PUT", ""),
                ):
                    request = Request(method, "/bucket/far", query)
                    reply = wire.ask(self.signer(self.near).sign(request).request)
                    self.assertEqual(reply.status, 307)
                    self.assertEqual(
                        reply.headers["location"], f"http://127.0.0.1:{self.owner}{request.target}"
                    )
                    self.assertEqual(reply.body == b"", method == "HEAD")

        await self.in_thread(work)

    async def test_what_is_here_is_served_here(self) -> None:
        def work() -> None:
            signer = self.signer(self.near)
            with Wire(self.near) as wire:
                for method, path, status in (
                    ("PUT", "/bucket/near", 200),
                    ("GET", "/bucket/near", 200),
                    ("GET", "/bucket", 200),
                    ("GET", "/", 200),
                ):
                    request = signer.sign(Request(method, path)).request
                    self.assertEqual(wire.ask(request).status, status)

        await self.in_thread(work)

    async def test_strangers_are_not_told_where_keys_are(self) -> None:
        """Authentication and authorization come first."""
        stranger = self.signer(self.near, "stranger")

        def work() -> None:
            with Wire(self.near) as wire:
                request = Request("GET", "/bucket/far", headers={"Host": stranger.host})
                for sent in (request, stranger.sign(request).request):
                    reply = wire.ask(sent)
                    self.assertEqual((reply.status, reply.code), (403, "AccessDenied"))
                    self.assertNotIn("location", reply.headers)

        await self.in_thread(work)
