"""What a node says of itself when it serves."""

from __future__ import annotations

from typing import Any

import msgspec

from z4tw.config import Config

DEV_NAME = "dev"
"""The key and the bucket that ``z4 dev`` makes."""


class Started(msgspec.Struct, frozen=True):
    """``endpoint`` is the S3 service's URL (the port it really has); ``workers`` its processes
    (1: everything in one). ``dev_key`` is set when the dev key was made just now."""

    config: Config
    endpoint: str
    metrics_endpoint: str
    workers: int
    has_keys: bool
    certificate: str | None
    dev_key: dict[str, Any] | None

    @property
    def hint(self) -> str | None:
        """What to do about a node that lets nobody in."""
        if self.has_keys:
            return None
        return (
            "there is no access key yet, so every request is refused: make one with "
            f"z4 key create NAME --data {self.config.data}"
        )
