"""The node's own log: one line per event on standard error, and a level that can change."""

from __future__ import annotations

import datetime
from typing import IO

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    eventAsText,
    globalLogBeginner,
)
from zope.interface import implementer

_QUIET = ("twisted", "log_legacy", "stdout")
"""Namespaces of Twisted's own chatter, shown from warnings on."""


@implementer(ILogObserver)
class NodeLog:
    """Writes the process's log; ``label`` says whose lines they are."""

    def __init__(self, stream: IO[str], label: str, debug: bool) -> None:
        self._stream = stream
        self._label = label
        self._levels = LogLevelFilterPredicate(defaultLogLevel=LogLevel.info)
        self.observer = FilteringLogObserver(self, [self._levels])
        self.set_debug(debug)

    def begin(self) -> None:
        """Take over the process's log; buffered events come first."""
        globalLogBeginner.beginLoggingTo([self.observer], redirectStandardIO=False)

    def set_debug(self, debug: bool) -> None:
        """Show everything, or what an operator needs."""
        self._levels.clearLogLevels()
        self._levels.setLogLevelForNamespace("", LogLevel.debug if debug else LogLevel.info)
        if not debug:
            for namespace in _QUIET:
                self._levels.setLogLevelForNamespace(namespace, LogLevel.warn)

    def __call__(self, event: LogEvent) -> None:
        """Write an event that passed the filter."""
        self._stream.write(format_event(event, self._label))
        self._stream.flush()


def format_event(event: LogEvent, label: str) -> str:
    """An event as a line: UTC time, whose it is, level, text; a traceback follows it."""
    moment = datetime.datetime.fromtimestamp(event.get("log_time", 0.0), datetime.UTC)
    time = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    level = event.get("log_level") or LogLevel.info
    text = eventAsText(event, includeTimestamp=False, includeSystem=False).rstrip("\n")
    first, *rest = text.split("\n")
    lines = [f"{time} {label} {level.name}: {first}", *(f"  {line}" for line in rest)]
    return "\n".join(line if line.isprintable() else _escaped(line) for line in lines) + "\n"


def _escaped(line: str) -> str:
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)
