"""The event sink ``jsonlines``: a line of JSON for each message, appended to a file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.plugin import IPlugin
from zope.interface import implementer

from z4tw.interfaces import IEventSink, IOffload, IPluginFactory

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
_MODE = 0o640


@implementer(IEventSink)
class JsonLines:
    """Appends to ``path`` and syncs it before a batch counts as delivered.

    The file is opened for each batch, so that it may be moved away at any time.
    """

    batch = 64

    def __init__(self, path: str, offload: IOffload) -> None:
        self._path = path
        self._offload = offload

    async def deliver(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Append messages. Raises ``OSError``."""
        lines = "".join([json.dumps(one, separators=(",", ":")) + "\n" for one in messages])
        await self._offload.run(_append, self._path, lines.encode("ascii"))


def _append(path: str, data: bytes) -> None:
    """(offloaded) Append bytes and make them, and a new file's name, durable."""
    is_new = not os.path.exists(path)
    descriptor = os.open(path, _FLAGS, _MODE)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        directory = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


@implementer(IPlugin, IPluginFactory)
class JsonLinesPlugin:
    """``events`` plugin ``jsonlines``; its option is ``path``, relative to the data directory."""

    kind = "events"
    name = "jsonlines"

    def make(self, options: Mapping[str, str], ports: Any) -> IEventSink:
        """The sink. Raises ``ValueError``."""
        unknown = sorted(set(options) - {"path"})
        if unknown:
            raise ValueError(f"there is no option {unknown[0]!r}")
        path = options.get("path", "")
        if not path or "\x00" in path:
            raise ValueError("the option path is needed: a file to append to")
        path = os.path.normpath(os.path.join(ports.data_dir, path))
        if not os.path.isdir(os.path.dirname(path)):
            raise ValueError(f"there is no directory {os.path.dirname(path)}")
        sink: IEventSink = JsonLines(path, ports.offload)
        return sink


jsonlines = JsonLinesPlugin()
