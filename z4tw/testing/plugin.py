"""The pytest plugin: an S3 server and buckets as fixtures. It imports nothing until one is used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from z4tw.testing.server import LocalServer


@pytest.fixture(scope="session")
def z4_server() -> Iterator[LocalServer]:
    """A running S3 server on a free loopback port, for the whole test run.

    ``endpoint_url``, ``access_key_id``, ``secret_access_key`` and ``region`` are what a client
    needs; ``make_bucket()`` and ``make_key(name)`` make more. Its data goes at the end.
    """
    from z4tw.testing.server import LocalServer

    with LocalServer() as server:
        yield server


@pytest.fixture
def z4_bucket(z4_server: LocalServer) -> str:
    """The name of a new, empty bucket on ``z4_server``."""
    return z4_server.make_bucket()
