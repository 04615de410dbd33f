"""The one place that turns an ``S3Response`` or an exception into bytes, counts and a log line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from z4tw.errors import ClientDisconnected, IncompleteBody, InternalError, S3Error
from z4tw.interfaces import Exchange, IS3Service, RequestHead, S3Response
from z4tw.model.control import Bucket
from z4tw.s3.log_lines import LogEntry
from z4tw.web.access_log import AccessLog, AccessRecord
from z4tw.web.body import EMPTY_BODY
from z4tw.web.bucket_logs import BucketLogs
from z4tw.web.drive import drive
from z4tw.web.metrics import Metrics
from z4tw.web.wire import common_lines, encode_head, header_lines, status_line

CLIENT_GONE = 499
"""The status in counts and log lines of a request whose client left before the answer began."""
UNKNOWN_OPERATION = "Unknown"
_JOIN_BELOW = 16 * 1024
_TURN_BYTES = 4 * 1024 * 1024
_BODYLESS = frozenset({204, 304})

_log = Logger()


class Answering(Protocol):
    """A connection with a request in work, as the responder sees it."""

    @property
    def lost(self) -> bool:
        """Nobody can be answered any more."""

    @property
    def write_paused(self) -> bool:
        """The send buffer is full."""

    @property
    def http11(self) -> bool:
        """The request came with HTTP/1.1."""

    @property
    def tls_names(self) -> tuple[str, str]:
        """The cipher suite and the version of TLS."""

    @property
    def body_bytes(self) -> int:
        """Body bytes that have come."""

    def send(self, data: bytes) -> None:
        """Write."""

    def writable(self) -> Deferred[None]:
        """Fires when the send buffer has room, or the connection is gone."""

    def turn(self) -> Deferred[None]:
        """Fires in the next turn of the reactor."""

    def closes_after(self) -> bool:
        """Whether the connection ends with this answer."""

    def request_done(self) -> None:
        """The answer is written."""

    def abort(self) -> None:
        """Cut the connection off."""


class Responder:
    """Answers requests.

    ``now`` gives Unix seconds; ``host_id`` is the node's x-amz-id-2; ``error_document`` makes the
    XML of an error from (error, resource, request id, host id). ``bucket_logs`` takes the
    requests upon buckets that have an access log of their own.
    """

    def __init__(
        self,
        *,
        metrics: Metrics,
        access_log: AccessLog | None,
        now: Callable[[], float],
        host_id: str,
        error_document: Callable[[S3Error, str, str, str], bytes],
        bucket_logs: BucketLogs | None = None,
    ) -> None:
        self._metrics = metrics
        self._access_log = access_log
        self._now = now
        self._host_id = host_id
        self._error_document = error_document
        self._bucket_logs = bucket_logs

    def serve(self, channel: Answering, exchange: Exchange, service: IS3Service) -> None:
        """Let the service answer a request, now or later."""
        self._metrics.in_flight += 1
        answer = _Answer(self, channel, exchange)
        try:
            awaitable = service.respond(exchange)
        except Exception as error:
            answer.failure(error)
            return
        drive(awaitable, answer.success, answer.failure)

    def refuse(self, channel: Answering, head: RequestHead, error: S3Error) -> None:
        """Answer a request that is not served at all."""
        self._metrics.in_flight += 1
        _Answer(self, channel, Exchange(head, EMPTY_BODY)).failure(error)


class _Answer:
    """One request's way to its answer."""

    __slots__ = ("_channel", "_exchange", "_responder", "_sent", "_started", "_turned_s")

    def __init__(self, responder: Responder, channel: Answering, exchange: Exchange) -> None:
        self._responder = responder
        self._channel = channel
        self._exchange = exchange
        self._started = False
        self._sent = 0
        self._turned_s = 0.0

    def success(self, response: S3Response) -> None:
        """The operation's answer."""
        channel = self._channel
        body = response.body
        if self._exchange.logged is not None:
            self._turned_s = self._responder._now()
        if isinstance(body, (bytes, bytearray, memoryview)):
            if channel.lost:
                self._end(CLIENT_GONE)
                return
            try:
                self._write_whole(response, bytes(body))
            except Exception as error:
                self._defect(error)
        elif channel.lost or self._exchange.head.method == "HEAD":
            try:
                size = body.size
                body.close()
                if channel.lost:
                    self._end(CLIENT_GONE)
                else:
                    self._write_whole(response, b"", size)
            except Exception as error:
                self._defect(error)
        else:
            drive(self._stream(response), self._streamed, self.failure)

    def failure(self, error: Exception) -> None:
        """The operation's error, or a defect."""
        channel = self._channel
        exchange = self._exchange
        if channel.lost:
            if not isinstance(error, (S3Error, ClientDisconnected)):
                self._log_defect(error)
            exchange.error_code = exchange.error_code or "ClientDisconnected"
            self._end(CLIENT_GONE)
            return
        if isinstance(error, ClientDisconnected):
            # Half-closed: the client can still read why its request failed.
            error = IncompleteBody()
        elif not isinstance(error, S3Error):
            self._log_defect(error)
            error = InternalError()
        exchange.error_code = error.code
        try:
            self._write_whole(self._error_response(error), None)
        except Exception as defect:
            self._give_up(defect)

    def _defect(self, error: Exception) -> None:
        """Writing an answer failed: nothing of it was sent unless ``_started``."""
        if self._started:
            self._give_up(error)
        else:
            self.failure(error)

    def _give_up(self, error: Exception) -> None:
        self._log_defect(error)
        self._channel.abort()
        self._end(InternalError.status)

    def _log_defect(self, error: Exception) -> None:
        _log.failure(
            "request {request_id} ({operation}) failed",
            failure=Failure(error),
            request_id=self._exchange.head.request_id,
            operation=self._exchange.operation,
        )

    def _error_response(self, error: S3Error) -> S3Response:
        exchange = self._exchange
        head = exchange.head
        if error.status in _BODYLESS or head.method == "HEAD":
            return S3Response(error.status, error.headers)
        if exchange.bucket:
            resource = "/" + exchange.bucket + ("/" + exchange.key if exchange.key else "")
        else:
            resource = head.target.partition(b"?")[0].decode("latin-1")
        responder = self._responder
        document = responder._error_document(error, resource, head.request_id, responder._host_id)
        headers = [("Content-Type", "application/xml"), *error.headers]
        return S3Response(error.status, headers, document)

    def _head(self, response: S3Response, length: int | None) -> bytes:
        """The head of an answer. Raises ``ValueError`` for header values that must not be sent."""
        responder = self._responder
        channel = self._channel
        status = response.status
        fields = header_lines(response.headers)
        if self._exchange.headers:
            fields += header_lines(list(self._exchange.headers))
        length_line = "" if length is None else f"Content-Length: {length}\r\n"
        if channel.closes_after():
            connection = "Connection: close\r\n"
        else:
            connection = "" if channel.http11 else "Connection: keep-alive\r\n"
        return encode_head(
            f"{status_line(status)}{common_lines(responder._now(), responder._host_id)}"
            f"x-amz-request-id: {self._exchange.head.request_id}\r\n"
            f"{fields}{length_line}{connection}\r\n"
        )

    def _write_whole(self, response: S3Response, body: bytes | None, size: int = -1) -> None:
        """Write an answer that is all here. ``body`` None: an error's, whose HEAD answer states no
        length, since its document was never made. ``size``: the length that HEAD states."""
        status = response.status
        is_head = self._exchange.head.method == "HEAD"
        length: int | None
        if body is None:
            body = response.body
            length = None if is_head else len(body)
        elif is_head and response.content_length is not None:
            length = response.content_length
        else:
            length = len(body) if size < 0 else size
        if status in _BODYLESS:
            length = None
            body = b""
        data = self._head(response, length)
        if not is_head:
            data += body
            self._sent = len(body)
        self._started = True
        self._channel.send(data)
        self._responder._metrics.bytes_sent += len(data)
        self._end(status)

    async def _stream(self, response: S3Response) -> None:
        """Drain a body source. The head goes out with the first piece, so that an object that
        cannot be read at all is answered with an error. Raises what the source raises."""
        source = response.body
        channel = self._channel
        metrics = self._responder._metrics
        try:
            size = source.size
            piece = await source.next() if size else b""
            if len(piece) > size or (size and not piece):
                raise RuntimeError(f"a body of {size} bytes began with {len(piece)}")
            if channel.lost:
                raise ClientDisconnected
            data = self._head(response, size)
            self._started = True
            if len(piece) < _JOIN_BELOW:
                channel.send(b"".join((data, piece)))
            else:
                channel.send(data)
                channel.send(piece)
            metrics.bytes_sent += len(data) + len(piece)
            sent = self._sent = len(piece)
            until_turn = _TURN_BYTES
            while sent < size:
                if channel.write_paused:
                    await channel.writable()
                elif sent > until_turn:
                    # A source that never waits must not keep the other connections waiting.
                    until_turn = sent + _TURN_BYTES
                    await channel.turn()
                if channel.lost:
                    raise ClientDisconnected
                piece = await source.next()
                if not piece or sent + len(piece) > size:
                    raise RuntimeError(f"a body of {size} bytes broke after {sent}")
                if channel.lost:
                    raise ClientDisconnected
                channel.send(piece)
                sent = self._sent = sent + len(piece)
                metrics.bytes_sent += len(piece)
        except Exception as error:
            if not self._started:
                raise
            if not isinstance(error, ClientDisconnected):
                self._log_defect(error)
            self._exchange.error_code = type(error).__name__
            channel.abort()
        finally:
            source.close()
        if self._started:
            self._end(response.status)

    def _streamed(self, nothing: None) -> None:
        """The stream has ended itself."""

    def _end(self, status: int) -> None:
        """Count and log the request, and give the connection back."""
        responder = self._responder
        exchange = self._exchange
        channel = self._channel
        head = exchange.head
        now = responder._now()
        duration_s = now - head.now
        if duration_s < 0.0:
            duration_s = 0.0  # the clock was set back meanwhile
        metrics = responder._metrics
        metrics.in_flight -= 1
        metrics.observe(exchange.operation or UNKNOWN_OPERATION, status, duration_s)
        log = responder._access_log
        if log is not None:
            log.record(
                AccessRecord(
                    log.time_text(now), head.request_id, head.peer, head.method, status,
                    channel.body_bytes, self._sent, round(duration_s * 1000, 3),
                    exchange.operation, exchange.bucket, exchange.key, exchange.version_id,
                    exchange.requester, exchange.access_key_id, exchange.error_code,
                    head.headers.get("user-agent", ""), exchange.denied,
                )
            )  # fmt: skip
        if exchange.logged is not None and responder._bucket_logs is not None:
            self._log_for_bucket(responder._bucket_logs, exchange.logged, status, now)
        channel.request_done()

    def _log_for_bucket(self, logs: BucketLogs, bucket: Bucket, status: int, now: float) -> None:
        """A line of the bucket's own access log."""
        exchange = self._exchange
        channel = self._channel
        head = exchange.head
        headers = head.headers
        signed = bool(exchange.access_key_id)
        cipher, tls_version = channel.tls_names
        turned_s = self._turned_s or now
        logs.record(
            LogEntry(
                owner=bucket.owner,
                bucket=bucket.name,
                time_s=head.now,
                peer=head.peer,
                requester=exchange.requester,
                request_id=head.request_id,
                operation=exchange.operation,
                key=exchange.key,
                method=head.method,
                target=head.target,
                protocol="HTTP/1.1" if channel.http11 else "HTTP/1.0",
                status=status,
                error=exchange.error_code,
                bytes_sent=self._sent,
                object_size=exchange.object_size,
                total_ms=max(0, round((now - head.now) * 1000)),
                # When a body's last byte came is not known.
                turnaround_ms=(
                    -1 if channel.body_bytes else max(0, round((turned_s - head.now) * 1000))
                ),
                referer=headers.get("referer", ""),
                user_agent=headers.get("user-agent", ""),
                version_id=exchange.version_id,
                host_id=self._responder._host_id,
                signed=signed,
                cipher=cipher,
                auth_type=(
                    "" if not signed else
                    "AuthHeader" if "authorization" in headers else "QueryString"
                ),
                host=headers.get("host", ""),
                tls_version=tls_version,
            )
        )  # fmt: skip
