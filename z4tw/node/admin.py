"""The admin socket of a running node: one JSON object per line, in both directions.

A request is ``{"command": NAME, "arguments": {...}}``; its answer ``{"result": ...}`` or
``{"error": LINE}``, in order. Whoever may open the socket's file (the server's user) may do
everything.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorSocket
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver

from z4tw.node.failures import CommandError
from z4tw.node.sockets import listen_admin

Command = Callable[..., Awaitable[Any]]
"""An administrative command: keyword arguments in, a value that JSON can hold out."""
REQUEST_BYTES = 1 << 20
log = Logger()


class AdminProtocol(LineOnlyReceiver):
    """One connection of a ``z4`` command."""

    delimiter = b"\n"
    MAX_LENGTH = REQUEST_BYTES

    def __init__(self, perform: Callable[[str, Mapping[str, Any]], Awaitable[Any]]) -> None:
        self._perform = perform
        self._last: Deferred[None] | None = None

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


class AdminService(Service):
    """Listens on ``_z4meta/admin.sock`` while it runs."""

    name = "admin"

    def __init__(
        self,
        reactor: IReactorSocket,
        meta: str,
        perform: Callable[[str, Mapping[str, Any]], Awaitable[Any]],
    ) -> None:
        self._reactor = reactor
        self._meta = meta
        self._perform = perform
        self._port: Any = None

    def startService(self) -> None:
        """Begin to listen. Raises ``StoreError``."""
        listening = listen_admin(self._meta)
        factory = Factory.forProtocol(lambda: AdminProtocol(self._perform))
        try:
            self._port = self._reactor.adoptStreamPort(
                listening.fileno(), listening.family, factory
            )
        finally:
            listening.close()
        super().startService()

    def stopService(self) -> Any:
        """Remove the socket and stop listening."""
        super().stopService()
        port, self._port = self._port, None
        if port is None:
            return None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self._meta, "admin.sock"))
        return port.stopListening()
