"""Whom a statement of a bucket policy speaks of.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from z4tw.errors import MalformedPolicy
from z4tw.model.control import Principal

_ACCOUNT = re.compile(r"[0-9]{12}")
_CANONICAL = re.compile(r"[0-9a-f]{64}")
_ARN = re.compile(
    r"arn:aws[a-z-]*:(?:iam|sts)::([0-9]{12}):"
    r"(root|(?:user|role|assumed-role|federated-user)/[\w+=,.@/: -]{1,512})"
)
_SERVICE = re.compile(r"[a-z0-9][a-z0-9.-]{0,126}")
_FEDERATED = re.compile(r"[\w+=,.@/:-]{1,512}")


class Principals(NamedTuple):
    """The principals that are named: everyone, accounts by number, accounts by canonical id,
    single identities by ARN, services of the node by name. ``others`` says that federated
    identities are named too, none of which ever makes a request here."""

    everyone: bool = False
    accounts: frozenset[str] = frozenset()
    canonical: frozenset[str] = frozenset()
    arns: frozenset[str] = frozenset()
    others: bool = False
    services: frozenset[str] = frozenset()

    def names(self, principal: Principal) -> bool:
        """Whether a principal is among them; an account stands for all its identities."""
        if self.everyone:
            return True
        if principal.anonymous:
            return False
        if principal.service:
            return principal.service in self.services
        return (
            principal.account_number in self.accounts
            or principal.arn in self.arns
            or principal.session_arn in self.arns
            or principal.account_id in self.canonical
        )

    def names_user(self, principal: Principal) -> bool:
        """Whether a principal is among them as itself, not only as one of its account's."""
        if self.everyone:
            return True
        return principal.arn in self.arns or principal.session_arn in self.arns


def parse_principals(value: Any) -> Principals:
    """The value of Principal or NotPrincipal. Raises ``MalformedPolicy``."""
    if value == "*":
        return Principals(everyone=True)
    if not isinstance(value, Mapping) or not value:
        raise _invalid()
    everyone = others = False
    accounts: set[str] = set()
    canonical: set[str] = set()
    arns: set[str] = set()
    services: set[str] = set()
    for kind, given in value.items():
        for text in _texts(given):
            if kind == "AWS" and text == "*":
                everyone = True
            elif kind == "AWS" and _ACCOUNT.fullmatch(text):
                accounts.add(text)
            elif kind == "AWS" and (found := _ARN.fullmatch(text)):
                if found[2] == "root":
                    accounts.add(found[1])
                else:
                    arns.add(text)
            elif kind == "CanonicalUser" and _CANONICAL.fullmatch(text):
                canonical.add(text)
            elif kind == "Service" and _SERVICE.fullmatch(text):
                services.add(text)
            elif kind == "Federated" and _FEDERATED.fullmatch(text):
                others = True
            else:
                raise _invalid()
    return Principals(
        everyone,
        frozenset(accounts),
        frozenset(canonical),
        frozenset(arns),
        others,
        frozenset(services),
    )


def _texts(given: Any) -> list[str]:
    texts = given if isinstance(given, list) else [given]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise _invalid()
    return texts


def _invalid() -> MalformedPolicy:
    return MalformedPolicy("Invalid principal in policy")
