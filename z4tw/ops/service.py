"""The pipeline of a request: route, authenticate, authorize, perform.

The order is the point: nothing is said about a bucket or key before the signature is verified and
the action allowed, and the body is untouched until the operation reads it, so that a refusal can
take the place of ``100 Continue``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec
from zope.interface import implementer

from z4tw import errors
from z4tw.errors import (
    AccessDenied,
    ExpiredToken,
    InvalidAccessKeyId,
    NoSuchBucket,
    S3Error,
    ServiceUnavailable,
    TemporaryRedirect,
)
from z4tw.interfaces.http import Exchange, IS3Service, RequestHead, S3Response
from z4tw.interfaces.plugins import IPolicyEvaluator
from z4tw.interfaces.seams import IOffload, IRouter
from z4tw.interfaces.storage import IBlobStore, IMetadataStore
from z4tw.model.control import ANONYMOUS, Bucket, Principal
from z4tw.ops.authorize import Access, check_expected_owner
from z4tw.ops.context import Context, Operation, Settings
from z4tw.ops.cors import PREFLIGHT, cross_origin_headers, preflight
from z4tw.ops.credentials import Credential, Credentials
from z4tw.ops.directory import Directory
from z4tw.ops.explaining import EXPLAIN, explanation
from z4tw.ops.forms import POST_OBJECT, open_form
from z4tw.ops.log_delivery import CONFIGURATION as LOGGING
from z4tw.ops.sts import StsService
from z4tw.s3.call import S3Call
from z4tw.s3.headers import refuse_unsupported
from z4tw.s3.routing import named_resource, parse_call, virtual_bucket
from z4tw.sigv4 import Claim, SigningKeys, Verified, parse_claim, verify
from z4tw.sts.calls import is_sts
from z4tw.sts.sessions import SessionSeal

UNBOUND = frozenset({"ListBuckets", "CreateBucket"})
"""Operations that are not upon an existing bucket."""

READING = frozenset({"GET", "HEAD"})
"""The methods of S3's operations that change nothing."""


@implementer(IS3Service)
class S3Service:
    """Everything between a request's head and its response.

    ``operations`` maps operation names to coroutine functions (``z4tw.ops.table.OPERATIONS``);
    one that is missing answers ``NotImplemented``. ``secrets`` opens sealed secrets; ``stamp``
    makes the stamps of changes; ``random_bytes(n)`` is secure; ``partition_of(incarnation, key)``
    is what the router is told of a key.
    """

    def __init__(
        self,
        *,
        store: IMetadataStore,
        blobs: IBlobStore,
        offload: IOffload,
        router: IRouter,
        evaluators: Iterable[IPolicyEvaluator],
        secrets: Any,
        settings: Settings,
        operations: Mapping[str, Operation],
        stamp: Callable[[], bytes],
        random_bytes: Callable[[int], bytes],
        partition_of: Callable[[int, bytes], int],
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._offload = offload
        self._router = router
        self._settings = settings
        self._operations = dict(operations)
        self._stamp = stamp
        self._random_bytes = random_bytes
        self._partition_of = partition_of
        self._access = Access(evaluators)
        self._directory = Directory(store)
        sessions = SessionSeal(secrets.derive, random_bytes)
        self._credentials = Credentials(store, secrets, sessions)
        self._signing_keys = SigningKeys()
        self._sts = StsService(
            store=store,
            credentials=self._credentials,
            sessions=sessions,
            signing_keys=self._signing_keys,
            region=settings.region,
        )

    def respond(self, exchange: Exchange) -> Awaitable[S3Response]:
        """*async* Serve one request. Raises ``S3Error``, ``ClientDisconnected``."""
        head = exchange.head
        if "origin" in head.headers or head.method == "OPTIONS":
            return self._cross_origin(exchange)
        return self._serve(exchange)

    async def _cross_origin(self, exchange: Exchange) -> S3Response:
        """Serve a request of a page from elsewhere: its answer, also one that refuses it, carries
        what the bucket's CORS rules say."""
        head = exchange.head
        name, key = named_resource(head, self._settings.domains)
        bucket = await self._directory.bucket(name) if name else None
        if head.method == "OPTIONS":
            exchange.operation, exchange.bucket, exchange.key = PREFLIGHT, name, key
            if bucket is not None and LOGGING in bucket.configurations:
                exchange.logged = bucket
            return preflight(bucket, key, head)
        exchange.headers = cross_origin_headers(bucket, head)
        return await self._serve(exchange)

    async def _serve(self, exchange: Exchange) -> S3Response:
        head = exchange.head
        domains = self._settings.domains
        if (
            head.method == "POST"
            and is_sts(head)
            and not virtual_bucket(head.headers.get("host", ""), domains)
        ):
            return await self._sts.respond(exchange)
        call = parse_call(head, domains)
        exchange.operation = call.operation
        exchange.bucket = call.bucket
        exchange.key = call.key
        if call.query:
            exchange.version_id = call.query.get("versionId", "")
        try:
            claim = parse_claim(head)
            if claim is None and call.operation == POST_OBJECT:
                exchange.form = await open_form(exchange.body, call, head)
                exchange.body = exchange.form.file
                claim = exchange.form.claim
            if claim is None:
                principal, verified = ANONYMOUS, None
            else:
                if claim.security_token:
                    credential = await self._session(claim)
                else:
                    credential = self._credentials.peek(claim.access_key_id)
                    if credential is None:
                        credential = await self._credentials.find(claim.access_key_id)
                principal, verified = self._verify(exchange, claim, credential)
            if exchange.form is not None:
                call, head = exchange.form.admit(call, head, self._settings.max_put_bytes)
                exchange.key = call.key
            operation = self._operations.get(exchange.operation)
            if operation is None:
                raise AccessDenied() if principal.anonymous else not_implemented(call)
            bucket: Bucket | None = None
            if call.operation not in UNBOUND:
                bucket = self._directory.peek_bucket(call.bucket)
                if bucket is None:
                    bucket = await self._find_bucket(call, principal)
                if bucket.name != call.bucket:
                    # From here on the bucket has its own name: policies and files know no aliases.
                    call = msgspec.structs.replace(call, bucket=bucket.name)
                    exchange.bucket = bucket.name
                if bucket.configurations and LOGGING in bucket.configurations:
                    exchange.logged = bucket
            context = Context(
                exchange, head, call, principal, verified, bucket,
                self._store, self._blobs, self._offload, self._settings,
                self._stamp, self._random_bytes, self._access, self._directory,
            )  # fmt: skip
            if principal.admin and EXPLAIN in head.headers:
                exchange.headers += await explanation(context, self._credentials)
            asking = self._access.demand(context)
            if asking is not None:
                await asking
            if self._blobs.read_only and head.method not in READING:
                raise ServiceUnavailable("The store is read-only after a disk error.")
            expected = call.headers.get("x-amz-expected-bucket-owner")
            if expected is not None and bucket is not None:
                await check_expected_owner(self._directory, bucket, expected)
            if not self._router.alone:
                await self._route(head, call, bucket)
            refuse_unsupported(call.headers, call.operation)
            return await operation(context)
        except S3Error as error:
            if call.bucket and exchange.logged is None:
                # Refused before its bucket was looked at.
                seen = self._directory.peek_bucket(call.bucket)
                if seen is not None and LOGGING in seen.configurations:
                    exchange.logged = seen
            if call.bucket and not call.key and not isinstance(error, NoSuchBucket):
                # Clients learn a bucket's region from a refused HEAD or listing. There is one
                # region, so this tells nobody whether the bucket exists.
                error.headers.append(("x-amz-bucket-region", self._settings.region))
            raise

    async def _session(self, claim: Claim) -> Credential | None:
        return await self._credentials.session(claim.security_token, claim.access_key_id)

    def _verify(
        self, exchange: Exchange, claim: Claim, credential: Credential | None
    ) -> tuple[Principal, Verified]:
        """Who signed the request. Raises ``InvalidAccessKeyId``, ``ExpiredToken``, and what
        ``verify`` raises."""
        if credential is None:
            raise InvalidAccessKeyId(AWSAccessKeyId=claim.access_key_id)
        secret, region, keys = credential.secret, self._settings.region, self._signing_keys
        if exchange.form is not None:
            verified = exchange.form.verify(claim, secret, region, keys)
        else:
            verified = verify(claim, exchange.head, secret, region, keys)
        if credential.expires_s and exchange.head.now >= credential.expires_s:
            raise ExpiredToken()
        principal = credential.principal
        exchange.requester = principal.requester
        exchange.access_key_id = principal.access_key_id
        return principal, verified

    async def _route(self, head: RequestHead, call: S3Call, bucket: Bucket | None) -> None:
        """Raise ``TemporaryRedirect`` when another node is to serve the request."""
        partition = None
        if bucket is not None and call.key:
            partition = self._partition_of(bucket.incarnation, call.key.encode("utf-8"))
        route = await self._router.route(head, call, partition)
        if route is not None:
            redirect = TemporaryRedirect(Endpoint=route.endpoint, Bucket=call.bucket)
            redirect.headers.append(("Location", route.location))
            if call.key:
                redirect.headers.append(("x-amz-bucket-region", self._settings.region))
            raise redirect

    async def _find_bucket(self, call: S3Call, principal: Principal) -> Bucket:
        if call.operation == "DeleteBucket":
            bucket = await self._directory.bucket_in_any_state(call.bucket)
        else:
            bucket = await self._directory.bucket(call.bucket)
        if bucket is None:
            if principal.anonymous:
                raise AccessDenied()
            raise NoSuchBucket(BucketName=call.bucket)
        return bucket


def not_implemented(call: S3Call) -> S3Error:
    """The answer for an operation of S3 that this release does not have."""
    return errors.NotImplemented(f"The operation {call.operation} is not implemented.")
