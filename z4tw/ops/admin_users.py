"""Administration of users and roles below an account."""

from __future__ import annotations

from typing import Any

from z4tw.model.control import Account, Bucket, User
from z4tw.model.registers import Kind
from z4tw.model.stamps import stamp_ms
from z4tw.ops.accounts import (
    AdminError,
    RandomBytes,
    check_name,
    find_user,
    keys_of,
    read_account,
    touched,
)
from z4tw.ops.admin_keys import grant_names, revoke_grants
from z4tw.ops.control import (
    ATTEMPTS,
    Stamp,
    control_register,
    replace,
    scan_all,
    update,
)
from z4tw.s3.dates import iso_date

_ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class UserAdmin:
    """Creates, lists and deletes users and roles.

    A user may do nothing until a policy or a grant allows it. Answers are plain dicts for
    ``--json``; what cannot be done raises ``AdminError``.
    """

    def __init__(self, *, store: Any, stamp: Stamp, random_bytes: RandomBytes) -> None:
        self._store = store
        self._stamp = stamp
        self._random_bytes = random_bytes

    async def user_create(self, name: str, account: str, role: bool = False) -> dict[str, Any]:
        """Make a user or a role of an account that is there. Raises ``AdminError`` when the
        account has one of that name, as whose root user also counts."""
        check_name(name, "role" if role else "user")
        for _ in range(ATTEMPTS):
            owner = await read_account(self._store, account)
            if owner is None:
                raise AdminError(f"there is no account named {account}; z4 key create makes one")
            users: list[User] = await scan_all(self._store, Kind.USER)
            if name in ("root", account) or any(
                (u.account, u.name) == (account, name) for u in users
            ):
                raise AdminError(f"account {account} has a user named {name} already")
            stamp = self._stamp()
            user = User(
                stamp=stamp,
                id=_new_user_id(role, self._random_bytes),
                account=account,
                name=name,
                may_create_buckets=False,
                role=role,
                created_ms=stamp_ms(stamp),
            )
            register = control_register(Kind.USER, user.id)
            if not await replace(self._store, register, None, user):
                continue
            # Whoever makes another user of the account meanwhile changes its record too: one of
            # the two has to look at the names again.
            claimed = touched(owner, self._stamp)
            if await replace(self._store, control_register(Kind.ACCOUNT, account), owner, claimed):
                return _describe(user, claimed)
            await replace(self._store, register, user, None)
        raise AdminError(f"too many commands change the account {account} at the same time")

    async def user_list(self, account: str | None = None) -> list[dict[str, Any]]:
        """All users (of one account) by account and name, root users first."""
        users: list[User] = await scan_all(self._store, Kind.USER)
        accounts: dict[str, Account] = {
            one.name: one for one in await scan_all(self._store, Kind.ACCOUNT)
        }
        if account is not None and account not in accounts:
            raise AdminError(f"there is no account named {account}")
        described = [
            _describe(user, accounts[user.account])
            for user in users
            if user.account in accounts and account in (None, user.account)
        ]
        return sorted(described, key=lambda one: (one["account"], not one["root"], one["name"]))

    async def user_info(self, name: str) -> dict[str, Any]:
        """One user, with its keys, policies and grants."""
        user = await find_user(self._store, name)
        account = await read_account(self._store, user.account)
        if account is None:
            raise AdminError(f"the user {name} has no account")
        buckets: list[Bucket] = await scan_all(self._store, Kind.BUCKET)
        keys = await keys_of(self._store, user.id)
        return _describe(user, account) | {
            "keys": [
                {"name": key.name, "access_key_id": key.access_key_id, "active": key.active}
                for key in keys
            ],
            "trust": user.trust.decode("utf-8"),
            "granted_buckets": {
                bucket.name: grant_names(bucket.grants[user.id])
                for bucket in buckets
                if bucket.grants.get(user.id)
            },
        }

    async def user_delete(self, name: str) -> dict[str, Any]:
        """Delete a user with its keys, policies and grants; its sessions end. What it stored
        belongs to its account and stays. Raises ``AdminError`` for a root user."""
        user = await find_user(self._store, name)
        account = await read_account(self._store, user.account)
        if account is not None and account.id == user.id:
            raise AdminError(f"{user.name} is the root user of its account: delete its keys")
        # Without its user no key is good for anything: what follows only tidies up.
        await update(self._store, control_register(Kind.USER, user.id), lambda _: None)
        for key in await keys_of(self._store, user.id):
            register = control_register(Kind.ACCESS_KEY, key.access_key_id)
            await update(self._store, register, lambda _: None)
        await revoke_grants(self._store, self._stamp, user.id)
        return {"name": user.name, "account": user.account, "deleted": True}


def _new_user_id(role: bool, random_bytes: RandomBytes) -> str:
    """A user's id: ``Z4U`` (``Z4R`` of a role) and 18 of A-Z and 2-7. No account's id, which is
    64 hex digits, can look like it."""
    text = "".join(_ID_ALPHABET[byte & 31] for byte in random_bytes(18))
    return ("Z4R" if role else "Z4U") + text


def _describe(user: User, account: Account) -> dict[str, Any]:
    root = user.id == account.id
    kind = "root" if root else f"{'role' if user.role else 'user'}/{user.name}"
    return {
        "name": user.name,
        "account": user.account,
        "account_number": account.number,
        "user_id": user.id,
        "arn": f"arn:aws:iam::{account.number}:{kind}",
        "root": root,
        "role": user.role,
        "admin": user.admin,
        "policies": sorted(user.policies),
        "created": iso_date(user.created_ms or account.created_ms),
    }
