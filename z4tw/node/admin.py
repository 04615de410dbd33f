"""The admin socket of a running node: one JSON object per line, in both directions.

A request is ``{"command": NAME, "arguments": {...}}``; its answer ``{"result": ...}`` or
``{"error": LINE}``, in order. Whoever may open the socket's file (the server's user) may do
everything.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from z4tw.node.failures import CommandError
from z4tw.node.sockets import listen_admin

REQUEST_BYTES = 1 << 20
log = Logger()


class AdminProtocol(LineOnlyReceiver):
    """One connection of a ``z4`` command."""

    delimiter = b"\n"
    MAX_LENGTH = REQUEST_BYTES

    def __init__(
        self,
        perform: Callable[[str, Mapping[str, Any]], Awaitable[Any]],
        connections: set[AdminProtocol],
    ) -> None:
        self._perform = perform
        self._connections = connections
        self._last: Deferred[None] | None = None

    def connectionMade(self) -> None:
        """Be known to the service."""
        self._connections.add(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Be forgotten; what is being performed goes on."""
        self._connections.discard(self)

    async def finish(self) -> None:
        """Wait for the request in work, and close."""
        if self._last is not None:
            await self._last
        if self.transport is not None:
            self.transport.loseConnection()

    def lineReceived(self, line: bytes) -> None:
        """Answer a request; requests of one connection are performed one after another."""
        former = self._last
        self._last = Deferred.fromCoroutine(self._answer(line, former))

    async def _answer(self, line: bytes, former: Deferred[None] | None) -> None:
        if former is not None:
            await former
        reply = await reply_to(line, self._perform)
        if self.transport is not None and self.connected:
            self.transport.write(reply)


async def reply_to(
    line: bytes, perform: Callable[[str, Mapping[str, Any]], Awaitable[Any]]
) -> bytes:
    """The answering line of a request line; never raises."""
    try:
        try:
            request = json.loads(line)
            command, arguments = request["command"], request.get("arguments", {})
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CommandError("the request is no JSON object with a command") from None
        answer = {"result": await perform(command, arguments)}
    except CommandError as error:
        answer = {"error": str(error)}
    except Exception:
        log.failure("An administrative command failed")
        answer = {"error": "the command failed inside the server; its log says more"}
    return json.dumps(answer).encode("utf-8") + b"\n"


@implementer(IReadDescriptor)
class _Acceptor:
    """Accepts on the admin socket. (Twisted's own Unix port would give its file mode 0666, and
    unlink it by the name that it was bound with, which may be one of another directory by then.)
    """

    def __init__(self, reactor: Any, listening: socket.socket, factory: Any) -> None:
        self._reactor = reactor
        self._listening = listening
        self._factory = factory

    def fileno(self) -> int:
        """The descriptor to watch."""
        return self._listening.fileno()

    def logPrefix(self) -> str:
        """Whose events these are, for Twisted's log."""
        return "admin"

    def doRead(self) -> None:
        """Take one connection."""
        try:
            connection, _ = self._listening.accept()
        except OSError:
            return  # It went away before it was accepted, or descriptors are short: later, then.
        with connection:
            connection.setblocking(False)
            self._reactor.adoptStreamConnection(connection.fileno(), socket.AF_UNIX, self._factory)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor ends, or the socket is broken."""
        self._listening.close()


class AdminService(Service):
    """Listens on ``_z4meta/admin.sock`` while it runs."""

    name = "admin"

    def __init__(
        self,
        reactor: Any,
        meta: str,
        perform: Callable[[str, Mapping[str, Any]], Awaitable[Any]],
    ) -> None:
        self._reactor = reactor
        self._meta = meta
        self._perform = perform
        self._listening: socket.socket | None = None
        self._acceptor: _Acceptor | None = None
        self._connections: set[AdminProtocol] = set()

    def startService(self) -> None:
        """Begin to listen. Raises ``StoreError``."""
        self._listening = listen_admin(self._meta)
        factory = Factory.forProtocol(lambda: AdminProtocol(self._perform, self._connections))
        factory.noisy = False
        self._acceptor = _Acceptor(self._reactor, self._listening, factory)
        self._reactor.addReader(self._acceptor)
        super().startService()

    def stopService(self) -> Deferred[None]:
        """Remove the socket, finish what is being performed, and close the connections."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        listening, self._listening = self._listening, None
        if listening is None:
            return
        if self._acceptor is not None:
            self._reactor.removeReader(self._acceptor)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self._meta, "admin.sock"))
        listening.close()
        for connection in list(self._connections):
            await connection.finish()
