"""From the form of a request to what it asks for, bounded and checked."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

import msgspec

from z4tw.interfaces.http import RequestHead
from z4tw.sts.errors import StsError, validation

FORM_BYTES = 32 * 1024
"""The longest body that is read."""
VERSION = "2011-06-15"
SHORTEST_S = 900
ROLE_LONGEST_S = 43_200
TOKEN_LONGEST_S = 129_600
POLICY_CHARACTERS = 2048
"""The longest session policy.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""

_FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 64
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_SESSION_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{2,64}\Z")
_EXTERNAL_ID = re.compile(r"[A-Za-z0-9_+=,.@:/-]{2,1224}\Z")
_ARN = re.compile(r"arn:aws:iam::([0-9]{12}):(?:(role|user)/([A-Za-z0-9+=,.@_-]{1,64})|root)\Z")
_COMMON = frozenset({"Action", "Version"})


class Arn(msgspec.Struct, frozen=True):
    """The name of a user, a role or an account's root: ``kind`` is ``user``, ``role`` or ``root``;
    ``name`` is empty for root."""

    text: str
    account_number: str
    kind: str
    name: str


class AssumeRole(msgspec.Struct, frozen=True):
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"""

    role: Arn
    session_name: str
    policy: bytes
    duration_s: int
    external_id: str


class GetSessionToken(msgspec.Struct, frozen=True):
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html"""

    duration_s: int


class GetCallerIdentity(msgspec.Struct, frozen=True):
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""


StsCall = AssumeRole | GetSessionToken | GetCallerIdentity


def is_sts(head: RequestHead) -> bool:
    """Whether a request is for this service: a form posted to the root."""
    return (
        head.method == "POST"
        and head.target == b"/"
        and head.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM
    )


def parse_form(body: bytes) -> dict[str, str]:
    """The fields of a form. Raises ``StsError`` for what is none, and for a repeated field."""
    fields: dict[str, str] = {}
    items = body.split(b"&", _MAX_FIELDS)
    if len(items) > _MAX_FIELDS:
        raise StsError("MalformedQueryString", f"More than {_MAX_FIELDS} parameters")
    for item in items:
        if not item:
            continue
        name, _, value = (_decoded(part) for part in item.partition(b"="))
        if name in fields:
            raise StsError("MalformedQueryString", "A parameter is given twice")
        fields[name] = value
    return fields


def _decoded(raw: bytes) -> str:
    try:
        if _BAD_ESCAPE.search(raw):
            raise ValueError
        return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8")
    except ValueError:
        raise StsError("MalformedQueryString", "The body is no form in UTF-8") from None


def action_name(fields: dict[str, str]) -> str:
    """The action of a form, if it is one that is there. Raises ``StsError``."""
    action, version = fields.get("Action", ""), fields.get("Version", "")
    if not action:
        raise StsError("MissingAction", "The request must contain the parameter Action.")
    if version != VERSION or action not in _ACTIONS:
        raise StsError(
            "InvalidAction",
            f"Could not find operation {action[:128]} for version {version[:32] or 'NO_VERSION'}",
        )
    return action


def parse_call(fields: dict[str, str]) -> StsCall:
    """What a form asks for. Raises ``StsError``; a parameter that would change the answer and is
    not there (MFA, managed policies, session tags) is refused, not ignored."""
    known, parse = _ACTIONS[action_name(fields)]
    for name in fields:
        if name not in known and name not in _COMMON:
            raise validation(f"The parameter {name[:128]} is not supported")
    return parse(fields)


def _assume_role(fields: dict[str, str]) -> AssumeRole:
    session_name = _required(fields, "RoleSessionName")
    if not _SESSION_NAME.match(session_name):
        raise _invalid("roleSessionName", "must be 2 to 64 letters, digits or any of _+=,.@-")
    external_id = fields.get("ExternalId", "")
    if external_id and not _EXTERNAL_ID.match(external_id):
        raise _invalid("externalId", "must be 2 to 1224 letters, digits or any of _+=,.@:/-")
    policy = fields.get("Policy", "")
    if len(policy) > POLICY_CHARACTERS:
        raise StsError(
            "PackedPolicyTooLarge",
            f"A session policy has at most {POLICY_CHARACTERS} characters",
        )
    if "Policy" in fields and not policy:
        raise _invalid("policy", "must not be empty")
    return AssumeRole(
        role=parse_arn(_required(fields, "RoleArn")),
        session_name=session_name,
        policy=policy.encode("utf-8"),
        duration_s=_duration(fields, 3600, ROLE_LONGEST_S),
        external_id=external_id,
    )


def _get_session_token(fields: dict[str, str]) -> GetSessionToken:
    return GetSessionToken(_duration(fields, ROLE_LONGEST_S, TOKEN_LONGEST_S))


def _get_caller_identity(fields: dict[str, str]) -> GetCallerIdentity:
    return GetCallerIdentity()


_ACTIONS: dict[str, tuple[frozenset[str], Callable[[dict[str, str]], StsCall]]] = {
    "AssumeRole": (
        frozenset({"DurationSeconds", "ExternalId", "Policy", "RoleArn", "RoleSessionName"}),
        _assume_role,
    ),
    "GetSessionToken": (frozenset({"DurationSeconds"}), _get_session_token),
    "GetCallerIdentity": (frozenset(), _get_caller_identity),
}


def parse_arn(text: str) -> Arn:
    """The name of a user, role or account root. Raises ``StsError``."""
    found = _ARN.match(text)
    if found is None:
        raise _invalid("roleArn", "must be arn:aws:iam::ACCOUNT:role/NAME, :user/NAME or :root")
    number, kind, name = found.groups()
    return Arn(text, number, kind or "root", name or "")


def _required(fields: dict[str, str], name: str) -> str:
    if name not in fields:
        lower = name[0].lower() + name[1:]
        raise _invalid(lower, "must not be null")
    return fields[name]


def _duration(fields: dict[str, str], default_s: int, longest_s: int) -> int:
    text = fields.get("DurationSeconds")
    if text is None:
        return default_s
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise _invalid("durationSeconds", "must be a number of seconds")
    seconds = int(text)
    if seconds < SHORTEST_S:
        raise _invalid("durationSeconds", f"must have value greater than or equal to {SHORTEST_S}")
    if seconds > longest_s:
        raise _invalid("durationSeconds", f"must have value less than or equal to {longest_s}")
    return seconds


def _invalid(name: str, why: str) -> StsError:
    return validation(
        f"1 validation error detected: Value at '{name}' failed to satisfy constraint: Member {why}"
    )
