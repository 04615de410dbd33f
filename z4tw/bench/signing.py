"""Signing many requests fast: everything that is alike in a batch is made once.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from z4tw.bench.bodies import EMPTY_SHA256
from z4tw.bench.target import Target
from z4tw.sigv4.dates import amz_date
from z4tw.sigv4.keys import SigningKey, derive_key


class Signer:
    """Makes request heads for one target, with signatures in the Authorization header."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._keys: dict[str, SigningKey] = {}

    def _key(self, day: str) -> SigningKey:
        key = self._keys.get(day)
        if key is None:
            derived = derive_key(self._target.secret, day, self._target.region)
            key = self._keys[day] = SigningKey(derived)
        return key

    def many(
        self,
        method: str,
        paths: Iterable[str],
        now: float,
        query: str = "",
        body_hash: str = EMPTY_SHA256,
        body_size: int = 0,
    ) -> list[bytes]:
        """Heads that differ only in their paths. Paths and the query are canonical already:
        encoded, and the query's parameters sorted. ``now`` is the Unix time that they carry."""
        target = self._target
        moment = amz_date(now)
        key = self._key(moment[:8])
        names, lines, headers = "host;x-amz-content-sha256;x-amz-date", "", ""
        if target.token:
            names += ";x-amz-security-token"
            lines = f"x-amz-security-token:{target.token}\n"
            headers = f"x-amz-security-token: {target.token}\r\n"
        if body_size or method in ("PUT", "POST"):
            headers += f"Content-Length: {body_size}\r\n"
        scope = f"{moment[:8]}/{target.region}/s3/aws4_request"
        start = f"{method}\n"
        end = (
            f"\n{query}\nhost:{target.authority}\nx-amz-content-sha256:{body_hash}\n"
            f"x-amz-date:{moment}\n{lines}\n{names}\n{body_hash}"
        )
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n"
        middle = (
            f"{'?' if query else ''}{query} HTTP/1.1\r\nHost: {target.authority}\r\n"
            f"x-amz-content-sha256: {body_hash}\r\nx-amz-date: {moment}\r\n{headers}"
            f"Authorization: AWS4-HMAC-SHA256 Credential={target.access_key_id}/{scope}, "
            f"SignedHeaders={names}, Signature="
        )
        sign = key.sign
        heads = []
        for path in paths:
            canonical = sha256(f"{start}{path}{end}".encode()).hexdigest()
            signature = sign(f"{text}{canonical}".encode())
            heads.append(f"{method} {path}{middle}{signature}\r\n\r\n".encode())
        return heads

    def one(self, method: str, path: str, now: float, **options: object) -> bytes:
        """A single head; the options are those of ``many``."""
        return self.many(method, (path,), now, **options)[0]  # type: ignore[arg-type]
