"""From an access key id or a session token to the principal and the secret that verify a
signature."""

from __future__ import annotations

from typing import Any

import msgspec

from z4tw.errors import InvalidToken
from z4tw.model.control import AccessKey, Account, PolicySet, Principal, User
from z4tw.model.registers import Kind
from z4tw.ops.control import control_register
from z4tw.ops.directory import ControlCache
from z4tw.sts.sessions import Session, SessionSeal

CACHED_SESSIONS = 5_000
"""Sessions that a process remembers; their tokens may be some KiB long."""


class Credential(msgspec.Struct, frozen=True):
    """Who an access key or a session acts as, and its secret in the clear (in memory only).

    ``created_ms`` is the key's; ``expires_s`` the Unix time at which a session ends (0: a key).
    """

    principal: Principal
    secret: str
    created_ms: int = 0
    expires_s: int = 0

    def __repr__(self) -> str:
        """Without the secret, so that no log line can show it."""
        return f"Credential({self.principal!r})"


class Credentials:
    """Looks access keys and sessions up; exact in the moment that a key, user or account changes.

    ``find(access_key_id)`` and ``find_session(token)`` read what is not known; ``peek`` and
    ``peek_session`` never wait. ``secrets`` has ``unseal(access_key_id, sealed) -> str``.
    """

    def __init__(self, store: Any, secrets: Any, sessions: SessionSeal) -> None:
        self._store = store
        self._secrets = secrets
        self._sessions = sessions
        keys: ControlCache[Credential] = ControlCache(store, self._load)
        self.peek = keys.peek
        self.find = keys.find
        tokens: ControlCache[Credential] = ControlCache(store, self._load_session, CACHED_SESSIONS)
        self.peek_session = tokens.peek
        self.find_session = tokens.find

    async def _load(self, access_key_id: str) -> Credential | None:
        key: AccessKey | None = await self._read(Kind.ACCESS_KEY, access_key_id)
        if key is None or not key.active:
            return None
        principal = await principal_of(self._store, key.user, key)
        if principal is None or principal.role:
            return None
        secret = self._secrets.unseal(access_key_id, key.sealed_secret)
        return Credential(principal, secret, key.created_ms)

    async def _load_session(self, token: str) -> Credential | None:
        """The credential of a session while the key that asked for it is good; else None. Raises
        ``InvalidToken``."""
        session = self._sessions.open(token)
        parent = await self.find(session.key)
        if parent is None or parent.created_ms != session.key_created_ms:
            return None
        principal: Principal | None = parent.principal
        if session.user != parent.principal.user_id:
            principal = await principal_of(self._store, session.user, None)
        if principal is None:
            return None
        acting = acting_as(principal, session)
        return Credential(
            acting, self._sessions.secret(session), parent.created_ms, session.expires_s
        )

    async def session(self, token: str, access_key_id: str) -> Credential:
        """The credential of a session token that came with an access key id. Raises
        ``InvalidToken`` when they do not belong together, or the session's key or user is gone.
        Whether it has expired is not looked at."""
        found = self.peek_session(token)
        if found is None:
            found = await self.find_session(token)
        if found is None or found.principal.access_key_id != access_key_id:
            raise InvalidToken()
        return found

    async def _read(self, kind: int, name: str) -> Any:
        return await self._store.read(control_register(kind, name))


async def principal_of(store: Any, user_id: str, key: AccessKey | None) -> Principal | None:
    """The principal that a user is (with one of its keys), None when there is no such user."""
    user: User | None = await store.read(control_register(Kind.USER, user_id))
    if user is None:
        return None
    account: Account | None = await store.read(control_register(Kind.ACCOUNT, user.account))
    if account is None:
        return None
    limits: tuple[PolicySet, ...] = ()
    if key is not None and key.policies:
        limits = (PolicySet(f"key {key.name}", _documents(key.policies)),)
    policies = None
    if user.policies:
        kind = "role" if user.role else "user"
        policies = PolicySet(f"{kind} {user.name}", _documents(user.policies))
    return Principal(
        account_id=account.id,
        account_number=account.number,
        display_name=account.name,
        user_id=user.id,
        user_name=user.name,
        access_key_id=user.id if key is None else key.access_key_id,
        admin=user.admin,
        may_create_buckets=user.may_create_buckets,
        role=user.role,
        policies=policies,
        limits=limits,
    )


def acting_as(principal: Principal, session: Session) -> Principal:
    """The principal in a session: with the same rights or fewer."""
    limits = principal.limits
    if session.policy:
        limits += (PolicySet("session", (("session policy", session.policy),)),)
    return msgspec.structs.replace(
        principal,
        access_key_id=session.access_key_id,
        limits=limits,
        session=session.name,
        issued_s=session.issued_s,
    )


def _documents(policies: dict[str, bytes]) -> tuple[tuple[str, bytes], ...]:
    return tuple(sorted(policies.items()))
