"""What a bucket's rules say is due of a key's versions and of uploads.

A day of a rule ends at midnight UTC: what was made at 10:00 with a rule of one day is due at the
second midnight after. ``day_ms`` is the length of a day (shorter ones are for tests); days begin
at multiples of it since 1970.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import msgspec

from z4tw.lifecycle.rules import (
    AWS_CLASSES,
    DEFAULT_MINIMUM_BYTES,
    Configuration,
    Rule,
    takes_small,
)
from z4tw.model.objects import Version
from z4tw.model.registers import LiveRow

NEVER = 1 << 62
_COLDNESS = {name: rank for rank, name in enumerate(AWS_CLASSES, 1)}


class What(enum.Enum):
    """``EXPIRE``: delete the current version as a DELETE without a version id does; ``REMOVE``:
    remove a version or delete marker for good; ``MOVE``: change a version's storage class."""

    EXPIRE = "expire"
    REMOVE = "remove"
    MOVE = "move"


class Action(msgspec.Struct, frozen=True):
    """One thing to be done to one version, and the rule that says so."""

    what: What
    version: Version
    rule_id: str
    storage_class: str = ""


def end_of_day(ms: int, day_ms: int) -> int:
    """The first midnight that is not before a time."""
    return -(-ms // day_ms) * day_ms


def expiry_of(
    configuration: Configuration, key: str, version: Version, day_ms: int
) -> tuple[int, str] | None:
    """(Unix milliseconds, rule id) of when a current version expires, None when no rule says.

    The earliest rule counts, as for ``due``.
    """
    earliest: tuple[int, str] | None = None
    for rule in configuration.rules:
        expiration = rule.expiration
        if not rule.enabled or expiration is None or not _takes(rule, key, version):
            continue
        if expiration.date_ms is not None:
            moment = expiration.date_ms
        elif expiration.days:
            moment = end_of_day(version.modified_ms + expiration.days * day_ms, day_ms)
        else:
            continue
        if earliest is None or moment < earliest[0]:
            earliest = (moment, rule.id)
    return earliest


def abortion_of(
    configuration: Configuration, key: str, initiated_ms: int, day_ms: int
) -> tuple[int, str] | None:
    """(Unix milliseconds, rule id) of when an upload is aborted, None when no rule says."""
    moments = [
        (end_of_day(initiated_ms + rule.abort_days * day_ms, day_ms), rule.id)
        for rule in configuration.rules
        if rule.enabled and rule.abort_days and rule.filter.takes_key(key)
    ]
    return min(moments, key=lambda found: found[0], default=None)


class Judge:
    """A bucket's enabled rules at a time.

    ``versioned`` says whether the bucket has or had versioning. ``needs_heads`` is True when the
    rules look at more than the size, age and class of current versions; ``prefixes`` are what the
    keys of all rules on objects begin with, none of them in another; ``weight`` is the number of
    rules that each key is looked at with.
    """

    def __init__(
        self, configuration: Configuration, now_ms: int, day_ms: int, versioned: bool
    ) -> None:
        rules = [rule for rule in configuration.rules if rule.enabled]
        self._now_ms = now_ms
        self._day_ms = day_ms
        self._today_ms = now_ms - now_ms % day_ms
        self._minimum = configuration.minimum
        self._rules = [rule for rule in rules if _on_objects(rule)]
        self._older = [
            rule
            for rule in self._rules
            if rule.noncurrent_expiration or rule.noncurrent_transitions
        ]
        self._uploads = [rule for rule in rules if rule.abort_days]
        self.needs_heads = versioned and any(
            rule.expiration is not None
            or rule.noncurrent_expiration is not None
            or rule.noncurrent_transitions
            for rule in self._rules
        )
        self.weight = len(self._rules)
        self.prefixes = _shortest(self._rules)
        self.upload_prefixes = _shortest(self._uploads)
        self._latest_ms = max(map(self._cut_ms, self._rules), default=-1)
        self._quick = [self._quick_rule(rule) for rule in self._rules]

    # Quick looks

    def may_be_due(self, row: LiveRow) -> bool:
        """Whether anything may be due of a current version of which only the listing's row is
        known: never False for one of which something is."""
        _, size, _, modified_ms, storage_class, _, _ = row
        if modified_ms > self._latest_ms:
            return False
        for prefix, least, most, expires_ms, moves in self._quick:
            if not least <= size <= most or not row[0].startswith(prefix):
                continue
            if modified_ms <= expires_ms:
                return True
            for move_ms, target in moves:
                if modified_ms <= move_ms and target != storage_class:
                    return True
        return False

    def nothing_due(self, versions: Sequence[Version]) -> bool:
        """Whether a look at a key's current version is enough to know that nothing is due."""
        if self._older and len(versions) > 1:
            return False
        return versions[0].modified_ms > self._latest_ms

    def _cut_ms(self, rule: Rule) -> int:
        """A current version that is younger than this is left alone by a rule."""
        expiration = rule.expiration
        cuts = [self._reached(move.days, move.date_ms) for move in rule.transitions]
        if expiration is not None:
            if expiration.markers:
                cuts.append(NEVER)
            else:
                cuts.append(self._reached(expiration.days, expiration.date_ms))
        return max(cuts, default=-1)

    def _reached(self, days: int | None, date_ms: int | None) -> int:
        """The latest time of a version of which something is due now; -1: of none."""
        if date_ms is not None:
            return NEVER if date_ms <= self._now_ms else -1
        return -1 if days is None else self._today_ms - days * self._day_ms

    def _quick_rule(self, rule: Rule) -> tuple[bytes, int, int, int, tuple[tuple[int, str], ...]]:
        filter = rule.filter
        expires_ms = -1
        if rule.expiration is not None and rule.expiration.markers is None:
            expires_ms = self._reached(rule.expiration.days, rule.expiration.date_ms)
        least = 0 if filter.greater is None else filter.greater + 1
        most = NEVER if filter.less is None else filter.less - 1
        if expires_ms < 0 and not filter.sized:
            small = any(takes_small(self._minimum, move.storage_class) for move in rule.transitions)
            least = 0 if small else DEFAULT_MINIMUM_BYTES
        moves = tuple(
            (self._reached(move.days, move.date_ms), move.storage_class)
            for move in rule.transitions
        )
        return (filter.prefix or "").encode("utf-8"), least, most, expires_ms, moves

    # Decisions

    def due(self, key: str, versions: Sequence[Version]) -> list[Action]:
        """What is due of all versions of a key, which are given newest first.

        Expiration wins over transition, and the earliest expiration counts; of transitions the
        latest that is reached. A delete marker expires when it is alone.
        """
        current = versions[0]
        if current.delete_marker:
            first = self._marker(key, current) if len(versions) == 1 else None
        else:
            first = self._current(key, current)
        actions = [] if first is None else [first]
        for newer, version in enumerate(versions[1:]):
            action = self._noncurrent(key, version, versions[newer].modified_ms, newer)
            if action is not None:
                actions.append(action)
        return actions

    def aborted(self, key: str, initiated_ms: int) -> str:
        """The id of a rule by which an upload is to be aborted, empty when there is none."""
        age_ms = self._today_ms - initiated_ms
        for rule in self._uploads:
            if age_ms >= rule.abort_days * self._day_ms and rule.filter.takes_key(key):
                return rule.id
        return ""

    def _marker(self, key: str, marker: Version) -> Action | None:
        for rule in self._rules:
            expiration = rule.expiration
            if expiration is None or not _takes(rule, key, marker):
                continue
            reached = self._reached(expiration.days, expiration.date_ms)
            if expiration.markers or (expiration.markers is None and marker.modified_ms <= reached):
                return Action(What.REMOVE, marker, rule.id)
        return None

    def _current(self, key: str, version: Version) -> Action | None:
        modified_ms = version.modified_ms
        expired: tuple[int, str] | None = None
        moves: list[tuple[int, int, str, str]] = []
        for rule in self._rules:
            if not _takes(rule, key, version):
                continue
            expiration = rule.expiration
            if expiration is not None and expiration.markers is None:
                moment = self._moment(modified_ms, expiration.days, expiration.date_ms)
                if moment <= self._now_ms and (expired is None or moment < expired[0]):
                    expired = (moment, rule.id)
            for move in rule.transitions:
                moment = self._moment(modified_ms, move.days, move.date_ms)
                if moment <= self._now_ms and self._may_move(rule, version, move.storage_class):
                    rank = _COLDNESS.get(move.storage_class, 0)
                    moves.append((moment, rank, move.storage_class, rule.id))
        if expired is not None:
            return Action(What.EXPIRE, version, expired[1])
        return _move(version, moves)

    def _noncurrent(self, key: str, version: Version, since_ms: int, newer: int) -> Action | None:
        """``since_ms`` is when the version was replaced, ``newer`` how many noncurrent versions
        are newer."""
        moves: list[tuple[int, int, str, str]] = []
        for rule in self._older:
            older = rule.noncurrent_expiration
            if not _takes(rule, key, version):
                continue
            if (
                older is not None
                and newer >= older.newer
                and self._moment(since_ms, older.days, None) <= self._now_ms
            ):
                return Action(What.REMOVE, version, rule.id)
            for move in rule.noncurrent_transitions:
                if version.delete_marker or newer < move.newer:
                    continue
                moment = self._moment(since_ms, move.days, None)
                if moment <= self._now_ms and self._may_move(rule, version, move.storage_class):
                    rank = _COLDNESS.get(move.storage_class, 0)
                    moves.append((moment, rank, move.storage_class, rule.id))
        return _move(version, moves)

    def _moment(self, since_ms: int, days: int | None, date_ms: int | None) -> int:
        if date_ms is not None:
            return date_ms
        return end_of_day(since_ms + (days or 0) * self._day_ms, self._day_ms)

    def _may_move(self, rule: Rule, version: Version, target: str) -> bool:
        if (
            version.size < DEFAULT_MINIMUM_BYTES
            and not rule.filter.sized
            and not takes_small(self._minimum, target)
        ):
            return False
        # Never to a warmer class: S3's classes are a way down.
        return _COLDNESS.get(version.storage_class, 0) <= _COLDNESS.get(target, len(_COLDNESS))


def _move(version: Version, moves: list[tuple[int, int, str, str]]) -> Action | None:
    """The transition that is furthest on the way, unless the version is there."""
    if not moves:
        return None
    _, _, storage_class, rule_id = max(moves)
    if storage_class == version.storage_class:
        return None
    return Action(What.MOVE, version, rule_id, storage_class)


def _takes(rule: Rule, key: str, version: Version) -> bool:
    """Whether a rule is for a version. Delete markers have neither size nor tags."""
    filter = rule.filter
    if not filter.takes_key(key):
        return False
    if version.delete_marker:
        return not (filter.tags or filter.sized)
    return filter.takes_size(version.size) and (not filter.tags or filter.takes_tags(version.tags))


def _on_objects(rule: Rule) -> bool:
    expiration = rule.expiration
    return bool(
        (expiration is not None and expiration.markers is not False)
        or rule.transitions
        or rule.noncurrent_expiration
        or rule.noncurrent_transitions
    )


def _shortest(rules: Sequence[Rule]) -> list[bytes]:
    """The prefixes of rules in order, without those that begin with another one."""
    found: list[bytes] = []
    for prefix in sorted({(rule.filter.prefix or "").encode("utf-8") for rule in rules}):
        if not found or not prefix.startswith(found[-1]):
            found.append(prefix)
    return found
