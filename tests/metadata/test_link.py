"""Both ends of a process link: asking, answering, failing, losing."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport
from twisted.test.iosim import FakeTransport, connect
from twisted.trial.unittest import SynchronousTestCase

from z4tw.errors import InternalError, NoSuchKey, ServiceUnavailable
from z4tw.metadata.link import Link
from z4tw.metadata.wire import VERSION, Answer, Hello, WireError, encode_frame


class LinkTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.lost: list[str] = []
        self.waiting: list[tuple[str, bytes, Deferred[bytes]]] = []
        self.one = Link(on_lost=lambda: self.lost.append("one"))
        self.other = Link(self.serve, lambda: self.lost.append("other"), bounded=True)
        self.pump = connect(
            self.other,
            FakeTransport(self.other, isServer=True),
            self.one,
            FakeTransport(self.one, isServer=False),
        )
        self.pump.flush()

    async def serve(self, name: str, payload: bytes) -> bytes:
        answer: Deferred[bytes] = Deferred()
        self.waiting.append((name, payload, answer))
        return await answer

    def ask(self, name: str = "x", payload: bytes = b"") -> Deferred[bytes]:
        asked = self.one.request(name, payload)
        self.pump.flush()
        return asked

    def test_answers_reach_their_asker_in_any_order(self) -> None:
        first, second = self.ask("a", b"1"), self.ask("b", b"2")
        assert [(name, payload) for name, payload, _ in self.waiting] == [("a", b"1"), ("b", b"2")]
        self.waiting[1][2].callback(b"second")
        self.waiting[0][2].callback(b"first")
        self.pump.flush()
        assert self.successResultOf(first) == b"first"
        assert self.successResultOf(second) == b"second"

    def test_an_s3_error_crosses_as_it_is(self) -> None:
        asked = self.ask()
        self.waiting[0][2].errback(NoSuchKey("gone", Key="k"))
        self.pump.flush()
        error = self.failureResultOf(asked, NoSuchKey).value
        assert (error.message, error.details) == ("gone", {"Key": "k"})

    def test_any_other_exception_is_logged_there_and_an_internal_error_here(self) -> None:
        asked = self.ask()
        self.waiting[0][2].errback(KeyError("secret"))
        self.pump.flush()
        error = self.failureResultOf(asked, InternalError).value
        assert "secret" not in str(error)
        assert len(self.flushLoggedErrors(KeyError)) == 1

    def test_an_end_without_requests_of_its_own_refuses_them(self) -> None:
        asked = self.other.request("metrics", b"")
        self.pump.flush()
        self.failureResultOf(asked, InternalError)

    def test_losing_the_connection_fails_what_was_asked_and_tells_both_ends(self) -> None:
        asked = self.ask()
        self.other.close()
        self.pump.flush()
        self.failureResultOf(asked, ServiceUnavailable)
        assert sorted(self.lost) == ["one", "other"]
        self.failureResultOf(self.one.request("x", b""), ServiceUnavailable)
        self.waiting[0][2].callback(b"too late")  # nobody is there: no error either

    def test_a_request_too_long_for_a_frame_leaves_no_trace(self) -> None:
        self.assertRaises(WireError, self.one.request, "x", bytes(17 * 1024 * 1024))
        asked = self.ask()
        self.waiting[0][2].callback(b"fine")
        self.pump.flush()
        assert self.successResultOf(asked) == b"fine"


class BrokenPeerTests(SynchronousTestCase):
    def start(self, **options: Any) -> tuple[Link, StringTransport]:
        link, transport = Link(**options), StringTransport()
        link.makeConnection(transport)
        return link, transport

    def test_a_stream_of_another_protocol_ends_the_connection(self) -> None:
        link, transport = self.start()
        link.dataReceived(b"GET / HTTP/1.1\r\n\r\n")
        assert transport.disconnecting
        self.failureResultOf(link.request("x", b""), ServiceUnavailable)

    def test_an_answer_that_nobody_asked_for_is_ignored(self) -> None:
        link, transport = self.start()
        link.dataReceived(encode_frame(Hello(VERSION)) + encode_frame(Answer(9, b"?")))
        assert not transport.disconnecting

    def test_reading_pauses_while_the_peer_does_not_take_its_answers(self) -> None:
        _, transport = self.start(bounded=True)
        assert transport.producer is not None
        transport.producer.pauseProducing()
        assert transport.producerState == "paused"
        transport.producer.resumeProducing()
        assert transport.producerState == "producing"
