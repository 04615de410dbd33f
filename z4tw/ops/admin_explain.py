"""``z4 explain``: why something is allowed or denied, and why a signature does not match."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from z4tw.errors import InvalidAccessKeyId, InvalidToken, S3Error
from z4tw.interfaces.http import RequestHead
from z4tw.interfaces.plugins import Decision, Effect, IPolicyEvaluator, PolicyRequest
from z4tw.model.control import ANONYMOUS, AccessKey, Bucket, BucketState, Principal
from z4tw.model.objects import Head, Version
from z4tw.model.registers import Kind, Register
from z4tw.model.stamps import stamp_ms
from z4tw.ops.accounts import AdminError, RandomBytes, find_key, find_user
from z4tw.ops.authorize import Access, Voice
from z4tw.ops.condition_keys import principal_keys
from z4tw.ops.control import Stamp, bucket_register, control_register
from z4tw.ops.credentials import principal_of
from z4tw.ops.directory import Directory
from z4tw.policy.actions import BUCKET_ACTIONS, OBJECT_ACTIONS, SERVICE_ACTIONS
from z4tw.policy.evaluate import resource_of
from z4tw.s3.names import is_version_id
from z4tw.sigv4 import Claim, SigningKeys, parse_claim, verify
from z4tw.sigv4.dates import iso_date
from z4tw.sts.sessions import SessionSeal

_ACTIONS = {
    action.lower(): action for action in (*BUCKET_ACTIONS, *OBJECT_ACTIONS, *SERVICE_ACTIONS)
}


class ExplainAdmin:
    """Judges what a request would be told, without one.

    ``evaluators`` makes the node's policy evaluators; it is called when they are needed. Answers
    are plain dicts for ``--json``; what cannot be done raises ``AdminError``.
    """

    def __init__(
        self,
        *,
        store: Any,
        secrets: Any,
        region: str,
        stamp: Stamp,
        random_bytes: RandomBytes,
        evaluators: Callable[[], Iterable[IPolicyEvaluator]],
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._sessions = SessionSeal(secrets.derive, random_bytes)
        self._region = region
        self._stamp = stamp
        self._evaluators = evaluators

    async def explain(
        self,
        action: str,
        key: str | None = None,
        user: str | None = None,
        bucket: str = "",
        object: str = "",
        version_id: str = "",
        conditions: Mapping[str, str | list[str]] | None = None,
    ) -> dict[str, Any]:
        """Whether an action is allowed, what decides, and what each evaluator says. Without
        ``key`` and ``user`` the request is anonymous; ``conditions`` are condition keys that a
        request would bring."""
        known = _ACTIONS.get(action.lower())
        if known is None:
            raise AdminError(f"S3 has no action {action}; one is s3:GetObject")
        principal, inactive = await self._principal(key, user)
        creates = known == "s3:CreateBucket"
        record = await self._bucket(bucket) if bucket and not creates else None
        now_s = stamp_ms(self._stamp()) // 1000
        context: dict[str, str | tuple[str, ...]] = {
            "aws:CurrentTime": iso_date(now_s),
            "aws:EpochTime": str(now_s),
            "aws:RequestedRegion": self._region,
        }
        if version_id:
            context["s3:VersionId"] = version_id
        if record is not None:
            number = await Directory(self._store).owner_number(record.owner)
            context["aws:ResourceAccount"] = context["s3:ResourceAccount"] = number
        context |= principal_keys(principal)
        for name, value in (conditions or {}).items():
            context[name] = tuple(value) if isinstance(value, list) else value
        request = PolicyRequest(
            principal=principal,
            action=known,
            bucket_name=bucket,
            bucket=record,
            key=object,
            context=context,
            version=await self._version(record, object, version_id),
        )
        voices: list[Voice] = []
        decision = Access(self._evaluators()).weigh(request, voices)
        if inactive:
            decision = Decision(Effect.DENY, f"the key {key} is not active")
        return {
            "allowed": decision.effect is Effect.ALLOW,
            "reason": decision.reason,
            "principal": principal.arn or "anonymous",
            "action": known,
            "resource": resource_of(request),
            "said": [
                {"by": voice.name, "effect": voice.said.effect.value, "reason": voice.said.reason}
                for voice in voices
            ],
            "conditions": {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in context.items()
            },
        }

    async def explain_signature(
        self, method: str, target: str, headers: dict[str, str]
    ) -> dict[str, Any]:
        """What this server signs of a request, and whether its signature holds, as if it had come
        when it was signed. The right signature is not said: it is as good as a permission."""
        raw = target.encode("latin-1", "replace")
        head = RequestHead(method, raw, headers, 0, False, "", False, 0.0, "")
        try:
            claim = parse_claim(head)
            if claim is None:
                return _told("", "The request is not signed.")
            secret = await self._secret(claim)
            signed_at = msgspec.structs.replace(head, now=float(claim.timestamp))
            verify(claim, signed_at, secret, self._region, SigningKeys(1))
        except S3Error as error:
            return _told(error.code, error.message) | {
                "canonical_request": error.details.get("CanonicalRequest", ""),
                "string_to_sign": error.details.get("StringToSign", ""),
            }
        return {"matches": True, "error": "", "message": "The signature is right."}

    async def _secret(self, claim: Claim) -> str:
        """The secret that a request should have been signed with. Raises ``InvalidToken``,
        ``InvalidAccessKeyId``."""
        if claim.security_token:
            session = self._sessions.open(claim.security_token)
            if session.access_key_id != claim.access_key_id:
                raise InvalidToken()
            return self._sessions.secret(session)
        register = control_register(Kind.ACCESS_KEY, claim.access_key_id)
        key: AccessKey | None = await self._store.read(register)
        if key is None:
            raise InvalidAccessKeyId(AWSAccessKeyId=claim.access_key_id)
        secret: str = self._secrets.unseal(claim.access_key_id, key.sealed_secret)
        return secret

    async def _principal(self, key: str | None, user: str | None) -> tuple[Principal, bool]:
        """Who asks, and whether it is by a key that is not active."""
        if key is not None:
            record = await find_key(self._store, key)
            principal = await principal_of(self._store, record.user, record)
            inactive = not record.active
        elif user is not None:
            found = await find_user(self._store, user)
            principal = await principal_of(self._store, found.id, None)
            inactive = False
        else:
            return ANONYMOUS, False
        if principal is None:
            raise AdminError(f"{key or user} has no account any more")
        return principal, inactive

    async def _bucket(self, name: str) -> Bucket:
        bucket: Bucket | None = await self._store.read(bucket_register(name))
        if bucket is None or bucket.state != BucketState.ACTIVE:
            raise AdminError(f"there is no bucket named {name}")
        return bucket

    async def _version(self, bucket: Bucket | None, key: str, version_id: str) -> Version | None:
        if bucket is None or not key:
            return None
        register = Register(Kind.OBJECT, bucket.incarnation, key.encode("utf-8"))
        if version_id:
            if not is_version_id(version_id):
                raise AdminError(f"{version_id} is no version id")
            version: Version | None = await self._store.find_version(register, version_id)
            return version
        head: Head | None = await self._store.read(register)
        return None if head is None else head.versions[0]


def _told(code: str, message: str) -> dict[str, Any]:
    return {"matches": False, "error": code, "message": message}
