"""Changing one field of a bucket's record leaves the others, whoever changes them meanwhile."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.ops.harness import Harness, run
from z4tw.errors import NoSuchBucket
from z4tw.interfaces import S3Response
from z4tw.model.control import BucketState
from z4tw.ops.bucket_life import create_bucket, new_bucket
from z4tw.ops.bucket_settings import change_bucket
from z4tw.ops.context import Context
from z4tw.ops.control import bucket_register, update


def begin() -> tuple[Harness, Context]:
    """A server with a bucket, and the context of a request that is under way while others
    change things."""
    kept: list[Context] = []

    async def keep(context: Context) -> S3Response:
        kept.append(context)
        return S3Response(200)

    harness = Harness(operations={"HeadBucket": keep})
    harness.bucket()
    assert harness.request("HEAD", "/bucket").status == 200
    return harness, kept[0]


def record(harness: Harness) -> Any:
    return run(harness.store.read(bucket_register("bucket")))


def test_two_changes_of_different_fields_both_last() -> None:
    harness, context = begin()
    run(change_bucket(context, tags={"a": "b"}))
    run(change_bucket(context, versioning="Enabled"))
    assert record(harness).tags == {"a": "b"}
    assert record(harness).versioning == "Enabled"


def test_the_same_value_again_writes_nothing() -> None:
    harness, context = begin()
    run(change_bucket(context, versioning="Enabled"))
    before = harness.store.control_generation()
    run(change_bucket(context, versioning="Enabled"))
    assert harness.store.control_generation() == before


def test_a_bucket_that_went_or_was_made_anew_is_not_changed() -> None:
    harness, context = begin()
    assert harness.request("DELETE", "/bucket").status == 204
    with pytest.raises(NoSuchBucket):
        run(change_bucket(context, versioning="Enabled"))
    made = new_bucket(
        "bucket", "o" * 64, harness.settings, harness.stamps.stamp(), harness.random.randbytes
    )
    run(create_bucket(harness.store, made, harness.stamps.stamp))
    with pytest.raises(NoSuchBucket):
        run(change_bucket(context, versioning="Enabled"))
    assert record(harness).versioning == ""


def test_a_bucket_in_its_deletion_is_not_changed() -> None:
    harness, context = begin()
    run(
        update(
            harness.store,
            bucket_register("bucket"),
            lambda present: msgspec.structs.replace(
                present, state=BucketState.DELETING, stamp=harness.stamps.stamp()
            ),
        )
    )
    with pytest.raises(NoSuchBucket):
        run(change_bucket(context, versioning="Enabled"))
