"""From an access key id to the principal and the secret that verify a signature."""

from __future__ import annotations

from typing import Any

import msgspec

from z4tw.model.control import AccessKey, Account, Principal, User
from z4tw.model.registers import Kind
from z4tw.ops.control import control_register
from z4tw.ops.directory import ControlCache


class Credential(msgspec.Struct, frozen=True):
    """Who an access key acts as, and its secret in the clear (in memory only)."""

    principal: Principal
    secret: str

    def __repr__(self) -> str:
        """Without the secret, so that no log line can show it."""
        return f"Credential({self.principal!r})"


class Credentials:
    """Looks access keys up; exact in the moment that a key, user or account changes.

    ``secrets`` has ``unseal(access_key_id, sealed) -> str``.
    """

    def __init__(self, store: Any, secrets: Any) -> None:
        self._store = store
        self._secrets = secrets
        cache: ControlCache[Credential] = ControlCache(store, self._load)
        self.peek = cache.peek
        self.find = cache.find

    async def _load(self, access_key_id: str) -> Credential | None:
        key: AccessKey | None = await self._read(Kind.ACCESS_KEY, access_key_id)
        if key is None:
            return None
        user: User | None = await self._read(Kind.USER, key.user)
        if user is None:
            return None
        account: Account | None = await self._read(Kind.ACCOUNT, user.account)
        if account is None:
            return None
        principal = Principal(
            account_id=account.id,
            account_number=account.number,
            display_name=account.name,
            user_id=user.id,
            user_name=user.name,
            access_key_id=key.access_key_id,
            admin=user.admin,
            may_create_buckets=user.may_create_buckets,
        )
        return Credential(principal, self._secrets.unseal(access_key_id, key.sealed_secret))

    async def _read(self, kind: int, name: str) -> Any:
        return await self._store.read(control_register(kind, name))
