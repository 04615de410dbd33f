"""The counts of a node's worker processes together, those that are gone included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from z4tw.web.metrics import merge

_OF_THE_MOMENT = ("open_connections", "in_flight")


class WorkerCounts:
    """Adds up the snapshots of workers. What a worker had counted when it was last asked stays in
    the sums after its end, since a counter that falls looks like a restart of the node."""

    def __init__(self) -> None:
        self._last: dict[int, Mapping[str, Any]] = {}
        self._past: dict[str, Any] = merge(())

    def update(self, pid: int, snapshot: Mapping[str, Any]) -> None:
        """What a process has counted up to now."""
        self._last[pid] = snapshot

    def gone(self, pid: int) -> None:
        """A process has ended."""
        last = self._last.pop(pid, None)
        if last is not None:
            ended = dict(last) | dict.fromkeys(_OF_THE_MOMENT, 0)
            self._past = merge((self._past, ended))

    def total(self) -> dict[str, Any]:
        """The sums, as a snapshot."""
        return merge((self._past, *self._last.values()))
