"""Websites: pages, index documents, redirects, error documents, and what is not shown."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ops.harness import Harness, PieceBody, run
from z4tw.interfaces import Decision, Effect, Exchange, PolicyRequest, RequestHead
from z4tw.ops.context import Settings
from z4tw.ops.website_service import WebsiteService
from z4tw.policy.grants import GrantsEvaluator

INDEX = "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>"
ERROR = "<ErrorDocument><Key>error.html</Key></ErrorDocument>"


class Public:
    """Everybody may read what is not below ``private``; with ``lists`` also list."""

    def __init__(self, lists: bool = False) -> None:
        self.lists = lists
        self.asked: list[PolicyRequest] = []

    def evaluate(self, request: PolicyRequest) -> Decision:
        self.asked.append(request)
        allowed = request.action == "s3:GetObject" and not request.key.startswith("private")
        allowed = allowed or (self.lists and request.action == "s3:ListBucket")
        return Decision(Effect.ALLOW if allowed else Effect.ABSTAIN, "test")


class Page:
    """What a website answered."""

    def __init__(self, response: Any, exchange: Exchange) -> None:
        self.status = response.status
        self.headers = {
            name.lower(): value for name, value in [*response.headers, *exchange.headers]
        }
        body = response.body
        if not isinstance(body, bytes):
            pieces = []
            while piece := run(body.next()):
                pieces.append(bytes(piece))
            body.close()
            body = b"".join(pieces)
        self.text = body.decode()
        self.length = response.content_length
        self.exchange = exchange


class Site:
    """A bucket ``bucket`` that is a website at ``bucket.web.test``."""

    def __init__(self, configuration: str | None = INDEX + ERROR, lists: bool = True) -> None:
        self.public = Public(lists)
        self.harness = Harness(
            evaluators=[GrantsEvaluator(), self.public], settings=Settings(domains=("s3.test",))
        )
        self.harness.bucket()
        if configuration is not None:
            self.configure(configuration)
        self.service = WebsiteService(
            self.harness.service, self.harness.store, ("web.test",), "host-id"
        )
        for key in ("index.html", "page.html", "docs/index.html", "private.html"):
            self.put(key, f"this is {key}")
        self.put("error.html", "oh no")

    def configure(self, configuration: str) -> None:
        document = f"<WebsiteConfiguration>{configuration}</WebsiteConfiguration>".encode()
        answer = self.harness.request("PUT", "/bucket?website", body=document)
        assert answer.status == 200, answer

    def put(self, key: str, text: str, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.harness.put(
            f"/bucket/{key}", text.encode(), headers={"content-type": "text/html", **named}
        )

    def ask(
        self,
        target: str,
        method: str = "GET",
        host: str = "bucket.web.test",
        secure: bool = False,
        **headers: str,
    ) -> Page:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        head = RequestHead(
            method, target.encode(), {"host": host, **named}, 0, False, "10.0.0.1", secure,
            self.harness.clock.ms / 1000, "REQUEST",
        )  # fmt: skip
        exchange = Exchange(head, PieceBody([]))
        return Page(run(self.service.respond(exchange)), exchange)


def test_pages_and_index_documents() -> None:
    site = Site()
    for target, text in (
        ("/", "this is index.html"),
        ("/?x=y", "this is index.html"),
        ("/page.html", "this is page.html"),
        ("/page%2Ehtml?versionId=null&acl", "this is page.html"),
        ("/docs/", "this is docs/index.html"),
        ("/docs/index.html", "this is docs/index.html"),
    ):
        page = site.ask(target)
        assert (page.status, page.text) == (200, text)
        assert page.headers["content-type"] == "text/html"
        assert page.headers["etag"]
    page = site.ask("/page.html", "HEAD")
    assert (page.status, page.text, page.length) == (200, "", len("this is page.html"))
    assert page.exchange.operation == "Website"
    assert (page.exchange.bucket, page.exchange.key) == ("bucket", "page.html")


def test_a_large_page_streams() -> None:
    site = Site()
    site.put("large", "x" * 300_000)
    assert site.ask("/large").text == "x" * 300_000


def test_a_folder_without_its_slash_is_redirected() -> None:
    for lists in (True, False):
        site = Site(lists=lists)
        for secure, scheme in ((False, "http"), (True, "https")):
            page = site.ask("/docs", secure=secure)
            assert page.status == 302
            assert page.headers["location"] == f"{scheme}://bucket.web.test/docs/"
    site.put("/evil.example/index.html", "x")
    page = site.ask("//evil.example")
    assert page.headers["location"] == "http://bucket.web.test//evil.example/"


def test_a_folder_that_may_not_be_read_is_none() -> None:
    site = Site()
    site.put("private/index.html", "secret")
    assert site.ask("/private").status == 403
    assert site.ask("/private/").status == 403


@pytest.mark.parametrize(
    ("target", "lists", "status", "code"),
    [
        ("/absent.html", True, 404, "NoSuchKey"),
        ("/absent/", True, 404, "NoSuchKey"),
        ("/absent.html", False, 403, "AccessDenied"),
        ("/private.html", True, 403, "AccessDenied"),
        ("/" + "k" * 1025, True, 400, "KeyTooLongError"),
    ],
)
def test_errors_show_the_error_document_with_their_status(
    target: str, lists: bool, status: int, code: str
) -> None:
    site = Site(lists=lists)
    page = site.ask(target)
    assert (page.status, page.text) == (status, "oh no")
    assert page.headers["content-type"] == "text/html"
    assert page.headers["x-amz-error-code"] == code
    assert page.exchange.error_code == code
    head = site.ask(target, "HEAD")
    assert (head.status, head.text, head.length) == (status, "", 5)


def test_without_an_error_document_there_is_a_page() -> None:
    site = Site(INDEX)
    page = site.ask("/absent%3Cscript%3E.html")
    assert page.status == 404
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<li>Key: absent&lt;script&gt;.html</li>" in page.text
    assert "<li>RequestId: REQUEST</li>\n<li>HostId: host-id</li>" in page.text
    assert "<script>" not in page.text


def test_an_error_document_that_cannot_be_shown_is_told() -> None:
    site = Site(INDEX + "<ErrorDocument><Key>private.html</Key></ErrorDocument>")
    page = site.ask("/absent.html")
    assert page.status == 404
    first, mark, second = page.text.partition("An Error Occurred While Attempting to Retrieve")
    assert mark
    assert "NoSuchKey" in first
    assert "AccessDenied" in second


def test_the_error_document_ignores_ranges_and_conditions() -> None:
    page = Site().ask("/absent", range="bytes=0-1", if_none_match="*")
    assert (page.status, page.text) == (404, "oh no")


def test_conditions_and_ranges_of_pages() -> None:
    site = Site()
    etag = site.ask("/page.html").headers["etag"]
    page = site.ask("/page.html", if_none_match=etag)
    assert (page.status, page.text) == (304, "")
    assert page.headers["etag"] == etag
    assert site.ask("/page.html", if_match='"x"').status == 412
    page = site.ask("/page.html", range="bytes=0-3")
    assert (page.status, page.text) == (206, "this")
    assert site.ask("/page.html", range="bytes=99-").status == 416


def test_nobody_is_authenticated_and_nothing_else_is_asked() -> None:
    site = Site()
    page = site.ask(
        "/private.html?X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c",
        authorization="AWS4-HMAC-SHA256 Credential=x",
        x_amz_expected_bucket_owner="1",
    )
    assert page.status == 403
    page = site.ask("/page.html", authorization="rubbish", x_amz_acl="public-read")
    assert page.status == 200
    asked = site.public.asked[-1]
    assert asked.principal.anonymous
    page = site.ask("/page.html", referer="http://r/", user_agent="u")
    assert site.public.asked[-1].context["aws:Referer"] == "http://r/"
    assert site.public.asked[-1].context["aws:SourceIp"] == "10.0.0.1"


def test_objects_may_have_moved() -> None:
    site = Site()
    site.put("old", "x" * 100_000, x_amz_website_redirect_location="/page.html")
    site.put("away", "", x_amz_website_redirect_location="https://a.example/b")
    page = site.ask("/old")
    assert (page.status, page.text, page.headers["location"]) == (301, "", "/page.html")
    assert site.ask("/away", "HEAD").headers["location"] == "https://a.example/b"
    assert site.harness.request("GET", "/bucket/old").status == 200


def test_everything_may_be_redirected() -> None:
    site = Site("<RedirectAllRequestsTo><HostName>a.example</HostName></RedirectAllRequestsTo>")
    page = site.ask("/x%20y?z=1")
    assert (page.status, page.headers["location"]) == (301, "http://a.example/x%20y?z=1")
    site.configure(
        "<RedirectAllRequestsTo><HostName>a.example</HostName><Protocol>https</Protocol>"
        "</RedirectAllRequestsTo>"
    )
    assert site.ask("/").headers["location"] == "https://a.example/"


def test_routing_rules() -> None:
    site = Site(
        INDEX + ERROR + "<RoutingRules>"
        "<RoutingRule><Condition><KeyPrefixEquals>old/</KeyPrefixEquals></Condition><Redirect>"
        "<ReplaceKeyPrefixWith>docs/</ReplaceKeyPrefixWith></Redirect></RoutingRule>"
        "<RoutingRule><Condition><KeyPrefixEquals>img/</KeyPrefixEquals>"
        "<HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition><Redirect>"
        "<HostName>img.example</HostName><Protocol>https</Protocol>"
        "<HttpRedirectCode>307</HttpRedirectCode></Redirect></RoutingRule>"
        "</RoutingRules>"
    )
    page = site.ask("/old/a")
    assert (page.status, page.headers["location"]) == (301, "http://bucket.web.test/docs/a")
    page = site.ask("/img/a.png")
    assert (page.status, page.headers["location"]) == (307, "https://img.example/img/a.png")
    site.put("img/b.png", "picture")
    assert site.ask("/img/b.png").text == "picture"
    assert site.ask("/other").text == "oh no"


@pytest.mark.parametrize(
    ("host", "method", "target", "status", "code"),
    [
        ("absent.web.test", "GET", "/", 404, "NoSuchBucket"),
        ("web.test", "GET", "/", 404, "NoSuchBucket"),
        ("UPPER_.web.test", "GET", "/", 404, "NoSuchBucket"),
        ("plain.web.test", "GET", "/", 404, "NoSuchWebsiteConfiguration"),
        ("bucket.web.test", "PUT", "/page.html", 405, "MethodNotAllowed"),
        ("bucket.web.test", "POST", "/", 405, "MethodNotAllowed"),
        ("bucket.web.test", "DELETE", "/page.html", 405, "MethodNotAllowed"),
        ("bucket.web.test", "GET", "/%FF", 400, "InvalidURI"),
        ("bucket.web.test", "GET", "/%zz", 400, "InvalidURI"),
    ],
)
def test_what_is_no_page(host: str, method: str, target: str, status: int, code: str) -> None:
    site = Site()
    site.harness.bucket("plain")
    page = site.ask(target, method, host)
    assert page.status == status
    assert f"<li>Code: {code}</li>" in page.text
    assert page.exchange.error_code == code
    if status == 405:
        assert page.headers["allow"] == "GET, HEAD, OPTIONS"
        assert not page.exchange.body.touched


def test_a_website_that_is_no_more() -> None:
    site = Site()
    assert site.ask("/").status == 200
    site.harness.request("DELETE", "/bucket?website")
    assert site.ask("/").status == 404


def test_requests_are_logged_where_the_bucket_wants_it() -> None:
    site = Site()
    site.harness.bucket("logs")
    assert site.ask("/").exchange.logged is None
    logging = (
        b"<BucketLoggingStatus><LoggingEnabled><TargetBucket>logs</TargetBucket><TargetPrefix/>"
        b"</LoggingEnabled></BucketLoggingStatus>"
    )
    assert site.harness.request("PUT", "/bucket?logging", body=logging).error == ""
    for target, size in (("/page.html", 17), ("/absent", len("oh no"))):
        exchange = site.ask(target).exchange
        assert exchange.logged is not None
        assert exchange.object_size == size


def test_cors_on_websites() -> None:
    site = Site()
    rules = (
        b"<CORSConfiguration><CORSRule><AllowedOrigin>http://a</AllowedOrigin><AllowedMethod>GET"
        b"</AllowedMethod></CORSRule></CORSConfiguration>"
    )
    site.harness.request("PUT", "/bucket?cors", body=rules)
    for target in ("/", "/absent", "/docs", "/private.html"):
        page = site.ask(target, origin="http://a")
        assert page.headers["access-control-allow-origin"] == "http://a"
        page = site.ask(target, origin="http://b")
        assert "access-control-allow-origin" not in page.headers
    page = site.ask("/", "OPTIONS", origin="http://a", access_control_request_method="GET")
    assert (page.status, page.headers["access-control-allow-origin"]) == (200, "http://a")
    page = site.ask("/", "OPTIONS", origin="http://b", access_control_request_method="GET")
    assert page.status == 403
