"""Whoever has no permission on a bucket learns nothing of what is in it and changes nothing,
whatever it sends and in whatever order.

Every supported operation is tried, with parameters, headers and documents of others too, by
outsiders of many kinds: some may do everything in buckets of their own, some hold keys or sessions
of the owner that are limited, over or forged. ``Z4_TEST_EXAMPLES`` makes the run longer.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from copy import deepcopy
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.ops.harness import Answer, Harness, Key, run
from z4tw.model.registers import Kind
from z4tw.s3.operations import OPERATIONS, SUPPORTED

EXAMPLES = int(os.environ.get("Z4_TEST_EXAMPLES") or 60)
DATA = b"HIDDEN-DATA " * 40
SECRETS = (b"HIDDEN", hashlib.md5(DATA).hexdigest().encode())
"""What is in the bucket and in nothing that an outsider sends."""

ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
VAULT = ["arn:aws:s3:::vault", "arn:aws:s3:::vault/*"]
ELSEWHERE = {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::other/*"}
ACTORS = (
    "anonymous", "neighbour", "bare", "denied", "limited", "lent", "guest",
    "forged", "inactive", "ended", "tampered",
)  # fmt: skip
OPEN_POLICY = json.dumps(
    {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": VAULT}}
)
TARGETS = ("vault", "vault", "vault", "theirs", "absent-bucket")
KEYS = ("key", "key", "other", "up", "a/../key", "%2e%2e/vault/key")
VALUES = {
    "uploadId": ("{upload}", "nonsense"),
    "partNumber": ("1", "2"),
    "versionId": ("{version}", "null"),
    "id": ("one",),
}
QUERIES = (
    "", "", "", "versionId={version}", "versionId=null", "prefix=k", "max-keys=1000&delimiter=/",
    "x-amz-acl=public-read", "response-content-type=text/html", "partNumber=1",
    "encoding-type=url&fetch-owner=true", "X-Amz-Security-Token=x",
)  # fmt: skip
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"x-amz-copy-source": "/vault/key"},
    {"x-amz-copy-source": "vault/key?versionId={version}", "x-amz-metadata-directive": "REPLACE"},
    {"x-amz-copy-source": "/theirs/key"},
    {"x-amz-tagging": "a=1"},
    {"x-amz-acl": "public-read-write"},
    {"x-amz-grant-full-control": 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'},
    {"x-amz-object-attributes": "ETag,ObjectSize,Checksum,ObjectParts"},
    {"x-amz-expected-bucket-owner": "{number}"},
    {"x-amz-object-ownership": "BucketOwnerEnforced"},
    {"x-amz-bypass-governance-retention": "true"},
    {"if-none-match": "*"},
    {"range": "bytes=0-10"},
    {"x-amz-checksum-mode": "ENABLED"},
    {"content-type": "application/x-www-form-urlencoded"},
    {"x-forwarded-for": "127.0.0.1", "x-amz-security-token": "nonsense"},
)
BODIES: tuple[str, ...] = (
    "",
    "data",
    "<Delete><Object><Key>key</Key></Object><Object><Key>key</Key>"
    "<VersionId>{version}</VersionId></Object></Delete>",
    "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>",
    "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>",
    "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    "</CompleteMultipartUpload>",
    "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule>"
    "</OwnershipControls>",
    "<PublicAccessBlockConfiguration/>",
    "<BucketLoggingStatus/>",
    "<NotificationConfiguration/>",
    OPEN_POLICY,
    "Action=GetSessionToken&Version=2011-06-15",
    "Action=AssumeRole&Version=2011-06-15&RoleSessionName=ab&RoleArn=arn:aws:iam::{number}:root",
    "Action=AssumeRole&Version=2011-06-15&RoleSessionName=ab"
    "&RoleArn=arn:aws:iam::{number}:role/strong",
)


class Step(NamedTuple):
    """One request of an outsider; ``asks`` is an operation, or ``sts``."""

    actor: str
    asks: str
    bucket: str
    key: str
    values: int
    query: str
    headers: dict[str, str]
    body: str
    presign: bool


steps = st.builds(
    Step,
    st.sampled_from(ACTORS),
    st.sampled_from((*sorted(SUPPORTED), "sts", "sts")),
    st.sampled_from(TARGETS),
    st.sampled_from(KEYS),
    st.integers(0, 1),
    st.sampled_from(QUERIES),
    st.sampled_from(HEADERS),
    st.sampled_from(BODIES),
    st.booleans(),
)


class Siege:
    """A bucket ``vault`` with everything in it that a bucket can have, and those outside."""

    def __init__(self, note: Callable[[str], object] = str) -> None:
        self.note = note
        harness = self.harness = Harness()
        owner = harness.user
        admin = harness.admin
        self.actors: dict[str, list[Key | None]] = {"anonymous": [None]}
        ended = harness.issued(harness.sts(owner, Action="GetSessionToken"), owner)
        harness.clock.advance(43_300)
        harness.bucket("vault", versioning="Enabled")
        put = harness.put(
            "/vault/key", DATA, headers={"x-amz-meta-a": "HIDDEN", "x-amz-tagging": "a=HIDDEN"}
        )
        harness.put("/vault/HIDDEN-name")
        harness.put("/vault/deleted")
        harness.request("DELETE", "/vault/deleted")
        upload = harness.request("POST", "/vault/up?uploads").text("UploadId") or ""
        part = harness.put(f"/vault/up?partNumber=1&uploadId={upload}", b"part")
        harness.request("POST", "/vault/HIDDEN-upload?uploads")
        tags = b"<Tagging><TagSet><Tag><Key>a</Key><Value>HIDDEN</Value></Tag></TagSet></Tagging>"
        assert harness.request("PUT", "/vault?tagging", body=tags).error == ""
        run(admin.user_create("strong", "user", role=True))
        run(admin.user_policy_put("strong", json.dumps({"Statement": ALL})))
        self.names = {
            "version": put.headers["x-amz-version-id"],
            "upload": upload,
            "etag": part.headers["etag"],
            "number": owner.account_number,
        }
        neighbour = harness.key("neighbour")
        harness.bucket("theirs", key=neighbour)
        harness.put("/theirs/key", key=neighbour)
        denied = harness.user_key("denied", "user")
        deny = {"Effect": "Deny", "Action": "*", "Resource": VAULT}
        assume = {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*"}
        run(admin.user_policy_put("denied", json.dumps({"Statement": [ALL, deny, assume]})))
        limited = harness.user_key(None, "user", "limited")
        run(admin.key_policy_put("limited", json.dumps({"Statement": ELSEWHERE})))
        guest = harness.user_key("guest", "neighbour")
        run(admin.user_policy_put("guest", json.dumps({"Statement": ALL})))
        inactive = harness.user_key(None, "user", "inactive")
        run(admin.key_deactivate("inactive"))
        lent = harness.session(owner, policy=json.dumps({"Statement": ELSEWHERE}))
        good = harness.issued(harness.sts(owner, Action="GetSessionToken"), owner)
        self.actors |= {
            "neighbour": [neighbour],
            "bare": [harness.user_key("bare", "user")],
            "denied": [denied],
            "limited": [limited],
            "lent": [lent],
            "guest": [guest],
            "forged": [owner._replace(secret="guessed"), good._replace(secret="guessed")],
            "inactive": [inactive],
            "ended": [ended],
            "tampered": [
                good._replace(token=good.token[:40] + "A" + good.token[41:]),
                good._replace(token=lent.token),
                owner._replace(token=good.token),
            ],
        }
        self.incarnation = run(harness.service._directory.bucket("vault")).incarnation
        self.before = deepcopy(self.inside())

    def inside(self) -> dict[Any, Any]:
        """All that the store has, but for other buckets and what is in them."""
        store = self.harness.store
        return {
            register: value
            for register, value in store._values.items()
            if register.incarnation == self.incarnation
            or (not register.incarnation and register.kind != Kind.BUCKET)
            or (register.kind == Kind.BUCKET and register.key == b"vault")
        }

    def take(self, step: Step) -> None:
        """Send a request; nothing may come of it."""
        keys = self.actors[step.actor]
        key = keys[step.values % len(keys)]
        method, target = self._target(step)
        headers = {name: value.format(**self.names) for name, value in step.headers.items()}
        body = step.body
        for name, value in self.names.items():
            body = body.replace("{" + name + "}", value)
        if step.asks == "sts":
            headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = self.harness.request(
            method,
            target,
            headers,
            body.encode(),
            key,
            sign=key is not None,
            presign=step.presign and step.asks != "sts",
            service="sts" if step.asks == "sts" else "s3",
        )
        self.note(f"{step.actor}: {method} {target} -> {answer.status} {answer.error}")
        self._check(step, answer, key)

    def _target(self, step: Step) -> tuple[str, str]:
        if step.asks == "sts":
            return "POST", "/"
        operation = OPERATIONS[step.asks]
        path = {"service": "/", "bucket": f"/{step.bucket}"}.get(
            operation.level, f"/{step.bucket}/{step.key}"
        )
        query = [operation.marker] if operation.marker else []
        for name in operation.required:
            values = VALUES.get(name, ("1",))
            query.append(f"{name}={values[step.values % len(values)]}")
        if step.asks == "ListObjectsV2" and "list-type=2" not in query:
            query.append("list-type=2")
        if step.query:
            query.append(step.query)
        return operation.method, (path + "?" + "&".join(query)).rstrip("?").format(**self.names)

    def _check(self, step: Step, answer: Answer, key: Key | None) -> None:
        shown = b"\n".join(
            [
                answer.body,
                answer.message.encode(),
                repr(answer.details).encode(),
                repr(answer.header_list).encode(),
            ]
        )
        for secret in SECRETS:
            assert secret not in shown, (step, answer)
        if step.bucket == "vault" and step.asks not in ("sts", "ListBuckets", "CreateBucket"):
            refused = answer.status >= 400 or b"<Code>AccessDenied</Code>" in answer.body
            assert refused, (step, answer)
        if key is not None and b"<SecretAccessKey>" in answer.body:
            self.actors[step.actor].append(self.harness.issued(answer, key))

    def settle(self) -> None:
        """Nothing has changed."""
        assert self.inside() == self.before
        assert self.harness.request("GET", "/vault/key").body == DATA


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="Z4_TEST_EXAMPLES" not in os.environ,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(steps, min_size=20, max_size=60))
def test_outsiders_learn_nothing_and_change_nothing(taken: list[Step]) -> None:
    siege = Siege(note)
    for step in taken:
        siege.take(step)
    siege.settle()


def test_every_operation_by_every_outsider_in_turn() -> None:
    siege = Siege()
    for actor in ACTORS:
        for asks in sorted(SUPPORTED):
            for body in BODIES:
                siege.take(Step(actor, asks, "vault", "key", 0, "", {}, body, False))
    siege.settle()


def test_the_owner_would_have_seen_it() -> None:
    """The same requests by the owner show what is hidden: the proof can fail."""
    siege = Siege()
    for target in ("/vault/key", "/vault?versions", "/vault?uploads", "/vault/key?tagging"):
        answer = siege.harness.request("GET", target)
        assert any(secret in answer.body for secret in SECRETS), target
