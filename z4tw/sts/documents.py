"""The service's answers as XML: one function per document, all text escaped."""

from __future__ import annotations

import msgspec

from z4tw.s3.xml_text import element, readable
from z4tw.sigv4.dates import iso_date
from z4tw.sts.errors import StsError

_NAMESPACE = ' xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'


class IssuedCredentials(msgspec.Struct, frozen=True):
    """Temporary credentials as their holder gets them, once."""

    access_key_id: str
    secret: str
    token: str
    expires_s: int

    def __repr__(self) -> str:
        """Without what is secret, so that no log line can show it."""
        return f"IssuedCredentials({self.access_key_id!r}, {self.expires_s!r})"


def caller_identity(arn: str, user_id: str, account_number: str, request_id: str) -> bytes:
    """GetCallerIdentityResponse."""
    return _answer(
        "GetCallerIdentity",
        request_id,
        element("Arn", arn),
        element("UserId", user_id),
        element("Account", account_number),
    )


def session_token(issued: IssuedCredentials, request_id: str) -> bytes:
    """GetSessionTokenResponse."""
    return _answer("GetSessionToken", request_id, _credentials(issued))


def assumed_role(
    issued: IssuedCredentials, arn: str, role_id: str, packed_percent: int | None, request_id: str
) -> bytes:
    """AssumeRoleResponse; ``packed_percent`` None: without a session policy."""
    packed = "" if packed_percent is None else element("PackedPolicySize", str(packed_percent))
    user = element("AssumedRoleId", role_id) + element("Arn", arn)
    return _answer(
        "AssumeRole",
        request_id,
        _credentials(issued),
        f"<AssumedRoleUser>{user}</AssumedRoleUser>",
        packed,
    )


def error_document(error: StsError, request_id: str) -> bytes:
    """ErrorResponse."""
    kind = "Receiver" if error.status >= 500 else "Sender"
    pieces = (
        element("Type", kind) + element("Code", error.code)
        + element("Message", readable(error.message))
    )  # fmt: skip
    return (
        f"<ErrorResponse{_NAMESPACE}><Error>{pieces}</Error>"
        f"{element('RequestId', request_id)}</ErrorResponse>\n"
    ).encode()


def _credentials(issued: IssuedCredentials) -> str:
    pieces = (
        element("AccessKeyId", issued.access_key_id)
        + element("SecretAccessKey", issued.secret)
        + element("SessionToken", issued.token)
        + element("Expiration", iso_date(issued.expires_s))
    )
    return f"<Credentials>{pieces}</Credentials>"


def _answer(action: str, request_id: str, *pieces: str) -> bytes:
    return (
        f"<{action}Response{_NAMESPACE}><{action}Result>{''.join(pieces)}</{action}Result>"
        f"<ResponseMetadata>{element('RequestId', request_id)}</ResponseMetadata>"
        f"</{action}Response>\n"
    ).encode()
