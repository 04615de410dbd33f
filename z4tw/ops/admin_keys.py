"""Administration of access keys."""

from __future__ import annotations

import hmac
from typing import Any

import msgspec

from z4tw.model.control import AccessKey, Account, Bucket, Grant, User
from z4tw.model.registers import Kind
from z4tw.model.stamps import stamp_ms
from z4tw.ops.accounts import (
    ROOT_ACCOUNT,
    AdminError,
    RandomBytes,
    check_credentials,
    check_name,
    ensure_root_account,
    find_key,
    find_user,
    keys_of,
    new_access_key_id,
    new_account,
    new_secret,
    put_root_user,
    read_account,
    read_user,
    touched,
)
from z4tw.ops.control import (
    ATTEMPTS,
    Stamp,
    bucket_register,
    control_register,
    later_stamp,
    replace,
    scan_all,
    update,
)
from z4tw.s3.dates import iso_date


class KeyAdmin:
    """Creates, lists and deletes access keys, with their accounts and users.

    ``secrets`` has ``seal(access_key_id, secret) -> bytes`` and the opposite ``unseal``.
    Answers are plain dicts for ``--json``; what cannot be done raises ``AdminError``.
    """

    def __init__(
        self, *, store: Any, secrets: Any, stamp: Stamp, random_bytes: RandomBytes
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._stamp = stamp
        self._random_bytes = random_bytes

    async def key_create(
        self,
        name: str,
        admin: bool = False,
        may_create_buckets: bool = True,
        user: str | None = None,
    ) -> dict[str, Any]:
        """Make a key NAME with an account of that name, and show its secret this once.

        When a key of that name was deleted before, its account was kept and the new key is
        attached to it: it owns again what the old one owned. With ``user`` it is one more key of
        a user that is there. Raises ``AdminError`` when NAME is taken.
        """
        access_key_id = new_access_key_id(self._random_bytes)
        secret = new_secret(self._random_bytes)
        if user is not None:
            return await self._add_to(user, name, access_key_id, secret, admin)
        return await self._add(name, access_key_id, secret, admin, may_create_buckets)

    async def key_import(
        self,
        name: str,
        access_key_id: str,
        secret: str,
        admin: bool = False,
        may_create_buckets: bool = True,
        user: str | None = None,
    ) -> dict[str, Any]:
        """Like ``key_create`` with an id and a secret that were made elsewhere. Raises
        ``AdminError`` for ones that cannot be keys, and when the name or the id is taken."""
        check_credentials(access_key_id, secret)
        if user is not None:
            return await self._add_to(user, name, access_key_id, secret, admin)
        return await self._add(name, access_key_id, secret, admin, may_create_buckets)

    async def key_list(self) -> list[dict[str, Any]]:
        """All keys by name, without secrets and without unfinished ones."""
        keys: list[AccessKey] = await scan_all(self._store, Kind.ACCESS_KEY)
        keys.sort(key=lambda key: (key.name, key.access_key_id))
        return [await self._describe(key) for key in keys if not await self._unfinished(key)]

    async def key_info(self, name: str) -> dict[str, Any]:
        """One key (by name or id), with its account, the buckets it owns and its grants."""
        key = await find_key(self._store, name)
        buckets: list[Bucket] = await scan_all(self._store, Kind.BUCKET)
        answer = await self._describe(key)
        owned = [bucket.name for bucket in buckets if bucket.owner == answer["account_id"]]
        granted = {
            bucket.name: grant_names(bucket.grants[key.user])
            for bucket in buckets
            if bucket.grants.get(key.user)
        }
        return answer | {"owned_buckets": owned, "granted_buckets": granted}

    async def key_activate(self, name: str) -> dict[str, Any]:
        """Let a key that was deactivated be used again."""
        return await self._set_active(name, True)

    async def key_deactivate(self, name: str) -> dict[str, Any]:
        """Refuse a key, and the temporary credentials that were made with it, until it is
        activated again."""
        return await self._set_active(name, False)

    async def key_delete(self, name: str) -> dict[str, Any]:
        """Delete a key (by name or id). With the last key of an account's root user go the grants
        and rights that the user has.

        The account record stays, without rights and without a key, so that what it owns still
        shows its Owner; creating NAME again re-attaches to it.
        """
        key = await find_key(self._store, name)
        await update(
            self._store, control_register(Kind.ACCESS_KEY, key.access_key_id), lambda _: None
        )
        user = await read_user(self._store, key.user)
        if user is not None:
            account = await read_account(self._store, user.account)
            is_root = account is None or account.id == user.id
            if is_root and not await keys_of(self._store, user.id):
                await revoke_grants(self._store, self._stamp, user.id)
                if account is not None and user.account != ROOT_ACCOUNT:
                    await put_root_user(
                        self._store, account, self._stamp, admin=False, may_create_buckets=False
                    )
        return {"name": key.name, "access_key_id": key.access_key_id, "deleted": True}

    async def ensure_root_key(self, access_key_id: str, secret: str) -> dict[str, Any]:
        """See to it that the account ``root`` has exactly this key, an admin one; repeating it
        changes nothing. An older root key is removed, a changed secret is stored. Raises
        ``AdminError`` when the id belongs to another key."""
        check_credentials(access_key_id, secret)
        account = await ensure_root_account(self._store, self._stamp, self._random_bytes)

        def change(present: AccessKey | None) -> AccessKey:
            if present is not None:
                if present.user != account.id:
                    raise AdminError(
                        f"access key id {access_key_id} belongs to the key named {present.name}"
                    )
                kept = self._secrets.unseal(access_key_id, present.sealed_secret)
                if hmac.compare_digest(kept.encode(), secret.encode()):
                    return present
            stamp = later_stamp(self._stamp, present)
            return self._record(stamp, ROOT_ACCOUNT, account.id, access_key_id, secret)

        key: AccessKey = await update(
            self._store, control_register(Kind.ACCESS_KEY, access_key_id), change
        )
        for other in await keys_of(self._store, account.id):
            if other.name == ROOT_ACCOUNT and other.access_key_id != access_key_id:
                register = control_register(Kind.ACCESS_KEY, other.access_key_id)
                await update(self._store, register, lambda _: None)
        return await self._describe(key)

    async def _add(
        self, name: str, access_key_id: str, secret: str, admin: bool, may_create_buckets: bool
    ) -> dict[str, Any]:
        check_name(name)
        if name == ROOT_ACCOUNT:
            raise AdminError(f"the name {ROOT_ACCOUNT} is reserved for the root key")
        account, record = await self._claim(name, access_key_id, secret)
        await put_root_user(self._store, account, self._stamp, admin, may_create_buckets)
        kept = msgspec.structs.replace(record, stamp=later_stamp(self._stamp, record))
        if not await replace(
            self._store, control_register(Kind.ACCESS_KEY, access_key_id), record, kept
        ):
            raise AdminError(f"another command took the key named {name} for an unfinished one")
        return {
            "name": name,
            "access_key_id": access_key_id,
            "secret_access_key": secret,
            "account_id": account.id,
            "account_number": account.number,
            "admin": admin,
            "may_create_buckets": may_create_buckets,
            "user": name,
            "account": name,
        }

    async def _claim(self, name: str, access_key_id: str, secret: str) -> tuple[Account, AccessKey]:
        """Store a key under a name that no other key has, and the account that it belongs to.

        Two that race for a name both store their keys, and the account's compare-and-set lets
        one of them win; the other takes its key back. Until its user is there, a key is dead, and
        one that a crash left so does not take a name: it is removed, which the compare-and-set at
        the end of ``_add`` notices if its maker was only slow.
        """
        account_register = control_register(Kind.ACCOUNT, name)
        key_register = control_register(Kind.ACCESS_KEY, access_key_id)
        for _ in range(ATTEMPTS):
            account = await read_account(self._store, name)
            for key in await scan_all(self._store, Kind.ACCESS_KEY):
                if key.name == name:
                    if not await self._unfinished(key):
                        raise AdminError(f"there is a key named {name} already")
                    register = control_register(Kind.ACCESS_KEY, key.access_key_id)
                    await replace(self._store, register, key, None)
            if account is None:
                claimed = new_account(name, self._stamp(), self._random_bytes)
            else:
                claimed = touched(account, self._stamp)
            record = self._record(self._stamp(), name, claimed.id, access_key_id, secret)
            if not await replace(self._store, key_register, None, record):
                raise AdminError(f"there is a key with the id {access_key_id} already")
            if await self._others_with_name(record, of_other_users=True):
                await replace(self._store, key_register, record, None)
                raise AdminError(f"there is a key named {name} already")
            if await replace(self._store, account_register, account, claimed):
                return claimed, record
            await replace(self._store, key_register, record, None)
        raise AdminError(f"too many commands change the key named {name} at the same time")

    async def _add_to(
        self, user_name: str, name: str, access_key_id: str, secret: str, admin: bool
    ) -> dict[str, Any]:
        """One more key of a user. Of two that race for a name one or none gets it."""
        check_name(name)
        if admin:
            raise AdminError("a user's further keys are no admins: what they may do is the user's")
        if name == ROOT_ACCOUNT:
            raise AdminError(f"the name {ROOT_ACCOUNT} is reserved for the root key")
        user = await find_user(self._store, user_name)
        if user.role:
            raise AdminError(f"{user.name} is a role: it is assumed and has no keys")
        for key in await scan_all(self._store, Kind.ACCESS_KEY):
            if key.name == name:
                raise AdminError(f"there is a key named {name} already")
        register = control_register(Kind.ACCESS_KEY, access_key_id)
        record = self._record(self._stamp(), name, user.id, access_key_id, secret)
        if not await replace(self._store, register, None, record):
            raise AdminError(f"there is a key with the id {access_key_id} already")
        if await self._others_with_name(record):
            await replace(self._store, register, record, None)
            raise AdminError(f"there is a key named {name} already")
        if await read_user(self._store, user.id) is None:
            await replace(self._store, register, record, None)
            raise AdminError(f"the user {user.name} was deleted meanwhile")
        described = await self._describe(record)
        del described["created"]
        return {**described, "secret_access_key": secret}

    async def _others_with_name(self, record: AccessKey, of_other_users: bool = False) -> bool:
        """Whether another finished key has a stored key's name. ``of_other_users`` leaves out
        those of the root user of the account of that name, which ``_claim`` decides between."""
        for key in await scan_all(self._store, Kind.ACCESS_KEY):
            if key.name != record.name or key.access_key_id == record.access_key_id:
                continue
            user = await read_user(self._store, key.user)
            if user is not None:
                own = user.name == user.account == record.name
                if not (of_other_users and own):
                    return True
        return False

    async def _set_active(self, name: str, active: bool) -> dict[str, Any]:
        found = await find_key(self._store, name)

        def change(present: AccessKey | None) -> AccessKey:
            if present is None:
                raise AdminError(f"there is no key named {name}")
            if present.active == active:
                return present
            stamp = later_stamp(self._stamp, present)
            return msgspec.structs.replace(present, active=active, stamp=stamp)

        register = control_register(Kind.ACCESS_KEY, found.access_key_id)
        return await self._describe(await update(self._store, register, change))

    async def _unfinished(self, key: AccessKey) -> bool:
        """Whether a key's creation has not come to its end: it has no user yet."""
        return await read_user(self._store, key.user) is None

    def _record(
        self, stamp: bytes, name: str, user_id: str, access_key_id: str, secret: str
    ) -> AccessKey:
        return AccessKey(
            stamp=stamp,
            access_key_id=access_key_id,
            name=name,
            user=user_id,
            sealed_secret=self._secrets.seal(access_key_id, secret),
            created_ms=stamp_ms(stamp),
        )

    async def _describe(self, key: AccessKey) -> dict[str, Any]:
        user: User | None = await read_user(self._store, key.user)
        account = None if user is None else await read_account(self._store, user.account)
        return {
            "name": key.name,
            "access_key_id": key.access_key_id,
            "account_id": "" if account is None else account.id,
            "account_number": "" if account is None else account.number,
            "admin": user is not None and user.admin,
            "may_create_buckets": user is not None and user.may_create_buckets,
            "created": iso_date(key.created_ms),
            "user": "" if user is None else user.name,
            "account": "" if user is None else user.account,
            "active": key.active,
            "policies": sorted(key.policies),
        }


async def revoke_grants(store: Any, stamp: Stamp, user_id: str) -> None:
    """Take away all that was granted to a user on buckets."""

    def change(present: Bucket | None) -> Bucket | None:
        if present is None or user_id not in present.grants:
            return present
        grants = {user: flags for user, flags in present.grants.items() if user != user_id}
        return msgspec.structs.replace(present, grants=grants, stamp=later_stamp(stamp, present))

    for bucket in await scan_all(store, Kind.BUCKET):
        if user_id in bucket.grants:
            await update(store, bucket_register(bucket.name), change)


def grant_names(flags: int) -> list[str]:
    """Grant flags as the words of ``z4 bucket allow``."""
    return [
        name
        for flag, name in ((Grant.READ, "read"), (Grant.WRITE, "write"), (Grant.OWNER, "owner"))
        if flags & flag
    ]
