"""The site: all connections of one port, their limit, their one sweep, and the drain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.web.resource import IResource
from twisted.web.server import Site

from z4tw.web.channel import HttpChannel
from z4tw.web.limits import HttpLimits
from z4tw.web.metrics import Metrics
from z4tw.web.request import Z4Request
from z4tw.web.responder import Responder

SWEEP_S = 1.0
_ID_MASK = (1 << 64) - 1
_ID_STEP = 0x9E3779B97F4A7C15  # odd, so that 2**64 ids pass before one repeats

_log = Logger()


class Z4Site(Site):
    """A ``twisted.web`` site whose channel and requests are our own.

    ``reactor`` gives timers; ``now`` Unix seconds; ``request_id_seed`` is any 64-bit number that
    no other process of the store uses. ``root`` is an ``IResource``; when it has ``quick_child``
    it is asked before the tree is walked. ``drained`` fires when the drain has ended.
    """

    def __init__(
        self,
        root: IResource,
        responder: Responder,
        metrics: Metrics,
        *,
        reactor: IReactorTime,
        now: Callable[[], float],
        request_id_seed: int,
        limits: HttpLimits | None = None,
    ) -> None:
        super().__init__(root, reactor=reactor)
        self.responder = responder
        self.metrics = metrics
        self.now = now
        self.limits = limits or HttpLimits()
        self.known_hosts: set[str] = set()
        self.draining = False
        self.drained: Deferred[None] = Deferred()
        self.swept_at = reactor.seconds()
        self._quick_child: Callable[[Z4Request], IResource | None] | None
        self._quick_child = getattr(root, "quick_child", None)
        self._channels: set[HttpChannel] = set()
        self._unsent: list[HttpChannel] = []
        self._next_id = request_id_seed & _ID_MASK
        self._sweep_call: IDelayedCall | None = None
        # Connections over the limit are answered SlowDown; over this one they are dropped.
        self._hard_limit = self.limits.max_connections + max(16, self.limits.max_connections // 10)

    @property
    def open_connections(self) -> int:
        """How many connections are open."""
        return len(self._channels)

    # What Twisted calls.

    def startFactory(self) -> None:
        """The port listens: begin to sweep. The access log is not this class's."""
        if self._sweep_call is None:
            self.swept_at = self.reactor.seconds()
            self._sweep_call = self.reactor.callLater(SWEEP_S, self._sweep)

    def stopFactory(self) -> None:
        """The port is closed. The sweep goes on while connections are open."""
        if not self._channels:
            self._stop_sweep()

    def buildProtocol(self, addr: IAddress | None) -> HttpChannel | None:  # type: ignore[override]
        """A channel for a new connection, None when there are far too many."""
        count = len(self._channels)
        if count >= self._hard_limit:
            return None
        channel = HttpChannel(self, count >= self.limits.max_connections)
        channel.factory = self
        return channel

    def acceptableProtocols(self) -> list[bytes]:
        """What TLS negotiates: HTTP/1.1."""
        return [b"http/1.1"]

    # What channels call.

    def channel_opened(self, channel: HttpChannel) -> None:
        """A connection is made."""
        self._channels.add(channel)
        self.metrics.open_connections += 1

    def channel_closed(self, channel: HttpChannel) -> None:
        """A connection is gone."""
        if channel in self._channels:
            self._channels.remove(channel)
            self.metrics.open_connections -= 1
        if not self._channels:
            if self.numPorts == 0:
                self._stop_sweep()
            if self.draining:
                self._drain_ended()

    def flush_soon(self, channel: HttpChannel) -> None:
        """Have a channel send what it gathered when this turn of the reactor ends.

        The answers of one turn go out together: a client that waits is woken once for all of
        them, not once for each, which on one machine costs more than the answer itself."""
        if not self._unsent:
            self.reactor.callLater(0, self._flush)
        self._unsent.append(channel)

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        for channel in unsent:
            channel.flush()

    def next_request_id(self) -> str:
        """16 hex digits, never the same twice in a process."""
        self._next_id = number = (self._next_id + _ID_STEP) & _ID_MASK
        return f"{number:016X}"

    def dispatch(self, request: Z4Request) -> None:
        """Let the resource that the request is for answer it."""
        if request.head.target == b"*":
            request.setHeader(b"allow", b"GET, HEAD, PUT, POST, DELETE, OPTIONS")
            request.finish()
            return
        resource = None if self._quick_child is None else self._quick_child(request)
        if resource is None:
            resource = self.getResourceFor(request)
        request.render(resource)

    # Draining.

    def begin_drain(self) -> Deferred[None]:
        """End idle connections now and the others with their current answers. Gives ``drained``,
        which fires when no connection is left."""
        self.draining = True
        for channel in list(self._channels):
            channel.close_if_idle()
        if not self._channels:
            self._drain_ended()
        return self.drained

    def abort_all(self) -> None:
        """Cut off what the drain did not end in its time."""
        for channel in list(self._channels):
            channel.abort()

    def _drain_ended(self) -> None:
        if not self.drained.called:
            self.drained.callback(None)

    # Time.

    def _sweep(self) -> None:
        self._sweep_call = self.reactor.callLater(SWEEP_S, self._sweep)
        self.swept_at = now = self.reactor.seconds()
        for channel in list(self._channels):
            try:
                channel.sweep(now)
            except Exception:
                _log.failure("a connection could not be swept")
                channel.abort()

    def _stop_sweep(self) -> None:
        call, self._sweep_call = self._sweep_call, None
        if call is not None and call.active():
            call.cancel()

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("a site cannot be pickled")
