"""The client's side of aws-chunked framing, written from AWS's pages with plain ``hmac``."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

from tests.sigv4.aws_examples import ACCESS_KEY, REGION, SCOPE, SECRET
from z4tw.sigv4 import Verified, derive_key
from z4tw.sigv4.keys import SigningKey

KEY = derive_key(SECRET, "20130524", REGION)
DATE = "20130524T000000Z"
SEED = "5" * 64
EMPTY = sha256(b"").hexdigest()


def verified(mode: str, seed: str = SEED) -> Verified:
    """What the signature of a request with this payload mode leaves behind."""
    return Verified(ACCESS_KEY, mode, seed, SigningKey(KEY), SCOPE, DATE, False)


def sign(algorithm: str, previous: str, rest: str) -> str:
    """One signature of the chain."""
    text = f"{algorithm}\n{DATE}\n{SCOPE}\n{previous}\n{rest}"
    return hmac.new(KEY, text.encode(), "sha256").hexdigest()


class Body(NamedTuple):
    """An encoded body and the last chunk's signature."""

    data: bytes
    last: str


def signed_chunks(chunks: Iterable[bytes], seed: str = SEED) -> Body:
    """Signed chunks up to and with the header of the last, empty one."""
    out = []
    for chunk in [*chunks, b""]:
        digest = sha256(chunk).hexdigest()
        seed = sign("AWS4-HMAC-SHA256-PAYLOAD", seed, f"{EMPTY}\n{digest}")
        out.append(f"{len(chunk):x};chunk-signature={seed}\r\n".encode())
        if chunk:
            out.append(chunk + b"\r\n")
    return Body(b"".join(out), seed)


def signed_body(chunks: Iterable[bytes], seed: str = SEED) -> bytes:
    """A body of STREAMING-AWS4-HMAC-SHA256-PAYLOAD."""
    return signed_chunks(chunks, seed).data + b"\r\n"


def trailer_signature(trailers: dict[str, str], last: str) -> str:
    """The signature of trailers after the last chunk's signature."""
    text = "".join(f"{name}:{value}\n" for name, value in trailers.items())
    return sign("AWS4-HMAC-SHA256-TRAILER", last, sha256(text.encode()).hexdigest())


def signed_trailer_body(
    chunks: Iterable[bytes], trailers: dict[str, str], seed: str = SEED
) -> bytes:
    """A body of STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER."""
    body = signed_chunks(chunks, seed)
    lines = "".join(f"{name}:{value}\r\n" for name, value in trailers.items())
    signature = trailer_signature(trailers, body.last)
    return body.data + f"{lines}x-amz-trailer-signature:{signature}\r\n\r\n".encode()


def unsigned_body(chunks: Iterable[bytes], trailers: dict[str, str]) -> bytes:
    """A body of STREAMING-UNSIGNED-PAYLOAD-TRAILER."""
    out = [f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks]
    out.append(b"0\r\n")
    out += [f"{name}:{value}\r\n".encode() for name, value in trailers.items()]
    return b"".join(out) + b"\r\n"
