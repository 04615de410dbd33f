"""The table has what S3 operations are supported; all others are refused by name."""

from __future__ import annotations

import inspect

import pytest

from tests.ops.harness import Harness
from z4tw.ops.table import OPERATIONS
from z4tw.s3.operations import OPERATIONS as KNOWN

SPOKEN = {(KNOWN[name].method, KNOWN[name].level, KNOWN[name].marker) for name in OPERATIONS}
ABSENT = sorted(
    name
    for name, operation in KNOWN.items()
    if name not in OPERATIONS
    and operation.marker
    and operation.name != "PostObject"
    and (operation.required or (operation.method, operation.level, operation.marker) not in SPOKEN)
)
"""Not among them: old names of operations that are the same on the wire as supported ones."""


def test_the_table_is_what_the_operations_say_is_supported() -> None:
    assert set(OPERATIONS) == {name for name, known in KNOWN.items() if known.supported}


def test_every_entry_is_a_coroutine_function_of_one_context() -> None:
    for name, operation in OPERATIONS.items():
        assert inspect.iscoroutinefunction(operation), name
        assert len(inspect.signature(operation).parameters) == 1, name


@pytest.mark.parametrize("name", ABSENT)
def test_what_is_absent_is_not_implemented_by_name(name: str) -> None:
    known = KNOWN[name]
    harness = Harness()
    harness.bucket()
    path = {"service": "/", "bucket": "/bucket", "object": "/bucket/key"}[known.level]
    query = "&".join([known.marker, *(f"{parameter}=1" for parameter in known.required)])
    answer = harness.request(known.method, f"{path}?{query}")
    assert (answer.status, answer.error) == (501, "NotImplemented"), answer
    assert answer.exchange.operation
    assert f"The operation {answer.exchange.operation} is not implemented." == answer.message
    assert harness.request("GET", "/bucket").texts("Contents/Key") == []
    anonymous = harness.anonymous(known.method, f"{path}?{query}")
    assert anonymous.error == "AccessDenied"
