"""Accounts, their root users and access keys as records: made, found and checked."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Any

import msgspec

from z4tw.errors import Z4Error
from z4tw.model.control import AccessKey, Account, User
from z4tw.model.registers import Kind
from z4tw.model.stamps import stamp_ms
from z4tw.ops.control import Stamp, control_register, later_stamp, scan_all, update

ROOT_ACCOUNT = "root"
"""The account of the root key, and of buckets that are created without naming an owner."""

RandomBytes = Callable[[int], bytes]

_NAME_CHARACTERS = frozenset(string.ascii_letters + string.digits + "+=,.@_-")
_ID_CHARACTERS = frozenset(string.ascii_letters + string.digits + "_.@+-")
_KEY_ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
# 64 characters, so that six random bits choose one; none that a shell or a URL would mangle.
_SECRET_ALPHABET = string.ascii_letters + string.digits + "_-"


class AdminError(Z4Error):
    """An administration command that cannot be done; the text is one line for the user."""


def check_name(name: str, what: str = "key") -> None:
    """The rules of IAM user names: 1 to 64 letters, digits and ``+=,.@_-``. Raises
    ``AdminError``. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
    if not 1 <= len(name) <= 64 or not _NAME_CHARACTERS.issuperset(name):
        raise AdminError(f"{what} name {name!r} must be 1 to 64 letters, digits or any of +=,.@_-")


def check_credentials(access_key_id: str, secret: str) -> None:
    """What an access key that was made elsewhere must look like. Raises ``AdminError``, whose
    text never shows the secret."""
    if not 3 <= len(access_key_id) <= 128 or not _ID_CHARACTERS.issuperset(access_key_id):
        raise AdminError(
            f"access key id {access_key_id!r} must be 3 to 128 letters, digits or any of _.@+-"
        )
    if not 8 <= len(secret) <= 128 or not secret.isascii() or not secret.isprintable():
        raise AdminError("the secret key must be 8 to 128 printable ASCII characters")
    if " " in secret:
        raise AdminError("the secret key must not contain spaces")


def new_access_key_id(random_bytes: RandomBytes) -> str:
    """20 characters that look like AWS's: ``Z4`` and 18 of A-Z and 2-7."""
    return "Z4" + "".join(_KEY_ID_ALPHABET[byte & 31] for byte in random_bytes(18))


def new_secret(random_bytes: RandomBytes) -> str:
    """40 characters with 240 random bits that need no quoting in a shell."""
    first = "".join(_SECRET_ALPHABET[byte & 63] for byte in random_bytes(40))
    # A leading hyphen would be read as an option.
    return first if first[0] != "-" else "A" + first[1:]


def new_account(name: str, stamp: bytes, random_bytes: RandomBytes) -> Account:
    """The record of a new account, with a random canonical id and account number."""
    number = int.from_bytes(random_bytes(8), "big") % 10**12
    return Account(
        stamp=stamp,
        id=random_bytes(32).hex(),
        number=f"{number:012d}",
        name=name,
        created_ms=stamp_ms(stamp),
    )


async def read_account(store: Any, name: str) -> Account | None:
    """An account by name."""
    account: Account | None = await store.read(control_register(Kind.ACCOUNT, name))
    return account


async def read_user(store: Any, user_id: str) -> User | None:
    """A user by id."""
    user: User | None = await store.read(control_register(Kind.USER, user_id))
    return user


async def put_root_user(
    store: Any, account: Account, stamp: Stamp, admin: bool, may_create_buckets: bool
) -> User:
    """Make the account's root user, or give the one that is there these rights."""

    def change(present: User | None) -> User:
        if (
            present is not None
            and present.admin == admin
            and present.may_create_buckets == may_create_buckets
        ):
            return present
        return User(
            stamp=later_stamp(stamp, present),
            id=account.id,
            account=account.name,
            name=account.name,
            admin=admin,
            may_create_buckets=may_create_buckets,
        )

    user: User = await update(store, control_register(Kind.USER, account.id), change)
    return user


async def ensure_root_account(store: Any, stamp: Stamp, random_bytes: RandomBytes) -> Account:
    """The account ``root`` with its admin user, made when it is not there."""

    def change(present: Account | None) -> Account:
        return present or new_account(ROOT_ACCOUNT, stamp(), random_bytes)

    account: Account = await update(store, control_register(Kind.ACCOUNT, ROOT_ACCOUNT), change)
    await put_root_user(store, account, stamp, admin=True, may_create_buckets=True)
    return account


def touched(account: Account, stamp: Stamp) -> Account:
    """The same account with a later stamp: what a claim on its name replaces it with."""
    return msgspec.structs.replace(account, stamp=later_stamp(stamp, account))


async def find_key(store: Any, name: str) -> AccessKey:
    """An access key by the name that it was created with, or by its id. Raises ``AdminError``."""
    keys: list[AccessKey] = await scan_all(store, Kind.ACCESS_KEY)
    for key in keys:
        if key.name == name:
            return key
    for key in keys:
        if key.access_key_id == name:
            return key
    raise AdminError(f"there is no key named {name}")


async def find_user(store: Any, name: str) -> User:
    """A user by ``ACCOUNT/NAME``, by its name alone where only one has it, or by its id. Raises
    ``AdminError``."""
    users: list[User] = await scan_all(store, Kind.USER)
    account, slash, short = name.partition("/")
    if slash:
        found = [user for user in users if (user.account, user.name) == (account, short)]
    else:
        found = [user for user in users if user.name == name]
        found = found or [user for user in users if user.id == name]
    if not found:
        raise AdminError(f"there is no user named {name}")
    if len(found) > 1:
        names = " or ".join(sorted(f"{user.account}/{user.name}" for user in found))
        raise AdminError(f"there are several users named {name}: write {names}")
    return found[0]


async def keys_of(store: Any, user_id: str) -> list[AccessKey]:
    """The access keys of a user, by name."""
    keys: list[AccessKey] = await scan_all(store, Kind.ACCESS_KEY)
    return sorted((key for key in keys if key.user == user_id), key=lambda key: key.name)
