"""Aliases: further names of buckets, which are never a bucket's name too."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.ops.harness import Harness, run
from z4tw.model.control import Bucket, BucketState
from z4tw.ops.aliases import AliasRefused, add_alias, drop_aliases, remove_alias, target_of
from z4tw.ops.bucket_life import create_bucket, new_bucket, resume_deletions
from z4tw.ops.context import Settings
from z4tw.ops.control import bucket_register, replace
from z4tw.policy.grants import GrantsEvaluator


@pytest.fixture
def harness() -> Harness:
    harness = Harness(settings=Settings(domains=("s3.local",), inline_limit_bytes=0))
    harness.bucket("photos")
    run(harness.admin.bucket_alias_add("photos", "pictures"))
    return harness


def record(harness: Harness, name: str) -> Bucket | None:
    found: Bucket | None = run(harness.store.read(bucket_register(name)))
    return found


def test_the_bucket_answers_by_both_names(harness: Harness) -> None:
    harness.put("/pictures/a", b"one")
    assert harness.request("GET", "/photos/a").body == b"one"
    host = {"host": "pictures.s3.local"}
    assert harness.request("GET", "/a", headers=host).body == b"one"
    copy = {"x-amz-copy-source": "/pictures/a"}
    harness.put("/photos/b", b"", headers=copy)
    assert harness.request("GET", "/pictures").texts("Contents/Key") == ["a", "b"]
    assert harness.request("GET", "/pictures").text("Name") == "photos"
    assert harness.request("HEAD", "/pictures").status == 200
    assert harness.request("GET", "/").texts("Buckets/Bucket/Name") == ["photos"]
    paths = list(harness.blobs.blobs)
    assert all(path.startswith("photos/") for path in paths), paths
    stranger = harness.key("stranger")
    assert harness.request("GET", "/pictures/a", key=stranger).error == "AccessDenied"
    assert harness.anonymous("GET", "/pictures/a").error == "AccessDenied"


def test_policies_see_the_buckets_own_name() -> None:
    names = set()

    class Noting(GrantsEvaluator):
        def may_deny(self, principal: Any, bucket: Any) -> bool:
            return True

        def evaluate(self, request: Any) -> Any:
            names.add(request.bucket_name)
            return super().evaluate(request)

    harness = Harness(evaluators=[Noting()])
    harness.bucket("photos")
    run(harness.admin.bucket_alias_add("photos", "pictures"))
    names.clear()
    answer = harness.request("GET", "/pictures")
    assert names == {"photos"}
    assert answer.exchange.bucket == "photos"


def test_a_name_is_a_bucket_or_an_alias_and_never_both(harness: Harness) -> None:
    for key in (harness.user, harness.admin_key, harness.key("stranger")):
        answer = harness.request("PUT", "/pictures", key=key)
        assert (answer.status, answer.error) == (409, "BucketAlreadyExists")
    harness.bucket("music")
    with pytest.raises(AliasRefused, match="there is a bucket named music"):
        run(add_alias(harness.store, "music", "photos", harness.stamps.stamp))
    with pytest.raises(AliasRefused, match="pictures is an alias of photos"):
        run(add_alias(harness.store, "pictures", "music", harness.stamps.stamp))
    with pytest.raises(AliasRefused, match="pictures is itself an alias, of photos"):
        run(add_alias(harness.store, "images", "pictures", harness.stamps.stamp))
    with pytest.raises(AliasRefused, match="no bucket named nothing"):
        run(add_alias(harness.store, "images", "nothing", harness.stamps.stamp))
    assert record(harness, "images") is None


def test_adding_it_twice_changes_nothing(harness: Harness) -> None:
    run(add_alias(harness.store, "pictures", "photos", harness.stamps.stamp))
    photos = record(harness, "photos")
    assert photos is not None
    assert photos.aliases == ("pictures",)


def test_a_removed_alias_is_no_name_of_anything(harness: Harness) -> None:
    assert run(remove_alias(harness.store, "pictures", harness.stamps.stamp)) == "photos"
    assert harness.request("GET", "/pictures").error == "NoSuchBucket"
    photos = record(harness, "photos")
    assert photos is not None
    assert photos.aliases == ()
    for name in ("pictures", "photos", "nothing"):
        with pytest.raises(AliasRefused, match=f"there is no alias named {name}"):
            run(remove_alias(harness.store, name, harness.stamps.stamp))
    harness.bucket("pictures")


def test_a_deleted_bucket_takes_its_aliases_along(harness: Harness) -> None:
    assert harness.request("DELETE", "/photos").status == 204
    assert record(harness, "pictures") is None
    harness.bucket("photos")
    assert harness.request("GET", "/pictures").error == "NoSuchBucket"


def test_a_bucket_may_be_deleted_by_its_alias(harness: Harness) -> None:
    harness.put("/photos/a")
    assert harness.request("DELETE", "/pictures").error == "BucketNotEmpty"
    harness.request("DELETE", "/photos/a")
    assert harness.request("DELETE", "/pictures").status == 204
    assert (record(harness, "photos"), record(harness, "pictures")) == (None, None)


def test_an_alias_that_outlived_its_bucket_means_nothing_and_its_name_is_free(
    harness: Harness,
) -> None:
    """As after a stop between the removal of the bucket and that of its aliases."""
    photos, alias = record(harness, "photos"), record(harness, "pictures")
    assert photos is not None
    assert alias is not None
    assert run(target_of(harness.store, alias)) == photos
    assert run(replace(harness.store, bucket_register("photos"), photos, None))
    assert run(target_of(harness.store, alias)) is None
    harness.bucket("photos")
    assert harness.request("GET", "/pictures").error == "NoSuchBucket"
    made = new_bucket(
        "pictures",
        "o" * 64,
        harness.settings,
        harness.stamps.stamp(),
        harness.random.randbytes,
    )
    made = msgspec.structs.replace(made, stamp=harness.stamps.stamp())
    assert run(create_bucket(harness.store, made, harness.stamps.stamp)) is made


def test_a_start_clears_such_aliases_away(harness: Harness) -> None:
    photos = record(harness, "photos")
    assert run(resume_deletions(harness.store, harness.stamps.stamp)) == 0
    assert record(harness, "pictures") is not None
    assert run(replace(harness.store, bucket_register("photos"), photos, None))
    assert run(resume_deletions(harness.store, harness.stamps.stamp)) == 0
    assert record(harness, "pictures") is None


def test_only_aliases_of_the_very_bucket_are_dropped(harness: Harness) -> None:
    photos = record(harness, "photos")
    assert photos is not None
    run(drop_aliases(harness.store, msgspec.structs.replace(photos, incarnation=1)))
    alias = record(harness, "pictures")
    assert alias is not None
    assert alias.state == BucketState.ALIAS


def test_who_comes_first_has_the_name(harness: Harness) -> None:
    """A bucket is created between the look at a name and the change of its record."""
    store = harness.store
    change = store.change

    async def creating(register: Any, command: Any) -> Any:
        store.change = change
        harness.bucket("images")
        return await change(register, command)

    store.change = creating
    with pytest.raises(AliasRefused, match="there is a bucket named images"):
        run(add_alias(store, "images", "photos", harness.stamps.stamp))
    assert harness.request("HEAD", "/images").status == 200


def test_a_bucket_that_is_deleted_meanwhile_gets_no_alias(harness: Harness) -> None:
    store = harness.store
    change = store.change

    async def deleting(register: Any, command: Any) -> Any:
        store.change = change
        assert harness.request("DELETE", "/photos").status == 204
        return await change(register, command)

    store.change = deleting
    with pytest.raises(AliasRefused, match="there is no bucket named photos"):
        run(add_alias(store, "images", "photos", harness.stamps.stamp))
    assert record(harness, "images") is None
