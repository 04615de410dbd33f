"""The tree: S3 everywhere but under the reserved names."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import IResource, Resource
from zope.interface.verify import verifyObject

from tests.web.support import Service, World, get
from z4tw.web.metrics import CONTENT_TYPE
from z4tw.web.resources import Reserved, S3Leaf, metrics_root
from z4tw.web.site import Z4Site


async def numbers() -> str:
    return "z4_objects 1\n"


class TreeTests(SynchronousTestCase):
    def ask(
        self, world: World, target: bytes, *lines: bytes, method: bytes = b"GET"
    ) -> tuple[int, dict[str, str], bytes]:
        connection = world.connect()
        connection.send(get(target, *lines, method=method))
        [answer] = connection.answers(head=method == b"HEAD")
        return answer

    def is_s3(self, world: World, target: bytes, *lines: bytes) -> bool:
        before = len(world.service.exchanges)
        self.ask(world, target, *lines)
        return len(world.service.exchanges) == before + 1

    def test_leaves_are_resources(self) -> None:
        world = World()
        verifyObject(IResource, S3Leaf(world.service, world.responder))
        verifyObject(IResource, Reserved(world.responder))
        for leaf in (S3Leaf(world.service, world.responder), Reserved(world.responder)):
            self.assertRaises(TypeError, leaf.putChild, b"x", Resource())

    def test_everything_is_s3(self) -> None:
        world = World(metrics=numbers, minio_paths=lambda: True)
        for target in (
            b"/", b"/b", b"/b/", b"/b/k", b"//", b"/b/../_z4/metrics", b"/b//_z4", b"/%5Fz4",
            b"/_z", b"/_z4x", b"/_z4x/health/live", b"/minio", b"/minio/", b"/minio/health",
            b"/minio/health/", b"/minio/health/other", b"/minio/health/live/x", b"/minio/k",
            b"/minio/health/live%2fx", b"/?x=/_z4/metrics",
        ):  # fmt: skip
            with self.subTest(target):
                self.assertTrue(self.is_s3(world, target))

    def test_the_quick_way_and_the_tree_agree(self) -> None:
        world = World(metrics=numbers, minio_paths=lambda: True)
        targets = [b"/", b"/b/k", b"/_z4/health/live", b"/minio/health/live", b"/minio/k", b"/_z4x"]
        asked = [self.ask(world, target)[::2] for target in targets]
        world.site._quick_child = lambda request: None
        for target, answer in zip(targets, asked, strict=True):
            self.assertEqual(self.ask(world, target)[::2], answer)

    def test_health(self) -> None:
        ready = [True]
        world = World(ready=lambda: ready[0])
        for target in (b"/_z4/health/live", b"/_z4/health/ready?x=y"):
            status, headers, body = self.ask(world, target)
            self.assertEqual((status, body), (200, b"ok\n"))
            self.assertEqual(headers["cache-control"], "no-store")
        ready[0] = False
        self.assertEqual(self.ask(world, b"/_z4/health/live")[0], 200)
        self.assertEqual(self.ask(world, b"/_z4/health/ready")[0], 503)
        status, headers, body = self.ask(world, b"/_z4/health/live", method=b"HEAD")
        self.assertEqual((status, headers["content-length"], body), (200, "3", b""))
        self.assertEqual(world.service.exchanges, [])

    def test_health_is_only_read(self) -> None:
        status, headers, _ = self.ask(World(), b"/_z4/health/live", method=b"PUT")
        self.assertEqual(status, 405)
        self.assertIn("GET", headers["allow"])

    def test_reserved_names_are_refused_as_s3_does(self) -> None:
        world = World(metrics=None)
        for target in (
            b"/_z4", b"/_z4/", b"/_z4/metrics", b"/_z4/other", b"/_z4/health", b"/_z4/health/",
            b"/_z4/health/other", b"/_z4/health/../x", b"/_z4?x",
        ):  # fmt: skip
            with self.subTest(target):
                status, headers, body = self.ask(world, target)
                self.assertEqual((status, headers["content-type"]), (403, "application/xml"))
                self.assertIn(b"AccessDenied", body)
        self.assertEqual(world.service.exchanges, [])

    def test_metrics(self) -> None:
        status, headers, body = self.ask(World(metrics=numbers), b"/_z4/metrics")
        self.assertEqual((status, body), (200, b"z4_objects 1\n"))
        self.assertEqual(headers["content-type"], CONTENT_TYPE)

    def test_metrics_that_take_time(self) -> None:
        waiting: Deferred[str] = Deferred()

        def later() -> Awaitable[str]:
            return waiting

        world = World(metrics=later)
        connection = world.connect()
        connection.send(get(b"/_z4/metrics") + get(b"/next"))
        self.assertEqual(connection.output, b"")
        waiting.callback("z4_x 1\n")
        self.assertEqual([body for _, _, body in connection.answers()], [b"z4_x 1\n", b"/next"])

    def test_metrics_that_fail(self) -> None:
        async def broken() -> str:
            raise KeyError("x")

        self.assertEqual(self.ask(World(metrics=broken), b"/_z4/metrics")[0], 503)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_metrics_for_a_client_that_left(self) -> None:
        waiting: Deferred[str] = Deferred()
        world = World(metrics=lambda: waiting)
        connection = world.connect()
        connection.send(get(b"/_z4/metrics"))
        connection.lose()
        waiting.callback("z4_x 1\n")
        self.assertEqual(connection.output, b"")

    def test_minio_health_while_there_is_no_such_bucket(self) -> None:
        free = [True]
        world = World(minio_paths=lambda: free[0])
        for name in (b"live", b"ready", b"cluster"):
            self.assertEqual(self.ask(world, b"/minio/health/" + name)[::2], (200, b"ok\n"))
        free[0] = False
        self.assertTrue(self.is_s3(world, b"/minio/health/live"))

    def test_minio_readiness_is_ours(self) -> None:
        world = World(minio_paths=lambda: True, ready=lambda: False)
        self.assertEqual(self.ask(world, b"/minio/health/live")[0], 200)
        self.assertEqual(self.ask(world, b"/minio/health/cluster")[0], 503)

    def test_a_virtual_host_has_no_reserved_names(self) -> None:
        world = World(domains=("s3.test",), minio_paths=lambda: True, metrics=numbers)
        host = b"GET %b HTTP/1.1\r\nHost: %b\r\n\r\n"
        for name, is_s3 in (
            (b"bucket.S3.test:9670", True),
            (b"s3.test", False),
            (b"evils3.test", False),
            (b"127.0.0.1", False),
        ):
            for target in (b"/_z4/metrics", b"/minio/health/live"):
                before = len(world.service.exchanges)
                world.connect().send(host % (target, name))
                self.assertEqual(len(world.service.exchanges) > before, is_s3, (name, target))

    def test_hosts_of_website_domains_are_websites_on_every_path(self) -> None:
        world = World(domains=("s3.test",), minio_paths=lambda: True, metrics=numbers)
        pages = Service()
        world.root._website = S3Leaf(pages, world.responder)
        world.root._website_domains = ("web.test",)
        host = b"GET %b HTTP/1.1\r\nHost: %b\r\n\r\n"
        for name, is_page in (
            (b"bucket.web.test", True),
            (b"bucket.WEB.test.:9670", True),
            (b"web.test", True),
            (b"evilweb.test", False),
            (b"bucket.s3.test", False),
            (b"127.0.0.1", False),
        ):
            for target in (b"/", b"/k", b"/_z4/metrics", b"/minio/health/live"):
                for quick in (True, False):
                    if not quick:
                        world.site._quick_child = lambda request: None
                    before = len(pages.exchanges)
                    world.connect().send(host % (target, name))
                    self.assertEqual(len(pages.exchanges) > before, is_page, (name, target))
                world.site._quick_child = world.root.quick_child

    def test_a_site_for_metrics_alone(self) -> None:
        world = World()
        root: Any = metrics_root(numbers, world.responder)
        world.site = Z4Site(
            root, world.responder, world.metrics,
            reactor=world.clock, now=world.clock.seconds, request_id_seed=0,
        )  # fmt: skip
        for target in (b"/metrics", b"/_z4/metrics"):
            self.assertEqual(self.ask(world, target)[::2], (200, b"z4_objects 1\n"))
        for target in (b"/", b"/b/k", b"/_z4", b"/_z4/health/live"):
            self.assertEqual(self.ask(world, target)[0], 403)
        self.assertEqual(world.service.exchanges, [])
