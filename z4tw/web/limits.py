"""Every bound of the HTTP front in one value."""

from __future__ import annotations

import msgspec


class HttpLimits(msgspec.Struct, frozen=True):
    """Sizes in bytes, times in seconds; what happens over a limit stands beside each.

    ``max_head_bytes`` counts the request line and all header lines (S3 error
    RequestHeaderSectionTooLarge, closed); ``max_headers`` header lines (the same);
    ``header_timeout_s`` runs from the first byte of a head (RequestTimeout, closed);
    ``idle_timeout_s`` between requests (closed); ``body_window_s`` is how long a request body may
    come slower than ``min_body_rate`` bytes/s (RequestTimeout, closed); ``write_stall_s`` how
    long a client may leave a full send buffer unread (aborted); ``linger_s`` how long input is
    thrown away after the last answer; ``body_high_water`` the unread body bytes above which
    reading pauses; ``body_read_bytes`` what is read at once of a body longer than that, and
    ``body_reads_bytes`` what all connections may read at once together; ``discard_limit`` the
    body bytes that a refusal throws away (closed); ``max_connections`` the open connections of a
    process (SlowDown, closed).
    """

    max_head_bytes: int = 16 * 1024
    max_headers: int = 100
    header_timeout_s: float = 10.0
    idle_timeout_s: float = 60.0
    min_body_rate: int = 1024
    body_window_s: float = 30.0
    write_stall_s: float = 60.0
    linger_s: float = 5.0
    body_high_water: int = 256 * 1024
    body_read_bytes: int = 1024 * 1024
    body_reads_bytes: int = 64 * 1024 * 1024
    discard_limit: int = 1024 * 1024
    max_connections: int = 10_000
