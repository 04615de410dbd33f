"""An awaitable whose value is there already: awaiting it never suspends."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any


class _Ready:
    """Awaits to None at once; one object serves everybody."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, Any, None]:
        return
        yield


READY = _Ready()
