"""One end of a connection between two processes of a node: asks, answers, and its loss."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from z4tw.errors import BY_CODE, InternalError, S3Error, ServiceUnavailable
from z4tw.metadata.wire import VERSION as WIRE_VERSION
from z4tw.metadata.wire import Answer, Ask, Failed, FrameReader, Hello, WireError, encode_frame

OnRequest = Callable[[str, bytes], Awaitable[bytes]]
"""Answers a request of the other end by its name; raising ``S3Error`` crosses the link as it is,
anything else as ``InternalError``."""


async def refuse_requests(name: str, payload: bytes) -> bytes:
    """An ``OnRequest`` of an end that answers nothing."""
    raise InternalError(f"no request is named {name}")


class Link(Protocol):
    """Both ends of the connection; asks are pipelined, answers come in any order.

    The frames of one turn of the event loop leave in one send (Twisted's transports gather
    them). ``on_lost`` is called when the connection is gone, after everything that was asked
    failed with ``ServiceUnavailable``: whether it was done is not known, and it is never asked
    again. ``bounded`` (for the end that is mostly asked) stops reading while the other end does
    not take its answers; both ends doing so could wait for each other for ever.
    """

    _log = Logger()

    def __init__(
        self,
        on_request: OnRequest = refuse_requests,
        on_lost: Callable[[], None] = lambda: None,
        bounded: bool = False,
    ) -> None:
        self._on_request = on_request
        self._on_lost = on_lost
        self._bounded = bounded
        self._frames = FrameReader()
        self._asked: dict[int, Deferred[bytes]] = {}
        self._last_id = 0
        self._up = False

    def connectionMade(self) -> None:
        """Greet the other end."""
        transport: Any = self.transport
        self._up = True
        if self._bounded:
            transport.registerProducer(_ReadPause(transport), True)
        transport.write(encode_frame(Hello(WIRE_VERSION)))

    def request(self, name: str, payload: bytes) -> Deferred[bytes]:
        """Ask the other end. Fails with ``ServiceUnavailable`` when the connection is not there or
        is lost, and with what the other end raised."""
        if not self._up:
            return fail(ServiceUnavailable())
        assert self.transport is not None
        self._last_id += 1
        frame = encode_frame(Ask(self._last_id, name, payload))
        asked: Deferred[bytes] = Deferred()
        self._asked[self._last_id] = asked
        self.transport.write(frame)
        return asked

    def dataReceived(self, data: bytes) -> None:
        """Take messages from the other end; a broken stream ends the connection."""
        try:
            messages = self._frames.feed(data)
        except WireError as error:
            self._log.error("Lost a process link: {error}", error=error)
            self.close()
            return
        for message in messages:
            if isinstance(message, Ask):
                Deferred.fromCoroutine(self._answer(message)).addErrback(self._defect)
            elif isinstance(message, Answer):
                asked = self._asked.pop(message.id, None)
                if asked is not None:
                    asked.callback(message.payload)
            elif isinstance(message, Failed):
                asked = self._asked.pop(message.id, None)
                if asked is not None:
                    kind = BY_CODE.get(message.code, InternalError)
                    asked.errback(kind(message.message, **message.details))

    async def _answer(self, ask: Ask) -> None:
        reply: Answer | Failed
        try:
            reply = Answer(ask.id, await self._on_request(ask.name, ask.payload))
        except S3Error as error:
            reply = Failed(ask.id, error.code, error.message, error.details)
        except Exception:
            self._log.failure("A request of another process failed: {name}", name=ask.name)
            reply = Failed(ask.id, InternalError.code)
        if self._up and self.transport is not None:
            self.transport.write(encode_frame(reply))

    def _defect(self, failure: Failure) -> None:
        self._log.failure("An answer could not be sent.", failure)
        self.close()

    def close(self) -> None:
        """End the connection, after what was written has left."""
        if self._up and self.transport is not None:
            self._up = False
            transport: Any = self.transport
            if self._bounded:
                transport.unregisterProducer()
            transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail what waits for an answer."""
        self._up = False
        asked, self._asked = self._asked, {}
        for deferred in asked.values():
            deferred.errback(ServiceUnavailable())
        self._on_lost()


@implementer(IPushProducer)
class _ReadPause:
    """Stands as the producer of answers: what makes them are the requests that are read."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def pauseProducing(self) -> None:
        self._transport.pauseProducing()

    def resumeProducing(self) -> None:
        self._transport.resumeProducing()

    def stopProducing(self) -> None:
        """The connection ends; ``connectionLost`` says so."""
