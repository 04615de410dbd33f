"""The canonical request: the one text that both sides hash.

Everything is computed from the raw request target, so that ``//``, ``.`` and ``..`` stay what
they are: distinct keys.
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, unquote_to_bytes

_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_PATH_SAFE = _UNRESERVED + b"/"
_QUERY_SAFE = _UNRESERVED + b"=&"

SIGNATURE_PARAMETER = "X-Amz-Signature"
"""The one query parameter that a presigned URL does not sign."""


def canonical_path(path: bytes) -> str:
    """A raw path, percent-decoded and encoded again once; never normalised."""
    if not path.translate(None, _PATH_SAFE):
        return path.decode("ascii") or "/"
    return quote(unquote_to_bytes(path), safe="/")


def decode_parameter(text: bytes) -> bytes:
    """A raw name or value of a query string, decoded; ``+`` is a space, as in forms."""
    return unquote_to_bytes(text.replace(b"+", b" "))


def canonical_query(query: bytes, presigned: bool = False) -> str:
    """A raw query string with names and values encoded once and sorted by their encoded bytes,
    names before values. A presigned one leaves ``X-Amz-Signature`` out."""
    if not query:
        return ""
    pairs: list[tuple[str, str]] = []
    if not query.translate(None, _QUERY_SAFE):
        for item in query.decode("ascii").split("&"):
            name, _, value = item.partition("=")
            if item:
                pairs.append((name, value.replace("=", "%3D") if "=" in value else value))
    else:
        for raw in query.split(b"&"):
            raw_name, _, raw_value = raw.partition(b"=")
            if raw:
                pairs.append(
                    (
                        quote(decode_parameter(raw_name), safe=""),
                        quote(decode_parameter(raw_value), safe=""),
                    )
                )
    if presigned:
        pairs = [pair for pair in pairs if pair[0] != SIGNATURE_PARAMETER]
    if len(pairs) > 1:
        pairs.sort()
    return "&".join([f"{name}={value}" for name, value in pairs])


def canonical_value(value: str) -> str:
    """A header value without outer white space and with one space for each inner run."""
    value = value.strip(" \t")
    if "  " in value:
        value = " ".join([word for word in value.split(" ") if word])
    return value


def canonical_request(
    method: str,
    target: bytes,
    headers: Mapping[str, str],
    signed_headers: tuple[str, ...],
    payload_hash: str,
    presigned: bool,
) -> bytes:
    """The canonical request of a raw target and the signed ones of its headers, as bytes.

    ``signed_headers`` are lower-case and sorted; one that is absent counts as empty here, and
    ``verify`` refuses it. Header text is Latin-1, so encoding it gives the bytes that were sent.
    """
    path, _, query = target.partition(b"?")
    try:
        block = "\n".join([f"{name}:{headers[name]}" for name in signed_headers])
    except KeyError:
        block = _header_lines(headers, signed_headers)
    else:
        # One look at all the lines: most have nothing to trim or to collapse.
        if "  " in block or ": " in block or " \n" in block or "\t" in block or block.endswith(" "):
            block = _header_lines(headers, signed_headers)
    return (
        f"{method}\n{canonical_path(path)}\n{canonical_query(query, presigned)}\n{block}\n\n"
        f"{';'.join(signed_headers)}\n{payload_hash}"
    ).encode("latin-1", "replace")


def _header_lines(headers: Mapping[str, str], names: tuple[str, ...]) -> str:
    return "\n".join([f"{name}:{canonical_value(headers.get(name, ''))}" for name in names])
