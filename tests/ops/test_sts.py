"""The token service: who may ask for what, and that what it gives can do no more than it should."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import msgspec
import pytest

from tests.ops.harness import Answer, Harness, Key, run
from z4tw.interfaces import Effect, PolicyRequest
from z4tw.model.control import Principal
from z4tw.ops.sts import may_assume
from z4tw.sts.sessions import Session, SessionSeal

READ = json.dumps({"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}})
ALL = json.dumps({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
FORM = {"content-type": "application/x-www-form-urlencoded"}


def code(answer: Answer) -> str:
    """The error code of an answer, empty for a good one."""
    if answer.status == 200:
        return ""
    found = ET.fromstring(answer.body).find("{*}Error/{*}Code")
    assert found is not None
    assert found.text == answer.exchange.error_code
    return found.text or ""


def text(answer: Answer, name: str) -> str:
    found = ET.fromstring(answer.body).find(f".//{{*}}{name}")
    assert found is not None, answer.body
    return found.text or ""


def assume(harness: Harness, key: Key, arn: str, **form: str) -> Answer:
    return harness.sts(key, Action="AssumeRole", RoleArn=arn, RoleSessionName="job", **form)


def world() -> tuple[Harness, Key, str]:
    """A bucket of ``user`` with an object, a user bob of that account without policies, and the
    beginning of ARNs of the account."""
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key")
    bob = harness.user_key("bob", "user")
    return harness, bob, f"arn:aws:iam::{harness.user.account_number}:"


def test_who_one_is() -> None:
    harness, bob, prefix = world()
    answer = harness.sts(bob, Action="GetCallerIdentity")
    assert text(answer, "Arn") == f"{prefix}user/bob"
    assert text(answer, "UserId").startswith("Z4U")
    assert text(answer, "Account") == harness.user.account_number
    assert answer.exchange.operation == "GetCallerIdentity"
    assert answer.exchange.requester == f"{prefix}user/bob"
    root = harness.sts(harness.user, Action="GetCallerIdentity")
    assert root.exchange.requester == harness.user.account_id
    assert answer.headers["content-type"] == "text/xml"


def test_nothing_works_without_a_right_signature() -> None:
    harness, bob, _ = world()
    for action in ("GetCallerIdentity", "GetSessionToken", "AssumeRole", "Nonsense"):
        assert code(harness.sts(None, Action=action)) == "MissingAuthenticationToken"
        forged = bob._replace(secret="guessed")
        assert code(harness.sts(forged, Action=action)) == "SignatureDoesNotMatch"
    unknown = bob._replace(access_key_id="Z4NOBODY")
    assert code(harness.sts(unknown, Action="GetCallerIdentity")) == "InvalidClientTokenId"
    run(harness.admin.key_deactivate(bob.name))
    assert code(harness.sts(bob, Action="GetCallerIdentity")) == "InvalidClientTokenId"


def test_a_changed_form_is_not_what_was_signed() -> None:
    harness, bob, _ = world()
    head = harness.head_of(
        "POST",
        "/",
        {"content-type": "application/x-www-form-urlencoded"},
        b"Action=GetCallerIdentity&Version=2011-06-15",
        bob,
        service="sts",
    )
    body = b"Action=GetSessionToken&Version=2011-06-15&DurationSeconds=129600"
    assert code(harness.request("POST", "/", body=body, head=head)) == "SignatureDoesNotMatch"


def test_a_signature_for_another_service_or_region_is_not_one_for_this() -> None:
    harness, bob, _ = world()
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    answer = harness.request("POST", "/", FORM, body, bob)
    assert code(answer) == "IncompleteSignature"
    answer = harness.request("POST", "/", FORM, body, bob, service="sts", region="eu-west-1")
    assert code(answer) == "IncompleteSignature"
    assert harness.request("GET", "/bucket/key", key=harness.user, service="sts").status == 400
    presigned = harness.request("POST", "/", FORM, body, bob, presign=True)
    assert presigned.error or code(presigned)


def test_an_old_request_is_refused() -> None:
    harness, bob, _ = world()
    head = harness.head_of(
        "POST",
        "/",
        {"content-type": "application/x-www-form-urlencoded"},
        b"Action=GetSessionToken&Version=2011-06-15",
        bob,
        service="sts",
    )
    late = msgspec.structs.replace(head, now=head.now + 901)
    body = b"Action=GetSessionToken&Version=2011-06-15"
    assert code(harness.request("POST", "/", body=body, head=late)) == "RequestExpired"
    assert code(harness.request("POST", "/", body=body, head=head)) == ""


def test_what_is_asked_for_has_to_be_there() -> None:
    harness, bob, _ = world()
    assert code(harness.sts(bob, Action="DecodeAuthorizationMessage")) == "InvalidAction"
    assert code(harness.sts(bob, body="Version=2011-06-15")) == "MissingAction"
    assert code(harness.sts(bob, body="a=%")) == "MalformedQueryString"


def test_a_long_form_is_not_read() -> None:
    harness, bob, _ = world()
    answer = harness.sts(bob, body="a" * 32_769)
    assert (answer.status, code(answer)) == (413, "RequestEntityTooLarge")
    assert not answer.exchange.body.touched
    pieces = [b"a" * 20_000] * 2
    answer = harness.request(
        "POST", "/", FORM, b"".join(pieces), bob, service="sts", chunked=True, pieces=pieces
    )
    assert (answer.status, code(answer)) == (413, "RequestEntityTooLarge")


def test_a_session_does_what_its_user_may() -> None:
    harness, bob, _ = world()
    run(harness.admin.user_policy_put("bob", READ))
    session = harness.issued(harness.sts(bob, Action="GetSessionToken"), bob)
    assert harness.request("GET", "/bucket/key", key=session).body == b"data"
    assert harness.request("GET", "/bucket/key", key=session, presign=True).body == b"data"
    assert harness.request("PUT", "/bucket/key", body=b"x", key=session).error == "AccessDenied"
    run(harness.admin.user_policy_delete("bob"))
    assert harness.request("GET", "/bucket/key", key=session).error == "AccessDenied"


def test_a_session_ends_in_time() -> None:
    harness, _, _ = world()
    answer = harness.sts(harness.user, Action="GetSessionToken", DurationSeconds="900")
    session = harness.issued(answer, harness.user)
    harness.clock.advance(890)
    assert harness.request("GET", "/bucket/key", key=session).status == 200
    harness.clock.advance(10)
    for presign in (False, True):
        late = harness.request("GET", "/bucket/key", key=session, presign=presign)
        assert (late.status, late.error) == (400, "ExpiredToken")
    assert code(harness.sts(session, Action="GetCallerIdentity")) == "ExpiredToken"


def test_a_presigned_url_ends_with_its_session() -> None:
    harness, _, _ = world()
    answer = harness.sts(harness.user, Action="GetSessionToken", DurationSeconds="900")
    session = harness.issued(answer, harness.user)
    harness.clock.advance(800)
    head = harness.head_of("GET", "/bucket/key", {}, b"", session, presign=True)
    assert harness.request("GET", "", head=head).status == 200
    late = msgspec.structs.replace(head, now=head.now + 200)
    assert harness.request("GET", "", head=late).error == "ExpiredToken"


def test_tokens_are_part_of_what_is_signed() -> None:
    harness, _, _ = world()
    one = harness.issued(harness.sts(harness.user, Action="GetSessionToken"), harness.user)
    other = harness.issued(harness.sts(harness.user, Action="GetSessionToken"), harness.user)
    mixed = one._replace(token=other.token)
    assert harness.request("GET", "/bucket/key", key=mixed).error == "InvalidToken"
    assert harness.request("GET", "/bucket/key", key=one._replace(token="")).error == (
        "InvalidAccessKeyId"
    )
    borrowed = harness.user._replace(token=one.token)
    assert harness.request("GET", "/bucket/key", key=borrowed).error == "InvalidToken"
    flipped = one.token[:-5] + ("A" if one.token[-5] != "A" else "B") + one.token[-4:]
    answer = harness.request("GET", "/bucket/key", key=one._replace(token=flipped))
    assert (answer.status, answer.error) == (400, "InvalidToken")
    head = harness.head_of("GET", "/bucket/key", {}, b"", harness.user)
    head.headers["x-amz-security-token"] = one.token
    assert harness.request("GET", "", head=head).error == "InvalidToken"


def test_an_unsigned_token_is_refused() -> None:
    harness, _, _ = world()
    session = harness.issued(harness.sts(harness.user, Action="GetSessionToken"), harness.user)
    head = harness.head_of("GET", "/bucket/key", {}, b"", session._replace(token=""))
    head.headers["x-amz-security-token"] = session.token
    assert harness.request("GET", "", head=head).error == "AccessDenied"


def test_a_token_of_another_store_is_refused() -> None:
    harness, _, _ = world()
    found = run(harness.service._credentials.find(harness.user.access_key_id))
    made = Session(
        "ZT4" + "A" * 17,
        harness.user.access_key_id,
        found.created_ms,
        harness.user.account_id,
        int(harness.clock.ms / 1000),
        int(harness.clock.ms / 1000) + 900,
    )
    for derive, refused in ((harness.seal.derive, False), (lambda purpose: bytes(32), True)):
        seal = SessionSeal(derive, harness.random.randbytes)
        session = harness.user._replace(
            access_key_id=made.access_key_id, secret=seal.secret(made), token=seal.seal(made)
        )
        answer = harness.request("GET", "/bucket/key", key=session)
        assert answer.error == ("InvalidToken" if refused else "")


@pytest.mark.parametrize("how", ["deactivate", "delete", "delete user"])
def test_a_session_ends_with_what_it_was_made_of(how: str) -> None:
    harness, bob, _ = world()
    run(harness.admin.user_policy_put("bob", ALL))
    session = harness.issued(harness.sts(bob, Action="GetSessionToken"), bob)
    assert harness.request("GET", "/bucket/key", key=session).status == 200
    if how == "deactivate":
        run(harness.admin.key_deactivate(bob.name))
    elif how == "delete":
        run(harness.admin.key_delete(bob.name))
    else:
        run(harness.admin.user_delete("bob"))
    assert harness.request("GET", "/bucket/key", key=session).error == "InvalidToken"
    assert code(harness.sts(session, Action="GetCallerIdentity")) == "InvalidClientTokenId"


def test_sessions_make_no_sessions() -> None:
    harness, _, prefix = world()
    session = harness.issued(harness.sts(harness.user, Action="GetSessionToken"), harness.user)
    assert code(harness.sts(session, Action="GetCallerIdentity")) == ""
    assert code(harness.sts(session, Action="GetSessionToken")) == "AccessDenied"
    assert code(assume(harness, session, f"{prefix}root")) == "AccessDenied"


def test_a_session_policy_takes_away_and_never_gives() -> None:
    harness, bob, prefix = world()
    root = harness.session(harness.user, policy=READ)
    assert harness.request("GET", "/bucket/key", key=root).status == 200
    assert harness.request("PUT", "/bucket/new", body=b"x", key=root).error == "AccessDenied"
    assert harness.request("GET", "/", key=root).error == "AccessDenied"
    session = harness.session(bob, policy=ALL, role=f"{prefix}user/bob")
    assert harness.request("GET", "/bucket/key", key=session).error == "AccessDenied"
    admin = harness.session(harness.admin_key, policy=READ)
    assert harness.request("GET", "/bucket/key", key=admin).status == 200
    assert harness.request("DELETE", "/bucket/key", key=admin).error == "AccessDenied"


def test_a_session_is_limited_as_its_key_is() -> None:
    harness, _, _ = world()
    key = harness.user_key(None, "user", "service")
    run(harness.admin.key_policy_put("service", READ))
    session = harness.issued(harness.sts(key, Action="GetSessionToken"), key)
    assert harness.request("GET", "/bucket/key", key=session).status == 200
    assert harness.request("PUT", "/bucket/key", body=b"x", key=session).error == "AccessDenied"
    itself = harness.session(key, policy=ALL)
    assert harness.request("PUT", "/bucket/key", body=b"x", key=itself).error == "AccessDenied"


def test_a_wrong_session_policy_is_refused() -> None:
    harness, _, prefix = world()
    for wrong in ("{", '{"Statement": []}', json.dumps({"Statement": {"Effect": "Allow"}})):
        answer = assume(harness, harness.user, f"{prefix}root", Policy=wrong)
        assert code(answer) == "MalformedPolicyDocument"


def test_a_limited_key_gets_no_further_by_a_role() -> None:
    harness, _, prefix = world()
    run(harness.admin.user_create("strong", "user", role=True))
    run(harness.admin.user_policy_put("strong", ALL))
    key = harness.user_key(None, "user", "service")
    run(harness.admin.key_policy_put("service", READ))
    assert code(assume(harness, key, f"{prefix}role/strong")) == "AccessDenied"
    run(harness.admin.user_create("carl", "user"))
    run(harness.admin.user_policy_put("carl", ALL))
    assert code(assume(harness, key, f"{prefix}user/carl")) == "AccessDenied"


def test_a_role_is_assumed_by_root_and_by_whom_a_policy_allows() -> None:
    harness, bob, prefix = world()
    arn = f"{prefix}role/reader"
    assert code(assume(harness, harness.user, arn)) == "AccessDenied"
    run(harness.admin.user_create("reader", "user", role=True))
    run(harness.admin.user_policy_put("reader", READ))
    session = harness.session(harness.user, role=arn)
    assert harness.request("GET", "/bucket/key", key=session).status == 200
    assert harness.request("PUT", "/bucket/key", body=b"x", key=session).error == "AccessDenied"
    answer = harness.sts(session, Action="GetCallerIdentity")
    account = harness.user.account_number
    assert text(answer, "Arn") == f"arn:aws:sts::{account}:assumed-role/reader/session"
    assert text(answer, "UserId").endswith(":session")
    read = harness.request("GET", "/bucket/key", key=session)
    assert read.exchange.requester == f"arn:aws:sts::{account}:assumed-role/reader/session"
    assert code(assume(harness, bob, arn)) == "AccessDenied"
    allow = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn}
    run(harness.admin.user_policy_put("bob", json.dumps({"Statement": allow})))
    assert code(assume(harness, bob, arn)) == ""
    deny = {**allow, "Effect": "Deny"}
    run(harness.admin.user_policy_put("bob", json.dumps({"Statement": deny}), "deny"))
    assert code(assume(harness, bob, arn)) == "AccessDenied"


def test_strangers_assume_a_role_only_if_it_trusts_them() -> None:
    harness, bob, prefix = world()
    stranger = harness.key("stranger")
    arn = f"{prefix}role/reader"
    run(harness.admin.user_create("reader", "user", role=True))
    run(harness.admin.user_policy_put("reader", READ))
    assert code(assume(harness, stranger, arn)) == "AccessDenied"

    def trust(principal: str, **condition: str) -> None:
        one = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principal}}
        if condition:
            one["Condition"] = {"StringEquals": condition}  # type: ignore[assignment]
        run(harness.admin.role_trust("reader", json.dumps({"Statement": one})))

    trust(stranger.account_number)
    assert code(assume(harness, stranger, arn)) == ""
    assert code(assume(harness, harness.user, arn)) == "AccessDenied"
    theirs = harness.user_key("theirs", "stranger")
    assert code(assume(harness, theirs, arn)) == "AccessDenied"
    run(harness.admin.user_policy_put("theirs", ALL))
    assert code(assume(harness, theirs, arn)) == ""
    trust(f"{prefix}user/bob", **{"sts:ExternalId": "x1"})
    assert code(assume(harness, theirs, arn)) == "AccessDenied"
    assert code(assume(harness, bob, arn)) == "AccessDenied"
    assert code(assume(harness, bob, arn, ExternalId="x1")) == ""


def test_nobody_becomes_a_root_user_or_another_user() -> None:
    harness, bob, prefix = world()
    run(harness.admin.user_policy_put("bob", ALL))
    run(harness.admin.user_create("carl", "user"))
    for name in ("root", "user/carl", "user/user", "role/bob", "user/nobody"):
        assert code(assume(harness, bob, prefix + name)) == "AccessDenied", name
    for name in ("user/carl", "root"):
        assert code(assume(harness, harness.user, prefix + name)) == "", name
    stranger = harness.key("stranger")
    for name in ("root", "user/bob"):
        assert code(assume(harness, stranger, prefix + name)) == "AccessDenied", name
        assert code(assume(harness, harness.admin_key, prefix + name)) == "AccessDenied", name


def test_a_denial_of_get_session_token_is_obeyed() -> None:
    harness, bob, _ = world()
    deny = {"Effect": "Deny", "Action": "sts:GetSessionToken", "Resource": "*"}
    run(harness.admin.user_policy_put("bob", json.dumps({"Statement": deny})))
    assert code(harness.sts(bob, Action="GetSessionToken")) == "AccessDenied"


def test_a_deleted_role_is_gone_for_its_sessions_too() -> None:
    harness, _, prefix = world()
    run(harness.admin.user_create("reader", "user", role=True))
    run(harness.admin.user_policy_put("reader", READ))
    session = harness.session(harness.user, role=f"{prefix}role/reader")
    assert harness.request("GET", "/bucket/key", key=session).status == 200
    run(harness.admin.user_delete("reader"))
    run(harness.admin.user_create("reader", "user", role=True))
    run(harness.admin.user_policy_put("reader", ALL))
    assert harness.request("GET", "/bucket/key", key=session).error == "InvalidToken"


def test_may_assume_says_why() -> None:
    one = Principal("a" * 64, "1" * 12, "a", "Z4U1", "bob", "Z4B")
    role = Principal("a" * 64, "1" * 12, "a", "Z4R1", "r", "Z4R1", role=True)
    request = PolicyRequest(one, "sts:AssumeRole", "", None, "", {}, None, role.arn)
    refused = may_assume(one, role, b"", request)
    assert refused.effect is Effect.DENY
    assert refused.reason
    assert may_assume(one, one, b"", request).effect is Effect.ALLOW
