"""Website configurations of buckets: their document, and what its rules make of a request.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteHosting.html
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from z4tw.errors import InvalidArgument, InvalidRequest, MalformedXML, MissingRequestBodyError
from z4tw.s3.names import MAX_KEY_BYTES
from z4tw.s3.xml_fields import children_of, number_of, text_of, texts_of
from z4tw.s3.xml_in import SETTING_BYTES, Node, parse_document
from z4tw.s3.xml_text import document, element, optional

MAX_RULES = 50
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})(?::[0-9]{1,5})?\Z")
_REDIRECT_FIELDS = (
    "Protocol", "HostName", "ReplaceKeyPrefixWith", "ReplaceKeyWith", "HttpRedirectCode",
)  # fmt: skip


class RedirectAll(NamedTuple):
    """Where all requests go; ``protocol`` is empty for that of the request."""

    host: str
    protocol: str


class RoutingRule(NamedTuple):
    """A rule. ``prefix`` and ``error_code`` (0: none) are its condition; of the redirect empty
    text and None are what it does not say. ``prefix`` None: none is asked for."""

    prefix: str | None
    error_code: int
    protocol: str
    host: str
    replace_prefix: str | None
    replace_key: str | None
    code: int


class Website(NamedTuple):
    """A configuration: either ``redirect_all``, or an ``index_suffix`` and perhaps more."""

    redirect_all: RedirectAll | None
    index_suffix: str
    error_key: str
    rules: tuple[RoutingRule, ...]


def parse_website(body: bytes) -> Website:
    """The configuration of a PutBucketWebsite request.

    Raises ``MissingRequestBodyError``, ``MaxMessageLengthExceeded``, ``MalformedXML``,
    ``InvalidArgument`` and ``InvalidRequest`` as AWS does.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketWebsite.html
    """
    if not body:
        raise MissingRequestBodyError()
    root = parse_document(body, "WebsiteConfiguration", SETTING_BYTES)
    found = children_of(
        root, ("RedirectAllRequestsTo", "IndexDocument", "ErrorDocument", "RoutingRules")
    )
    everything = found.pop("RedirectAllRequestsTo", None)
    if everything is not None:
        if found:
            raise InvalidRequest(
                "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules."
            )
        fields = texts_of(everything, ("HostName", "Protocol"))
        host = fields.get("HostName", "")
        if not host:
            raise MalformedXML()
        _check_target(host, fields.get("Protocol", ""))
        return Website(RedirectAll(host, fields.get("Protocol", "")), "", "", ())
    if "IndexDocument" not in found:
        raise InvalidArgument(
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
            ArgumentName="IndexDocument",
            ArgumentValue="null",
        )
    index = texts_of(found["IndexDocument"], ("Suffix",)).get("Suffix", "")
    if not index or "/" in index or len(index.encode()) > MAX_KEY_BYTES:
        raise InvalidArgument(
            "The IndexDocument Suffix is not well formed",
            ArgumentName="IndexDocument",
            ArgumentValue=index[:256],
        )
    error_key = ""
    if "ErrorDocument" in found:
        error_key = texts_of(found["ErrorDocument"], ("Key",)).get("Key", "")
        if not error_key or len(error_key.encode()) > MAX_KEY_BYTES:
            raise InvalidArgument(
                "The ErrorDocument Key is not well formed",
                ArgumentName="ErrorDocument",
                ArgumentValue=error_key[:256],
            )
    return Website(None, index, error_key, _rules(found.get("RoutingRules")))


def _rules(node: Node | None) -> tuple[RoutingRule, ...]:
    if node is None:
        return ()
    if not node.children or any(child.name != "RoutingRule" for child in node.children):
        raise MalformedXML()
    if len(node.children) > MAX_RULES:
        raise InvalidRequest(
            f"{len(node.children)} routing rules provided, the number of routing rules in a "
            f"website configuration is limited to {MAX_RULES}."
        )
    return tuple(_rule(child) for child in node.children)


def _rule(node: Node) -> RoutingRule:
    found = children_of(node, ("Condition", "Redirect"))
    if "Redirect" not in found:
        raise MalformedXML()
    condition: dict[str, str] = {}
    if "Condition" in found:
        condition = texts_of(found["Condition"], ("KeyPrefixEquals", "HttpErrorCodeReturnedEquals"))
        if not condition:
            raise InvalidRequest(
                "Condition cannot be empty. To redirect all requests without a condition, the "
                "condition element shouldn't be present."
            )
    redirect = {
        child.name: text_of(child)
        for child in children_of(found["Redirect"], _REDIRECT_FIELDS).values()
    }
    if not redirect:
        raise MalformedXML()
    if "ReplaceKeyPrefixWith" in redirect and "ReplaceKeyWith" in redirect:
        raise InvalidRequest("You can only define ReplaceKeyPrefix or ReplaceKey but not both.")
    _check_target(redirect.get("HostName"), redirect.get("Protocol", ""))
    return RoutingRule(
        condition.get("KeyPrefixEquals"),
        _code(condition.get("HttpErrorCodeReturnedEquals"), range(400, 600), _BAD_ERROR_CODE, 0),
        redirect.get("Protocol", ""),
        redirect.get("HostName", ""),
        redirect.get("ReplaceKeyPrefixWith"),
        redirect.get("ReplaceKeyWith"),
        _code(redirect.get("HttpRedirectCode"), range(301, 400), _BAD_REDIRECT_CODE, 301),
    )


_BAD_ERROR_CODE = "The provided HTTP error code ({}) is not valid. Valid codes are 4XX or 5XX."
_BAD_REDIRECT_CODE = (
    "The provided HTTP redirect code ({}) is not valid. Valid codes are 3XX except 300."
)


def _code(text: str | None, valid: range, message: str, default: int) -> int:
    if text is None:
        return default
    try:
        code = number_of(text)
    except MalformedXML:
        code = -1
    if code not in valid:
        raise InvalidRequest(message.format(text[:32]))
    return code


def _check_target(host: str | None, protocol: str) -> None:
    if protocol not in ("", "http", "https"):
        raise InvalidRequest(
            "Invalid protocol, protocol can be http or https. If not defined the protocol will be "
            "selected automatically."
        )
    if host is not None and not _HOST.match(host):
        raise InvalidRequest(f"The provided host name ({host[:256]}) is not valid.")


def website_document(website: Website) -> bytes:
    """The WebsiteConfiguration of a configuration."""
    everything = website.redirect_all
    if everything is not None:
        inner = element("HostName", everything.host) + optional("Protocol", everything.protocol)
        return document(
            "WebsiteConfiguration", f"<RedirectAllRequestsTo>{inner}</RedirectAllRequestsTo>"
        )
    pieces = [f"<IndexDocument>{element('Suffix', website.index_suffix)}</IndexDocument>"]
    if website.error_key:
        pieces.append(f"<ErrorDocument>{element('Key', website.error_key)}</ErrorDocument>")
    if website.rules:
        pieces.append(f"<RoutingRules>{''.join(map(_rule_element, website.rules))}</RoutingRules>")
    return document("WebsiteConfiguration", *pieces)


def _rule_element(rule: RoutingRule) -> str:
    condition = ""
    if rule.error_code:
        condition += element("HttpErrorCodeReturnedEquals", str(rule.error_code))
    if rule.prefix is not None:
        condition += element("KeyPrefixEquals", rule.prefix)
    redirect = optional("HostName", rule.host)
    redirect += element("HttpRedirectCode", str(rule.code))
    redirect += optional("Protocol", rule.protocol)
    if rule.replace_prefix is not None:
        redirect += element("ReplaceKeyPrefixWith", rule.replace_prefix)
    if rule.replace_key is not None:
        redirect += element("ReplaceKeyWith", rule.replace_key)
    asked = f"<Condition>{condition}</Condition>" if condition else ""
    return f"<RoutingRule>{asked}<Redirect>{redirect}</Redirect></RoutingRule>"


@lru_cache(maxsize=256)
def stored_website(stored: bytes) -> Website:
    """A stored configuration; those used last are kept parsed."""
    return parse_website(stored)


def find_rule(website: Website, key: str, error_code: int = 0) -> RoutingRule | None:
    """The first routing rule for a key: before an object is looked for one that asks for no
    error, afterwards (``error_code``) one that asks for this one."""
    for rule in website.rules:
        if rule.error_code == error_code and key.startswith(rule.prefix or ""):
            return rule
    return None


def redirect_url(rule: RoutingRule, key: str, scheme: str, host: str) -> str:
    """Where a rule sends a request for a key that came by ``scheme`` to ``host``."""
    if rule.replace_key is not None:
        key = rule.replace_key
    elif rule.replace_prefix is not None:
        key = rule.replace_prefix + key[len(rule.prefix or "") :]
    return object_url(rule.protocol or scheme, rule.host or host, key)


def object_url(scheme: str, host: str, key: str) -> str:
    """The URL of a key of a website: absolute, since a path could begin with ``//``."""
    return f"{scheme}://{host}/{quote(key, safe='/-_.~')}"
