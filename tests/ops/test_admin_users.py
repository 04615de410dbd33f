"""Users and roles below an account: made, listed, deleted, and their keys."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ops.harness import Harness, run
from z4tw.model.registers import Kind
from z4tw.ops.accounts import AdminError
from z4tw.ops.admin_users import UserAdmin
from z4tw.ops.control import scan_all


def test_a_user_has_an_id_of_its_own_and_no_rights() -> None:
    harness = Harness()
    made = run(harness.admin.user_create("bob", "user"))
    assert made["arn"] == f"arn:aws:iam::{harness.user.account_number}:user/bob"
    assert made["user_id"].startswith("Z4U")
    assert not made["admin"]
    assert not made["root"]
    bob = run(harness.admin.key_create("bobs", user="bob"))
    assert bob["account_id"] == harness.user.account_id
    key = harness.user._replace(access_key_id=bob["access_key_id"], secret=bob["secret_access_key"])
    harness.bucket()
    harness.put("/bucket/key")
    for method, target in (
        ("GET", "/"), ("PUT", "/new"), ("GET", "/bucket"), ("GET", "/bucket/key"),
        ("PUT", "/bucket/key"), ("DELETE", "/bucket/key"), ("DELETE", "/bucket"),
    ):  # fmt: skip
        assert harness.request(method, target, key=key).error == "AccessDenied", target


def test_a_user_may_have_several_keys_and_they_go_one_by_one() -> None:
    harness = Harness()
    run(harness.admin.user_create("bob", "user"))
    first = harness.user_key(None, "user", "first")
    for name in ("one", "two"):
        run(harness.admin.key_create(name, user="bob"))
    with pytest.raises(AdminError, match="a key named one already"):
        run(harness.admin.key_create("one", user="bob"))
    with pytest.raises(AdminError, match="a key named one already"):
        run(harness.admin.key_create("one"))
    with pytest.raises(AdminError, match="a key named user already"):
        run(harness.admin.key_create("user", user="bob"))
    run(harness.admin.key_delete("one"))
    info = run(harness.admin.user_info("bob"))
    assert [key["name"] for key in info["keys"]] == ["two"]
    harness.bucket()
    run(harness.admin.key_delete("user"))
    assert harness.request("GET", "/bucket", key=first).status == 200
    assert harness.request("GET", "/bucket").error == "InvalidAccessKeyId"


def test_the_last_key_of_a_root_user_takes_its_rights_along() -> None:
    harness = Harness()
    harness.bucket("other", key=harness.admin_key)
    run(harness.admin.bucket_allow("other", "user", read=True))
    harness.user_key(None, "user", "second")
    run(harness.admin.key_delete("user"))
    assert run(harness.admin.bucket_info("other"))["grants"] == {"second": ["read"]}
    run(harness.admin.key_delete("second"))
    assert run(harness.admin.bucket_info("other"))["grants"] == {}


def test_a_users_grants_stay_until_the_user_goes() -> None:
    harness = Harness()
    harness.bucket()
    bob = harness.user_key("bob", "user")
    run(harness.admin.bucket_allow("bucket", bob.name, read=True))
    run(harness.admin.key_delete(bob.name))
    assert run(harness.admin.user_info("bob"))["granted_buckets"] == {"bucket": ["read"]}
    run(harness.admin.user_delete("bob"))
    assert run(harness.admin.bucket_info("bucket"))["grants"] == {}


def test_a_deleted_user_is_gone_with_its_keys() -> None:
    harness = Harness()
    bob = harness.user_key("bob", "user")
    run(harness.admin.user_delete("bob"))
    assert harness.request("GET", "/", key=bob).error == "InvalidAccessKeyId"
    assert bob.name not in [key["name"] for key in run(harness.admin.key_list())]
    with pytest.raises(AdminError, match="no user named bob"):
        run(harness.admin.user_info("bob"))


def test_names_are_unique_within_an_account_only() -> None:
    harness = Harness()
    harness.key("alice")
    run(harness.admin.user_create("bob", "user"))
    run(harness.admin.user_create("bob", "alice"))
    with pytest.raises(AdminError, match="a user named bob already"):
        run(harness.admin.user_create("bob", "user", role=True))
    with pytest.raises(AdminError, match="write alice/bob or user/bob"):
        run(harness.admin.user_info("bob"))
    assert run(harness.admin.user_info("alice/bob"))["account"] == "alice"
    by_id = run(harness.admin.user_info("user/bob"))["user_id"]
    assert run(harness.admin.user_info(by_id))["account"] == "user"
    for name in ("user", "root"):
        with pytest.raises(AdminError, match="already"):
            run(harness.admin.user_create(name, "user"))


@pytest.mark.parametrize("name", ["", "a/b", "a b", "x" * 65, "\u00e9"])
def test_names_are_those_of_iam(name: str) -> None:
    with pytest.raises(AdminError, match="must be 1 to 64"):
        run(Harness().admin.user_create(name, "user"))


def test_a_user_is_of_an_account_that_is_there() -> None:
    with pytest.raises(AdminError, match="no account named nobody"):
        run(Harness().admin.user_create("bob", "nobody"))
    with pytest.raises(AdminError, match="no account named nobody"):
        run(Harness().admin.user_list("nobody"))


def test_the_list_has_root_users_first() -> None:
    harness = Harness()
    run(harness.admin.user_create("aaa", "user"))
    run(harness.admin.user_create("role", "user", role=True))
    listed = run(harness.admin.user_list("user"))
    assert [(one["name"], one["root"], one["role"]) for one in listed] == [
        ("user", True, False),
        ("aaa", False, False),
        ("role", False, True),
    ]
    assert len(run(harness.admin.user_list())) == 4


def test_a_role_has_no_keys_and_a_root_user_is_not_deleted() -> None:
    harness = Harness()
    run(harness.admin.user_create("role", "user", role=True))
    with pytest.raises(AdminError, match="role is a role"):
        run(harness.admin.key_create("key", user="role"))
    with pytest.raises(AdminError, match="root user"):
        run(harness.admin.user_delete("user"))
    with pytest.raises(AdminError, match="no admins"):
        run(harness.admin.key_create("key", admin=True, user="user"))
    with pytest.raises(AdminError, match="reserved"):
        run(harness.admin.key_create("root", user="user"))


def test_keys_are_imported_for_users_too() -> None:
    harness = Harness()
    run(harness.admin.user_create("bob", "user"))
    run(harness.admin.key_import("bobs", "BOBSKEY", "12345678", user="bob"))
    with pytest.raises(AdminError, match="key with the id BOBSKEY"):
        run(harness.admin.key_import("again", "BOBSKEY", "12345678", user="bob"))
    info = run(harness.admin.user_info("bob"))
    assert [key["access_key_id"] for key in info["keys"]] == ["BOBSKEY"]


def test_the_root_key_leaves_other_keys_of_the_root_account_alone() -> None:
    harness = Harness()
    run(harness.admin.ensure_root_key("rootkey", "rootsecret"))
    run(harness.admin.key_create("backup", user="root"))
    run(harness.admin.ensure_root_key("newkey", "rootsecret"))
    names = {key["name"]: key["access_key_id"] for key in run(harness.admin.key_list())}
    assert names["root"] == "newkey"
    assert "backup" in names


class Racing:
    """A store in which something happens when an account is about to be changed."""

    def __init__(self, store: Any, happening: Any) -> None:
        self._store = store
        self._happening = happening
        self._over = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def change(self, register: Any, command: Any) -> Any:
        if register.kind == Kind.ACCOUNT and not self._over:
            self._over = True
            await self._happening()
        return await self._store.change(register, command)


def test_of_two_users_of_a_name_one_is_made() -> None:
    harness = Harness()

    async def happening() -> None:
        with pytest.raises(AdminError):
            await harness.admin.user_create("bob", "user")
        await harness.admin.user_create("other", "user")

    admin = UserAdmin(
        store=Racing(harness.store, happening),
        stamp=harness.stamps.stamp,
        random_bytes=harness.random.randbytes,
    )
    run(admin.user_create("bob", "user"))
    users = run(scan_all(harness.store, Kind.USER))
    assert sorted(user.name for user in users) == ["admin", "bob", "other", "user"]


def test_a_key_for_a_user_that_goes_meanwhile_is_not_made() -> None:
    harness = Harness()
    run(harness.admin.user_create("bob", "user"))

    class Deleting(Racing):
        async def change(self, register: Any, command: Any) -> Any:
            outcome = await self._store.change(register, command)
            if register.kind == Kind.ACCESS_KEY and not self._over:
                self._over = True
                await harness.admin.user_delete("bob")
            return outcome

    from z4tw.ops.admin_keys import KeyAdmin

    admin = KeyAdmin(
        store=Deleting(harness.store, None),
        secrets=harness.seal,
        stamp=harness.stamps.stamp,
        random_bytes=harness.random.randbytes,
    )
    with pytest.raises(AdminError, match="deleted meanwhile"):
        run(admin.key_create("bobs", user="bob"))
    assert "bobs" not in [key.name for key in run(scan_all(harness.store, Kind.ACCESS_KEY))]
