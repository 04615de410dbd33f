"""Aliases as the command line sees them."""

from __future__ import annotations

import pytest

from tests.ops.harness import Harness, run
from z4tw.ops.accounts import AdminError


def test_aliases_are_added_listed_and_removed() -> None:
    harness = Harness()
    harness.bucket("photos")
    harness.bucket("music")
    admin = harness.admin
    assert run(admin.bucket_alias_add("photos", "pictures")) == {
        "alias": "pictures",
        "bucket": "photos",
    }
    run(admin.bucket_alias_add("music", "songs"))
    both = [{"alias": "pictures", "bucket": "photos"}, {"alias": "songs", "bucket": "music"}]
    assert run(admin.bucket_alias_list()) == both
    assert run(admin.bucket_alias_list("music")) == both[1:]
    assert run(admin.bucket_info("photos"))["aliases"] == ["pictures"]
    assert [one["name"] for one in run(admin.bucket_list())] == ["music", "photos"]
    assert run(admin.key_info("user"))["owned_buckets"] == ["music", "photos"]
    assert run(admin.bucket_alias_remove("songs"))["bucket"] == "music"
    assert run(admin.bucket_alias_list()) == both[:1]


def test_what_cannot_be_an_alias_is_refused_in_one_line() -> None:
    harness = Harness()
    harness.bucket("photos")
    admin = harness.admin
    run(admin.bucket_alias_add("photos", "pictures"))
    for bucket, alias, line in (
        ("photos", "No_Good", "alias 'No_Good': "),
        ("photos", "photos", "photos is the bucket's own name"),
        ("nothing", "images", "there is no bucket named nothing"),
        ("pictures", "images", "pictures is itself an alias"),
    ):
        with pytest.raises(AdminError, match=line):
            run(admin.bucket_alias_add(bucket, alias))
    with pytest.raises(AdminError, match="there is no alias named photos"):
        run(admin.bucket_alias_remove("photos"))
    with pytest.raises(AdminError, match="there is an alias named pictures already"):
        run(admin.bucket_create("pictures"))
    for command in (admin.bucket_delete, admin.bucket_info, admin.bucket_quota):
        with pytest.raises(AdminError, match="there is no bucket named pictures"):
            run(command("pictures"))
