"""A whole in-memory server of operations, driven by signed request heads without HTTP.

    harness = Harness()
    alice = harness.key("alice")
    harness.request("PUT", "/bucket", key=alice)
    answer = harness.request("PUT", "/bucket/key", body=b"data", key=alice)
    assert answer.status == 200

``request`` never raises an ``S3Error``: the answer then has its code in ``error``.
"""

from __future__ import annotations

import hashlib
import hmac
import xml.etree.ElementTree as ET
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlencode

from zope.interface import implementer

from z4tw.blobs.memory import MemoryBlobStore
from z4tw.errors import S3Error
from z4tw.interfaces import Exchange, IOffload, IRequestBody, RequestHead
from z4tw.metadata.memory import MemoryStore
from z4tw.model.stamps import HybridClock
from z4tw.ops.admin import Admin
from z4tw.ops.context import Operation, Settings
from z4tw.ops.routing import LocalRouter
from z4tw.ops.service import S3Service
from z4tw.ops.table import OPERATIONS
from z4tw.policy.acl import AclEvaluator
from z4tw.policy.bucket_policy import BucketPolicyEvaluator
from z4tw.policy.grants import GrantsEvaluator
from z4tw.sigv4.dates import amz_date

START_MS = 1_760_000_000_000
REGION = "us-east-1"
NS = "{http://s3.amazonaws.com/doc/2006-03-01/}"


class Key(NamedTuple):
    """An access key of the harness, and the account that it acts for."""

    name: str
    access_key_id: str
    secret: str
    account_id: str = ""
    account_number: str = ""
    token: str = ""


class TestClock:
    """Time that moves only when it is told to, but for one millisecond at each stamp's look."""

    __test__ = False

    def __init__(self) -> None:
        self.ms = START_MS

    def now_ms(self) -> int:
        return self.ms

    def advance(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)


class PlainSeal:
    """Sealing without cryptography, so that tests are quick; the real one has its own tests."""

    def seal(self, access_key_id: str, secret: str) -> bytes:
        return f"sealed:{access_key_id}:{secret}".encode()

    def unseal(self, access_key_id: str, sealed: bytes) -> str:
        prefix = f"sealed:{access_key_id}:"
        text = sealed.decode()
        assert text.startswith(prefix)
        return text[len(prefix) :]

    def derive(self, purpose: bytes) -> bytes:
        return hashlib.sha256(purpose).digest()


@implementer(IOffload)
class InlineOffload:
    """Runs work at once, in place; counts how often."""

    def __init__(self) -> None:
        self.runs = 0

    def run(self, function: Callable[..., Any], *args: Any) -> Awaitable[Any]:
        self.runs += 1
        try:
            result = function(*args)
        except Exception as error:
            return _failed(error)
        return _ready(result)


async def _ready(value: Any) -> Any:
    return value


async def _failed(error: Exception) -> Any:
    raise error


@implementer(IRequestBody)
class PieceBody:
    """A request body that arrives in the given pieces; notes whether it was touched.

    ``whole`` False: ``take_all`` acts as if the body were still on its way.
    """

    def __init__(self, pieces: Sequence[bytes], whole: bool = True) -> None:
        self._pieces = [piece for piece in pieces if piece]
        self._whole = whole
        self.touched = False

    async def read(self) -> bytes:
        self.touched = True
        return self._pieces.pop(0) if self._pieces else b""

    def take_all(self) -> bytes | None:
        if not self._whole or self.touched:
            return None
        self.touched = True
        data = b"".join(self._pieces)
        self._pieces = []
        return data


class Answer(NamedTuple):
    """What came back: a response, or an S3 error in its place."""

    status: int
    headers: dict[str, str]
    body: bytes
    error: str
    details: dict[str, str]
    message: str
    exchange: Exchange
    header_list: list[tuple[str, str]]
    content_length: int | None = None

    @property
    def xml(self) -> ET.Element:
        """The root of the body's document, its namespace taken off all names."""
        root = ET.fromstring(self.body)
        for element in root.iter():
            element.tag = element.tag.removeprefix(NS)
        return root

    def texts(self, path: str) -> list[str]:
        """The texts of all elements at a path (``Contents/Key``)."""
        return [element.text or "" for element in self.xml.findall(path)]

    def text(self, path: str) -> str | None:
        """The text of the first element at a path, None when there is none."""
        found = self.xml.find(path)
        return None if found is None else found.text or ""


def run(awaitable: Awaitable[Any]) -> Any:
    """The result of an awaitable that never has to wait."""
    iterator = awaitable.__await__()
    try:
        waiting = next(iterator)
    except StopIteration as stop:
        return stop.value
    raise AssertionError(f"it waits for {waiting!r}")


def hashed(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def canonical_query(query: str) -> str:
    pairs = []
    for item in query.split("&"):
        if item:
            name, _, value = item.partition("=")
            pairs.append((quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~")))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def signature(
    key: Key,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    signed: Sequence[str],
    payload_hash: str,
    when: str,
    region: str,
    service: str = "s3",
) -> str:
    """The Signature Version 4 of a request, computed apart from the server's code."""
    lines = [method, quote(unquote(path), safe="/-_.~"), canonical_query(query)]
    lines += [f"{name}:{' '.join(headers[name].split())}" for name in signed]
    lines += ["", ";".join(signed), payload_hash]
    scope = f"{when[:8]}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", when, scope, hashed("\n".join(lines).encode())])
    secret = f"AWS4{key.secret}".encode()
    for part in (when[:8], region, service, "aws4_request", text):
        secret = hmac.digest(secret, part.encode(), "sha256")
    return secret.hex()


class Harness:
    """Operations over memory stores; ``admin_key`` may do everything, ``user`` is a plain key.

    ``operations`` overrides entries of the table; other arguments replace parts.
    """

    def __init__(
        self,
        *,
        settings: Settings | None = None,
        evaluators: Sequence[Any] | None = None,
        router: Any = None,
        operations: Mapping[str, Operation] | None = None,
        store: Any = None,
        blobs: Any = None,
        seed: int = 0,
    ) -> None:
        self.clock = TestClock()
        self.random = Random(seed)
        self.settings = settings or Settings(region=REGION)
        self.stamps = HybridClock(self.clock.now_ms, b"harness0")
        self.store = store if store is not None else self.make_store()
        self.blobs = blobs if blobs is not None else self.make_blobs()
        self.offload = InlineOffload()
        self.seal = PlainSeal()
        self.admin = Admin(
            store=self.store,
            secrets=self.seal,
            settings=self.settings,
            stamp=self.stamps.stamp,
            random_bytes=self.random.randbytes,
        )
        self.service = S3Service(
            store=self.store,
            blobs=self.blobs,
            offload=self.offload,
            router=router or LocalRouter(),
            evaluators=(
                [GrantsEvaluator(), BucketPolicyEvaluator(), AclEvaluator()]
                if evaluators is None
                else evaluators
            ),
            secrets=self.seal,
            settings=self.settings,
            operations={**OPERATIONS, **(operations or {})},
            stamp=self.stamps.stamp,
            random_bytes=self.random.randbytes,
            partition_of=lambda incarnation, key: len(key),
        )
        self.admin_key = self.key("admin", admin=True)
        self.user = self.key("user")
        self._requests = 0

    def make_store(self) -> Any:
        return MemoryStore(self.clock.now_ms, self.random.randbytes)

    def make_blobs(self) -> Any:
        return MemoryBlobStore(self.clock.now_ms, self.random.randbytes)

    def key(self, name: str, admin: bool = False, may_create_buckets: bool = True) -> Key:
        """Make a key with an account of its own."""
        made = run(self.admin.key_create(name, admin, may_create_buckets))
        return Key(
            name,
            made["access_key_id"],
            made["secret_access_key"],
            made["account_id"],
            made["account_number"],
        )

    def user_key(self, user: str | None, account: str, name: str = "") -> Key:
        """Make a user below an account (None: take its root user) and a key of it."""
        if user is not None:
            run(self.admin.user_create(user, account))
        name = name or f"key-of-{user or account}"
        owner = f"{account}/{user or account}"
        made = run(self.admin.key_create(name, user=owner))
        return Key(
            name,
            made["access_key_id"],
            made["secret_access_key"],
            made["account_id"],
            made["account_number"],
        )

    def sts(
        self, key: Key | None, body: str = "", headers: Mapping[str, str] | None = None, **form: str
    ) -> Answer:
        """Ask the token service (``key`` None: without a signature); ``body`` instead of a form."""
        data = (body or urlencode({"Version": "2011-06-15", **form})).encode()
        fields = {"content-type": "application/x-www-form-urlencoded", **(headers or {})}
        return self.request(
            "POST", "/", fields, data, key or self.user, sign=key is not None, service="sts"
        )

    def session(self, key: Key, policy: str = "", role: str = "", **form: str) -> Key:
        """Temporary credentials that a key asked for: of itself, or of a role's ARN."""
        form["RoleArn"] = role or f"arn:aws:iam::{key.account_number}:root"
        form["RoleSessionName"] = "session"
        if policy:
            form["Policy"] = policy
        answer = self.sts(key, Action="AssumeRole", **form)
        assert answer.status == 200, answer
        return self.issued(answer, key)

    def issued(self, answer: Answer, key: Key) -> Key:
        """The credentials in an answer of the token service."""
        texts = {
            one.tag.partition("}")[2]: one.text or "" for one in ET.fromstring(answer.body).iter()
        }
        return Key(
            "session",
            texts["AccessKeyId"],
            texts["SecretAccessKey"],
            key.account_id,
            key.account_number,
            texts["SessionToken"],
        )

    def bucket(
        self,
        name: str = "bucket",
        key: Key | None = None,
        versioning: str = "",
        locked: bool = False,
    ) -> str:
        """Make a bucket that ``key`` (default: ``user``) owns; ``locked``: with object lock."""
        headers = {"x-amz-bucket-object-lock-enabled": "true"} if locked else {}
        answer = self.request("PUT", f"/{name}", headers, key=key or self.user)
        assert answer.status == 200, answer
        if versioning:
            document = (
                f'<VersioningConfiguration xmlns="{NS[1:-1]}">'
                f"<Status>{versioning}</Status></VersioningConfiguration>"
            )
            answer = self.request(
                "PUT", f"/{name}?versioning", body=document.encode(), key=key or self.user
            )
            assert answer.status == 200, answer
        return name

    def put(self, path: str, body: bytes = b"data", **arguments: Any) -> Answer:
        """PUT an object that must succeed."""
        answer = self.request("PUT", path, body=body, **arguments)
        assert answer.status == 200, answer
        return answer

    def anonymous(self, method: str, target: str, **arguments: Any) -> Answer:
        """A request without a signature."""
        return self.request(method, target, sign=False, **arguments)

    def head_of(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
        key: Key | None,
        payload_hash: str | None = None,
        region: str = REGION,
        chunked: bool = False,
        presign: bool = False,
        service: str = "s3",
    ) -> RequestHead:
        """A complete, signed request head (``key`` None: anonymous)."""
        path, _, query = target.partition("?")
        fields = {"host": "localhost:9670"}
        fields.update({name.lower(): value for name, value in headers.items()})
        when = amz_date(self.clock.ms / 1000)
        if key is not None and key.token and not presign:
            fields["x-amz-security-token"] = key.token
        if key is not None and presign:
            signed = ["host"]
            if key.token:
                query += ("&" if query else "") + (
                    f"X-Amz-Security-Token={quote(key.token, safe='')}"
                )
            scope = f"{when[:8]}/{region}/s3/aws4_request"
            credential = quote(f"{key.access_key_id}/{scope}", safe="")
            query += ("&" if query else "") + (
                f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}"
                f"&X-Amz-Date={when}&X-Amz-Expires=900&X-Amz-SignedHeaders=host"
            )
            value = signature(
                key, method, path, query, fields, signed, "UNSIGNED-PAYLOAD", when, region
            )
            target = f"{path}?{query}&X-Amz-Signature={value}"
        elif key is not None:
            fields["x-amz-date"] = when
            digest = hashed(body) if payload_hash is None else payload_hash
            if service == "s3":
                fields["x-amz-content-sha256"] = digest
            signed = sorted(
                name
                for name in fields
                if name in ("host", "content-md5", "content-type") or name.startswith("x-amz-")
            )
            value = signature(
                key, method, path, query, fields, signed, digest, when, region, service
            )
            fields["authorization"] = (
                f"AWS4-HMAC-SHA256 Credential={key.access_key_id}/{when[:8]}/{region}/{service}/"
                f"aws4_request, SignedHeaders={';'.join(signed)}, Signature={value}"
            )
        length = None if chunked else len(body)
        if length is not None and (body or method in ("PUT", "POST")):
            fields["content-length"] = str(length)
        self._requests += 1
        return RequestHead(
            method=method,
            target=target.encode("ascii"),
            headers=fields,
            content_length=length if "content-length" in fields else None,
            chunked=chunked,
            peer="127.0.0.1",
            secure=False,
            now=self.clock.ms / 1000,
            request_id=f"{self._requests:016X}",
        )

    def request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        key: Key | None = None,
        *,
        sign: bool = True,
        payload_hash: str | None = None,
        region: str = REGION,
        chunked: bool = False,
        presign: bool = False,
        service: str = "s3",
        pieces: Sequence[bytes] | None = None,
        head: RequestHead | None = None,
    ) -> Answer:
        """Serve one request. ``target`` is the raw target (percent-encoded ASCII); ``key`` is by
        default ``user``; ``pieces`` is how the body arrives (default: in one piece, which
        ``take_all`` gives)."""
        signer = (key or self.user) if sign else None
        if head is None:
            head = self.head_of(
                method,
                target,
                headers or {},
                body,
                signer,
                payload_hash,
                region,
                chunked,
                presign,
                service,
            )
        source = PieceBody([body] if pieces is None else pieces, whole=pieces is None)
        exchange = Exchange(head, source)
        self.clock.ms += 1
        try:
            response = run(self.service.respond(exchange))
        except S3Error as error:
            return Answer(
                error.status,
                {name.lower(): value for name, value in [*error.headers, *exchange.headers]},
                b"",
                error.code,
                error.details,
                error.message,
                exchange,
                [*error.headers, *exchange.headers],
            )
        data = response.body
        if not isinstance(data, (bytes, bytearray, memoryview)):
            pieces_out = []
            while piece := run(data.next()):
                pieces_out.append(bytes(piece))
            data.close()
            data = b"".join(pieces_out)
        return Answer(
            response.status,
            {name.lower(): value for name, value in [*response.headers, *exchange.headers]},
            bytes(data),
            "",
            {},
            "",
            exchange,
            [*response.headers, *exchange.headers],
            response.content_length,
        )
