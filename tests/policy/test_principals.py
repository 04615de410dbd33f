"""Whom a statement names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.policy.documents import (
    ADMIN,
    ALICE,
    BOB,
    EVERYBODY,
    NOBODY,
    OTHER_ID,
    OTHER_ROOT,
    ROOT,
)
from z4tw.errors import MalformedPolicy
from z4tw.model.control import Principal
from z4tw.policy.principals import parse_principals

OTHERS = {BOB, OTHER_ROOT}


def test_being_named_oneself_is_more_than_being_of_an_account() -> None:
    role = Principal("2" * 64, "2" * 12, "b", "Z4R1", "reader", "ZT4", role=True, session="job")
    for value, itself in (
        ("*", True),
        ({"AWS": "2" * 12}, False),
        ({"CanonicalUser": "2" * 64}, False),
        ({"AWS": role.arn}, True),
        ({"AWS": role.session_arn}, True),
    ):
        principals = parse_principals(value)
        assert principals.names(role)
        assert principals.names_user(role) == itself
    assert not parse_principals({"AWS": role.session_arn + "2"}).names(role)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("*", set(EVERYBODY)),
        ({"AWS": "*"}, set(EVERYBODY)),
        ({"AWS": ["*", "222222222222"]}, set(EVERYBODY)),
        ({"AWS": "222222222222"}, OTHERS),
        ({"AWS": "arn:aws:iam::222222222222:root"}, OTHERS),
        ({"AWS": ["arn:aws:iam::222222222222:user/bob"]}, {BOB}),
        ({"AWS": ["arn:aws:iam::111111111111:user/alice", "999999999999"]}, {ALICE, ADMIN}),
        ({"AWS": "arn:aws:iam::111111111111:user/bob"}, set()),
        ({"AWS": "arn:aws:iam::222222222222:user/Bob"}, set()),
        ({"CanonicalUser": OTHER_ID}, OTHERS),
        ({"AWS": "111111111111", "CanonicalUser": [OTHER_ID]}, {ROOT, ALICE, *OTHERS}),
        ({"Service": "logging.s3.amazonaws.com"}, set()),
        ({"Service": ["cloudtrail.amazonaws.com"], "AWS": "222222222222"}, OTHERS),
        ({"Federated": "cognito-identity.amazonaws.com"}, set()),
        ({"AWS": "arn:aws:iam::222222222222:role/reader"}, set()),
        ({"AWS": "arn:aws:sts::222222222222:assumed-role/reader/session"}, set()),
    ],
)
def test_who_is_named(value: Any, named: set[Principal]) -> None:
    principals = parse_principals(value)
    assert {one for one in EVERYBODY if principals.names(one)} == named


@pytest.mark.parametrize(
    "value",
    [
        "",
        "222222222222",
        None,
        [],
        ["*"],
        {},
        {"AWS": []},
        {"AWS": None},
        {"AWS": [1]},
        {"AWS": ""},
        {"AWS": "bob"},
        {"AWS": "22222222222"},
        {"AWS": "\u0662" * 12},
        {"AWS": OTHER_ID},
        {"AWS": "arn:aws:iam::222222222222:user/*"},
        {"AWS": "arn:aws:iam::*:root"},
        {"AWS": "arn:aws:iam::222222222222:root/x"},
        {"AWS": "arn:aws:iam::222222222222:group/all"},
        {"AWS": "arn:aws:s3:::photos"},
        {"AWS": "AIDAEXAMPLE"},
        {"CanonicalUser": "*"},
        {"CanonicalUser": OTHER_ID[1:]},
        {"Service": "*"},
        {"Everyone": "*"},
        {"aws": "*"},
    ],
)
def test_principals_that_cannot_be(value: Any) -> None:
    with pytest.raises(MalformedPolicy, match="Invalid principal in policy"):
        parse_principals(value)


def test_the_names_of_principals() -> None:
    assert ROOT.arn == "arn:aws:iam::111111111111:root"
    assert ALICE.arn == "arn:aws:iam::111111111111:user/alice"
    assert NOBODY.arn == ""
    assert ROOT.root
    assert not ALICE.root
    assert not NOBODY.root
