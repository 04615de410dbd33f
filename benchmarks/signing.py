"""Signed requests made ahead of time, as raw bytes for a load generator.

The server sees ordinary SigV4 requests: every one has a signature of its own, because each differs
from the others in its key or its date.
"""

from __future__ import annotations

import hashlib
import hmac
import random
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

REGION = "us-east-1"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


class Signer:
    """Signs requests of one access key for one host (``HOST:PORT``)."""

    def __init__(self, access_key_id: str, secret: str, host: str) -> None:
        self._access_key_id = access_key_id
        self._secret = secret
        self.host = host
        self._keys: dict[str, bytes] = {}

    def _signing_key(self, day: str) -> bytes:
        if day not in self._keys:
            key = ("AWS4" + self._secret).encode()
            for part in (day, REGION, "s3", "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._keys[day] = key
        return self._keys[day]

    def request(
        self, method: str, path: str, query: str = "", body: bytes = b"", at: float | None = None
    ) -> bytes:
        """One whole request with a header signature; ``at`` is Unix time, the date it carries."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() if at is None else at))
        day = stamp[:8]
        digest = hashlib.sha256(body).hexdigest() if body else EMPTY_SHA256
        signed = "host;x-amz-content-sha256;x-amz-date"
        canonical = (
            f"{method}\n{path}\n{query}\nhost:{self.host}\nx-amz-content-sha256:{digest}\n"
            f"x-amz-date:{stamp}\n\n{signed}\n{digest}"
        )
        scope = f"{day}/{REGION}/s3/aws4_request"
        to_sign = (
            f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        )
        signature = hmac.digest(self._signing_key(day), to_sign.encode(), "sha256").hex()
        target = path + (f"?{query}" if query else "")
        length = f"Content-Length: {len(body)}\r\n" if body or method == "PUT" else ""
        head = (
            f"{method} {target} HTTP/1.1\r\nHost: {self.host}\r\n"
            f"x-amz-content-sha256: {digest}\r\nx-amz-date: {stamp}\r\n{length}"
            f"Authorization: AWS4-HMAC-SHA256 Credential={self._access_key_id}/{scope}, "
            f"SignedHeaders={signed}, Signature={signature}\r\n\r\n"
        )
        return head.encode() + body

    def presign(self, method: str, path: str, expires_s: int = 3600) -> str:
        """A presigned target (path and query) with an unsigned payload."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        scope = f"{stamp[:8]}/{REGION}/s3/aws4_request"
        credential = quote(f"{self._access_key_id}/{scope}", safe="")
        query = (
            f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={stamp}"
            f"&X-Amz-Expires={expires_s}&X-Amz-SignedHeaders=host"
        )
        canonical = f"{method}\n{path}\n{query}\nhost:{self.host}\n\nhost\nUNSIGNED-PAYLOAD"
        to_sign = (
            f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        )
        signature = hmac.digest(self._signing_key(stamp[:8]), to_sign.encode(), "sha256").hex()
        return f"{path}?{query}&X-Amz-Signature={signature}"


def key_path(bucket: str, number: int) -> str:
    """The path of the numbered small object, spread over ten folders."""
    return f"/{bucket}/small/{number % 10}/{number:07d}"


def small_requests(
    signer: Signer, method: str, bucket: str, keys: int, count: int, body_size: int, seed: int
) -> Iterator[bytes]:
    """``count`` signed requests over ``keys`` keys in uniform random order, none twice alike."""
    rng = random.Random(seed)
    now = time.time()
    used: set[tuple[int, int]] = set()
    body = b""
    for _ in range(count):
        while True:
            pair = (rng.randrange(keys), rng.randrange(600))
            if pair not in used:
                used.add(pair)
                break
        if body_size:
            body = rng.randbytes(body_size)
        yield signer.request(method, key_path(bucket, pair[0]), body=body, at=now - pair[1])


def write_requests(path: Path, requests: Iterator[bytes]) -> int:
    """Write length-prefixed requests for ``requests.lua``; returns how many."""
    count = 0
    with path.open("wb") as file:
        for request in requests:
            file.write(struct.pack("<I", len(request)) + request)
            count += 1
    return count
