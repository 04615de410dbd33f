"""From the notice of a command to the rows that its change puts into the outbox."""

from __future__ import annotations

import msgspec

from z4tw.model.notices import Notice, Outgoing
from z4tw.model.registers import Change, Done

EMPTY_ETAG = "d41d8cd98f00b204e9800998ecf8427e"
"""What AWS says of a delete marker: the MD5 of nothing."""


def announced(change: Change, notice: Notice) -> Change:
    """The change with the events that tell of it; one without effect tells of nothing."""
    done = change.outcome
    if not change.write or not isinstance(done, Done) or not done.changed:
        return change
    version = change.subject
    size, etag = -1, ""
    if version is not None:
        etag = version.etag
        if version.delete_marker:
            etag = EMPTY_ETAG
        else:
            size = version.size
    outbox = tuple(
        [
            Outgoing(
                target.sink,
                target.configuration,
                notice.occurrence,
                done.stamp,
                done.version_id,
                size,
                etag,
            )
            for target in notice.targets
        ]
    )
    return msgspec.structs.replace(change, outbox=outbox)
