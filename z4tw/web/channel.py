"""The HTTP/1 channel: one client connection, one request in work at a time.

The channel owns the connection: when bytes are read, when they are fed to the ``MessageReader``,
when reading pauses, when a silent client is given up. It knows nothing of S3. Its states::

           head complete            answered, body read to its end
    IDLE ----------------> BUSY -------------------------------------> IDLE
                            |  answered, body unread          body ends |
                            +-------------------------> DISCARD --------+
    any --closing answer written, limit passed, malformed input--> CLOSING --> LOST

In CLOSING input is thrown away, so that the client can read its last answer before a reset.
Time comes from the site's one periodic sweep: no timer is made for a request.
Sources: RFC 9110, RFC 9112 (section 9.6 for closing).

Longer than 400 lines, so that all transitions of the state machine stand in one place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IPushProducer,
    ISSLTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.tcp import Server as TCPServer
from twisted.python.failure import Failure
from zope.interface import implementer

from z4tw.errors import ClientDisconnected, RequestTimeout, S3Error, SlowDown
from z4tw.interfaces import RequestHead
from z4tw.web.body import EMPTY_BODY, EmptyBody, RequestBody
from z4tw.web.message import BODY, DONE, HEAD, MessageReader
from z4tw.web.request import Z4Request

if TYPE_CHECKING:
    from z4tw.web.site import Z4Site

IDLE = 0
BUSY = 1
DISCARD = 2
CLOSING = 3
LOST = 4

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_MAPPED_IPV4 = "::ffff:"
_GATHER_BELOW = 16 * 1024


@implementer(IHalfCloseableProtocol, IPushProducer)
class HttpChannel(Protocol):
    """One connection of a ``Z4Site``. ``over_limit``: answer SlowDown once, then close."""

    transport: Any

    def __init__(self, site: Z4Site, over_limit: bool = False) -> None:
        self.site = site
        self.state = IDLE
        self.peer = ""
        self.secure = False
        self.request: Z4Request | None = None
        self.http11 = True
        self._over_limit = over_limit
        self._reader = MessageReader(site.limits, site.known_hosts)
        self._body: RequestBody | None = None
        self._body_bytes = 0
        self._continue_due = False
        self._close_after = False
        self._half_closed = False
        self._input_broken = False
        self._write_closed = False
        self._lingering = False
        self._read_paused = False
        self._write_paused = False
        self._writable: Deferred[None] | None = None
        self._advancing = False
        self._socket: Any = None
        self._reads_much = False
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        # Times are those of the site's last sweep.
        self._since = site.swept_at
        self._paused_since = 0.0
        self._window_start = 0.0
        self._window_bytes = 0
        self._discarded = 0

    @property
    def lost(self) -> bool:
        """Nobody can be answered any more."""
        return self.state == LOST

    @property
    def tls_names(self) -> tuple[str, str]:
        """The cipher suite and the version of TLS, both empty without it."""
        if not self.secure:
            return "", ""
        handle = self.transport.getHandle()
        return handle.get_cipher_name() or "", handle.get_protocol_version_name() or ""

    @property
    def write_paused(self) -> bool:
        """The send buffer is full; ``writable`` says when it is not."""
        return self._write_paused

    @property
    def body_bytes(self) -> int:
        """How many body bytes of the current request have come."""
        return self._body_bytes

    # The connection.

    def connectionMade(self) -> None:
        transport = self.transport
        self.secure = ISSLTransport.providedBy(transport)
        host = getattr(transport.getPeer(), "host", "")
        self.peer = host.removeprefix(_MAPPED_IPV4)
        set_no_delay = getattr(transport, "setTcpNoDelay", None)
        if set_no_delay is not None:
            set_no_delay(True)
        if type(transport) is TCPServer and hasattr(transport, "_tempDataLen"):
            self._socket = transport.socket
        transport.registerProducer(self, True)
        self.site.channel_opened(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.state = LOST
        self._socket = None
        self._pending.clear()
        self.site.channel_closed(self)
        if self._body is not None:
            self._body.fail(ClientDisconnected("the client closed the connection"))
        request, self.request = self.request, None
        if request is not None:
            request.connection_lost(reason)
        self._wake_writer()
        self._reader.release()

    def readConnectionLost(self) -> None:
        """The client sends no more, and may wait for what it asked for."""
        self._half_closed = True
        if self.state == CLOSING:
            self._lose()
        elif self.state == BUSY:
            if self._body is not None:
                self._body.fail(ClientDisconnected("the client ended the body too early"))
        elif self._write_paused and self.state == IDLE and self._reader.state != HEAD:
            pass  # a pipelined request is answered when the send buffer has room
        else:
            self.close()

    def writeConnectionLost(self) -> None:
        """All answers are sent; what the client still sends is thrown away for a while."""
        self._write_closed = True
        self._since = self.site.swept_at

    def pauseProducing(self) -> None:
        """The transport's send buffer is full."""
        if not self._write_paused:
            self._write_paused = True
            self._paused_since = self.site.swept_at

    def resumeProducing(self) -> None:
        """The transport's send buffer has been sent."""
        self._write_paused = False
        self._wake_writer()
        if self.state == IDLE:
            self._advance()

    def stopProducing(self) -> None:
        """The connection is about to be lost; ``connectionLost`` does what there is to do."""

    # Input.

    def dataReceived(self, data: bytes) -> None:
        site = self.site
        site.metrics.bytes_received += len(data)
        state = self.state
        reader = self._reader
        if state >= CLOSING:
            self._throw_away(len(data))
            return
        if reader.state == DONE:
            # Pipelined: it waits for its turn, and no more of it is read.
            self._pause_reading()
        try:
            if state == IDLE and reader.state == HEAD and not reader.partial:
                self._since = site.swept_at
            reader.feed(data)
        except S3Error as error:
            self._broken(error)
            return
        if state == IDLE:
            if reader.state != HEAD:
                if self._write_paused:
                    self._pause_reading()
                else:
                    self._advance()
        elif reader.pieces or reader.state == DONE:
            self._body_progress()

    def _body_progress(self) -> None:
        reader = self._reader
        pieces = reader.pieces
        reader.pieces = []
        came = sum(map(len, pieces))
        self._body_bytes += came
        if self.state == DISCARD:
            self._discarded += came
            if reader.state == DONE:
                self._next_message()
            elif self._discarded > self.site.limits.discard_limit:
                self.close()
            return
        body = self._body
        if body is None or body.complete:
            return
        body.add(pieces)
        if reader.state == DONE:
            body.complete = True
        elif body.size > self.site.limits.body_high_water:
            self._pause_reading()
        body.wake()

    def _broken(self, error: S3Error) -> None:
        """The input is no HTTP that may be served: nothing after it is read."""
        self._close_after = self._input_broken = True
        if self.state == BUSY:
            if self._reader.state != DONE and self._body is not None:
                self._body.fail(error)
        elif self.state == DISCARD:
            self.close()
        else:
            self._refuse(error)

    def _refuse(self, error: S3Error) -> None:
        """Answer what is not worth a request."""
        self._close_after = True
        self.state = BUSY
        self.http11 = True
        self._body_bytes = 0
        head = RequestHead(
            "", b"", {}, None, False, self.peer, self.secure, self.site.now(),
            self.site.next_request_id(),
        )  # fmt: skip
        self.site.responder.refuse(self, head, error)

    def _advance(self) -> None:
        """Dispatch the request that is there, and those after it that are answered at once."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while self.state == IDLE and self._reader.state != HEAD and not self._write_paused:
                self._dispatch()
        finally:
            self._advancing = False

    def _dispatch(self) -> None:
        reader = self._reader
        site = self.site
        self.state = BUSY
        self.http11 = reader.http11
        self._close_after = not reader.keep_alive
        head = RequestHead(
            reader.method, reader.target, reader.headers, reader.content_length, reader.chunked,
            self.peer, self.secure, site.now(), site.next_request_id(),
        )  # fmt: skip
        body: RequestBody | EmptyBody
        if reader.content_length == 0:
            self._body = None
            self._body_bytes = 0
            body = EMPTY_BODY
            if reader.expect:
                # aws-cli waits even when its body is empty, and takes the status of a final answer
                # that comes first for that of the connection's next upload too.
                self.send(_CONTINUE)
        else:
            body = self._begin_body()
        if self._over_limit:
            self._close_after = True
            site.responder.refuse(self, head, SlowDown())
            return
        self.request = request = Z4Request(self, head, body)
        site.dispatch(request)

    def _begin_body(self) -> RequestBody:
        reader = self._reader
        self._body = body = RequestBody(self)
        pieces = reader.pieces
        reader.pieces = []
        body.add(pieces)
        self._body_bytes = body.size
        self._continue_due = reader.expect and not pieces
        self._discarded = 0
        self._window_start = self.site.swept_at
        self._window_bytes = 0
        if reader.state == DONE:
            body.complete = True
            self._continue_due = False
        elif not self._half_closed:
            self._resume_reading()
            self._read_much(reader.content_length)
        return body

    def _read_much(self, length: int | None) -> None:
        """Read a long body in large pieces: each one costs as much as a small one."""
        limits = self.site.limits
        if self._socket is not None and (length is None or length > limits.body_high_water):
            share = limits.body_reads_bytes // max(self.site.open_connections, 1)
            self._reads_much = True
            self.transport.bufferSize = max(
                TCPServer.bufferSize, min(share, limits.body_read_bytes)
            )

    # What a body asks for.

    def send_continue(self) -> None:
        """The body is wanted: send ``100 Continue`` to a client that waits for it."""
        if self._continue_due:
            self._continue_due = False
            if self._body_bytes == 0 and self.state == BUSY:
                self.send(_CONTINUE)

    def body_taken(self) -> None:
        """The body's reader has taken all that had come."""
        if self._read_paused and self.state == BUSY and not self._half_closed:
            self._resume_reading()

    # Output, for the responder and for requests.

    def send(self, data: bytes) -> None:
        """Send, in order with all that was sent before.

        Small pieces wait for the end of the reactor's turn (``flush``), large ones go at once.
        """
        if self._socket is None:
            self.transport.write(bytes(data))
            return
        pending = self._pending
        if len(data) < _GATHER_BELOW and self._pending_bytes < _GATHER_BELOW:
            if not pending:
                self.site.flush_soon(self)
            pending.append(data)
            self._pending_bytes += len(data)
            return
        if pending:
            self.flush()
        self._send_now(data)

    def flush(self) -> None:
        """Send what waits."""
        pending = self._pending
        if pending:
            data = pending[0] if len(pending) == 1 else b"".join(pending)
            pending.clear()
            self._pending_bytes = 0
            if self.state != LOST:
                self._send_now(data)

    def _send_now(self, data: bytes) -> None:
        """Give the socket as much as it takes, and the transport the rest: a plain TCP transport
        would first wait for another turn of the reactor, at the cost of three system calls."""
        transport = self.transport
        if self._socket is not None and not transport.dataBuffer and not transport._tempDataLen:
            try:
                sent = self._socket.send(data)
            except OSError:
                sent = 0  # full, or broken: the reactor's own write finds out
            if sent == len(data):
                return
            data = data[sent:]
        transport.write(bytes(data))

    def writable(self) -> Deferred[None]:
        """Fires when the send buffer has room again, or the connection is gone."""
        waiting: Deferred[None] = Deferred()
        self._writable = waiting
        return waiting

    def turn(self) -> Deferred[None]:
        """Fires in the next turn of the reactor."""
        turned: Deferred[None] = Deferred()
        self.site.reactor.callLater(0, turned.callback, None)
        return turned

    def close_at_end(self) -> None:
        """Let the connection end with the current answer."""
        self._close_after = True

    def closes_after(self) -> bool:
        """Decide whether the connection ends with the answer that is about to be written."""
        if not self._close_after:
            reader = self._reader
            if self.site.draining or (self._half_closed and not reader.unread):
                self._close_after = True
            elif reader.state == BODY:
                left = reader.body_left
                self._close_after = self._continue_due or (
                    left is not None and left > self.site.limits.discard_limit
                )
        return self._close_after

    def request_done(self) -> None:
        """The answer is written."""
        if self.state != BUSY:
            return
        request, self.request = self.request, None
        if request is not None:
            request.finished()
        body, self._body = self._body, None
        if self._reads_much:
            self._reads_much = False
            self.transport.bufferSize = TCPServer.bufferSize
        if self._close_after or self._reader.state == DONE:
            self.state = IDLE
            if self._close_after:
                self.close()
            else:
                self._next_message()
        elif body is not None:
            self.state = DISCARD
            self._discarded = body.size
            if self._half_closed or body.size > self.site.limits.discard_limit:
                self.close()
            else:
                self._resume_reading()

    def abort(self) -> None:
        """Cut the connection off, so that the client sees that its answer is not whole."""
        if self.state != LOST:
            self.state = CLOSING
            self._pending.clear()
            self.transport.abortConnection()

    def close(self) -> None:
        """End the connection when all answers are sent."""
        if self.state >= CLOSING:
            return
        self.flush()
        reader = self._reader
        input_ended = self._half_closed or not (
            self._input_broken or reader.state == BODY or reader.partial or reader.unread
        )
        self.state = CLOSING
        self._since = self.site.swept_at
        self.transport.unregisterProducer()
        if input_ended:
            self._lose()
            return
        self._discarded = 0
        self._resume_reading()
        if self.secure:
            self._lingering = True  # TLS cannot be closed one way: see ``sweep``
        else:
            self.transport.loseWriteConnection()

    def _lose(self) -> None:
        self.flush()
        self._lingering = False
        self.transport.loseConnection()
        if self.secure and not self._write_paused:
            # The close alert is written. Waiting for the client's own would keep idle
            # connections open until they are used again (RFC 8446 section 6.1 needs no wait).
            self.transport.transport.loseConnection()

    def _next_message(self) -> None:
        self.state = IDLE
        self._since = self.site.swept_at
        reader = self._reader
        try:
            reader.begin_next()
        except S3Error as error:
            self._refuse(error)
            return
        if reader.state != HEAD:
            self._advance()
        elif self._half_closed or self.site.draining:
            self.close()
        elif self._read_paused:
            self._resume_reading()

    def _throw_away(self, size: int) -> None:
        self._discarded += size
        if self.state == CLOSING and self._discarded > self.site.limits.discard_limit:
            self._lose()

    def _pause_reading(self) -> None:
        if not self._read_paused:
            self._read_paused = True
            self.transport.pauseProducing()

    def _resume_reading(self) -> None:
        if self._read_paused:
            self._read_paused = False
            self.transport.resumeProducing()

    def _wake_writer(self) -> None:
        waiting, self._writable = self._writable, None
        if waiting is not None:
            waiting.callback(None)

    # Time.

    def sweep(self, now: float) -> None:
        """Called by the site about once a second: give up a client that is too slow."""
        limits = self.site.limits
        state = self.state
        if state == CLOSING:
            answered = self._lingering or self._write_closed
            if now - self._since > (limits.linger_s if answered else limits.write_stall_s):
                if self._lingering:
                    self._since = now
                    self._lose()
                else:
                    self.transport.abortConnection()
        elif self._write_paused:
            if now - self._paused_since > limits.write_stall_s:
                self.abort()
        elif state == IDLE:
            if self._reader.partial:
                if now - self._since > limits.header_timeout_s:
                    self._refuse(RequestTimeout())
            elif now - self._since > limits.idle_timeout_s:
                self.close()
        elif self._reader.state == BODY:
            self._check_body_rate(now)

    def _check_body_rate(self, now: float) -> None:
        limits = self.site.limits
        if self._read_paused or self._continue_due:
            self._window_start = now
            self._window_bytes = self._body_bytes
            return
        elapsed = now - self._window_start
        if elapsed < limits.body_window_s:
            return
        if self._body_bytes - self._window_bytes < elapsed * limits.min_body_rate:
            if self.state == DISCARD:
                self.abort()
            elif self._body is not None:
                self._close_after = True
                self._body.fail(RequestTimeout())
        else:
            self._window_start = now
            self._window_bytes = self._body_bytes

    def close_if_idle(self) -> None:
        """End the connection unless a request is in work or on its way (draining)."""
        if self.state == IDLE and self._reader.state == HEAD and not self._reader.partial:
            self.close()
