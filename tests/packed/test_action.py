"""The storage class ZSTD: its options, and what it packs."""

from __future__ import annotations

from typing import Any

import pytest
from zope.interface.verify import verifyObject

from tests.ops.harness import run
from z4tw.interfaces import ILifecycleAction
from z4tw.model.objects import EMPTY_BODY, Version
from z4tw.packed.action import ZstdAction


class Noting:
    def __init__(self, size: int) -> None:
        self.version = Version(bytes(20), True, size, "e", EMPTY_BODY, "o")
        self.levels: list[int] = []

    async def pack(self, level: int) -> None:
        self.levels.append(level)


def levels(action: ZstdAction, size: int) -> list[int]:
    noting: Any = Noting(size)
    run(action.act(noting))
    return noting.levels


def test_it_is_an_action() -> None:
    assert verifyObject(ILifecycleAction, ZstdAction())
    assert ZstdAction.storage_class == "ZSTD"


def test_small_bodies_are_left_alone() -> None:
    action = ZstdAction.from_options({})
    assert levels(action, 16 * 1024 - 1) == []
    assert levels(action, 16 * 1024) == [3]
    action = ZstdAction.from_options({"level": "19", "minimum-size": "1MiB"})
    assert levels(action, (1 << 20) - 1) == []
    assert levels(action, 1 << 20) == [19]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"level": "0"}, "from 1 to 19"),
        ({"level": "20"}, "from 1 to 19"),
        ({"level": "9999999999"}, "from 1 to 19"),
        ({"level": "fast"}, "from 1 to 19"),
        ({"level": ""}, "from 1 to 19"),
        ({"minimum-size": "big"}, "minimum-size"),
        ({"speed": "1"}, "there is no option 'speed'"),
    ],
)
def test_wrong_options(options: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ZstdAction.from_options(options)
