"""What reads and writes look up first."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.ops.harness import Harness, run
from z4tw.errors import InvalidArgument, NoSuchKey, PreconditionFailed
from z4tw.interfaces import S3Response
from z4tw.model.control import ANONYMOUS, Bucket
from z4tw.model.objects import Checksum
from z4tw.objects.commands import Condition
from z4tw.ops.context import Context
from z4tw.ops.lookup import (
    check_before_body,
    checksum_headers,
    is_versioned,
    owner_of,
    part_marker,
    part_number,
    readable_version,
    requested_version,
)


def context_of(harness: Harness, target: str = "/bucket/key") -> Context:
    """The context of a GET, as an operation sees it."""
    seen: list[Context] = []

    async def note(context: Context) -> S3Response:
        seen.append(context)
        return S3Response(200)

    harness.service._operations["GetObject"] = note
    assert harness.request("GET", target).status == 200
    return seen[0]


@pytest.fixture
def harness() -> Harness:
    harness = Harness()
    harness.bucket()
    return harness


def test_version_ids() -> None:
    assert requested_version({}) == ""
    assert requested_version({"versionId": "null"}) == "null"
    assert requested_version({"versionId": "0" * 32}) == "0" * 32
    with pytest.raises(InvalidArgument):
        requested_version({"versionId": "latest"})


def test_part_numbers_and_markers() -> None:
    assert part_number({"partNumber": "10000"}, 10_000) == 10_000
    for text in ("0", "10001", "", "x", "\u0663"):
        with pytest.raises(InvalidArgument):
            part_number({"partNumber": text}, 10_000)
    assert part_marker({}, "m") == 0
    assert part_marker({"m": "7"}, "m") == 7
    with pytest.raises(InvalidArgument):
        part_marker({"m": "-7"}, "m")


def test_the_current_version_and_its_absence(harness: Harness) -> None:
    harness.put("/bucket/key", b"data")
    context = context_of(harness)
    register = context.object_register()
    assert run(readable_version(context, register, "")).size == 4
    assert run(readable_version(context, register, "null")).size == 4
    with pytest.raises(NoSuchKey):
        run(readable_version(context, context.object_register("other"), ""))


def test_conditions_before_a_body(harness: Harness) -> None:
    context = context_of(harness)
    register = context.object_register()
    run(check_before_body(context, register, None))
    run(check_before_body(context, register, Condition(if_none_match=True)))
    with pytest.raises(NoSuchKey):
        run(check_before_body(context, register, Condition(if_match="x")))
    harness.put("/bucket/key", b"data")
    with pytest.raises(PreconditionFailed):
        run(check_before_body(context, register, Condition(if_none_match=True)))
    with pytest.raises(PreconditionFailed):
        run(check_before_body(context, register, Condition(if_none_match=True), origin="upload"))


def test_who_owns_what_is_written(harness: Harness) -> None:
    context = context_of(harness)
    bucket = context.require_bucket()
    other: Any = replace(bucket, owner="somebody")
    assert owner_of(context, other) == harness.user.account_id
    assert owner_of(context, replace(other, object_ownership="BucketOwnerEnforced")) == "somebody"
    context.principal = ANONYMOUS
    assert owner_of(context, other) == "somebody"


def replace(bucket: Bucket, **changes: Any) -> Bucket:
    return msgspec.structs.replace(bucket, **changes)


def test_checksums_as_headers() -> None:
    assert checksum_headers(None) == []
    assert checksum_headers(Checksum("CRC32", "COMPOSITE", "AAAA-1")) == [
        ("x-amz-checksum-crc32", "AAAA-1"),
        ("x-amz-checksum-type", "COMPOSITE"),
    ]


def test_versioned_buckets(harness: Harness) -> None:
    bucket = context_of(harness).require_bucket()
    assert not is_versioned(bucket)
    assert is_versioned(replace(bucket, versioning="Suspended"))
