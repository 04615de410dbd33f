"""Whether a write fits into a bucket's quota."""

from __future__ import annotations

from collections.abc import Callable

from z4tw.model.control import Quota
from z4tw.model.registers import BucketUsage, Refused


def exceeded(
    quota: Quota | None, held: Callable[[], BucketUsage], more_bytes: int, more_objects: int
) -> Refused | None:
    """The refusal of a write that adds so much, None when it fits. What adds nothing of a kind is
    not held to that kind's limit: a bucket above a lowered quota can still be emptied."""
    if quota is None:
        return None
    limits = (
        ("bytes", quota.max_bytes, more_bytes, "Bytes"),
        ("objects", quota.max_objects, more_objects, "Objects"),
    )
    for name, limit, more, label in limits:
        if not limit or more <= 0:
            continue
        used = getattr(held(), name)
        if used + more > limit:
            return Refused(
                "QuotaExceeded",
                f"The bucket's quota of {limit} {name} is exceeded.",
                {f"Max{label}": str(limit), f"Used{label}": str(used)},
            )
    return None
