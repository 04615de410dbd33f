"""What a node does once its storage is open and before it serves: keys, left-over deletions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from twisted.logger import Logger

from z4tw.config import ConfigError
from z4tw.model.registers import Kind
from z4tw.node.started import DEV_NAME
from z4tw.node.storage import Storage
from z4tw.ops.admin import Admin
from z4tw.ops.bucket_life import resume_deletions

_ROOT_PAIRS = (
    ("Z4_ROOT_ACCESS_KEY", "Z4_ROOT_SECRET_KEY"),
    ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"),
)
log = Logger()


class Prepared(msgspec.Struct, frozen=True):
    """``has_keys``: somebody can be let in; ``dev_key``: the answer of ``key_create`` when the dev
    key was made just now (the only time its secret is known)."""

    has_keys: bool
    dev_key: dict[str, Any] | None = None


def root_credentials(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """The root key that the environment asks for, as (id, secret). Raises ``ConfigError`` when
    half of it is missing."""
    for names in _ROOT_PAIRS:
        given = [environ.get(name, "") for name in names]
        if all(given):
            return given[0], given[1]
        if any(given):
            missing = names[given.index("")]
            raise ConfigError(f"{missing}: {names[0]} and {names[1]} are needed together")
    return None


async def prepare(
    storage: Storage, admin: Admin, root: tuple[str, str] | None, dev: bool
) -> Prepared:
    """Finish interrupted bucket deletions, and make the keys that are asked for. Raises
    ``AdminError``."""
    resumed = await resume_deletions(storage.store, storage.stamp)
    if resumed:
        log.info("{count} interrupted bucket deletions were finished", count=resumed)
    if root is not None:
        await admin.ensure_root_key(*root)
    dev_key = await _prepare_dev(admin) if dev else None
    keys = await storage.store.scan(Kind.ACCESS_KEY, 0, b"", b"", 1)
    return Prepared(bool(keys), dev_key)


async def _prepare_dev(admin: Admin) -> dict[str, Any] | None:
    made = None
    if not any(key["name"] == DEV_NAME for key in await admin.key_list()):
        made = await admin.key_create(DEV_NAME)
    if not any(bucket["name"] == DEV_NAME for bucket in await admin.bucket_list()):
        await admin.bucket_create(DEV_NAME, DEV_NAME)
    return made
