"""What commands print: aligned text for people, JSON for scripts."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any


def show(value: Any, as_json: bool, text: str) -> None:
    """Print a value as JSON, or the text that says the same."""
    print(json.dumps(value, indent=2) if as_json else text)


def fields(pairs: Sequence[tuple[str, object]]) -> str:
    """``name   value`` lines, aligned."""
    width = max((len(name) for name, _ in pairs), default=0)
    return "\n".join(f"{name:<{width}}  {plain(value)}".rstrip() for name, value in pairs)


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Aligned columns below headings."""
    cells = [list(headings)] + [[plain(value) for value in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def plain(value: object) -> str:
    """A value as a person reads it; control characters are escaped."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == "":
        return "-"
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value) or "-"
    if isinstance(value, Mapping):
        return ", ".join(f"{plain(k)}={plain(v)}" for k, v in value.items()) or "-"
    text = str(value)
    return text if text.isprintable() else ascii(text)[1:-1]


def moment(unix_ms: int) -> str:
    """A time in UTC, to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(unix_ms / 1000))


def amount(size_bytes: float) -> str:
    """A size in binary units."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size_bytes < 1024 or unit == "TiB":
            break
        size_bytes /= 1024
    return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
