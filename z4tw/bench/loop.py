"""The loop that makes the load: as little work per request as Python allows.

A plain answer (a 2xx with Content-Length that came in one piece) costs one poll shared with others,
one read, two searches and one write; everything else takes the slow way through ``Answer``.
"""

from __future__ import annotations

import errno
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from z4tw.bench.answer import Answer, BadAnswer
from z4tw.bench.bodies import Bodies
from z4tw.bench.connection import Connection, Dialer
from z4tw.bench.job import SMALL_BODY, Job
from z4tw.bench.polling import make_poller
from z4tw.bench.recorder import Interval, Recorder
from z4tw.bench.sources import Source
from z4tw.bench.uploads import Uploads

BUFFER_BYTES = 256 * 1024
POLL_S = 0.1
INTERVAL_S = 1.0
_BLOCKED = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_END = b"\r\n\r\n"


class Loop:
    """Drives the connections of one process through a job. ``source`` gives plain requests,
    ``uploads`` scripts instead; ``tell`` is given every interval's figures."""

    def __init__(
        self,
        job: Job,
        dialer: Dialer,
        source: Source | Uploads,
        bodies: Bodies,
        tell: Callable[[Interval], None],
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._dialer, self._bodies = dialer, bodies
        self._tell, self._clock_ns = tell, clock_ns
        self._uploads = source if isinstance(source, Uploads) else None
        self._source = None if isinstance(source, Uploads) else source
        operations = source.operations
        self._heads = [operation.method == "HEAD" for operation in operations]
        sizes = [0 if self._uploads else operation.body_size for operation in operations]
        self._large = [size if size > SMALL_BODY else 0 for size in sizes]
        self._small = [bytes(bodies.piece(0, s)) if s <= SMALL_BODY else b"" for s in sizes]
        self._whole = len(operations) - 1
        self._recorder = Recorder(len(operations))
        self._poller: Any = make_poller()
        self._connections: dict[int, Connection] = {}
        self._all = [Connection() for _ in range(job.concurrency)]
        self._resting: list[Connection] = []
        self._active = 0
        self._ending = False
        self._careful = False  # Whether answers that announce a close are looked for.
        self._duration_ns = int(job.duration_s * 1e9)
        self._timeout_ns = int(job.timeout_s * 1e9)
        self._pairs: Iterator[tuple[bytes, int]] = iter(())
        self._length_mark = b"\r\nContent-Length: "
        self._start_ns = self._end_ns = self._next_chore_ns = self._next_tell_ns = 0
        self._buffer = bytearray(BUFFER_BYTES)

    def run(self, stop_fd: int = -1) -> None:
        """Make the load until its time is over, its requests are all sent, or ``stop_fd`` becomes
        readable; then wait for the answers that are still due."""
        now = self._start_ns = self._clock_ns()
        self._end_ns = now + self._duration_ns
        self._next_chore_ns = now
        self._next_tell_ns = now + int(INTERVAL_S * 1e9)
        if stop_fd >= 0:
            self._poller.watch(stop_fd, 1)
        for connection in self._all:
            self._active += 1
            self._open(connection)
            self._next(connection, now)
        try:
            self._turn(stop_fd)
        finally:
            for connection in self._all:
                self._close(connection)
            self._poller.close()
        self._report(self._clock_ns())

    def _turn(self, stop_fd: int) -> None:
        """The hot loop. Locals and inlined counting are its speed."""
        poll, clock_ns = self._poller.poll, self._clock_ns
        connections, buffer, heads = self._connections, self._buffer, self._heads
        find, starts, small, large = buffer.find, buffer.startswith, self._small, self._large
        counts, moved = self._recorder.counts, self._recorder.moved
        while self._active:
            mark = self._length_mark
            mark_size = len(mark)
            careful = self._careful
            for fd, mask in poll(POLL_S):
                connection = connections.get(fd)
                if connection is None:
                    if fd == stop_fd:
                        return
                    continue
                if not connection.quiet:
                    self._event(connection, mask)
                    continue
                try:
                    n = connection.recv_into(buffer)
                except BlockingIOError:
                    continue
                except OSError as error:
                    self._broken(connection, error)
                    continue
                now = clock_ns()
                head_end = find(_END, 0, n) + 4
                kind = connection.kind
                total = -1
                if head_end > 4 and starts(b"HTTP/1.1 20"):
                    if heads[kind]:
                        total = head_end
                    else:
                        at = find(mark, 0, head_end)
                        if at >= 0:
                            at += mark_size
                            try:
                                total = head_end + int(buffer[at : find(b"\r", at, n)])
                            except ValueError:
                                pass  # The slow way says what is wrong with it.
                        elif starts(b"204", 9):
                            total = head_end
                if total != n or (careful and find(b": close", 0, head_end) >= 0):
                    self._took(connection, n, now)
                    continue
                latency = now - connection.started_ns
                shift = latency.bit_length() - 8
                counts[kind][(shift << 7) + (latency >> shift) if shift > 0 else latency] += 1
                moved[kind] += total - head_end
                connection.fresh = False
                try:
                    request, kind = next(self._pairs)
                except StopIteration:
                    self._next(connection, now)
                    continue
                if large[kind]:
                    self._send(connection, request, kind, large[kind], now)
                    continue
                if small[kind]:
                    request += small[kind]
                connection.request, connection.kind, connection.started_ns = request, kind, now
                connection.body = 0
                try:
                    sent = connection.send(request)
                except OSError:
                    sent = 0  # The slow way finds out why.
                if sent != len(request):
                    connection.out = memoryview(request)[sent:]
                    connection.sent = 0
                    self._pump(connection)
            now = clock_ns()
            if now >= self._next_chore_ns:
                self._chores(now)

    # The slow way

    def _event(self, connection: Connection, mask: int) -> None:
        """Something happened on a connection whose request or answer is under way."""
        connection.progress_ns = self._clock_ns()
        if mask & 4 or connection.out:
            self._pump(connection)
        if not mask & ~4:
            return
        sock = connection.sock
        while connection.sock is sock and sock is not None:
            try:
                n = connection.recv_into(self._buffer)
            except _BLOCKED:
                return
            except OSError as error:
                self._broken(connection, error)
                return
            self._took(connection, n, self._clock_ns())
            if not self._dialer.secure:
                return

    def _took(self, connection: Connection, n: int, now: int) -> None:
        """``n`` bytes came."""
        answer = connection.answer
        if n == 0:
            if answer is not None and answer.eof():
                self._finish(connection, answer, now, True)
            else:
                self._broken(connection, None)
            return
        if answer is None:
            keep = connection.script is not None
            answer = connection.answer = Answer(self._heads[connection.kind], keep)
        connection.quiet = False
        try:
            at = answer.feed(self._buffer, 0, n)
            if 0 <= at < n:
                raise BadAnswer("bytes behind the answer")
        except BadAnswer:
            self._failed(connection, "BadAnswer", now)
            return
        if at >= 0:
            closing = (answer.header(b"connection") or b"").lower() == b"close"
            self._finish(connection, answer, now, closing or bool(connection.out))

    def _finish(self, connection: Connection, answer: Answer, now: int, closing: bool) -> None:
        connection.answer = None
        connection.fresh = False
        if answer.status >= 300 or b"<Error>" in answer.body:
            self._recorder.errors[answer.code()] += 1
        else:
            sent = connection.body if self._uploads is not None else 0
            self._recorder.record(connection.kind, now - connection.started_ns, answer.size + sent)
        if answer.length_mark:
            self._length_mark = answer.length_mark
        if closing:
            self._open(connection)
        self._next(connection, now, answer)

    def _next(self, connection: Connection, now: int, answer: Answer | None = None) -> None:
        """The next request of a connection, if there is one."""
        if connection in self._resting:
            return
        if self._uploads is not None:
            self._next_step(connection, now, answer)
            return
        while True:
            try:
                request, kind = next(self._pairs)
                break
            except StopIteration:
                batch = None
                if not self._ending and self._source is not None:
                    batch = self._source.batch(time.time())
                if batch is None:
                    self._idle(connection)
                    return
                self._pairs = batch
        small = self._small[kind]
        self._send(connection, request + small, kind, self._large[kind], now)

    def _next_step(self, connection: Connection, now: int, answer: Answer | None) -> None:
        assert self._uploads is not None
        if self._ending:
            self._idle(connection)
            return
        step = None
        if connection.script is not None and answer is not None:
            try:
                step = connection.script.send(answer)
            except StopIteration as done:
                if done.value:
                    self._recorder.record(self._whole, now - connection.born_ns, 0)
        if step is None:
            connection.script = self._uploads.script()
            connection.born_ns = now
            step = next(connection.script)
        self._send(connection, step.request, step.kind, step.body_size, now)

    def _idle(self, connection: Connection) -> None:
        self._active -= 1
        self._close(connection)

    def _send(self, connection: Connection, request: bytes, kind: int, body: int, now: int) -> None:
        connection.request, connection.kind, connection.started_ns = request, kind, now
        connection.body, connection.sent = body, 0
        connection.out = memoryview(request)
        self._pump(connection)

    def _pump(self, connection: Connection) -> None:
        """Send what the socket takes of a request."""
        connection.quiet = False
        try:
            while connection.out:
                connection.out = connection.out[connection.send(connection.out) :]
                if not connection.out and connection.sent < connection.body:
                    connection.out = self._bodies.piece(connection.sent, connection.body)
                    connection.sent += len(connection.out)
        except _BLOCKED:
            self._watch(connection, 3)
        except OSError as error:
            if error.errno == errno.ENOTCONN and sys.platform == "darwin" and connection.fresh:
                self._watch(connection, 3)  # Linux calls that blocked.
            else:
                self._broken(connection, error)
        else:
            plain = connection.script is None and not self._dialer.secure
            connection.quiet = plain and connection.answer is None
            self._watch(connection, 1)

    def _watch(self, connection: Connection, wants: int) -> None:
        if connection.wants != wants:
            self._poller.change(connection.fd, wants)
            connection.wants = wants

    # Connections that come and go

    def _open(self, connection: Connection) -> None:
        """A new socket; on failure the connection rests."""
        self._close(connection)
        try:
            connection.attach(self._dialer.dial())
        except OSError as error:
            self._recorder.errors[_name(error)] += 1
            self._resting.append(connection)
            return
        self._poller.watch(connection.fd, 1)
        self._connections[connection.fd] = connection

    def _close(self, connection: Connection) -> None:
        if connection.sock is not None:
            self._poller.forget(connection.fd)
            del self._connections[connection.fd]
            connection.sock.close()
            connection.sock = None

    def _broken(self, connection: Connection, error: OSError | None) -> None:
        """The socket ended. A server may close one that was used before at any time: what had no
        answer at all is sent again, on a new socket."""
        now = self._clock_ns()
        if connection.fresh or connection.answer is not None:
            self._failed(connection, _name(error), now)
            return
        self._recorder.reconnects += 1
        self._careful = True
        started = connection.started_ns
        self._open(connection)
        if connection not in self._resting:
            self._send(connection, connection.request, connection.kind, connection.body, started)

    def _failed(self, connection: Connection, name: str, now: int) -> None:
        self._recorder.errors[name] += 1
        connection.script = connection.answer = None
        if connection.fresh:
            self._close(connection)
            self._resting.append(connection)
            return
        self._open(connection)
        self._next(connection, now)

    def _chores(self, now: int) -> None:
        """What is done ten times a second."""
        self._next_chore_ns = now + int(POLL_S * 1e9)
        if self._source is not None:
            self._source.renew(time.time())
        if not self._ending and now >= self._end_ns:
            self._ending = True
            self._pairs = iter(())
        resting, self._resting = self._resting, []
        for connection in resting:
            if not self._ending:
                self._open(connection)
            self._next(connection, now)
        if now < self._next_tell_ns:
            return
        self._next_tell_ns += int(INTERVAL_S * 1e9)
        for connection in list(self._connections.values()):
            since = max(connection.started_ns, connection.progress_ns)
            if now - since > self._timeout_ns:
                self._failed(connection, "TimedOut", now)
        self._report(now)

    def _report(self, now: int) -> None:
        self._tell(self._recorder.take((now - self._start_ns) / 1e9, time.process_time()))


def _name(error: OSError | None) -> str:
    """What became of a connection, as an error code."""
    if error is None:
        return "ConnectionClosed"
    names = {
        "ConnectionResetError": "ConnectionReset",
        "BrokenPipeError": "ConnectionReset",
        "ConnectionRefusedError": "ConnectionRefused",
        "TimeoutError": "ConnectTimedOut",
    }
    return names.get(type(error).__name__, type(error).__name__)
