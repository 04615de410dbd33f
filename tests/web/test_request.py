"""The lean request is an IRequest, and resources can answer through it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import CACHED
from twisted.web.iweb import IRequest
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from zope.interface.verify import verifyObject

from tests.web.support import START_S, Connection, World, get, put
from z4tw.web.request import Z4Request
from z4tw.web.site import Z4Site


class Page(Resource):
    """Renders by a function and keeps the request."""

    isLeaf = True

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        super().__init__()
        self.answer = answer
        self.requests: list[Z4Request] = []

    def render(self, request: Any) -> Any:
        self.requests.append(request)
        return self.answer(request)


class RequestTestCase(SynchronousTestCase):
    def serve(self, answer: Callable[[Any], Any]) -> Connection:
        self.world = World()
        self.page = Page(answer)
        self.world.site = Z4Site(
            self.page, self.world.responder, self.world.metrics,
            reactor=self.world.clock, now=self.world.clock.seconds, request_id_seed=0,
        )  # fmt: skip
        return self.world.connect()

    def request(self, raw: bytes) -> Z4Request:
        self.serve(lambda request: NOT_DONE_YET).send(raw)
        [request] = self.page.requests
        return request


class AskedTests(RequestTestCase):
    def test_it_is_a_request(self) -> None:
        verifyObject(IRequest, self.request(get()))

    def test_the_request_line(self) -> None:
        request = self.request(get(b"/a%20b/c?x=1&x=2&y=&z=%20", method=b"DELETE"))
        self.assertEqual(request.method, b"DELETE")
        self.assertEqual(request.uri, b"/a%20b/c?x=1&x=2&y=&z=%20")
        self.assertEqual(request.path, b"/a%20b/c")
        self.assertEqual(request.args, {b"x": [b"1", b"2"], b"y": [b""], b"z": [b" "]})
        self.assertEqual(request.postpath, [b"a b", b"c"])
        self.assertEqual((request.prepath, request.sitepath), ([], []))

    def test_headers(self) -> None:
        request = self.request(get(b"/", b"X-A: b", b"Cookie: q=1; r=2"))
        self.assertEqual(request.getHeader("X-a"), "b")
        self.assertEqual(request.getHeader(b"X-a"), b"b")
        self.assertIsNone(request.getHeader(b"none"))
        self.assertIsNone(request.getHeader("none"))
        self.assertEqual(request.getAllHeaders()[b"x-a"], b"b")
        self.assertEqual(request.requestHeaders.getRawHeaders(b"X-A"), [b"b"])
        self.assertEqual(request.getCookie(b"r"), b"2")
        self.assertIsNone(request.getCookie(b"s"))

    def test_addresses(self) -> None:
        request = self.request(get())
        self.assertEqual(request.getHost(), IPv4Address("TCP", "10.0.0.1", 12345))
        self.assertEqual(request.getClientAddress(), IPv4Address("TCP", "192.0.2.7", 40000))
        self.assertEqual(request.getClientIP(), "192.0.2.7")
        self.assertEqual(request.getRequestHostname(), b"s3.test")
        self.assertFalse(request.isSecure())
        request.setHost(b"proxy.test", 443, ssl=True)
        self.assertEqual(request.getHost(), IPv4Address("TCP", "proxy.test", 443))
        self.assertTrue(request.isSecure())

    def test_host_names(self) -> None:
        for host, name in ((b"a:80", b"a"), (b"[::1]:80", b"[::1]"), (b"", b"10.0.0.1")):
            request = self.request(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
            self.assertEqual(request.getRequestHostname(), name)

    def test_basic_credentials(self) -> None:
        request = self.request(get(b"/", b"Authorization: Basic dXNlcjpwYXNz"))
        self.assertEqual((request.getUser(), request.getPassword()), (b"user", b"pass"))
        for other in (b"Basic !", b"AWS4-HMAC-SHA256 x"):
            request = self.request(get(b"/", b"Authorization: " + other))
            self.assertEqual((request.getUser(), request.getPassword()), (b"", b""))

    def test_urls(self) -> None:
        request = self.request(get(b"/a/b?x"))
        self.assertEqual(str(request.URLPath()), "http://s3.test/a/b")
        self.assertIsNone(request.getRootURL())
        request.prepath = [b"a", b"b c"]
        self.assertEqual(request.prePathURL(), b"http://s3.test/a/b%20c")
        request.rememberRootURL()
        self.assertEqual(request.getRootURL(), b"http://s3.test/a")

    def test_content(self) -> None:
        self.assertEqual(self.request(put(b"hello")).content.read(), b"hello")
        self.assertEqual(self.request(get()).content.read(), b"")

    def test_there_are_no_sessions(self) -> None:
        self.assertRaises(RuntimeError, self.request(get()).getSession)


class AnswerTests(RequestTestCase):
    def test_rendered_bytes(self) -> None:
        connection = self.serve(lambda request: b"page")
        connection.send(get() + get(method=b"HEAD"))
        first, second = connection.output.split(b"page")
        self.assertIn(b"Server: z4tw\r\nDate: Wed, 21 Oct 2015 07:28:00 GMT\r\n", first)
        self.assertIn(b"content-length: 4", second.lower())

    def test_written_pieces_are_chunked(self) -> None:
        def answer(request: Any) -> Any:
            request.setHeader("X-A", "b")
            for piece in (b"one", b"", b"two"):
                request.write(piece)
            request.finish()
            return NOT_DONE_YET

        connection = self.serve(answer)
        connection.send(get() + get())
        answers = connection.answers()
        self.assertEqual([body for _, _, body in answers], [b"onetwo", b"onetwo"])
        self.assertEqual(answers[0][1]["x-a"], "b")

    def test_http_1_0_gets_the_end_of_the_connection_instead_of_chunks(self) -> None:
        def answer(request: Any) -> Any:
            request.write(b"one")
            request.write(b"two")
            request.finish()
            return NOT_DONE_YET

        connection = self.serve(answer)
        connection.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        self.assertTrue(connection.output.endswith(b"Connection: close\r\n\r\nonetwo"))
        self.assertTrue(connection.transport.disconnecting)

    def test_http_1_0_stays_open_when_the_length_is_known(self) -> None:
        connection = self.serve(lambda request: b"page")
        connection.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        self.assertEqual(connection.answers()[0][1]["connection"], "keep-alive")
        self.assertFalse(connection.transport.closed)

    def test_finish_alone_is_an_empty_answer(self) -> None:
        def answer(request: Any) -> Any:
            request.setResponseCode(202, b"Fine\r\nX: y")
            request.finish()
            return NOT_DONE_YET

        connection = self.serve(answer)
        connection.send(get())
        self.assertTrue(connection.output.startswith(b"HTTP/1.1 202 Fine X: y\r\n"))
        self.assertEqual(connection.answers()[0][1]["content-length"], "0")

    def test_redirect(self) -> None:
        def answer(request: Any) -> bytes:
            request.redirect(b"/there")
            return b""

        connection = self.serve(answer)
        connection.send(get())
        status, headers, _ = connection.answers()[0]
        self.assertEqual((status, headers["location"]), (302, "/there"))

    def test_header_values_cannot_split_the_answer(self) -> None:
        def answer(request: Any) -> bytes:
            request.setHeader(b"x-a", b"b\r\nX-Evil: c")
            return b""

        connection = self.serve(answer)
        connection.send(get())
        self.assertNotIn("x-evil", connection.answers()[0][1])

    def test_cookies(self) -> None:
        def answer(request: Any) -> bytes:
            request.addCookie("a", "b", path="/x", max_age="5", secure=True)
            with self.assertRaises(ValueError):
                request.addCookie("a", "b; Domain=evil")
            return b""

        connection = self.serve(answer)
        connection.send(get())
        self.assertEqual(
            connection.answers()[0][1]["set-cookie"], "a=b; Path=/x; Max-Age=5; Secure"
        )

    def test_conditional_answers(self) -> None:
        results: list[object] = []

        def answer(request: Any) -> bytes:
            results.append(request.setETag(b'"e"'))
            results.append(request.setLastModified(START_S))
            return b""

        connection = self.serve(answer)
        connection.send(get(b"/", b'If-None-Match: "x" "e"'))
        connection.send(get(b"/", b"If-Modified-Since: Wed, 21 Oct 2015 07:28:00 GMT"))
        connection.send(get(b"/", b"If-Modified-Since: Wed, 21 Oct 2015 07:27:59 GMT"))
        connection.send(get(b"/", b"If-Modified-Since: nonsense"))
        connection.send(get(b"/", b"If-None-Match: *", method=b"PUT"))
        self.assertEqual(results, [CACHED, None, None, CACHED, *[None] * 4, CACHED, None])
        statuses = [status for status, _, _ in connection.answers()]
        self.assertEqual(statuses, [304, 304, 200, 200, 412])

    def test_a_resource_that_fails_says_nothing(self) -> None:
        def answer(request: Any) -> bytes:
            raise KeyError("secret")

        connection = self.serve(answer)
        connection.send(get())
        status, _, body = connection.answers()[0]
        self.assertEqual((status, body), (500, b""))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_a_resource_that_fails_in_its_answer_is_cut_off(self) -> None:
        def answer(request: Any) -> bytes:
            request.write(b"half")
            raise KeyError("secret")

        connection = self.serve(answer)
        connection.send(get())
        self.assertTrue(connection.transport.aborted)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_notify_finish(self) -> None:
        connection = self.serve(lambda request: NOT_DONE_YET)
        connection.send(get())
        [request] = self.page.requests
        first, second = request.notifyFinish(), request.notifyFinish()
        self.assertNoResult(first)
        request.finish()
        self.successResultOf(first)
        self.successResultOf(second)

    def test_a_request_is_finished_once(self) -> None:
        connection = self.serve(lambda request: NOT_DONE_YET)
        connection.send(get() + get())
        first = self.page.requests[0]
        first.finish()
        second = self.page.requests[-1]
        self.assertIsNot(first, second)
        self.assertRaises(RuntimeError, first.finish)
        self.assertIs(connection.channel.request, second)

    def test_writing_for_a_lost_client_does_nothing(self) -> None:
        connection = self.serve(lambda request: NOT_DONE_YET)
        connection.send(get())
        [request] = self.page.requests
        lost = request.notifyFinish()
        connection.lose()
        self.failureResultOf(lost)
        request.write(b"x")
        request.finish()
        self.assertEqual(connection.output, b"")
