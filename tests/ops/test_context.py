"""What operations are given, and how commands' outcomes become answers."""

from __future__ import annotations

import pytest

from tests.ops.harness import Harness, run
from z4tw.errors import (
    AccessDenied,
    NoSuchBucket,
    NoSuchKey,
    NoSuchVersion,
    PreconditionFailed,
    SlowDown,
)
from z4tw.interfaces import S3Response
from z4tw.model.control import ANONYMOUS, Principal
from z4tw.model.registers import Done, Kind, NeedData, Refused
from z4tw.ops.context import Context, done, refusal


def begin() -> tuple[Harness, Context]:
    kept: list[Context] = []

    async def keep(context: Context) -> S3Response:
        kept.append(context)
        return S3Response(200)

    harness = Harness(operations={"GetObject": keep})
    harness.bucket()
    assert harness.request("GET", "/bucket/some/k%C3%A9y").status == 200
    return harness, kept[0]


STRANGER = Principal("s" * 64, "000000000009", "s", "s" * 64, "s", "Z4STRANGER")


def test_an_objects_register_is_its_incarnation_and_key() -> None:
    _, context = begin()
    incarnation = context.require_bucket().incarnation
    assert context.object_register() == (Kind.OBJECT, incarnation, "some/k\u00e9y".encode())
    assert context.object_register("other") == (Kind.OBJECT, incarnation, b"other")


def test_an_operation_without_its_bucket_is_a_defect() -> None:
    _, context = begin()
    context.bucket = None
    with pytest.raises(RuntimeError, match="GetObject"):
        context.require_bucket()


def test_authorize_demands_one_more_action() -> None:
    harness, context = begin()
    context.authorize("s3:PutObjectTagging", key="x")
    harness.bucket("other", key=harness.admin_key)
    other = run(context.find_bucket("other"))
    assert not context.allowed("s3:GetObject", other, "x")
    with pytest.raises(AccessDenied):
        context.authorize("s3:GetObject", other, "x")
    context.principal = STRANGER
    with pytest.raises(AccessDenied):
        context.authorize("s3:PutObjectTagging", key="x")


def test_what_is_missing_is_named_to_who_may_list() -> None:
    _, context = begin()
    error = context.no_such_key()
    assert isinstance(error, NoSuchKey)
    assert error.details == {"Key": "some/k\u00e9y"}
    error = context.no_such_key("other", version_id="null")
    assert isinstance(error, NoSuchVersion)
    assert error.details == {"Key": "other", "VersionId": "null"}
    context.principal = STRANGER
    assert isinstance(context.no_such_key(), AccessDenied)
    assert isinstance(context.no_such_key(version_id="null"), AccessDenied)


def test_a_missing_bucket_is_told_to_the_known_only() -> None:
    _, context = begin()
    with pytest.raises(NoSuchBucket):
        run(context.find_bucket("missing"))
    context.principal = ANONYMOUS
    with pytest.raises(AccessDenied):
        run(context.find_bucket("missing"))


def test_owner_names() -> None:
    harness, context = begin()
    assert run(context.owner_name(harness.user.account_id)) == "user"
    assert run(context.owner_name("f" * 64)) == ""


def test_a_done_outcome_is_given_back_and_others_are_raised() -> None:
    outcome = Done(b"s", "v")
    assert done(outcome) is outcome
    with pytest.raises(PreconditionFailed) as caught:
        done(Refused("PreconditionFailed", "It failed.", {"Condition": "If-Match"}))
    assert caught.value.message == "It failed."
    assert caught.value.details == {"Condition": "If-Match"}
    with pytest.raises(SlowDown):
        done(NeedData(bytes(16)))


def test_a_refusal_without_text_has_the_codes_own() -> None:
    error = refusal(Refused("NoSuchUpload"))
    assert error.code == "NoSuchUpload"
    assert error.status == 404
    assert error.message


def test_an_unknown_code_is_a_defect() -> None:
    with pytest.raises(KeyError):
        refusal(Refused("NoSuchThing"))
