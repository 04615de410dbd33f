"""Texts of a policy that stand for many: wildcards and policy variables.

Matching takes time proportional to the lengths of pattern and text, whatever the pattern: both
come from clients. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

Values = str | tuple[str, ...] | None
"""What a condition key holds: one text, several, or nothing."""

Lookup = Callable[[str], Values]
"""Finds a condition key's values by its name in lower case."""


class Wild(enum.Enum):
    """The wildcards: any run of characters (``*``), exactly one (``?``)."""

    RUN = "*"
    ONE = "?"


class Variable(NamedTuple):
    """``${name}`` or ``${name, 'default'}``; the name is in lower case."""

    name: str
    default: str | None


Token = str | Wild | Variable

_LITERAL_VARIABLES = frozenset("*?$")
_VARIABLE = re.compile(
    r"\s*([A-Za-z0-9:/_.+=@-](?:[A-Za-z0-9:/_.+=@ -]*[A-Za-z0-9:/_.+=@-])?)\s*(?:,\s*'([^']*)'\s*)?"
)


def tokens_of(text: str, variables: bool, wildcards: bool) -> list[Token]:
    """A text taken apart. Raises ``ValueError`` for a variable that cannot be read."""
    tokens: list[Token] = []
    literal: list[str] = []

    def special(token: Token) -> None:
        if literal:
            tokens.append("".join(literal))
            literal.clear()
        tokens.append(token)

    place = 0
    while place < len(text):
        char = text[place]
        if variables and text.startswith("${", place):
            end = text.find("}", place)
            inner = text[place + 2 : end]
            if end < 0:
                raise ValueError("a policy variable has no end")
            if inner in _LITERAL_VARIABLES:
                literal.append(inner)
            else:
                special(_variable(inner))
            place = end + 1
            continue
        if wildcards and char in "*?":
            special(Wild(char))
        else:
            literal.append(char)
        place += 1
    if literal:
        tokens.append("".join(literal))
    return tokens


def _variable(inner: str) -> Variable:
    found = _VARIABLE.fullmatch(inner)
    if found is None:
        raise ValueError("a policy variable cannot be read")
    return Variable(found[1].lower(), found[2])


class Glob:
    """A pattern of literal texts and wildcards, ready to be matched."""

    __slots__ = ("_first", "_last", "_middle", "_runs")

    def __init__(self, tokens: Iterable[str | Wild]) -> None:
        pieces: list[list[str | Wild]] = [[]]
        for token in tokens:
            if token is Wild.RUN:
                pieces.append([])
            else:
                pieces[-1].append(token)
        self._runs = len(pieces) > 1
        self._first = _Piece(pieces[0])
        self._last = _Piece(pieces[-1])
        self._middle = tuple(_Piece(piece) for piece in pieces[1:-1] if piece)

    def matches(self, text: str) -> bool:
        """Whether the whole text is what the pattern says."""
        first, last = self._first, self._last
        if not self._runs:
            return len(text) == first.length and first.at(text, 0)
        end = len(text) - last.length
        if end < first.length or not first.at(text, 0) or not last.at(text, end):
            return False
        place = first.length
        for piece in self._middle:
            place = piece.find(text, place, end)
            if place < 0:
                return False
            place += piece.length
        return True


class _Piece:
    """What stands between two ``*``: a text of fixed length, some of whose characters are free."""

    __slots__ = ("_expression", "_text", "length")

    def __init__(self, tokens: list[str | Wild]) -> None:
        self.length = sum(len(token) if isinstance(token, str) else 1 for token in tokens)
        self._text = ""
        self._expression: re.Pattern[str] | None = None
        if Wild.ONE in tokens:
            self._expression = re.compile(
                "".join(re.escape(token) if isinstance(token, str) else "." for token in tokens),
                re.DOTALL,
            )
        else:
            self._text = "".join(str(token) for token in tokens)

    def at(self, text: str, place: int) -> bool:
        if self._expression is None:
            return text.startswith(self._text, place)
        return self._expression.match(text, place) is not None

    def find(self, text: str, start: int, end: int) -> int:
        """Where it first stands in a stretch of a text, -1 when nowhere."""
        if self._expression is None:
            return text.find(self._text, start, end)
        found = self._expression.search(text, start, end)
        return -1 if found is None else found.start()


class Pattern:
    """A text of a policy, possibly with wildcards and variables.

    ``fixed``: it has neither, so that it means one value only.
    """

    __slots__ = ("_glob", "_tokens", "fixed", "text")

    def __init__(self, text: str, *, variables: bool, wildcards: bool = True) -> None:
        """Raises ``ValueError`` for a variable that cannot be read."""
        self.text = text
        tokens = tokens_of(text, variables, wildcards)
        self._tokens: list[Token] | None = None
        self._glob: Glob | None = None
        if any(isinstance(token, Variable) for token in tokens):
            self._tokens = tokens
        else:
            self._glob = Glob(token for token in tokens if not isinstance(token, Variable))
        self.fixed = all(isinstance(token, str) for token in tokens)

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables in it, in lower case."""
        return tuple(token.name for token in self._tokens or () if isinstance(token, Variable))

    def matches(self, text: str, lookup: Lookup) -> bool:
        """Whether a text is what the pattern says; it is not when a variable has no value."""
        if self._glob is not None:
            return self._glob.matches(text)
        known = self._known(lookup)
        return known is not None and Glob(known).matches(text)

    def _known(self, lookup: Lookup) -> list[str | Wild] | None:
        known: list[str | Wild] = []
        for token in self._tokens or ():
            if isinstance(token, Variable):
                value = lookup(token.name)
                if not isinstance(value, str):
                    value = token.default
                if value is None:
                    return None
                known.append(value)
            else:
                known.append(token)
        return known


def reaches(text: str, prefix: str) -> bool:
    """Whether a pattern of wildcards can match some text that begins with a prefix."""
    places = {0}
    for char in prefix:
        following: set[int] = set()
        for place in _past_runs(text, places):
            if place < len(text):
                if text[place] == "*":
                    following.add(place)
                elif text[place] in ("?", char):
                    following.add(place + 1)
        places = following
        if not places:
            return False
    return True


def _past_runs(text: str, places: set[int]) -> set[int]:
    """The places of a pattern that are reached without a character."""
    reached = set(places)
    for place in places:
        while place < len(text) and text[place] == "*":
            place += 1
            reached.add(place)
    return reached
