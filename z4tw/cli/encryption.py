"""``z4 encryption``: the keys of an encrypted store, while its node is stopped."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from z4tw.cli.output import fields, show
from z4tw.cli.parsing import Commands, configuration
from z4tw.config import Config
from z4tw.node.failures import CommandError, StoreError

if TYPE_CHECKING:
    from z4tw.interfaces import IKeyring


def register(commands: Commands) -> None:
    """Add the commands."""
    family = commands.family("encryption", "the keys of an encrypted store")
    family.add("info", info, "show the ids of the store's keys and of their master keys")
    parser = family.add("rewrap", rewrap, "wrap the store's keys with another master key")
    parser.epilog = (
        "Give the new master key first and the old one after it, as Z4_ENCRYPTION_KEY=NEW,OLD or "
        "as lines of the key file; no blob is touched. Then drop the old one."
    )
    family.add("new-key", new_key, "make a new key for what is written from the next start on")


def info(arguments: argparse.Namespace) -> int:
    """``z4 encryption info``; needs no master key."""
    from z4tw.errors import Z4Error
    from z4tw.keyring.store_keys import KEY_FILE, read_stored

    config = configuration(arguments, os.environ, os.getcwd())
    _require_store(config)
    try:
        stored = read_stored(os.path.join(config.data, KEY_FILE))
    except Z4Error as error:
        raise CommandError(str(error)) from error
    if stored is None:
        show({"encrypted": False}, arguments.json, "this store is not encrypted")
        return 0
    keys = [{"id": key.id, "master": key.master} for key in stored.keys]
    answer = {"encrypted": True, "active": stored.active, "keys": keys}
    pairs: list[tuple[str, object]] = [
        (f"key {key.id}", f"wrapped by master key {key.master}") for key in stored.keys
    ]
    show(answer, arguments.json, fields([*pairs, ("new blobs use", stored.active)]))
    return 0


def rewrap(arguments: argparse.Namespace) -> int:
    """``z4 encryption rewrap``."""
    from z4tw.keyring.store_keys import rewrap as wrap_again

    config = configuration(arguments, os.environ, os.getcwd())
    count = _with_keyring(config, lambda keyring: wrap_again(config.data, keyring))
    text = f"{count} keys were wrapped with the first master key given"
    show({"rewrapped": count}, arguments.json, text)
    return 0


def new_key(arguments: argparse.Namespace) -> int:
    """``z4 encryption new-key``."""
    from z4tw.keyring.store_keys import add_key

    config = configuration(arguments, os.environ, os.getcwd())
    id = _with_keyring(config, lambda keyring: add_key(config.data, keyring, os.urandom))
    show({"active": id}, arguments.json, f"what is written from now on uses key {id}")
    return 0


def _with_keyring(config: Config, work: Callable[[IKeyring], Awaitable[Any]]) -> Any:
    """Do something with the configured keyring while nobody else has the store."""
    from z4tw.errors import Z4Error
    from z4tw.node.directory import DataDirectory
    from z4tw.node.offline import drive
    from z4tw.node.offload import InlineOffload
    from z4tw.node.openings import make_keyring
    from z4tw.plugins.registry import discover

    _require_store(config)
    directory = DataDirectory.open(config, os.urandom)
    try:
        keyring = make_keyring(quiet_outside(), config, discover(), InlineOffload())
        if keyring is None:
            raise StoreError("no master key is given: set Z4_ENCRYPTION_KEY or name a key file")
        return drive(work(keyring))
    except Z4Error as error:
        raise CommandError(str(error)) from error
    finally:
        directory.close()


def quiet_outside() -> Any:
    """The outside of a command that opens keys and no store."""
    from z4tw.node.openings import Outside

    return Outside(
        reactor=None,
        now=time.time,
        random_bytes=os.urandom,
        environ=os.environ,
        on_fatal=_ignore,
        on_disk_error=_ignore,
    )


def _ignore(error: BaseException) -> None:
    """No store is open that could fail."""


def _require_store(config: Config) -> None:
    from z4tw.node.directory import exists

    if not exists(config):
        raise StoreError(f"there is no store in {config.data}; name one with --data")
