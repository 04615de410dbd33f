"""The site: limits, ids, sweeping and draining."""

from __future__ import annotations

import pickle

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from tests.web.support import START_S, World, get, parse_answers, put
from z4tw.interfaces import Exchange, S3Response
from z4tw.web.limits import HttpLimits
from z4tw.web.site import Z4Site


class Stock(Resource):
    """A resource as any Twisted program has them."""

    isLeaf = True

    def render_GET(self, request: object) -> bytes:
        return b"stock"


class ConnectionLimitTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = World(HttpLimits(max_connections=3))

    def test_connections_over_the_limit_are_told_to_slow_down(self) -> None:
        inside = [self.world.connect() for _ in range(3)]
        outside = self.world.connect()
        outside.send(get())
        [(status, headers, body)] = outside.answers()
        self.assertEqual((status, headers["connection"]), (503, "close"))
        self.assertIn(b"SlowDown", body)
        self.assertTrue(outside.transport.closed)
        inside[0].send(get())
        self.assertEqual(inside[0].answers()[0][0], 200)

    def test_a_place_that_becomes_free_is_taken(self) -> None:
        inside = [self.world.connect() for _ in range(3)]
        inside[0].lose()
        another = self.world.connect()
        another.send(get())
        self.assertEqual(another.answers()[0][0], 200)

    def test_far_too_many_are_not_even_answered(self) -> None:
        for _ in range(3 + 16):
            self.world.connect()
        self.assertIsNone(self.world.site.buildProtocol(None))

    def test_open_connections_are_counted(self) -> None:
        first, _ = self.world.connect(), self.world.connect()
        self.assertEqual(self.world.site.open_connections, 2)
        self.assertEqual(self.world.metrics.open_connections, 2)
        first.lose()
        self.assertEqual(self.world.site.open_connections, 1)
        self.assertEqual(self.world.metrics.open_connections, 1)


class DrainTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = World()
        self.waiting: list[Deferred[S3Response]] = []

        async def answer(exchange: Exchange) -> S3Response:
            deferred: Deferred[S3Response] = Deferred()
            self.waiting.append(deferred)
            return await deferred

        self.world.service.answer = answer

    def test_without_connections_it_ends_at_once(self) -> None:
        self.assertIsNone(self.successResultOf(self.world.site.begin_drain()))

    def test_idle_connections_end_and_busy_ones_after_their_answer(self) -> None:
        idle, busy, sending = (self.world.connect() for _ in range(3))
        busy.send(get(b"/1") + get(b"/2"))
        sending.send(put(b"hello")[:30])
        drained = self.world.site.begin_drain()
        self.assertTrue(idle.transport.disconnecting)
        self.assertFalse(busy.transport.closed)
        self.assertFalse(sending.transport.closed)
        self.waiting[0].callback(S3Response(200))
        [(status, headers, _)] = busy.answers()
        self.assertEqual((status, headers["connection"]), (200, "close"))
        self.assertTrue(busy.transport.closed)
        sending.send(put(b"hello")[30:])
        self.waiting[1].callback(S3Response(200))
        self.assertEqual(sending.answers()[0][1]["connection"], "close")
        idle.lose()
        busy.lose()
        self.assertNoResult(drained)
        sending.lose()
        self.successResultOf(drained)

    def test_what_does_not_end_is_cut_off(self) -> None:
        busy = self.world.connect()
        busy.send(get())
        drained = self.world.site.begin_drain()
        self.world.site.abort_all()
        self.assertTrue(busy.transport.aborted)
        busy.lose()
        self.successResultOf(drained)

    def test_beginning_twice_is_harmless(self) -> None:
        connection = self.world.connect()
        drained = self.world.site.begin_drain()
        self.assertIs(self.world.site.begin_drain(), drained)
        connection.lose()
        self.successResultOf(drained)


class SiteTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = World()

    def test_ids_differ_between_seeds(self) -> None:
        ids = set()
        for seed in (0, 1, 1 << 63, (1 << 64) + 5):
            site = Z4Site(
                Resource(), self.world.responder, self.world.metrics,
                reactor=self.world.clock, now=self.world.clock.seconds, request_id_seed=seed,
            )  # fmt: skip
            ids |= {site.next_request_id() for _ in range(100)}
        self.assertEqual(len(ids), 400)
        self.assertEqual({len(one) for one in ids}, {16})

    def test_one_timer_serves_all_connections_and_ends_with_the_port(self) -> None:
        for _ in range(10):
            self.world.connect().send(get())
        self.world.log.flush()
        self.assertEqual(len(self.world.clock.getDelayedCalls()), 1)
        self.world.site.doStop()
        self.assertEqual(len(self.world.clock.getDelayedCalls()), 1)
        for channel in list(self.world.site._channels):
            channel.connectionLost()
        self.assertEqual(self.world.clock.getDelayedCalls(), [])

    def test_without_connections_the_timer_ends_with_the_port(self) -> None:
        self.world.site.doStop()
        self.assertEqual(self.world.clock.getDelayedCalls(), [])

    def test_a_connection_that_cannot_be_swept_is_cut_off_and_the_others_are_swept(self) -> None:
        bad, good = self.world.connect(), self.world.connect()

        def broken(now: float) -> None:
            raise KeyError("defect")

        bad.channel.sweep = broken  # type: ignore[method-assign]
        self.world.wait(62)
        self.assertTrue(bad.transport.aborted)
        self.assertTrue(good.transport.disconnecting)
        self.assertTrue(self.flushLoggedErrors(KeyError))

    def test_any_resource_tree_can_be_served(self) -> None:
        root = Resource()
        below = Resource()
        root.putChild(b"a", below)
        below.putChild(b"b c", Stock())
        world = self.world
        world.site = Z4Site(
            root, world.responder, world.metrics,
            reactor=world.clock, now=world.clock.seconds, request_id_seed=0,
        )  # fmt: skip
        connection = world.connect()
        connection.send(get(b"/a/b%20c?x=y"))
        [(status, _, body)] = parse_answers(connection.output)
        self.assertEqual((status, body), (200, b"stock"))

    def test_tls_negotiates_http_1_1_only(self) -> None:
        self.assertEqual(self.world.site.acceptableProtocols(), [b"http/1.1"])

    def test_it_is_never_pickled(self) -> None:
        self.assertRaises(TypeError, pickle.dumps, self.world.site)

    def test_the_clock_of_requests_is_the_given_one(self) -> None:
        self.world.connect().send(get())
        self.assertEqual(self.world.service.exchanges[0].head.now, START_S)
