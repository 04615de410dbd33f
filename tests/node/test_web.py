"""The web service: what it serves, how it drains, and what it leaves to others."""

from __future__ import annotations

import json
import socket
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.node.support import Opened, make_config
from z4tw.node.commands import make_admin
from z4tw.node.offline import drive
from z4tw.node.sockets import endpoint, listen
from z4tw.node.web import WebService
from z4tw.ops.routing import LocalRouter
from z4tw.web.metrics import Metrics, render


def fetch(url: str) -> tuple[int, bytes]:
    """(blocking) Status and body of a GET."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


class WebServiceTests(TestCase):
    timeout = 30

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.data = Path(temporary.name) / "d"
        self.sockets: list[socket.socket] = []
        self.steps: list[str] = []

    def start(self, sockets: int = 1, **settings: str) -> WebService:
        config = make_config(self.data, **settings)
        opened = Opened(config)
        self.addCleanup(opened.close)
        self.admin = make_admin(opened.storage)
        self.sockets = [listen("127.0.0.1", 0) for _ in range(sockets)]
        self.addCleanup(self.close_sockets)
        service = WebService(
            reactor,
            config,
            storage=lambda: opened.storage,
            sockets=lambda: self.sockets,
            tls=lambda: None,
            evaluators=lambda: (),
            router=LocalRouter(),
            metrics_text=self.metrics_text,
            now=time.time,
            shared=False,
            processes=1,
            stopped_listening=self.close_sockets,
            steps=self.steps.append,
        )
        self.urls = [endpoint(listening, False) for listening in self.sockets]
        service.startService()
        return service

    def close_sockets(self) -> None:
        for listening in self.sockets:
            listening.close()

    async def metrics_text(self, metrics: Metrics) -> str:
        await succeed(None)
        return render(metrics.snapshot(), {"z4_objects": 3})

    def run_async(self, work: Any) -> Deferred[None]:
        return Deferred.fromCoroutine(work)

    def test_health_metrics_and_s3_are_served(self) -> Any:
        service = self.start()

        async def run() -> None:
            self.assertEqual(
                await deferToThread(fetch, f"{self.urls[0]}/_z4/health/ready"), (200, b"ok\n")
            )
            status, body = await deferToThread(fetch, self.urls[0] + "/")
            self.assertEqual(status, 403)
            self.assertIn(b"<Code>AccessDenied</Code>", body)
            status, body = await deferToThread(fetch, self.urls[0] + "/_z4/metrics")
            self.assertEqual(status, 200)
            self.assertIn(b"z4_objects 3", body)
            self.assertIn(b'z4_requests_total{operation="ListBuckets",status="403"} 1', body)
            await service.stopService()

        return self.run_async(run())

    def test_metrics_move_to_their_own_port(self) -> Any:
        service = self.start(sockets=2)

        async def run() -> None:
            self.assertEqual((await deferToThread(fetch, self.urls[0] + "/_z4/metrics"))[0], 403)
            self.assertEqual((await deferToThread(fetch, self.urls[1] + "/metrics"))[0], 200)
            self.assertEqual((await deferToThread(fetch, self.urls[1] + "/bucket"))[0], 403)
            await service.stopService()

        return self.run_async(run())

    def test_minio_health_paths_give_way_to_a_bucket_of_that_name(self) -> Any:
        service = self.start()
        url = self.urls[0] + "/minio/health/live"

        async def run() -> None:
            self.assertEqual((await deferToThread(fetch, url))[0], 200)
            drive(self.admin.bucket_create("minio"))
            self.assertEqual((await deferToThread(fetch, url))[0], 403)
            drive(self.admin.bucket_delete("minio"))
            self.assertEqual((await deferToThread(fetch, url))[0], 200)
            await service.stopService()

        return self.run_async(run())

    def test_every_request_is_in_the_access_log(self) -> Any:
        service = self.start()

        async def run() -> None:
            await deferToThread(fetch, self.urls[0] + "/photos/a%20b")
            await service.stopService()
            (line,) = (self.data / "_z4meta/log/access.jsonl").read_text().splitlines()
            record = json.loads(line)
            self.assertEqual(record["operation"], "GetObject")
            self.assertEqual((record["bucket"], record["key"]), ("photos", "a b"))
            self.assertEqual(record["error"], "AccessDenied")

        return self.run_async(run())

    def test_the_access_log_can_be_off(self) -> Any:
        service = self.start(access_log="off")

        async def run() -> None:
            await deferToThread(fetch, self.urls[0] + "/")
            await service.stopService()
            self.assertFalse((self.data / "_z4meta/log/access.jsonl").exists())

        return self.run_async(run())

    def test_the_drain_ends_idle_connections_and_refuses_new_ones(self) -> Any:
        service = self.start()
        address = self.sockets[0].getsockname()

        async def run() -> None:
            idle = await deferToThread(socket.create_connection, address)
            self.addCleanup(idle.close)
            await deferToThread(fetch, self.urls[0] + "/_z4/health/live")
            await service.stopService()
            self.assertEqual(await deferToThread(idle.recv, 1), b"")
            with self.assertRaises(ConnectionRefusedError):
                await deferToThread(socket.create_connection, address)

        return self.run_async(run())

    def half_a_request(self) -> socket.socket:
        """(blocking) A connection whose request never ends."""
        connection = socket.create_connection(self.sockets[0].getsockname())
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        fetch(self.urls[0] + "/_z4/health/live")
        return connection

    def test_a_request_that_does_not_end_is_cut_off_after_the_drain(self) -> Any:
        service = self.start(drain_seconds="0.1")

        async def run() -> None:
            connection = await deferToThread(self.half_a_request)
            self.addCleanup(connection.close)
            await service.stopService()
            with self.assertRaises(ConnectionResetError):
                await deferToThread(connection.recv, 1)

        return self.run_async(run())

    def test_a_drain_can_be_hurried(self) -> Any:
        service = self.start(drain_seconds="1000")

        async def run() -> None:
            connection = await deferToThread(self.half_a_request)
            self.addCleanup(connection.close)
            stopping = service.stopService()
            self.assertFalse(stopping.called)
            service.hurry()
            await stopping

        return self.run_async(run())

    def test_a_drain_can_be_hurried_before_it_begins(self) -> Any:
        service = self.start(drain_seconds="1000")

        async def run() -> None:
            connection = await deferToThread(self.half_a_request)
            self.addCleanup(connection.close)
            service.hurry()
            await service.stopService()

        return self.run_async(run())

    def test_a_reload_changes_the_drain(self) -> Any:
        service = self.start(drain_seconds="1000")
        service.reload(make_config(self.data, drain_seconds="0.1"))

        async def run() -> None:
            connection = await deferToThread(self.half_a_request)
            self.addCleanup(connection.close)
            await service.stopService()

        return self.run_async(run())

    def test_tests_are_told_when_an_answer_is_due(self) -> Any:
        service = self.start()
        key = drive(self.admin.key_create("alice", True))

        def list_buckets() -> None:
            import boto3

            client = boto3.client(
                "s3",
                endpoint_url=self.urls[0],
                region_name="us-east-1",
                aws_access_key_id=key["access_key_id"],
                aws_secret_access_key=key["secret_access_key"],
            )
            client.list_buckets()

        async def run() -> None:
            await deferToThread(list_buckets)
            self.assertEqual(self.steps, ["reply.before"])
            await service.stopService()

        return self.run_async(run())
