"""A small world on a running server: buckets, objects, versions and uploads to do wrong with."""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.conformance.raw import (
    Closed,
    Reply,
    Request,
    Secret,
    Signer,
    Wire,
    crc32_base64,
)
from tests.processes import Key, ServerProcess, make_key

OBJECT = b"0123456789"
PART = b"a part of ten bytes and more"
TAGS = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>"
LIFECYCLE = (
    "<LifecycleConfiguration><Rule><ID>old</ID><Filter/><Status>Enabled</Status>"
    "<Expiration><Days>3650</Days></Expiration></Rule></LifecycleConfiguration>"
)
POLICY = (
    '{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": {"AWS": "000000000001"}'
    ', "Action": "s3:GetObject", "Resource": "arn:aws:s3:::{bucket}/secret/*"}}'
)
BLOCK = (
    "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>"
    "</PublicAccessBlockConfiguration>"
)
OWNERSHIP = (
    "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerPreferred</ObjectOwnership></Rule>"
    "</OwnershipControls>"
)
RETENTION = (
    "<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>2999-01-01T00:00:00Z</RetainUntilDate>"
    "</Retention>"
)
HOLD = "<LegalHold><Status>ON</Status></LegalHold>"
ENABLED = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"

WEBSITE = (
    "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument>"
    "</WebsiteConfiguration>"
)

_numbers = itertools.count()


def cors(method: str, origin: str = "http://a", more: str = "") -> str:
    """The document of PutBucketCors with one rule."""
    return (
        f"<CORSConfiguration><CORSRule><AllowedOrigin>{origin}</AllowedOrigin><AllowedMethod>"
        f"{method}</AllowedMethod>{more}</CORSRule></CORSConfiguration>"
    )


def part_list(*parts: tuple[int, str], more: str = "") -> str:
    """The document of CompleteMultipartUpload; ``more`` goes into each part."""
    items = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>{more}</Part>"
        for number, etag in parts
    )
    return f"<CompleteMultipartUpload>{items}</CompleteMultipartUpload>"


def encryption_rule(method: str = "", key: str = "", more: str = "") -> str:
    """The document of PutBucketEncryption."""
    master = f"<KMSMasterKeyID>{key}</KMSMasterKeyID>" if key else ""
    default = f"<SSEAlgorithm>{method}</SSEAlgorithm>{master}"
    applied = f"<ApplyServerSideEncryptionByDefault>{default}</ApplyServerSideEncryptionByDefault>"
    rule = f"<Rule>{applied if method else ''}{more}</Rule>"
    return f"<ServerSideEncryptionConfiguration>{rule}</ServerSideEncryptionConfiguration>"


def to_kms_key(arn: str) -> str:
    """The document of UpdateObjectEncryption."""
    inner = f"<SSE-KMS><KMSKeyArn>{arn}</KMSKeyArn></SSE-KMS>"
    return f"<ObjectEncryption>{inner}</ObjectEncryption>"


BLOCKING = encryption_rule(
    more="<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes>"
)


@dataclass
class Client:
    """Sends signed requests over one kept connection, and opens another when that is closed."""

    port: int
    key: Key
    _wire: Wire | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def signer(self) -> Signer:
        return Signer(Secret(self.key.access_key_id, self.key.secret_access_key), self.host)

    def send(self, request: Request) -> Reply:
        """Send a request as it is."""
        fresh = self._wire is None
        if self._wire is None:
            self._wire = Wire(self.port)
        try:
            reply = self._wire.ask(request)
        except (Closed, ConnectionError):
            self.drop()
            if fresh:
                raise
            return self.send(request)
        if reply.closes:
            self.drop()
        return reply

    def drop(self) -> None:
        """Close the connection."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def ask(
        self, method: str, path: str, query: str = "", body: bytes | str = b"", **headers: str
    ) -> Reply:
        """Sign a request and send it."""
        data = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(method, path, query, named, data)
        return self.send(self.signer.sign(request).request)

    def do(
        self, method: str, path: str, query: str = "", body: bytes | str = b"", **headers: str
    ) -> Reply:
        """The same for a request that must succeed."""
        reply = self.ask(method, path, query, body, **headers)
        assert reply.status < 300, reply
        return reply

    def snapshot(self, *buckets: str) -> dict[str, Any]:
        """Everything that a client can see of some buckets, and the names of all."""
        seen: dict[str, Any] = {"buckets": self.do("GET", "/").fields("Name")}
        for bucket in buckets:
            seen[bucket] = self._of_bucket(f"/{bucket}")
        return seen

    def _of_bucket(self, path: str) -> dict[str, Any]:
        versions = self.ask("GET", path, "versions")
        if versions.status == 404:
            return {"absent": True}
        seen: dict[str, Any] = {
            "versions": versions.body,
            "versioning": self.do("GET", path, "versioning").body,
            "tags": self.ask("GET", path, "tagging").fields("Key"),
            "cors": self.ask("GET", path, "cors").fields("AllowedMethod"),
            "website": self.ask("GET", path, "website").fields("Suffix"),
            "lifecycle": self.ask("GET", path, "lifecycle").fields("ID"),
            "events": self.do("GET", path, "notification").fields("Event"),
            "logging": self.do("GET", path, "logging").fields("TargetBucket"),
            "policy": self._settled(path, "policy"),
            "block": self._settled(path, "publicAccessBlock"),
            "ownership": self._settled(path, "ownershipControls"),
            "acl": self.do("GET", path, "acl").fields("Permission"),
            "encryption": self.ask("GET", path, "encryption").fields("EncryptionType"),
            "lock": self._settled(path, "object-lock"),
        }
        uploads = self.do("GET", path, "uploads")
        seen["uploads"] = uploads.body
        for key, upload in zip(uploads.fields("Key"), uploads.fields("UploadId"), strict=True):
            seen[upload] = self.do("GET", f"{path}/{key}", f"uploadId={upload}").body
        for key in sorted(set(versions.fields("Key"))):
            if key.isalnum():
                tags = self.ask("GET", f"{path}/{key}", "tagging")
                for what in ("retention", "legal-hold"):
                    seen[what, key] = self.ask("GET", f"{path}/{key}", what).body.partition(
                        b"<RequestId>"
                    )[0]
                seen["tags of", key] = (tags.status, tags.fields("Key"), tags.fields("Value"))
                notes = self.ask("GET", f"{path}/{key}", "annotation")
                seen["annotations of", key] = notes.fields("AnnotationName")
                seen["acl of", key] = self.ask("GET", f"{path}/{key}", "acl").fields("Permission")
        return seen

    def _settled(self, path: str, marker: str) -> bytes:
        reply = self.ask("GET", path, marker)
        return reply.body if reply.status == 200 else b""


@dataclass
class World:
    """``names`` are what the recipes of requests refer to as ``{name}``."""

    server: ServerProcess
    alice: Client
    bob: Client
    carol: Client
    names: dict[str, str] = field(default_factory=dict)

    def filled(self, text: str, **more: str) -> str:
        """A text with the names filled in."""
        for name, value in {**self.names, **more}.items():
            if "{" not in text:
                break
            text = text.replace("{" + name + "}", value)
        return text

    def request(
        self,
        method: str,
        path: str,
        query: str,
        headers: dict[str, str],
        body: bytes | str,
        **more: str,
    ) -> Request:
        """A request with the names filled in."""
        data = self.filled(body, **more).encode() if isinstance(body, str) else body
        filled = {name: self.filled(value, **more) for name, value in headers.items()}
        return Request(method, self.filled(path, **more), self.filled(query, **more), filled, data)

    def client(self, who: str) -> Client:
        """The client of a person."""
        found: Client = getattr(self, who)
        return found

    def snapshot(self) -> tuple[Any, Any]:
        """All that the world's people see."""
        names = self.names
        return (
            self.alice.snapshot(names["bucket"], names["versioned"], names["locked"]),
            self.carol.snapshot(names["foreign"]),
        )


def upload_of(client: Client, path: str, **headers: str) -> str:
    """A new multipart upload's id."""
    return client.do("POST", path, "uploads", **headers).field("UploadId")


def part_of(
    client: Client, path: str, upload: str, number: int, body: bytes = PART, **headers: str
) -> str:
    """Upload a part; its ETag without quotes."""
    query = f"partNumber={number}&uploadId={upload}"
    return client.do("PUT", path, query, body, **headers).headers["etag"].strip('"')


def new_key(server: ServerProcess, name: str, *options: str) -> Key:
    """A key whose name begins as asked, and is new on this server."""
    return make_key(server.data, f"{name}-{next(_numbers)}", *options)


def build_world(server: ServerProcess, alice: Key, bob: Key) -> World:
    """Make it: ``bucket`` (not versioned), ``versioned``, ``locked`` (with object lock) and the
    bucket of another account."""
    number = next(_numbers)
    carol = new_key(server, "carol")
    world = World(server, *(Client(server.port, key) for key in (alice, bob, carol)))
    names = world.names
    for name in (
        "bucket",
        "versioned",
        "locked",
        "enforced",
        "foreign",
        "absent",
        "blocked",
        "uncontrolled",
    ):
        names[name] = f"world-{number}-{name}"
    owner = world.alice
    plain, versioned = f"/{names['bucket']}", f"/{names['versioned']}"
    owner.do("PUT", plain)
    owner.do("PUT", f"{plain}/object", body=OBJECT)
    owner.do("PUT", f"{plain}/object", "annotation&annotationName=note", "text")
    owner.do("PUT", f"{plain}/tagged", body=OBJECT, x_amz_tagging="a=1&b=2")
    owner.do("PUT", f"{plain}/file", body=b"f" * 10_000)
    names["etag"] = hashlib.md5(OBJECT).hexdigest()
    names["other_etag"] = "0" * 32
    upload = names["upload"] = upload_of(owner, f"{plain}/parts")
    names["etag1"] = part_of(owner, f"{plain}/parts", upload, 1)
    names["etag2"] = part_of(owner, f"{plain}/parts", upload, 2)
    names["onobject"] = upload_of(owner, f"{plain}/object")
    part_of(owner, f"{plain}/object", names["onobject"], 1)
    names["composite"] = upload_of(owner, f"{plain}/composite", x_amz_checksum_algorithm="CRC32")
    part_of(
        owner,
        f"{plain}/composite",
        names["composite"],
        1,
        body=b"composite",
        x_amz_checksum_crc32=crc32_base64(b"composite"),
    )
    names["compositeetag"] = hashlib.md5(b"composite").hexdigest()
    done = names["done"] = upload_of(owner, f"{plain}/multi")
    etag = part_of(owner, f"{plain}/multi", done, 1)
    owner.do("POST", f"{plain}/multi", f"uploadId={done}", part_list((1, etag)))
    names["aborted"] = upload_of(owner, f"{plain}/parts")
    owner.do("DELETE", f"{plain}/parts", f"uploadId={names['aborted']}")

    owner.do("PUT", versioned)
    owner.do("PUT", versioned, "versioning", ENABLED)
    owner.do("PUT", versioned, "tagging", TAGS)
    owner.do("PUT", versioned, "cors", cors("GET"))
    owner.do("PUT", versioned, "website", WEBSITE)
    owner.do("PUT", versioned, "lifecycle", LIFECYCLE)
    owner.do("PUT", versioned, "policy", world.filled(POLICY, bucket=names["versioned"]))
    owner.do("PUT", versioned, "publicAccessBlock", BLOCK)
    owner.do("PUT", versioned, "encryption", BLOCKING)
    names["version"] = owner.do("PUT", f"{versioned}/object", body=OBJECT).headers[
        "x-amz-version-id"
    ]
    old = owner.do("PUT", f"{versioned}/object", body=b"old").headers["x-amz-version-id"]
    owner.do("DELETE", f"{versioned}/object", f"versionId={old}")
    names["oldversion"] = old
    owner.do("PUT", f"{versioned}/gone", body=OBJECT)
    names["marker"] = owner.do("DELETE", f"{versioned}/gone").headers["x-amz-version-id"]
    names["owner"] = owner.do("GET", "/").field("ID")
    enforced = f"/{names['enforced']}"
    owner.do("PUT", enforced, x_amz_object_ownership="BucketOwnerEnforced")
    owner.do("PUT", f"{enforced}/object", body=OBJECT)
    for name in ("blocked", "uncontrolled"):
        owner.do("PUT", f"/{names[name]}")
    blocking = BLOCK.replace("BlockPublicAcls", "BlockPublicPolicy")
    owner.do("PUT", f"/{names['blocked']}", "publicAccessBlock", blocking)
    owner.do("DELETE", f"/{names['uncontrolled']}", "ownershipControls")
    locked = f"/{names['locked']}"
    owner.do("PUT", locked, x_amz_bucket_object_lock_enabled="true")
    names["lockversion"] = owner.do("PUT", f"{locked}/object", body=OBJECT).headers[
        "x-amz-version-id"
    ]
    owner.do("PUT", f"{locked}/object", "retention", RETENTION)
    owner.do("PUT", f"{locked}/object", "legal-hold", HOLD)
    owner.do("PUT", f"{locked}/free", body=OBJECT)
    owner.do("DELETE", f"{locked}/gone")
    world.carol.do("PUT", f"/{names['foreign']}")
    world.carol.do("PUT", f"/{names['foreign']}/object", body=OBJECT)
    return world


def altered(request: Request, **headers: str) -> Request:
    """A request with headers changed or added after it was signed (``_`` stands for ``-``)."""
    kept = {
        name: value
        for name, value in request.headers.items()
        if name.lower().replace("-", "_") not in headers
    }
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return replace(request, headers={**kept, **named})


def unharmed(server: ServerProcess) -> Iterator[None]:
    """Around some tests: the workers that serve afterwards are those that served before, and no
    request ended in a defect."""
    workers = _workers(server)
    size = server.log.stat().st_size
    yield
    assert _workers(server) == workers
    said = server.log.read_bytes()[size:].decode(errors="replace")
    assert "Traceback" not in said, said[-3000:]


def _workers(server: ServerProcess) -> list[int]:
    return server.workers() if Path("/proc").exists() else []


def logged(server: ServerProcess, mark: str) -> list[dict[str, Any]]:
    """The access log's lines that hold a text, once there are some."""
    path = server.data / "_z4meta" / "log" / "access.jsonl"
    deadline = time.monotonic() + 10
    while True:
        lines = [line for line in path.read_bytes().split(b"\n") if mark.encode() in line]
        if lines or time.monotonic() > deadline:
            return [json.loads(line) for line in lines]
        time.sleep(0.05)
