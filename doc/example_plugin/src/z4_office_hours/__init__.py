"""The rule itself: who is no admin may change things only between two hours of the day (UTC)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from zope.interface import implementer

from z4tw.interfaces import Decision, Effect, IPolicyEvaluator, PolicyRequest

_READING = ("s3:Get", "s3:List")
_DAY_S = 24 * 3600


@implementer(IPolicyEvaluator)
class OfficeHours:
    """Denies changes outside the hours from ``opens`` to ``closes``; ``now`` gives Unix seconds."""

    def __init__(self, opens: int, closes: int, now: Callable[[], float]) -> None:
        self._opens = opens
        self._closes = closes
        self._now = now

    def evaluate(self, request: PolicyRequest) -> Decision:
        """Deny, or leave it to the others."""
        if request.principal.admin or request.action.startswith(_READING):
            return Decision(Effect.ABSTAIN, "reads and admins are always welcome")
        hour = self._now() % _DAY_S / 3600
        if self._opens <= hour < self._closes:
            return Decision(Effect.ABSTAIN, "the office is open")
        return Decision(Effect.DENY, f"the office opens at {self._opens}:00 UTC")


def from_options(options: Mapping[str, str], now: Callable[[], float]) -> OfficeHours:
    """The evaluator of a configuration section. Raises ``ValueError`` with one line."""
    unknown = sorted(set(options) - {"opens", "closes"})
    if unknown:
        raise ValueError(f"there is no option {unknown[0]!r}; known: opens, closes")
    hours = []
    for name, default in (("opens", "8"), ("closes", "18")):
        text = options.get(name, default)
        if not text.isdecimal() or int(text) > 24:
            raise ValueError(f"{name}: an hour from 0 to 24 is needed, not {text!r}")
        hours.append(int(text))
    return OfficeHours(hours[0], hours[1], now)


def now_of(ports: Any) -> Callable[[], float]:
    """The clock that the server hands to plugins."""
    seconds: Callable[[], float] = ports.reactor.seconds
    return seconds
