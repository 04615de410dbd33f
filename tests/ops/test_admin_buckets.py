"""Buckets and grants as the command line sees them."""

from __future__ import annotations

import msgspec
import pytest

from tests.ops.harness import Harness, run
from z4tw.model.control import BucketState
from z4tw.model.registers import Kind
from z4tw.ops.accounts import AdminError
from z4tw.ops.control import bucket_register, control_register, update


def test_a_bucket_belongs_to_root_or_to_a_named_key() -> None:
    harness = Harness()
    made = run(harness.admin.bucket_create("one"))
    assert (made["name"], made["owner"], made["region"]) == ("one", "root", "us-east-1")
    assert run(harness.admin.bucket_create("two", "user"))["owner"] == "user"
    assert run(harness.admin.bucket_create("three", "root"))["owner"] == "root"
    assert [entry["name"] for entry in run(harness.admin.bucket_list())] == ["one", "three", "two"]
    assert harness.request("GET", "/two").status == 200
    assert harness.request("GET", "/one").error == "AccessDenied"


def test_what_cannot_be_a_bucket_is_refused() -> None:
    harness = Harness()
    run(harness.admin.bucket_create("one"))
    with pytest.raises(AdminError, match="there is a bucket named one already"):
        run(harness.admin.bucket_create("one"))
    with pytest.raises(AdminError, match="Bad_Name"):
        run(harness.admin.bucket_create("Bad_Name"))
    with pytest.raises(AdminError, match="no key named nobody"):
        run(harness.admin.bucket_create("two", "nobody"))


def test_a_key_that_lost_its_account_owns_nothing_new() -> None:
    harness = Harness()
    run(update(harness.store, control_register(Kind.ACCOUNT, "user"), lambda _: None))
    with pytest.raises(AdminError, match="has no account"):
        run(harness.admin.bucket_create("one", "user"))


def test_info_shows_settings_and_grants() -> None:
    harness = Harness()
    harness.bucket("one", versioning="Enabled")
    harness.key("zoe")
    info = run(harness.admin.bucket_allow("one", "zoe", read=True))
    assert info["grants"] == {"zoe": ["read"]}
    assert info["versioning"] == "Enabled"
    assert info["object_ownership"] == "ObjectWriter"
    assert info == run(harness.admin.bucket_info("one"))
    with pytest.raises(AdminError, match="no bucket named two"):
        run(harness.admin.bucket_info("two"))


def test_allow_adds_and_deny_takes_away() -> None:
    harness = Harness()
    harness.bucket("one")
    harness.key("zoe")
    run(harness.admin.bucket_allow("one", "zoe", read=True))
    info = run(harness.admin.bucket_allow("one", "zoe", write=True, owner=True))
    assert info["grants"] == {"zoe": ["read", "write", "owner"]}
    info = run(harness.admin.bucket_deny("one", "zoe", owner=True))
    assert info["grants"] == {"zoe": ["read", "write"]}
    info = run(harness.admin.bucket_deny("one", "zoe"))
    assert info["grants"] == {}
    assert run(harness.admin.bucket_deny("one", "zoe"))["grants"] == {}


def test_allow_needs_a_right_a_bucket_and_a_key() -> None:
    harness = Harness()
    harness.bucket("one")
    with pytest.raises(AdminError, match="read, write or owner"):
        run(harness.admin.bucket_allow("one", "user"))
    with pytest.raises(AdminError, match="no bucket named two"):
        run(harness.admin.bucket_allow("two", "user", read=True))
    with pytest.raises(AdminError, match="no key named nobody"):
        run(harness.admin.bucket_deny("one", "nobody"))


def test_a_grant_works_and_its_end_too_at_once() -> None:
    harness = Harness()
    zoe = harness.key("zoe")
    harness.bucket("one")
    harness.put("/one/key")
    assert harness.request("GET", "/one/key", key=zoe).error == "AccessDenied"
    run(harness.admin.bucket_allow("one", "zoe", read=True))
    assert harness.request("GET", "/one/key", key=zoe).body == b"data"
    run(harness.admin.bucket_deny("one", "zoe"))
    assert harness.request("GET", "/one/key", key=zoe).error == "AccessDenied"


def test_only_an_empty_bucket_is_deleted() -> None:
    harness = Harness()
    harness.bucket("one")
    harness.put("/one/key")
    with pytest.raises(AdminError, match="bucket one is not empty"):
        run(harness.admin.bucket_delete("one"))
    harness.request("DELETE", "/one/key")
    assert run(harness.admin.bucket_delete("one")) == {"name": "one", "deleted": True}
    with pytest.raises(AdminError, match="no bucket named one"):
        run(harness.admin.bucket_delete("one"))


def test_a_bucket_in_the_middle_of_its_deletion_is_hidden_but_can_be_deleted() -> None:
    harness = Harness()
    harness.bucket("one")
    run(
        update(
            harness.store,
            bucket_register("one"),
            lambda record: msgspec.structs.replace(
                record, state=BucketState.DELETING, stamp=harness.stamps.stamp()
            ),
        )
    )
    assert run(harness.admin.bucket_list()) == []
    with pytest.raises(AdminError, match="no bucket named one"):
        run(harness.admin.bucket_info("one"))
    with pytest.raises(AdminError, match="no bucket named one"):
        run(harness.admin.bucket_allow("one", "user", read=True))
    assert run(harness.admin.bucket_delete("one"))["deleted"]
