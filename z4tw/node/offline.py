"""Administrative commands on a data directory that no node runs on."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Mapping
from typing import Any

from z4tw.config import Config
from z4tw.metadata.generations import Generations
from z4tw.node.commands import CommandTable, admin_commands, make_admin
from z4tw.node.directory import DataDirectory
from z4tw.node.failures import StoreError
from z4tw.node.lifecycle import lifecycle_commands
from z4tw.node.offload import InlineOffload
from z4tw.node.openings import Outside, open_owned
from z4tw.node.shared import make_evaluators
from z4tw.node.upkeep import AtOnce, stopped_commands
from z4tw.plugins.registry import discover


def perform_offline(config: Config, command: str, arguments: Mapping[str, Any]) -> Any:
    """Take the lock, perform one command, and close everything. Raises ``StoreInUse``,
    ``StoreError``, ``CommandError``."""
    outside = Outside(
        reactor=None,
        now=time.time,
        random_bytes=os.urandom,
        environ=os.environ,
        on_fatal=_failed,
        on_disk_error=_failed,
    )
    directory = DataDirectory.open(config, outside.random_bytes)
    try:
        return drive(_perform(outside, config, directory, command, arguments))
    finally:
        directory.close()


async def _perform(
    outside: Outside,
    config: Config,
    directory: DataDirectory,
    command: str,
    arguments: Mapping[str, Any],
) -> Any:
    inline = InlineOffload()
    plugins = discover()
    storage = await open_owned(
        outside,
        config,
        directory,
        plugins,
        commit=inline,
        files=inline,
        generations=Generations(),
        batching=False,
    )
    try:
        admin = admin_commands(
            make_admin(storage, lambda: make_evaluators(plugins, config, storage, outside))
        )
        rules = lifecycle_commands(storage, AtOnce(), outside.now_ms)
        table = CommandTable({**admin, **rules, **stopped_commands(storage, outside.now_ms)})
        return await table.perform(command, arguments)
    finally:
        await storage.store.close()


def drive(work: Awaitable[Any]) -> Any:
    """The result of a coroutine that never has to wait for an event loop. Raises what it raises,
    and ``RuntimeError`` if it waits."""
    running: Any = work.__await__()
    try:
        next(running)
    except StopIteration as stop:
        return stop.value
    running.close()
    raise RuntimeError("a command waits for an event loop, and there is none")


def _failed(error: BaseException) -> None:
    raise StoreError(f"the store failed: {error}") from error
