"""Serves buckets as websites, on host names of their own.

A request for a page becomes an anonymous GetObject or HeadObject of the S3 service, so that
permissions, conditions and ranges are the same there and here; this module decides which object,
and turns errors into redirects, error documents and HTML.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteEndpoints.html
"""

from __future__ import annotations

from urllib.parse import quote

from zope.interface import implementer

from z4tw.errors import (
    InvalidURI,
    MethodNotAllowed,
    NoSuchBucket,
    NoSuchWebsiteConfiguration,
    S3Error,
)
from z4tw.interfaces.http import Exchange, IS3Service, RequestHead, S3Response
from z4tw.interfaces.storage import IMetadataStore
from z4tw.model.control import Bucket
from z4tw.ops.cors import cross_origin_headers, preflight
from z4tw.ops.directory import Directory
from z4tw.ops.log_delivery import CONFIGURATION as LOGGING
from z4tw.ops.website import NAME
from z4tw.s3.headers import REDIRECT
from z4tw.s3.routing import decoded, virtual_bucket
from z4tw.s3.website import (
    RoutingRule,
    Website,
    find_rule,
    object_url,
    redirect_url,
    stored_website,
)
from z4tw.s3.website_pages import error_page

OPERATION = "Website"
"""The name of website requests in the access log and the metrics."""

_PASSED = (
    "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range",
    "referer", "user-agent",
)  # fmt: skip
"""The headers that the request for an object takes over: nobody is authenticated here, and
nothing is asked for by ``x-amz-...`` headers or parameters."""
_OF_THE_REQUESTER = ("referer", "user-agent")


@implementer(IS3Service)
class WebsiteService:
    """Answers requests whose Host is ``BUCKET.DOMAIN`` for one of ``domains``.

    ``s3`` serves the objects. ``host_id`` is shown on error pages.
    """

    def __init__(
        self, s3: IS3Service, store: IMetadataStore, domains: tuple[str, ...], host_id: str
    ) -> None:
        self._s3 = s3
        self._directory = Directory(store)
        self._domains = domains
        self._host_id = host_id

    async def respond(self, exchange: Exchange) -> S3Response:
        """A page, a redirect, or an error as HTML. Raises what is no S3 error."""
        head = exchange.head
        exchange.operation = OPERATION
        name = virtual_bucket(head.headers.get("host", ""), self._domains)
        exchange.bucket = name
        try:
            key = decoded(head.target.partition(b"?")[0][1:], head.target)
            exchange.key = key
            bucket = await self._directory.bucket(name) if name else None
            if bucket is not None and LOGGING in bucket.configurations:
                exchange.logged = bucket
            if head.method == "OPTIONS":
                return preflight(bucket, key or "/", head)
            if "origin" in head.headers:
                exchange.headers = cross_origin_headers(bucket, head)
            return await self._serve(exchange, bucket, key)
        except S3Error as error:
            return self._page(exchange, error)

    async def _serve(self, exchange: Exchange, bucket: Bucket | None, key: str) -> S3Response:
        head = exchange.head
        if head.method not in ("GET", "HEAD"):
            refused = MethodNotAllowed(Method=head.method[:32], ResourceType="OBJECT")
            refused.headers.append(("Allow", "GET, HEAD, OPTIONS"))
            raise refused
        name = exchange.bucket
        if bucket is None:
            raise NoSuchBucket(BucketName=name)
        stored = bucket.configurations.get(NAME)
        if stored is None:
            raise NoSuchWebsiteConfiguration(BucketName=name)
        website = stored_website(stored)
        everything = website.redirect_all
        if everything is not None:
            scheme = everything.protocol or _scheme(head)
            return _moved(f"{scheme}://{everything.host}{_shown(head.target)}", 301)
        rule = find_rule(website, key)
        if rule is not None:
            return _redirected(rule, key, head)
        wanted = key + website.index_suffix if not key or key.endswith("/") else key
        try:
            return await self._object(exchange, name, wanted)
        except S3Error as error:
            if error.status < 400:
                return S3Response(error.status, error.headers)
            return await self._instead(exchange, website, key, error)

    async def _object(self, exchange: Exchange, name: str, key: str) -> S3Response:
        """An object of the website, or where it says that it has moved to. Raises ``S3Error``."""
        answer = await self._read(exchange, name, key, _PASSED)
        exchange.key = key
        target = next((value for header, value in answer.headers if header == REDIRECT), "")
        if not target:
            return answer
        _close(answer)
        return _moved(target, 301)

    async def _instead(
        self, exchange: Exchange, website: Website, key: str, error: S3Error
    ) -> S3Response:
        """What is answered in place of an object that cannot be."""
        head = exchange.head
        name = exchange.bucket
        if error.status in (403, 404) and key and not key.endswith("/"):
            try:
                index = f"{key}/{website.index_suffix}"
                _close(await self._read(exchange, name, index, _OF_THE_REQUESTER, "HEAD"))
                return _moved(object_url(_scheme(head), _host(head), key + "/"), 302)
            except S3Error as absent:
                if absent.status >= 500:
                    raise
        rule = find_rule(website, key, error.status)
        if rule is not None:
            return _redirected(rule, key, head)
        if not website.error_key or error.status >= 500:
            raise error
        exchange.error_code = error.code
        try:
            page = await self._read(exchange, name, website.error_key, _OF_THE_REQUESTER)
        except S3Error as document_error:
            return self._page(exchange, error, document_error)
        page.status = error.status
        page.headers = [*page.headers, *_error_headers(error)]
        return page

    async def _read(
        self,
        exchange: Exchange,
        name: str,
        key: str,
        passed: tuple[str, ...],
        method: str = "",
    ) -> S3Response:
        """An anonymous GetObject or HeadObject of the S3 service."""
        head = exchange.head
        inner = RequestHead(
            method=method or head.method,
            target=f"/{name}/{quote(key, safe='/')}".encode("ascii"),
            headers={k: head.headers[k] for k in passed if k in head.headers},
            content_length=0,
            chunked=False,
            peer=head.peer,
            secure=head.secure,
            now=head.now,
            request_id=head.request_id,
        )
        reading = Exchange(inner, exchange.body)
        answer: S3Response = await self._s3.respond(reading)
        exchange.object_size = reading.object_size
        return answer

    def _page(
        self, exchange: Exchange, error: S3Error, document_error: S3Error | None = None
    ) -> S3Response:
        """The HTML page of an error."""
        exchange.error_code = error.code
        page = error_page(error, exchange.head.request_id, self._host_id, document_error)
        headers = [("Content-Type", "text/html; charset=utf-8"), *_error_headers(error)]
        return S3Response(error.status, [*headers, *error.headers], page)


def _error_headers(error: S3Error) -> list[tuple[str, str]]:
    headers = [("x-amz-error-code", error.code)]
    if error.message.isascii() and error.message.isprintable():
        headers.append(("x-amz-error-message", error.message))
    return headers


def _redirected(rule: RoutingRule, key: str, head: RequestHead) -> S3Response:
    return _moved(redirect_url(rule, key, _scheme(head), _host(head)), rule.code)


def _moved(location: str, status: int) -> S3Response:
    return S3Response(status, [("Location", location)])


def _close(answer: S3Response) -> None:
    """Release a body that is not sent."""
    if not isinstance(answer.body, (bytes, bytearray, memoryview)):
        answer.body.close()


def _scheme(head: RequestHead) -> str:
    return "https" if head.secure else "http"


def _host(head: RequestHead) -> str:
    return head.headers.get("host", "")


def _shown(target: bytes) -> str:
    try:
        return target.decode("ascii")
    except UnicodeDecodeError:
        raise InvalidURI() from None
