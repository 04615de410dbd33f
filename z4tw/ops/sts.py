"""AssumeRole, GetSessionToken and GetCallerIdentity: temporary credentials.

A session is never stored: its token carries it. It lasts no longer than the key that asked for it
and the user that it acts as, and it may do no more than they.
https://docs.aws.amazon.com/STS/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from z4tw.errors import ExpiredToken, InvalidAccessKeyId, MalformedPolicy, S3Error
from z4tw.interfaces.http import Exchange, S3Response
from z4tw.interfaces.plugins import Decision, Effect, PolicyRequest
from z4tw.model.control import Account, Principal, User
from z4tw.model.registers import Kind
from z4tw.ops.condition_keys import principal_keys
from z4tw.ops.control import control_register, scan_all
from z4tw.ops.credentials import Credential, Credentials, acting_as, principal_of
from z4tw.ops.directory import ControlCache
from z4tw.policy import identity
from z4tw.policy.combine import combine
from z4tw.policy.evaluate import evaluate
from z4tw.policy.identity import identity_policy
from z4tw.policy.trust import ASSUME_ROLE, trust_policy
from z4tw.sigv4 import SigningKeys, parse_claim, verify
from z4tw.sts.calls import (
    FORM_BYTES,
    POLICY_CHARACTERS,
    Arn,
    AssumeRole,
    GetSessionToken,
    StsCall,
    action_name,
    parse_arn,
    parse_call,
    parse_form,
)
from z4tw.sts.documents import (
    IssuedCredentials,
    assumed_role,
    caller_identity,
    error_document,
    session_token,
)
from z4tw.sts.errors import StsError, access_denied, as_sts
from z4tw.sts.sessions import Session, SessionSeal

XML = ("Content-Type", "text/xml")
_SAME_ACCOUNT = Decision(Effect.ALLOW, "the role is of the same account")
_ITSELF = Decision(Effect.ALLOW, "users may make sessions of themselves")
_ROOT = Decision(Effect.ALLOW, "the root user may do everything in its account")


class StsService:
    """Everything between the head of a form posted to the root and its answer."""

    def __init__(
        self,
        *,
        store: Any,
        credentials: Credentials,
        sessions: SessionSeal,
        signing_keys: SigningKeys,
        region: str,
    ) -> None:
        self._store = store
        self._credentials = credentials
        self._sessions = sessions
        self._signing_keys = signing_keys
        self._region = region
        self._users: ControlCache[str] = ControlCache(store, self._load_user_id)

    async def respond(self, exchange: Exchange) -> S3Response:
        """Serve one request; its errors are documents of this service, not S3's. Raises
        ``ClientDisconnected``."""
        exchange.operation = "Sts"
        try:
            document = await self._perform(exchange)
        except S3Error as error:
            refused = as_sts(error)
        except StsError as error:
            refused = error
        else:
            return S3Response(200, [XML, ("Cache-Control", "no-store")], document)
        exchange.error_code = refused.code
        document = error_document(refused, exchange.head.request_id)
        return S3Response(refused.status, [XML], document)

    async def _perform(self, exchange: Exchange) -> bytes:
        head = exchange.head
        if "authorization" not in head.headers:
            raise StsError(
                "MissingAuthenticationToken", "Request is missing Authentication Token", 403
            )
        body = await _read_form(exchange)
        caller = await self._authenticate(exchange, body)
        fields = parse_form(body)
        exchange.operation = action_name(fields)
        return await self._answer(exchange, caller, parse_call(fields))

    async def _authenticate(self, exchange: Exchange, body: bytes) -> Credential:
        head = exchange.head
        claim = parse_claim(head, "sts", sha256(body).hexdigest())
        if claim is None:
            raise InvalidAccessKeyId()
        caller: Credential | None
        if claim.security_token:
            caller = await self._credentials.session(claim.security_token, claim.access_key_id)
        else:
            caller = await self._credentials.find(claim.access_key_id)
        if caller is None:
            raise InvalidAccessKeyId()
        verify(claim, head, caller.secret, self._region, self._signing_keys)
        if caller.expires_s and head.now >= caller.expires_s:
            raise ExpiredToken("The security token included in the request is expired")
        exchange.requester = caller.principal.requester
        exchange.access_key_id = caller.principal.access_key_id
        return caller

    async def _answer(self, exchange: Exchange, caller: Credential, call: StsCall) -> bytes:
        request_id = exchange.head.request_id
        principal = caller.principal
        if isinstance(call, AssumeRole):
            return await self._assume_role(exchange, caller, call)
        if isinstance(call, GetSessionToken):
            action = "sts:GetSessionToken"
            _refuse_sessions(caller, action, principal.session_arn)
            own = identity.judge(principal.policies, _request(exchange, principal, action, "*"))
            if own.effect is Effect.DENY:
                raise access_denied(principal.session_arn, action, principal.arn)
            issued, _ = self._issue(exchange, caller, principal, call.duration_s)
            return session_token(issued, request_id)
        return caller_identity(
            principal.session_arn, principal.unique_id, principal.account_number, request_id
        )

    async def _assume_role(self, exchange: Exchange, caller: Credential, call: AssumeRole) -> bytes:
        asking = caller.principal
        refused = access_denied(asking.session_arn, ASSUME_ROLE, call.role.text)
        _refuse_sessions(caller, ASSUME_ROLE, call.role.text)
        user_id = await self._users.find(call.role.text)
        user: User | None = None
        if user_id is not None:
            user = await self._store.read(control_register(Kind.USER, user_id))
        target = None if user is None else await principal_of(self._store, user.id, None)
        if user is None or target is None:
            raise refused
        request = _request(exchange, asking, ASSUME_ROLE, call.role.text, call.external_id)
        if may_assume(asking, target, user.trust, request).effect is not Effect.ALLOW:
            raise refused
        if call.policy:
            try:
                identity_policy(call.policy)
            except MalformedPolicy as error:
                raise StsError("MalformedPolicyDocument", error.message) from None
        if target.user_id == asking.user_id:
            target = asking  # with the limits of its key
        issued, acting = self._issue(
            exchange, caller, target, call.duration_s, call.session_name, call.policy
        )
        packed = -(-len(call.policy) * 100 // POLICY_CHARACTERS) if call.policy else None
        return assumed_role(
            issued, acting.session_arn, acting.unique_id, packed, exchange.head.request_id
        )

    def _issue(
        self,
        exchange: Exchange,
        caller: Credential,
        target: Principal,
        duration_s: int,
        name: str = "",
        policy: bytes = b"",
    ) -> tuple[IssuedCredentials, Principal]:
        now_s = int(exchange.head.now)
        session = Session(
            access_key_id=self._sessions.new_access_key_id(),
            key=caller.principal.access_key_id,
            key_created_ms=caller.created_ms,
            user=target.user_id,
            issued_s=now_s,
            expires_s=now_s + duration_s,
            name=name,
            policy=policy,
        )
        issued = IssuedCredentials(
            session.access_key_id,
            self._sessions.secret(session),
            self._sessions.seal(session),
            session.expires_s,
        )
        return issued, acting_as(target, session)

    async def _load_user_id(self, text: str) -> str | None:
        """The id of the user that an ARN names."""
        arn: Arn = parse_arn(text)
        accounts: list[Account] = await scan_all(self._store, Kind.ACCOUNT)
        for account in accounts:
            if account.number != arn.account_number:
                continue
            if arn.kind == "root":
                return account.id
            users: list[User] = await scan_all(self._store, Kind.USER)
            for user in users:
                named = (user.account, user.name) == (account.name, arn.name)
                if named and user.id != account.id and user.role == (arn.kind == "role"):
                    return user.id
        return None


def may_assume(
    asking: Principal, target: Principal, trust: bytes, request: PolicyRequest
) -> Decision:
    """Whether a principal may act as a user or role.

    Everybody may act as itself, and an account's root user as its users and roles. Else the role's
    trust policy has to allow it (without one: the account's own users) and the principal's own
    policies too, unless the trust policy names it; and whatever limits its key. Nobody else may
    act as a root user. ``request`` is about ``sts:AssumeRole`` upon the role's ARN.
    """
    own = identity.judge(asking.policies, request)
    if own.effect is Effect.DENY:
        return own
    if target.user_id == asking.user_id:
        return _ITSELF
    same_account = asking.account_id == target.account_id
    if not target.role and (target.root or not (asking.root and same_account)):
        return Decision(Effect.DENY, "only an account's root user acts as its users")
    trusted: Decision | None = None
    if trust:
        said = evaluate(trust_policy(trust), request, resource=request.resource)
        if said.effect is Effect.DENY:
            return said
        trusted = said if said.effect is Effect.ALLOW else None
    elif same_account:
        trusted = _SAME_ACCOUNT
    allowed = None
    if trusted is not None:
        granted = own if own.effect is Effect.ALLOW else None
        allowed = combine(asking, same_account, _ROOT if asking.root else granted, trusted)
    if allowed is None:
        return Decision(Effect.DENY, "nothing allows to assume it")
    for limit in asking.limits:
        said = identity.within(limit, request)
        if said.effect is Effect.DENY:
            return said
    return allowed


def _refuse_sessions(caller: Credential, action: str, resource: str) -> None:
    """Sessions make no sessions: nothing could outlive what it was made for."""
    if caller.expires_s:
        raise access_denied(caller.principal.session_arn, action, resource)


def _request(
    exchange: Exchange, principal: Principal, action: str, resource: str, external_id: str = ""
) -> PolicyRequest:
    head = exchange.head
    keys = principal_keys(principal) | {
        "aws:SourceIp": head.peer,
        "aws:SecureTransport": "true" if head.secure else "false",
        "aws:EpochTime": str(int(head.now)),
    }
    if external_id:
        keys["sts:ExternalId"] = external_id
    return PolicyRequest(principal, action, "", None, "", keys, None, resource)


async def _read_form(exchange: Exchange) -> bytes:
    """The body, which has to be whole before its signature can be checked."""
    declared = exchange.head.content_length
    if declared is not None and declared > FORM_BYTES:
        raise _too_long()
    pieces: list[bytes] = []
    size = 0
    while data := await exchange.body.read():
        size += len(data)
        if size > FORM_BYTES:
            raise _too_long()
        pieces.append(data)
    return b"".join(pieces)


def _too_long() -> StsError:
    return StsError("RequestEntityTooLarge", f"A form has at most {FORM_BYTES} bytes", 413)
