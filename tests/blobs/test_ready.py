"""Awaiting what is ready never suspends."""

from __future__ import annotations

import pytest

from z4tw.blobs.ready import READY


def test_it_does_not_suspend_and_can_be_awaited_again() -> None:
    async def wait() -> str:
        assert await READY is None
        assert await READY is None
        return "done"

    with pytest.raises(StopIteration) as stopped:
        wait().send(None)
    assert stopped.value.value == "done"
