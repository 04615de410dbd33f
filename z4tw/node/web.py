"""The web service of a process: the S3 operations behind a site, on the listening sockets."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger
from zope.interface import implementer

from z4tw.config import Config
from z4tw.interfaces import (
    Exchange,
    IPolicyEvaluator,
    IRouter,
    IS3Service,
    S3Response,
    Steps,
    no_steps,
)
from z4tw.model.control import Bucket
from z4tw.node.ports import Tls, open_port
from z4tw.node.storage import Storage
from z4tw.ops.authorize import Access
from z4tw.ops.control import bucket_register
from z4tw.ops.log_delivery import LogDelivery
from z4tw.ops.service import S3Service
from z4tw.ops.table import OPERATIONS
from z4tw.ops.website_service import WebsiteService
from z4tw.s3.xml_out import error_document
from z4tw.web.access_log import AccessLog, LogDescriptor, LogFile
from z4tw.web.bucket_logs import BucketLogs
from z4tw.web.limits import HttpLimits
from z4tw.web.metrics import Metrics
from z4tw.web.resources import RootResource, S3Leaf, metrics_root
from z4tw.web.responder import Responder
from z4tw.web.site import Z4Site

log = Logger()
_STDOUT = 1


class WebService(Service):
    """Serves HTTP from its start to the end of its drain.

    ``sockets`` are the S3 socket and perhaps the metrics socket; ``shared`` says that other
    processes accept from them too. ``metrics_text(own)`` is the *async* maker of the metrics page
    from this process's counts. ``processes`` is how many processes share ``max-connections``.
    """

    name = "web"

    def __init__(
        self,
        reactor: Any,
        config: Config,
        *,
        storage: Callable[[], Storage],
        sockets: Callable[[], Sequence[socket.socket]],
        tls: Callable[[], Tls | None],
        evaluators: Callable[[], Iterable[IPolicyEvaluator]],
        router: IRouter,
        metrics_text: Callable[[Metrics], Awaitable[str]],
        now: Callable[[], float],
        shared: bool,
        processes: int,
        stopped_listening: Callable[[], None] = lambda: None,
        steps: Steps = no_steps,
    ) -> None:
        self._reactor = reactor
        self._config = config
        self._storage = storage
        self._sockets = sockets
        self._tls = tls
        self._evaluators = evaluators
        self._router = router
        self._metrics_text = metrics_text
        self._now = now
        self._shared = shared
        self._processes = processes
        self._stopped_listening = stopped_listening
        self._steps = steps
        self._ports: list[Any] = []
        self._sites: list[Z4Site] = []
        self._draining: list[Z4Site] = []
        self._hurried = False
        self._access_log: AccessLog | None = None
        self._bucket_logs: BucketLogs | None = None
        self.metrics = Metrics()

    def startService(self) -> None:
        """Begin to serve."""
        super().startService()
        self._hurried = False
        config, storage = self._config, self._storage()
        self._access_log = self._open_log(config)
        evaluators = list(self._evaluators())
        delivery = LogDelivery(
            store=storage.store,
            blobs=storage.blobs,
            access=Access(evaluators),
            settings=storage.settings,
            stamp=storage.stamp,
            random_bytes=storage.random_bytes,
        )
        self._bucket_logs = BucketLogs(
            delivery.deliver, self._reactor, config.bucket_log_seconds, config.bucket_log_bytes
        )
        responder = Responder(
            metrics=self.metrics,
            access_log=self._access_log,
            now=self._now,
            host_id=storage.settings.host_id,
            error_document=error_document,
            bucket_logs=self._bucket_logs,
        )
        service: IS3Service = S3Service(
            store=storage.store,
            blobs=storage.blobs,
            offload=storage.offload,
            router=self._router,
            evaluators=evaluators,
            secrets=storage.secrets,
            settings=storage.settings,
            operations=OPERATIONS,
            stamp=storage.stamp,
            random_bytes=storage.random_bytes,
            partition_of=storage.partition_of,
        )
        if self._steps is not no_steps:
            service = _Stepping(service, self._steps)
        website: S3Leaf | None = None
        if config.website_domain:
            pages = WebsiteService(
                service, storage.store, config.website_domain, storage.settings.host_id
            )
            website = S3Leaf(pages, responder)
        sockets = self._sockets()
        own_port = len(sockets) > 1
        root = RootResource(
            S3Leaf(service, responder),
            responder,
            ready=lambda: bool(self.running),
            metrics=None if own_port else self._metrics_page,
            minio_paths=lambda: _has_no_bucket(storage, "minio"),
            domains=config.domain,
            website=website,
            website_domains=config.website_domain,
        )
        self._serve(sockets[0], root, responder, self._tls())
        if own_port:
            page = metrics_root(self._metrics_page, responder)
            self._serve(sockets[1], page, responder, None)

    def _serve(
        self, listening: socket.socket, root: Any, responder: Responder, tls: Tls | None
    ) -> None:
        share = -(-self._config.max_connections // self._processes)
        site = Z4Site(
            root,
            responder,
            self.metrics,
            reactor=self._reactor,
            now=self._now,
            request_id_seed=int.from_bytes(self._storage().random_bytes(8), "big"),
            limits=HttpLimits(max_connections=share),
        )
        site.noisy = False
        self._sites.append(site)
        self._ports.append(open_port(self._reactor, listening, site, tls, self._shared))

    def _metrics_page(self) -> Awaitable[str]:
        return self._metrics_text(self.metrics)

    def _open_log(self, config: Config) -> AccessLog | None:
        path = config.access_log_path
        if path is None:
            return None
        sink = LogDescriptor(_STDOUT) if path == "-" else LogFile(path)
        return AccessLog(sink, self._reactor)

    def reload(self, config: Config) -> None:
        """Take over live settings; connections stay."""
        if self._access_log is not None:
            # The file is opened again by the next line: it may have been moved away.
            self._access_log.flush()
        self._config = config

    def stopService(self) -> Deferred[None]:
        """Accept no more, finish what is in work for up to ``drain-seconds``, cut off the rest."""
        super().stopService()
        return Deferred.fromCoroutine(self._drain())

    async def _drain(self) -> None:
        ports, self._ports = self._ports, []
        sites, self._sites = self._sites, []
        self._draining = sites
        stopping = [port.stopListening() for port in ports]
        self._stopped_listening()
        drained = gatherResults([site.begin_drain() for site in sites])
        seconds = 0 if self._hurried else self._config.drain_seconds
        limit = self._reactor.callLater(seconds, self.hurry)
        try:
            await gatherResults([d for d in stopping if d is not None])
            await drained
        finally:
            if limit.active():
                limit.cancel()
        if self._access_log is not None:
            self._access_log.close()
        if self._bucket_logs is not None:
            await self._bucket_logs.close()

    def hurry(self) -> None:
        """Cut off the requests that the drain waits for, also of one that begins later."""
        self._hurried = True
        sites, self._draining = self._draining, []
        count = sum(site.open_connections for site in sites)
        if count:
            log.warn("{count} connections did not finish in time and are cut off", count=count)
        for site in sites:
            site.abort_all()


@implementer(IS3Service)
class _Stepping:
    """Tells tests when an answer is about to be sent."""

    def __init__(self, service: IS3Service, steps: Steps) -> None:
        self._service = service
        self._steps = steps

    async def respond(self, exchange: Exchange) -> S3Response:
        """The answer of the service, one step later."""
        response: S3Response = await self._service.respond(exchange)
        self._steps("reply.before")
        return response


def _has_no_bucket(storage: Storage, name: str) -> bool:
    """Whether no bucket has this name, as far as that can be said without waiting."""
    reading: Any = storage.store.read(bucket_register(name))
    try:
        reading.send(None)
    except StopIteration as stop:
        bucket: Bucket | None = stop.value
        return bucket is None
    reading.close()
    return False
