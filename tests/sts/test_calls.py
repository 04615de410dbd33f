"""Forms of the token service: what is accepted, and that everything else is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.interfaces import RequestHead
from z4tw.sts.calls import (
    Arn,
    AssumeRole,
    GetCallerIdentity,
    GetSessionToken,
    is_sts,
    parse_arn,
    parse_call,
    parse_form,
)
from z4tw.sts.errors import StsError

ROLE = "arn:aws:iam::123456789012:role/reader"
ASSUME = {
    "Action": "AssumeRole",
    "Version": "2011-06-15",
    "RoleArn": ROLE,
    "RoleSessionName": "job",
}


def head(method: str = "POST", target: bytes = b"/", kind: str | None = None) -> RequestHead:
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    if kind is not None:
        headers = {"content-type": kind}
    return RequestHead(method, target, headers, 0, False, "", False, 0.0, "")


def refused(fields: dict[str, str]) -> str:
    with pytest.raises(StsError) as caught:
        parse_call(fields)
    return caught.value.code


def test_a_form_posted_to_the_root_is_for_the_service() -> None:
    assert is_sts(head())
    assert not is_sts(head(method="PUT"))
    assert not is_sts(head(target=b"/bucket"))
    assert not is_sts(head(kind="multipart/form-data; boundary=x"))
    assert not is_sts(head(kind=""))


def test_forms_are_decoded() -> None:
    assert parse_form(b"") == {}
    assert parse_form(b"Action=A&Policy=%7B+%7D&&x") == {"Action": "A", "Policy": "{ }", "x": ""}


@pytest.mark.parametrize("body", [b"a=1&a=2", b"a=%zz", b"a=%ff", b"%", b"&".join([b"a"] * 65)])
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(StsError):
        parse_form(body)


@given(st.binary(max_size=200))
def test_any_body_gives_fields_or_the_error(body: bytes) -> None:
    code = ""
    try:
        parse_call(parse_form(body))
    except StsError as error:
        code = error.code
    assert code in ("MalformedQueryString", "MissingAction", "InvalidAction")


def test_the_three_actions() -> None:
    call = parse_call({**ASSUME, "DurationSeconds": "900", "Policy": "{}", "ExternalId": "ab"})
    arn = Arn(ROLE, "123456789012", "role", "reader")
    assert call == AssumeRole(arn, "job", b"{}", 900, "ab")
    assert parse_call(ASSUME) == AssumeRole(arn, "job", b"", 3600, "")
    named = {"Version": "2011-06-15"}
    assert parse_call({**named, "Action": "GetSessionToken"}) == GetSessionToken(43_200)
    assert parse_call({**named, "Action": "GetCallerIdentity"}) == GetCallerIdentity()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Action": ""}, "MissingAction"),
        ({"Action": "AssumeRoleWithSAML"}, "InvalidAction"),
        ({"Version": "2010-05-08"}, "InvalidAction"),
        ({"Version": ""}, "InvalidAction"),
        ({"SerialNumber": "x"}, "ValidationError"),
        ({"PolicyArns.member.1.arn": "x"}, "ValidationError"),
        ({"Tags.member.1.Key": "x"}, "ValidationError"),
        ({"SourceIdentity": "x"}, "ValidationError"),
        ({"RoleSessionName": "x"}, "ValidationError"),
        ({"RoleSessionName": "a b"}, "ValidationError"),
        ({"RoleSessionName": "a\n"}, "ValidationError"),
        ({"RoleSessionName": "x" * 65}, "ValidationError"),
        ({"ExternalId": "x"}, "ValidationError"),
        ({"Policy": ""}, "ValidationError"),
        ({"Policy": "x" * 2049}, "PackedPolicyTooLarge"),
        ({"DurationSeconds": "899"}, "ValidationError"),
        ({"DurationSeconds": "43201"}, "ValidationError"),
        ({"DurationSeconds": "1e3"}, "ValidationError"),
        ({"DurationSeconds": "\u0661\u0661\u0661\u0661"}, "ValidationError"),
        ({"DurationSeconds": "9" * 40}, "ValidationError"),
    ],
)
def test_wrong_parameters_are_refused(changed: dict[str, str], code: str) -> None:
    assert refused({**ASSUME, **changed}) == code


def test_parameters_that_are_needed() -> None:
    for name in ("RoleArn", "RoleSessionName"):
        assert refused({key: value for key, value in ASSUME.items() if key != name}) == (
            "ValidationError"
        )


def test_a_session_token_lives_longer_than_an_assumed_role() -> None:
    fields = {"Version": "2011-06-15", "Action": "GetSessionToken", "DurationSeconds": "129600"}
    assert parse_call(fields) == GetSessionToken(129_600)
    assert refused({**fields, "DurationSeconds": "129601"}) == "ValidationError"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "arn:aws:iam::12345678901:role/x",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:role/a/b",
        "arn:aws:iam::123456789012:group/x",
        "arn:aws:iam::123456789012:role/x\n",
        "arn:aws:sts::123456789012:assumed-role/x/y",
    ],
)
def test_what_is_no_user_or_role_is_refused(text: str) -> None:
    with pytest.raises(StsError):
        parse_arn(text)
    assert parse_arn("arn:aws:iam::123456789012:root").kind == "root"
