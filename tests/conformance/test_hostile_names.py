"""Hostile names: keys, buckets, copy sources and upload ids that climb, inject or forge.

Class "traversal and cross-bucket" (SeaweedFS CVE-2026-54917, CVE-2026-55874; RustFS
CVE-2025-68705; MinIO CVE-2022-35919), class "header injection, XSS, SQL" (Swift CVE-2014-0006,
Ceph CVE-2020-10753), class "log injection".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from tests.conformance.error_cases import GOOD
from tests.conformance.raw import Request, Wire
from tests.conformance.world import OBJECT, World, altered, build_world, logged, unharmed
from tests.processes import Key, ServerProcess

LARGE = b"a file of its own " * 400
SAFE_NAME = re.compile(r"[A-Za-z0-9._-]{0,80}~[0-9a-f]{32}")


@pytest.fixture(scope="module", autouse=True)
def _nothing_breaks(server: ServerProcess) -> Iterator[None]:
    yield from unharmed(server)


@pytest.fixture(scope="module")
def world(server: ServerProcess, alice: Key, bob: Key) -> World:
    return build_world(server, alice, bob)


KEYS = [
    "..", "../x", "../../../../etc/passwd", "a/../b", "a/./b", ".", "./", "/", "//",
    "///etc/passwd", "/etc/passwd", "a//b", "a/", "a/..",
    "..\\..\\windows", "C:\\x", "\\\\host\\share",
    "%2e%2e/%2e%2e", "%252e%252e%252f", "_z4meta/meta.db", "../_z4meta/meta.db", "_z4/metrics",
    "x\0y", "\0", "a\nb", "a\r\nX-Evil: 1", "\x1b[2J", "\x7f", "\u202e\u2066", "~", "~" * 40, "-rf",
    "$(reboot)", "`reboot`", "; rm -rf /", "| cat", "'; DROP TABLE heads; --", '" OR "1"="1',
    "<script>alert(1)</script>", "&amp;&lt;", "{0.__class__}", "%s%n", "${jndi:ldap://a}",
    "nul", "con.txt", ".htaccess", "a.", "a ", " a", "?", "?versionId=1", "#", "a=b&c=d", "+", "%",
    "%zz", "\u00e9", "e\u0301", "\U0001f600", "\ufeff", "\ufffd", "x" * 1024, "\u00e9" * 512,
    "/".join("d" * 512), "a/" * 512,
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=lambda key: quote(key[:40], safe=""))
@pytest.mark.parametrize("body", [b"inline", LARGE], ids=["inline", "file"])
def test_a_key_is_a_name_and_nothing_else(body: bytes, key: str, world: World) -> None:
    """It is stored, listed and found to the letter, and no file lies where the key says."""
    client = world.alice
    bucket = world.names["bucket"]
    raw = quote(key, safe="")
    path = f"/{bucket}/{raw}"
    outside = set(world.server.data.parent.rglob("*"))
    client.do("PUT", path, body=body)
    assert client.do("GET", path).body == body
    listed = client.do("GET", f"/{bucket}", f"list-type=2&encoding-type=url&prefix={raw}")
    assert key in [unquote(found) for found in listed.fields("Key")]
    grown = {found for found in world.server.data.parent.rglob("*") if found not in outside}
    for found in grown:
        assert found.resolve() == found.absolute()
        assert found.is_relative_to(world.server.data)
        parts = found.relative_to(world.server.data).parts
        if parts[0] != "_z4meta" and found.is_file():
            assert parts[0] == bucket
            assert re.fullmatch("[0-9a-f]{2}/[0-9a-f]{2}", "/".join(parts[1:-1]))
            assert SAFE_NAME.fullmatch(parts[-1])
    client.do("DELETE", path)
    assert client.ask("HEAD", path).status == 404


def test_a_raw_path_is_not_normalised(world: World) -> None:
    """``..`` and ``//`` as they stand in a request's target are parts of the key."""
    bucket = world.names["bucket"]
    for raw in ("../b", "a/../../x", "./.", "/x", "..%2f..", "a%2Fb/../c"):
        world.alice.do("PUT", f"/{bucket}/{raw}", body=raw.encode())
        assert world.alice.do("GET", f"/{bucket}/{raw}").body == raw.encode()
        whole = quote(unquote(raw), safe="")
        assert world.alice.do("GET", f"/{bucket}/{whole}").body == raw.encode()
        world.alice.do("DELETE", f"/{bucket}/{raw}")


@pytest.mark.parametrize("raw", [
    "%c0%ae%c0%ae/", "%c0%af", "%e0%80%af", "%f0%80%80%af", "%ed%a0%80", "%ff", "%fe%ff", "%80",
    "%f4%90%80%80", "%", "%2", "%zz", "%u002e",
])  # fmt: skip
def test_overlong_and_broken_encodings_are_refused(raw: str, world: World) -> None:
    """No second spelling of ``.`` or ``/``."""
    reply = world.alice.ask("PUT", f"/{world.names['bucket']}/a{raw}", body=b"x")
    assert (reply.status, reply.code) == (400, "InvalidURI")


def test_a_target_of_raw_utf_8_is_the_key_it_spells(world: World) -> None:
    """Bytes above ASCII in a target are not legal; they are refused, or mean what they encode."""
    path = f"/{world.names['bucket']}/\u00e9"
    request = world.alice.signer.sign(Request("PUT", quote(path), body=b"x")).request.wire()
    with Wire(world.server.port) as wire:
        reply = wire.ask(request.replace(b"%C3%A9", "\u00e9".encode()))
        assert reply.status in (200, 400)
        if reply.status == 200:
            assert world.alice.do("GET", quote(path)).body == b"x"


@pytest.mark.parametrize("name", [
    "_z4meta", "_z4", "..", ".", "%2e%2e", "%2e", "...", "....", "a..b", "a%2f..%2fb", "a%5c..%5cb",
    "%00abc", "abc%00", "abc%0a", "~root", "-abc", "%c0%ae%c0%ae", "ABC", "a_b",
])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE"])
def test_no_bucket_has_a_name_that_is_a_path(method: str, name: str, world: World) -> None:
    """The meta directory above all: on the path and as a virtual host."""
    before = sorted(world.server.data.iterdir())
    for path in (f"/{name}", f"/{name}/meta.db", f"/{name}/"):
        reply = world.alice.ask(method, path)
        assert reply.status in (400, 403)
        assert reply.code in ("", "InvalidBucketName", "InvalidURI", "AccessDenied")
    assert sorted(world.server.data.iterdir()) == before


@pytest.mark.parametrize("host", [
    "_z4meta.s3.local", "..s3.local", "...s3.local", "a..b.s3.local", "a_b.s3.local",
    "%2e%2e.s3.local", "_z4.s3.local",
])  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/meta.db", "/control.key"])
def test_no_virtual_host_is_a_path(path: str, host: str, world: World) -> None:
    reply = world.alice.ask("GET", path, Host=host)
    assert reply.status in (400, 403, 404)
    assert b"SQLite" not in reply.body


@pytest.mark.parametrize("path", [
    "/_z4/", "/_z4", "/_z4//", "/_z4/x", "/_z4/health", "/_z4/health/", "/_z4/../x", "/_z4/admin",
    "/_z4/health/../metrics/..", "/_z4meta", "/_z4meta/meta.db", "/_z4meta/control.key",
    "/%5fz4/metrics", "/%5Fz4meta/meta.db", "//_z4/metrics", "/./_z4/metrics", "/_Z4/metrics",
    "/_zs3/bucket_delete", "/debug/pprof/", "/minio/bootstrap/v1/verify", "/minio/admin/v3/info",
    "/minio/health/x", "/rustfs/rpc/", "/.well-known/x",
])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_nothing_internal_answers(method: str, path: str, world: World) -> None:
    """Class "unauthenticated internal or debug endpoint" (MinIO CVE-2023-28432, CVE-2020-11012;
    SeaweedFS CVE-2026-72920; RustFS CVE-2026-40937)."""
    with Wire(world.server.port) as wire:
        reply = wire.ask(Request(method, path, headers={"Host": world.alice.host}))
        assert 400 <= reply.status < 500
        assert b"z4_requests" not in reply.body
        signed = wire.ask(world.alice.signer.sign(Request(method, path)).request)
        assert 400 <= signed.status < 500
        assert b"SQLite" not in signed.body


def test_the_metrics_name_no_keys_buckets_or_secrets(world: World) -> None:
    with Wire(world.server.port) as wire:
        text = wire.ask(Request("GET", "/_z4/metrics", headers={"Host": "x"})).body.decode()
    for person in (world.alice, world.bob, world.carol):
        assert person.key.access_key_id not in text
        assert person.key.secret_access_key not in text
    assert world.names["bucket"] not in text


def test_reserved_paths_take_no_writes(world: World) -> None:
    for path in ("/_z4/health/live", "/_z4/metrics", "/minio/health/live"):
        for method in ("PUT", "POST", "DELETE"):
            reply = world.alice.ask(method, path, body=b"x")
            assert 400 <= reply.status < 500, (method, path)


SOURCES = [
    "/{bucket}/../{foreign}/object", "{bucket}/..%2F{foreign}%2Fobject",
    "/{bucket}/%2e%2e/{foreign}/object", "/{bucket}%2F..%2F{foreign}%2Fobject",
    "//{foreign}/object", "/../{foreign}/object", "/{foreign}/object", "{foreign}/object",
    "/{foreign}%2Fobject", "/{foreign}/object?versionId=null",
    "/{bucket}/object?versionId=null/../../{foreign}/object", "/_z4meta/meta.db",
    "_z4meta/control.key", "/../_z4meta/meta.db", "/{bucket}/../../_z4meta/meta.db",
    "file:///etc/passwd", "/etc/passwd", "http://127.0.0.1/{foreign}/object",
    "arn:aws:s3:::{foreign}/object", "/", "//", "?", "?versionId=", "/{bucket}", "/{bucket}/", "%",
    "/%00/x", "/{bucket}/%ff", "{foreign}\\object", "/{bucket}\t/object",
]  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", ["CopyObject", "UploadPartCopy"])
def test_a_copy_source_does_not_climb(name: str, source: str, world: World) -> None:
    """Nothing of another account's bucket or of the node's own files is copied."""
    recipe = GOOD[name].plus(x_amz_copy_source=source)
    request = world.request(*recipe[:5])
    before = world.snapshot()
    reply = world.alice.send(world.alice.signer.sign(request).request)
    assert reply.status in (400, 403, 404), reply
    assert world.snapshot() == before


UPLOAD_IDS = [
    "../../../etc/passwd", "%00", "a%00b", "'%20OR%201=1--", "..", "%2e%2e%2f", "0", "-1", "null",
    "{upload}%00", "{upload}/", "{upload}%20", "{upload}{upload}", "%ff", "%c0%ae", "%c3%a9",
    "x" * 3000, "<x>", "%0d%0aX:1",
]  # fmt: skip


@pytest.mark.parametrize("upload", UPLOAD_IDS, ids=lambda text: text[:20])
@pytest.mark.parametrize(
    "name",
    [
        "AbortMultipartUpload",
        "CompleteMultipartUpload",
        "ListParts",
        "UploadPart",
        "UploadPartCopy",
    ],
)
def test_a_rubbish_upload_id_is_no_upload(name: str, upload: str, world: World) -> None:
    recipe = GOOD[name]
    query = recipe.query.replace("{upload}", upload)
    before = world.snapshot()
    reply = world.alice.send(
        world.alice.signer.sign(world.request(*recipe._replace(query=query)[:5])).request
    )
    assert (reply.status, reply.code) in ((404, "NoSuchUpload"), (400, "InvalidURI")), reply
    assert world.snapshot() == before


@pytest.mark.parametrize("text", ["%", "_", "' OR 1=1 --", '"', "\\", "a%b_c", "\0", "\U0010ffff"])
def test_a_prefix_is_no_pattern(text: str, world: World) -> None:
    """Class "SQL": neither wildcards nor quotes mean anything in a listing's parameters."""
    bucket = f"/{world.names['bucket']}"
    raw = quote(text, safe="")
    for query in (
        f"prefix={raw}",
        f"list-type=2&start-after={raw}&prefix={raw}",
        f"versions&prefix={raw}&key-marker={raw}",
        f"uploads&prefix={raw}",
    ):
        reply = world.alice.do("GET", bucket, f"{query}&encoding-type=url")
        assert reply.fields("Contents") == reply.fields("Version") == reply.fields("Upload") == []
        delimited = world.alice.do("GET", bucket, f"{query}&delimiter={raw}&encoding-type=url")
        assert delimited.fields("CommonPrefixes") == []


@pytest.mark.parametrize("key", ["<script>", "]]><x>", "&entity;", '"', "'", "</Key><Key>x"])
def test_a_key_stays_text_in_documents(key: str, world: World) -> None:
    """Class "XSS" (Swift CVE-2014-0006, Ceph CVE-2020-10753): listings and errors escape it."""
    bucket = f"/{world.names['bucket']}"
    path = f"{bucket}/{quote(key, safe='')}"
    world.alice.do("PUT", path, body=b"x")
    for query in ("", "list-type=2", "versions"):
        assert key in world.alice.do("GET", bucket, query).fields("Key")
    world.alice.do("DELETE", path)
    missing = world.alice.ask("GET", path)
    assert (missing.code, missing.field("Key")) == ("NoSuchKey", key)
    assert missing.headers["content-type"] == "application/xml"


@pytest.mark.parametrize("value", [
    "%0d%0aX-Evil:%201", "\\r\\nX-Evil: 1", "=?UTF-8?Q?=0D=0AX-Evil:1?=", "\u00e9\u0085", "a,b",
    "x" * 2000,
])  # fmt: skip
def test_metadata_comes_back_as_one_header(value: str, world: World) -> None:
    """Class "header injection": encoded line breaks stay encoded."""
    path = f"/{world.names['bucket']}/meta"
    world.alice.do("PUT", path, body=b"x", x_amz_meta_a=value)
    for method in ("GET", "HEAD"):
        reply = world.alice.do(method, path)
        assert "x-evil" not in reply.headers
        assert reply.headers["x-amz-meta-a"] == value or not value.isascii()
    world.alice.do("DELETE", path)


@pytest.mark.parametrize("parameter", [
    "response-content-type", "response-content-disposition", "response-cache-control",
    "response-expires", "response-content-language", "response-content-encoding",
])  # fmt: skip
@pytest.mark.parametrize(
    "value", ["%0d%0aX-Evil:1", "%0aX-Evil:1", "%0d", "%00", "a%0d%0a%0d%0a<x>"]
)
def test_response_overrides_do_not_inject_headers(value: str, parameter: str, world: World) -> None:
    path = f"/{world.names['bucket']}/object"
    reply = world.alice.ask("GET", path, f"{parameter}={value}")
    assert (reply.status, reply.code) == (400, "InvalidArgument")
    assert "x-evil" not in reply.headers


@pytest.mark.parametrize("parameter", [
    "x-amz-meta-a=b%0d%0aX-Evil:1", "x-amz-meta-a=%00", "x-amz-meta-%0d%0aX-Evil=1",
    "x-amz-meta-a%3a=1", "x-amz-website-redirect-location=/%0d%0aX-Evil:1",
])  # fmt: skip
def test_headers_in_the_query_cannot_be_what_headers_cannot(parameter: str, world: World) -> None:
    """A stored line break would break every later answer."""
    path = f"/{world.names['bucket']}/unstored"
    reply = world.alice.ask("PUT", path, parameter, b"x")
    assert (reply.status, reply.code) == (400, "InvalidArgument")
    assert world.alice.ask("HEAD", path).status == 404


def test_the_access_log_has_one_line_for_a_request_whatever_it_holds(world: World) -> None:
    """Class "log injection": a key with line breaks, an escape sequence and a forged record."""
    forged = 'oneline\n{"status":200,"key":"forged"}\r\n\x1b[2J\u2028\u0085end'
    path = f"/{world.names['bucket']}/{quote(forged, safe='')}"
    world.alice.do("PUT", path, body=b"x", User_Agent='oneline\u00e9"},{"x":"\u00ff')
    lines = logged(world.server, "oneline")
    assert [line["key"] for line in lines if line["method"] == "PUT"] == [forged]
    raw = (world.server.data / "_z4meta" / "log" / "access.jsonl").read_bytes()
    assert raw.isascii()
    assert b"\x1b" not in raw
    for line in raw.split(b"\n")[:-1]:
        assert json.loads(line).get("key") != "forged"


def test_the_access_log_has_no_secrets(world: World) -> None:
    """Nor signatures, nor the queries of presigned URLs, which are as good as passwords."""
    client = world.alice
    presigned = client.signer.presign(Request("GET", f"/{world.names['bucket']}/object"))
    assert client.send(presigned.request).body == OBJECT
    client.ask("GET", f"/{world.names['bucket']}/nosecrets")
    assert logged(world.server, "nosecrets")
    raw = (world.server.data / "_z4meta" / "log" / "access.jsonl").read_text()
    assert presigned.signature not in raw
    assert "X-Amz-Signature" not in raw
    for person in (world.alice, world.bob, world.carol):
        assert person.key.secret_access_key not in raw
    assert client.key.secret_access_key not in world.server.log.read_text()


def test_no_secret_lies_readable_in_the_data_directory(world: World) -> None:
    """Class "derived or stored secrets": the database, its WAL, logs and node files."""
    secrets = [
        person.key.secret_access_key.encode() for person in (world.alice, world.bob, world.carol)
    ]
    for path in world.server.data.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not any(secret in data for secret in secrets), path
    meta = world.server.data / "_z4meta"
    assert _mode(meta / "control.key") == 0o600


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_an_error_tells_no_secret_and_no_right_signature(world: World) -> None:
    client = world.alice
    right = client.signer.sign(Request("GET", f"/{world.names['bucket']}/object"))
    authorization = right.request.headers["Authorization"]
    wrong = altered(
        right.request, authorization=authorization[:-1] + ("0" if authorization[-1] != "0" else "1")
    )
    reply = client.send(wrong)
    assert reply.code == "SignatureDoesNotMatch"
    assert right.signature.encode() not in reply.body
    assert client.key.secret_access_key.encode() not in reply.body
    assert reply.field("StringToSign").startswith("AWS4-HMAC-SHA256\n")
    assert reply.field("CanonicalRequest").startswith(f"GET\n/{world.names['bucket']}/object\n")
