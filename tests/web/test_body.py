"""Request bodies are read at the reader's pace."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from z4tw.errors import ClientDisconnected, RequestTimeout
from z4tw.interfaces import IRequestBody
from z4tw.web.body import EMPTY_BODY, RequestBody


class Flow:
    def __init__(self) -> None:
        self.continues = 0
        self.taken = 0

    def send_continue(self) -> None:
        self.continues += 1

    def body_taken(self) -> None:
        self.taken += 1


class RequestBodyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.flow = Flow()
        self.body = RequestBody(self.flow)

    def read(self) -> Deferred[bytes]:
        return Deferred.fromCoroutine(self.body.read())

    def test_it_is_what_the_operations_expect(self) -> None:
        verifyObject(IRequestBody, self.body)
        verifyObject(IRequestBody, EMPTY_BODY)

    def test_what_has_come_is_read_at_once_and_joined(self) -> None:
        self.body.add([b"ab", b"cd"])
        self.assertEqual(self.body.size, 4)
        self.assertEqual(self.successResultOf(self.read()), b"abcd")
        self.assertEqual(self.body.size, 0)
        self.assertEqual((self.flow.continues, self.flow.taken), (0, 1))

    def test_a_large_piece_is_read_alone_and_not_copied(self) -> None:
        large = bytes(256 * 1024)
        self.body.add([large, b"ab", b"cd"])
        self.assertIs(self.successResultOf(self.read()), large)
        self.assertEqual((self.body.size, self.flow.taken), (4, 0))
        self.assertEqual(self.successResultOf(self.read()), b"abcd")
        self.assertEqual((self.body.size, self.flow.taken), (0, 1))

    def test_a_read_of_nothing_asks_the_client_to_go_on_and_waits(self) -> None:
        reading = self.read()
        self.assertNoResult(reading)
        self.assertEqual(self.flow.continues, 1)
        self.body.add([b"x"])
        self.body.wake()
        self.assertEqual(self.successResultOf(reading), b"x")

    def test_the_end_is_an_empty_read_every_time(self) -> None:
        self.body.add([b"x"])
        self.body.complete = True
        self.assertEqual(self.successResultOf(self.read()), b"x")
        self.assertEqual(self.successResultOf(self.read()), b"")
        self.assertEqual(self.successResultOf(self.read()), b"")

    def test_a_waiting_reader_sees_an_end_without_bytes(self) -> None:
        reading = self.read()
        self.body.complete = True
        self.body.wake()
        self.assertEqual(self.successResultOf(reading), b"")

    def test_two_readers_at_once_are_a_defect(self) -> None:
        first = self.read()
        self.failureResultOf(self.read(), RuntimeError)
        self.body.complete = True
        self.body.wake()
        self.assertEqual(self.successResultOf(first), b"")

    def test_a_failure_reaches_the_waiting_reader_and_later_ones(self) -> None:
        reading = self.read()
        self.body.fail(ClientDisconnected("gone"))
        self.failureResultOf(reading, ClientDisconnected)
        self.failureResultOf(self.read(), ClientDisconnected)

    def test_a_failure_comes_before_what_lies_unread(self) -> None:
        self.body.add([b"x"])
        self.body.fail(RequestTimeout())
        self.body.fail(ClientDisconnected("later"))
        self.failureResultOf(self.read(), RequestTimeout)
        self.assertEqual(self.body.size, 0)

    def test_a_complete_body_cannot_fail(self) -> None:
        self.body.add([b"x"])
        self.body.complete = True
        self.body.fail(ClientDisconnected("gone"))
        self.assertEqual(self.successResultOf(self.read()), b"x")

    def test_take_all_gives_a_body_only_whole_and_once(self) -> None:
        self.body.add([b"ab"])
        self.assertIsNone(self.body.take_all())
        self.body.add([b"cd"])
        self.body.complete = True
        self.assertEqual(self.body.take_all(), b"abcd")
        self.assertIsNone(self.body.take_all())
        self.assertEqual(self.successResultOf(self.read()), b"")

    def test_take_all_gives_nothing_once_a_read_began(self) -> None:
        self.body.add([b"ab"])
        self.assertEqual(self.successResultOf(self.read()), b"ab")
        self.body.add([b"cd"])
        self.body.complete = True
        self.assertIsNone(self.body.take_all())

    def test_tiny_pieces_are_joined_while_they_wait(self) -> None:
        for _ in range(5000):
            self.body.add([b"x"])
        self.assertLess(len(self.body._pieces), 1100)
        self.assertEqual(self.successResultOf(self.read()), b"x" * 5000)

    def test_no_body_is_empty(self) -> None:
        self.assertEqual(EMPTY_BODY.take_all(), b"")
        reading = Deferred.fromCoroutine(EMPTY_BODY.read())
        self.assertEqual(self.successResultOf(reading), b"")
