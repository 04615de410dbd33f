"""The admin socket: a request line, an answer line, in order, whatever comes."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Mapping
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from z4tw.node.admin import AdminProtocol, AdminService, reply_to
from z4tw.node.failures import CommandError
from z4tw.node.offline import drive
from z4tw.node.sockets import connect_admin


async def perform(command: str, arguments: Mapping[str, Any]) -> Any:
    if command == "refuse":
        raise CommandError("no")
    if command == "break":
        raise ZeroDivisionError
    return {"command": command, **arguments}


class ReplyTests(SynchronousTestCase):
    def reply(self, line: bytes) -> dict[str, Any]:
        answer: bytes = drive(reply_to(line, perform))
        self.assertTrue(answer.endswith(b"\n"))
        document: dict[str, Any] = json.loads(answer)
        return document

    def test_a_result_is_answered(self) -> None:
        line = b'{"command": "key_info", "arguments": {"name": "a"}}'
        self.assertEqual(self.reply(line), {"result": {"command": "key_info", "name": "a"}})

    def test_a_refusal_is_answered_with_its_line(self) -> None:
        self.assertEqual(self.reply(b'{"command": "refuse"}'), {"error": "no"})

    def test_a_defect_is_logged_and_not_shown(self) -> None:
        answer = self.reply(b'{"command": "break"}')
        self.assertIn("its log says more", answer["error"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_what_is_no_request_is_refused(self) -> None:
        for line in (b"", b"[]", b"{}", b"3", b"\xff", b'{"command"'):
            self.assertIn("no JSON object", self.reply(line)["error"])


class ProtocolTests(SynchronousTestCase):
    def test_answers_come_in_the_order_of_the_requests(self) -> None:
        waiting: dict[str, Deferred[str]] = {"a": Deferred(), "b": Deferred()}

        async def wait(command: str, arguments: Mapping[str, Any]) -> str:
            return await waiting[command]

        connections: set[AdminProtocol] = set()
        protocol = AdminProtocol(wait, connections)
        transport = StringTransport()
        protocol.makeConnection(transport)
        self.assertEqual(connections, {protocol})
        protocol.dataReceived(b'{"command": "a"}\n{"command": "b"}\n')
        waiting["b"].callback("second")
        self.assertEqual(transport.value(), b"")
        waiting["a"].callback("first")
        self.assertEqual(transport.value(), b'{"result": "first"}\n{"result": "second"}\n')
        finished = Deferred.fromCoroutine(protocol.finish())
        self.successResultOf(finished)
        self.assertTrue(transport.disconnecting)

    def test_an_endless_line_ends_the_connection(self) -> None:
        protocol = AdminProtocol(perform, set())
        transport = StringTransport()
        protocol.makeConnection(transport)
        protocol.dataReceived(b"x" * (1 << 21))
        self.assertTrue(transport.disconnecting)


class ServiceTests(TestCase):
    def test_a_command_reaches_the_node_through_the_socket(self) -> Any:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        service = AdminService(reactor, temporary.name, perform)
        service.startService()
        path = os.path.join(temporary.name, "admin.sock")
        self.assertTrue(os.path.exists(path))

        def talk() -> bytes:
            connection = connect_admin(temporary.name)
            assert connection is not None
            with connection, connection.makefile("rb") as answers:
                connection.sendall(b'{"command": "status"}\n')
                return answers.readline()

        async def run() -> None:
            answer = await deferToThread(talk)
            self.assertEqual(json.loads(answer), {"result": {"command": "status"}})
            idle = socket.socket(socket.AF_UNIX)
            self.addCleanup(idle.close)
            await deferToThread(idle.connect, path)
            await service.stopService()
            self.assertFalse(os.path.exists(path))
            self.assertEqual(await deferToThread(idle.recv, 1), b"")

        return Deferred.fromCoroutine(run())
