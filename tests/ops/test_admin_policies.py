"""Policies of users and keys: put, shown and removed, and what they may not be."""

from __future__ import annotations

import json

import pytest

from tests.ops.harness import Harness, run
from z4tw.ops.accounts import AdminError

READ = json.dumps({"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}})
ALL = json.dumps({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
TRUST = json.dumps(
    {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "1" * 12}}}
)


def test_policies_are_kept_as_they_were_put() -> None:
    harness = Harness()
    run(harness.admin.user_create("bob", "user"))
    assert run(harness.admin.user_policy_list("bob")) == []
    spaced = READ.replace(",", " ,\n")
    done = run(harness.admin.user_policy_put("bob", spaced, "read"))
    assert done["policies"] == ["read"]
    assert run(harness.admin.user_policy_get("bob", "read"))["document"] == spaced
    run(harness.admin.user_policy_put("bob", ALL, "read"))
    assert run(harness.admin.user_policy_list("bob")) == [{"name": "read", "document": ALL}]
    assert run(harness.admin.user_info("bob"))["policies"] == ["read"]
    run(harness.admin.user_policy_delete("bob", "read"))
    for act in (harness.admin.user_policy_get, harness.admin.user_policy_delete):
        with pytest.raises(AdminError, match="no policy named read"):
            run(act("bob", "read"))


def test_a_keys_policies_take_away_and_never_give() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key")
    run(harness.admin.key_policy_put("user", READ))
    assert run(harness.admin.key_policy_get("user"))["document"] == READ
    assert run(harness.admin.key_policy_list("user"))[0]["name"] == "default"
    assert harness.request("GET", "/bucket/key").status == 200
    assert harness.request("PUT", "/bucket/key", body=b"x").error == "AccessDenied"
    assert harness.request("PUT", "/new").error == "AccessDenied"
    run(harness.admin.key_policy_delete("user"))
    assert harness.request("PUT", "/bucket/key", body=b"x").status == 200
    bob = harness.user_key("bob", "user")
    run(harness.admin.key_policy_put(bob.name, ALL))
    assert harness.request("GET", "/bucket/key", key=bob).error == "AccessDenied"
    run(harness.admin.key_policy_put("admin", READ))
    denied = harness.request("PUT", "/bucket/key", body=b"x", key=harness.admin_key)
    assert denied.error == "AccessDenied"


def test_policies_end_with_the_bytes_and_the_number_that_are_allowed() -> None:
    harness = Harness()
    run(harness.admin.user_create("bob", "user"))
    for number in range(10):
        run(harness.admin.user_policy_put("bob", READ, f"p{number}"))
    with pytest.raises(AdminError, match="has 10 policies"):
        run(harness.admin.user_policy_put("bob", READ, "more"))
    run(harness.admin.user_policy_put("bob", ALL, "p3"))
    run(harness.admin.user_policy_put("bob", READ.ljust(6144), "p3"))
    with pytest.raises(AdminError, match="at most 6144 bytes"):
        run(harness.admin.user_policy_put("bob", READ.ljust(6145), "p3"))


@pytest.mark.parametrize(
    "document",
    ["", "{", "[]", '{"Statement": []}', TRUST, READ.replace("Allow", "Perhaps"), "\ud800"],
)
def test_malformed_policies_are_refused_in_one_line(document: str) -> None:
    harness = Harness()
    run(harness.admin.user_create("bob", "user"))
    for act, owner in (
        (harness.admin.user_policy_put, "bob"),
        (harness.admin.key_policy_put, "user"),
    ):
        with pytest.raises(AdminError, match="malformed policy: ") as caught:
            run(act(owner, document))
        assert "\n" not in str(caught.value)


def test_a_root_user_has_no_policies_and_names_are_checked() -> None:
    harness = Harness()
    run(harness.admin.user_create("bob", "user"))
    with pytest.raises(AdminError, match="root user"):
        run(harness.admin.user_policy_put("user", READ))
    with pytest.raises(AdminError, match="policy name"):
        run(harness.admin.user_policy_put("bob", READ, "a b"))
    with pytest.raises(AdminError, match="no user named carl"):
        run(harness.admin.user_policy_put("carl", READ))
    with pytest.raises(AdminError, match="no key named carl"):
        run(harness.admin.key_policy_put("carl", READ))


def test_trust_is_a_roles() -> None:
    harness = Harness()
    run(harness.admin.user_create("bob", "user"))
    run(harness.admin.user_create("role", "user", role=True))
    with pytest.raises(AdminError, match="bob is no role"):
        run(harness.admin.role_trust("bob", TRUST))
    with pytest.raises(AdminError, match="malformed policy"):
        run(harness.admin.role_trust("role", READ))
    run(harness.admin.role_trust("role", TRUST))
    assert run(harness.admin.user_info("role"))["trust"] == TRUST
    run(harness.admin.role_trust("role", ""))
    assert run(harness.admin.user_info("role"))["trust"] == ""


def test_policies_survive_other_changes_of_a_key() -> None:
    harness = Harness()
    run(harness.admin.key_policy_put("user", READ))
    run(harness.admin.key_deactivate("user"))
    run(harness.admin.key_activate("user"))
    assert run(harness.admin.key_info("user"))["policies"] == ["default"]
