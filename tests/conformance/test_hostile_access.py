"""Hostile callers: what a request is told before it is known whose it is, and what it may claim.

One class of known flaws each; the ids are of servers that had them.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.conformance.error_cases import GOOD
from tests.conformance.raw import UNSIGNED, Request, Secret, Signer, Wire
from tests.conformance.world import (
    OBJECT,
    Client,
    World,
    altered,
    build_world,
    logged,
    new_key,
    unharmed,
)
from tests.processes import Key, ServerProcess, z4


@pytest.fixture(scope="module", autouse=True)
def _nothing_breaks(server: ServerProcess) -> Iterator[None]:
    yield from unharmed(server)


@pytest.fixture(scope="module")
def world(server: ServerProcess, alice: Key, bob: Key) -> World:
    return build_world(server, alice, bob)


@pytest.fixture(scope="module")
def reader(world: World) -> Client:
    """A key that may read alice's bucket and nothing else."""
    key = new_key(world.server, "reader", "--no-create-bucket")
    z4(
        "bucket",
        "allow",
        world.names["bucket"],
        "--key",
        key.name,
        "--read",
        "--data",
        str(world.server.data),
    )
    return Client(world.server.port, key)


def anonymous(world: World, method: str, path: str, query: str = "", **headers: str) -> Request:
    return Request(method, path, query, {"Host": world.alice.host}).with_headers(**headers)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_the_anonymous_are_told_nothing(name: str, world: World) -> None:
    """Class "information before authorization" (MinIO CVE-2024-36107, CVE-2026-33419): the same
    answer for what is there and what is not, with every condition."""
    recipe = GOOD[name]
    here = world.request(*recipe[:5])
    there = replace(
        here,
        path=here.path.replace(world.names["bucket"], world.names["absent"]).replace(
            "/object", "/nothing"
        ),
    )
    seen = set()
    for request in (here, there):
        for headers in (
            {},
            {"If-None-Match": "*"},
            {"If-Match": '"0"'},
            {"Range": "bytes=99-"},
            {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
            {"x-amz-expected-bucket-owner": "000000000001"},
        ):
            sent = {"Host": world.alice.host, **request.headers, **headers}
            reply = world.alice.send(replace(request, headers=sent))
            seen.add((reply.status, reply.code, frozenset(reply.headers) - {"content-length"}))
    assert len(seen) == 1
    status, code, _ = seen.pop()
    assert (status, code or "AccessDenied") == (403, "AccessDenied")


@pytest.mark.parametrize(
    "name",
    [
        "GetObject",
        "HeadObject",
        "GetObjectAttributes",
        "GetObjectTagging",
        "DeleteObject",
        "PutObject",
        "ListParts",
    ],
)
def test_a_stranger_is_not_told_what_is_in_a_bucket(name: str, world: World) -> None:
    """Whoever may not list a bucket gets the same answer for a key that is there and one that is
    not, and no 304, 412 or 416."""
    recipe = GOOD[name]
    here = world.request(*recipe[:5])
    there = replace(here, path=f"/{world.names['bucket']}/nothing")
    seen = set()
    for request in (here, there):
        for headers in ({}, {"If-None-Match": "*"}, {"If-Match": '"0"'}, {"Range": "bytes=99-"}):
            sent = replace(request, headers={**request.headers, **headers})
            reply = world.bob.send(world.bob.signer.sign(sent).request)
            seen.add((reply.status, reply.code))
    assert seen in ({(403, "AccessDenied")}, {(403, "")})


@pytest.mark.parametrize(("access_key", "secret"), [
    ("minioadmin", "minioadmin"), ("admin", "admin"), ("root", "root"), ("test", "test"),
    ("rustfsadmin", "rustfsadmin"), ("z4", "z4"), ("z4admin", "z4admin"), ("GARAGE", ""),
    ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), ("anonymous", ""),
    ("null", "null"), ("*", "*"), ("'--", "x"),
])  # fmt: skip
def test_there_are_no_default_credentials(access_key: str, secret: str, world: World) -> None:
    """Class "hard-coded or default secret" (RustFS CVE-2025-68926, GHSA-j59h-h7q5-q348;
    Ceph CVE-2025-30156)."""
    signer = Signer(Secret(access_key, secret), world.alice.host)
    reply = world.alice.send(signer.sign(Request()).request)
    assert (reply.status, reply.code) == (403, "InvalidAccessKeyId")


NOBODY = [
    "", "Bearer", "Bearer rustfs rpc", "rustfs rpc", "Basic YWRtaW46YWRtaW4=", "Negotiate x",
    "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256 Credential=", "AWS admin:",
    "AWS4-HMAC-SHA256 Credential=//s3/aws4_request, SignedHeaders=, Signature=",
    "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request,SignedHeaders=h,Signature=",
    "Bearer " + base64.urlsafe_b64encode(b'{"alg":"none"}').decode() + ".e30.",
    "AWS4-ECDSA-P256-SHA256 Credential=a/20260101/s3/aws4_request, SignedHeaders=host, Signature=0",
]  # fmt: skip


@pytest.mark.parametrize("authorization", NOBODY)
def test_other_authorizations_are_nobodys(authorization: str, world: World) -> None:
    """Class "token confusion" (Ceph CVE-2024-48916; MinIO CVE-2026-33322): there are no bearer
    tokens, so none is good, and an unknown kind is not taken for no authorization."""
    request = anonymous(
        world, "GET", f"/{world.names['bucket']}/object", Authorization=authorization
    )
    reply = world.alice.send(request)
    assert reply.status in (400, 403, 501)
    assert OBJECT not in reply.body


INTERNAL = {
    "X-Minio-Source-Proxy-Request": "true", "X-Minio-Replication-Server-Side-Encryption-Iv": "x",
    "X-Minio-Internal-Actual-Size": "1", "X-Z4-Forwarded": "1", "X-Z4-Peer": "node1",
    "X-Forwarded-User": "admin", "X-Remote-User": "admin", "X-Original-Uri": "/",
    "X-Rewrite-Url": "/", "X-Amz-Request-Id": "1", "X-Backend-Allow-Private-Methods": "true",
    "X-Auth-Token": "AUTH_tk", "Forwarded": "for=1.2.3.4", "X-Real-Ip": "1.2.3.4",
}  # fmt: skip


@pytest.mark.parametrize("name", INTERNAL)
def test_headers_of_proxies_and_peers_open_nothing(name: str, world: World) -> None:
    """Class "client-set internal headers, trusted proxy" (MinIO CVE-2026-34204; Swift
    CVE-2026-50221; RustFS CVE-2026-21862)."""
    path = f"/{world.names['bucket']}/object"
    request = anonymous(world, "GET", path, **{name: INTERNAL[name]})
    assert world.alice.send(request).status in (400, 403)


def test_the_log_names_the_real_peer(world: World) -> None:
    world.alice.ask(
        "GET",
        f"/{world.names['bucket']}/realpeer",
        X_Forwarded_For="203.0.113.7",
        X_Real_Ip="203.0.113.8",
        Forwarded="for=203.0.113.9",
    )
    lines = logged(world.server, "realpeer")
    assert [line["remote"] for line in lines] == ["127.0.0.1"]
    assert not logged_now(world, "203.0.113")


def logged_now(world: World, mark: str) -> bool:
    return mark in (world.server.data / "_z4meta" / "log" / "access.jsonl").read_text()


def test_a_presigned_url_is_good_for_its_method_only(world: World) -> None:
    """Class "reuse of a presigned URL"."""
    path = f"/{world.names['bucket']}/object"
    url = world.alice.signer.presign(Request("GET", path)).request
    assert world.alice.send(url).body == OBJECT
    for method in ("PUT", "DELETE", "HEAD", "POST"):
        reply = world.alice.send(replace(url, method=method))
        assert reply.status in (403, 405)
    for query in (
        url.query + "&versionId=null",
        url.query + "&acl",
        "tagging&" + url.query,
        url.query.replace("X-Amz-Expires=300", "X-Amz-Expires=3000"),
        url.query + "&X-Amz-Expires=3000",
        url.query + "&X-Amz-Signature=0",
        url.query + "&x-amz-acl=private",
    ):
        assert world.alice.send(replace(url, query=query)).status in (400, 403)
    assert world.alice.do("GET", path).body == OBJECT


def test_a_signature_of_one_host_is_not_good_for_another(world: World) -> None:
    """A bucket of the virtual host is not to be swapped for another one."""
    signed = world.alice.signer.sign(
        Request("GET", "/object", headers={"Host": f"{world.names['bucket']}.s3.local"})
    ).request
    assert world.alice.send(signed).body == OBJECT
    moved = altered(signed, host=f"{world.names['versioned']}.s3.local")
    assert world.alice.send(moved).code == "SignatureDoesNotMatch"


def test_unsigned_headers_do_not_change_what_is_done(world: World) -> None:
    """Class "unsigned x-amz-* honoured" (Ceph CVE-2026-54330; Swift CVE-2026-71191): neither a
    copy source nor a payload mode can be slipped into a signed PUT."""
    path = f"/{world.names['bucket']}/slipped"
    signed = world.alice.signer.sign(Request("PUT", path, body=b"meant")).request
    for headers in (
        {"x_amz_copy_source": f"/{world.names['bucket']}/object"},
        {"x_amz_content_sha256": UNSIGNED},
        {"x_amz_tagging": "a=b"},
        {"x_amz_acl": "public-read"},
        {"x_amz_meta_a": "b"},
        {"x_amz_website_redirect_location": "http://evil"},
    ):
        assert world.alice.send(altered(signed, **headers)).status == 403
    url = world.alice.signer.presign(Request("PUT", path)).request
    for headers in (
        {"x_amz_copy_source": f"/{world.names['bucket']}/object"},
        {"x_amz_content_sha256": UNSIGNED},
        {"x_amz_meta_a": "b"},
    ):
        assert world.alice.send(altered(url, **headers)).status == 403
    assert world.alice.ask("HEAD", path).status == 404


def test_the_right_to_read_is_the_right_to_read(world: World, reader: Client) -> None:
    """Class "policy not enforced" (MinIO CVE-2022-24842, CVE-2024-55949; RustFS CVE-2026-39360,
    CVE-2026-22043): on versions, copies, tags, uploads and settings alike."""
    names = world.names
    bucket = f"/{names['bucket']}"
    before = world.snapshot()
    assert reader.do("GET", f"{bucket}/object").body == OBJECT
    assert reader.ask("GET", bucket, "list-type=2").status == 200
    refused = {
        ("PUT", f"{bucket}/object", ""),
        ("DELETE", f"{bucket}/object", ""),
        ("DELETE", f"{bucket}/object", "versionId=null"),
        ("PUT", f"{bucket}/object", "tagging"),
        ("DELETE", f"{bucket}/object", "tagging"),
        ("POST", f"{bucket}/new", "uploads"),
        ("PUT", f"{bucket}/parts", f"partNumber=1&uploadId={names['upload']}"),
        ("POST", f"{bucket}/parts", f"uploadId={names['upload']}"),
        ("DELETE", f"{bucket}/parts", f"uploadId={names['upload']}"),
        ("PUT", bucket, "versioning"),
        ("PUT", bucket, "tagging"),
        ("DELETE", bucket, "tagging"),
        ("DELETE", bucket, ""),
        ("PUT", f"/{names['absent']}", ""),
        ("GET", f"/{names['versioned']}/object", ""),
        ("GET", f"/{names['foreign']}/object", ""),
        ("GET", f"/{names['versioned']}", "versions"),
        ("HEAD", f"/{names['versioned']}", ""),
    }
    for method, path, query in sorted(refused):
        assert reader.ask(method, path, query, b"x").status == 403, (method, path, query)
    part = f"partNumber=1&uploadId={names['upload']}"
    for path, query in ((f"{bucket}/copy", ""), (f"{bucket}/parts", part)):
        for source in (f"{bucket}/object", f"/{names['foreign']}/object"):
            assert reader.ask("PUT", path, query, x_amz_copy_source=source).status == 403
    document = "<Delete><Object><Key>object</Key></Object></Delete>"
    deleted = reader.ask("POST", bucket, "delete", document)
    assert (deleted.status, deleted.fields("Code")) == (200, ["AccessDenied"])
    assert world.snapshot() == before


def test_a_reader_may_not_copy_what_it_may_not_read(world: World) -> None:
    """Carol's own bucket as the target does not open alice's as the source."""
    names = world.names
    for source in (
        f"/{names['bucket']}/object",
        f"/{names['versioned']}/object?versionId=" + names["version"],
        f"/{names['bucket']}/nothing",
    ):
        reply = world.carol.ask("PUT", f"/{names['foreign']}/stolen", x_amz_copy_source=source)
        assert (reply.status, reply.code) == (403, "AccessDenied")


def test_a_form_of_nobody_is_refused(world: World) -> None:
    """Class "POST policy conditions not enforced" (RustFS CVE-2026-27607); ``test_hostile_forms``
    has the rest of it."""
    form = (
        b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nform\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nbody'
        b"\r\n--x--\r\n"
    )
    request = Request(
        "POST",
        f"/{world.names['bucket']}",
        body=form,
        headers={"Host": world.alice.host, "Content-Type": "multipart/form-data; boundary=x"},
    )
    reply = world.alice.send(request)
    assert (reply.status, reply.code) == (403, "AccessDenied")
    assert world.alice.ask("HEAD", f"/{world.names['bucket']}/form").status == 404


def test_a_deleted_key_is_refused_by_both_workers_at_once(world: World) -> None:
    """A cached credential does not outlive its key."""
    key = new_key(world.server, "short-lived")
    clients = [Client(world.server.port, key) for _ in range(8)]
    for client in clients:
        client.do("GET", "/")
    z4("key", "delete", key.name, "--data", str(world.server.data))
    for client in clients:
        reply = client.ask("GET", "/")
        assert (reply.status, reply.code) == (403, "InvalidAccessKeyId")
        client.drop()


def test_a_revoked_grant_ends_at_once(world: World) -> None:
    key = new_key(world.server, "granted", "--no-create-bucket")
    data = ("--data", str(world.server.data))
    client = Client(world.server.port, key)
    path = f"/{world.names['bucket']}/object"
    assert client.ask("GET", path).status == 403
    z4("bucket", "allow", world.names["bucket"], "--key", key.name, "--read", *data)
    assert client.do("GET", path).body == OBJECT
    z4("bucket", "deny", world.names["bucket"], "--key", key.name, *data)
    assert client.ask("GET", path).status == 403


def test_a_refused_request_does_not_open_its_connection(world: World) -> None:
    """Who was somebody in one request is nobody in the next one on the same connection."""
    path = f"/{world.names['bucket']}/object"
    with Wire(world.server.port) as wire:
        assert wire.ask(world.alice.signer.sign(Request("GET", path)).request).body == OBJECT
        assert wire.ask(anonymous(world, "GET", path)).status == 403
        assert wire.ask(world.bob.signer.sign(Request("GET", path)).request).status == 403
