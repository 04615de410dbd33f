"""Listening ports of a process, over sockets that were bound before (perhaps by its parent)."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import tcp
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from zope.interface import implementer

from z4tw.config import ConfigError


class SharedPort(tcp.Port):
    """A port that accepts one connection each time that its socket is ready.

    Several processes listen on one socket: one that took all that wait would leave nothing to
    the others, and serve a burst alone.
    """

    @property
    def numberAccepts(self) -> int:
        """How many connections Twisted accepts at once; its own adjustments are ignored."""
        return 1

    @numberAccepts.setter
    def numberAccepts(self, value: int) -> None:
        pass


def open_port(
    reactor: Any, listening: socket.socket, factory: Any, tls: Tls | None, shared: bool
) -> Any:
    """Serve a listening socket's connections; ``shared`` when other processes do too."""
    if tls is not None:
        from twisted.protocols.tls import TLSMemoryBIOFactory

        factory = TLSMemoryBIOFactory(tls, False, factory)
    if not shared:
        return reactor.adoptStreamPort(listening.fileno(), listening.family, factory)
    port = SharedPort._fromListeningDescriptor(
        reactor, listening.fileno(), listening.family, factory
    )
    port.startListening()
    return port


@implementer(IOpenSSLServerConnectionCreator)
class Tls:
    """The certificate of the S3 port, changed without a restart. Raises ``ConfigError``."""

    def __init__(self, certificate: str, key: str) -> None:
        self._current = _context(certificate, key)

    def reload(self, certificate: str, key: str) -> None:
        """Use these files for new connections; on a ``ConfigError`` the former ones stay."""
        self._current = _context(certificate, key)

    def serverConnectionForTLS(self, tlsProtocol: Any) -> Any:
        """What Twisted asks for each connection."""
        return self._current.serverConnectionForTLS(tlsProtocol)


def _context(certificate: str, key: str) -> Any:
    from z4tw.web.tls import ReloadableContext

    try:
        return ReloadableContext(certificate, key)
    except ValueError as error:
        raise ConfigError(str(error)) from error
