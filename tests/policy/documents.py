"""Policies, principals and requests for the tests."""

from __future__ import annotations

import json
from typing import Any

from z4tw.interfaces import PolicyRequest
from z4tw.model.control import ANONYMOUS, Bucket, Principal
from z4tw.model.objects import EMPTY_BODY, Version

BUCKET = "photos"
ARN = f"arn:aws:s3:::{BUCKET}"
OBJECTS = f"{ARN}/*"
OWNER_ID = "0" * 63 + "1"
OTHER_ID = "0" * 63 + "2"

ROOT = Principal(OWNER_ID, "111111111111", "owner", OWNER_ID, "owner", "K1")
"""The root user of the account that owns the bucket."""
ALICE = Principal(OWNER_ID, "111111111111", "owner", "AIDALICE", "alice", "K2")
BOB = Principal(OTHER_ID, "222222222222", "other", "AIDBOB", "bob", "K3")
OTHER_ROOT = Principal(OTHER_ID, "222222222222", "other", OTHER_ID, "other", "K4")
ADMIN = Principal("f" * 64, "999999999999", "admin", "f" * 64, "admin", "K5", admin=True)
NOBODY = ANONYMOUS
EVERYBODY = (ROOT, ALICE, BOB, OTHER_ROOT, ADMIN, NOBODY)


def statement(
    effect: str = "Allow",
    action: Any = "s3:GetObject",
    resource: Any = OBJECTS,
    principal: Any = "*",
    **more: Any,
) -> dict[str, Any]:
    """A statement; a field that is None is left out."""
    made = {
        "Effect": effect,
        "Principal": principal,
        "Action": action,
        "Resource": resource,
        **more,
    }
    return {name: value for name, value in made.items() if value is not None}


def document(*statements: Any, version: str | None = "2012-10-17", **more: Any) -> bytes:
    """A policy's JSON."""
    content = {"Version": version, "Statement": list(statements), **more}
    return json.dumps({name: value for name, value in content.items() if value}).encode()


def bucket(policy: bytes | None = None, **configurations: bytes) -> Bucket:
    """The bucket of the policies."""
    if policy is not None:
        configurations["policy"] = policy
    return Bucket(bytes(20), BUCKET, 1, OWNER_ID, 0, "us-east-1", configurations=configurations)


def request(
    action: str = "s3:GetObject",
    key: str = "",
    principal: Principal = NOBODY,
    keys: dict[str, Any] | None = None,
    *,
    on: Bucket | None = None,
    tags: dict[str, str] | None = None,
) -> PolicyRequest:
    """A request; ``keys`` are its condition keys, ``tags`` those of the version acted upon."""
    version = None
    if tags is not None:
        version = Version(bytes(20), True, 0, "", EMPTY_BODY, OWNER_ID, tags=tags)
    return PolicyRequest(principal, action, BUCKET, on or bucket(), key, keys or {}, version)
