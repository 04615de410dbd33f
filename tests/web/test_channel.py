"""The channel: order, keep-alive, flow control, refusals, deadlines, half-closed clients."""

from __future__ import annotations

from twisted.internet.address import IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.web.support import START_S, Connection, Source, Transport, World, get, put
from tests.web.test_message import HOSTILE
from z4tw.errors import AccessDenied, ClientDisconnected, RequestTimeout
from z4tw.interfaces import Exchange, S3Response
from z4tw.web.limits import HttpLimits

KIB = 1024
MIB = 1024 * KIB


class ChannelTestCase(SynchronousTestCase):
    limits: HttpLimits | None = None

    def setUp(self) -> None:
        self.world = World(self.limits)
        self.service = self.world.service
        self.connection = self.world.connect()

    def later(self) -> list[Deferred[S3Response]]:
        """Let every request wait; gives the list of what they wait for."""
        waiting: list[Deferred[S3Response]] = []

        async def answer(exchange: Exchange) -> S3Response:
            deferred: Deferred[S3Response] = Deferred()
            waiting.append(deferred)
            return await deferred

        self.service.answer = answer
        return waiting

    def statuses(self, connection: Connection | None = None) -> list[int]:
        return [status for status, _, _ in (connection or self.connection).answers()]


class RequestTests(ChannelTestCase):
    def test_the_channel_is_what_a_transport_expects(self) -> None:
        verifyObject(IHalfCloseableProtocol, self.connection.channel)
        verifyObject(IPushProducer, self.connection.channel)
        self.assertTrue(self.connection.transport.no_delay)
        self.assertTrue(self.connection.transport.streaming)

    def test_a_request_is_answered_and_the_connection_stays(self) -> None:
        self.connection.send(get(b"/b/k?versionId=1", b"X-Amz-Meta-A: b"))
        [(status, headers, body)] = self.connection.answers()
        self.assertEqual((status, body), (200, b"/b/k?versionId=1"))
        self.assertNotIn("connection", headers)
        self.assertFalse(self.connection.transport.closed)
        [exchange] = self.service.exchanges
        head = exchange.head
        self.assertEqual((head.method, head.target), ("GET", b"/b/k?versionId=1"))
        self.assertEqual(head.headers, {"host": "s3.test", "x-amz-meta-a": "b"})
        self.assertEqual((head.content_length, head.chunked), (0, False))
        self.assertEqual((head.peer, head.secure, head.now), ("192.0.2.7", False, START_S))
        self.assertRegex(head.request_id, r"^[0-9A-F]{16}$")

    def test_every_request_has_its_own_id(self) -> None:
        self.connection.send(get() * 50)
        ids = {exchange.head.request_id for exchange in self.service.exchanges}
        self.assertEqual(len(ids), 50)

    def test_a_mapped_ipv4_peer_is_an_ipv4_peer(self) -> None:
        transport = Transport()
        transport.peerAddr = IPv6Address("TCP", "::ffff:192.0.2.9", 4)
        channel = self.world.site.buildProtocol(None)
        assert channel is not None
        channel.makeConnection(transport)
        self.assertEqual(channel.peer, "192.0.2.9")

    def test_byte_by_byte_is_as_good(self) -> None:
        self.service.answer = self.service.echo_body
        self.connection.send(put(b"hello") + get(), step=1)
        bodies = [body for _, _, body in self.connection.answers()]
        self.assertEqual(bodies, [b"hello", b""])

    def test_pipelined_requests_are_answered_in_order_one_at_a_time(self) -> None:
        waiting = self.later()
        self.connection.send(get(b"/1") + get(b"/2") + get(b"/3"))
        self.assertEqual(len(waiting), 1)
        for number in range(3):
            self.assertEqual(len(waiting), number + 1)
            waiting[number].callback(S3Response(200, [], b"%d" % number))
        bodies = [body for _, _, body in self.connection.answers()]
        self.assertEqual(bodies, [b"0", b"1", b"2"])

    def test_a_thousand_pipelined_requests_answered_at_once(self) -> None:
        self.connection.send(b"".join(get(b"/%d" % n) for n in range(1000)))
        bodies = [body for _, _, body in self.connection.answers()]
        self.assertEqual(bodies, [b"/%d" % n for n in range(1000)])

    def test_reading_stops_while_pipelined_requests_wait(self) -> None:
        waiting = self.later()
        self.connection.send(get(b"/1"))
        self.assertTrue(self.connection.reading)
        self.connection.send(get(b"/2"))
        self.assertFalse(self.connection.reading)
        waiting[0].callback(S3Response(200))
        self.assertFalse(self.connection.transport.closed)
        waiting[1].callback(S3Response(200))
        self.assertTrue(self.connection.reading)
        self.assertEqual(self.statuses(), [200, 200])

    def test_connection_close_is_obeyed(self) -> None:
        self.connection.send(get(b"/1", b"Connection: close") + get(b"/2"))
        [(_, headers, body)] = self.connection.answers()
        self.assertEqual((headers["connection"], body), ("close", b"/1"))
        self.assertTrue(self.connection.transport.closed)

    def test_http_1_0_closes_unless_it_asks_otherwise(self) -> None:
        self.connection.send(b"GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        [(_, headers, _)] = self.connection.answers()
        self.assertEqual(headers["connection"], "keep-alive")
        self.assertFalse(self.connection.transport.closed)
        self.connection.send(b"GET /2 HTTP/1.0\r\n\r\n")
        self.assertEqual(self.connection.answers()[1][1]["connection"], "close")
        self.assertTrue(self.connection.transport.closed)

    def test_options_for_everything_is_answered_here(self) -> None:
        self.connection.send(get(b"*", method=b"OPTIONS"))
        [(status, headers, body)] = self.connection.answers()
        self.assertEqual((status, body), (200, b""))
        self.assertIn("PUT", headers["allow"])
        self.assertEqual(self.service.exchanges, [])

    def test_received_bytes_are_counted(self) -> None:
        self.connection.send(put(b"x" * 100))
        self.assertEqual(self.world.metrics.bytes_received, len(put(b"x" * 100)))


class HostileTests(ChannelTestCase):
    def test_hostile_input_gets_an_error_and_the_end(self) -> None:
        """In the head: one 4xx or 5xx answer. In the body: the operation's answer, then the end.
        Nothing behind it is ever served."""
        for name, raw in HOSTILE.items():
            for step in (0, 1):
                world = World()
                world.service.answer = world.service.echo_body
                connection = world.connect()
                connection.send(raw + get(b"/smuggled"), step)
                with self.subTest(name, step=step):
                    [(status, headers, body)] = connection.answers()
                    self.assertIn(status, (400, 417, 501))
                    self.assertEqual(headers["connection"], "close")
                    self.assertIn(b"<Error>", body)
                    self.assertTrue(connection.transport.closed)
                    targets = [exchange.head.target for exchange in world.service.exchanges]
                    self.assertNotIn(b"/smuggled", targets)
                    connection.send(get(b"/smuggled"))
                    self.assertEqual(len(connection.answers()), 1)

    def test_the_error_is_s3_xml_with_ids(self) -> None:
        self.connection.send(b"nonsense\r\n\r\n")
        [(status, headers, body)] = self.connection.answers()
        self.assertEqual((status, headers["content-type"]), (400, "application/xml"))
        request_id = headers["x-amz-request-id"]
        self.assertEqual(body, b"<Error>BadRequest||%b|node1</Error>" % request_id.encode())

    def test_a_megabyte_of_header_and_ten_thousand_headers(self) -> None:
        many = get(b"/", *[b"X%d: y" % n for n in range(10_000)])
        for raw in (get(b"/", b"X: " + b"a" * MIB), many):
            connection = self.world.connect()
            connection.send(raw, step=65536)
            [(status, _, body)] = connection.answers()
            self.assertEqual(status, 400)
            self.assertIn(b"RequestHeaderSectionTooLarge", body)
            self.assertTrue(connection.transport.closed)

    def test_a_truncated_request_is_never_served(self) -> None:
        raw = put(b"hello")
        for length in range(raw.index(b"\r\n\r\n") + 3):
            connection = self.world.connect()
            connection.send(raw[:length])
            connection.lose()
        self.assertEqual(self.service.exchanges, [])

    def test_malformed_pipelined_input_ends_the_connection_after_the_good_answers(self) -> None:
        self.connection.send(get(b"/1") + b"nonsense\r\n\r\n" + get(b"/2"))
        self.assertEqual(self.statuses(), [200, 400])
        self.assertTrue(self.connection.transport.closed)

    def test_a_broken_chunk_fails_the_operation(self) -> None:
        self.service.answer = self.service.echo_body
        self.connection.send(get(b"/b/k", b"Transfer-Encoding: chunked", method=b"PUT"))
        self.connection.send(b"3\r\nabc\r\n")
        self.connection.send(b"zz\r\n")
        self.connection.send(b"3\r\nabc\r\n0\r\n\r\n")
        [(status, headers, body)] = self.connection.answers()
        self.assertEqual((status, headers["connection"]), (400, "close"))
        self.assertIn(b"BadRequest", body)

    def test_what_comes_after_the_last_answer_is_thrown_away_up_to_a_limit(self) -> None:
        self.connection.send(b"nonsense\r\n\r\n")
        transport = self.connection.transport
        self.assertTrue(transport.write_closed)
        self.assertFalse(transport.disconnecting)
        for _ in range(16):
            self.connection.send(b"x" * 65536)
        self.assertFalse(transport.disconnecting)
        self.connection.send(b"x")
        self.assertTrue(transport.disconnecting)

    def test_a_lingering_client_is_cut_off(self) -> None:
        self.connection.send(b"nonsense\r\n\r\n")
        self.connection.channel.writeConnectionLost()
        self.world.wait(4)
        self.assertFalse(self.connection.transport.aborted)
        self.world.wait(3)
        self.assertTrue(self.connection.transport.aborted)

    def test_a_lingering_client_that_ends_is_let_go(self) -> None:
        self.connection.send(b"nonsense\r\n\r\n")
        self.connection.channel.readConnectionLost()
        self.assertTrue(self.connection.transport.disconnecting)


class BodyTests(ChannelTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service.answer = self.service.echo_body

    def test_a_small_body_is_there_when_the_operation_starts(self) -> None:
        taken = []

        async def answer(exchange: Exchange) -> S3Response:
            taken.append(exchange.body.take_all())
            return S3Response(200)

        self.service.answer = answer
        self.connection.send(put(b"hello") + put(b""))
        self.assertEqual(taken, [b"hello", b""])

    def test_a_body_comes_in_pieces(self) -> None:
        raw = put(b"0123456789" * 1000)
        for at in range(0, len(raw), 999):
            self.connection.send(raw[at : at + 999])
        self.assertEqual(self.connection.answers()[0][2], b"0123456789" * 1000)

    def test_a_chunked_body(self) -> None:
        self.connection.send(get(b"/b/k", b"Transfer-Encoding: chunked", method=b"PUT"))
        self.assertIsNone(self.service.exchanges[0].head.content_length)
        self.assertTrue(self.service.exchanges[0].head.chunked)
        self.connection.send(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" + get(b"/next"))
        self.assertEqual([b for _, _, b in self.connection.answers()], [b"abcde", b""])

    def test_reading_pauses_above_the_high_water_mark_and_goes_on_when_it_was_read(self) -> None:
        waiting = self.later()
        self.connection.send(get(b"/b/k", b"Content-Length: %d" % MIB, method=b"PUT"))
        sent = 0
        while self.connection.reading:
            self.connection.send(b"x" * 65536)
            sent += 65536
        self.assertTrue(256 * KIB < sent <= 320 * KIB, sent)
        reading = Deferred.fromCoroutine(self.service.exchanges[0].body.read())
        self.assertEqual(len(self.successResultOf(reading)), sent)
        self.assertTrue(self.connection.reading)
        self.assertEqual(len(waiting), 1)

    def test_continue_is_sent_by_the_first_read_and_only_once(self) -> None:
        lines = (b"Content-Length: 4", b"Expect: 100-continue")
        gate: Deferred[None] = Deferred()

        async def answer(exchange: Exchange) -> S3Response:
            await gate
            return await self.service.echo_body(exchange)

        self.service.answer = answer
        self.connection.send(get(b"/b/k", *lines, method=b"PUT"))
        self.assertEqual(self.connection.output, b"")
        gate.callback(None)
        self.assertEqual(self.connection.output, b"HTTP/1.1 100 Continue\r\n\r\n")
        self.connection.send(b"ab")
        self.connection.send(b"cd" + get(b"/next"))
        self.assertEqual(self.statuses(), [100, 200, 200])
        self.assertFalse(self.connection.transport.closed)

    def test_no_continue_for_a_client_that_did_not_wait(self) -> None:
        self.connection.send(put(b"abcd", b"Expect: 100-continue")[:-1])
        self.connection.send(b"d")
        self.assertEqual(self.statuses(), [200])

    def test_an_empty_body_that_is_announced_is_asked_for_too(self) -> None:
        """aws-cli takes an answer that comes instead for that of its next upload as well."""
        lines = (b"Content-Length: 0", b"Expect: 100-continue")
        self.connection.send(get(b"/b/k", *lines, method=b"PUT"))
        self.connection.send(get(b"/next"))
        self.assertEqual(self.statuses(), [100, 200, 200])

    def test_a_refusal_comes_instead_of_continue_and_ends_the_connection(self) -> None:
        async def answer(exchange: Exchange) -> S3Response:
            raise AccessDenied

        self.service.answer = answer
        lines = (b"Content-Length: 4", b"Expect: 100-continue")
        self.connection.send(get(b"/b/k", *lines, method=b"PUT"))
        [(status, headers, _)] = self.connection.answers()
        self.assertEqual((status, headers["connection"]), (403, "close"))
        self.assertTrue(self.connection.transport.closed)

    def refuse(self) -> None:
        async def answer(exchange: Exchange) -> S3Response:
            raise AccessDenied

        self.service.answer = answer

    def test_a_refused_body_is_thrown_away_and_the_connection_goes_on(self) -> None:
        self.refuse()
        self.connection.send(put(b"x" * 100_000)[:1000])
        self.assertEqual(self.statuses(), [403])
        self.assertNotIn("connection", self.connection.answers()[0][1])
        self.connection.send(put(b"x" * 100_000)[1000:] + get(b"/next"))
        self.assertEqual(self.statuses(), [403, 403])
        self.assertEqual(self.service.exchanges[1].head.target, b"/next")

    def test_a_refused_body_that_is_too_long_ends_the_connection(self) -> None:
        self.refuse()
        self.connection.send(get(b"/b/k", b"Content-Length: %d" % (MIB + 1), method=b"PUT"))
        self.assertEqual(self.connection.answers()[0][1]["connection"], "close")
        self.assertTrue(self.connection.transport.write_closed)

    def test_a_refused_chunked_body_is_thrown_away_up_to_the_limit(self) -> None:
        self.refuse()
        self.connection.send(get(b"/b/k", b"Transfer-Encoding: chunked", method=b"PUT"))
        self.assertEqual(self.statuses(), [403])
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        for _ in range(16):
            self.connection.send(chunk)
        self.assertFalse(self.connection.transport.closed)
        self.connection.send(chunk)
        self.assertTrue(self.connection.transport.closed)

    def test_a_refused_chunked_body_that_ends_soon_keeps_the_connection(self) -> None:
        self.refuse()
        self.connection.send(get(b"/b/k", b"Transfer-Encoding: chunked", method=b"PUT"))
        self.connection.send(b"3\r\nabc\r\n")
        self.connection.send(b"0\r\n\r\n" + get(b"/next"))
        self.assertEqual(self.statuses(), [403, 403])

    def test_malformed_input_in_a_refused_body_ends_the_connection(self) -> None:
        self.refuse()
        self.connection.send(get(b"/b/k", b"Transfer-Encoding: chunked", method=b"PUT"))
        self.connection.send(b"zz\r\n")
        self.assertEqual(self.statuses(), [403])
        self.assertTrue(self.connection.transport.closed)

    def test_reading_goes_on_for_a_refused_body_that_had_paused(self) -> None:
        waiting = self.later()
        self.connection.send(get(b"/b/k", b"Content-Length: %d" % (400 * KIB), method=b"PUT"))
        for _ in range(5):
            self.connection.send(b"x" * 65536)
        self.assertFalse(self.connection.reading)
        waiting[0].errback(AccessDenied())
        self.assertTrue(self.connection.reading)
        self.connection.send(b"x" * (80 * KIB))
        self.assertFalse(self.connection.transport.closed)


class LossTests(ChannelTestCase):
    def test_a_reader_learns_that_the_client_is_gone(self) -> None:
        self.service.answer = self.service.echo_body
        self.connection.send(put(b"hello")[:-1])
        self.connection.lose()
        self.assertEqual(self.connection.output, b"")
        self.assertIn(b'"error":"ClientDisconnected"', self.logged())
        self.assertEqual(self.world.metrics.in_flight, 0)

    def logged(self) -> bytes:
        self.world.log.flush()
        return self.world.sink.data

    def test_an_answer_for_a_lost_client_is_dropped(self) -> None:
        waiting = self.later()
        self.connection.send(get())
        self.connection.lose()
        source = Source(3, [b"abc"])
        waiting[0].callback(S3Response(200, [], source))
        self.assertEqual(self.connection.output, b"")
        self.assertEqual((source.asked, source.closed), (0, 1))
        self.assertIn(b'"status":499', self.logged())

    def test_notify_finish_tells_of_the_loss(self) -> None:
        self.later()
        self.connection.send(get())
        request = self.connection.channel.request
        assert request is not None
        notified = request.notifyFinish()
        self.connection.lose()
        self.failureResultOf(notified)

    def test_a_half_closed_client_gets_its_answers(self) -> None:
        waiting = self.later()
        self.connection.send(get(b"/1") + get(b"/2"))
        self.connection.channel.readConnectionLost()
        waiting[0].callback(S3Response(200, [], b"one"))
        waiting[1].callback(S3Response(200, [], b"two"))
        answers = self.connection.answers()
        self.assertEqual([body for _, _, body in answers], [b"one", b"two"])
        self.assertEqual(answers[1][1]["connection"], "close")
        self.assertNotIn("connection", answers[0][1])
        self.assertTrue(self.connection.transport.disconnecting)

    def test_a_client_that_half_closes_in_its_body_is_told(self) -> None:
        self.service.answer = self.service.echo_body
        self.connection.send(put(b"hello")[:-1])
        self.connection.channel.readConnectionLost()
        [(status, _, body)] = self.connection.answers()
        self.assertEqual(status, 400)
        self.assertIn(b"IncompleteBody", body)
        self.assertTrue(self.connection.transport.disconnecting)

    def test_an_idle_connection_that_the_client_ends_is_closed(self) -> None:
        for sent in (b"", b"GET / HT", get()):
            connection = self.world.connect()
            connection.send(sent)
            connection.channel.readConnectionLost()
            self.assertTrue(connection.transport.disconnecting)

    def test_the_operation_can_catch_the_loss(self) -> None:
        caught: list[Exception] = []

        async def answer(exchange: Exchange) -> S3Response:
            try:
                await exchange.body.read()
            except ClientDisconnected as error:
                caught.append(error)
                raise
            raise AssertionError("the read must fail")

        self.service.answer = answer
        self.connection.send(put(b"hello")[:-5])
        self.connection.lose()
        self.assertEqual(len(caught), 1)


class DeadlineTests(ChannelTestCase):
    def test_a_head_must_come_in_time(self) -> None:
        self.connection.send(b"GET / HTTP/1.1\r\n")
        for _ in range(9):
            self.world.wait(1)
            self.connection.send(b"X: y\r\n")
        self.assertEqual(self.connection.output, b"")
        self.world.wait(3)
        [(status, headers, body)] = self.connection.answers()
        self.assertEqual((status, headers["connection"]), (400, "close"))
        self.assertIn(b"RequestTimeout", body)
        self.assertTrue(self.connection.transport.closed)

    def test_an_idle_connection_ends_without_a_word(self) -> None:
        self.world.wait(59)
        self.assertFalse(self.connection.transport.closed)
        self.world.wait(3)
        self.assertTrue(self.connection.transport.disconnecting)
        self.assertEqual(self.connection.output, b"")

    def test_a_request_starts_the_idle_time_anew(self) -> None:
        self.world.wait(50)
        self.connection.send(get())
        self.world.wait(50)
        self.assertFalse(self.connection.transport.closed)
        self.world.wait(12)
        self.assertTrue(self.connection.transport.disconnecting)

    def test_a_request_in_work_is_not_idle(self) -> None:
        waiting = self.later()
        self.connection.send(get())
        self.world.wait(600)
        self.assertFalse(self.connection.transport.closed)
        waiting[0].callback(S3Response(200))
        self.assertEqual(self.statuses(), [200])

    def test_a_body_that_is_too_slow_ends_the_request(self) -> None:
        self.service.answer = self.service.echo_body
        self.connection.send(get(b"/b/k", b"Content-Length: 1000000", method=b"PUT"))
        for _ in range(29):
            self.world.wait(1)
            self.connection.send(b"x" * 1000)
        self.assertEqual(self.connection.output, b"")
        self.world.wait(2)
        [(status, headers, body)] = self.connection.answers()
        self.assertEqual((status, headers["connection"]), (400, "close"))
        self.assertIn(b"RequestTimeout", body)

    def test_a_slow_body_at_the_least_rate_is_served(self) -> None:
        self.service.answer = self.service.echo_body
        self.connection.send(get(b"/b/k", b"Content-Length: %d" % (120 * KIB), method=b"PUT"))
        for _ in range(120):
            self.connection.send(b"x" * KIB)
            self.world.wait(1)
        self.assertEqual(self.statuses(), [200])

    def test_a_burst_does_not_buy_silence_for_long(self) -> None:
        self.service.answer = self.service.echo_body
        self.connection.send(get(b"/b/k", b"Content-Length: %d" % (2 * MIB), method=b"PUT"))
        self.connection.send(b"x" * MIB)
        self.world.wait(62)
        self.assertEqual(self.statuses(), [400])

    def test_the_rate_does_not_count_while_the_server_does_not_read(self) -> None:
        self.later()
        self.connection.send(get(b"/b/k", b"Content-Length: %d" % MIB, method=b"PUT"))
        for _ in range(5):
            self.connection.send(b"x" * 65536)
        self.assertFalse(self.connection.reading)
        self.world.wait(300)
        body = self.service.exchanges[0].body
        reading = Deferred.fromCoroutine(body.read())
        self.assertEqual(len(self.successResultOf(reading)), 5 * 65536)
        self.world.wait(20)
        self.assertNoResult(Deferred.fromCoroutine(body.read()))

    def test_the_rate_does_not_count_before_continue(self) -> None:
        waiting = self.later()
        lines = (b"Content-Length: 4", b"Expect: 100-continue")
        self.connection.send(get(b"/b/k", *lines, method=b"PUT"))
        self.world.wait(300)
        reading = Deferred.fromCoroutine(self.service.exchanges[0].body.read())
        self.world.wait(20)
        self.assertNoResult(reading)
        self.world.wait(20)
        self.failureResultOf(reading, RequestTimeout)
        self.assertEqual(len(waiting), 1)

    def test_a_refused_body_that_stalls_is_cut_off(self) -> None:
        async def answer(exchange: Exchange) -> S3Response:
            raise AccessDenied

        self.service.answer = answer
        self.connection.send(put(b"x" * 1000)[:-1])
        self.world.wait(33)
        self.assertTrue(self.connection.transport.aborted)

    def test_a_client_that_does_not_read_is_cut_off(self) -> None:
        self.connection.send(get())
        self.connection.channel.pauseProducing()
        self.world.wait(59)
        self.assertFalse(self.connection.transport.aborted)
        self.world.wait(3)
        self.assertTrue(self.connection.transport.aborted)

    def test_a_client_that_reads_slowly_is_not(self) -> None:
        channel = self.connection.channel
        for _ in range(5):
            channel.pauseProducing()
            self.world.wait(40)
            channel.resumeProducing()
        self.assertFalse(self.connection.transport.aborted)

    def test_a_client_that_never_takes_the_last_answer_is_cut_off(self) -> None:
        self.connection.send(get(b"/", b"Connection: close"))
        self.assertTrue(self.connection.transport.disconnecting)
        self.world.wait(62)
        self.assertTrue(self.connection.transport.aborted)


class WriteFlowTests(ChannelTestCase):
    def test_no_request_is_begun_while_the_send_buffer_is_full(self) -> None:
        channel = self.connection.channel
        channel.pauseProducing()
        self.connection.send(get(b"/1"))
        self.assertEqual(self.service.exchanges, [])
        self.assertFalse(self.connection.reading)
        self.connection.send(get(b"/2"))
        channel.resumeProducing()
        self.assertEqual(self.statuses(), [200, 200])
        self.assertTrue(self.connection.reading)

    def test_a_body_begun_in_that_time_is_read_afterwards(self) -> None:
        self.service.answer = self.service.echo_body
        channel = self.connection.channel
        channel.pauseProducing()
        self.connection.send(put(b"hello")[:-2])
        self.assertFalse(self.connection.reading)
        channel.resumeProducing()
        self.assertTrue(self.connection.reading)
        self.connection.send(b"lo")
        self.assertEqual(self.connection.answers()[0][2], b"hello")

    def test_a_half_closed_client_waits_for_room_too(self) -> None:
        channel = self.connection.channel
        channel.pauseProducing()
        self.connection.send(get(b"/1"))
        channel.readConnectionLost()
        self.assertFalse(self.connection.transport.closed)
        channel.resumeProducing()
        self.assertEqual(self.statuses(), [200])
        self.assertTrue(self.connection.transport.disconnecting)
