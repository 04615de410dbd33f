"""The rules of a bucket's lifecycle configuration as values.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

ENABLED = "Enabled"
DISABLED = "Disabled"
ALL_128K = "all_storage_classes_128K"
VARIES = "varies_by_storage_class"
DEFAULT_MINIMUMS = (ALL_128K, VARIES)
"""The values of ``x-amz-transition-default-minimum-object-size``, the default one first."""
DEFAULT_MINIMUM_BYTES = 128 * 1024
AWS_CLASSES = (
    "STANDARD_IA",
    "INTELLIGENT_TIERING",
    "ONEZONE_IA",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
)
"""The classes of S3 to which a rule may transition, the coldest last."""
_TAKE_SMALL = frozenset({"GLACIER", "DEEP_ARCHIVE"})


class Filter(msgspec.Struct, frozen=True):
    """Which keys a rule is for. None and empty: not said; ``joined``: it was written as ``And``,
    ``old``: as the rule's ``Prefix``."""

    prefix: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    greater: int | None = None
    less: int | None = None
    joined: bool = False
    old: bool = False

    @property
    def sized(self) -> bool:
        """Whether it looks at sizes."""
        return self.greater is not None or self.less is not None

    def takes_key(self, key: str) -> bool:
        """Whether a key has the prefix."""
        return not self.prefix or key.startswith(self.prefix)

    def takes_size(self, size: int) -> bool:
        """Whether a size lies between the bounds, which are excluded."""
        if self.greater is not None and size <= self.greater:
            return False
        return self.less is None or size < self.less

    def takes_tags(self, tags: Mapping[str, str]) -> bool:
        """Whether all tags of the filter are there."""
        return all(tags.get(name) == value for name, value in self.tags)


class Expiration(msgspec.Struct, frozen=True):
    """When the current version expires: after days, at a date (Unix milliseconds), or, when it is
    a delete marker without other versions, at once (``markers``)."""

    days: int = 0
    date_ms: int | None = None
    markers: bool | None = None


class Transition(msgspec.Struct, frozen=True):
    """When a current version changes its storage class."""

    storage_class: str
    days: int | None = None
    date_ms: int | None = None


class NoncurrentExpiration(msgspec.Struct, frozen=True):
    """When a noncurrent version goes: so many days after it was replaced, and only when so many
    newer noncurrent ones are kept."""

    days: int
    newer: int = 0


class NoncurrentTransition(msgspec.Struct, frozen=True):
    """When a noncurrent version changes its storage class."""

    storage_class: str
    days: int
    newer: int = 0


class Rule(msgspec.Struct, frozen=True):
    """One rule; what it does not say is None, 0 or empty."""

    id: str
    enabled: bool
    filter: Filter = Filter()
    expiration: Expiration | None = None
    transitions: tuple[Transition, ...] = ()
    noncurrent_expiration: NoncurrentExpiration | None = None
    noncurrent_transitions: tuple[NoncurrentTransition, ...] = ()
    abort_days: int = 0


class Configuration(msgspec.Struct, frozen=True):
    """A bucket's rules, and below which size transitions leave objects alone by default."""

    rules: tuple[Rule, ...]
    minimum: str = ALL_128K


def takes_small(minimum: str, storage_class: str) -> bool:
    """Whether objects below 128 KiB move to a class where a rule has no size of its own.

    Classes of plugins have minimums of their own.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
    """
    if minimum == ALL_128K:
        return False
    return storage_class in _TAKE_SMALL or storage_class not in AWS_CLASSES
