"""An endpoint is scheme, host and port; whatever else is refused with one line."""

from __future__ import annotations

import pytest

from z4tw.bench.target import UsageError, parse_target


@pytest.mark.parametrize(
    ("text", "endpoint", "authority"),
    [
        ("http://127.0.0.1:9670", "http://127.0.0.1:9670", "127.0.0.1:9670"),
        ("127.0.0.1:9670", "http://127.0.0.1:9670", "127.0.0.1:9670"),
        ("http://s3.local/", "http://s3.local:80", "s3.local"),
        ("https://s3.local", "https://s3.local:443", "s3.local"),
        ("https://s3.local:80", "https://s3.local:80", "s3.local:80"),
        ("http://[::1]:9670", "http://[::1]:9670", "[::1]:9670"),
    ],
)
def test_endpoints(text: str, endpoint: str, authority: str) -> None:
    target = parse_target(text, "id", "secret")
    assert (target.endpoint, target.authority) == (endpoint, authority)


@pytest.mark.parametrize(
    "text",
    [
        "", "http://", "ftp://host", "http://host:port", "http://host:99999", "http://host/bucket",
        "http://host?x", "http://user@host", "http://ho st", "http://h\r\nx: y", "http://[::1",
    ],
)  # fmt: skip
def test_what_is_no_endpoint(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_target(text, "id", "secret")
    assert "\n" not in str(raised.value)


def test_keys_that_would_break_a_header_are_refused() -> None:
    with pytest.raises(UsageError, match="access key"):
        parse_target("http://host", "id\r\nx", "secret")


def test_the_secret_is_not_shown() -> None:
    assert "s3cret" not in repr(parse_target("http://host", "id", "s3cret"))
