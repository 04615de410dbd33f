"""Operations by ways to sign by payload modes: whatever is wrong with a signature is refused.

Every cell is tried wrong in all the ways there are, changes nothing, and then succeeds when it is
right, so that it is the wrongness that was refused.

Class "signature not checked on one payload mode or operation" (MinIO CVE-2025-31489,
CVE-2026-40344, CVE-2026-41145), class "unsigned x-amz-* honoured" (Ceph CVE-2026-54330,
Swift CVE-2026-71191).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import pytest

from tests.conformance.error_cases import GOOD, UNCONFIGURED
from tests.conformance.raw import (
    LITERAL,
    MODES,
    SIGNED_CHUNKS,
    SIGNED_TRAILER,
    STREAMING,
    UNSIGNED,
    UNSIGNED_TRAILER,
    Request,
    Secret,
    Signer,
    in_mode,
)
from tests.conformance.world import (
    BLOCK,
    BLOCKING,
    ENABLED,
    LIFECYCLE,
    OBJECT,
    POLICY,
    TAGS,
    WEBSITE,
    Client,
    World,
    altered,
    build_world,
    cors,
    part_list,
    part_of,
    upload_of,
)
from tests.processes import Key, ServerProcess

_numbers = itertools.count()
ON_OWN = (
    "CreateBucket",
    "DeleteBucket",
    "DeleteBucketOwnershipControls",
    "PutBucketCors",
    "PutBucketAcl",
    "PutBucketOwnershipControls",
    "PutBucketLogging",
    "PutBucketNotificationConfiguration",
    "PutBucketPolicy",
    "PutBucketEncryption",
    "PutBucketLifecycleConfiguration",
    "PutBucketTagging",
    "PutBucketVersioning",
    "PutBucketWebsite",
    "PutObjectLockConfiguration",
    "PutPublicAccessBlock",
)
LOCKS = frozenset({"PutObjectLegalHold", "PutObjectLockConfiguration", "PutObjectRetention"})
DELETES = {
    "DeleteBucketCors": cors("GET"),
    "DeleteBucketEncryption": BLOCKING,
    "DeleteBucketLifecycle": LIFECYCLE,
    "DeleteBucketPolicy": POLICY,
    "DeleteBucketTagging": TAGS,
    "DeleteBucketWebsite": WEBSITE,
    "DeletePublicAccessBlock": BLOCK,
}
"""What is to be there before it can be deleted."""
WAYS = ("header", "query")
KEYLESS = frozenset({"UpdateObjectEncryption"})
"""What this server, which has no keys, refuses though all is right."""
READ_ONLY = frozenset(name for name, recipe in GOOD.items() if recipe.method in ("GET", "HEAD"))


@pytest.fixture(scope="module")
def world(server: ServerProcess, alice: Key, bob: Key) -> World:
    return build_world(server, alice, bob)


@pytest.fixture
def own(world: World) -> Iterator[str]:
    """A bucket for one cell, emptied and deleted after it, unless it holds what is locked."""
    client = world.alice
    name = f"matrix-{next(_numbers)}"
    client.do("PUT", f"/{name}")
    yield name
    listed = client.ask("GET", f"/{name}", "versions")
    if listed.status == 200:
        for key, version in zip(listed.fields("Key"), listed.fields("VersionId"), strict=True):
            client.ask("DELETE", f"/{name}/{key}", f"versionId={version}")
        client.ask("DELETE", f"/{name}")


def prepared(name: str, client: Client, own: str) -> Request:
    """A request of an operation to which nothing is wrong, in a bucket of its own, with all that
    it needs; it changes what ``snapshot`` shows, unless it only reads."""
    path = f"/{own}/key"
    recipe = GOOD[name]
    method, query, body = recipe.method, recipe.query, recipe.body
    data = body.replace("{bucket}", own).encode() if isinstance(body, str) else body
    if name in LOCKS:
        client.do("PUT", f"/{own}", "versioning", ENABLED)
        if name != "PutObjectLockConfiguration":
            client.do("PUT", f"/{own}", "object-lock", GOOD["PutObjectLockConfiguration"].body)
            client.do("PUT", path, body=OBJECT)
    if name in ON_OWN:
        path = f"/{own}-new" if name == "CreateBucket" else f"/{own}"
    elif name in DELETES:
        path = f"/{own}"
        client.do("PUT", path, query, DELETES[name].replace("{bucket}", own))
    elif name == "DeleteObjects":
        client.do("PUT", f"/{own}/object", body=OBJECT)
        path = f"/{own}"
    elif name in (
        "DeleteObject",
        "PutObjectAcl",
        "PutObjectTagging",
        "CopyObject",
        "RenameObject",
        "UpdateObjectEncryption",
    ):
        client.do("PUT", path, body=OBJECT)
    elif name in ("PutObjectAnnotation", "DeleteObjectAnnotation"):
        client.do("PUT", path, body=OBJECT)
        if name == "DeleteObjectAnnotation":
            client.do("PUT", path, query, "text")
    elif name == "DeleteObjectTagging":
        client.do("PUT", path, body=OBJECT, x_amz_tagging="a=b")
    headers: dict[str, str] = {}
    if name in ("PutBucketAcl", "PutObjectAcl"):
        headers = {"x-amz-acl": "public-read"}
    elif name == "CopyObject":
        headers, path = {"x-amz-copy-source": path}, f"/{own}/copy"
    elif name == "RenameObject":
        headers, path = {"x-amz-rename-source": "key"}, f"/{own}/moved"
    elif "{upload}" in query:
        upload = upload_of(client, path)
        query = query.replace("{upload}", upload)
        if name == "CompleteMultipartUpload":
            etag = part_of(client, path, upload, 1)
            data = part_list((1, etag)).encode()
        elif name == "UploadPartCopy":
            client.do("PUT", f"/{own}/source", body=OBJECT)
            headers = {"x-amz-copy-source": f"/{own}/source"}
    return Request(method, path, query, headers, data)


class Wrong(NamedTuple):
    """A spoiled request and the statuses and codes that it may get; codes of HEAD are unseen."""

    why: str
    request: Request
    status: int
    codes: tuple[str, ...]


MISMATCH = (403, ("SignatureDoesNotMatch",))
DENIED = (403, ("AccessDenied",))
UNSIGNED_HEADERS = {
    "x_amz_acl": "public-read",
    "x_amz_copy_source": "/somewhere/else",
    "x_amz_meta_evil": "1",
    "x_amz_storage_class": "GLACIER",
    "x_amz_tagging": "a=b",
    "x_amz_bypass_governance_retention": "true",
    "x_amz_expected_bucket_owner": "000000000000",
    "x_amz_trailer": "x-amz-checksum-crc32",
    "x_amz_decoded_content_length": "1",
}


def wrong(signer: Signer, request: Request, way: str, mode: str) -> Iterator[Wrong]:
    """Every way to get a signature wrong."""
    query = way == "query"

    def made(by: Signer = signer, send: Request = request, **options: object) -> Request:
        return in_mode(by, send, mode, query=query, **options)  # type: ignore[arg-type]

    key = signer.key
    yield Wrong(
        "another secret", made(replace(signer, key=Secret(key.access_key_id, "x"))), *MISMATCH
    )
    yield Wrong(
        "an empty secret", made(replace(signer, key=Secret(key.access_key_id, ""))), *MISMATCH
    )
    yield Wrong(
        "an unknown key",
        made(replace(signer, key=Secret("NOBODY", "x"))),
        403,
        ("InvalidAccessKeyId",),
    )
    yield Wrong("another path", made(as_if=replace(request, path=request.path + "x")), *MISMATCH)
    yield Wrong(
        "another query", made(as_if=replace(request, query=request.query + "&a=1")), *MISMATCH
    )
    other = "GET" if request.method != "GET" else "DELETE"
    yield Wrong("another method", made(as_if=replace(request, method=other)), *MISMATCH)
    signed = request.with_headers(x_amz_user_agent="one")
    yield Wrong(
        "another signed header",
        made(send=signed, as_if=request.with_headers(x_amz_user_agent="two")),
        *MISMATCH,
    )
    yield Wrong(
        "another host", made(as_if=request.with_headers(Host="s3.amazonaws.com")), *MISMATCH
    )
    yield Wrong("no host in the signature", made(omit=("host",)), *DENIED)
    yield Wrong(
        "an x-amz header left unsigned", made(send=signed, omit=("x-amz-user-agent",)), *DENIED
    )
    right = made()
    for name, value in UNSIGNED_HEADERS.items():
        header = name.replace("_", "-")
        if header not in {sent.lower() for sent in right.headers}:
            yield Wrong(f"{header} added", altered(right, **{name: value}), *DENIED)
    yield Wrong(
        "a session token added", altered(right, x_amz_security_token="t"), 400, ("InvalidToken",)
    )
    yield Wrong("a signed session token", made(replace(signer, token="t")), 400, ("InvalidToken",))
    for another in MODES:
        if another == mode or mode == LITERAL == another:
            continue
        value = "0" * 64 if another == LITERAL else another
        refused = (
            DENIED
            if query
            and mode == UNSIGNED
            and "x-amz-content-sha256" not in {sent.lower() for sent in right.headers}
            else MISMATCH
        )
        yield Wrong(
            f"the mode changed to {another}", altered(right, x_amz_content_sha256=value), *refused
        )
    yield from _times(signer, made, query)
    both = in_mode(signer, request, mode).headers["Authorization"]
    if query:
        yield Wrong("signed twice", altered(right, authorization=both), 400, ("InvalidArgument",))
    else:
        added = in_mode(signer, request, mode, query=True).query
        yield Wrong("signed twice", replace(right, query=added), 400, ("InvalidArgument",))
        yield Wrong(
            "no signature",
            altered(
                right, authorization=right.headers["Authorization"].partition(", Signature")[0]
            ),
            400,
            ("AuthorizationHeaderMalformed",),
        )
        yield Wrong("half a signature", altered(right, authorization=both[:-32]), *MISMATCH)
    yield Wrong(
        "another region",
        made(replace(signer, region="eu-west-1")),
        400,
        ("AuthorizationHeaderMalformed", "AuthorizationQueryParametersError"),
    )
    yield Wrong(
        "another service",
        made(replace(signer, service="ec2")),
        400,
        ("AuthorizationHeaderMalformed", "AuthorizationQueryParametersError"),
    )
    yield from _bodies(made, request, right, mode)


def _times(signer: Signer, made: object, query: bool) -> Iterator[Wrong]:
    assert callable(made)
    skewed = DENIED if query else (403, ("RequestTimeTooSkewed",))
    yield Wrong("16 minutes ahead", made(replace(signer, offset_s=16 * 60)), *skewed)
    late = -16 * 60 if not query else -3600
    yield Wrong("too late", made(replace(signer, offset_s=late)), *skewed)


def _bodies(made: object, request: Request, right: Request, mode: str) -> Iterator[Wrong]:
    """What may be wrong with a body that was signed."""
    assert callable(made)
    if not request.body:
        return
    if mode == LITERAL:
        other = bytes([right.body[0] ^ 1]) + right.body[1:]
        yield Wrong("another body", replace(right, body=other), 400, ("XAmzContentSHA256Mismatch",))
    if mode in (SIGNED_CHUNKS, SIGNED_TRAILER):
        for bad in ("chunk", "chunk-signature", "last"):
            yield Wrong(f"a bad {bad}", made(bad=bad), *MISMATCH)
        yield Wrong(
            "chunks of another request",
            replace(right, body=made(send=request.with_headers(x_amz_user_agent="o")).body),
            *MISMATCH,
        )
        unsigned = in_mode(Signer(Secret("", ""), ""), request, UNSIGNED_TRAILER).body
        yield Wrong("unsigned chunks", replace(right, body=unsigned), 400, ("IncompleteBody",))
        yield Wrong("no framing", replace(right, body=request.body), 400, ("IncompleteBody",))
    if mode == SIGNED_TRAILER:
        yield Wrong("a bad trailer", made(bad="trailer"), *MISMATCH)
        yield Wrong("a bad trailer signature", made(bad="trailer-signature"), *MISMATCH)
    if mode == UNSIGNED_TRAILER:
        yield Wrong("a bad trailer", made(bad="trailer"), 400, ("BadDigest",))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_cell(
    name: str, way: str, mode: str, world: World, request: pytest.FixtureRequest
) -> None:
    """All that is wrong is refused and changes nothing; what is right succeeds."""
    client = world.alice
    buckets: tuple[str, ...] = ()
    if name in READ_ONLY:
        recipe = GOOD[name]
        right = world.request(*recipe[:5])
    else:
        own = request.getfixturevalue("own")
        buckets = (own, f"{own}-new")
        right = prepared(name, client, own)
    before = client.snapshot(*buckets)
    for spoiled in wrong(client.signer, right, way, mode):
        reply = client.send(spoiled.request)
        assert reply.status == spoiled.status, (spoiled.why, reply)
        if reply.body:
            assert reply.code in spoiled.codes, (spoiled.why, reply)
    assert client.snapshot(*buckets) == before
    reply = client.send(in_mode(client.signer, right, mode, query=way == "query"))
    if name in KEYLESS:
        assert (reply.status, reply.code) == (400, "InvalidRequest")
        return
    if name in UNCONFIGURED and name.startswith("Get") and reply.status == 404:
        assert reply.code in ("NoSuchConfiguration", "ReplicationConfigurationNotFoundError")
        return
    assert reply.status in (200, 204), (reply, right)
    if name in READ_ONLY:
        return
    assert client.snapshot(*buckets) != before
    if name == "CreateBucket":
        client.do("DELETE", right.path)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", sorted(GOOD))
def test_an_unknown_mode_is_refused_even_when_it_is_signed_well(
    name: str, way: str, world: World
) -> None:
    client = world.alice
    request = world.request(*GOOD[name][:5])
    before = world.snapshot()
    for mode in (
        "STREAMING-UNSIGNED-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA512-PAYLOAD",
        "",
        "UNSIGNED",
        "unsigned-payload",
        "0" * 63,
        "g" * 64,
        UNSIGNED + " ",
    ):
        make = client.signer.presign if way == "query" else client.signer.sign
        reply = client.send(make(request, mode).request)
        assert reply.status in (400, 403), (mode, reply)
        assert reply.code in ("", "InvalidArgument", "SignatureDoesNotMatch")
    for mode in (
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
    ):
        make = client.signer.presign if way == "query" else client.signer.sign
        assert client.send(make(request, mode).request).status == 501
    assert world.snapshot() == before


def test_every_mode_is_legal_for_every_body() -> None:
    """The matrix has all modes that this version of the protocol knows."""
    assert {LITERAL, UNSIGNED, *STREAMING} == set(MODES)
