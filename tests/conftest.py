"""Options of all tests."""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, settings

# A machine that does other things too is slow now and then, which proves nothing.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # A shell starts what it runs in the background like that, and children inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long", action="store_true", help="run the tests marked `long` too: soak, fuzz, crashes"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    skip = pytest.mark.skip(reason="long: run it with --long")
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(skip)
