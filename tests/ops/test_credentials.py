"""Access keys become principals, and a deleted key is gone at once."""

from __future__ import annotations

from tests.ops.harness import Harness, run
from z4tw.model.registers import Kind
from z4tw.ops.control import control_register, update
from z4tw.ops.credentials import Credentials


def test_a_key_leads_to_its_principal_and_secret() -> None:
    harness = Harness()
    key = harness.key("alice", may_create_buckets=False)
    credentials = Credentials(harness.store, harness.seal)
    assert credentials.peek(key.access_key_id) is None
    found = run(credentials.find(key.access_key_id))
    assert found.secret == key.secret
    principal = found.principal
    assert principal.account_id == key.account_id
    assert principal.account_number == key.account_number
    assert principal.display_name == principal.user_name == "alice"
    assert not principal.admin
    assert not principal.may_create_buckets
    assert credentials.peek(key.access_key_id) is found
    assert run(credentials.find(harness.admin_key.access_key_id)).principal.admin


def test_the_secret_is_in_no_representation() -> None:
    harness = Harness()
    key = harness.key("alice")
    found = run(Credentials(harness.store, harness.seal).find(key.access_key_id))
    assert key.secret not in repr(found)
    assert key.secret not in str(found)


def test_an_unknown_or_deleted_key_is_none() -> None:
    harness = Harness()
    key = harness.key("alice")
    credentials = Credentials(harness.store, harness.seal)
    assert run(credentials.find("Z4NOBODY")) is None
    assert run(credentials.find(key.access_key_id)) is not None
    run(harness.admin.key_delete("alice"))
    assert credentials.peek(key.access_key_id) is None
    assert run(credentials.find(key.access_key_id)) is None


def test_a_key_whose_user_or_account_is_missing_is_none() -> None:
    for kind in (Kind.USER, Kind.ACCOUNT):
        harness = Harness()
        key = harness.key("alice")
        name = key.account_id if kind == Kind.USER else "alice"
        run(update(harness.store, control_register(kind, name), lambda _: None))
        assert run(Credentials(harness.store, harness.seal).find(key.access_key_id)) is None
