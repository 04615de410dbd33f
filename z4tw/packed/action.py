"""The built-in lifecycle plugin ``zstd``: the storage class ``ZSTD`` stores bodies compressed."""

from __future__ import annotations

from collections.abc import Mapping

from zope.interface import implementer

from z4tw.config.parsers import size
from z4tw.interfaces.plugins import ILifecycleAction, ITransition

LEVELS = range(1, 20)
DEFAULT_LEVEL = 3
DEFAULT_MINIMUM = "16KiB"


@implementer(ILifecycleAction)
class ZstdAction:
    """Packs what has at least ``minimum`` bytes; all else only gets the class."""

    storage_class = "ZSTD"

    def __init__(self, level: int = DEFAULT_LEVEL, minimum: int = 16 * 1024) -> None:
        self._level = level
        self._minimum = minimum

    @classmethod
    def from_options(cls, options: Mapping[str, str]) -> ZstdAction:
        """The action of a configuration section: ``level`` (1 to 19) and ``minimum-size``. Raises
        ``ValueError``."""
        strange = sorted(options.keys() - {"level", "minimum-size"})
        if strange:
            raise ValueError(f"there is no option {strange[0]!r}")
        level = options.get("level", str(DEFAULT_LEVEL))
        if level not in map(str, LEVELS):
            raise ValueError(f"level: a number from {LEVELS[0]} to {LEVELS[-1]} is needed")
        try:
            minimum = size(options.get("minimum-size", DEFAULT_MINIMUM))
        except ValueError as error:
            raise ValueError(f"minimum-size: {error}") from None
        return cls(int(level), minimum)

    async def act(self, transition: ITransition) -> None:
        """Store the version's bytes packed."""
        if transition.version.size >= self._minimum:
            await transition.pack(self._level)
