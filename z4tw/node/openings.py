"""Opening the storage of a process: as the owner of the data directory, or as a worker."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import apsw

from z4tw.blobs.disk import OsDisk
from z4tw.blobs.files import FileBlobStore
from z4tw.config import Config, ConfigError
from z4tw.errors import Z4Error
from z4tw.interfaces import IDisk, IKeyring, ILifecycleAction, IOffload, Steps, no_steps
from z4tw.keyring.store_keys import open_store_keys
from z4tw.metadata.cache import RegisterCache
from z4tw.metadata.generations import Generations
from z4tw.metadata.link import Link
from z4tw.metadata.remote import RemoteStore
from z4tw.metadata.sqlite import SqliteStore
from z4tw.model.stamps import HybridClock
from z4tw.node.directory import DataDirectory, Identity, database_path, read_control_key
from z4tw.node.failures import StoreError
from z4tw.node.storage import Storage
from z4tw.plugins.registry import Plugins, Ports
from z4tw.s3.headers import STORAGE_CLASSES
from z4tw.secrets import SecretSeal
from z4tw.sse.envelope import Envelope

_CLASS = re.compile("[A-Z0-9_]{1,64}")


class Outside:
    """What a process gets from the outside, in one value that is handed to every opening.

    ``now`` gives Unix seconds, ``random_bytes`` is secure; ``disk`` replaces the real one and
    ``steps`` is told of durability steps (both in tests). ``on_fatal`` is called when the
    database cannot be trusted any more, ``on_disk_error`` when the blob store turns read-only.
    """

    def __init__(
        self,
        *,
        reactor: Any,
        now: Callable[[], float],
        random_bytes: Callable[[int], bytes],
        environ: Mapping[str, str],
        on_fatal: Callable[[BaseException], None],
        on_disk_error: Callable[[OSError], None],
        disk: IDisk | None = None,
        steps: Steps = no_steps,
    ) -> None:
        self.reactor = reactor
        self.now = now
        self.random_bytes = random_bytes
        self.environ = environ
        self.on_fatal = on_fatal
        self.on_disk_error = on_disk_error
        self.disk = disk
        self.steps = steps

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return int(self.now() * 1000)


async def open_owned(
    outside: Outside,
    config: Config,
    directory: DataDirectory,
    plugins: Plugins,
    *,
    commit: IOffload,
    files: IOffload,
    generations: Generations | None,
    batching: bool = True,
) -> Storage:
    """The storage of the process that holds the data directory's lock. ``batching`` False commits
    each command at once, where no event loop runs. Raises ``StoreError``."""
    actions = make_actions(outside, config, plugins, files)
    try:
        store = SqliteStore(
            database_path(config),
            clock=outside.reactor if batching else None,
            offload=commit,
            copying=files,
            now_ms=outside.now_ms,
            random_bytes=outside.random_bytes,
            on_fatal=outside.on_fatal,
            generations=generations,
            steps=outside.steps,
            cache=RegisterCache(config.cache_size),
            vnodes=config.vnodes,
            replicas=config.replicas,
        )
    except (Z4Error, apsw.Error) as error:
        raise StoreError(f"the database {database_path(config)}: {error}") from error
    try:
        facts = store.facts
        directory.check(config, facts.store_uuid, facts.vnodes, facts.replicas)
        envelope = await open_envelope(outside, config, plugins, files)
    except BaseException:
        await store.close()
        raise
    return _storage(outside, config, store, files, envelope, directory.identity, actions)


async def open_as_worker(
    outside: Outside,
    config: Config,
    identity: Identity,
    plugins: Plugins,
    *,
    files: IOffload,
    generations: Generations,
    link: Link,
) -> Storage:
    """The storage of a worker process. Raises ``StoreError``."""
    actions = make_actions(outside, config, plugins, files)
    try:
        cache = RegisterCache(config.cache_size)
        store = RemoteStore(database_path(config), generations, link, outside.on_fatal, cache)
    except (Z4Error, apsw.Error) as error:
        raise StoreError(f"the database {database_path(config)}: {error}") from error
    envelope = await open_envelope(outside, config, plugins, files)
    return _storage(outside, config, store, files, envelope, identity, actions)


def _storage(
    outside: Outside,
    config: Config,
    store: Any,
    files: IOffload,
    envelope: Envelope | None,
    identity: Identity,
    actions: Mapping[str, ILifecycleAction],
) -> Storage:
    disk = outside.disk or OsDisk(config.data, outside.random_bytes)
    blobs = FileBlobStore(
        disk,
        files,
        envelope,
        min_free_bytes=config.min_free,
        now_ms=outside.now_ms,
        random_bytes=outside.random_bytes,
        steps=outside.steps,
        on_disk_error=outside.on_disk_error,
    )
    clock = HybridClock(outside.now_ms, identity.process_id(outside.random_bytes))
    return Storage(
        config=config,
        store=store,
        blobs=blobs,
        offload=files,
        secrets=SecretSeal(read_control_key(config.meta), outside.random_bytes),
        stamp=clock.stamp,
        random_bytes=outside.random_bytes,
        facts=store.facts,
        node_uuid=identity.node_uuid,
        actions=actions,
    )


def make_actions(
    outside: Outside, config: Config, plugins: Plugins, files: IOffload
) -> dict[str, ILifecycleAction]:
    """The lifecycle actions by the storage class that each has: that of ``zstd``, and those of the
    configuration. Raises ``PluginError``, ``ConfigError``."""
    ports = Ports(outside.reactor, config.data, outside.environ, files)
    sections: dict[str, Mapping[str, str]] = {"zstd": {}}
    sections |= {s.name: s.options for s in config.plugins if s.kind == "lifecycle"}
    actions: dict[str, ILifecycleAction] = {}
    for name, options in sections.items():
        action = plugins.make("lifecycle", name, options, ports)
        storage_class = action.storage_class
        if not _CLASS.fullmatch(storage_class) or storage_class in STORAGE_CLASSES:
            raise ConfigError(
                f"lifecycle plugin {name!r}: {storage_class!r} cannot be its storage class"
            )
        if storage_class in actions:
            raise ConfigError(
                f"lifecycle plugin {name!r}: another one has the storage class {storage_class}"
            )
        actions[storage_class] = action
    return actions


async def open_envelope(
    outside: Outside,
    config: Config,
    plugins: Plugins,
    files: IOffload,
    *,
    encrypt_new: bool = True,
) -> Envelope | None:
    """The store's keys, unwrapped by the configured keyring; ``encrypt_new`` False only reads, and
    makes no key. Raises ``StoreError``."""
    keyring = make_keyring(outside, config, plugins, files)
    try:
        return await open_store_keys(
            config.data,
            keyring,
            outside.random_bytes,
            encrypt_new=encrypt_new,
            encrypt_all=config.encrypt == "all",
        )
    except Z4Error as error:
        raise StoreError(str(error)) from error


def make_keyring(
    outside: Outside, config: Config, plugins: Plugins, files: IOffload
) -> IKeyring | None:
    """The configured keyring, None when nothing asks for encryption."""
    ports = Ports(outside.reactor, config.data, outside.environ, files)
    name, options = encryption_section(config, outside.environ)
    keyring: IKeyring | None = plugins.make("encryption", name, options, ports) if name else None
    return keyring


def encryption_section(config: Config, environ: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
    """The encryption plugin that is configured and its options; the name is empty when nothing
    asks for encryption. Raises ``ConfigError`` when two do."""
    asked: list[tuple[str, Mapping[str, str]]] = [
        (section.name, section.options)
        for section in config.plugins
        if section.kind == "encryption"
    ]
    if config.encryption_key_file is not None:
        asked.append(("local", {"key-file": config.encryption_key_file}))
    elif environ.get("Z4_ENCRYPTION_KEY") and not asked:
        asked.append(("local", {}))
    if len(asked) > 1:
        raise ConfigError(
            "one encryption plugin at most can be configured, not "
            + " and ".join(name for name, _ in asked)
        )
    return asked[0] if asked else ("", {})
