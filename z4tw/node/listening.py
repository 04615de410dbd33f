"""The listening sockets of a node: bound once, before anything is served, by one process."""

from __future__ import annotations

import socket

from twisted.application.service import Service

from z4tw.config import Config
from z4tw.node.sockets import endpoint, listen


class Listening(Service):
    """Binds the S3 port, and the metrics port if there is one.

    ``sockets`` is the S3 socket and perhaps the metrics socket, in this order; empty before the
    start and after ``close``.
    """

    name = "listening"

    def __init__(self, config: Config) -> None:
        self._config = config
        self.sockets: list[socket.socket] = []
        self.endpoint = ""
        self.metrics_endpoint = ""

    def startService(self) -> None:
        """Bind. Raises ``StoreError``."""
        super().startService()
        config = self._config
        self.sockets.append(listen(config.host, config.port))
        self.endpoint = endpoint(self.sockets[0], config.secure)
        if config.metrics_port is not None:
            self.sockets.append(listen(config.host, config.metrics_port))
            self.metrics_endpoint = endpoint(self.sockets[1], False)

    def close(self) -> None:
        """Refuse new connections from now on, in this process; safe to call twice."""
        sockets, self.sockets = self.sockets, []
        for listening in sockets:
            listening.close()

    def stopService(self) -> None:
        """Close what is still open."""
        super().stopService()
        self.close()
