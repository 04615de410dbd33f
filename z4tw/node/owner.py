"""The process that owns the data directory: alone, or as the parent of workers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from z4tw.config import Config, ConfigError, reload
from z4tw.daemons.auditor import Auditor
from z4tw.daemons.expirer import Expirer
from z4tw.daemons.periodic import Periodic
from z4tw.daemons.reaper import Reaper
from z4tw.daemons.snapshots import Snapshots
from z4tw.interfaces import IPolicyEvaluator
from z4tw.metadata.generations import Generations
from z4tw.node import workers as wire
from z4tw.node.admin import AdminService
from z4tw.node.commands import Command, CommandTable, admin_commands, make_admin
from z4tw.node.counting import WorkerCounts
from z4tw.node.directory import DataDirectory
from z4tw.node.events import Events
from z4tw.node.failures import StoreError
from z4tw.node.lifecycle import lifecycle_commands, lifecycle_gauges, make_expirer
from z4tw.node.listening import Listening
from z4tw.node.offload import Threads
from z4tw.node.openings import Outside, open_owned
from z4tw.node.rotation import CHECK_SECONDS, LogRotation
from z4tw.node.running import Signals, stop_running
from z4tw.node.service import Background, NodeService, Step
from z4tw.node.setup import Prepared, prepare, root_credentials
from z4tw.node.shared import (
    certificate_files,
    make_evaluators,
    open_tls,
    tune_process,
)
from z4tw.node.started import Started
from z4tw.node.storage import Storage, StorageService
from z4tw.node.upkeep import Upkeep
from z4tw.node.workers import Briefing, Workers
from z4tw.ops.routing import LocalRouter
from z4tw.plugins.registry import Plugins, discover
from z4tw.web.metrics import Metrics, render

if TYPE_CHECKING:
    from z4tw.node.web import WebService

log = Logger()
_SECRETS = ("Z4_ROOT_ACCESS_KEY", "Z4_ROOT_SECRET_KEY", "MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD")


class Owner:
    """Builds and keeps the services of the owning process; ``node`` is all of them.

    They start in this order: signals, the data directory's lock, the listening sockets, the
    storage, keys that are asked for, daemons, the admin socket, and the web service or the
    workers; and stop in the reverse one.
    """

    def __init__(
        self,
        config: Config,
        outside: Outside,
        *,
        load_config: Callable[[], Config],
        announce: Callable[[Started], None],
        report: Callable[[str], None],
        set_debug: Callable[[bool], None],
        dev: bool,
        workers: int,
        command: tuple[str, ...],
    ) -> None:
        self._config = config
        self._outside = outside
        self._load_config = load_config
        self._announce = announce
        self._set_debug = set_debug
        self._dev = dev
        self._count = workers
        self._directory: DataDirectory | None = None
        self._plugins = Plugins(())
        self._generations: Generations | None = None
        self._prepared = Prepared(False)
        self._tls: Any = None
        reactor = outside.reactor
        self.node = NodeService(
            end=self._end,
            report=report,
            started=self._started,
            reload=self.reload,
            hurry=self.hurry,
        )
        self._listening = Listening(config)
        self._storage = StorageService(self._open_storage, lambda: Threads(reactor))
        self._web: WebService | None = None
        self._workers: Workers | None = None
        self._reaper: Reaper | None = None
        self._auditor: Auditor | None = None
        self._events = Events()
        self._expirer: Expirer | None = None
        self._upkeep: Upkeep | None = None
        self._counts = WorkerCounts()
        self._alarm = outside.on_disk_error
        outside.on_disk_error = self._disk_failed
        signals = Signals(
            reactor,
            hurry=self.node.hurry,
            # A closed terminal ends what somebody tries out in it.
            hang_up=(lambda: signals.stop()) if dev else self.node.reload,
        )
        serving = self._make_workers(command) if workers > 1 else self._make_web()
        for child in (
            signals,
            Step("directory", self._open_directory, self._close_directory),
            self._listening,
            self._storage,
            Step("keys", self._prepare),
            Background("daemons", self._make_daemons),
            AdminService(reactor, config.meta, self._perform),
            serving,
        ):
            child.setServiceParent(self.node)

    # Opening

    async def _open_directory(self) -> None:
        tune_process()
        self._plugins = discover()
        self._directory = DataDirectory.open(self._config, self._outside.random_bytes)
        self._tls = open_tls(self._config, self._outside.now())

    def _close_directory(self) -> None:
        if self._directory is not None:
            self._directory.close()
            self._directory = None

    async def _open_storage(self, threads: Threads) -> Storage:
        assert self._directory is not None
        self._generations = Generations.shared() if self._count > 1 else Generations()
        return await open_owned(
            self._outside,
            self._config,
            self._directory,
            self._plugins,
            commit=threads.commit,
            files=threads.files,
            generations=self._generations,
        )

    async def _prepare(self) -> None:
        storage = self._storage.storage
        root = root_credentials(self._outside.environ)
        # A wrong policy plugin is found here, not by the first request of a worker.
        self._evaluators()
        self._events.open(self._plugins, self._config, storage.offload, self._outside)
        self._prepared = await prepare(storage, make_admin(storage), root, self._dev)

    def _evaluators(self) -> list[IPolicyEvaluator]:
        storage = self._storage.storage
        return make_evaluators(self._plugins, self._config, storage, self._outside)

    # Services

    def _make_daemons(self) -> list[Service]:
        config, storage = self._config, self._storage.storage
        clock, now_ms = self._outside.reactor, self._outside.now_ms
        self._reaper = Reaper(
            storage.store, storage.blobs, storage.offload, clock, now_ms,
            grace_s=config.blob_grace_seconds,
            orphan_grace_s=config.orphan_grace_seconds,
            reap_interval_s=_interval(config.blob_grace_seconds, 60),
            sweep_interval_s=_interval(config.orphan_grace_seconds, 21_600),
        )  # fmt: skip
        self._upkeep = Upkeep(
            storage, self._reaper, now_ms,
            running=True, stopping=lambda: not self.node.running,
        )  # fmt: skip
        snapshots = os.path.join(config.meta, "snapshots")
        self._expirer = make_expirer(self._outside, config, storage)
        daemons: list[Service] = [
            self._reaper,
            self._events.daemon(storage.store, clock, config.outbox_limit),
            self._expirer,
            Snapshots(
                storage.store, snapshots, storage.offload, clock, now_ms, config.snapshot_seconds
            ),
        ]
        if config.audit_bytes_per_second:
            rate = config.audit_bytes_per_second
            self._auditor = Auditor(
                storage.store, storage.blobs, storage.offload, clock, bytes_per_s=rate
            )
            daemons.append(self._auditor)
        path = config.access_log_path
        if path not in (None, "-"):
            rotation = LogRotation(path, storage.offload)
            daemons.append(Periodic("log-rotation", rotation.check, CHECK_SECONDS, clock))
        return daemons

    def _make_web(self) -> WebService:
        # Not at the top: the parent of workers serves no requests, and saves this memory.
        from z4tw.node.web import WebService

        self._web = WebService(
            self._outside.reactor,
            self._config,
            storage=lambda: self._storage.storage,
            sockets=lambda: self._listening.sockets,
            tls=lambda: self._tls,
            evaluators=self._evaluators,
            router=LocalRouter(),
            metrics_text=self._own_metrics,
            now=self._outside.now,
            shared=False,
            processes=1,
            stopped_listening=self._listening.close,
            steps=self._outside.steps,
        )
        return self._web

    def _make_workers(self, command: tuple[str, ...]) -> Workers:
        self._workers = Workers(
            self._outside.reactor,
            self._count,
            command=command,
            environ=worker_environment(self._outside.environ),
            store=lambda: self._storage.storage.store,
            briefing=self._briefing,
            sockets=lambda: self._listening.sockets,
            generations_fd=self._generations_fd,
            on_request=self._answer_worker,
            drain_seconds=lambda: self._config.drain_seconds,
            begin_stop=self._listening.close,
            gone=self._counts.gone,
        )
        return self._workers

    def _briefing(self) -> Briefing:
        assert self._directory is not None
        return Briefing(
            config=self._config,
            node_uuid=self._directory.identity.node_uuid,
            workers=self._count,
            sockets=len(self._listening.sockets),
        )

    def _generations_fd(self) -> int:
        assert self._generations is not None
        assert self._generations.fd is not None
        return self._generations.fd

    # Requests of workers and of the admin socket

    async def _answer_worker(self, name: str, payload: bytes) -> bytes:
        if name == wire.DISK_FAILED:
            self._refuse_writes()
            return b""
        if name == wire.IS_READ_ONLY:
            return b"yes" if self._read_only() else b""
        if name != wire.METRICS_TEXT:
            raise StoreError(f"a worker asked for the unknown {name}")
        assert self._workers is not None
        for pid, answer in await self._workers.ask_all(wire.METRICS, b""):
            self._counts.update(pid, msgspec.json.decode(answer))
        return render(self._counts.total(), await self._gauges()).encode("utf-8")

    async def _own_metrics(self, metrics: Metrics) -> str:
        return render(metrics.snapshot(), await self._gauges())

    async def _gauges(self) -> dict[str, float]:
        sizes = await self._storage.storage.store.sizes()
        gauges: dict[str, float] = {
            f"z4_{name}": value for name, value in msgspec.structs.asdict(sizes).items()
        }
        gauges["z4_workers"] = self._count if self._workers is None else len(self._workers.pids)
        gauges["z4_read_only"] = int(self._read_only())
        gauges["z4_reaped_blobs"] = 0 if self._reaper is None else self._reaper.reaped
        gauges |= lifecycle_gauges(self._expirer)
        gauges["z4_bad_blobs"] = 0 if self._auditor is None else self._auditor.bad
        return gauges | await self._events.gauges(self._storage.storage.store, self._outside.now_ms)

    async def _perform(self, name: str, arguments: Mapping[str, Any]) -> Any:
        storage = self._storage.storage
        admin = make_admin(storage, self._evaluators)
        commands: dict[str, Command] = {
            **admin_commands(admin),
            **lifecycle_commands(storage, self._outside.reactor, self._outside.now_ms),
            **(self._upkeep.commands() if self._upkeep is not None else {}),
            "status": self._status, "reload": self._reload_command,
        }  # fmt: skip
        return await CommandTable(commands).perform(name, arguments)

    async def _status(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "endpoint": self._listening.endpoint,
            "metrics_endpoint": self._listening.metrics_endpoint,
            "workers": self._count,
            "worker_pids": [] if self._workers is None else self._workers.pids,
            "read_only": self._read_only(),
        }

    async def _reload_command(self) -> dict[str, Any]:
        return {"reloaded": True, "need_restart": self.reload()}

    def _read_only(self) -> bool:
        """Whether a disk error in any process has made it refuse writes."""
        return bool(self._storage.storage.blobs.read_only)

    def _disk_failed(self, error: OSError) -> None:
        """(in any thread) This process met a disk error: the workers refuse writes too."""
        self._alarm(error)
        self._outside.reactor.callFromThread(self._refuse_writes)

    def _refuse_writes(self) -> None:
        """A disk error in one process is one of the whole node."""
        self._storage.storage.blobs.refuse_writes()
        if self._workers is not None:
            telling = self._workers.ask_all(wire.READ_ONLY, b"")
            Deferred.fromCoroutine(telling).addErrback(_not_told)

    # Life

    def reload(self) -> list[str]:
        """Read configuration and certificates again, here and in the workers; what is wrong is
        logged and leaves all as it was. The names of changed settings that need a restart."""
        try:
            config, restart = reload(self._config, self._load_config())
            if self._tls is not None:
                files = certificate_files(config, self._outside.now())
                assert files is not None
                self._tls.reload(*files)
        except (ConfigError, StoreError) as error:
            log.error("nothing was reloaded: {error}", error=str(error))
            return []
        self._config = config
        self._set_debug(config.debug)
        if self._web is not None:
            self._web.reload(config)
        if self._workers is not None:
            telling = self._workers.ask_all(wire.RELOAD, msgspec.json.encode(config))
            Deferred.fromCoroutine(telling).addErrback(_not_told)
        log.info("configuration and certificates were reloaded")
        if restart:
            log.warn("changed, but needs a restart: {names}", names=", ".join(restart))
        return restart

    def hurry(self) -> None:
        """End the drain at once."""
        if self._web is not None:
            self._web.hurry()
        if self._workers is not None:
            self._workers.hurry()

    def _started(self) -> None:
        files = certificate_files(self._config, self._outside.now())
        self._announce(
            Started(
                config=self._config,
                endpoint=self._listening.endpoint,
                metrics_endpoint=self._listening.metrics_endpoint,
                workers=self._count,
                has_keys=self._prepared.has_keys,
                certificate=None if files is None else files[0],
                dev_key=self._prepared.dev_key,
            )
        )

    def _end(self) -> None:
        reactor = self._outside.reactor
        reactor.callWhenRunning(stop_running, reactor)


def _not_told(failure: Failure) -> None:
    log.failure("The workers could not be told", failure)


def worker_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """A worker's environment: without the root key, and with the import path of this process."""
    kept = {name: value for name, value in environ.items() if name not in _SECRETS}
    kept["PYTHONPATH"] = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    return kept


def _interval(grace_s: float, most_s: float) -> float:
    """How often to look for what has a grace period: a quarter of it, within bounds."""
    return min(most_s, max(0.5, grace_s / 4))
