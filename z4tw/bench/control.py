"""Single requests beside the load: making a bucket, and removing what a run left."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import time
from collections.abc import Callable
from hashlib import sha256
from html import escape, unescape
from urllib.parse import quote

from z4tw.bench.answer import Answer, BadAnswer
from z4tw.bench.connection import CONNECT_S, tls_context, unreachable
from z4tw.bench.signing import Signer
from z4tw.bench.target import BenchError, Target

ANSWER_S = 60.0
_KEY = re.compile(r"<Key>([^<]*)</Key>")
_UPLOAD = re.compile(r"<Key>([^<]*)</Key>\s*<UploadId>([^<]*)</UploadId>")


class Control:
    """Asks one target, a connection for each request. Everything raises ``BenchError``."""

    def __init__(self, target: Target, now: Callable[[], float] = time.time) -> None:
        self._target, self._now = target, now
        self._signer = Signer(target)

    def make_bucket(self, bucket: str) -> None:
        """Make a bucket."""
        region, body = self._target.region, b""
        if region != "us-east-1":
            body = (
                '<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
                f"<LocationConstraint>{escape(region)}</LocationConstraint>"
                "</CreateBucketConfiguration>"
            ).encode()
        self._demand("PUT", f"/{bucket}", "", body, f"make the bucket {bucket}")

    def check_bucket(self, bucket: str) -> None:
        """The bucket must be there."""
        query = "list-type=2&max-keys=1"
        self._demand("GET", f"/{bucket}", query, b"", f"use the bucket {bucket}")

    def remove_bucket(self, bucket: str) -> None:
        """Remove an empty bucket."""
        self._demand("DELETE", f"/{bucket}", "", b"", f"remove the bucket {bucket}")

    def remove_objects(self, bucket: str, prefix: str) -> int:
        """Remove all objects and open uploads below a prefix; how many."""
        what = f"clean up in the bucket {bucket}"
        shown, removed = quote(prefix, safe=""), 0
        while True:
            page = self._demand("GET", f"/{bucket}", f"list-type=2&prefix={shown}", b"", what)
            keys = _KEY.findall(page.body.decode("utf-8", "replace"))
            if not keys:
                break
            named = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
            body = f"<Delete>{named}<Quiet>true</Quiet></Delete>".encode()
            answer = self._demand("POST", f"/{bucket}", "delete=", body, what)
            if b"<Error>" in answer.body:
                raise BenchError(f"cannot {what}: {answer.code()}")
            removed += len(keys)
        while True:
            page = self._demand("GET", f"/{bucket}", f"prefix={shown}&uploads=", b"", what)
            uploads = _UPLOAD.findall(page.body.decode("utf-8", "replace"))
            if not uploads:
                return removed
            for key, upload in uploads:
                query = f"uploadId={quote(unescape(upload), safe='')}"
                path = f"/{bucket}/{quote(unescape(key), safe='/')}"
                self._demand("DELETE", path, query, b"", what)
                removed += 1

    def call(self, method: str, path: str, query: str = "", body: bytes = b"") -> Answer:
        """Send one request and read its answer, whatever it is."""
        digest = sha256(body).hexdigest()
        head = self._signer.many(method, (path,), self._now(), query, digest, len(body))[0]
        line, _, rest = head.partition(b"\r\n")
        more = b"Connection: close\r\n"
        if body:
            md5 = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest())
            more += b"Content-MD5: " + md5 + b"\r\n"
        try:
            return self._exchange(line + b"\r\n" + more + rest + body, method == "HEAD")
        except OSError as error:
            raise unreachable(self._target, error) from None
        except BadAnswer as error:
            raise BenchError(f"{self._target.endpoint} is no S3 endpoint: {error}") from None

    def _exchange(self, request: bytes, no_body: bool) -> Answer:
        target = self._target
        sock = socket.create_connection((target.host, target.port), CONNECT_S)
        with sock:
            if target.secure:
                sock = tls_context(target).wrap_socket(sock, server_hostname=target.host)
            with sock:
                sock.settimeout(ANSWER_S)
                sock.sendall(request)
                answer = Answer(no_body, keep=True)
                while data := sock.recv(65536):
                    if answer.feed(data, 0, len(data)) >= 0:
                        return answer
                if not answer.eof():
                    raise BadAnswer("the connection ended")
                return answer

    def _demand(self, method: str, path: str, query: str, body: bytes, what: str) -> Answer:
        answer = self.call(method, path, query, body)
        if answer.status >= 300:
            where = self._target.endpoint
            raise BenchError(f"cannot {what} at {where}: {answer.code()}")
        return answer
