"""Carrying out what lifecycle rules say is due of a key, by the commands of the S3 operations.

Every command is conditional on the head that the decision rests on: whatever a client changed
since, the command is refused and the key is left for the next walk.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from z4tw.lifecycle.due import Action, Judge, What
from z4tw.model.control import Bucket
from z4tw.model.objects import Head, Version
from z4tw.model.registers import Done, Kind, Outcome, Refused, Register, VersionQuery
from z4tw.objects.commands import AbortUpload, Condition, DeleteObject, DeleteVersion
from z4tw.objects.locks import protects
from z4tw.ops.events import background_notice
from z4tw.s3.notification import Event

Move = Callable[[Bucket, str, Version, str], Awaitable[bool]]
"""Moves a version of a key to a storage class; False: it was changed meanwhile."""


_OF_ONE_VERSION = frozenset({"AccessDenied"})
"""Refusals that say nothing of a key's other versions: one that is locked stays."""


class Tally(msgspec.Struct):
    """What was done: current versions deleted, versions and markers removed, versions moved,
    uploads aborted, and what was left alone because it is protected or was changed meanwhile."""

    expired: int = 0
    removed: int = 0
    transitioned: int = 0
    aborted: int = 0
    skipped: int = 0

    def add(self, other: Tally) -> None:
        """Count another tally too."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Looked(NamedTuple):
    """What was done of one key, and the (key, transition) that remain to be done."""

    tally: Tally
    moves: list[tuple[str, Action]]


class Executor:
    """Decides about single keys and does what is due.

    ``stamp`` makes the stamps of commands; ``move`` carries out transitions. ``dry``: only count.
    """

    def __init__(
        self,
        store: Any,
        stamp: Callable[[], bytes],
        now_ms: Callable[[], int],
        move: Move,
        *,
        dry: bool = False,
    ) -> None:
        self._store = store
        self._stamp = stamp
        self._now_ms = now_ms
        self._move = move
        self._dry = dry

    async def look_at(
        self, bucket: Bucket, key: bytes, judge: Judge, head: Head | None = None
    ) -> Looked:
        """Delete what is due of one key; ``head`` is what was read of it just now, if it was.
        Moves take long: they are only told."""
        tally = Tally()
        moves: list[tuple[str, Action]] = []
        register = Register(Kind.OBJECT, bucket.incarnation, key)
        if head is None:
            head = await self._store.read(register)
            if head is None:
                return Looked(tally, moves)
        text = key.decode("utf-8")
        versions = head.versions if not head.pages else await self._all(bucket, key)
        last = head.last
        # The oldest go first: what makes versions noncurrent comes last.
        for action in reversed(judge.due(text, versions)):
            if action.what is What.MOVE:
                moves.append((text, action))
                continue
            if action.what is What.REMOVE and protects(action.version.lock, self._stamp()):
                tally.skipped += 1
                continue
            if not self._dry:
                command = self._command(bucket, text, action, last)
                outcome: Outcome = await self._store.change(register, command)
                if type(outcome) is not Done:
                    tally.skipped += 1
                    if isinstance(outcome, Refused) and outcome.code in _OF_ONE_VERSION:
                        continue
                    break
                last = outcome.stamp
            if action.what is What.EXPIRE:
                tally.expired += 1
            else:
                tally.removed += 1
        return Looked(tally, moves)

    async def move(self, bucket: Bucket, key: str, action: Action) -> Tally:
        """Carry out a transition that ``look_at`` told."""
        if self._dry or await self._move(bucket, key, action.version, action.storage_class):
            return Tally(transitioned=1)
        return Tally(skipped=1)

    async def _all(self, bucket: Bucket, key: bytes) -> list[Version]:
        """All versions of a key that has pages of older ones."""
        found: list[Version] = []
        query = VersionQuery(prefix=key)
        while True:
            page = await self._store.list_versions(bucket.incarnation, query)
            found += [version for other, version, _ in page.versions if other == key]
            if not page.truncated or page.next_key != key:
                return found
            query = VersionQuery(
                prefix=key, key_marker=page.next_key, version_marker=page.next_version
            )

    def _command(
        self, bucket: Bucket, key: str, action: Action, last: bytes
    ) -> DeleteObject | DeleteVersion:
        condition = Condition(last=last)
        expires = action.what is What.EXPIRE
        marker = expires and bucket.versioning != ""
        event = Event.EXPIRED_MARKER if marker else Event.EXPIRED_DELETE
        notice = background_notice(bucket, event, key, bucket.region)
        if expires:
            return DeleteObject(
                self._stamp(), bucket.owner, bucket.versioning, condition, notice=notice
            )
        return DeleteVersion(self._stamp(), action.version.version_id, condition, notice=notice)

    async def abort(self, bucket: Bucket, upload_key: bytes) -> Tally:
        """Abort the upload of a register key."""
        if self._dry:
            return Tally(aborted=1)
        register = Register(Kind.UPLOAD, bucket.incarnation, upload_key)
        outcome: Outcome = await self._store.change(register, AbortUpload(self._stamp()))
        return Tally(aborted=1) if type(outcome) is Done else Tally(skipped=1)
