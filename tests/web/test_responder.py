"""One place makes answers: whole ones, streams, errors, and what is counted and logged."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.web.support import Connection, Source, World, get, put
from z4tw.errors import (
    CorruptBlob,
    NoSuchKey,
    NotModified,
    PreconditionFailed,
    ServiceUnavailable,
)
from z4tw.interfaces import Exchange, S3Response
from z4tw.web.metrics import render

MIB = 1024 * 1024


class ResponderTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = World()
        self.connection = self.world.connect()

    def answer_with(self, result: Any) -> None:
        async def answer(exchange: Exchange) -> S3Response:
            exchange.operation = "GetObject"
            exchange.bucket, exchange.key = "b", "k"
            if isinstance(result, Exception):
                raise result
            if isinstance(result, Deferred):
                response: S3Response = await result
                return response
            return result  # type: ignore[no-any-return]

        self.world.service.answer = answer

    def one(self, connection: Connection | None = None) -> tuple[int, dict[str, str], bytes]:
        [answer] = (connection or self.connection).answers()
        return answer

    def log(self) -> list[dict[str, Any]]:
        self.world.log.flush()
        return [json.loads(line) for line in self.world.sink.data.splitlines()]


class WholeAnswerTests(ResponderTestCase):
    def test_the_bytes_of_an_answer(self) -> None:
        self.answer_with(S3Response(200, [("ETag", '"e"'), ("X-B", "c")], b"hello"))
        self.connection.send(get())
        request_id = self.world.service.exchanges[0].head.request_id.encode()
        self.assertEqual(
            self.connection.output,
            b"HTTP/1.1 200 OK\r\n"
            b"Server: z4tw\r\n"
            b"Date: Wed, 21 Oct 2015 07:28:00 GMT\r\n"
            b"x-amz-id-2: node1\r\n"
            b"x-amz-request-id: " + request_id + b"\r\n"
            b'ETag: "e"\r\n'
            b"X-B: c\r\n"
            b"Content-Length: 5\r\n"
            b"\r\n"
            b"hello",
        )

    def test_a_small_answer_is_one_write(self) -> None:
        writes: list[bytes] = []
        self.connection.transport.write = writes.append  # type: ignore[method-assign]
        self.connection.send(get())
        self.assertEqual(len(writes), 1)

    def test_head_states_the_length_that_get_would_have(self) -> None:
        self.answer_with(S3Response(200, [], b"", content_length=12345))
        self.connection.send(get(method=b"HEAD"))
        [(status, headers, body)] = self.connection.answers(head=True)
        self.assertEqual((status, headers["content-length"], body), (200, "12345", b""))

    def test_head_with_a_body_sends_none_of_it(self) -> None:
        self.answer_with(S3Response(200, [], b"hello"))
        self.connection.send(get(method=b"HEAD"))
        self.assertTrue(self.connection.output.endswith(b"Content-Length: 5\r\n\r\n"))

    def test_head_with_a_source_closes_it_unread(self) -> None:
        source = Source(77, [b"x"])
        self.answer_with(S3Response(200, [], source))
        self.connection.send(get(method=b"HEAD"))
        self.assertTrue(self.connection.output.endswith(b"Content-Length: 77\r\n\r\n"))
        self.assertEqual((source.asked, source.closed), (0, 1))

    def test_no_content_has_neither_body_nor_length(self) -> None:
        self.answer_with(S3Response(204, [("X", "y")]))
        self.connection.send(get(method=b"DELETE"))
        self.assertTrue(self.connection.output.endswith(b"X: y\r\n\r\n"))
        self.assertNotIn(b"Content-Length", self.connection.output)

    def test_a_header_that_would_split_the_answer_is_an_internal_error(self) -> None:
        self.answer_with(S3Response(200, [("x-amz-meta-a", "b\r\nSet-Cookie: c")], b"secret"))
        self.connection.send(get())
        status, headers, body = self.one()
        self.assertEqual(status, 500)
        self.assertNotIn("set-cookie", headers)
        self.assertNotIn(b"secret", body)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_headers_of_the_exchange_are_on_every_answer(self) -> None:
        for result in (S3Response(200), NoSuchKey(), NotModified(), RuntimeError("a defect")):

            async def answer(exchange: Exchange, result: Any = result) -> S3Response:
                exchange.headers = (("Access-Control-Allow-Origin", "http://a"),)
                if isinstance(result, Exception):
                    raise result
                return result  # type: ignore[no-any-return]

            self.world.service.answer = answer
            connection = self.world.connect()
            connection.send(get())
            headers = self.one(connection)[1]
            self.assertEqual(headers["access-control-allow-origin"], "http://a")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_an_error_that_would_split_the_answer_cuts_the_connection_off(self) -> None:
        error = NoSuchKey()
        error.headers.append(("x", "a\nb"))
        self.answer_with(error)
        self.connection.send(get())
        self.assertEqual(self.connection.output, b"")
        self.assertTrue(self.connection.transport.aborted)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertEqual(self.world.metrics.in_flight, 0)


class ErrorTests(ResponderTestCase):
    def test_an_s3_error_is_its_document(self) -> None:
        error = NoSuchKey(Key="k")
        error.headers.append(("x-amz-delete-marker", "true"))
        self.answer_with(error)
        self.connection.send(get())
        status, headers, body = self.one()
        self.assertEqual(status, 404)
        self.assertEqual(headers["content-type"], "application/xml")
        self.assertEqual(headers["x-amz-delete-marker"], "true")
        request_id = headers["x-amz-request-id"].encode()
        self.assertEqual(body, b"<Error>NoSuchKey|/b/k|" + request_id + b"|node1</Error>")
        self.assertFalse(self.connection.transport.closed)

    def test_an_error_before_routing_names_the_path(self) -> None:
        async def answer(exchange: Exchange) -> S3Response:
            raise ServiceUnavailable

        self.world.service.answer = answer
        self.connection.send(get(b"/x%20y?z=1"))
        self.assertIn(b"|/x%20y|", self.one()[2])

    def test_not_modified_has_no_body(self) -> None:
        error = NotModified()
        error.headers.append(("ETag", '"e"'))
        self.answer_with(error)
        self.connection.send(get() + get(b"/next"))
        for status, headers, _ in self.connection.answers():
            self.assertEqual((status, headers["etag"]), (304, '"e"'))
            self.assertNotIn("content-length", headers)

    def test_an_error_of_head_has_no_body(self) -> None:
        self.answer_with(PreconditionFailed())
        self.connection.send(get(method=b"HEAD") + get(method=b"HEAD"))
        answers = self.connection.answers(head=True)
        self.assertEqual([status for status, _, _ in answers], [412, 412])
        self.assertNotIn(b"<Error>", self.connection.output)

    def test_a_defect_is_logged_and_says_nothing(self) -> None:
        self.answer_with(KeyError("the secret"))
        self.connection.send(get())
        status, _, body = self.one()
        self.assertEqual(status, 500)
        self.assertIn(b"InternalError", body)
        self.assertNotIn(b"secret", self.connection.output)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_a_service_that_raises_instead_of_awaiting_is_a_defect_too(self) -> None:
        def answer(exchange: Exchange) -> Any:
            raise KeyError("at once")

        self.world.service.answer = answer
        self.connection.send(get())
        self.assertEqual(self.one()[0], 500)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_a_defect_without_a_client_is_still_logged(self) -> None:
        waiting: Deferred[S3Response] = Deferred()
        self.answer_with(waiting)
        self.connection.send(get())
        self.connection.lose()
        waiting.errback(KeyError("late"))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.assertEqual(self.log()[0]["status"], 499)


class StreamTests(ResponderTestCase):
    def test_a_stream_is_sent_whole(self) -> None:
        source = Source(6, [b"ab", b"cd", b"ef"])
        self.answer_with(S3Response(200, [("X", "y")], source))
        self.connection.send(get())
        status, headers, body = self.one()
        self.assertEqual((status, headers["content-length"], body), (200, "6", b"abcdef"))
        self.assertFalse(self.connection.transport.closed)
        self.assertEqual(source.closed, 1)

    def test_large_pieces_are_sent_as_they_are(self) -> None:
        pieces = [b"a" * 100_000, b"b" * 100_000]
        self.answer_with(S3Response(200, [], Source(200_000, pieces)))
        self.connection.send(get())
        self.assertEqual(self.one()[2], b"".join(pieces))

    def test_memoryviews_are_bytes_too(self) -> None:
        source = Source(4, [])
        views = [memoryview(b"abcd")[:2], memoryview(b"abcd")[2:]]

        async def give() -> Any:
            return views.pop(0)

        source.next = give  # type: ignore[method-assign]
        self.answer_with(S3Response(200, [], source))
        self.connection.send(get())
        self.assertEqual(self.one()[2], b"abcd")

    def test_an_empty_stream(self) -> None:
        source = Source(0, [])
        self.answer_with(S3Response(200, [], source))
        self.connection.send(get())
        status, headers, body = self.one()
        self.assertEqual((status, headers["content-length"], body), (200, "0", b""))
        self.assertEqual(source.closed, 1)

    def test_the_head_waits_for_the_first_piece(self) -> None:
        first: Deferred[bytes] = Deferred()
        self.answer_with(S3Response(200, [], Source(2, [first, b"b"])))
        self.connection.send(get())
        self.assertEqual(self.connection.output, b"")
        first.callback(b"a")
        self.assertEqual(self.one()[2], b"ab")

    def test_a_source_that_cannot_begin_is_an_error_answer(self) -> None:
        source = Source(2, [CorruptBlob("bad")])
        self.answer_with(S3Response(200, [], source))
        self.connection.send(get())
        self.assertEqual(self.one()[0], 500)
        self.assertEqual(source.closed, 1)
        self.assertFalse(self.connection.transport.closed)
        self.assertEqual(len(self.flushLoggedErrors(CorruptBlob)), 1)

    def test_a_source_that_breaks_cuts_the_connection_off(self) -> None:
        for error in (CorruptBlob("bad"), OSError(5, "I/O error")):
            connection = self.world.connect()
            source = Source(4, [b"ab", error])
            self.answer_with(S3Response(200, [], source))
            connection.send(get())
            self.assertTrue(connection.output.endswith(b"\r\n\r\nab"))
            self.assertTrue(connection.transport.aborted)
            self.assertEqual(source.closed, 1)
            self.assertEqual(len(self.flushLoggedErrors(type(error))), 1)
        self.assertEqual([line["error"] for line in self.log()], ["CorruptBlob", "OSError"])

    def test_a_source_of_the_wrong_length_cuts_the_connection_off(self) -> None:
        for pieces in ([b"ab"], [b"ab", b"cde"]):
            connection = self.world.connect()
            source = Source(4, list(pieces))
            self.answer_with(S3Response(200, [], source))
            connection.send(get())
            self.assertTrue(connection.transport.aborted)
            self.assertTrue(connection.output.endswith(b"\r\n\r\nab"))
            self.assertEqual(source.closed, 1)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)

    def test_a_source_that_begins_with_the_wrong_length_is_an_error_answer(self) -> None:
        for pieces in ([], [b"abcdef"]):
            connection = self.world.connect()
            self.answer_with(S3Response(200, [], Source(4, list(pieces))))
            connection.send(get())
            self.assertEqual(self.one(connection)[0], 500)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)

    def test_a_stream_stops_while_the_client_does_not_read(self) -> None:
        source = Source(6, [b"ab", b"cd", b"ef"])
        channel = self.connection.channel
        original = self.connection.transport.write

        def full(data: bytes) -> None:
            original(data)
            channel.pauseProducing()

        self.connection.transport.write = full  # type: ignore[method-assign]
        self.answer_with(S3Response(200, [], source))
        self.connection.send(get())
        self.assertEqual(source.asked, 1)
        channel.resumeProducing()
        self.assertEqual(source.asked, 2)
        channel.resumeProducing()
        self.assertEqual(self.one()[2], b"abcdef")
        self.assertEqual(source.closed, 1)

    def test_a_client_that_leaves_a_paused_stream(self) -> None:
        source = Source(6, [b"ab", b"cd", b"ef"])
        channel = self.connection.channel
        self.connection.transport.write = (  # type: ignore[method-assign]
            lambda data: channel.pauseProducing()
        )
        self.answer_with(S3Response(200, [], source))
        self.connection.send(get())
        self.connection.lose()
        self.assertEqual((source.asked, source.closed), (1, 1))
        [line] = self.log()
        self.assertEqual((line["status"], line["error"]), (200, "ClientDisconnected"))
        self.assertEqual(line["bytes_out"], 2)

    def test_a_client_that_leaves_while_the_source_reads(self) -> None:
        second: Deferred[bytes] = Deferred()
        source = Source(4, [b"ab", second])
        self.answer_with(S3Response(200, [], source))
        self.connection.send(get())
        self.connection.lose()
        before = self.connection.output
        second.callback(b"cd")
        self.assertEqual(self.connection.output, before)
        self.assertEqual(source.closed, 1)

    def test_a_client_that_leaves_before_the_first_piece(self) -> None:
        first: Deferred[bytes] = Deferred()
        source = Source(2, [first])
        self.answer_with(S3Response(200, [], source))
        self.connection.send(get())
        self.connection.lose()
        first.callback(b"ab")
        self.assertEqual((self.connection.output, source.closed), (b"", 1))
        self.assertEqual(self.log()[0]["status"], 499)

    def test_a_source_that_never_waits_lets_other_connections_in(self) -> None:
        source = Source(9 * MIB, [b"x" * MIB] * 9)
        self.answer_with(S3Response(200, [], source))
        self.connection.send(get())
        self.assertLess(source.asked, 9)
        asked = source.asked
        self.world.clock.advance(0)
        self.assertGreater(source.asked, asked)
        self.world.clock.advance(0)
        self.assertEqual(len(self.one()[2]), 9 * MIB)


class RecordTests(ResponderTestCase):
    def test_a_line_says_what_happened(self) -> None:
        async def answer(exchange: Exchange) -> S3Response:
            exchange.operation = "PutObject"
            exchange.bucket, exchange.key, exchange.version_id = "b", "k\n\x1b[2J", "v1"
            exchange.requester, exchange.access_key_id = "account", "AKIA"
            while await exchange.body.read():
                pass
            return S3Response(200, [], b"done")

        self.world.service.answer = answer
        raw = put(b"hello", b"User-Agent: boto3")
        self.connection.send(raw[:-3])
        self.world.clock.advance(0.25)
        self.connection.send(raw[-3:])
        request_id = self.world.service.exchanges[0].head.request_id
        self.assertEqual(
            self.log(),
            [
                {
                    "time": "2015-10-21T07:28:00.250Z", "request_id": request_id,
                    "remote": "192.0.2.7", "method": "PUT", "status": 200, "bytes_in": 5,
                    "bytes_out": 4, "duration_ms": 250.0, "operation": "PutObject", "bucket": "b",
                    "key": "k\n\x1b[2J", "version": "v1", "requester": "account",
                    "access_key": "AKIA", "user_agent": "boto3",
                }
            ],
        )  # fmt: skip
        self.assertEqual(self.world.sink.data.count(b"\n"), 1)
        self.assertNotIn(b"\x1b", self.world.sink.data)

    def test_counts(self) -> None:
        self.answer_with(S3Response(200, [], b"hello"))
        self.connection.send(get())
        self.answer_with(NoSuchKey())
        self.connection.send(get())
        self.connection.send(b"nonsense\r\n\r\n")
        text = render(self.world.metrics.snapshot())
        self.assertIn('z4_requests_total{operation="GetObject",status="200"} 1\n', text)
        self.assertIn('z4_requests_total{operation="GetObject",status="404"} 1\n', text)
        self.assertIn('z4_requests_total{operation="Unknown",status="400"} 1\n', text)
        self.assertIn(f"z4_bytes_sent_total {len(self.connection.output)}\n", text)
        self.assertIn("z4_requests_in_flight 0\n", text)
        self.assertIn("z4_open_connections 1\n", text)

    def test_in_flight(self) -> None:
        waiting: Deferred[S3Response] = Deferred()
        self.answer_with(waiting)
        self.connection.send(get())
        self.assertEqual(self.world.metrics.in_flight, 1)
        waiting.callback(S3Response(200))
        self.assertEqual(self.world.metrics.in_flight, 0)

    def test_a_clock_that_goes_back_gives_no_negative_duration(self) -> None:
        waiting: Deferred[S3Response] = Deferred()
        self.answer_with(waiting)
        self.connection.send(get())
        self.world.clock.rightNow -= 100
        waiting.callback(S3Response(200))
        self.assertEqual(self.log()[0]["duration_ms"], 0.0)
