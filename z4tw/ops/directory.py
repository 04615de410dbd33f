"""Exact caches of control records: buckets and account names (credentials use the same class).

A cache entry is good while ``store.control_generation()`` has not moved since before the record
was read; any control change empties the caches (such changes are rare). A hit costs no await.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from z4tw.model.control import Account, Bucket, BucketState, User
from z4tw.model.registers import Kind
from z4tw.ops.aliases import target_of
from z4tw.ops.control import bucket_register, control_register

V = TypeVar("V")
CACHED = 20_000
"""Entries of one cache; a full one starts again from empty."""


class ControlCache(Generic[V]):
    """Values loaded by name from control records, exact by the store's control generation.

    ``load(name)`` is an async function that returns the value or None; None is not kept, so that
    a flood of unknown names takes no room.
    """

    def __init__(
        self, store: Any, load: Callable[[str], Awaitable[V | None]], limit: int = CACHED
    ) -> None:
        self._generation_now: Callable[[], int] = store.control_generation
        self._load = load
        self._limit = limit
        self._generation = self._generation_now()
        self._entries: dict[str, V] = {}

    def peek(self, name: str) -> V | None:
        """The value if it is known and still exact; never waits."""
        if self._generation_now() != self._generation:
            return None
        return self._entries.get(name)

    async def find(self, name: str) -> V | None:
        """The value, read from the store when it is not known."""
        generation = self._generation_now()
        if generation != self._generation:
            self._generation = generation
            self._entries = {}
        entries = self._entries
        value = entries.get(name)
        if value is None:
            value = await self._load(name)
            # ``entries`` may have been thrown away meanwhile: then this writes into the void.
            if value is not None:
                if len(entries) >= self._limit:
                    entries.clear()
                entries[name] = value
        return value


class Directory:
    """Buckets and account names by their names and ids."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._buckets: ControlCache[Bucket] = ControlCache(store, self._load_bucket)
        self._owners: ControlCache[Account] = ControlCache(store, self._load_owner)
        self.peek_bucket = self._buckets.peek
        self._numbers: dict[str, str] = {}

    async def bucket(self, name: str) -> Bucket | None:
        """An active bucket's record, by its name or an alias; None when there is none, or one that
        is being deleted."""
        return await self._buckets.find(name)

    async def bucket_in_any_state(self, name: str) -> Bucket | None:
        """A bucket's record as the store has it now, also one that is being deleted. An alias is
        taken for its bucket."""
        found: Bucket | None = await self._store.read(bucket_register(name))
        if found is not None and found.state == BucketState.ALIAS:
            found = await target_of(self._store, found)
        if found is not None and not self._numbers.get(found.owner):
            self._numbers[found.owner] = await self.owner_number(found.owner)
        return found

    async def owner_name(self, account_id: str) -> str:
        """The DisplayName of a canonical account id, empty when no account has it."""
        account = await self._owners.find(account_id)
        return "" if account is None else account.name

    async def owner_number(self, account_id: str) -> str:
        """The 12-digit number of a canonical account id, empty when no account has it."""
        account = await self._owners.find(account_id)
        return "" if account is None else account.number

    def known_number(self, account_id: str) -> str:
        """The 12-digit number of an account that owns a bucket which was found here; never waits.
        An account keeps its number for ever."""
        return self._numbers.get(account_id, "")

    async def _load_bucket(self, name: str) -> Bucket | None:
        bucket = await self.bucket_in_any_state(name)
        if bucket is None or bucket.state != BucketState.ACTIVE:
            return None
        return bucket

    async def _load_owner(self, account_id: str) -> Account | None:
        # An account's root user has the account's id, which makes it the index from ids to names.
        root: User | None = await self._store.read(control_register(Kind.USER, account_id))
        if root is None:
            return None
        account: Account | None = await self._store.read(
            control_register(Kind.ACCOUNT, root.account)
        )
        return account
