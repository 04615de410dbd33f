"""CORS rules of buckets: their document, and which rule answers a request from another origin.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from z4tw.errors import InvalidRequest, MalformedXML, MissingRequestBodyError
from z4tw.s3.xml_fields import number_of, text_of
from z4tw.s3.xml_in import SETTING_BYTES, Node, parse_document
from z4tw.s3.xml_text import document, element, optional

MAX_RULES = 100
MAX_ID_LENGTH = 255
METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD")
VARY = ("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method")
_MAX_ELEMENTS = 10_000
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")  # of RFC 9110 section 5.6.2, which has *
_ORIGIN = re.compile(r"[!-~]+\Z")


class CorsRule(NamedTuple):
    """One rule. Origins and headers may hold one ``*``; ``max_age_s`` is None when not stated."""

    id: str
    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age_s: int | None


def parse_cors(body: bytes) -> tuple[CorsRule, ...]:
    """The rules of a PutBucketCors request, 1 to 100 in at most 64 KiB.

    Raises ``MissingRequestBodyError``, ``MaxMessageLengthExceeded``, ``MalformedXML``, and
    ``InvalidRequest`` for methods, wildcards, identifiers and numbers of rules that S3 refuses.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html
    """
    if not body:
        raise MissingRequestBodyError()
    root = parse_document(body, "CORSConfiguration", SETTING_BYTES, _MAX_ELEMENTS)
    if not root.children:
        raise MalformedXML()
    if len(root.children) > MAX_RULES:
        raise InvalidRequest(
            f"The number of CORS rules should not exceed allowed limit of {MAX_RULES} rules."
        )
    return tuple(_rule(child) for child in root.children)


def _rule(node: Node) -> CorsRule:
    if node.name != "CORSRule":
        raise MalformedXML()
    lists: dict[str, list[str]] = {
        "AllowedOrigin": [], "AllowedMethod": [], "AllowedHeader": [], "ExposeHeader": [],
    }  # fmt: skip
    single: dict[str, str] = {}
    for child in node.children:
        if child.name in lists:
            lists[child.name].append(text_of(child))
        elif child.name in ("ID", "MaxAgeSeconds") and child.name not in single:
            single[child.name] = text_of(child)
        else:
            raise MalformedXML()
    origins, methods, headers, exposed = lists.values()
    if not origins or not methods:
        raise MalformedXML()
    for method in methods:
        if method not in METHODS:
            raise InvalidRequest(
                f"Found unsupported HTTP method in CORS config. Unsupported method is {method[:64]}"
            )
    _check("AllowedOrigin", origins, _ORIGIN)
    _check("AllowedHeader", headers, _TOKEN)
    _check("ExposeHeader", exposed, _TOKEN)
    for name in exposed:
        if "*" in name:
            raise InvalidRequest(
                f'ExposeHeader "{name[:256]}" contains wildcard. We currently do not support '
                "wildcard for ExposeHeader."
            )
    id = single.get("ID", "")
    if len(id) > MAX_ID_LENGTH:
        raise InvalidRequest(f"The ID of a CORS rule has at most {MAX_ID_LENGTH} characters.")
    max_age = single.get("MaxAgeSeconds")
    return CorsRule(
        id,
        tuple(origins),
        tuple(methods),
        tuple(headers),
        tuple(exposed),
        None if max_age is None else number_of(max_age),
    )


def _check(name: str, values: Iterable[str], form: re.Pattern[str]) -> None:
    """Refuse what is empty, could not stand in a header, or has two wildcards."""
    for value in values:
        if value.count("*") > 1:
            raise InvalidRequest(f'{name} "{value[:256]}" can not have more than one wildcard.')
        if not form.match(value):
            raise InvalidRequest(f'{name} "{value[:256]}" is not valid.')


def cors_document(rules: Iterable[CorsRule]) -> bytes:
    """The CORSConfiguration of some rules."""
    return document("CORSConfiguration", *map(_rule_element, rules))


def _rule_element(rule: CorsRule) -> str:
    age = "" if rule.max_age_s is None else str(rule.max_age_s)
    pieces = [
        optional("ID", rule.id),
        *(element("AllowedHeader", name) for name in rule.headers),
        *(element("AllowedMethod", name) for name in rule.methods),
        *(element("AllowedOrigin", name) for name in rule.origins),
        *(element("ExposeHeader", name) for name in rule.exposed),
        optional("MaxAgeSeconds", age),
    ]
    return f"<CORSRule>{''.join(pieces)}</CORSRule>"


@lru_cache(maxsize=256)
def stored_rules(stored: bytes) -> tuple[CorsRule, ...]:
    """The rules of a stored document; those used last are kept parsed."""
    return parse_cors(stored)


class Granted(NamedTuple):
    """A rule that allows a request, and the Access-Control-Allow-Origin that it answers."""

    rule: CorsRule
    origin: str


def find_rule(
    rules: Sequence[CorsRule], origin: str, method: str, headers: Sequence[str] = ()
) -> Granted | None:
    """The first rule that allows a method from an origin with some request headers."""
    for rule in rules:
        if method not in rule.methods:
            continue
        pattern = next((one for one in rule.origins if _matches(one, origin)), None)
        if pattern is None:
            continue
        if all(_allows_header(rule.headers, name.lower()) for name in headers):
            return Granted(rule, "*" if pattern == "*" else origin)
    return None


def _allows_header(patterns: Iterable[str], name: str) -> bool:
    return any(_matches(pattern.lower(), name) for pattern in patterns)


def _matches(pattern: str, text: str) -> bool:
    """Whether a text is a pattern whose one ``*``, if it has one, stands for anything."""
    before, star, after = pattern.partition("*")
    if not star:
        return pattern == text
    return (
        len(text) >= len(before) + len(after) and text.startswith(before) and text.endswith(after)
    )


def requested_headers(value: str) -> list[str] | None:
    """The names of an Access-Control-Request-Headers field, lower-case; None when it is none."""
    names = [name.strip().lower() for name in value.split(",") if name.strip()]
    return names if all(_TOKEN.match(name) for name in names) else None


def answer_headers(granted: Granted, allowed_headers: Sequence[str] = ()) -> list[tuple[str, str]]:
    """The headers of an answer to a request that a rule allows; ``allowed_headers`` are those that
    a preflight asked for. Credentials go with an origin that is named, never with ``*``."""
    rule, origin = granted
    answer = [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Methods", ", ".join(rule.methods)),
    ]
    if allowed_headers:
        answer.append(("Access-Control-Allow-Headers", ", ".join(allowed_headers)))
    if rule.exposed:
        answer.append(("Access-Control-Expose-Headers", ", ".join(rule.exposed)))
    if rule.max_age_s is not None:
        answer.append(("Access-Control-Max-Age", str(rule.max_age_s)))
    if origin != "*":
        answer.append(("Access-Control-Allow-Credentials", "true"))
    answer.append(VARY)
    return answer
