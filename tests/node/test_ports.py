"""Ports over bound sockets: shared ones take one connection per wake-up; TLS can change."""

from __future__ import annotations

import datetime
import socket
import ssl
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from z4tw.config import ConfigError
from z4tw.node.ports import SharedPort, Tls, open_port
from z4tw.node.sockets import listen
from z4tw.web.tls import write_self_signed

NOW = datetime.datetime.now(datetime.UTC)


class SharedPortTests(SynchronousTestCase):
    def test_it_accepts_one_connection_whatever_twisted_learns(self) -> None:
        port = SharedPort(0, Factory(), reactor=None)
        port.numberAccepts = 120
        self.assertEqual(port.numberAccepts, 1)

    def test_it_takes_one_of_the_connections_that_wait(self) -> None:
        accepted: list[Protocol] = []

        class Noting(Protocol):
            def connectionMade(self) -> None:
                accepted.append(self)

        class Reader:
            def addReader(self, port: Any) -> None:
                """The test calls ``doRead`` itself."""

            def removeReader(self, port: Any) -> None:
                """Nothing was added."""

        factory = Factory.forProtocol(Noting)
        factory.noisy = False
        with listen("127.0.0.1", 0) as listening:
            address = listening.getsockname()
            port = open_port(Reader(), listening, factory, None, shared=True)
            clients = [socket.create_connection(address) for _ in range(3)]
            port.doRead()
            self.assertEqual(len(accepted), 1)
            port.doRead()
            self.assertEqual(len(accepted), 2)
            for protocol in accepted:
                protocol.transport.socket.close()  # type: ignore[union-attr]
            for client in clients:
                client.close()
            port.socket.close()


class TlsTests(TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = Path(temporary.name)

    def files(self, name: str) -> tuple[str, str]:
        certificate, key = str(self.directory / f"{name}.crt"), str(self.directory / f"{name}.key")
        write_self_signed(certificate, key, [f"{name}.example"], NOW)
        return certificate, key

    def test_new_connections_get_the_certificate_that_was_loaded_last(self) -> Any:
        first, second = self.files("first"), self.files("second")
        tls = Tls(*first)
        listening = listen("127.0.0.1", 0)
        self.addCleanup(listening.close)
        factory = Factory.forProtocol(Protocol)
        port = open_port(reactor, listening, factory, tls, shared=False)

        def certificate() -> str:
            return ssl.get_server_certificate(listening.getsockname())

        async def run() -> None:
            try:
                self.assertEqual(await deferToThread(certificate), Path(first[0]).read_text())
                tls.reload(*second)
                self.assertEqual(await deferToThread(certificate), Path(second[0]).read_text())
                with self.assertRaises(ConfigError):
                    tls.reload(second[0], first[1])
                self.assertEqual(await deferToThread(certificate), Path(second[0]).read_text())
            finally:
                await port.stopListening()

        return Deferred.fromCoroutine(run())
