"""Each parser takes what is right, and says what would be right of anything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.config import parsers

RIGHT: list[tuple[Callable[[str], Any], str, object]] = [
    (parsers.port, "0", 0),
    (parsers.port, "65535", 65535),
    (parsers.optional_port, "off", None),
    (parsers.optional_port, "9100", 9100),
    (parsers.host, "0.0.0.0", "0.0.0.0"),
    (parsers.host, "[::1]", "::1"),
    (parsers.host, "Node1.Example", "node1.example"),
    (parsers.size, "4096", 4096),
    (parsers.size, "64MiB", 64 << 20),
    (parsers.size, "2G", 2 << 30),
    (parsers.size, "500kB", 500_000),
    (parsers.size, "1 TiB", 1 << 40),
    (parsers.inline_limit, "0", 0),
    (parsers.seconds, "0.25", 0.25),
    (parsers.interval, "3600", 3600.0),
    (parsers.region, "eu-central-1", "eu-central-1"),
    (parsers.domain, "S3.Local.", "s3.local"),
    (parsers.name, "node-1_a.b", "node-1_a.b"),
    (parsers.peer, "10.0.0.2:9671", "10.0.0.2:9671"),
    (parsers.workers, "auto", 0),
    (parsers.workers, "2", 2),
    (parsers.flag, "YES", True),
    (parsers.flag, "0", False),
    (parsers.log_target, "-", "-"),
    (parsers.path, "a/b", "a/b"),
    (parsers.one_of("x", "y"), "y", "y"),
    (parsers.whole_number(1, 7), "7", 7),
]

WRONG: list[tuple[Callable[[str], Any], str, str]] = [
    (parsers.port, "-1", "a port from 0 to 65535"),
    (parsers.port, "65536", "a port from 0 to 65535"),
    (parsers.port, "tcp://10.0.0.1:9670", "enableServiceLinks"),
    (parsers.optional_port, "x", "or off"),
    (parsers.host, "a b", "an IP address or a host name"),
    (parsers.host, "", "an IP address or a host name"),
    (parsers.size, "1.5G", "64MiB"),
    (parsers.size, "12 parsecs", "64MiB"),
    (parsers.inline_limit, "2MiB", "at most 1MiB"),
    (parsers.seconds, "soon", "a number of seconds"),
    (parsers.seconds, "-1", "a number of seconds"),
    (parsers.interval, "0", "above 0"),
    (parsers.region, "US East", "us-east-1"),
    (parsers.domain, "-bad.example", "s3.example.com"),
    (parsers.name, "", "letters, digits"),
    (parsers.name, "a\r\nb", "letters, digits"),
    (parsers.peer, "10.0.0.2", "HOST:PORT"),
    (parsers.peer, "a:b", "HOST:PORT"),
    (parsers.workers, "0", "auto or"),
    (parsers.workers, "many", "auto or"),
    (parsers.flag, "maybe", "true or false"),
    (parsers.path, "", "a path"),
    (parsers.path, "a\x00b", "a path"),
    (parsers.one_of("x", "y"), "z", "one of x, y"),
    (parsers.whole_number(1, 7), "8", "from 1 to 7"),
]


@pytest.mark.parametrize(("parse", "text", "value"), RIGHT)
def test_right_text_becomes_a_typed_value(
    parse: Callable[[str], Any], text: str, value: object
) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(("parse", "text", "hint"), WRONG)
def test_wrong_text_is_refused_with_what_would_be_right(
    parse: Callable[[str], Any], text: str, hint: str
) -> None:
    with pytest.raises(ValueError, match=r"needed|at most") as refused:
        parse(text)
    assert hint in str(refused.value)
    assert "\n" not in str(refused.value)


@given(st.text(max_size=40))
def test_no_text_makes_a_parser_fail_in_another_way(text: str) -> None:
    refusals = []
    for parse, _, _ in RIGHT:
        try:
            parse(text)
        except ValueError as error:
            refusals.append(str(error))
    assert all(refusals)


def test_home_directories_are_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert parsers.path("~/data") == "/home/me/data"
