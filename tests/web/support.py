"""What the tests of the HTTP front share: a transport, a service to script, and a site."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from z4tw.errors import S3Error
from z4tw.interfaces import Exchange, IBodySource, IS3Service, S3Response
from z4tw.web.access_log import AccessLog
from z4tw.web.channel import HttpChannel
from z4tw.web.limits import HttpLimits
from z4tw.web.metrics import Metrics
from z4tw.web.resources import RootResource, S3Leaf
from z4tw.web.responder import Responder
from z4tw.web.site import Z4Site

START_S = 1_445_412_480.0  # Wed, 21 Oct 2015 07:28:00 GMT


class Transport(StringTransport):
    """A transport that says how it was ended and whose send buffer can be declared full."""

    def __init__(self) -> None:
        super().__init__(peerAddress=IPv4Address("TCP", "192.0.2.7", 40000))
        self.no_delay = False
        self.write_closed = False
        self.aborted = False

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.no_delay = enabled

    def loseWriteConnection(self) -> None:
        self.write_closed = True

    def abortConnection(self) -> None:
        self.aborted = True
        super().abortConnection()

    @property
    def closed(self) -> bool:
        return self.disconnecting or self.write_closed


def document(error: S3Error, resource: str, request_id: str, host_id: str) -> bytes:
    """An error document that is easy to look into."""
    return f"<Error>{error.code}|{resource}|{request_id}|{host_id}</Error>".encode()


@implementer(IS3Service)
class Service:
    """Answers with what ``answer`` gives, and keeps the exchanges."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.answer: Callable[[Exchange], Awaitable[S3Response]] = self.echo_target

    def respond(self, exchange: Exchange) -> Awaitable[S3Response]:
        self.exchanges.append(exchange)
        return self.answer(exchange)

    async def echo_target(self, exchange: Exchange) -> S3Response:
        exchange.operation = "GetObject"
        return S3Response(200, [("Content-Type", "text/plain")], exchange.head.target)

    async def echo_body(self, exchange: Exchange) -> S3Response:
        exchange.operation = "PutObject"
        pieces = []
        while piece := await exchange.body.read():
            pieces.append(piece)
        return S3Response(200, [], b"".join(pieces))


@implementer(IBodySource)
class Source:
    """A body source from a list of pieces, of Deferreds and of exceptions."""

    def __init__(self, size: int, pieces: list[Any]) -> None:
        self.size = size
        self.pieces = list(pieces)
        self.asked = 0
        self.closed = 0

    async def next(self) -> bytes:
        self.asked += 1
        piece = self.pieces.pop(0) if self.pieces else b""
        if isinstance(piece, Exception):
            raise piece
        if not isinstance(piece, bytes):
            piece = await piece
        return bytes(piece)

    def close(self) -> None:
        self.closed += 1


class LogSink:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.data = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.data += data

    def close(self) -> None:
        self.closed = True


class World:
    """A site with everything that it needs, and as many connections as a test makes."""

    def __init__(self, limits: HttpLimits | None = None, **root: Any) -> None:
        self.clock = Clock()
        self.clock.advance(START_S)
        self.metrics = Metrics()
        self.sink = LogSink()
        self.log = AccessLog(self.sink, self.clock)
        self.service = Service()
        self.responder = Responder(
            metrics=self.metrics,
            access_log=self.log,
            now=self.clock.seconds,
            host_id="node1",
            error_document=document,
        )
        self.root = RootResource(
            S3Leaf(self.service, self.responder),
            self.responder,
            **{"ready": lambda: True, **root},
        )
        self.site = Z4Site(
            self.root,
            self.responder,
            self.metrics,
            reactor=self.clock,
            now=self.clock.seconds,
            request_id_seed=0,
            limits=limits,
        )
        self.site.doStart()

    def connect(self) -> Connection:
        return Connection(self)

    def wait(self, seconds: float) -> None:
        """Let time pass in steps of the sweep."""
        for _ in range(int(seconds)):
            self.clock.advance(1)


class Connection:
    """The client's end of one connection."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.transport = Transport()
        channel = world.site.buildProtocol(None)
        assert channel is not None
        self.channel: HttpChannel = channel
        channel.makeConnection(self.transport)

    def send(self, data: bytes, step: int = 0) -> None:
        """Bytes arrive: at once, or ``step`` at a time, until the server stops to read."""
        if not step:
            self.channel.dataReceived(data)
            return
        for at in range(0, len(data), step):
            if self.transport.disconnecting:
                return
            self.channel.dataReceived(data[at : at + step])

    def lose(self) -> None:
        self.channel.connectionLost(Failure(ConnectionDone()))

    @property
    def output(self) -> bytes:
        value: bytes = self.transport.value()
        return value

    @property
    def reading(self) -> bool:
        return self.transport.producerState == "producing"

    def answers(self, head: bool = False) -> list[tuple[int, dict[str, str], bytes]]:
        """The answers so far: (status, headers by lower-case name, body)."""
        return parse_answers(self.output, head)


def parse_answers(data: bytes, head: bool = False) -> list[tuple[int, dict[str, str], bytes]]:
    """Split what a server wrote into answers; ``head``: they answer HEAD and have no bodies."""
    answers = []
    while data:
        block, _, data = data.partition(b"\r\n\r\n")
        lines = block.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(": ")
            assert name.lower() not in headers, name
            headers[name.lower()] = value
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while True:
                size_text, _, data = data.partition(b"\r\n")
                size = int(size_text, 16)
                body += data[:size]
                data = data[size + 2 :]
                if not size:
                    break
        elif not head and status >= 200:
            size = int(headers.get("content-length", "0"))
            body, data = data[:size], data[size:]
        answers.append((status, headers, body))
    return answers


def get(target: bytes = b"/b/k", *lines: bytes, method: bytes = b"GET") -> bytes:
    """A request without a body."""
    head = [method + b" " + target + b" HTTP/1.1", b"Host: s3.test", *lines]
    return b"\r\n".join(head) + b"\r\n\r\n"


def put(body: bytes, *lines: bytes, target: bytes = b"/b/k") -> bytes:
    """A request with a body."""
    length = b"Content-Length: %d" % len(body)
    return get(target, length, *lines, method=b"PUT") + body
