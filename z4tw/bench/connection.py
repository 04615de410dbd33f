"""One connection of a loop: its socket, its request, and how far its answer is."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from typing import Any

from z4tw.bench.answer import Answer
from z4tw.bench.target import BenchError, Target
from z4tw.bench.uploads import Script

CONNECT_S = 10.0


class Connection:
    """Mutable state that the loop works on. ``quiet``: the request was sent whole and nothing of
    its answer has come, so that the loop may read it in the quick way. ``fresh``: nothing was
    ever answered on this socket. ``wants``: what the poller watches for."""

    __slots__ = (
        "answer", "body", "born_ns", "fd", "fresh", "kind", "out", "progress_ns", "quiet",
        "recv_into", "request", "script", "send", "sent", "sock", "started_ns", "wants",
    )  # fmt: skip

    def __init__(self) -> None:
        self.sock: socket.socket | None = None
        self.fd = -1
        self.recv_into: Any = None
        self.send: Any = None
        self.fresh = True
        self.quiet = False
        self.wants = 0
        self.request = b""
        self.kind = 0
        self.body = self.sent = 0
        self.out = memoryview(b"")
        self.answer: Answer | None = None
        self.script: Script | None = None
        self.started_ns = self.born_ns = self.progress_ns = 0

    def attach(self, sock: socket.socket) -> None:
        """Use a new socket."""
        self.sock, self.fd = sock, sock.fileno()
        self.recv_into, self.send = sock.recv_into, sock.send
        self.fresh, self.quiet, self.wants = True, False, 1
        self.out, self.answer = memoryview(b""), None


class Dialer:
    """Makes sockets to one target, whose name it resolves once. Raises ``BenchError`` when
    nothing answers there at first."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._context = tls_context(target) if target.secure else None
        try:
            with socket.create_connection((target.host, target.port), CONNECT_S) as first:
                self._family, self._address = first.family, first.getpeername()
            if self._context is not None:
                self.dial().close()
        except OSError as error:
            raise unreachable(target, error) from None

    @property
    def secure(self) -> bool:
        """Whether the sockets speak TLS."""
        return self._context is not None

    def dial(self) -> socket.socket:
        """A non-blocking socket that is connected or will be. Raises ``OSError``. TLS is set up
        before this returns."""
        sock = socket.socket(self._family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is None:
                sock.setblocking(False)
                code = sock.connect_ex(self._address)
                if code not in (0, errno.EINPROGRESS):
                    raise OSError(code, os.strerror(code))
                return sock
            sock.settimeout(CONNECT_S)
            sock.connect(self._address)
            sock = self._context.wrap_socket(sock, server_hostname=self._target.host)
            sock.setblocking(False)
            return sock
        except BaseException:
            sock.close()
            raise


def tls_context(target: Target) -> ssl.SSLContext:
    """What certificates are accepted. Raises ``BenchError`` for a bundle that cannot be read."""
    try:
        context = ssl.create_default_context(cafile=target.ca_bundle or None)
    except (OSError, ssl.SSLError) as error:
        raise BenchError(f"cannot use {target.ca_bundle}: {error}") from None
    if not target.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def unreachable(target: Target, error: OSError) -> BenchError:
    """The one line for an endpoint that does not answer."""
    why = getattr(error, "verify_message", "") or error.strerror or str(error) or "no answer"
    return BenchError(f"cannot reach {target.endpoint}: {why}")
