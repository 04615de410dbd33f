"""A whole node in one process, started and stopped on the real reactor."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.node.support import make_config
from tests.node.test_web import fetch
from z4tw.cli.reach import ask
from z4tw.compose import build_node
from z4tw.config import Config, ConfigError
from z4tw.node.owner import worker_environment
from z4tw.node.service import NodeService
from z4tw.node.sockets import connect_admin
from z4tw.node.started import Started


class OwnerTests(TestCase):
    timeout = 60

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.data = Path(temporary.name) / "d"
        self.lines: list[str] = []
        self.debugged: list[bool] = []
        interval = sys.getswitchinterval()
        self.addCleanup(sys.setswitchinterval, interval)

    def build(
        self, environ: Mapping[str, str] | None = None, dev: bool = False, **settings: str
    ) -> NodeService:
        self.config = make_config(self.data, workers="1", **settings)
        self.serving: Deferred[Started] = Deferred()
        node = build_node(
            self.config,
            reactor,
            environ=environ or {},
            load_config=lambda: self.load(),
            announce=self.serving.callback,
            report=self.lines.append,
            set_debug=self.debugged.append,
            dev=dev,
        )
        # The test's reactor goes on when the node fails.
        node._end = lambda: self.serving.errback(RuntimeError("failed"))
        return node

    def load(self) -> Config:
        return self.config

    def command(self, name: str, **arguments: Any) -> Any:
        """(blocking)"""
        connection = connect_admin(self.config.meta)
        assert connection is not None
        with connection:
            return ask(connection, name, arguments)

    def test_a_node_serves_and_takes_commands_and_stops(self) -> Any:
        node = self.build(dev=True)

        async def run() -> None:
            node.startService()
            started = await self.serving
            try:
                self.assertTrue(started.has_keys)
                self.assertIsNotNone(started.dev_key)
                url = f"{started.endpoint}/_z4/health/ready"
                self.assertEqual((await deferToThread(fetch, url))[0], 200)
                status = await deferToThread(self.command, "status")
                self.assertEqual(status["endpoint"], started.endpoint)
                self.assertEqual(status["pid"], os.getpid())
                self.assertFalse(status["read_only"])
                keys = await deferToThread(self.command, "key_list")
                self.assertEqual([key["name"] for key in keys], ["dev"])
                url = f"{started.endpoint}/_z4/metrics"
                text = (await deferToThread(fetch, url))[1].decode()
                for line in ("z4_objects 0", "z4_workers 1", "z4_read_only 0", "z4_bad_blobs 0"):
                    self.assertIn(f"\n{line}\n", text)
            finally:
                await node.stopService()
            self.assertIsNone(connect_admin(self.config.meta))
            self.assertEqual(self.lines, [])

        return Deferred.fromCoroutine(run())

    def test_a_reload_takes_live_settings_over_and_names_the_others(self) -> Any:
        node = self.build()

        async def run() -> None:
            node.startService()
            await self.serving
            try:
                self.config = make_config(self.data, workers="1", debug="true", region="eu-west-1")
                answer = await deferToThread(self.command, "reload")
                self.assertEqual(answer, {"reloaded": True, "need_restart": ["region"]})
                self.assertEqual(self.debugged, [True])
            finally:
                await node.stopService()

        return Deferred.fromCoroutine(run())

    def test_a_wrong_configuration_changes_nothing(self) -> Any:
        node = self.build()

        def wrong() -> Config:
            raise ConfigError("port: wrong")

        async def run() -> None:
            node.startService()
            await self.serving
            try:
                self.load = wrong  # type: ignore[method-assign]
                node.reload()
                self.assertEqual(self.debugged, [])
            finally:
                await node.stopService()

        return Deferred.fromCoroutine(run())

    def failure(self, **options: Any) -> Any:
        """The line and the exit status of a start that fails."""
        node = self.build(**options)

        async def run() -> tuple[str, int]:
            node.startService()
            with self.assertRaises(RuntimeError):
                await self.serving
            await node.stopService()
            (line,) = self.lines
            return line, node.exit_status

        return Deferred.fromCoroutine(run())

    def test_half_a_root_key_is_a_wrong_configuration(self) -> Any:
        failing = self.failure(environ={"Z4_ROOT_ACCESS_KEY": "abc"})

        def check(result: tuple[str, int]) -> None:
            self.assertIn("Z4_ROOT_SECRET_KEY: ", result[0])
            self.assertEqual(result[1], 2)

        return failing.addCallback(check)

    def test_an_encryption_key_that_is_none_is_a_wrong_configuration(self) -> Any:
        failing = self.failure(environ={"Z4_ENCRYPTION_KEY": "abc"})

        def check(result: tuple[str, int]) -> None:
            self.assertIn("a master key is 32 bytes", result[0])
            self.assertNotIn("abc", result[0])
            self.assertEqual(result[1], 2)

        return failing.addCallback(check)

    def test_a_failed_start_gives_everything_back(self) -> Any:
        first = self.failure(environ={"Z4_ROOT_ACCESS_KEY": "abc"})

        async def again(_: Any) -> None:
            self.lines.clear()
            node = self.build(environ={"Z4_ROOT_ACCESS_KEY": "abc", "Z4_ROOT_SECRET_KEY": "x" * 9})
            node.startService()
            started = await self.serving
            self.assertTrue(started.has_keys)
            await node.stopService()

        return first.addCallback(lambda result: Deferred.fromCoroutine(again(result)))


def test_a_worker_is_not_told_the_root_key_and_imports_what_its_parent_does() -> None:
    environ = worker_environment({"PATH": "/bin", "Z4_ROOT_SECRET_KEY": "s", "PYTHONPATH": "x"})
    assert environ["PATH"] == "/bin"
    assert "Z4_ROOT_SECRET_KEY" not in environ
    assert environ["PYTHONPATH"].split(os.pathsep) == [os.path.abspath(p) for p in sys.path]
