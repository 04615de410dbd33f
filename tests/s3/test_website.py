"""Website documents, and what their rules make of a request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.s3.documents import read_document
from z4tw.errors import (
    InvalidArgument,
    InvalidRequest,
    MalformedXML,
    MissingRequestBodyError,
    S3Error,
)
from z4tw.s3.website import (
    RedirectAll,
    RoutingRule,
    Website,
    find_rule,
    object_url,
    parse_website,
    redirect_url,
    stored_website,
    website_document,
)

INDEX = "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>"


def document(inner: str) -> bytes:
    return f"<WebsiteConfiguration>{inner}</WebsiteConfiguration>".encode()


def with_rules(*rules: str) -> bytes:
    return document(f"{INDEX}<RoutingRules>{''.join(rules)}</RoutingRules>")


def rule(redirect: str, condition: str | None = None) -> str:
    asked = "" if condition is None else f"<Condition>{condition}</Condition>"
    return f"<RoutingRule>{asked}<Redirect>{redirect}</Redirect></RoutingRule>"


HERE = "<HostName>h.example</HostName>"


def test_documents_are_read() -> None:
    assert parse_website(document(INDEX)) == Website(None, "index.html", "", ())
    everything = (
        "<RedirectAllRequestsTo><HostName>a.example:80</HostName>{}</RedirectAllRequestsTo>"
    )
    assert parse_website(document(everything.format(""))) == Website(
        RedirectAll("a.example:80", ""), "", "", ()
    )
    made = parse_website(document(everything.format("<Protocol>https</Protocol>")))
    assert made.redirect_all == RedirectAll("a.example:80", "https")
    made = parse_website(
        document(
            f"{INDEX}<ErrorDocument><Key>err/or.html</Key></ErrorDocument><RoutingRules>"
            + rule(HERE + "<ReplaceKeyPrefixWith>b/</ReplaceKeyPrefixWith>",
                   "<KeyPrefixEquals>a/</KeyPrefixEquals>")
            + rule("<ReplaceKeyWith>gone</ReplaceKeyWith><HttpRedirectCode>307</HttpRedirectCode>"
                   "<Protocol>http</Protocol>",
                   "<HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals>")
            + rule(HERE)
            + "</RoutingRules>"
        )
    )  # fmt: skip
    assert made.error_key == "err/or.html"
    assert made.rules == (
        RoutingRule("a/", 0, "", "h.example", "b/", None, 301),
        RoutingRule(None, 404, "http", "", None, "gone", 307),
        RoutingRule(None, 0, "", "h.example", None, None, 301),
    )


TEXT = st.text('ab/<&>" é', max_size=12)
RULES = st.builds(
    RoutingRule,
    st.none() | TEXT,
    st.sampled_from([0, 404, 503]),
    st.sampled_from(["", "http", "https"]),
    st.sampled_from(["", "a.example"]),
    st.none() | TEXT,
    st.none(),
    st.sampled_from([301, 302, 308]),
)


@given(st.lists(RULES, max_size=4).map(tuple), st.sampled_from(["", "error.html"]))
def test_what_is_written_is_read_again(rules: tuple[RoutingRule, ...], error_key: str) -> None:
    website = Website(None, "i.html", error_key, rules)
    stored = website_document(website)
    assert parse_website(stored) == website
    assert stored_website(stored) is stored_website(stored)


def test_clients_read_what_is_written() -> None:
    website = Website(None, "i", "e", (RoutingRule("a", 404, "https", "h", None, "k", 302),))
    assert read_document("GetBucketWebsite", website_document(website)) == {
        "IndexDocument": {"Suffix": "i"},
        "ErrorDocument": {"Key": "e"},
        "RoutingRules": [
            {
                "Condition": {"HttpErrorCodeReturnedEquals": "404", "KeyPrefixEquals": "a"},
                "Redirect": {
                    "HostName": "h",
                    "HttpRedirectCode": "302",
                    "Protocol": "https",
                    "ReplaceKeyWith": "k",
                },
            }
        ],
    }
    website = Website(RedirectAll("h", "http"), "", "", ())
    assert read_document("GetBucketWebsite", website_document(website)) == {
        "RedirectAllRequestsTo": {"HostName": "h", "Protocol": "http"}
    }


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        (b"", MissingRequestBodyError, "empty"),
        (document("<Other/>"), MalformedXML, "well-formed"),
        (document(INDEX + INDEX), MalformedXML, "well-formed"),
        (document(""), InvalidArgument, "must be provided"),
        (document("<IndexDocument/>"), InvalidArgument, "not well formed"),
        (document("<IndexDocument><Suffix/></IndexDocument>"), InvalidArgument, "not well formed"),
        (
            document("<IndexDocument><Suffix>a/b</Suffix></IndexDocument>"),
            InvalidArgument,
            "The IndexDocument Suffix is not well formed",
        ),
        (document(INDEX + "<ErrorDocument/>"), InvalidArgument, "ErrorDocument"),
        (document("<RedirectAllRequestsTo/>"), MalformedXML, "well-formed"),
        (
            document(f"<RedirectAllRequestsTo>{HERE}</RedirectAllRequestsTo>{INDEX}"),
            InvalidRequest,
            "in conjunction",
        ),
        (
            document(
                f"<RedirectAllRequestsTo>{HERE}<Protocol>ftp</Protocol></RedirectAllRequestsTo>"
            ),
            InvalidRequest,
            "protocol can be http or https",
        ),
        (
            document("<RedirectAllRequestsTo><HostName>a/b?c</HostName></RedirectAllRequestsTo>"),
            InvalidRequest,
            "host name",
        ),
        (with_rules(), MalformedXML, "well-formed"),
        (with_rules("<Rule/>"), MalformedXML, "well-formed"),
        (with_rules("<RoutingRule/>"), MalformedXML, "well-formed"),
        (with_rules(rule("")), MalformedXML, "well-formed"),
        (with_rules(rule(HERE, "")), InvalidRequest, "Condition cannot be empty"),
        (with_rules(*[rule(HERE)] * 51), InvalidRequest, "limited to 50"),
        (with_rules(rule("<HostName>a&#13;b</HostName>")), InvalidRequest, "host name"),
        (with_rules(rule("<HostName/>")), InvalidRequest, "host name"),
        (
            with_rules(rule("<ReplaceKeyWith/><ReplaceKeyPrefixWith/>")),
            InvalidRequest,
            "ReplaceKeyPrefix or ReplaceKey but not both",
        ),
        *(
            (
                with_rules(rule(f"<HttpRedirectCode>{code}</HttpRedirectCode>")),
                InvalidRequest,
                "Valid codes are 3XX except 300",
            )
            for code in ("300", "200", "400", "x", "-301", "")
        ),
        *(
            (
                with_rules(
                    rule(HERE, f"<HttpErrorCodeReturnedEquals>{code}</HttpErrorCodeReturnedEquals>")
                ),
                InvalidRequest,
                "Valid codes are 4XX or 5XX",
            )
            for code in ("0", "200", "600", "")
        ),
    ],
)
def test_documents_that_are_refused(body: bytes, error: type[S3Error], message: str) -> None:
    with pytest.raises(error, match=message):
        parse_website(body)


RULE = RoutingRule("docs/", 0, "", "", None, None, 301)
AFTER = RoutingRule("docs/", 404, "", "", None, None, 301)
ANY = RoutingRule(None, 404, "", "h", None, None, 301)


def test_which_rule_counts() -> None:
    website = Website(None, "i", "", (RULE, AFTER, ANY))
    assert find_rule(website, "docs/a") == RULE
    assert find_rule(website, "doc") is None
    assert find_rule(website, "docs/a", 404) == AFTER
    assert find_rule(website, "x", 404) == ANY
    assert find_rule(website, "docs/a", 403) is None


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({}, "http://b.web/docs/a%20b"),
        ({"host": "h:1"}, "http://h:1/docs/a%20b"),
        ({"protocol": "https"}, "https://b.web/docs/a%20b"),
        ({"replace_prefix": "new/"}, "http://b.web/new/a%20b"),
        ({"replace_prefix": ""}, "http://b.web/a%20b"),
        ({"replace_key": "k?#\r\n<"}, "http://b.web/k%3F%23%0D%0A%3C"),
        ({"replace_key": "/evil.example"}, "http://b.web//evil.example"),
        ({"prefix": None, "replace_prefix": "x/"}, "http://b.web/x/docs/a%20b"),
    ],
)
def test_where_a_rule_leads(changes: dict[str, str], url: str) -> None:
    assert redirect_url(RULE._replace(**changes), "docs/a b", "http", "b.web") == url


def test_urls_of_keys_are_absolute_and_quoted() -> None:
    assert object_url("https", "b.web", "/é/") == "https://b.web//%C3%A9/"
