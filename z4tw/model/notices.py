"""What a change announces: events on their way from a command to the sinks of a bucket.

A command carries a ``Notice``; the store writes an ``Outgoing`` for each of its targets in the
transaction of the change.
"""

from __future__ import annotations

import msgspec


class Occurrence(msgspec.Struct, frozen=True, array_like=True):
    """What is known of an event before the change that it tells of.

    ``event`` is S3's name (``s3:ObjectCreated:Put``); ``owner`` the canonical id of the bucket's
    owner; ``principal`` the id of the user who asked, empty for nobody; ``peer`` an IP address.
    ``key`` is empty for events of a bucket.
    """

    event: str
    bucket: str
    owner: str
    region: str
    key: str = ""
    principal: str = ""
    peer: str = ""
    request_id: str = ""
    host_id: str = ""


class Target(msgspec.Struct, frozen=True, array_like=True):
    """Where an event goes: the name of a sink, and the id of the configuration that asked."""

    sink: str
    configuration: str


class Notice(msgspec.Struct, frozen=True, array_like=True):
    """An event that a command announces when it takes effect, to one target at least."""

    occurrence: Occurrence
    targets: tuple[Target, ...]


class Outgoing(msgspec.Struct, frozen=True, array_like=True):
    """One event for one sink, as the outbox keeps it.

    ``stamp`` is that of the change; ``version_id`` is empty in a bucket without versioning;
    ``size`` is -1 and ``etag`` empty where the event does not tell them.
    """

    sink: str
    configuration: str
    occurrence: Occurrence
    stamp: bytes
    version_id: str = ""
    size: int = -1
    etag: str = ""


class Backlog(msgspec.Struct, frozen=True):
    """What waits for one sink: how many events, and since when (Unix milliseconds)."""

    events: int
    oldest_ms: int
