"""Request bodies: what has come of them, read at the reader's pace."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred
from zope.interface import implementer

from z4tw.interfaces import IRequestBody

_MAX_PIECES = 1024
_ALONE_BYTES = 256 * 1024
"""A piece of this size is given out as it is: joining it with others would only copy it."""


class BodyFlow(Protocol):
    """The channel as a body sees it."""

    def send_continue(self) -> None:
        """Tell the client to send its body."""

    def body_taken(self) -> None:
        """All that had come was read: reading may go on."""


@implementer(IRequestBody)
class EmptyBody:
    """The body of a request that has none."""

    __slots__ = ()

    async def read(self) -> bytes:
        """The end, always."""
        return b""

    def take_all(self) -> bytes | None:
        """All of nothing."""
        return b""


EMPTY_BODY = EmptyBody()


@implementer(IRequestBody)
class RequestBody:
    """A body that comes from a channel, which adds pieces and pauses when ``size`` bytes lie here.

    One reader at a time; ``read`` raises the error given to ``fail`` even before what lies
    unread, since a body that breaks off is of no use.
    """

    __slots__ = ("_error", "_flow", "_pieces", "_started", "_waiting", "complete", "size")

    def __init__(self, flow: BodyFlow) -> None:
        self._flow = flow
        self._pieces: list[bytes] = []
        self.size = 0
        self.complete = False
        self._started = False
        self._error: Exception | None = None
        self._waiting: Deferred[None] | None = None

    async def read(self) -> bytes:
        """The bytes that have come, waiting for some when there are none, ``b""`` at the end."""
        self._started = True
        while True:
            if self._error is not None:
                raise self._error
            if self._pieces:
                data = self._take_some()
                if not self._pieces and not self.complete:
                    self._flow.body_taken()
                return data
            if self.complete:
                return b""
            if self._waiting is not None:
                raise RuntimeError("a request body has one reader at a time")
            waiting: Deferred[None] = Deferred()
            self._waiting = waiting
            self._flow.send_continue()
            await waiting

    def take_all(self) -> bytes | None:
        """The whole body if it has come and none was read, else None."""
        if self._started or not self.complete or self._error is not None:
            return None
        self._started = True
        return self._take()

    def add(self, pieces: list[bytes]) -> None:
        """More has come (the channel calls ``wake`` when it has noted that)."""
        mine = self._pieces
        mine += pieces
        for piece in pieces:
            self.size += len(piece)
        if len(mine) > _MAX_PIECES:
            # Tiny chunks: an object of 34 bytes for each byte would dwarf the high-water mark.
            self._pieces = [b"".join(mine)]

    def wake(self) -> None:
        """Let a waiting reader go on; it may answer the request before this returns."""
        waiting = self._waiting
        if waiting is not None:
            self._waiting = None
            waiting.callback(None)

    def fail(self, error: Exception) -> None:
        """No more will come; the reader gets the error, now or when it reads."""
        if self._error is None and not self.complete:
            self._error = error
            self._pieces = []
            self.size = 0
            self.wake()

    def _take_some(self) -> bytes:
        if len(self._pieces[0]) < _ALONE_BYTES:
            return self._take()
        piece = self._pieces.pop(0)
        self.size -= len(piece)
        return piece

    def _take(self) -> bytes:
        pieces = self._pieces
        self._pieces = []
        self.size = 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
