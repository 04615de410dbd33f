"""ACLs on the wire: the headers that state one, and the AccessControlPolicy document.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAcl.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from z4tw.errors import InvalidArgument, InvalidRequest, MalformedACLError, MalformedXML
from z4tw.model.access import Acl
from z4tw.s3.xml_fields import children_of, text_of
from z4tw.s3.xml_in import Node, parse_document
from z4tw.s3.xml_text import document, element, optional

CANNED_HEADER = "x-amz-acl"
GRANT_HEADERS = {
    "x-amz-grant-full-control": "FULL_CONTROL",
    "x-amz-grant-read": "READ",
    "x-amz-grant-read-acp": "READ_ACP",
    "x-amz-grant-write": "WRITE",
    "x-amz-grant-write-acp": "WRITE_ACP",
}
MAX_GRANTS = 100
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html"""

_PERMISSIONS = frozenset(GRANT_HEADERS.values())
_KINDS = {"id": "id", "uri": "uri", "emailaddress": "email"}
_ELEMENTS = {"CanonicalUser": "ID", "Group": "URI", "AmazonCustomerByEmail": "EmailAddress"}
_ELEMENT_KINDS = {"ID": "id", "URI": "uri", "EmailAddress": "email"}
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_XSI_TYPE = f"{{{_XSI}}}type"
_HEADER_GRANTEES = 512
"""What one header is split into at most; all together may be ``MAX_GRANTS``."""


class AskedGrant(NamedTuple):
    """One grant as a request states it: ``kind`` is id, uri or email, ``grantee`` unchecked;
    ``argument`` and its ``permission`` are what an error names."""

    kind: str
    grantee: str
    permission: str
    argument: str


class AskedAcl(NamedTuple):
    """An ACL as a request states it: canned (then without grants), or grants. ``owner`` is what
    the document says, empty for headers."""

    canned: str
    grants: tuple[AskedGrant, ...]
    owner: str = ""


def acl_from_headers(headers: Mapping[str, str], canned: Iterable[str]) -> AskedAcl | None:
    """What the ACL headers state, None without any; ``canned`` are the names that there are.

    Raises ``InvalidRequest`` for a canned ACL beside grants, ``InvalidArgument``.
    """
    name = headers.get(CANNED_HEADER)
    stated = [header for header in GRANT_HEADERS if header in headers]
    if name is not None:
        if stated:
            raise InvalidRequest("Specifying both Canned ACLs and Header Grants is not allowed")
        if name not in canned:
            raise InvalidArgument(ArgumentName=CANNED_HEADER, ArgumentValue=name[:256])
        return AskedAcl(name, ())
    if not stated:
        return None
    grants: list[AskedGrant] = []
    for header in stated:
        grants += _header_grants(header, headers[header])
    if len(grants) > MAX_GRANTS:
        raise InvalidRequest(f"An ACL may have at most {MAX_GRANTS} grants")
    return AskedAcl("", tuple(grants))


def _header_grants(header: str, text: str) -> Iterable[AskedGrant]:
    pairs = text.split(",", _HEADER_GRANTEES)
    for pair in pairs:
        name, equals, value = pair.strip().partition("=")
        kind = _KINDS.get(name.strip().lower())
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        if kind is None or not equals or not value:
            raise InvalidArgument(
                "Argument format not recognized", ArgumentName=header, ArgumentValue=text[:256]
            )
        yield AskedGrant(kind, value, GRANT_HEADERS[header], name.strip())


def parse_acl(body: bytes) -> AskedAcl:
    """An AccessControlPolicy document: an owner, and up to 100 grants.

    Raises ``MalformedACLError``, ``MaxMessageLengthExceeded``.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_AccessControlPolicy.html
    """
    try:
        return _asked(parse_document(body, "AccessControlPolicy"))
    except MalformedXML:
        raise MalformedACLError() from None


def _asked(root: Node) -> AskedAcl:
    fields = children_of(root, {"Owner", "AccessControlList"})
    if len(fields) != 2:
        raise MalformedXML()
    owner = _text(children_of(fields["Owner"], {"ID", "DisplayName"}).get("ID"))
    grants = []
    for child in fields["AccessControlList"].children:
        if child.name != "Grant":
            raise MalformedXML()
        grants.append(_grant(child))
    if len(grants) > MAX_GRANTS or not owner:
        raise MalformedXML()
    return AskedAcl("", tuple(grants), owner)


def _grant(node: Node) -> AskedGrant:
    fields = children_of(node, {"Grantee", "Permission"})
    permission = _text(fields.get("Permission"))
    grantee = fields.get("Grantee")
    if grantee is None or permission not in _PERMISSIONS:
        raise MalformedXML()
    type = grantee.attributes.get(_XSI_TYPE, "")
    name = _ELEMENTS.get(type)
    if name is None:
        raise MalformedXML()
    value = _text(children_of(grantee, {name, "DisplayName"}).get(name))
    if not value:
        raise MalformedXML()
    return AskedGrant(_ELEMENT_KINDS[name], value, permission, f"{type}/{name}")


def _text(node: Node | None) -> str:
    if node is None:
        raise MalformedXML()
    return text_of(node).strip()


def access_control_policy(owner: str, acl: Acl, names: Mapping[str, str]) -> bytes:
    """The AccessControlPolicy document of an ACL; ``names`` are DisplayNames by account id.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAcl.html
    """
    grants = "".join(
        [
            f"<Grant>{_grantee(grant.grantee, names)}{element('Permission', grant.permission)}"
            "</Grant>"
            for grant in acl.grants
        ]
    )
    return document(
        "AccessControlPolicy",
        f"<Owner>{_user(owner, names)}</Owner>",
        f"<AccessControlList>{grants}</AccessControlList>",
    )


def _user(id: str, names: Mapping[str, str]) -> str:
    return element("ID", id) + optional("DisplayName", names.get(id, ""))


def _grantee(grantee: str, names: Mapping[str, str]) -> str:
    if "://" in grantee:
        type, content = "Group", element("URI", grantee)
    else:
        type, content = "CanonicalUser", _user(grantee, names)
    return f'<Grantee xmlns:xsi="{_XSI}" xsi:type="{type}">{content}</Grantee>'
