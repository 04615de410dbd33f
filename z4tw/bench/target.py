"""An endpoint and the key to use there."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec


class BenchError(Exception):
    """Why no load can be made; one line for the person who asked for it."""


class UsageError(BenchError):
    """What was asked for makes no sense; one line."""


class Target(msgspec.Struct, frozen=True):
    """Where requests go, and how they are signed. ``host`` is the name or address without
    brackets; ``verify`` is whether a certificate must be a valid one."""

    endpoint: str
    secure: bool
    host: str
    port: int
    access_key_id: str
    secret: str
    region: str = "us-east-1"
    token: str = ""
    ca_bundle: str = ""
    verify: bool = True

    @property
    def authority(self) -> str:
        """The Host header: without the port when that is the scheme's own."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.port == (443 if self.secure else 80) else f"{shown}:{self.port}"

    def __repr__(self) -> str:
        return f"Target({self.endpoint!r}, {self.access_key_id!r})"


def parse_target(endpoint: str, access_key_id: str, secret: str, **more: Any) -> Target:
    """A target of an endpoint's URL. Raises ``UsageError``."""
    text = endpoint if "://" in endpoint else f"http://{endpoint}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise UsageError(f"{endpoint!r} is no endpoint: http://HOST:PORT is needed") from None
    host = parts.hostname
    known = parts.scheme in ("http", "https") and text.isascii() and text.isprintable()
    if not known or not host or " " in text:
        raise UsageError(f"{endpoint!r} is no endpoint: http://HOST:PORT is needed")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        raise UsageError(f"{endpoint!r} has more than scheme, host and port")
    for name, value in (("access", access_key_id), ("secret", secret)):
        if not value or not value.isprintable():
            raise UsageError(f"the {name} key of {endpoint} is empty or has odd characters")
    secure = parts.scheme == "https"
    shown = f"[{host}]" if ":" in host else host
    port = port or (443 if secure else 80)
    return Target(
        f"{parts.scheme}://{shown}:{port}", secure, host, port, access_key_id, secret, **more
    )
