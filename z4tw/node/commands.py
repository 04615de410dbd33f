"""Administrative commands by name: what the admin socket and offline commands perform."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from z4tw.errors import S3Error, Z4Error
from z4tw.interfaces import IPolicyEvaluator
from z4tw.node.failures import CommandError, StoreError
from z4tw.node.storage import Storage
from z4tw.ops.admin import COMMANDS, Admin

Command = Callable[..., Awaitable[Any]]
"""A coroutine function: keyword arguments in, a value that JSON can hold out."""


def make_admin(
    storage: Storage, evaluators: Callable[[], Iterable[IPolicyEvaluator]] = tuple
) -> Admin:
    """The administration of an opened storage. ``evaluators`` makes the node's policy evaluators,
    for ``z4 explain``."""
    return Admin(
        store=storage.store,
        secrets=storage.secrets,
        settings=storage.settings,
        stamp=storage.stamp,
        random_bytes=storage.random_bytes,
        evaluators=evaluators,
    )


def admin_commands(admin: Admin) -> dict[str, Command]:
    """The commands on keys and buckets, by name."""
    return {name: getattr(admin, name) for name in COMMANDS}


class CommandTable:
    """Performs commands by name. Anything that a person can do something about is raised as
    ``CommandError``."""

    def __init__(self, commands: Mapping[str, Command]) -> None:
        self._commands = dict(commands)

    async def perform(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """The result of a command. Raises ``CommandError``."""
        command = self._commands.get(name)
        if command is None:
            raise CommandError(f"this node knows no command {name!r}; is it of another release?")
        try:
            inspect.signature(command).bind(**arguments)
        except TypeError as error:
            raise CommandError(f"{name}: {error}") from None
        try:
            return await command(**arguments)
        except (Z4Error, StoreError) as error:
            raise CommandError(str(error)) from error
        except S3Error as error:
            raise CommandError(error.message) from error
