"""What was asked for is checked before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from z4tw.bench.settings import Settings, make_settings
from z4tw.bench.target import UsageError

GIVEN: dict[str, Any] = {
    "workload": "put,get", "size": 1024, "objects": None, "concurrency": 16, "duration_s": 10.0,
    "processes": 1, "rounds": 1, "bucket": "", "part_size": 8 << 20,
}  # fmt: skip


def test_the_defaults() -> None:
    assert make_settings(**GIVEN) == Settings()


@pytest.mark.parametrize(
    ("size", "objects"), [(0, 1000), (1024, 1000), (64 << 20, 16), (5 << 30, 1)]
)
def test_without_a_number_of_objects_they_fit_into_a_gibibyte(size: int, objects: int) -> None:
    assert make_settings(**GIVEN | {"size": size}).objects == objects


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"workload": "get,fetch"}, "unknown workload 'fetch'"),
        ({"workload": ""}, "unknown workload"),
        ({"workload": "get,get"}, "twice"),
        ({"size": (5 << 30) + 1}, "--size"),
        ({"objects": 0}, "--objects"),
        ({"objects": 1_000_001}, "--objects"),
        ({"objects": 1_000_000, "size": 5 << 30}, "1 TiB"),
        ({"concurrency": 0}, "--concurrency"),
        ({"concurrency": 5000}, "--concurrency"),
        ({"processes": 0}, "--processes"),
        ({"processes": 17}, "--processes"),
        ({"duration_s": 0.0}, "--duration"),
        ({"duration_s": float("nan")}, "--duration"),
        ({"rounds": 0}, "--rounds"),
        ({"bucket": "No_Bucket"}, "no name of a bucket"),
        ({"workload": "multipart", "part_size": 1 << 20}, "--part-size"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(UsageError) as raised:
        make_settings(**GIVEN | changes)
    assert word in str(raised.value)
    assert "\n" not in str(raised.value)
