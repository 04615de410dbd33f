"""Answers of one reactor turn go to the socket together, whole and in order."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.web.support import World


class Socket:
    """Takes up to ``room`` bytes at a time."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.room = 1 << 30

    def send(self, data: bytes) -> int:
        taken = data[: self.room]
        self.sent.append(taken)
        return len(taken)


class GatheringTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = World()
        connection = self.world.connect()
        self.channel = connection.channel
        self.transport = connection.transport
        # What the channel looks at in Twisted's TCP transports before it writes past them.
        self.transport.dataBuffer = b""
        self.transport._tempDataLen = 0
        self.socket = self.channel._socket = Socket()

    def test_small_pieces_wait_for_the_end_of_the_turn(self) -> None:
        self.channel.send(b"one ")
        self.channel.send(b"two")
        self.assertEqual(self.socket.sent, [])
        self.world.clock.advance(0)
        self.assertEqual(self.socket.sent, [b"one two"])
        self.channel.send(b"three")
        self.world.clock.advance(0)
        self.assertEqual(self.socket.sent[1:], [b"three"])

    def test_a_large_piece_goes_at_once_after_what_waits(self) -> None:
        large = bytes(100_000)
        self.channel.send(b"head")
        self.channel.send(large)
        self.assertEqual(self.socket.sent, [b"head", large])
        self.world.clock.advance(0)
        self.assertEqual(len(self.socket.sent), 2)

    def test_what_waits_is_bounded(self) -> None:
        for _ in range(100):
            self.channel.send(bytes(1000))
        self.assertLess(self.channel._pending_bytes, 40_000)
        self.world.clock.advance(0)
        self.assertEqual(sum(map(len, self.socket.sent)), 100_000)

    def test_what_the_socket_does_not_take_goes_to_the_transport(self) -> None:
        self.socket.room = 3
        self.channel.send(b"abcdefg")
        self.world.clock.advance(0)
        self.assertEqual((self.socket.sent, self.transport.value()), ([b"abc"], b"defg"))

    def test_an_answer_is_sent_before_its_connection_is_closed(self) -> None:
        self.channel.send(b"last words")
        self.channel.close()
        self.assertEqual(self.socket.sent, [b"last words"])

    def test_an_aborted_connection_sends_no_more(self) -> None:
        self.channel.send(b"half an answer")
        self.channel.abort()
        self.world.clock.advance(0)
        self.assertEqual(self.socket.sent, [])
