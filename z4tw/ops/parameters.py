"""Query parameters that several listings share."""

from __future__ import annotations

from z4tw.errors import InvalidArgument

LARGEST = 2**31 - 1


def count_parameter(
    query: dict[str, str], name: str, cap: int, least: int = 0, greatest: int = LARGEST
) -> int:
    """A parameter that limits a page: an integer from ``least`` to ``greatest``, where values above
    ``cap`` mean ``cap``; absent or empty: ``cap``. Raises ``InvalidArgument``."""
    text = query.get(name)
    if not text:
        return cap
    if not (text.isascii() and text.removeprefix("-").isdigit()) or len(text) > 11:
        raise InvalidArgument(
            f"Provided {name} not an integer or within integer range",
            ArgumentName=name,
            ArgumentValue=text,
        )
    value = int(text)
    if not least <= value <= greatest:
        raise InvalidArgument(
            f"Argument {name} must be an integer between {least} and {greatest}",
            ArgumentName=name,
            ArgumentValue=text,
        )
    return min(value, cap)


def url_encoded(query: dict[str, str]) -> bool:
    """Whether ``encoding-type=url`` is asked for. Raises ``InvalidArgument`` for other types."""
    text = query.get("encoding-type")
    if not text:
        return False
    if text != "url":
        raise InvalidArgument(
            "Invalid Encoding Method specified in Request",
            ArgumentName="encoding-type",
            ArgumentValue=text,
        )
    return True
