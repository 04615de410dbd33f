"""Parsers of single settings: text in, a typed value out.

Each raises ``ValueError`` with what would be right; the caller puts the setting's name and the
refused text before it.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable
from typing import Any

_UNITS = {"": 1, "b": 1}
for _power, _letter in enumerate("kmgt", start=1):
    _UNITS[_letter] = _UNITS[_letter + "ib"] = 1024**_power
    _UNITS[_letter + "b"] = 1000**_power
_SIZE = re.compile(r"([0-9]{1,15})\s*([a-z]{0,3})", re.IGNORECASE)
_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """A parser of a whole number within bounds."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most} is needed")
        return int(text)

    return parse


def port(text: str) -> int:
    """A TCP port; 0 lets the system choose one."""
    try:
        return whole_number(0, 65535)(text)
    except ValueError:
        hint = ""
        if text.startswith("tcp://"):
            hint = "; Kubernetes sets this for a Service named z4, see enableServiceLinks"
        raise ValueError(f"a port from 0 to 65535 is needed{hint}") from None


def optional_port(text: str) -> int | None:
    """A TCP port, or None for ``off``."""
    if text.lower() in ("", "off", "none"):
        return None
    try:
        return port(text)
    except ValueError:
        raise ValueError("a port from 0 to 65535, or off, is needed") from None


def host(text: str) -> str:
    """An IP address or host name to listen on."""
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        pass
    if len(text) <= 253 and all(_LABEL.fullmatch(part) for part in text.lower().split(".")):
        return text.lower()
    raise ValueError("an IP address or a host name is needed")


def path(text: str) -> str:
    """A file name; made absolute by the loader, which knows what it is relative to."""
    if not text or "\x00" in text:
        raise ValueError("a path is needed")
    return os.path.expanduser(text)


def log_target(text: str) -> str:
    """``off``, ``-`` (standard output), or a path."""
    return text if text in ("off", "-") else path(text)


def size(text: str) -> int:
    """A size in bytes, with an optional unit (``64MiB``, ``2G``, ``500kB``)."""
    match = _SIZE.fullmatch(text.strip())
    unit = _UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None or int(match[1]) * unit >= 1 << 62:
        raise ValueError("a size such as 4096, 64MiB or 2G is needed")
    return int(match[1]) * unit


def whole_size(least: int, most: int) -> Callable[[str], int]:
    """A parser of a size within bounds, in bytes."""

    def parse(text: str) -> int:
        value = size(text)
        if not least <= value <= most:
            raise ValueError(f"a size from {least} to {most} bytes is needed")
        return value

    return parse


def inline_limit(text: str) -> int:
    """The largest body that lives in the database, in bytes."""
    value = size(text)
    if value > 1 << 20:
        raise ValueError("at most 1MiB can live in the database")
    return value


def seconds(text: str) -> float:
    """A duration in seconds, fractions allowed."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text):
        raise ValueError("a number of seconds is needed")
    return float(text)


def interval(text: str) -> float:
    """A period in seconds, greater than zero."""
    value = seconds(text)
    if value <= 0:
        raise ValueError("a number of seconds above 0 is needed")
    return value


def region(text: str) -> str:
    """A region name as it stands in a credential scope."""
    if not _REGION.fullmatch(text):
        raise ValueError("a region such as us-east-1 is needed (a-z, 0-9 and -)")
    return text


def domain(text: str) -> str:
    """A DNS domain under which bucket names are host names."""
    text = text.lower().rstrip(".")
    if len(text) > 190 or not all(_LABEL.fullmatch(part) for part in text.split(".")):
        raise ValueError("a domain such as s3.example.com is needed")
    return text


def name(text: str) -> str:
    """A display name."""
    if not _NAME.fullmatch(text):
        raise ValueError("a name of letters, digits, '.', '_' and '-' is needed")
    return text


def peer(text: str) -> str:
    """``HOST:PORT`` of another node."""
    left, colon, right = text.rpartition(":")
    try:
        if not colon:
            raise ValueError(text)
        host(left)
        port(right)
    except ValueError:
        raise ValueError("HOST:PORT is needed") from None
    return text


def workers(text: str) -> int:
    """A number of processes; 0 stands for ``auto``, one per CPU."""
    if text.lower() == "auto":
        return 0
    try:
        return whole_number(1, 256)(text)
    except ValueError:
        raise ValueError("auto or a whole number from 1 to 256 is needed") from None


def flag(text: str) -> bool:
    """A switch."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError("true or false is needed")


def one_of(*choices: str) -> Callable[[str], Any]:
    """A parser of one of a few words."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"one of {', '.join(choices)} is needed")
        return text

    return parse
