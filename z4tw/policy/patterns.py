"""Texts of a policy that stand for many: wildcards and policy variables.

Matching takes no step back, whatever the pattern and the text: both come from clients.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable
from itertools import groupby
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

    __slots__ = ("_free", "_literals", "_places", "length")

    def __init__(self, tokens: list[str | Wild]) -> None:
        self._literals: list[tuple[int, str]] = []
        self._places: dict[str, int] = {}
        self._free = 0
        self.length = 0
        for literals, group in groupby(tokens, lambda token: isinstance(token, str)):
            text = "".join(str(token) if literals else " " for token in group)
            if literals:
                self._literals.append((self.length, text))
            else:
                self._free |= (1 << len(text)) - 1 << self.length
            self.length += len(text)
        if self._free:
            for start, literal in self._literals:
                for place, char in enumerate(literal, start):
                    self._places[char] = self._places.get(char, self._free) | 1 << place

    def at(self, text: str, place: int) -> bool:
        """Whether it stands at a place, where there is room for it."""
        for start, literal in self._literals:  # noqa: SIM110 (a generator takes twice the time)
            if not text.startswith(literal, place + start):
                return False
        return True

    def find(self, text: str, start: int, end: int) -> int:
        """Where it first stands in a stretch of a text, -1 when nowhere."""
        if not self._free:
            return text.find(self._literals[0][1], start, end)
        # Shift-And (Baeza-Yates and Gonnet, 1992): bit n of ``begun`` says that the last n + 1
        # characters are the first n + 1 of the piece.
        begun, whole = 0, 1 << (self.length - 1)
        for place in range(start, end):
            begun = (begun << 1 | 1) & self._places.get(text[place], self._free)
            if begun & whole:
                return place + 1 - self.length
        return -1


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
