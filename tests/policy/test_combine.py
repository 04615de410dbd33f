"""Within an account either side is enough; across accounts both are needed."""

from __future__ import annotations

import itertools

import pytest

from z4tw.interfaces import Decision, Effect
from z4tw.model.control import ANONYMOUS, Principal
from z4tw.policy.combine import combine

ROOT = Principal("a" * 64, "1" * 12, "a", "a" * 64, "a", "Z4A")
USER = Principal("a" * 64, "1" * 12, "a", "Z4U1", "bob", "Z4B")
OWN = Decision(Effect.ALLOW, "own")
ACCOUNT = Decision(Effect.ALLOW, "to the account")
NAMED = Decision(Effect.ALLOW, "to the user", True)


@pytest.mark.parametrize(
    ("own", "identity", "resource", "allows"),
    [
        (True, None, None, None),
        (True, OWN, None, OWN),
        (True, None, NAMED, NAMED),
        (True, None, ACCOUNT, None),
        (True, OWN, ACCOUNT, OWN),
        (False, None, None, None),
        (False, OWN, None, None),
        (False, None, NAMED, None),
        (False, None, ACCOUNT, None),
        (False, OWN, NAMED, OWN),
        (False, OWN, ACCOUNT, OWN),
    ],
)
def test_a_user(
    own: bool, identity: Decision | None, resource: Decision | None, allows: Decision | None
) -> None:
    assert combine(USER, own, identity, resource) is allows


@pytest.mark.parametrize("principal", [ROOT, ANONYMOUS])
def test_root_users_and_nobody_need_the_resources_word_alone(principal: Principal) -> None:
    for own, resource in itertools.product((True, False), (ACCOUNT, NAMED)):
        assert combine(principal, own, None, resource) is resource
        assert combine(principal, own, None, None) is None
