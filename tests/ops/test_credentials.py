"""Credentials: from a key id or a session token to who acts, exact when anything changes."""

from __future__ import annotations

import pytest

from tests.ops.harness import Harness, run
from z4tw.errors import InvalidToken
from z4tw.model.control import Principal
from z4tw.model.registers import Kind
from z4tw.ops.control import control_register, update
from z4tw.ops.credentials import Credential, Credentials, acting_as, principal_of
from z4tw.sts.sessions import Session, SessionSeal

POLICY = b'{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}'


def sessions_of(harness: Harness) -> SessionSeal:
    return SessionSeal(harness.seal.derive, harness.random.randbytes)


def credentials_of(harness: Harness) -> Credentials:
    return Credentials(harness.store, harness.seal, sessions_of(harness))


def test_a_key_leads_to_its_principal_and_secret() -> None:
    harness = Harness()
    key = harness.key("alice", may_create_buckets=False)
    credentials = credentials_of(harness)
    assert credentials.peek(key.access_key_id) is None
    credential = run(credentials.find(key.access_key_id))
    assert credential.secret == key.secret
    principal: Principal = credential.principal
    assert principal.account_id == principal.user_id == key.account_id
    assert principal.account_number == key.account_number
    assert principal.display_name == "alice"
    assert principal.root
    assert not principal.may_create_buckets
    assert credentials.peek(key.access_key_id) is credential
    assert run(credentials.find("nobody")) is None


def test_a_deleted_or_deactivated_key_is_unknown_at_once() -> None:
    harness = Harness()
    key = harness.key("alice")
    credentials = credentials_of(harness)
    run(credentials.find(key.access_key_id))
    run(harness.admin.key_deactivate("alice"))
    assert credentials.peek(key.access_key_id) is None
    assert run(credentials.find(key.access_key_id)) is None
    run(harness.admin.key_activate("alice"))
    assert run(credentials.find(key.access_key_id)).secret == key.secret
    run(harness.admin.key_delete("alice"))
    assert run(credentials.find(key.access_key_id)) is None


@pytest.mark.parametrize("kind", [Kind.USER, Kind.ACCOUNT])
def test_a_key_without_its_user_or_account_is_unknown(kind: int) -> None:
    harness = Harness()
    key = harness.key("alice")
    name = key.account_id if kind == Kind.USER else "alice"
    run(update(harness.store, control_register(kind, name), lambda _: None))
    assert run(credentials_of(harness).find(key.access_key_id)) is None


def test_a_key_of_a_role_is_none() -> None:
    harness = Harness()
    harness.key("alice")
    role = run(harness.admin.user_create("reader", "alice", role=True))
    key = harness.user

    def become(present):  # type: ignore[no-untyped-def]
        import msgspec

        return msgspec.structs.replace(present, user=role["user_id"], stamp=harness.stamps.stamp())

    run(update(harness.store, control_register(Kind.ACCESS_KEY, key.access_key_id), become))
    assert run(credentials_of(harness).find(key.access_key_id)) is None


def test_a_credential_shows_no_secret() -> None:
    harness = Harness()
    credential = run(credentials_of(harness).find(harness.user.access_key_id))
    assert isinstance(credential, Credential)
    assert harness.user.secret not in repr(credential)


def test_policies_come_with_the_credential() -> None:
    harness = Harness()
    harness.key("alice")
    run(harness.admin.user_create("bob", "alice"))
    made = run(harness.admin.key_create("bobs", user="bob"))
    run(harness.admin.user_policy_put("bob", POLICY.decode(), "read"))
    run(harness.admin.key_policy_put("bobs", POLICY.decode(), "less"))
    principal = run(credentials_of(harness).find(made["access_key_id"])).principal
    assert principal.policies.documents == (("read", POLICY),)
    assert [limit.documents for limit in principal.limits] == [(("less", POLICY),)]
    assert principal.arn == f"arn:aws:iam::{principal.account_number}:user/bob"
    assert not principal.root


def session_for(harness: Harness, **changed: object) -> Session:
    key = run(credentials_of(harness).find(harness.user.access_key_id))
    values = {
        "access_key_id": "ZT4" + "A" * 17,
        "key": harness.user.access_key_id,
        "key_created_ms": key.created_ms,
        "user": harness.user.account_id,
        "issued_s": 1,
        "expires_s": 2,
        **changed,
    }
    return Session(**values)  # type: ignore[arg-type]


def test_a_session_acts_as_its_user_with_its_limits() -> None:
    harness = Harness()
    run(harness.admin.key_policy_put("user", POLICY.decode(), "less"))
    session = session_for(harness, policy=POLICY, name="shell")
    seal = sessions_of(harness)
    credentials = credentials_of(harness)
    credential = run(credentials.session(seal.seal(session), session.access_key_id))
    assert credential.secret == seal.secret(session)
    assert credential.expires_s == 2
    principal = credential.principal
    assert principal.root
    assert principal.unique_id == f"{harness.user.account_id}:shell"
    assert [limit.source for limit in principal.limits] == ["key user", "session"]


def test_a_session_is_good_for_its_own_key_id_only() -> None:
    harness = Harness()
    session = session_for(harness)
    token = sessions_of(harness).seal(session)
    with pytest.raises(InvalidToken):
        run(credentials_of(harness).session(token, harness.user.access_key_id))


def test_a_session_ends_with_its_key_and_its_user() -> None:
    harness = Harness()
    run(harness.admin.user_create("bob", "user"))
    bob = run(harness.admin.user_info("bob"))["user_id"]
    session = session_for(harness, user=bob)
    token = sessions_of(harness).seal(session)
    credentials = credentials_of(harness)

    def good() -> bool:
        try:
            run(credentials.session(token, session.access_key_id))
        except InvalidToken:
            return False
        return True

    assert good()
    run(harness.admin.key_deactivate("user"))
    assert not good()
    run(harness.admin.key_activate("user"))
    assert good()
    run(harness.admin.user_delete("bob"))
    assert not good()


def test_a_session_of_an_older_key_of_the_same_id_is_not_good() -> None:
    harness = Harness()
    session = session_for(harness, key_created_ms=1)
    token = sessions_of(harness).seal(session)
    with pytest.raises(InvalidToken):
        run(credentials_of(harness).session(token, session.access_key_id))


def test_nobody_is_a_principal_without_a_user() -> None:
    harness = Harness()
    assert run(principal_of(harness.store, "nobody", None)) is None
    principal = run(principal_of(harness.store, harness.user.account_id, None))
    assert acting_as(principal, session_for(harness)).access_key_id.startswith("ZT4")
