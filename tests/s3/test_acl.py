"""ACL headers and the AccessControlPolicy document."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.errors import InvalidArgument, InvalidRequest, MalformedACLError, S3Error
from z4tw.model.access import Acl, AclGrant
from z4tw.s3.acl import (
    GRANT_HEADERS,
    AskedGrant,
    access_control_policy,
    acl_from_headers,
    parse_acl,
)

CANNED = ("private", "public-read")
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
GROUP = "http://acs.amazonaws.com/groups/global/AllUsers"
ONE, TWO = "1" * 64, "2" * 64


def document(grants: str, owner: str = f"<Owner><ID>{ONE}</ID></Owner>") -> bytes:
    text = f"<AccessControlPolicy>{owner}<AccessControlList>{grants}</AccessControlList>"
    return f"{text}</AccessControlPolicy>".encode()


def grant(type: str, content: str, permission: str = "READ") -> str:
    return (
        f'<Grant><Grantee {XSI} xsi:type="{type}">{content}</Grantee>'
        f"<Permission>{permission}</Permission></Grant>"
    )


def test_without_headers_nothing_is_asked() -> None:
    assert acl_from_headers({"x-amz-date": "now"}, CANNED) is None


def test_a_canned_acl_is_one_of_those_there_are() -> None:
    asked = acl_from_headers({"x-amz-acl": "public-read"}, CANNED)
    assert asked is not None
    assert (asked.canned, asked.grants, asked.owner) == ("public-read", (), "")
    for bad in ("everybody", "", "Private"):
        with pytest.raises(InvalidArgument) as caught:
            acl_from_headers({"x-amz-acl": bad}, CANNED)
        assert caught.value.details == {"ArgumentName": "x-amz-acl", "ArgumentValue": bad}


@pytest.mark.parametrize(
    ("text", "grants"),
    [
        (f"id={ONE}", [("id", ONE)]),
        (f'id="{ONE}"', [("id", ONE)]),
        (f"ID='{ONE}'", [("id", ONE)]),
        (f'id="{ONE}", uri="{GROUP}"', [("id", ONE), ("uri", GROUP)]),
        (f"uri={GROUP},emailAddress=a@b", [("uri", GROUP), ("email", "a@b")]),
    ],
)
def test_grants_in_headers(text: str, grants: list[tuple[str, str]]) -> None:
    for header, permission in GRANT_HEADERS.items():
        asked = acl_from_headers({header: text}, CANNED)
        assert asked is not None
        assert [(one.kind, one.grantee) for one in asked.grants] == grants
        assert {one.permission for one in asked.grants} == {permission}


@pytest.mark.parametrize("text", ["", "id", "id=", 'id=""', "name=1", f"id={ONE},", "=", ",,,"])
def test_headers_that_cannot_be_read(text: str) -> None:
    with pytest.raises(InvalidArgument, match="Argument format not recognized"):
        acl_from_headers({"x-amz-grant-read": text}, CANNED)


def test_headers_that_say_too_much() -> None:
    with pytest.raises(InvalidRequest, match="both Canned ACLs and Header Grants"):
        acl_from_headers({"x-amz-acl": "private", "x-amz-grant-read": f"id={ONE}"}, CANNED)
    hundred = ",".join([f"id={ONE}"] * 100)
    assert acl_from_headers({"x-amz-grant-read": hundred}, CANNED) is not None
    with pytest.raises(InvalidRequest):
        acl_from_headers({"x-amz-grant-read": hundred, "x-amz-grant-write": f"id={ONE}"}, CANNED)
    with pytest.raises(S3Error):
        acl_from_headers({"x-amz-grant-read": "," * 8000}, CANNED)


def test_a_document_has_an_owner_and_grants() -> None:
    body = document(
        grant("CanonicalUser", f"<ID>{TWO}</ID><DisplayName>two</DisplayName>", "FULL_CONTROL")
        + grant("Group", f"<URI>{GROUP}</URI>")
        + grant("AmazonCustomerByEmail", "<EmailAddress>a@b</EmailAddress>", "WRITE_ACP"),
        f"<Owner><ID>{ONE}</ID><DisplayName>one</DisplayName></Owner>",
    )
    asked = parse_acl(body)
    assert (asked.canned, asked.owner) == ("", ONE)
    assert asked.grants == (
        AskedGrant("id", TWO, "FULL_CONTROL", "CanonicalUser/ID"),
        AskedGrant("uri", GROUP, "READ", "Group/URI"),
        AskedGrant("email", "a@b", "WRITE_ACP", "AmazonCustomerByEmail/EmailAddress"),
    )
    assert parse_acl(document("")).grants == ()


GOOD = grant("Group", f"<URI>{GROUP}</URI>")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<Other/>",
        b'<!DOCTYPE x [<!ENTITY e "1">]><AccessControlPolicy>&e;</AccessControlPolicy>',
        document(GOOD, ""),
        document(GOOD, "<Owner/>"),
        document(GOOD, "<Owner><ID/></Owner>"),
        document(GOOD, f"<Owner><ID>{ONE}</ID></Owner><Owner><ID>{ONE}</ID></Owner>"),
        f"<AccessControlPolicy><Owner><ID>{ONE}</ID></Owner></AccessControlPolicy>".encode(),
        document("<Other/>"),
        document("<Grant/>"),
        document(
            f"<Grant><Grantee><URI>{GROUP}</URI></Grantee><Permission>READ</Permission></Grant>"
        ),
        document(f'<Grant><Grantee {XSI} xsi:type="Group"><URI>{GROUP}</URI></Grantee></Grant>'),
        document(grant("Planet", "<ID>1</ID>")),
        document(grant("Group", f"<ID>{ONE}</ID>")),
        document(grant("CanonicalUser", f"<URI>{GROUP}</URI>")),
        document(grant("CanonicalUser", "")),
        document(grant("CanonicalUser", "<ID></ID>")),
        document(grant("Group", f"<URI>{GROUP}</URI>", "EVERYTHING")),
        document(grant("Group", f"<URI>{GROUP}</URI>", "")),
        document(GOOD * 101),
    ],
)
def test_documents_that_are_refused(body: bytes) -> None:
    with pytest.raises(MalformedACLError):
        parse_acl(body)


def test_the_document_is_written_as_aws_does() -> None:
    acl = Acl((AclGrant(ONE, "FULL_CONTROL"), AclGrant(GROUP, "READ")))
    text = access_control_policy(ONE, acl, {ONE: "o&ne"}).decode()
    user = f"<ID>{ONE}</ID><DisplayName>o&amp;ne</DisplayName>"
    assert f"<Owner>{user}</Owner>" in text
    assert f'<Grantee {XSI} xsi:type="CanonicalUser">{user}</Grantee>' in text
    assert f'<Grantee {XSI} xsi:type="Group"><URI>{GROUP}</URI></Grantee>' in text
    assert "<Permission>FULL_CONTROL</Permission>" in text


@given(
    st.lists(
        st.tuples(
            st.sampled_from([ONE, TWO, GROUP]), st.sampled_from(sorted(GRANT_HEADERS.values()))
        ),
        max_size=100,
    )
)
def test_what_is_written_is_read_again(pairs: list[tuple[str, str]]) -> None:
    acl = Acl(tuple([AclGrant(*pair) for pair in pairs]))
    asked = parse_acl(access_control_policy(ONE, acl, {TWO: "two"}))
    assert asked.owner == ONE
    assert [(one.grantee, one.permission) for one in asked.grants] == pairs
