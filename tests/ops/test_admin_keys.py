"""Keys: made with an account, listed without secrets, deleted with all that they may do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ops.harness import Harness, run
from z4tw.errors import ServiceUnavailable
from z4tw.model.registers import Kind
from z4tw.ops.accounts import AdminError, read_account, read_user
from z4tw.ops.admin_keys import KeyAdmin, grant_names
from z4tw.ops.control import scan_all


def test_a_created_key_shows_its_secret_once_and_works() -> None:
    harness = Harness()
    made = run(harness.admin.key_create("alice"))
    assert made.keys() == {
        "name",
        "access_key_id",
        "secret_access_key",
        "account_id",
        "account_number",
        "admin",
        "may_create_buckets",
        "user",
        "account",
    }
    assert len(made["access_key_id"]) == 20
    assert len(made["secret_access_key"]) == 40
    assert len(made["account_id"]) == 64
    assert len(made["account_number"]) == 12
    assert made["secret_access_key"] not in repr(run(harness.admin.key_list()))
    assert made["secret_access_key"] not in repr(run(harness.admin.key_info("alice")))


def test_a_name_is_taken_only_once() -> None:
    harness = Harness()
    run(harness.admin.key_create("alice"))
    with pytest.raises(AdminError, match="there is a key named alice already"):
        run(harness.admin.key_create("alice"))
    with pytest.raises(AdminError, match="there is a key named alice already"):
        run(harness.admin.key_import("alice", "another-id", "12345678"))


def test_root_and_bad_names_are_refused() -> None:
    harness = Harness()
    with pytest.raises(AdminError, match="reserved"):
        run(harness.admin.key_create("root"))
    with pytest.raises(AdminError, match="must be 1 to 64"):
        run(harness.admin.key_create("a b"))


def test_an_imported_key_signs_requests() -> None:
    harness = Harness()
    made = run(harness.admin.key_import("mio", "minioadmin", "minioadmin", admin=True))
    assert (made["access_key_id"], made["secret_access_key"]) == ("minioadmin", "minioadmin")
    key = harness.user._replace(access_key_id="minioadmin", secret="minioadmin")
    assert harness.request("GET", "/", key=key).status == 200


def test_an_imported_id_must_be_good_and_new() -> None:
    harness = Harness()
    with pytest.raises(AdminError, match="must be 3 to 128"):
        run(harness.admin.key_import("bad", "a/b", "12345678"))
    with pytest.raises(AdminError, match="secret key"):
        run(harness.admin.key_import("bad", "good-id", "short"))
    run(harness.admin.key_import("one", "shared-id", "12345678"))
    with pytest.raises(AdminError, match="the id shared-id already"):
        run(harness.admin.key_import("two", "shared-id", "87654321"))
    assert run(read_account(harness.store, "two")) is None


def test_the_list_is_by_name_and_says_what_keys_may_do() -> None:
    harness = Harness()
    harness.key("zoe", may_create_buckets=False)
    listed = run(harness.admin.key_list())
    assert [entry["name"] for entry in listed] == ["admin", "user", "zoe"]
    assert [entry["admin"] for entry in listed] == [True, False, False]
    assert [entry["may_create_buckets"] for entry in listed] == [True, True, False]
    assert listed[0]["created"].startswith("2025-10-09T")


def test_info_names_owned_and_granted_buckets() -> None:
    harness = Harness()
    zoe = harness.key("zoe")
    harness.bucket("hers", key=zoe)
    harness.bucket("granted")
    harness.bucket("unrelated")
    run(harness.admin.bucket_allow("granted", "zoe", read=True, write=True))
    info = run(harness.admin.key_info("zoe"))
    assert info["owned_buckets"] == ["hers"]
    assert info["granted_buckets"] == {"granted": ["read", "write"]}
    with pytest.raises(AdminError, match="no key named nobody"):
        run(harness.admin.key_info("nobody"))


def test_a_deleted_key_is_refused_at_once_and_its_grants_are_gone() -> None:
    harness = Harness()
    zoe = harness.key("zoe", admin=True)
    harness.bucket("granted")
    harness.bucket("other")
    run(harness.admin.bucket_allow("granted", "zoe", owner=True))
    assert harness.request("GET", "/granted", key=zoe).status == 200
    deleted = run(harness.admin.key_delete("zoe"))
    assert deleted == {"name": "zoe", "access_key_id": zoe.access_key_id, "deleted": True}
    assert harness.request("GET", "/granted", key=zoe).error == "InvalidAccessKeyId"
    assert run(harness.admin.bucket_info("granted"))["grants"] == {}
    user = run(read_user(harness.store, zoe.account_id))
    assert not user.admin
    assert not user.may_create_buckets
    with pytest.raises(AdminError, match="no key named zoe"):
        run(harness.admin.key_delete("zoe"))


def test_an_account_outlives_its_key_and_is_attached_to_again() -> None:
    harness = Harness()
    zoe = harness.key("zoe")
    harness.bucket("hers", key=zoe)
    harness.put("/hers/key", key=zoe)
    run(harness.admin.key_delete("zoe"))
    versions = harness.request("GET", "/hers?versions", key=harness.admin_key)
    assert versions.text("Version/Owner/DisplayName") == "zoe"
    again = harness.key("zoe")
    assert again.account_id == zoe.account_id
    assert again.access_key_id != zoe.access_key_id
    assert harness.request("GET", "/hers/key", key=again).body == b"data"
    assert not run(harness.admin.key_info("zoe"))["admin"]


def test_the_root_key_is_put_in_place_and_repeating_changes_nothing() -> None:
    harness = Harness()
    made = run(harness.admin.ensure_root_key("rootkey", "rootsecret"))
    assert made["name"] == "root"
    assert made["admin"]
    before = harness.store.control_generation()
    run(harness.admin.ensure_root_key("rootkey", "rootsecret"))
    assert harness.store.control_generation() == before
    key = harness.user._replace(access_key_id="rootkey", secret="rootsecret")
    harness.bucket("ours", key=key)
    assert run(harness.admin.bucket_info("ours"))["owner"] == "root"


def test_a_changed_root_secret_or_id_replaces_the_old_one() -> None:
    harness = Harness()
    run(harness.admin.ensure_root_key("rootkey", "rootsecret"))
    run(harness.admin.ensure_root_key("rootkey", "changed-secret"))
    old = harness.user._replace(access_key_id="rootkey", secret="rootsecret")
    new = old._replace(secret="changed-secret")
    assert harness.request("GET", "/", key=old).error == "SignatureDoesNotMatch"
    assert harness.request("GET", "/", key=new).status == 200
    run(harness.admin.ensure_root_key("rootkey2", "changed-secret"))
    assert harness.request("GET", "/", key=new).error == "InvalidAccessKeyId"
    assert [key["name"] for key in run(harness.admin.key_list())] == ["admin", "root", "user"]


def test_a_root_key_id_of_another_key_is_refused() -> None:
    harness = Harness()
    run(harness.admin.key_import("one", "taken-id", "12345678"))
    with pytest.raises(AdminError, match="belongs to the key named one"):
        run(harness.admin.ensure_root_key("taken-id", "12345678"))
    with pytest.raises(AdminError):
        run(harness.admin.ensure_root_key("x", "12345678"))


def test_deleting_the_root_key_leaves_the_root_account_an_admin() -> None:
    harness = Harness()
    run(harness.admin.ensure_root_key("rootkey", "rootsecret"))
    run(harness.admin.key_delete("root"))
    account = run(read_account(harness.store, "root"))
    assert run(read_user(harness.store, account.id)).admin


class Racing:
    """A store in which somebody else takes the name after the first look at the account."""

    def __init__(self, store: Any, happening: Any) -> None:
        self._store = store
        self._happening = happening
        self._scans = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def scan(self, kind: int, *arguments: Any) -> Any:
        rows = await self._store.scan(kind, *arguments)
        if kind == Kind.ACCESS_KEY:
            self._scans += 1
            if self._scans == 1:
                await self._happening()
        return rows


@pytest.mark.parametrize("attached", [False, True])
def test_of_two_that_race_for_a_name_one_gets_it(attached: bool) -> None:
    harness = Harness()
    if attached:
        harness.key("alice")
        run(harness.admin.key_delete("alice"))
    winners: list[dict[str, Any]] = []

    async def happening() -> None:
        winners.append(await harness.admin.key_create("alice"))

    admin = KeyAdmin(
        store=Racing(harness.store, happening),
        secrets=harness.seal,
        stamp=harness.stamps.stamp,
        random_bytes=harness.random.randbytes,
    )
    with pytest.raises(AdminError, match="there is a key named alice already"):
        run(admin.key_create("alice"))
    keys = [key for key in run(scan_all(harness.store, Kind.ACCESS_KEY)) if key.name == "alice"]
    assert [key.access_key_id for key in keys] == [winners[0]["access_key_id"]]


class Ending:
    """A store that is gone when a record of a kind is to be changed."""

    def __init__(self, store: Any, kind: int) -> None:
        self._store = store
        self._kind = kind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def change(self, register: Any, command: Any) -> Any:
        if register.kind == self._kind:
            raise ServiceUnavailable
        return await self._store.change(register, command)


def admin_over(harness: Harness, store: Any) -> KeyAdmin:
    return KeyAdmin(
        store=store,
        secrets=harness.seal,
        stamp=harness.stamps.stamp,
        random_bytes=harness.random.randbytes,
    )


@pytest.mark.parametrize("kind", [Kind.ACCOUNT, Kind.USER])
def test_a_key_that_a_crash_left_unfinished_is_not_there_and_takes_no_name(kind: int) -> None:
    harness = Harness()
    with pytest.raises(ServiceUnavailable):
        run(admin_over(harness, Ending(harness.store, kind)).key_create("alice"))
    assert "alice" not in [key["name"] for key in run(harness.admin.key_list())]
    alice = harness.key("alice")
    assert harness.request("GET", "/", key=alice).status == 200
    names = [key.name for key in run(scan_all(harness.store, Kind.ACCESS_KEY))]
    assert names.count("alice") == 1


def test_a_slow_creation_that_was_taken_for_an_unfinished_one_fails() -> None:
    harness = Harness()

    class Slow(Ending):
        async def change(self, register: Any, command: Any) -> Any:
            outcome = await self._store.change(register, command)
            if register.kind == Kind.ACCOUNT:
                await harness.admin.key_create("alice")
            return outcome

    with pytest.raises(AdminError, match="took the key named alice"):
        run(admin_over(harness, Slow(harness.store, 0)).key_create("alice"))
    assert [key["name"] for key in run(harness.admin.key_list())].count("alice") == 1


def test_a_name_that_is_fought_over_for_ever_ends_in_an_error() -> None:
    harness = Harness()

    class Restless(Racing):
        async def scan(self, kind: int, *arguments: Any) -> Any:
            rows = await self._store.scan(kind, *arguments)
            self._scans += kind == Kind.ACCESS_KEY
            # The first look of each attempt, not the second, which sees the key that it stored.
            if kind == Kind.ACCESS_KEY and self._scans % 2:
                made = await harness.admin.key_create("alice")
                await harness.admin.key_delete(made["access_key_id"])
            return rows

    admin = KeyAdmin(
        store=Restless(harness.store, None),
        secrets=harness.seal,
        stamp=harness.stamps.stamp,
        random_bytes=harness.random.randbytes,
    )
    with pytest.raises(AdminError, match="too many commands"):
        run(admin.key_create("alice"))


@pytest.mark.parametrize(
    ("flags", "names"),
    [(0, []), (1, ["read"]), (6, ["write", "owner"]), (7, ["read", "write", "owner"])],
)
def test_grants_have_names(flags: int, names: list[str]) -> None:
    assert grant_names(flags) == names
