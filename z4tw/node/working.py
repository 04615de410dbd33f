"""A worker process: the web service over the store process's data."""

from __future__ import annotations

import socket
from collections.abc import Callable

import msgspec
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from z4tw.config import Config
from z4tw.metadata.generations import Generations
from z4tw.metadata.link import Link
from z4tw.node import workers as wire
from z4tw.node.directory import Identity
from z4tw.node.failures import StoreError
from z4tw.node.offload import Threads
from z4tw.node.openings import Outside, open_as_worker
from z4tw.node.ports import Tls
from z4tw.node.running import Signals, stop_running
from z4tw.node.service import NodeService, Step
from z4tw.node.shared import certificate_files, make_evaluators, open_tls, tune_process
from z4tw.node.storage import Storage, StorageService
from z4tw.node.web import WebService
from z4tw.node.workers import Briefing
from z4tw.ops.routing import LocalRouter
from z4tw.plugins.registry import Plugins, discover
from z4tw.web.metrics import Metrics

log = Logger()
LAST_WORDS_S = 0.5
"""How long connections stay open after the store process is gone."""


class Worker:
    """Builds and keeps the services of a worker process; ``node`` is all of them.

    ``briefing`` is what the parent told; the descriptors are those of ``z4tw.node.workers``.
    """

    def __init__(
        self,
        number: int,
        briefing: Briefing,
        outside: Outside,
        *,
        report: Callable[[str], None],
        set_debug: Callable[[bool], None],
    ) -> None:
        self._number = number
        self._briefing = briefing
        self._config = briefing.config
        self._outside = outside
        outside.on_disk_error = self._disk_failed
        self._set_debug = set_debug
        self._link = Link(self._answer, self._link_lost)
        self._sockets: list[socket.socket] = []
        self._plugins = Plugins(())
        self._tls: Tls | None = None
        reactor = outside.reactor
        self.node = NodeService(
            end=self._end,
            report=report,
            started=lambda: None,
            reload=lambda: None,
            hurry=self._hurry,
        )
        self._storage = StorageService(self._open_storage, lambda: Threads(reactor))
        self._web = WebService(
            reactor,
            self._config,
            storage=lambda: self._storage.storage,
            sockets=lambda: self._sockets,
            tls=lambda: self._tls,
            evaluators=lambda: make_evaluators(
                self._plugins, self._config, self._storage.storage, outside
            ),
            router=LocalRouter(),
            metrics_text=self._node_metrics,
            now=outside.now,
            shared=True,
            processes=briefing.workers,
            stopped_listening=self._close_sockets,
            steps=outside.steps,
        )
        # Service managers signal every process of a service, and the store process passes a stop
        # on: a second signal is not a second wish here.
        self._signals = Signals(reactor, hurry=None, hang_up=None)
        for child in (
            self._signals,
            Step("link", self._connect, self._close_sockets),
            self._storage,
            self._web,
            Step("ready", self._say_ready),
        ):
            child.setServiceParent(self.node)

    async def _connect(self) -> None:
        tune_process()
        for index in range(self._briefing.sockets):
            listening = socket.socket(fileno=wire.FIRST_SOCKET_FD + index)
            listening.setblocking(False)
            self._sockets.append(listening)
        connection = socket.socket(fileno=wire.LINK_FD)
        connection.setblocking(False)
        factory = Factory.forProtocol(lambda: self._link)
        self._outside.reactor.adoptStreamConnection(connection.fileno(), socket.AF_UNIX, factory)
        connection.close()
        self._plugins = discover()
        self._tls = open_tls(self._config, self._outside.now())

    async def _open_storage(self, threads: Threads) -> Storage:
        return await open_as_worker(
            self._outside,
            self._config,
            Identity(self._briefing.node_uuid),
            self._plugins,
            files=threads.files,
            generations=Generations(wire.GENERATIONS_FD),
            link=self._link,
        )

    async def _say_ready(self) -> None:
        await self._link.request(wire.READY, b"")
        # Who is ready is told of later disk errors; earlier ones have to be asked for.
        if await self._link.request(wire.IS_READ_ONLY, b""):
            self._storage.storage.blobs.refuse_writes()

    async def _node_metrics(self, own: Metrics) -> str:
        return (await self._link.request(wire.METRICS_TEXT, b"")).decode("utf-8")

    async def _answer(self, name: str, payload: bytes) -> bytes:
        """What the store process asks and tells."""
        if name == wire.METRICS:
            return msgspec.json.encode(self._web.metrics.snapshot())
        if name == wire.READ_ONLY:
            self._storage.storage.blobs.refuse_writes()
            return b""
        if name == wire.HURRY:
            self._signals.stop()
            self.node.hurry()
            return b""
        if name == wire.RELOAD:
            self._reload(msgspec.json.decode(payload, type=Config))
            return b""
        raise StoreError(f"the store process asked for the unknown {name}")

    def _reload(self, config: Config) -> None:
        if self._tls is not None:
            files = certificate_files(config, self._outside.now())
            assert files is not None
            self._tls.reload(*files)
        self._config = config
        self._set_debug(config.debug)
        self._web.reload(config)

    def _disk_failed(self, error: OSError) -> None:
        """(in any thread) Writes are refused from now on: tell the store process."""
        log.critical("the disk failed ({error}): this worker is read-only", error=str(error))
        self._outside.reactor.callFromThread(self._tell_disk_failed)

    def _tell_disk_failed(self) -> None:
        told = self._link.request(wire.DISK_FAILED, b"")
        told.addErrback(lambda failure: log.failure("The alarm was not heard", failure))

    def _close_sockets(self) -> None:
        sockets, self._sockets = self._sockets, []
        for listening in sockets:
            listening.close()

    def _hurry(self) -> None:
        self._web.hurry()

    def _link_lost(self) -> None:
        """The store process is gone: nothing can be changed, and a new parent starts its own
        workers on the same port."""
        if self.node.running:
            self.node.fail("the store process is gone")
            # What is in work is answered 503 in this turn; downloads are not waited for.
            self._outside.reactor.callLater(LAST_WORDS_S, self._hurry)

    def _end(self) -> None:
        reactor = self._outside.reactor
        reactor.callWhenRunning(stop_running, reactor)
