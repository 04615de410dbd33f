"""The resource tree: the S3 namespace, and beside it ``/_z4/`` and MinIO's health paths.

    /_z4/health/live     200 while the process runs
    /_z4/health/ready    200 when the node serves, else 503
    /_z4/metrics         Prometheus text
    /minio/health/live|ready|cluster    the same, only while no bucket is named ``minio``
    everything else      S3

``_z4`` can be no bucket's name. With virtual-host addressing all paths belong to the bucket. Hosts
below a website domain are websites, on every path, and nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from z4tw.errors import AccessDenied
from z4tw.interfaces import Exchange, IS3Service
from z4tw.s3.routing import under_domain
from z4tw.web.drive import drive
from z4tw.web.metrics import CONTENT_TYPE
from z4tw.web.request import Z4Request
from z4tw.web.responder import Responder

RESERVED = b"_z4"
_MINIO = b"minio"

_log = Logger()


@implementer(IResource)
class S3Leaf:
    """All of the S3 namespace, or all of the websites: hands requests to their service."""

    isLeaf = True
    server = None

    def __init__(self, service: IS3Service, responder: Responder) -> None:
        self._service = service
        self._responder = responder

    def render(self, request: Z4Request) -> int:
        """Serve the request, now or later."""
        self._responder.serve(request.channel, Exchange(request.head, request.body), self._service)
        return NOT_DONE_YET

    def getChildWithDefault(self, name: bytes, request: IRequest) -> IResource:
        """A leaf has no children: everything below is itself."""
        return self

    def putChild(self, path: bytes, child: IResource) -> None:
        """Raises ``TypeError``: the namespace belongs to the buckets."""
        raise TypeError("the S3 namespace takes no children")


@implementer(IResource)
class Reserved:
    """A reserved name that is nothing: AccessDenied, as an S3 error."""

    isLeaf = True
    server = None

    def __init__(self, responder: Responder) -> None:
        self._responder = responder

    def render(self, request: Z4Request) -> int:
        """Refuse the request."""
        self._responder.refuse(request.channel, request.head, AccessDenied())
        return NOT_DONE_YET

    def getChildWithDefault(self, name: bytes, request: IRequest) -> IResource:
        """Everything below is refused too."""
        return self

    def putChild(self, path: bytes, child: IResource) -> None:
        """Raises ``TypeError``."""
        raise TypeError("a reserved name takes no children")


class Health(Resource):
    """200 while ``healthy()`` is true, else 503; GET and HEAD."""

    isLeaf = True

    def __init__(self, healthy: Callable[[], bool]) -> None:
        super().__init__()
        self._healthy = healthy

    def render_GET(self, request: Any) -> bytes:
        """One word for people; the status is for machines."""
        request.setHeader(b"content-type", b"text/plain; charset=utf-8")
        request.setHeader(b"cache-control", b"no-store")
        if self._healthy():
            return b"ok\n"
        request.setResponseCode(503)
        return b"not ready\n"


class MetricsPage(Resource):
    """The metrics as ``provider`` gives them (*async* text)."""

    isLeaf = True

    def __init__(self, provider: Callable[[], Awaitable[str]]) -> None:
        super().__init__()
        self._provider = provider

    def render_GET(self, request: Any) -> int:
        """Ask the provider; 503 when it fails."""

        def done(text: str) -> None:
            body = text.encode("utf-8")
            request.setHeader(b"content-type", CONTENT_TYPE.encode("ascii"))
            request.setHeader(b"content-length", b"%d" % len(body))
            request.write(body)
            request.finish()

        def failed(error: Exception) -> None:
            _log.failure("metrics could not be collected", failure=Failure(error))
            request.setResponseCode(503)
            request.finish()

        drive(self._provider(), done, failed)
        return NOT_DONE_YET


class Branch(Resource):
    """A level of the tree with fixed children; anything else at or below it is ``nothing``."""

    def __init__(self, children: dict[bytes, IResource], nothing: IResource) -> None:
        super().__init__()
        self._nothing = nothing
        for name, child in children.items():
            self.putChild(name, child)

    def getChild(self, path: bytes, request: IRequest) -> IResource:
        """What is not there is refused."""
        return self._nothing

    def render(self, request: Any) -> Any:
        """The level itself is nothing either."""
        return self._nothing.render(request)


def metrics_root(provider: Callable[[], Awaitable[str]], responder: Responder) -> IResource:
    """The root of a small site of its own for the metrics, away from the public port:
    ``/metrics`` and ``/_z4/metrics``."""
    page = {b"metrics": MetricsPage(provider)}
    nothing = Reserved(responder)
    return Branch({**page, RESERVED: Branch({**page}, nothing)}, nothing)


class RootResource(Resource):
    """The root of the public site.

    ``ready`` says whether the node serves; ``metrics`` is the *async* provider of the metrics
    text, None when they are not on this port; ``minio_paths`` says whether MinIO's health paths
    are answered, which is while no bucket is named ``minio``; ``domains`` are those of
    virtual-host addressing. ``website`` answers every request to a host of ``website_domains``.
    """

    def __init__(
        self,
        s3: IResource,
        responder: Responder,
        *,
        ready: Callable[[], bool],
        metrics: Callable[[], Awaitable[str]] | None = None,
        minio_paths: Callable[[], bool] = lambda: False,
        domains: tuple[str, ...] = (),
        website: IResource | None = None,
        website_domains: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self._s3 = s3
        self._minio_paths = minio_paths
        self._website = website
        self._website_domains = website_domains
        self._bucket_hosts = tuple(f".{domain.lower()}" for domain in domains)
        nothing = Reserved(responder)
        live = Health(lambda: True)
        readiness = Health(ready)
        health = {b"live": live, b"ready": readiness}
        names: dict[bytes, IResource] = {b"health": Branch({**health}, nothing)}
        if metrics is not None:
            names[b"metrics"] = MetricsPage(metrics)
        self._z4 = Branch(names, nothing)
        self._minio = Branch(
            {b"health": Branch({**health, b"cluster": readiness}, nothing)}, nothing
        )

    def quick_child(self, request: Z4Request) -> IResource | None:
        """The S3 leaf for nearly all requests, None when the tree must be walked: the site asks
        this first, so that an S3 request costs no splitting of its path."""
        if self._website is not None and self._is_website(request):
            return self._website
        if request.head.target.startswith((b"/_z4", b"/minio/health/")):
            return None
        return self._s3

    def getChildWithDefault(self, path: bytes, request: Any) -> IResource:
        """The child for the path's first segment."""
        if self._website is not None and self._is_website(request):
            return self._website
        if not self._is_bucket_host(request):
            if path == RESERVED:
                return self._z4
            if path == _MINIO and self._minio_health_asked(request) and self._minio_paths():
                return self._minio
        return self._s3

    def _is_website(self, request: Any) -> bool:
        return under_domain(request.getHeader("host") or "", self._website_domains)

    def _minio_health_asked(self, request: Any) -> bool:
        return request.path in (
            b"/minio/health/live", b"/minio/health/ready", b"/minio/health/cluster",
        )  # fmt: skip

    def _is_bucket_host(self, request: Any) -> bool:
        host = (request.getHeader("host") or "").lower().partition(":")[0]
        return bool(self._bucket_hosts) and host.endswith(self._bucket_hosts)
