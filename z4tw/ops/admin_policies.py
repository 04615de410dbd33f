"""Administration of the policies of users, roles and keys."""

from __future__ import annotations

from typing import Any

import msgspec

from z4tw.errors import MalformedPolicy
from z4tw.model.control import AccessKey, User
from z4tw.model.registers import Kind, Register
from z4tw.ops.accounts import AdminError, check_name, find_key, find_user
from z4tw.ops.control import Stamp, control_register, later_stamp, update
from z4tw.policy.identity import MAX_POLICIES, MAX_POLICY_BYTES, identity_policy
from z4tw.policy.trust import trust_policy

DEFAULT_NAME = "default"
"""The name of a policy that is put without one."""


class PolicyAdmin:
    """Puts, shows and removes identity policies.

    A user's policies allow it what they allow; a key's only limit what its user may do with it.
    Answers are plain dicts for ``--json``; what cannot be done raises ``AdminError``.
    """

    def __init__(self, *, store: Any, stamp: Stamp) -> None:
        self._store = store
        self._stamp = stamp

    async def user_policy_put(
        self, user: str, document: str, name: str = DEFAULT_NAME
    ) -> dict[str, Any]:
        """Give a user or a role a policy, or change the one of that name. Raises ``AdminError``
        for a root user, which may do everything in its account as it is."""
        found = await find_user(self._store, user)
        _refuse_root(found)
        return await self._put(_of_user(found), found.name, name, document)

    async def user_policy_get(self, user: str, name: str = DEFAULT_NAME) -> dict[str, Any]:
        """One policy of a user, as it was put."""
        found = await find_user(self._store, user)
        return _one(found.name, found.policies, name)

    async def user_policy_list(self, user: str) -> list[dict[str, Any]]:
        """All policies of a user, by name."""
        return _all((await find_user(self._store, user)).policies)

    async def user_policy_delete(self, user: str, name: str = DEFAULT_NAME) -> dict[str, Any]:
        """Take a policy away from a user."""
        found = await find_user(self._store, user)
        return await self._delete(_of_user(found), found.name, name)

    async def role_trust(self, role: str, document: str) -> dict[str, Any]:
        """Set the trust policy of a role; an empty document removes it."""
        found = await find_user(self._store, role)
        if not found.role:
            raise AdminError(f"{found.name} is no role")
        raw = document.encode("utf-8", "replace")
        if raw:
            _check(raw, trust_policy)

        def change(present: Any) -> Any:
            if present is None:
                raise AdminError(f"there is no user named {role}")
            stamp = later_stamp(self._stamp, present)
            return msgspec.structs.replace(present, trust=raw, stamp=stamp)

        await update(self._store, _of_user(found), change)
        return {"name": found.name, "trust": document}

    async def key_policy_put(
        self, key: str, document: str, name: str = DEFAULT_NAME
    ) -> dict[str, Any]:
        """Limit a key: what its user may do with it, some policy of the key has to allow too."""
        found = await find_key(self._store, key)
        return await self._put(_of_key(found), found.name, name, document)

    async def key_policy_get(self, key: str, name: str = DEFAULT_NAME) -> dict[str, Any]:
        """One policy of a key, as it was put."""
        found = await find_key(self._store, key)
        return _one(found.name, found.policies, name)

    async def key_policy_list(self, key: str) -> list[dict[str, Any]]:
        """All policies of a key, by name."""
        return _all((await find_key(self._store, key)).policies)

    async def key_policy_delete(self, key: str, name: str = DEFAULT_NAME) -> dict[str, Any]:
        """Take a policy away from a key. Without any left, the key is not limited any more."""
        found = await find_key(self._store, key)
        return await self._delete(_of_key(found), found.name, name)

    async def _put(
        self, register: Register, owner: str, name: str, document: str
    ) -> dict[str, Any]:
        check_name(name, "policy")
        raw = document.encode("utf-8", "replace")
        if len(raw) > MAX_POLICY_BYTES:
            raise AdminError(f"a policy has at most {MAX_POLICY_BYTES} bytes")
        _check(raw, identity_policy)

        def change(present: Any) -> Any:
            if present is None:
                raise AdminError(f"{owner} was deleted meanwhile")
            policies = {**present.policies, name: raw}
            if len(policies) > MAX_POLICIES:
                raise AdminError(f"{owner} has {MAX_POLICIES} policies, which is the most")
            return self._changed(present, policies)

        changed = await update(self._store, register, change)
        return {"owner": owner, "name": name, "policies": sorted(changed.policies)}

    async def _delete(self, register: Register, owner: str, name: str) -> dict[str, Any]:
        def change(present: Any) -> Any:
            if present is None or name not in present.policies:
                raise AdminError(f"{owner} has no policy named {name}")
            policies = {key: value for key, value in present.policies.items() if key != name}
            return self._changed(present, policies)

        await update(self._store, register, change)
        return {"owner": owner, "name": name, "deleted": True}

    def _changed(self, present: Any, policies: dict[str, bytes]) -> Any:
        stamp = later_stamp(self._stamp, present)
        return msgspec.structs.replace(present, policies=policies, stamp=stamp)


def _of_user(user: User) -> Register:
    return control_register(Kind.USER, user.id)


def _of_key(key: AccessKey) -> Register:
    return control_register(Kind.ACCESS_KEY, key.access_key_id)


def _refuse_root(user: User) -> None:
    if user.name == user.account:
        raise AdminError(
            f"{user.name} is the root user of its account and may do everything in it: limit its "
            "keys with z4 key policy, or make users with z4 user create"
        )


def _check(raw: bytes, parse: Any) -> None:
    try:
        parse(raw)
    except MalformedPolicy as error:
        raise AdminError(f"malformed policy: {error.message}") from None


def _one(owner: str, policies: dict[str, bytes], name: str) -> dict[str, Any]:
    if name not in policies:
        raise AdminError(f"{owner} has no policy named {name}")
    return {"owner": owner, "name": name, "document": policies[name].decode("utf-8")}


def _all(policies: dict[str, bytes]) -> list[dict[str, Any]]:
    return [
        {"name": name, "document": document.decode("utf-8")}
        for name, document in sorted(policies.items())
    ]
