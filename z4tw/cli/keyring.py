"""``z4 keyring``: the keys of an encrypted store, while its node is stopped."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from z4tw.cli.output import fields, show
from z4tw.cli.parsing import Commands, configuration
from z4tw.config import Config
from z4tw.node.failures import CommandError, StoreError

if TYPE_CHECKING:
    from z4tw.interfaces import IKeyring


def register(commands: Commands) -> None:
    """Add the commands."""
    family = commands.family("keyring", "the keys of an encrypted store")
    family.add("list", show_all, "show the store's keys and the ids of their master keys")
    parser = family.add("create", create, "make a key that requests can name (SSE-KMS)")
    parser.add_argument("name", help="1 to 64 letters, digits, _ and -")
    for word, enabled in (("enable", True), ("disable", False)):
        text = "let a named key be used again" if enabled else "let nothing use a named key"
        parser = family.add(word, partial(_set_enabled, enabled=enabled), text)
        parser.add_argument("name")
    parser = family.add("rotate", rotate, "wrap the store's keys with another master key")
    parser.epilog = (
        "Give the new master key first and the old one after it, as Z4_ENCRYPTION_KEY=NEW,OLD or "
        "as lines of the key file; no blob is touched. Then drop the old one."
    )
    parser = family.add("renew", renew, "make a new key for what is written from now on")
    parser.add_argument("name", nargs="?", default="", help="the named key, else the store's own")


def show_all(arguments: argparse.Namespace) -> int:
    """``z4 keyring list``; needs no master key."""
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
    keys = [{"id": key.id, "master": key.master, "name": key.name} for key in stored.keys]
    names = [{"name": name, "enabled": name not in stored.disabled} for name in stored.names]
    answer = {"encrypted": True, "active": stored.active, "keys": keys, "names": names}
    pairs: list[tuple[str, object]] = [
        (f"key {key.id}", f"wrapped by master key {key.master}{key.name and f', {key.name}'}")
        for key in stored.keys
    ]
    for one in names:
        pairs.append((f"named {one['name']}", "enabled" if one["enabled"] else "disabled"))
    show(answer, arguments.json, fields([*pairs, ("new blobs use", stored.active)]))
    return 0


def create(arguments: argparse.Namespace) -> int:
    """``z4 keyring create NAME``."""
    from z4tw.keyring.store_keys import add_key
    from z4tw.s3.encryption import KEY_NAME, key_arn

    name = arguments.name
    if not KEY_NAME.fullmatch(name):
        raise CommandError("a key's name has 1 to 64 letters, digits, _ and -")
    config = configuration(arguments, os.environ, os.getcwd())
    if name in _names(config):
        raise CommandError(f"there is a key {name!r} already; z4 keyring renew makes a new one")
    id = _with_keyring(config, lambda keyring: add_key(config.data, keyring, os.urandom, name))
    arn = key_arn(name, config.region)
    text = f"requests can name the key {name} as {arn}"
    show({"name": name, "id": id, "arn": arn}, arguments.json, text)
    return 0


def _set_enabled(arguments: argparse.Namespace, enabled: bool) -> int:
    """``z4 keyring enable NAME``, ``z4 keyring disable NAME``."""
    from z4tw.keyring.store_keys import set_enabled

    config = configuration(arguments, os.environ, os.getcwd())
    changed = _alone(config, lambda: set_enabled(config.data, arguments.name, enabled))
    word = "enabled" if enabled else "disabled"
    answer = {"name": arguments.name, "enabled": enabled, "changed": changed}
    show(answer, arguments.json, f"the key {arguments.name} is {word}")
    return 0


def rotate(arguments: argparse.Namespace) -> int:
    """``z4 keyring rotate``."""
    from z4tw.keyring.store_keys import rewrap

    config = configuration(arguments, os.environ, os.getcwd())
    count = _with_keyring(config, lambda keyring: rewrap(config.data, keyring))
    text = f"{count} keys were wrapped with the present master key"
    show({"rewrapped": count}, arguments.json, text)
    return 0


def renew(arguments: argparse.Namespace) -> int:
    """``z4 keyring renew [NAME]``."""
    from z4tw.keyring.store_keys import add_key

    name = arguments.name
    config = configuration(arguments, os.environ, os.getcwd())
    if name and name not in _names(config):
        raise CommandError(f"there is no key {name!r} in the keyring")
    id = _with_keyring(config, lambda keyring: add_key(config.data, keyring, os.urandom, name))
    answer = {"name": name, "id": id} if name else {"active": id}
    show(answer, arguments.json, f"what is written from now on uses key {id}")
    return 0


def _names(config: Config) -> tuple[str, ...]:
    from z4tw.errors import Z4Error
    from z4tw.keyring.store_keys import KEY_FILE, read_stored

    _require_store(config)
    try:
        stored = read_stored(os.path.join(config.data, KEY_FILE))
    except Z4Error as error:
        raise CommandError(str(error)) from error
    return () if stored is None else stored.names


def _with_keyring(config: Config, work: Callable[[IKeyring], Awaitable[Any]]) -> Any:
    """Do something with the configured keyring while nobody else has the store."""
    from z4tw.node.offline import drive
    from z4tw.node.offload import InlineOffload
    from z4tw.node.openings import make_keyring
    from z4tw.plugins.registry import discover

    def run() -> Any:
        keyring = make_keyring(quiet_outside(), config, discover(), InlineOffload())
        if keyring is None:
            raise StoreError("no master key is given: set Z4_ENCRYPTION_KEY or name a key file")
        return drive(work(keyring))

    return _alone(config, run)


def _alone(config: Config, work: Callable[[], Any]) -> Any:
    """Do something while nobody else has the store."""
    from z4tw.errors import Z4Error
    from z4tw.node.directory import DataDirectory

    _require_store(config)
    directory = DataDirectory.open(config, os.urandom)
    try:
        return work()
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
