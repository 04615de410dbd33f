"""Object lock: what protects a version from being removed, and which changes of it are allowed.

Judged by the time of the command's stamp, inside the command, so that every path that removes or
replaces a version is bound by it.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from __future__ import annotations

import msgspec

from z4tw.model.objects import Lock, Version
from z4tw.model.registers import Refused
from z4tw.model.stamps import stamp_ms
from z4tw.objects.commands import SetLegalHold, SetRetention

GOVERNANCE = "GOVERNANCE"
COMPLIANCE = "COMPLIANCE"
MODES = frozenset({GOVERNANCE, COMPLIANCE})
ON = "ON"
OFF = "OFF"
LOCKED = Refused("AccessDenied", "Access Denied because object protected by object lock.")
"""What every command answers that a lock stands against."""

NOT_IN_FUTURE = "The retain until date must be in the future!"
_UNLOCKED = Lock()


def protects(lock: Lock | None, stamp: bytes, bypass: bool = False) -> bool:
    """Whether a lock forbids to remove its version at the time of a stamp. ``bypass`` passes
    governance retention, and nothing else."""
    if lock is None:
        return False
    return lock.legal_hold == ON or _retains(lock, stamp_ms(stamp), bypass)


def retain(version: Version, command: SetRetention) -> Version | Refused:
    """The version with another retention. Retention that runs can be made longer in its mode;
    anything else takes the bypass in governance mode, and is refused in compliance mode."""
    lock = version.lock or _UNLOCKED
    now_ms = stamp_ms(command.stamp)
    if command.mode and command.until_ms <= now_ms:
        details = {"ArgumentName": "RetainUntilDate"}
        return Refused("InvalidArgument", NOT_IN_FUTURE, details)
    longer = command.mode == lock.mode and command.until_ms >= lock.until_ms
    if not longer and _retains(lock, now_ms, command.bypass):
        return LOCKED
    changed = Lock(command.mode, command.until_ms if command.mode else 0, lock.legal_hold)
    return msgspec.structs.replace(version, lock=None if changed == _UNLOCKED else changed)


def hold(version: Version, command: SetLegalHold) -> Version:
    """The version with its legal hold placed or ended."""
    lock = version.lock or _UNLOCKED
    changed = msgspec.structs.replace(lock, legal_hold=command.status)
    return msgspec.structs.replace(version, lock=changed)


def _retains(lock: Lock, now_ms: int, bypass: bool) -> bool:
    running = bool(lock.mode) and lock.until_ms > now_ms
    return running and not (bypass and lock.mode == GOVERNANCE)
