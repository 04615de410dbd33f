"""Wildcards and variables in a policy's texts."""

from __future__ import annotations

import fnmatch
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.policy.patterns import Glob, Pattern, Values, Variable, Wild, reaches, tokens_of

KEYS = {
    "aws:username": "al*ce",
    "aws:userid": "AIDA1",
    "aws:principalorgpaths": ("one", "two"),
}


def lookup(name: str) -> Values:
    return KEYS.get(name)


def matches(pattern: str, text: str, variables: bool = True) -> bool:
    return Pattern(pattern, variables=variables).matches(text, lookup)


@pytest.mark.parametrize(
    ("pattern", "text", "holds"),
    [
        ("", "", True),
        ("", "a", False),
        ("a", "a", True),
        ("a", "A", False),
        ("*", "", True),
        ("*", "any/thing:\nat all", True),
        ("a*", "a", True),
        ("a*", "ba", False),
        ("*a", "ba", True),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("a*b*c", "a-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("a*bc*bc", "abc", False),
        ("?", "", False),
        ("?", "\n", True),
        ("?", "ab", False),
        ("a?c*?", "abc", False),
        ("a?c*?", "abcd", True),
        ("*?b?*", "ab", False),
        ("*?b?*", "xabcx", True),
        ("a.c", "abc", False),
        ("a[b]c", "abc", False),
        ("**", "", True),
    ],
)
def test_wildcards(pattern: str, text: str, holds: bool) -> None:
    assert matches(pattern, text) == holds


@given(st.text("ab*?.", max_size=8), st.text("ab.\n", max_size=10))
def test_wildcards_are_those_of_the_shell(pattern: str, text: str) -> None:
    assert matches(pattern, text) == (re.match(fnmatch.translate(pattern), text) is not None)


@given(st.text("ab/*?", max_size=8), st.text("ab/", max_size=5), st.text("ab/", max_size=5))
def test_a_pattern_reaches_what_it_can_match(pattern: str, prefix: str, rest: str) -> None:
    if matches(pattern, prefix + rest):
        assert reaches(pattern, prefix)


@pytest.mark.parametrize(
    ("pattern", "prefix", "holds"),
    [
        ("arn:b/*", "arn:b/", True),
        ("arn:b", "arn:b/", False),
        ("arn:*", "arn:b/", True),
        ("arn:b*", "arn:b/", True),
        ("arn:c/*", "arn:b/", False),
        ("arn:?/x", "arn:b/", True),
        ("arn:?c/*", "arn:b/", False),
        ("*x", "arn:b/", True),
    ],
)
def test_reaching(pattern: str, prefix: str, holds: bool) -> None:
    assert reaches(pattern, prefix) == holds


@pytest.mark.parametrize(
    ("pattern", "text", "holds"),
    [
        ("home/${aws:username}/*", "home/al*ce/x", True),
        ("home/${aws:username}/*", "home/alice/x", False),  # a value's own wildcards are text
        ("home/${AWS:UserName}/*", "home/al*ce/x", True),
        ("${aws:userid}", "AIDA1", True),
        ("${aws:PrincipalTag/team}", "", False),
        ("${aws:PrincipalTag/team}*", "anything", False),
        ("${aws:PrincipalTag/team, 'none'}", "none", True),
        ("${aws:username, 'none'}", "none", False),
        ("${aws:PrincipalTag/team, ''}x", "x", True),
        ("${aws:PrincipalOrgPaths}", "one", False),  # several values make no text
        ("*/${aws:userid}x${aws:userid}/*", "a/AIDA1xAIDA1/b", True),
        ("*/${aws:userid}x/*", "a/AIDA1/b", False),
        ("*?${aws:userid}?/*", "a/AIDA1x/", True),
        ("*?${aws:userid}??/*", "a/AIDA1x/", False),
        ("*${aws:PrincipalTag/team, ''}*b", "ab", True),
        ("${*}", "*", True),
        ("${*}", "x", False),
        ("${?}${$}", "?$", True),
        ("$aws:username", "$aws:username", True),
        ("a$", "a$", True),
    ],
)
def test_variables(pattern: str, text: str, holds: bool) -> None:
    assert matches(pattern, text) == holds


def test_the_older_version_has_no_variables() -> None:
    assert matches("${aws:username}", "${aws:username}", variables=False)
    assert not matches("${aws:username}", "al*ce", variables=False)
    assert matches("${*}", "${anything}", variables=False)


@pytest.mark.parametrize("text", ["${", "${aws:username", "${}", "${a,b}", "${a,'b}", "a${ }"])
def test_variables_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError, match="variable"):
        Pattern(text, variables=True)


def test_a_text_is_taken_apart() -> None:
    assert tokens_of("a*${b, 'c'}?${*}d", variables=True, wildcards=True) == [
        "a",
        Wild.RUN,
        Variable("b", "c"),
        Wild.ONE,
        "*d",
    ]
    assert tokens_of("a*?", variables=True, wildcards=False) == ["a*?"]


def test_what_is_fixed() -> None:
    assert Pattern("a${*}", variables=True).fixed
    for text in ("a*", "?", "${aws:username}"):
        assert not Pattern(text, variables=True).fixed
    assert Pattern("${a:b}-${C, 'd'}", variables=True).variables == ("a:b", "c")


def test_no_pattern_takes_long() -> None:
    """What takes exponential time with backtracking: many runs, and a text that almost fits."""
    started = time.process_time()
    pattern = Pattern("*a" * 5_000 + "*b", variables=False)
    assert not pattern.matches("a" * 1_024, lookup)
    assert not Pattern("*" + "a?" * 4_000 + "b*", variables=False).matches("a" * 16_000, lookup)
    assert not Glob([Wild.RUN, "a", Wild.ONE] * 300 + ["b"]).matches("a" * 1_024)
    assert reaches("*a" * 2_000, "b" * 100)
    assert time.process_time() - started < 1
