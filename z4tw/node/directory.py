"""The data directory: who may use it, which store it holds, and the node's identity in it.

Layout below ``_z4meta/`` (``doc/spec/data_directory.rst``): ``lock``, ``format.json``,
``node.json``, ``control.key``, ``meta.db``, ``admin.sock``, ``tmp/``, ``log/``, ``snapshots/``.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from z4tw.config import Config, ConfigError
from z4tw.node.failures import StoreError, StoreInUse
from z4tw.secrets import CONTROL_KEY_BYTES

FORMAT = 1
"""The number of the on-disk format that this release writes."""
DATABASE = "meta.db"
"""The metadata database's name in ``_z4meta``."""
FEATURES: tuple[str, ...] = ()
"""Optional features of the format that this release knows."""
S = TypeVar("S", bound=msgspec.Struct)
RandomBytes = Callable[[int], bytes]


class StoreFormat(msgspec.Struct, frozen=True, kw_only=True):
    """``format.json``: what a release must know to use the store, and which store it is (the
    uuid is empty until its database is there)."""

    format: int
    features: tuple[str, ...]
    store_uuid: str


class Identity(msgspec.Struct, frozen=True):
    """``node.json``: the node's uuid as text; ballots and stamps use it, not the display name."""

    node_uuid: str

    def process_id(self, random_bytes: RandomBytes) -> bytes:
        """The 8-byte id that one process stamps with: 4 bytes of the node's uuid and 4 random
        ones, so that neither two workers nor a worker and its successor make one stamp."""
        return uuid.UUID(self.node_uuid).bytes[:4] + random_bytes(4)


class DataDirectory:
    """An opened data directory; holds its lock until ``close``.

    ``open`` is the only way to one, so there is none that is not locked and checked.
    """

    def __init__(self, config: Config, lock: int, format: StoreFormat, identity: Identity) -> None:
        self.root = config.data
        self.meta = config.meta
        self.format = format
        self.identity = identity
        self._lock = lock

    @classmethod
    def open(cls, config: Config, random_bytes: RandomBytes) -> DataDirectory:
        """Lock the directory, making a new store in an empty or absent one.

        Raises ``StoreInUse`` when another process has it, ``StoreError`` for anything else.
        """
        try:
            _make_directories(config)
            lock = _take_lock(config)
            try:
                format = _read_format(config) or _make_format(config)
                identity = _identity(config, random_bytes)
                _make_control_key(config, random_bytes)
            except BaseException:
                os.close(lock)
                raise
        except OSError as error:
            where = error.filename or config.data
            raise StoreError(f"cannot use {where}: {error.strerror}") from error
        return cls(config, lock, format, identity)

    def check(self, config: Config, store_uuid: bytes, vnodes: int, replicas: int) -> None:
        """Compare with what the database says of itself. Raises ``StoreError`` when the database
        is another store's, ``ConfigError`` when a setting that was given differs from what was
        fixed."""
        for name, stored in (("vnodes", vnodes), ("replicas", replicas)):
            if name in config.given and getattr(config, name) != stored:
                raise ConfigError(
                    f"{name}: {stored} was fixed when the store in {config.data} was made, "
                    f"not {getattr(config, name)}"
                )
        text = str(uuid.UUID(bytes=store_uuid))
        path = os.path.join(self.meta, "format.json")
        if not self.format.store_uuid:
            self.format = msgspec.structs.replace(self.format, store_uuid=text)
            _write(path, _json(self.format), 0o600)
        elif self.format.store_uuid != text:
            raise StoreError(
                f"{path} and the database beside it belong to different stores"
                " (was the database lost? z4 fsck --rebuild)"
            )

    def close(self) -> None:
        """Give the lock up; safe to call twice."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def exists(config: Config) -> bool:
    """Whether a store was made in the data directory."""
    return os.path.exists(os.path.join(config.meta, "format.json"))


def database_path(config: Config) -> str:
    """The metadata database's file."""
    return os.path.join(config.meta, DATABASE)


def read_control_key(meta: str) -> bytes:
    """The control key of the store whose ``_z4meta`` is given. Raises ``StoreError``."""
    path = os.path.join(meta, "control.key")
    try:
        with open(path, encoding="ascii") as file:
            key = bytes.fromhex(file.read().strip())
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot read the control key {path}: {error}") from error
    if len(key) != CONTROL_KEY_BYTES:
        raise StoreError(f"the control key {path} is damaged: restore it from a backup")
    return key


def _make_directories(config: Config) -> None:
    if os.path.exists(config.data) and not os.path.isdir(config.data):
        raise StoreError(f"{config.data} is not a directory")
    if not os.path.isdir(config.meta):
        if os.path.isdir(config.data):
            strange = sorted(set(os.listdir(config.data)) - {"lost+found"})
            if strange:
                raise StoreError(
                    f"{config.data} holds no store, and is not empty ({strange[0]!r} is in it)"
                )
        os.makedirs(config.data, mode=0o700, exist_ok=True)
    for name in ("", "tmp", "log", "snapshots"):
        os.makedirs(os.path.join(config.meta, name), mode=0o700, exist_ok=True)


def _take_lock(config: Config) -> int:
    lock = os.open(os.path.join(config.meta, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip()
        os.close(lock)
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise
        by = f" by process {holder}" if holder.isdigit() else ""
        raise StoreInUse(f"{config.data} is in use{by}") from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, b"%d\n" % os.getpid(), 0)
    return lock


def _read_format(config: Config) -> StoreFormat | None:
    path = os.path.join(config.meta, "format.json")
    document = _read_json(path)
    if document is None:
        if os.path.exists(os.path.join(config.meta, DATABASE)):
            raise StoreError(f"{path} is missing beside a database: restore it from a backup")
        return None
    number, features = document.get("format"), document.get("features", [])
    if not isinstance(number, int) or not isinstance(features, list):
        raise StoreError(f"{path} is damaged: restore it from a backup")
    if number > FORMAT:
        raise StoreError(
            f"the store has format {number}, this release knows up to {FORMAT}: use a newer z4"
        )
    unknown = sorted(set(map(str, features)) - set(FEATURES))
    if unknown:
        raise StoreError(f"the store uses {unknown[0]!r}, unknown to this release: use a newer z4")
    return _convert(document, StoreFormat, path)


def _make_format(config: Config) -> StoreFormat:
    format = StoreFormat(format=FORMAT, features=FEATURES, store_uuid="")
    _write(os.path.join(config.meta, "format.json"), _json(format), 0o600)
    return format


def _identity(config: Config, random_bytes: RandomBytes) -> Identity:
    path = os.path.join(config.meta, "node.json")
    document = _read_json(path)
    if document is not None:
        return _convert(document, Identity, path)
    identity = Identity(str(uuid.UUID(bytes=random_bytes(16), version=4)))
    _write(path, _json(identity), 0o600)
    return identity


def _make_control_key(config: Config, random_bytes: RandomBytes) -> None:
    path = os.path.join(config.meta, "control.key")
    if os.path.exists(path):
        return
    if os.path.exists(os.path.join(config.meta, DATABASE)):
        raise StoreError(f"{path} is missing beside a database: restore it from a backup")
    _write(path, random_bytes(CONTROL_KEY_BYTES).hex().encode("ascii") + b"\n", 0o600)


def _json(value: msgspec.Struct) -> bytes:
    return json.dumps(msgspec.to_builtins(value), indent=2).encode("utf-8") + b"\n"


def _read_json(path: str) -> dict[str, Any] | None:
    try:
        with open(path, "rb") as file:
            document = json.load(file)
    except FileNotFoundError:
        return None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise StoreError(f"{path} is damaged: restore it from a backup")
    return document


def _convert(document: dict[str, Any], type: type[S], path: str) -> S:
    try:
        return msgspec.convert(document, type)
    except msgspec.ValidationError as error:
        raise StoreError(f"{path} is damaged: {error}") from None


def _write(path: str, data: bytes, mode: int) -> None:
    """A whole new file, durable, or none."""
    temporary = path + ".new"
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        os.write(file, data)
        os.fsync(file)
    finally:
        os.close(file)
    os.rename(temporary, path)
    directory = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
